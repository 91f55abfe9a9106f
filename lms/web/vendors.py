"""Vendors 業者: firms, contracts, the people engaged under them, and their invitations to sign."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import Period, PeriodOrderError, jst_date
from lms.services.invitations import (
    NotEngagedError,
    invitations_of,
    invite,
    revoke_invitation,
)
from lms.services.people import find_person, particulars_on
from lms.services.permissions import Permission
from lms.services.pledges import UnknownPledgeError, approved_texts
from lms.services.signing import full_name
from lms.services.vendors import BadVendorError, add_contract, add_firm, contracts_of, end_engagement, engage, vendors
from lms.store.pledges import texts_of
from lms.web.moments import asked_moment, moment_arguments
from lms.web.request import now, reading, tool, transaction
from lms.web.security import requires, visitor
from lms.wording.pledge_faults import fault_sentence

blueprint = Blueprint("vendors", __name__, url_prefix="/s/<handle>/vendors")


@blueprint.get("")
@requires(Permission.READ_PLEDGES)
def overview(handle: str) -> str:
    """Show firms, contracts and people as of a day, with the forms to add to them."""
    return _page()


def _page(error: str = "", address: str = "", invited: str = "") -> str:
    asking, moment = visitor(), asked_moment()
    organisation_id = asking.organisation.id
    texts = {row.key: row.title(asking.language) for row in texts_of(reading(), organisation_id)}
    return render_template(
        "pledges/vendors.html",
        firms=vendors(reading(), organisation_id, moment),
        contracts=contracts_of(reading(), organisation_id),
        people={key: (full_name(each) or "–", each.staff_number if each else "–") for key, each in
                particulars_on(reading(), organisation_id, moment.as_of, moment.known_at).items()},
        keys=[(key, texts[key]) for key in approved_texts(reading(), organisation_id)],
        titles=texts,
        invitations=invitations_of(reading(), organisation_id, now()),
        moment=moment,
        arguments=moment_arguments(),
        error=error,
        address=address,
        invited=invited,
        sent=request.form,
    )  # fmt: skip


def _back(handle: str) -> Response:
    return make_response(redirect(url_for("vendors.overview", handle=handle), 303))


def _refused(bad: BadVendorError) -> Response:
    field = "name" if bad.field.startswith("name") else bad.field
    code = "too_long" if bad.problem == "too_long" else f"{field}_{bad.problem}"
    return make_response(_page(fault_sentence(code)), 422)


def _number(field: str) -> int:
    value = request.form.get(field, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


def _day(field: str) -> date | None:
    value = request.form.get(field, "").strip()
    return date.fromisoformat(value) if value else None


def _period() -> Period:
    """Return the period from a first to a last day, both as people write them.

    Raises:
        BadVendorError: they are no such days.
    """
    try:
        first, last = _day("first_day"), _day("last_day")
        if first is None:
            raise BadVendorError("dates", "order")
        return Period(first, None if last is None else last + timedelta(days=1))
    except (ValueError, OverflowError, PeriodOrderError) as bad:
        raise BadVendorError("dates", "order") from bad


@blueprint.post("/firms")
@requires(Permission.MANAGE_PLEDGES)
def firm(handle: str) -> Response:
    """Add a firm."""
    asking = visitor()
    try:
        with transaction() as session:
            names = (request.form.get("name_ja", ""), request.form.get("name_en", ""))
            add_firm(session, asking.organisation, *names, (asking.actor, now()))
    except BadVendorError as bad:
        return _refused(bad)
    return _back(handle)


@blueprint.post("/contracts")
@requires(Permission.MANAGE_PLEDGES)
def contract(handle: str) -> Response:
    """Record a contract."""
    asking = visitor()
    named = (request.form.get("number", ""), request.form.get("title", ""))
    try:
        when = (_period(), asking.actor, now())
        with transaction() as session:
            add_contract(session, asking.organisation, _number("firm_id"), named, when)
    except BadVendorError as bad:
        return _refused(bad)
    return _back(handle)


@blueprint.post("/engagements")
@requires(Permission.MANAGE_PLEDGES)
def engagement(handle: str) -> Response:
    """Record that somebody works under a contract."""
    asking = visitor()
    number = request.form.get("staff_number", "").replace("\0", "").strip()
    try:
        period = _period()
        with transaction() as session:
            person_id = find_person(session, asking.organisation.id, number, period.start)
            engage(session, asking.organisation, person_id, _number("contract_id"), (period, asking.actor, now()))
    except BadVendorError as bad:
        return _refused(bad)
    return _back(handle)


@blueprint.post("/engagements/<row:engagement_id>/end")
@requires(Permission.MANAGE_PLEDGES)
def end(handle: str, engagement_id: int) -> Response:
    """End an engagement with today as its last day."""
    asking = visitor()
    try:
        with transaction() as session:
            last = jst_date(now())
            end_engagement(session, asking.organisation, engagement_id, last + timedelta(days=1), (asking.actor, now()))
    except BadVendorError as bad:
        return _refused(bad)
    return _back(handle)


@blueprint.post("/invitations")
@requires(Permission.MANAGE_PLEDGES)
def invitation(handle: str) -> Response:
    """Invite somebody to sign, and show the address once."""
    asking, key = visitor(), request.form.get("pledge_key", "")
    asked_moment()  # the answer is a page, shown once: what it can't read is refused before anything is recorded
    try:
        with transaction() as session:
            row, token = invite(session, asking.organisation, _number("person_id"), key, (asking.actor, now()))
    except NotEngagedError:
        return make_response(_page(fault_sentence("not_engaged")), 422)
    except UnknownPledgeError:
        return make_response(_page(fault_sentence("pledge_unknown")), 422)
    address = f"{tool().settings.base_url}{url_for('invited.page', token=token)}"
    name = full_name(particulars_on(reading(), asking.organisation.id, jst_date(now())).get(row.person_id))
    return make_response(_page(address=address, invited=name or "–"))


@blueprint.post("/invitations/<row:invitation_id>/revoke")
@requires(Permission.MANAGE_PLEDGES)
def revoke(handle: str, invitation_id: int) -> Response:
    """Take an invitation back."""
    asking = visitor()
    with transaction() as session:
        revoke_invitation(session, asking.organisation, invitation_id, (asking.actor, now()))
    return _back(handle)
