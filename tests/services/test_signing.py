"""Signing: what is recorded, and each refusal by its own name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from courses.pledges import Purpose, SignatureState, WithdrawalGround, binding_on
from lms.services.pledges import draft_text, history_of
from lms.services.record_checks import verify_records
from lms.services.signing import (
    LAUNCH_FRESH,
    AlreadySignedError,
    AlreadyWithdrawnError,
    BadGroundError,
    ForeignFormError,
    FramedSigningError,
    NameDiffersError,
    NotAcceptedError,
    OutdatedTextError,
    SignerLeftError,
    SignerUnknownError,
    StaleLaunchError,
    UnknownSignatureError,
    WrongTextHashError,
    decline_pledge,
    new_code,
    read_code,
    sign_pledge,
    withdraw_signature,
)
from lms.store.base import Database
from lms.store.ledger import LedgerEvent
from lms.store.openings import openings_of
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeSignature
from tests.conftest import NOW
from tests.factories import ACTOR, all_at_once, errors_in
from tests.pledges import Signer, approved, assurance_of, form_of, new_text, sign_as, signer_of

TODAY = date(2026, 11, 23)


@pytest.fixture
def signer(session: Session, organisation: Organisation) -> Signer:
    approved(session, organisation, "初版", date(2026, 4, 1))
    return signer_of(session, organisation)


def test_a_signature_record_is_whole_and_in_the_ledger(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW)
    assert (row.number, row.purpose, row.method, row.language) == (1, "joining", "launch", "ja")
    assert (row.unit, row.post) == ("総務係", "係員")
    assert row.launched_at == NOW
    assert row.platform_issuer
    assert row.deployment_id == "1"
    assert openings_of(session, [row.event_id])[row.event_id] == {
        "staff_number": "000101",
        "name": "見本 あかり",
        "typed_name": "見本 あかり",
        "sub": "sub-000101",
        "address": "192.0.2.7",
        "user_agent": "Practice/1.0",
    }
    payload = session.get_one(LedgerEvent, row.event_id).payload.decode()
    assert row.text_sha256 in payload
    for personal in ("見本", "000101", "192.0.2.7", "Practice/1.0", "sub-000101"):
        assert personal not in payload
    assert verify_records(session, organisation.id).problems == []


def _unlinked(session: Session, organisation: Organisation, signer: Signer) -> Any:
    asked = assurance_of(session, organisation, signer, NOW)
    return sign_pledge(session, organisation, None, form_of(session, organisation, signer, NOW), (asked, NOW))


def _assured(**changes: Any) -> Callable[[Session, Organisation, Signer], Any]:
    def sign(session: Session, organisation: Organisation, signer: Signer) -> Any:
        asked = replace(assurance_of(session, organisation, signer, NOW), **changes)
        form = form_of(session, organisation, signer, NOW)
        return sign_pledge(session, organisation, signer.person_id, form, (asked, NOW))

    return sign


def _filled(**changes: Any) -> Callable[[Session, Organisation, Signer], Any]:
    return lambda session, organisation, signer: sign_as(session, organisation, signer, NOW, **changes)


def _outdated(session: Session, organisation: Organisation, signer: Signer) -> Any:
    form = form_of(session, organisation, signer, NOW)
    approved(session, organisation, "改", date(2026, 11, 1))
    asked = assurance_of(session, organisation, signer, NOW)
    return sign_pledge(session, organisation, signer.person_id, form, (asked, NOW))


def _draft(session: Session, organisation: Organisation, signer: Signer) -> Any:
    row = draft_text(session, organisation, new_text("草案"), ACTOR, NOW)
    return sign_as(session, organisation, signer, NOW, text_id=row.id, sha256=row.sha256_ja)


def _twice(session: Session, organisation: Organisation, signer: Signer) -> Any:
    sign_as(session, organisation, signer, NOW)
    return sign_as(session, organisation, signer, NOW)


def _left(session: Session, organisation: Organisation, _signer: Signer) -> Any:
    leaver = signer_of(session, organisation, "000135", left_on="2026-06-30", scope_to="2026-06-30")
    sign_as(session, organisation, leaver, NOW.replace(month=6, day=30))
    return sign_as(session, organisation, leaver, NOW.replace(month=7, day=1), key="leaving")


REFUSALS: list[tuple[Callable[[Session, Organisation, Signer], Any], type[Exception]]] = [
    (_unlinked, SignerUnknownError),
    (_assured(is_framed=True), FramedSigningError),
    (_assured(launched_at=NOW - LAUNCH_FRESH - timedelta(seconds=1)), StaleLaunchError),
    (_filled(signer=999), ForeignFormError),
    (_outdated, OutdatedTextError),
    (_draft, OutdatedTextError),
    (_filled(sha256="0" * 64), WrongTextHashError),
    (_filled(language="fr"), WrongTextHashError),
    (_filled(language="en"), WrongTextHashError),
    (_filled(is_accepted=False), NotAcceptedError),
    (_filled(typed_name=" "), NotAcceptedError),
    (_filled(typed_name="別人 太郎"), NameDiffersError),
    (_filled(typed_name="別人 太郎", confirmed_name="又別人"), NameDiffersError),
    (_twice, AlreadySignedError),
]


@pytest.mark.parametrize(("attempt", "refusal"), REFUSALS)
def test_what_may_not_be_signed_is_refused_by_name(
    session: Session,
    organisation: Organisation,
    signer: Signer,
    attempt: Callable[[Session, Organisation, Signer], Any],
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        attempt(session, organisation, signer)
    expected = 1 if refusal is AlreadySignedError else 0
    assert session.scalar(select(func.count()).select_from(PledgeSignature)) == expected


def test_nobody_signs_after_leaving(session: Session, organisation: Organisation, signer: Signer) -> None:
    approved(session, organisation, "確認", date(2026, 4, 1), key="leaving")
    with pytest.raises(SignerLeftError):
        _left(session, organisation, signer)


def test_a_launch_is_fresh_for_its_minutes(session: Session, organisation: Organisation, signer: Signer) -> None:
    assert _assured(launched_at=NOW - LAUNCH_FRESH)(session, organisation, signer).number == 1


@pytest.mark.parametrize(
    "typed",
    ["髙見本　ゆき", "高見本ゆき", "TAKAMIHON Yuki", "yuki takamihon", "タカミホン ユキ", "旧名 ゆき", "ゆき 高見本"],
)
def test_a_name_may_be_typed_in_its_variants(session: Session, organisation: Organisation, typed: str) -> None:
    approved(session, organisation, "初版", date(2026, 4, 1))
    signer = signer_of(
        session, organisation, "000110", family_name="髙見本", given_name="ゆき", family_kana="タカミホン",
        given_kana="ユキ", romaji="TAKAMIHON Yuki", former_name="旧名",
    )  # fmt: skip
    assert sign_as(session, organisation, signer, NOW, typed_name=typed).number == 1


def test_a_differing_name_is_asked_once_more_and_then_kept_as_typed(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW, typed_name="A. Mihon", confirmed_name="A. Mihon")
    assert openings_of(session, [row.event_id])[row.event_id]["typed_name"] == "A. Mihon"


def test_a_changed_text_is_signed_anew(session: Session, organisation: Organisation, signer: Signer) -> None:
    sign_as(session, organisation, signer, NOW - timedelta(days=100))
    approved(session, organisation, "改", date(2026, 11, 1), resign=True, days=10)
    history = history_of(session, organisation.id, signer.person_id, "confidentiality")
    assert binding_on(history, TODAY).state is SignatureState.OBSOLETE
    row = sign_as(session, organisation, signer, NOW)
    assert row.purpose == Purpose.CHANGED_TEXT.value
    history = history_of(session, organisation.id, signer.person_id, "confidentiality")
    assert binding_on(history, TODAY).state is SignatureState.IN_FORCE


def test_a_decline_is_kept_with_its_reason_and_may_be_followed_by_a_signature(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    form = form_of(session, organisation, signer, NOW, reason="持ち帰って読みます")
    asked = (assurance_of(session, organisation, signer, NOW), NOW)
    row = decline_pledge(session, organisation, signer.person_id, form, asked)
    assert openings_of(session, [row.event_id])[row.event_id] == {"reason": "持ち帰って読みます"}
    assert "持ち帰って" not in session.get_one(LedgerEvent, row.event_id).payload.decode()
    assert sign_as(session, organisation, signer, NOW + timedelta(minutes=1)).number == 1
    with pytest.raises(AlreadySignedError):
        decline_pledge(session, organisation, signer.person_id, form, asked)


def test_a_withdrawn_signature_stays_and_can_be_given_anew(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    first = sign_as(session, organisation, signer, NOW)
    by = (f"person:{signer.person_id}", NOW, signer.person_id)
    why = (WithdrawalGround.BY_SIGNER, "読み違えました")
    with pytest.raises(BadGroundError):
        withdraw_signature(session, organisation, first.id, (WithdrawalGround.RELEASED, ""), by)
    with pytest.raises(UnknownSignatureError):
        withdraw_signature(session, organisation, first.id, why, (*by[:2], 999))
    withdraw_signature(session, organisation, first.id, why, by)
    with pytest.raises(AlreadyWithdrawnError):
        withdraw_signature(session, organisation, first.id, (WithdrawalGround.RELEASED, ""), (ACTOR, NOW, None))
    history = history_of(session, organisation.id, signer.person_id, "confidentiality")
    assert not binding_on(history, TODAY).is_bound
    again = sign_as(session, organisation, signer, NOW)
    assert again.number == 2
    assert verify_records(session, organisation.id).problems == []


def test_a_signature_can_be_neither_changed_nor_deleted(
    session: Session, organisation: Organisation, signer: Signer
) -> None:
    row = sign_as(session, organisation, signer, NOW)
    for statement in ("UPDATE pledge_signature SET post = 'x'", "DELETE FROM pledge_signature"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.connection().exec_driver_sql(f"{statement} WHERE id = {row.id}")


def test_a_code_is_read_as_people_type_it() -> None:
    code = new_code()
    assert read_code(f" {code.lower().replace('-', ' ')} ") == code
    assert read_code(code.replace("0", "O").replace("1", "l")) == code
    assert read_code("ABC") is None
    assert len({new_code() for _ in range(1000)}) == 1000


def test_two_simultaneous_signatures_of_one_text_are_one_record(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        approved(session, organisation, "初版", date(2026, 4, 1))
        signer = signer_of(session, organisation)

    def sign(_number: int) -> int:
        with database.transaction() as session:
            return sign_as(session, organisation, signer, NOW).id

    found = all_at_once(8, sign)
    assert [type(each) for each in errors_in(found)] == [AlreadySignedError] * 7
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PledgeSignature)) == 1
