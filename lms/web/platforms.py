"""Platforms: the register, invitations to register, and the requests that wait for a decision."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from lms.lti.tool_facts import SCOPES
from lms.services.permissions import Permission
from lms.services.platform_register import platform_views
from lms.services.platforms import BadPlatformError
from lms.services.registration_decisions import (
    Approval,
    approve_request,
    decline_request,
    differences,
    predecessors,
    registration_changed_by,
    request_of,
    waiting_requests,
)
from lms.services.registrations import (
    INVITATION_LIFETIME,
    BadInvitationError,
    invite_platform,
    platform_invitations,
    revoke_platform_invitation,
)
from lms.web.request import now, reading, tool, transaction
from lms.web.security import requires, visitor
from lms.wording.platforms import platform_fault_sentence

blueprint = Blueprint("platforms", __name__, url_prefix="/s/<handle>/platforms")

_SHOWN_INVITATIONS = 20


@blueprint.get("")
@requires(Permission.MANAGE_PLATFORMS)
def overview(handle: str) -> str:
    """Show all registrations with their state, what waits for a decision, and the invitations."""
    return _page()


def _page(error: str = "", address: str = "") -> str:
    organisation = visitor().organisation
    return render_template(
        "platforms/register.html",
        views=platform_views(reading(), organisation.id, now()),
        waiting=waiting_requests(reading(), organisation.id),
        invitations=platform_invitations(reading(), organisation.id, now())[:_SHOWN_INVITATIONS],
        days=INVITATION_LIFETIME.days,
        address=address,
        error=error,
        sent=request.form,
    )


@blueprint.post("/invitations")
@requires(Permission.MANAGE_PLATFORMS)
def invitation(handle: str) -> Response:
    """Invite a platform to register, and show the address once."""
    asking = visitor()
    try:
        with transaction() as session:
            written, lifetime = request.form.get("note", ""), timedelta(days=_days())
            _row, token = invite_platform(session, asking.organisation, written, (asking.actor, now()), lifetime)
    except BadInvitationError as bad:
        problem = "too_long" if bad.field == "note" else "range"
        return make_response(_page(platform_fault_sentence(bad.field, problem)), 422)
    return make_response(_page(address=f"{tool().settings.base_url}{url_for('registration.page', token=token)}"))


def _days() -> int:
    """Return the days that were entered; 0, which no invitation has, for what is no small number."""
    value = request.form.get("days", str(INVITATION_LIFETIME.days)).strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 else 0


@blueprint.post("/invitations/<row:platform_invitation_id>/revoke")
@requires(Permission.MANAGE_PLATFORMS)
def revoke(handle: str, platform_invitation_id: int) -> Response:
    """Take an invitation back."""
    asking = visitor()
    with transaction() as session:
        revoke_platform_invitation(session, asking.organisation, platform_invitation_id, (asking.actor, now()))
    return make_response(redirect(url_for("platforms.overview", handle=handle), 303))


@blueprint.get("/requests/<row:request_id>")
@requires(Permission.MANAGE_PLATFORMS)
def registration_request(handle: str, request_id: int) -> str:
    """Show what a platform answered, whole, with the form that approves or declines it."""
    return _request_page(request_id)


def _request_page(request_id: int, error: str = "") -> str:
    organisation = visitor().organisation
    found = request_of(reading(), organisation.id, request_id)
    changed = registration_changed_by(reading(), found)
    return render_template(
        "platforms/request.html",
        found=found,
        changed=changed,
        differences=[] if changed is None else differences(reading(), found, changed),
        earlier=predecessors(reading(), organisation.id, found.issuer) if changed is None else [],
        lacking=[scope for scope in SCOPES if scope not in found.scopes],
        error=error,
        sent=request.form,
    )


@blueprint.post("/requests/<row:request_id>")
@requires(Permission.MANAGE_PLATFORMS)
def decide(handle: str, request_id: int) -> Response:
    """Approve a request, or decline it."""
    asking = visitor()
    by = (asking.actor, now())
    if request.form.get("action") == "decline":
        with transaction() as session:
            decline_request(session, asking.organisation, request_id, by)
        return make_response(redirect(url_for("platforms.overview", handle=handle), 303))
    try:
        with transaction() as session:
            platform = approve_request(session, asking.organisation, request_id, _approval(), by)
            platform_id = platform.id
    except BadPlatformError as bad:
        return make_response(_request_page(request_id, platform_fault_sentence(bad.field, bad.problem)), 422)
    return make_response(redirect(url_for("platform_changes.platform", handle=handle, platform_id=platform_id), 303))


def _approval() -> Approval:
    succeeds = request.form.get("succeeds", "")
    return Approval(
        name=request.form.get("name", "").replace("\0", ""),
        trusts_staff_number=request.form.get("trusts_staff_number") == "yes",
        deployment_id=request.form.get("deployment_id", ""),
        succeeds_id=int(succeeds) if succeeds.isascii() and succeeds.isdigit() and len(succeeds) < 16 else None,
    )
