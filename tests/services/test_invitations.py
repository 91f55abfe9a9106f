"""Vendors' people: firms, contracts, engagements, and signing once by an invitation that expires."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.calendar import Period
from lms.services.invitations import (
    INVITATION_LIFETIME,
    InvitationRefused,
    NotEngagedError,
    decline_by_invitation,
    form_token_of,
    invitations_of,
    invite,
    open_invitation,
    revoke_invitation,
    sign_by_invitation,
)
from lms.services.pledges import UnknownPledgeError
from lms.services.record_checks import verify_records
from lms.services.signing import AlreadySignedError, ForeignFormError, OutdatedTextError
from lms.services.vendors import (
    BadVendorError,
    add_contract,
    add_firm,
    end_engagement,
    engage,
    engagements_of,
    is_engaged,
    vendors,
)
from lms.store.base import Database
from lms.store.openings import openings_of
from lms.store.organisations import Organisation
from lms.store.pledges import PledgeInvitation, PledgeSignature
from lms.store.records import Moment
from lms.store.vendors import VendorContract
from tests.conftest import NOW
from tests.factories import ACTOR, all_at_once, errors_in
from tests.pledges import Signer, approved, form_of, signer_of

YEAR = Period(date(2026, 4, 1), date(2027, 4, 1))
BY = (ACTOR, NOW)
BROWSER = ("192.0.2.99", "Practice/1.0")


def engaged(session: Session, organisation: Organisation) -> tuple[Signer, VendorContract]:
    approved(session, organisation, "初版", date(2026, 4, 1), key="vendor")
    approved(session, organisation, "初版", date(2026, 4, 1))
    worker = signer_of(session, organisation, "V0001", employment="業者", category="外部")
    firm = add_firm(session, organisation, "架空システム株式会社", "", BY)
    contract = add_contract(session, organisation, firm.id, ("架契-1", "保守業務"), (YEAR, *BY))
    engage(session, organisation, worker.person_id, contract.id, (YEAR, *BY))
    return worker, contract


@pytest.fixture
def worker(session: Session, organisation: Organisation) -> Signer:
    return engaged(session, organisation)[0]


def form(session: Session, organisation: Organisation, worker: Signer, now: datetime = NOW, **changes: Any) -> Any:
    return form_of(session, organisation, worker, now, "vendor", **changes)


def test_an_invitation_signs_once(session: Session, organisation: Organisation, worker: Signer) -> None:
    row, token = invite(session, organisation, worker.person_id, "vendor", BY)
    assert len(token) >= 43
    assert token.encode() not in row.token_hash
    assert open_invitation(session, token, NOW).id == row.id
    signed = sign_by_invitation(session, token, form(session, organisation, worker), BROWSER, NOW)
    assert (signed.method, signed.invitation_id, signed.identity_id) == ("invitation", row.id, None)
    values = openings_of(session, [signed.event_id])[signed.event_id]
    assert (values["address"], values["name"], values["staff_number"]) == ("192.0.2.99", "見本 あかり", "V0001")
    with pytest.raises(InvitationRefused) as again:
        sign_by_invitation(session, token, form(session, organisation, worker), BROWSER, NOW)
    assert again.value.code == "invitation_used"
    assert verify_records(session, organisation.id).problems == []


def test_each_invitation_that_opens_nothing_is_refused_by_name(
    session: Session, organisation: Organisation, worker: Signer
) -> None:
    row, token = invite(session, organisation, worker.person_id, "vendor", BY)

    def code(secret: str, now: datetime = NOW) -> str:
        with pytest.raises(InvitationRefused) as refused:
            sign_by_invitation(session, secret, form(session, organisation, worker), BROWSER, now)
        return refused.value.code

    assert code("x") == "invitation_unknown"
    assert code("") == "invitation_unknown"
    assert code(token, NOW + INVITATION_LIFETIME) == "invitation_expired"
    assert open_invitation(session, token, NOW + INVITATION_LIFETIME - timedelta(seconds=1)).id == row.id
    revoke_invitation(session, organisation, row.id, BY)
    assert code(token) == "invitation_revoked"
    with pytest.raises(InvitationRefused):
        revoke_invitation(session, organisation, row.id, BY)
    with pytest.raises(InvitationRefused):
        revoke_invitation(session, organisation, 999, BY)
    _, token = invite(session, organisation, worker.person_id, "vendor", BY)
    only = engagements_of(session, organisation.id)[0]
    end_engagement(session, organisation, only.id, date(2026, 11, 23), BY)
    assert code(token) == "invitation_over"
    with pytest.raises(NotEngagedError):
        invite(session, organisation, worker.person_id, "vendor", BY)


def test_a_newer_invitation_revokes_the_older(session: Session, organisation: Organisation, worker: Signer) -> None:
    _, old = invite(session, organisation, worker.person_id, "vendor", BY)
    _, new = invite(session, organisation, worker.person_id, "vendor", BY)
    with pytest.raises(InvitationRefused):
        open_invitation(session, old, NOW)
    assert open_invitation(session, new, NOW)
    assert [each.state for each in invitations_of(session, organisation.id, NOW)] == ["open", "revoked"]
    assert form_token_of(old) != form_token_of(new)


def test_an_invitation_opens_its_own_pledge_for_its_own_person_alone(
    session: Session, organisation: Organisation, worker: Signer
) -> None:
    _, token = invite(session, organisation, worker.person_id, "vendor", BY)
    other = form_of(session, organisation, worker, NOW, "confidentiality")
    with pytest.raises(OutdatedTextError):
        sign_by_invitation(session, token, other, BROWSER, NOW)
    with pytest.raises(ForeignFormError):
        sign_by_invitation(session, token, form(session, organisation, worker, signer=999), BROWSER, NOW)
    with pytest.raises(UnknownPledgeError):
        invite(session, organisation, worker.person_id, "no-such", BY)
    with pytest.raises(NotEngagedError):
        invite(session, organisation, None, "vendor", BY)


def test_a_decline_leaves_the_invitation_open(session: Session, organisation: Organisation, worker: Signer) -> None:
    _, token = invite(session, organisation, worker.person_id, "vendor", BY)
    row = decline_by_invitation(session, token, form(session, organisation, worker, reason="社内で確認"), BROWSER, NOW)
    assert row.invitation_id
    assert sign_by_invitation(session, token, form(session, organisation, worker), BROWSER, NOW).number == 1


def test_of_simultaneous_uses_of_an_invitation_one_signs(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        worker, _ = engaged(session, organisation)
        _, token = invite(session, organisation, worker.person_id, "vendor", BY)

    def sign(_number: int) -> int:
        with database.transaction() as session:
            return sign_by_invitation(session, token, form(session, organisation, worker), BROWSER, NOW).id

    found = all_at_once(6, sign)
    errors = errors_in(found)
    assert len(errors) == 5
    assert all(isinstance(each, InvitationRefused | AlreadySignedError) for each in errors)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PledgeSignature)) == 1
        assert session.scalar(select(func.count()).select_from(PledgeInvitation)) == 1


def test_vendors_are_shown_as_of_a_day(session: Session, organisation: Organisation, worker: Signer) -> None:
    shown = vendors(session, organisation.id, Moment(date(2026, 11, 23)))
    assert shown[0].contracts[0].contract.number == "架契-1"
    assert shown[0].contracts[0].engagements[0].person_id == worker.person_id
    assert vendors(session, organisation.id, Moment(date(2027, 4, 1)))[0].contracts == ()
    assert is_engaged(session, worker.person_id, date(2027, 3, 31))
    assert not is_engaged(session, worker.person_id, date(2027, 4, 1))


def test_what_can_not_be_recorded_of_vendors_is_refused_by_name(session: Session, organisation: Organisation) -> None:
    worker, contract = engaged(session, organisation)
    long, early = Period(date(2026, 4, 1), None), Period(date(2026, 3, 1), date(2026, 5, 1))
    refused: list[tuple[str, str, Any]] = [
        ("name_ja", "taken", lambda: add_firm(session, organisation, "架空システム株式会社", "", BY)),
        ("name_ja", "empty", lambda: add_firm(session, organisation, " ", "x", BY)),
        ("name_ja", "too_long", lambda: add_firm(session, organisation, "あ" * 201, "", BY)),
        ("firm", "unknown", lambda: add_contract(session, organisation, 999, ("1", "t"), (YEAR, *BY))),
        (
            "number",
            "taken",
            lambda: add_contract(session, organisation, contract.firm_id, ("架契-1", "t"), (YEAR, *BY)),
        ),
        ("title", "empty", lambda: add_contract(session, organisation, contract.firm_id, ("2", ""), (YEAR, *BY))),
        ("contract", "unknown", lambda: engage(session, organisation, worker.person_id, 999, (YEAR, *BY))),
        ("person", "unknown", lambda: engage(session, organisation, None, contract.id, (YEAR, *BY))),
        ("period", "outside_contract", lambda: engage(session, organisation, 1, contract.id, (long, *BY))),
        ("period", "outside_contract", lambda: engage(session, organisation, 1, contract.id, (early, *BY))),
        ("period", "overlaps", lambda: engage(session, organisation, worker.person_id, contract.id, (YEAR, *BY))),
        ("engagement", "unknown", lambda: end_engagement(session, organisation, 999, date(2026, 5, 1), BY)),
        ("ends_on", "order", lambda: end_engagement(session, organisation, 1, date(2026, 3, 1), BY)),
    ]
    for field, problem, attempt in refused:
        with pytest.raises(BadVendorError) as bad:
            attempt()
        assert (bad.value.field, bad.value.problem) == (field, problem)
