"""Certificates are made from the record of a passed attempt, for the one who passed it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from courses.ledger import short_id
from courses.requirements import Occasion, Requirement
from lms.services.attempts import Learner, NoSuchAttemptError, start_attempt
from lms.services.awareness import ModuleInUse
from lms.services.certificates import NotOnStaffListError, NotPassedError, certificate_of
from lms.services.identities import link_by_decision
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation
from lms.wording.gettext import use_language
from tests.factories import ACTOR, MODULE, add_learner, add_person, adopt, learner_of, require, small_module, take_test

APRIL = datetime(2026, 4, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with use_language("en"):
        yield


@pytest.fixture
def module(session: Session, organisation: Organisation) -> ModuleInUse:
    return adopt(session, organisation, small_module())


@pytest.fixture
def learner(session: Session, organisation: Organisation) -> Learner:
    return add_learner(session, organisation, "000101", given_name="花子")


def text_of(pdf: bytes) -> str:
    assert pdf.startswith(b"%PDF")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is missing: apt-get install poppler-utils")
    run = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return run.stdout.decode()


def test_a_certificate_says_what_was_recorded(session: Session, learner: Learner, module: ModuleInUse) -> None:
    take_test(session, learner, module, datetime(2026, 4, 1, 3, 0, tzinfo=UTC), wrong=5)
    result = take_test(session, learner, module, APRIL, wrong=2)
    pdf = certificate_of(session, learner, result.attempt_id, "en")
    assert certificate_of(session, learner, result.attempt_id, "en") == pdf
    text = text_of(pdf)
    evidence = short_id(session.get_one(LedgerEvent, result.event_id).leaf)
    for expected in ("000101", "見本 花子", "Kakuu University IT Centre", f"{MODULE} en", module.version_hash[:12],
                     "8 / 10", "2026-04-02 12:04:05 JST", "Fiscal year 2026", evidence):  # fmt: skip
        assert expected in text
    with use_language("ja"):
        japanese = text_of(certificate_of(session, learner, result.attempt_id, "ja"))
    for expected in ("架空大学情報基盤センター", f"{MODULE} ja", "ミホン アカリ", "令和8年度"):
        assert expected in japanese


def test_the_year_is_the_one_that_was_credited(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse
) -> None:
    require(session, organisation, Requirement("annual", MODULE, Occasion.FISCAL_YEAR, 2025))
    late = take_test(session, learner, module, APRIL)
    this_years = take_test(session, learner, module, datetime(2026, 5, 1, 3, 0, tzinfo=UTC))
    assert "Fiscal year 2025" in text_of(certificate_of(session, learner, late.attempt_id, "en"))
    assert "Fiscal year 2026" in text_of(certificate_of(session, learner, this_years.attempt_id, "en"))


def test_only_ones_own_passed_attempts_are_certified(
    session: Session, organisation: Organisation, learner: Learner, module: ModuleInUse
) -> None:
    failed = take_test(session, learner, module, APRIL, wrong=3)
    with pytest.raises(NotPassedError):
        certificate_of(session, learner, failed.attempt_id, "en")
    stranger = add_learner(session, organisation, "000102", sub="5")
    with pytest.raises(NoSuchAttemptError):
        certificate_of(session, stranger, failed.attempt_id, "en")
    open_attempt = start_attempt(session, stranger, module, APRIL)
    with pytest.raises(NoSuchAttemptError):
        certificate_of(session, stranger, open_attempt, "en")


def test_nobody_is_certified_before_they_are_on_the_staff_list(
    session: Session, organisation: Organisation, module: ModuleInUse
) -> None:
    guest = add_learner(session, organisation)
    result = take_test(session, guest, module, APRIL)
    with pytest.raises(NotOnStaffListError):
        certificate_of(session, guest, result.attempt_id, "en")
    add_person(session, organisation, "000101")
    link_by_decision(session, organisation, guest.identity_id, "000101", (ACTOR, APRIL))
    linked = learner_of(session, organisation, guest.identity_id)
    assert certificate_of(session, linked, result.attempt_id, "en").startswith(b"%PDF")
