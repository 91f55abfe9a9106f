"""The practice organisation, as for the pages' own tests."""

from tests.web.conftest import seeded_sqlite

__all__ = ["seeded_sqlite"]
