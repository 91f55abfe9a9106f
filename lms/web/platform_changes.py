"""One registration: looking at it, changing it after being asked, stopping and starting it; and registering by hand."""

from __future__ import annotations

from hashlib import sha256

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from lms.lti.tool_facts import CUSTOM_PARAMETERS
from lms.services.permissions import Permission
from lms.services.platform_register import PlatformView, platform_views
from lms.services.platforms import (
    BadPlatformError,
    NewPlatform,
    PlatformDetails,
    PlatformExistsError,
    UnknownPlatformError,
    add_platform,
    change_platform,
    check_change,
    details_of,
    start_platform,
    stop_platform,
)
from lms.services.registration_decisions import Difference, predecessors
from lms.store.platforms import Platform
from lms.web.request import now, reading, tool, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _
from lms.wording.platforms import platform_fault_sentence

blueprint = Blueprint("platform_changes", __name__, url_prefix="/s/<handle>/platforms")

_MOODLE_PATHS = {"authorization_url": "auth.php", "token_url": "token.php", "keyset_url": "certs.php"}


@blueprint.get("/manual")
@requires(Permission.MANAGE_PLATFORMS)
def manual(handle: str) -> str:
    """Show everything to type into a platform's form, beside a form for what it shows then."""
    return _manual_page()


def _manual_page(error: str = "") -> str:
    return render_template(
        "platforms/manual.html",
        facts=tool().facts,
        custom="\n".join(f"{name}={value}" for name, value in CUSTOM_PARAMETERS.items()),
        error=error,
        sent=request.form,
    )


@blueprint.post("/manual")
@requires(Permission.MANAGE_PLATFORMS)
def add(handle: str) -> Response:
    """Register what was made by hand in the platform."""
    asking = visitor()
    site = _text("issuer").rstrip("/")
    authorization_url, token_url, keyset_url = (
        _text(name) or f"{site}/mod/lti/{path}" for name, path in _MOODLE_PATHS.items()
    )
    new = NewPlatform(
        name=_text("name"),
        issuer=_text("issuer"),
        client_id=_text("client_id"),
        deployments=_lines("deployments"),
        trusts_staff_number=request.form.get("trusts_staff_number") == "yes",
        authorization_url=authorization_url,
        token_url=token_url,
        keyset_url=keyset_url,
    )
    try:
        with transaction() as session:
            platform_id = add_platform(session, asking.organisation, new, asking.actor, now()).id
    except BadPlatformError as bad:
        return make_response(_manual_page(platform_fault_sentence(bad.field, bad.problem)), 422)
    except PlatformExistsError:
        already = _("This issuer and client ID are registered already; an existing registration is never overwritten.")
        return make_response(_manual_page(already), 409)
    return _to(handle, platform_id)


@blueprint.get("/<row:platform_id>")
@requires(Permission.MANAGE_PLATFORMS)
def platform(handle: str, platform_id: int) -> str:
    """Show one registration with the forms to change, stop or start it."""
    return _page(platform_id)


def _page(platform_id: int, error: str = "", sent: PlatformDetails | None = None) -> str:
    view = _view(platform_id)
    organisation = visitor().organisation
    return render_template(
        "platforms/platform.html",
        view=view,
        details=sent or details_of(reading(), view.platform),
        earlier=predecessors(reading(), organisation.id, view.platform.issuer, view.platform.id),
        is_own=visitor().platform_id == platform_id,
        error=error,
    )


@blueprint.post("/<row:platform_id>")
@requires(Permission.MANAGE_PLATFORMS)
def change(handle: str, platform_id: int) -> Response:
    """Show old and new and ask; change the registration once that was answered."""
    asking = visitor()
    wanted = _details()
    try:
        found, checked, names = check_change(reading(), asking.organisation, platform_id, wanted)
        if names and request.form.get("seen", "") != _fingerprint(found):
            return make_response(_confirmation(found, checked, names))
        with transaction() as session:
            change_platform(session, asking.organisation, platform_id, checked, (asking.actor, now()))
    except BadPlatformError as bad:
        return make_response(_page(platform_id, platform_fault_sentence(bad.field, bad.problem), wanted), 422)
    return _to(handle, platform_id)


def _confirmation(found: Platform, checked: PlatformDetails, names: tuple[str, ...]) -> str:
    before = details_of(reading(), found)
    return render_template(
        "platforms/confirm.html",
        platform=found,
        details=checked,
        differences=[
            Difference(name, _shown(getattr(before, name), name), _shown(getattr(checked, name), name))
            for name in names
        ],
        seen=_fingerprint(found),
    )


def _shown(value: object, name: str) -> str:
    if name == "succeeds_id":
        former = None if value is None else reading().get(Platform, value)
        return "–" if former is None else f"{former.name} ({former.client_id})"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "\n".join(value) if isinstance(value, tuple) else str(value)


def _fingerprint(found: Platform) -> str:
    """Return what a confirmation is bound to: the registration as it was when old and new were shown."""
    return sha256(repr(details_of(reading(), found)).encode()).hexdigest()


@blueprint.post("/<row:platform_id>/use")
@requires(Permission.MANAGE_PLATFORMS)
def use(handle: str, platform_id: int) -> Response:
    """Stop a registration, or take it into use again."""
    asking = visitor()
    by = (asking.actor, now())
    if request.form.get("action") == "start":
        with transaction() as session:
            start_platform(session, asking.organisation, platform_id, by)
        return _to(handle, platform_id)
    if request.form.get("action") != "stop" or request.form.get("understood") != "yes":
        _view(platform_id)
        return make_response(_page(platform_id, _("To stop it, tick the box first. Nothing was changed.")), 422)
    with transaction() as session:
        stop_platform(session, asking.organisation, platform_id, by)
    if asking.platform_id == platform_id:  # this very session has ended with it
        return make_response(render_template("platforms/stopped.html"))
    return _to(handle, platform_id)


def _view(platform_id: int) -> PlatformView:
    views = platform_views(reading(), visitor().organisation.id, now())
    found = next((each for each in views if each.platform.id == platform_id), None)
    if found is None:
        raise UnknownPlatformError(platform_id)
    return found


def _details() -> PlatformDetails:
    succeeds = _text("succeeds")
    return PlatformDetails(
        name=_text("name"),
        authorization_url=_text("authorization_url"),
        token_url=_text("token_url"),
        keyset_url=_text("keyset_url"),
        deployments=_lines("deployments"),
        trusted_audiences=_lines("trusted_audiences"),
        trusts_staff_number=request.form.get("trusts_staff_number") == "yes",
        succeeds_id=int(succeeds) if succeeds.isascii() and succeeds.isdigit() and len(succeeds) < 16 else None,
    )


def _text(field: str) -> str:
    return request.form.get(field, "").replace("\0", "").strip()


def _lines(field: str) -> tuple[str, ...]:
    """Return the lines of a field that hold something, without repeats."""
    return tuple(dict.fromkeys(line.strip() for line in _text(field).splitlines() if line.strip()))


def _to(handle: str, platform_id: int) -> Response:
    return make_response(redirect(url_for("platform_changes.platform", handle=handle, platform_id=platform_id), 303))
