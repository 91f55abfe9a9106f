"""Emergency accounts: what is kept of them, and signing in with password and code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from lms.config import KeyFolder
from lms.services import accounts
from lms.services import sign_in as door
from lms.services.accounts import (
    HASHER,
    AccountExistsError,
    BadLoginNameError,
    SecretLostError,
    UnknownAccountError,
    WeakPasswordError,
    account_keys,
    add_account,
    disable_account,
    enable_account,
    find_account,
    reset_account,
    totp_of,
)
from lms.services.launches import purge
from lms.services.sign_in import (
    ADDRESS_FAILURES,
    ADDRESS_WINDOW,
    FREE_FAILURES,
    LONGEST_LOCK,
    OpenedAccount,
    SignIn,
    SignInLocked,
    SignInRefused,
    lock_of,
    sign_in,
)
from lms.store.accounts import LocalAccount, SignInAttempt
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.launches import LaunchSession
from lms.store.organisations import Organisation
from tests.accounts import NAME, PASSWORD, Account, make_account
from tests.factories import all_at_once, errors_in

STEP = timedelta(seconds=30)
BY = "operator:test"
ADDRESS = "192.0.2.7"

Enter = Callable[..., OpenedAccount]


@pytest.fixture(autouse=True)
def light_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with little memory: hundreds of tries in force would take minutes."""
    light = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "HASHER", light)
    monkeypatch.setattr(door, "HASHER", light)
    door._nobodys_hash.cache_clear()


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def account(database: Database, organisation: Organisation, keys: KeyFolder, now: datetime) -> Account:
    return make_account(database, keys, now, organisation_key=organisation.key)


@pytest.fixture
def enter(database: Database, account: Account, now: datetime) -> Enter:
    def go(moment: datetime = now, **changes: str) -> OpenedAccount:
        sent = SignIn(NAME, PASSWORD, account.code(moment), ADDRESS, "en", None)
        return sign_in(database, account.keys, replace(sent, **changes), moment)

    return go


def events(database: Database, kind: str) -> list[AuditEvent]:
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.kind == kind).order_by(AuditEvent.id)))


# What is kept


def test_neither_password_nor_secret_is_kept_in_the_clear(
    database: Database, organisation: Organisation, keys: KeyFolder, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "HASHER", HASHER)
    account = make_account(database, keys, now, organisation_key=organisation.key)
    with database.reading() as session:
        row = session.scalars(select(LocalAccount)).one()
        assert row.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert account.totp.secret.encode() not in row.totp_secret
        assert totp_of(account_keys(keys), row).secret == account.totp.secret
        with pytest.raises(SecretLostError):
            totp_of(account_keys(KeyFolder(keys.path.parent / "other keys")), row)
        row.login_name = "another"  # a secret moved to another account opens nothing there
        with pytest.raises(SecretLostError):
            totp_of(account_keys(keys), row)


def test_a_generated_password_is_long_and_another_each_time(
    database: Database, organisation: Organisation, keys: KeyFolder, now: datetime
) -> None:
    with database.transaction() as session:
        given = [add_account(session, keys, organisation, f"rescue{n}", None, (BY, now)) for n in range(2)]
    assert all(len(each.password) == 29 for each in given)
    assert given[0].password != given[1].password
    assert given[0].totp_uri != given[1].totp_uri


@pytest.mark.parametrize("name", ["", "ab", "Rescue", "a b c", "-abc", "abc-", "a--b", "x" * 33, "救急係", "abc\n"])
def test_a_name_that_cannot_be_typed_safely_is_refused(
    database: Database, organisation: Organisation, keys: KeyFolder, now: datetime, name: str
) -> None:
    with database.transaction() as session, pytest.raises(BadLoginNameError):
        add_account(session, keys, organisation, name, PASSWORD, (BY, now))


def test_a_taken_name_and_a_weak_password_are_refused(
    database: Database, organisation: Organisation, account: Account, now: datetime
) -> None:
    with database.transaction() as session:
        with pytest.raises(AccountExistsError):
            add_account(session, account.keys, organisation, NAME, PASSWORD, (BY, now))
        for password in ("x" * 14, "x" * 201):
            with pytest.raises(WeakPasswordError):
                add_account(session, account.keys, organisation, "another", password, (BY, now))
        with pytest.raises(UnknownAccountError):
            find_account(session, organisation.id + 1, NAME)


# Signing in


def test_password_and_code_open_a_short_session_and_leave_an_event(
    database: Database, enter: Enter, now: datetime
) -> None:
    opened = enter(login_name=f"  {NAME.upper()} ")
    with database.reading() as session:
        row = session.get_one(LaunchSession, opened.handle)
        assert (row.kind, row.identity_id, row.platform_id) == ("account", None, None)
        assert row.expires_at == now + timedelta(minutes=15)
        assert [each.is_success for each in session.scalars(select(SignInAttempt))] == [True]
    [event] = events(database, "account.signed_in")
    assert event.actor == f"account:{event.facts['account']}"


@pytest.mark.parametrize(
    "changes",
    [
        {"password": PASSWORD + "x"},
        {"password": PASSWORD[:-1]},
        {"password": ""},
        {"password": PASSWORD + "x" * 1000},
        {"code": ""},
        {"code": "000000"},
        {"code": "１２３４５６"},
        {"login_name": "nobody"},
        {"login_name": ""},
    ],
    ids=lambda changes: "-".join(f"{name}:{value[:24]}" for name, value in changes.items()),
)
def test_whatever_is_wrong_the_answer_is_the_same(database: Database, enter: Enter, changes: dict[str, str]) -> None:
    with pytest.raises(SignInRefused) as refused:
        enter(**changes)
    assert str(refused.value) == ""
    with database.reading() as session:
        assert session.scalars(select(LaunchSession)).all() == []
    assert len(events(database, "account.refused")) == 1
    enter()  # the control, with the same code: a refused try uses none up


def test_a_code_is_good_one_step_before_and_after(enter: Enter, account: Account, now: datetime) -> None:
    moment = now
    for steps in (-1, 0, 1):
        moment += 10 * STEP
        enter(moment, code=account.code(moment + steps * STEP))
    for steps in (-2, 2):
        moment += 10 * STEP
        with pytest.raises(SignInRefused):
            enter(moment, code=account.code(moment + steps * STEP))


def test_a_code_serves_once_and_an_older_one_not_after_it(enter: Enter, account: Account, now: datetime) -> None:
    enter(now)
    for code in (account.code(now), account.code(now - STEP)):
        with pytest.raises(SignInRefused):
            enter(now, code=code)
    enter(now + STEP)


def test_of_four_who_use_one_code_at_once_one_comes_in(
    database: Database, enter: Enter, account: Account, now: datetime
) -> None:
    results = all_at_once(4, lambda _: enter())
    assert len(errors_in(results)) == 3
    assert {type(each) for each in errors_in(results)} <= {SignInRefused, SignInLocked}
    with database.reading() as session:
        assert len(session.scalars(select(LaunchSession)).all()) == 1


def test_a_closed_account_opens_nothing_and_its_sessions_end(
    database: Database, organisation: Organisation, enter: Enter, account: Account, now: datetime
) -> None:
    opened = enter()
    with database.transaction() as session:
        row = find_account(session, organisation.id, NAME)
        assert disable_account(session, row, (BY, now))
        assert not disable_account(session, row, (BY, now))
    with database.reading() as session:
        assert session.get_one(LaunchSession, opened.handle).revoked_at == now
    with pytest.raises(SignInRefused):
        enter(now + STEP)
    with database.transaction() as session:
        row = find_account(session, organisation.id, NAME)
        assert enable_account(session, account.keys, row, (BY, now))
        assert not enable_account(session, account.keys, row, (BY, now))
    enter(now + STEP)


def test_a_reset_ends_what_was_before(
    database: Database, organisation: Organisation, enter: Enter, account: Account, now: datetime
) -> None:
    opened = enter()
    with database.transaction() as session:
        row = find_account(session, organisation.id, NAME)
        given = reset_account(session, account.keys, row, None, (BY, now))
    with database.reading() as session:
        assert session.get_one(LaunchSession, opened.handle).revoked_at == now
    with pytest.raises(SignInRefused):
        enter(now + STEP)
    code = Account(account.keys, type(account.totp)(given.totp_uri.partition("secret=")[2].partition("&")[0]))
    enter(now + STEP, password=given.password, code=code.code(now + STEP))


def test_keys_that_are_encrypted_are_opened_once_whether_somebody_has_the_name_or_not(
    enter: Enter, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    load = accounts.load_or_create_secret
    monkeypatch.setattr(accounts, "load_or_create_secret", lambda *place: opened.append(place[1]) or load(*place))
    for name in (NAME, "nobody"):
        with pytest.raises(SignInRefused):
            enter(login_name=name, password="wrong")
    assert opened == ["accounts.key"] * 2, "opening takes a while: it would tell which names there are"


# Limits


def fail(enter: Enter, count: int, moment: datetime, **changes: str) -> None:
    for _ in range(count):
        with pytest.raises(SignInRefused):
            enter(moment, **{"password": "wrong", **changes})


def seconds_locked(enter: Enter, moment: datetime, **changes: str) -> int:
    with pytest.raises(SignInLocked) as locked:
        enter(moment, **changes)
    return locked.value.seconds


def test_locks_grow_and_stop_growing_at_a_quarter_of_an_hour() -> None:
    assert [lock_of(failures).total_seconds() for failures in (0, 4, 5, 6, 7, 9, 10, 1000)] == [
        0, 0, 30, 60, 120, 480, 900, 900,
    ]  # fmt: skip


@pytest.mark.parametrize("name", [NAME, "nobody"])
def test_after_five_failures_a_name_waits_whether_somebody_has_it_or_not(
    database: Database, enter: Enter, now: datetime, name: str
) -> None:
    fail(enter, FREE_FAILURES, now, login_name=name)
    assert seconds_locked(enter, now, login_name=name) == 30
    assert seconds_locked(enter, now + timedelta(seconds=20), login_name=name) == 10
    fail(enter, 1, now + STEP, login_name=name)
    assert seconds_locked(enter, now + STEP, login_name=name) == 60
    locks = events(database, "account.locked")
    assert [(each.facts["by"], each.facts["seconds"]) for each in locks] == [("name", 30), ("name", 60)]
    assert len(events(database, "account.refused")) == FREE_FAILURES + 1, "a try that has to wait is no failure"
    assert NAME not in str([each.facts for each in locks])


def test_the_owner_comes_in_after_the_wait_and_the_count_begins_anew(
    database: Database, enter: Enter, now: datetime
) -> None:
    fail(enter, FREE_FAILURES, now)
    enter(now + STEP)
    fail(enter, FREE_FAILURES - 1, now + 2 * STEP)
    enter(now + 3 * STEP)
    assert len(events(database, "account.locked")) == 1


def test_whoever_knows_the_name_can_delay_its_owner_by_a_quarter_of_an_hour_at_most(
    enter: Enter, now: datetime
) -> None:
    moment = now
    for _ in range(15):
        try:
            fail(enter, 1, moment, address=f"198.51.100.{_}")
        except SignInLocked as locked:
            moment += timedelta(seconds=locked.seconds)
    assert seconds_locked(enter, moment) <= LONGEST_LOCK.total_seconds()
    enter(moment + LONGEST_LOCK)


def test_an_address_waits_after_many_failures_with_many_names(database: Database, enter: Enter, now: datetime) -> None:
    for number in range(ADDRESS_FAILURES):
        fail(enter, 1, now, login_name=f"guess{number}")
    assert seconds_locked(enter, now) == ADDRESS_WINDOW.total_seconds()
    enter(now, address="192.0.2.8")  # its owner, from elsewhere
    enter(now + ADDRESS_WINDOW)
    assert [each.facts["by"] for each in events(database, "account.locked")] == ["address"]


def test_tries_at_once_are_all_counted(database: Database, enter: Enter, now: datetime) -> None:
    def guess(_: int) -> None:
        enter(now, password="wrong")

    errors = errors_in(all_at_once(12, guess))
    assert sum(isinstance(each, SignInRefused) for each in errors) == FREE_FAILURES
    assert sum(isinstance(each, SignInLocked) for each in errors) == 12 - FREE_FAILURES


def test_names_and_addresses_of_tries_are_kept_as_fingerprints_for_a_day(
    database: Database, enter: Enter, now: datetime
) -> None:
    fail(enter, 1, now)
    with database.transaction() as session:
        row = session.scalars(select(SignInAttempt)).one()
        assert len(row.login_name_hash) == len(row.address_hash) == 32
        purge(session, now + timedelta(hours=23))
        assert session.scalars(select(SignInAttempt)).all() == [row]
        session.execute(update(SignInAttempt).values(at=now - timedelta(days=2)))
        purge(session, now)
        assert session.scalars(select(SignInAttempt)).all() == []
