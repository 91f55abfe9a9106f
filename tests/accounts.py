"""Emergency accounts for tests: made by the service, signed in through the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyotp
from werkzeug.test import TestResponse

from lms.config import KeyFolder
from lms.services.accounts import add_account
from lms.services.organisations import find_organisation_or_only
from lms.store.base import Database
from tests.practice_organisation.seed import KEY
from tests.web.visits import Browser, Visit, path_of

NAME = "rescue"
PASSWORD = "kind-lantern-orbit-47"
DOOR = "/admin/sign-in"


@dataclass
class Account:
    """An emergency account whose owner has its password and authenticator at hand."""

    keys: KeyFolder
    totp: pyotp.TOTP
    login_name: str = NAME
    password: str = PASSWORD

    def code(self, moment: datetime) -> str:
        """The code that the authenticator shows."""
        return self.totp.at(moment)

    def fields(self, moment: datetime, **changes: str) -> dict[str, str]:
        """What its owner types."""
        typed = {"login_name": self.login_name, "password": self.password, "code": self.code(moment)}
        return typed | changes

    def knock(self, browser: Browser, moment: datetime, **changes: str) -> TestResponse:
        """Send the form, with what a test changes in it."""
        return browser.post(DOOR, data=self.fields(moment, **changes))

    def sign_in(self, browser: Browser, moment: datetime) -> Visit:
        """Sign in; return the visit."""
        response = self.knock(browser, moment)
        landing = path_of(response)
        return Visit(browser, landing.split("/")[2], landing, response)


def make_account(
    database: Database, keys: KeyFolder, now: datetime, login_name: str = NAME, organisation_key: str = KEY
) -> Account:
    """Make an account as the command does."""
    with database.transaction() as session:
        organisation = find_organisation_or_only(session, organisation_key)
        given = add_account(session, keys, organisation, login_name, PASSWORD, ("operator:test", now))
    totp = pyotp.parse_uri(given.totp_uri)
    assert isinstance(totp, pyotp.TOTP)
    return Account(keys, totp, login_name)
