"""Invitations to register, what comes of their use, and the decision: on both databases."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.lti.http import HttpReply, OutgoingPolicy, PlatformHttp, PlatformTimedOut
from lms.lti.registration import RegistrationFault, RegistrationRefused
from lms.lti.tool_facts import SCOPES, ToolFacts
from lms.services.audit import note
from lms.services.organisations import add_organisation
from lms.services.platforms import BadPlatformError, PlatformExistsError
from lms.services.registration_decisions import (
    Approval,
    DecidedAlreadyError,
    UnknownRequestError,
    approve_request,
    decline_request,
    differences,
    waiting_requests,
)
from lms.services.registrations import (
    BadInvitationError,
    Opening,
    PlatformInvitationRefused,
    invite_platform,
    look_at_platform,
    open_platform_invitation,
    platform_invitations,
    register_by_invitation,
    revoke_platform_invitation,
)
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.organisations import Organisation
from lms.store.platforms import Platform, PlatformInvitation, PlatformKeyset, RegistrationRequest, deployments_of
from tests.conftest import NOW
from tests.factories import ACTOR, add_practice_platform, all_at_once, errors_in
from tests.lti.test_http import ok, platform
from tests.registering import SITE, TOKEN, Site, json_reply

BY = (ACTOR, NOW)
TOOL = ToolFacts("https://akashi.example.invalid")
APPROVED = Approval("学内Moodle", trusts_staff_number=False)
AT_ONCE = 20


def invited(database: Database, organisation: Organisation, days: int = 7) -> str:
    with database.transaction() as session:
        return invite_platform(session, organisation, "学内", BY, timedelta(days=days))[1]


def use(database: Database, site: Site, token: str, registration_token: str = TOKEN) -> RegistrationRequest:
    opening = Opening(site.configuration_url, registration_token)
    return register_by_invitation(database, site, token, opening, TOOL, NOW)


def received(database: Database, organisation: Organisation, site: Site | None = None) -> RegistrationRequest:
    return use(database, site or Site(), invited(database, organisation))


def approve(database: Database, organisation: Organisation, request_id: int, approval: Approval = APPROVED) -> Platform:
    with database.transaction() as session:
        return approve_request(session, organisation, request_id, approval, BY)


def events(database: Database) -> list[tuple[str, str | None]]:
    with database.reading() as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.kind, row.facts.get("code")) for row in rows]


def count(database: Database, table: type[RegistrationRequest | Platform]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def code_of(database: Database, site: Site, token: str) -> str:
    with pytest.raises(PlatformInvitationRefused) as found:
        use(database, site, token)
    return found.value.code


# Invitations


def test_only_the_hash_of_an_invitation_is_kept(session: Session, organisation: Organisation) -> None:
    row, token = invite_platform(session, organisation, "  学内\n Moodle ", BY)
    assert (row.note, row.expires_at) == ("学内 Moodle", NOW + timedelta(days=7))
    assert token.encode() not in row.token_hash
    assert open_platform_invitation(session, token, NOW) is row
    with pytest.raises(PlatformInvitationRefused):
        open_platform_invitation(session, token + "x", NOW)


@pytest.mark.parametrize(("days", "written", "field"), [(0, "", "days"), (91, "", "days"), (7, "x" * 201, "note")])
def test_an_invitation_has_bounds(
    session: Session, organisation: Organisation, days: int, written: str, field: str
) -> None:
    with pytest.raises(BadInvitationError) as found:
        invite_platform(session, organisation, written, BY, timedelta(days=days))
    assert found.value.field == field
    assert platform_invitations(session, organisation.id, NOW) == []


def test_an_expired_a_revoked_a_used_and_an_unknown_invitation_register_nothing(
    database: Database, organisation: Organisation
) -> None:
    site = Site()
    expired, revoked, used = (invited(database, organisation, days) for days in (1, 7, 7))
    with database.transaction() as session:
        session.scalars(select(PlatformInvitation).order_by(PlatformInvitation.id)).first().expires_at = NOW  # type: ignore[union-attr]
        ids = session.scalars(select(PlatformInvitation.id).order_by(PlatformInvitation.id)).all()
        revoke_platform_invitation(session, organisation, ids[1], BY)
    use(database, site, used)
    assert len(site.asked("registration")) == 1
    site.calls.clear()
    assert code_of(database, site, expired) == "platform_invitation_expired"
    assert code_of(database, site, revoked) == "platform_invitation_revoked"
    assert code_of(database, site, used) == "platform_invitation_used"
    assert code_of(database, site, "nobody") == "platform_invitation_unknown"
    assert site.calls == [], "nobody was called"
    with database.reading() as session:
        states = [view.state for view in platform_invitations(session, organisation.id, NOW)]
    assert states == ["used", "revoked", "expired"]


def test_only_an_open_invitation_of_ones_own_can_be_revoked(database: Database, organisation: Organisation) -> None:
    invited(database, organisation)
    with database.transaction() as session:
        other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
        (view,) = platform_invitations(session, organisation.id, NOW)
        invitation_id = view.invitation.id
        with pytest.raises(PlatformInvitationRefused, match="unknown"):
            revoke_platform_invitation(session, other, invitation_id, BY)
        revoke_platform_invitation(session, organisation, invitation_id, BY)
        with pytest.raises(PlatformInvitationRefused, match="revoked"):
            revoke_platform_invitation(session, organisation, invitation_id, BY)


# Using one


def test_what_a_platform_answers_waits_and_opens_nothing(database: Database, organisation: Organisation) -> None:
    kept = received(database, organisation)
    assert (kept.state, kept.issuer, kept.client_id, kept.deployment_id) == ("waiting", SITE, "VShW6m08zr1IDqm", "2")
    assert set(kept.scopes) == set(SCOPES)
    assert kept.platform_id is None
    assert count(database, Platform) == 0
    assert [kind for kind, _code in events(database)] == [
        "platform.invited", "platform.invitation_used", "registration.received",
    ]  # fmt: skip


def test_looking_at_a_platform_uses_nothing_up_and_names_its_fault(
    database: Database, organisation: Organisation
) -> None:
    token, site = invited(database, organisation), Site()
    with database.reading() as session:
        invitation = open_platform_invitation(session, token, NOW)
    opening = Opening(site.configuration_url, TOKEN)
    assert look_at_platform(database, site, invitation, opening, NOW).issuer == SITE
    site.instead["configuration"] = PlatformTimedOut(SITE, "total")
    with pytest.raises(RegistrationRefused):
        look_at_platform(database, site, invitation, opening, NOW)
    assert events(database)[-1] == ("registration.refused", "timed_out")
    with database.reading() as session:
        assert open_platform_invitation(session, token, NOW).used_at is None


def test_a_fault_before_the_platform_was_asked_gives_the_invitation_back(
    database: Database, organisation: Organisation
) -> None:
    token, site = invited(database, organisation), Site()
    for step, fault in (("configuration", PlatformTimedOut(SITE, "total")), ("keys", PlatformTimedOut(SITE, "total"))):
        site.instead = {step: fault}
        with pytest.raises(RegistrationRefused):
            use(database, site, token)
        assert events(database)[-1] == ("registration.refused", "timed_out")
    with pytest.raises(RegistrationRefused) as found:
        use(database, site, token, "x" * 5000)
    assert found.value.code is RegistrationFault.TOKEN_MALFORMED
    assert site.asked("registration") == []
    site.instead = {}
    assert use(database, site, token).state == "waiting"


def test_a_fault_after_the_platform_was_asked_leaves_the_invitation_used(
    database: Database, organisation: Organisation
) -> None:
    site = Site()
    for fault in (PlatformTimedOut(SITE, "total"), HttpReply(400, {}, b"invalid"), json_reply({})):
        token = invited(database, organisation)
        site.instead = {"registration": fault}
        with pytest.raises(RegistrationRefused):
            use(database, site, token)
        site.instead = {}
        assert code_of(database, site, token) == "platform_invitation_used"
    assert count(database, RegistrationRequest) == 0


def test_of_twenty_uses_at_once_one_registers(database: Database, organisation: Organisation) -> None:
    token, site = invited(database, organisation), Site()
    found = all_at_once(AT_ONCE, lambda _number: use(database, site, token))
    errors = errors_in(found)
    assert len(errors) == AT_ONCE - 1
    assert {getattr(error, "code", error) for error in errors} == {"platform_invitation_used"}
    assert len(site.asked("registration")) == 1
    assert count(database, RegistrationRequest) == 1


def test_the_registration_of_another_organisation_is_refused_without_saying_whose(
    database: Database, organisation: Organisation
) -> None:
    with database.transaction() as session:
        other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
        add_practice_platform(session, other, issuer=SITE, client_id="VShW6m08zr1IDqm")
    with pytest.raises(RegistrationRefused) as found:
        received(database, organisation)
    assert found.value.code is RegistrationFault.REGISTERED_ELSEWHERE
    assert "betsu" not in str(found.value)
    assert count(database, RegistrationRequest) == 0
    with database.reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert (event.organisation_id, event.facts["code"]) == (organisation.id, "registered_elsewhere")


def test_one_site_serves_two_organisations_by_two_registrations(database: Database, organisation: Organisation) -> None:
    with database.transaction() as session:
        other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
    first = received(database, organisation)
    second = received(database, other, Site(client_id="another", deployment_id="3"))
    approve(database, organisation, first.id)
    approve(database, other, second.id)
    with database.reading() as session:
        owners = session.execute(select(Platform.organisation_id, Platform.issuer).order_by(Platform.id)).all()
    assert [tuple(owner) for owner in owners] == [(organisation.id, SITE), (other.id, SITE)]


def test_keys_that_hang_end_a_registration_in_time_and_leave_the_invitation_open(
    database: Database, organisation: Organisation
) -> None:
    documents = Site()

    def behave(connection: socket.socket) -> None:
        if "openid-configuration" in server.requests[-1]:
            connection.sendall(ok(json.dumps(documents.configuration).replace(SITE, origin).encode()))
        else:
            time.sleep(4)

    token = invited(database, organisation)
    client = PlatformHttp(OutgoingPolicy(allow_http_loopback=True, timeout_seconds=0.5, total_seconds=0.7))
    with platform(behave) as server:
        origin = server.url.removesuffix("/keys")
        opening = Opening(documents.configuration_url.replace(SITE, origin), TOKEN)
        began = time.monotonic()
        with pytest.raises(RegistrationRefused) as found:
            register_by_invitation(database, client, token, opening, TOOL, NOW)
        assert time.monotonic() - began < 2.5
        assert len(server.requests) == 2, "configuration and keys, and no registration"
    assert (found.value.code, found.value.step) == (RegistrationFault.TIMED_OUT, "keys")
    with database.reading() as session:
        assert open_platform_invitation(session, token, NOW).used_at is None


# Deciding


def test_an_approved_request_is_a_registration_with_its_deployment(
    database: Database, organisation: Organisation
) -> None:
    kept = received(database, organisation)
    platform = approve(database, organisation, kept.id, Approval(" 学内  Moodle ", trusts_staff_number=True))
    with database.reading() as session:
        found = session.get_one(Platform, platform.id)
        assert (found.name, found.issuer, found.client_id) == ("学内 Moodle", SITE, "VShW6m08zr1IDqm")
        assert (found.authorization_url, found.token_url) == (f"{SITE}/mod/lti/auth.php", f"{SITE}/mod/lti/token.php")
        assert (found.trusts_staff_number, found.product) == (True, "moodle 4.5.6")
        assert set(found.scopes or []) == set(SCOPES)
        assert deployments_of(session, platform.id) == {"2"}
        assert waiting_requests(session, organisation.id) == []
        request = session.get_one(RegistrationRequest, kept.id)
        assert (request.state, request.platform_id, request.decided_by) == ("approved", platform.id, ACTOR)
    assert [kind for kind, _code in events(database)][-2:] == ["platform.added", "registration.approved"]


def test_a_request_is_decided_once_and_by_its_own_organisation(database: Database, organisation: Organisation) -> None:
    kept = received(database, organisation)
    with database.transaction() as session:
        other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
    for decide in (
        lambda session, owner: approve_request(session, owner, kept.id, APPROVED, BY),
        lambda session, owner: decline_request(session, owner, kept.id, BY),
    ):
        with pytest.raises(UnknownRequestError), database.transaction() as session:
            decide(session, other)
    with database.transaction() as session:
        decline_request(session, organisation, kept.id, BY)
    with pytest.raises(DecidedAlreadyError, match="declined"):
        approve(database, organisation, kept.id)
    assert count(database, Platform) == 0
    assert events(database)[-1][0] == "registration.declined"


def test_of_many_approvals_at_once_one_holds(database: Database, organisation: Organisation) -> None:
    kept = received(database, organisation)
    found = all_at_once(8, lambda _number: approve(database, organisation, kept.id))
    assert {type(error) for error in errors_in(found)} == {DecidedAlreadyError}
    assert len(errors_in(found)) == 7
    assert count(database, Platform) == 1


def test_a_platform_that_names_no_deployment_needs_one_from_whoever_approves(
    database: Database, organisation: Organisation
) -> None:
    kept = received(database, organisation, Site(deployment_id=None))
    with pytest.raises(BadPlatformError) as found:
        approve(database, organisation, kept.id)
    assert (found.value.field, found.value.problem) == ("deployments", "missing")
    platform = approve(database, organisation, kept.id, Approval("学内", False, deployment_id=" 7 "))
    with database.reading() as session:
        assert deployments_of(session, platform.id) == {"7"}


@pytest.mark.parametrize(("name", "problem"), [("", "missing"), ("  ", "missing"), ("x" * 101, "too_long")])
def test_a_registration_needs_a_name_that_lists_can_show(
    database: Database, organisation: Organisation, name: str, problem: str
) -> None:
    kept = received(database, organisation)
    with pytest.raises(BadPlatformError) as found:
        approve(database, organisation, kept.id, Approval(name, False))
    assert (found.value.field, found.value.problem) == ("name", problem)
    assert count(database, Platform) == 0


def test_a_registration_that_another_organisation_took_meanwhile_is_not_overwritten(
    database: Database, organisation: Organisation
) -> None:
    kept = received(database, organisation)
    with database.transaction() as session:
        other = add_organisation(session, "betsu", "別架空大学", "Betsu", NOW)
        add_practice_platform(session, other, issuer=SITE, client_id=kept.client_id)
    with pytest.raises(PlatformExistsError):
        approve(database, organisation, kept.id)
    assert count(database, Platform) == 1


# An update


def test_an_update_is_shown_as_differences_and_applied_only_when_approved(
    database: Database, organisation: Organisation
) -> None:
    platform = approve(database, organisation, received(database, organisation).id)
    with database.transaction() as session:
        session.add(
            PlatformKeyset(
                platform_id=platform.id, organisation_id=organisation.id, document="{}", fetched_at=NOW, last_attempt_at=None
            )
        )  # fmt: skip
    site = Site(deployment_id="5")
    site.configuration["jwks_uri"] = f"{SITE}/new/certs.php"
    site.configuration["scopes_supported"] = [SCOPES[3]]
    kept = received(database, organisation, site)
    assert kept.platform_id == platform.id
    with database.reading() as session:
        before = session.get_one(Platform, platform.id)
        assert before.keyset_url == f"{SITE}/mod/lti/certs.php", "the network changed nothing"
        found = {each.field: (each.before, each.after) for each in differences(session, kept, before)}
    assert set(found) == {"keyset_url", "scopes", "deployment_id"}
    assert found["keyset_url"] == (f"{SITE}/mod/lti/certs.php", f"{SITE}/new/certs.php")
    assert found["deployment_id"] == ("2", "2\n5")
    changed = approve(database, organisation, kept.id, Approval("", False))
    assert changed.id == platform.id
    with database.reading() as session:
        after = session.get_one(Platform, platform.id)
        assert (after.keyset_url, after.scopes, after.name) == (f"{SITE}/new/certs.php", [SCOPES[3]], "学内Moodle")
        assert deployments_of(session, platform.id) == {"2", "5"}
        assert session.get(PlatformKeyset, platform.id) is None, "the keys of the former address are forgotten"
        assert differences(session, kept, after) == []
    kinds = [kind for kind, _code in events(database)]
    assert kinds[-2:] == ["platform.changed", "registration.approved"]
    assert "registration.update_received" in kinds


def test_a_declined_update_changes_nothing(database: Database, organisation: Organisation) -> None:
    platform = approve(database, organisation, received(database, organisation).id)
    site = Site()
    site.configuration["token_endpoint"] = f"{SITE}/new/token.php"
    kept = received(database, organisation, site)
    with database.transaction() as session:
        decline_request(session, organisation, kept.id, BY)
    with database.reading() as session:
        assert session.get_one(Platform, platform.id).token_url == f"{SITE}/mod/lti/token.php"


def test_the_audit_trail_holds_no_secret_and_no_address(database: Database, organisation: Organisation) -> None:
    token = invited(database, organisation)
    site = Site()
    site.instead["registration"] = HttpReply(400, {}, b"secret body")
    with pytest.raises(RegistrationRefused):
        use(database, site, token)
    with database.transaction() as session:
        note(session, "control", ACTOR, NOW, organisation.id, word="secret body")
    with database.reading() as session:
        facts = [str(row.facts) for row in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
    assert "secret body" in facts[-1]
    for text in facts[:-1]:
        assert token not in text
        assert TOKEN not in text
        assert "secret body" not in text
        assert "moodle.example.invalid" not in text
