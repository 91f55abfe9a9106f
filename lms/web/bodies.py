"""Bodies and their seats, and roles that are kept apart: the secretariat's page for establishing and closing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.services.bodies import (
    BodyFacts,
    BodyRefused,
    SeatFacts,
    SeparationFacts,
    close_body,
    close_seat,
    establish_body,
    establish_seat,
    separate,
    separations_of,
)
from lms.services.permissions import Permission
from lms.services.roles_register import names_on
from lms.store.records import Moment
from lms.store.roles import bodies_of, seats_of
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.gettext import _
from lms.wording.permissions import role_label
from lms.wording.roles import body_sentence

blueprint = Blueprint("bodies", __name__, url_prefix="/s/<handle>/roles/bodies")

_NUMBER_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What was wrong with which form."""

    form: str
    field: str
    sentence: str


class _BadField(ValueError):
    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field)
        self.field = field
        self.sentence = sentence


@blueprint.get("")
@requires(Permission.MANAGE_ROLES)
def overview(handle: str) -> str:
    """Show bodies, seats and rules of separation, and the forms that change them."""
    today = jst_date(now()).isoformat()
    entered = {f"{form}.first_day": today for form in ("body", "seat", "separation")}
    return _page(entered | {"close.last_day": today, "seat.least": "0"}, None)


@blueprint.post("/body")
@requires(Permission.MANAGE_ROLES)
def body(handle: str) -> Response:
    """Establish or change a body."""

    def act(session: Session) -> None:
        facts = BodyFacts(
            key=_text("key"),
            name_ja=_text("name_ja"),
            name_en=_text("name_en"),
            parent_key=_text("parent_key") or None,
            position=_number("position") or 0,
        )
        establish_body(session, visitor().organisation, facts, _day("first_day"), now(), visitor().actor)

    return _recorded("body", act)


@blueprint.post("/seat")
@requires(Permission.MANAGE_ROLES)
def seat(handle: str) -> Response:
    """Establish or change a seat."""

    def act(session: Session) -> None:
        facts = SeatFacts(
            key=_text("key"),
            body_key=_text("body_key"),
            isms_role=_role("isms_role"),
            title_ja=_text("title_ja"),
            title_en=_text("title_en"),
            least=_number("least") or 0,
            most=_number("most"),
            bound_post=_text("bound_post") or None,
            position=_number("position") or 0,
        )
        establish_seat(session, visitor().organisation, facts, _day("first_day"), now(), visitor().actor)

    return _recorded("seat", act)


@blueprint.post("/close")
@requires(Permission.MANAGE_ROLES)
def close(handle: str) -> Response:
    """Close a body or a seat after a last day."""

    def act(session: Session) -> None:
        kind, _colon, key = _text("what").partition(":")
        day = _day("last_day") + timedelta(days=1)
        how = (session, visitor().organisation, key, day, now(), visitor().actor)
        if kind == "body":
            close_body(*how)
        else:
            close_seat(*how)

    return _recorded("close", act)


@blueprint.post("/separation")
@requires(Permission.MANAGE_ROLES)
def separation(handle: str) -> Response:
    """Keep two more roles apart."""

    def act(session: Session) -> None:
        facts = SeparationFacts(_role("first"), _role("second"), _text("reason"), _text("approved_by"))
        separate(session, visitor().organisation, facts, _day("first_day"), now(), visitor().actor)

    return _recorded("separation", act)


def _recorded(form: str, act: Callable[[Session], None]) -> Response:
    try:
        with transaction() as session:
            act(session)
    except BodyRefused as refused:
        wrong = _Wrong(form, refused.field, body_sentence(refused.code, refused.field))
    except _BadField as bad:
        wrong = _Wrong(form, bad.field, bad.sentence)
    else:
        return make_response(redirect(url_for("bodies.overview", handle=visitor().handle), 303))
    entered = {f"{form}.{name}": value for name, value in request.form.items() if name != "form_token"}
    return make_response(_page(entered, wrong), 422)


def _text(name: str) -> str:
    return request.form.get(name, "").replace("\0", "").strip()


def _number(name: str) -> int | None:
    text = _text(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < _NUMBER_LIMIT):
        raise _BadField(name, _("This is no number that can be used here."))
    return int(text)


def _day(name: str) -> date:
    try:
        day = date.fromisoformat(_text(name))
    except ValueError:
        day = date.min
    if not 1990 <= day.year <= 2199:
        raise _BadField(name, _("This is no date. Dates are written like 2026-11-23."))
    return day


def _role(name: str) -> IsmsRole:
    try:
        return IsmsRole(_text(name))
    except ValueError:
        raise _BadField(name, _("Choose one from the list.")) from None


def _page(entered: dict[str, Any], wrong: _Wrong | None) -> str:
    asking = visitor()
    organisation_id = asking.organisation.id
    today = jst_date(now())
    bodies = [row for row in bodies_of(reading(), organisation_id) if row.valid_to is None or row.valid_to > today]
    seats = [row for row in seats_of(reading(), organisation_id) if row.valid_to is None or row.valid_to > today]
    names = [(row.key, row.name(asking.language)) for row in bodies]
    return render_template(
        "roles/bodies.html",
        entered=entered,
        error=wrong,
        bodies=bodies,
        seats=seats,
        names=names_on(reading(), organisation_id, Moment(today), asking.language),
        separations=separations_of(reading(), organisation_id),
        body_options=[("", "–"), *names],
        role_options=[(role.value, role_label(role.value)) for role in IsmsRole],
        closable=[
            *((f"seat:{row.key}", row.title(asking.language)) for row in seats),
            *((f"body:{key}", name) for key, name in names),
        ],
    )
