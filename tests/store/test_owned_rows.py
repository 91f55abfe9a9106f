"""A session that keeps to one organisation: whatever it is asked, it finds and changes rows of no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import aliased

from lms.services.audit import note
from lms.services.organisations import add_organisation, find_organisation_or_only
from lms.store.audit import AuditEvent
from lms.store.base import ALL_OWNERS, Database, ForeignOwnerError, Owned, OwnedSession
from lms.store.organisations import Organisation
from lms.store.people import Person
from lms.store.platforms import Platform
from lms.store.schema import Base
from tests.conftest import NOW
from tests.practice_organisation.seed import KEY
from tests.web.conftest import *  # noqa: F403 - its fixtures
from tests.web.conftest import put_copy

OTHER = "yoso"
TABLES: list[Any] = sorted(
    (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Owned)),
    key=lambda model: str(model.__tablename__),
)
FILLED = 35
"""Tables that hold rows of the practice organisation at least."""


@pytest.fixture
def two(seeded_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """The practice organisation, and another one that has nothing."""
    put_copy(seeded_sqlite, tmp_path / "akashi.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'akashi.sqlite'}")
    with database.transaction() as session:
        add_organisation(session, OTHER, "よそ見本大学", "Elsewhere University", NOW)
    yield database
    database.close()


def keys_of(database: Database) -> tuple[int, int]:
    with database.reading() as session:
        return find_organisation_or_only(session, KEY).id, find_organisation_or_only(session, OTHER).id


def as_other(database: Database, session: OwnedSession) -> OwnedSession:
    session.keep_to(keys_of(database)[1])
    return session


def test_every_table_with_an_organisation_is_owned_and_no_other() -> None:
    with_column = {mapper.class_ for mapper in Base.registry.mappers if "organisation_id" in mapper.local_table.c}
    assert with_column == set(TABLES)


def test_no_select_finds_rows_of_another_organisation(two: Database) -> None:
    own, other = keys_of(two)
    filled = 0
    for model in TABLES:
        count = select(func.count()).select_from(model)
        with two.reading() as session:
            total = session.scalar(count.where(model.organisation_id == own))
            filled += bool(total)
            session.keep_to(own)
            assert session.scalar(count) == total, model
        with two.reading() as session:
            session.keep_to(other)
            twin = aliased(model)
            first = next(column.name for column in model.__table__.primary_key)
            assert session.scalars(select(model).where(model.organisation_id == own)).all() == [], model
            assert session.execute(select(getattr(model, first)).where(model.organisation_id == own)).all() == [], model
            assert session.execute(select(getattr(twin, first)).where(twin.organisation_id == own)).all() == [], model
            inner = select(getattr(twin, first)).where(twin.organisation_id == own)
            assert session.scalar(select(Organisation.id).where(inner.exists())) is None, model
            joined = select(Organisation.id).join(model, model.organisation_id == Organisation.id)
            assert session.execute(joined.where(Organisation.id == own)).all() == [], model
    assert filled >= FILLED, "the control: these tables have rows"


def test_no_key_finds_a_row_of_another_organisation(two: Database) -> None:
    with two.reading() as session:
        rows = [(model, session.scalars(select(model).limit(1)).first()) for model in TABLES]
        keys = [
            (model, tuple(getattr(row, column.name) for column in model.__table__.primary_key))
            for model, row in rows
            if row is not None and row.organisation_id == keys_of(two)[0]
        ]
    with two.reading() as session:
        session.keep_to(keys_of(two)[0])
        assert all(session.get(model, key) is not None for model, key in keys)
    with two.reading() as session:
        as_other(two, session)
        assert [model for model, key in keys if session.get(model, key) is not None] == []
    assert len(keys) >= FILLED


def test_updates_and_deletes_reach_no_row_of_another_organisation(two: Database) -> None:
    with two.transaction() as session:
        as_other(two, session)
        assert session.execute(update(Platform).values(name="stolen")).rowcount == 0  # type: ignore[attr-defined]  # an UPDATE or DELETE has one
        assert session.execute(delete(Platform)).rowcount == 0  # type: ignore[attr-defined]  # an UPDATE or DELETE has one


def test_rows_of_another_organisation_can_not_be_added_or_given_away(two: Database) -> None:
    own, other = keys_of(two)
    with pytest.raises(ForeignOwnerError), two.transaction() as session:
        as_other(two, session).add(Person(organisation_id=own, created_at=NOW))
    with pytest.raises(ForeignOwnerError), two.transaction() as session:
        as_other(two, session).execute(insert(Person), [{"organisation_id": own, "created_at": NOW}])
    with pytest.raises(ForeignOwnerError), two.transaction() as session:
        session.keep_to(own)
        session.scalars(select(Person)).first().organisation_id = other  # type: ignore[union-attr]  # there is one
    with two.transaction() as session:
        as_other(two, session).add(Person(organisation_id=other, created_at=NOW))


def test_a_statement_may_look_beyond_on_purpose_and_events_of_nobody_are_seen_by_nobody(two: Database) -> None:
    with two.transaction() as session:
        note(session, "launch.refused", "anonymous", NOW, None, code="state_unknown")
    with two.reading() as session:
        as_other(two, session)
        count = select(func.count()).select_from(Platform)
        assert session.scalar(count) == 0
        assert session.scalar(count.execution_options(**ALL_OWNERS)) == 1
        assert session.scalar(select(AuditEvent).where(AuditEvent.organisation_id.is_(None))) is None


def test_a_session_that_keeps_to_nobody_sees_all(two: Database) -> None:
    with two.reading() as session:
        assert session.scalar(select(func.count()).select_from(Person)) > 30  # type: ignore[operator]  # a count
