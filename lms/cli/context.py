"""What every command gets: the settings, the database, the time and who is at the keyboard."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

from lms.clock import read_clock
from lms.config import Settings, read_settings
from lms.store.base import Database
from lms.store.revisions import check_schema


class CommandContext:
    """Passed to commands by ``click.pass_obj``; opens nothing before it is used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Keep the environment; it is read at first use."""
        self._environment = environment

    @cached_property
    def settings(self) -> Settings:
        """The settings from the environment."""
        return read_settings(self._environment)

    @cached_property
    def database(self) -> Database:
        """The database that the settings name, at this version's schema.

        Raises:
            lms.store.revisions.SchemaBehindError: it needs ``akashi db migrate``.
        """
        check_schema(self.unchecked_database)
        return self.unchecked_database

    @cached_property
    def unchecked_database(self) -> Database:
        """The database as it is, for migrating it."""
        return Database(self.settings.database_url)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "unchecked_database" in vars(self):
            self.unchecked_database.close()

    @cached_property
    def operator(self) -> str:
        """Account name of the one at the keyboard, as audit events and records name them."""
        return os.environ.get("SUDO_USER") or getpass.getuser()

    def now(self) -> datetime:
        """Return the present time."""
        return read_clock()
