"""Alembic's entry: migrates the database that `lms.store.migrations` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from lms.store.base import UtcDateTime
from lms.store.schema import Base


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our time type as the plain one, so that old migrations need none of the tool's code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=render_item,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
