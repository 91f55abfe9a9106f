"""Grades on their way to the platforms: what waits, what was refused, what differs there; sending again, putting aside."""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.services.deliveries import (
    DeliveryFilter,
    Kind,
    count_deliveries,
    last_comparisons,
    list_deliveries,
    platforms_with_deliveries,
    put_all_aside,
    put_aside,
    send_again,
    send_all_again,
    take_all_back,
    take_back,
    tries_of,
)
from lms.services.deliveries_export import export_deliveries
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.services.reconciliation import want_comparisons
from lms.web.downloads import download
from lms.web.moments import asked_one_of
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.deliveries import advice_sentence, kind_label, reason_sentence, try_label

blueprint = Blueprint("deliveries", __name__, url_prefix="/s/<handle>/deliveries")

PAGE_SIZE = 100
TRIES_SHOWN = 10
_DONE = ("again", "aside", "back", "compare")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _chosen() -> DeliveryFilter:
    kind = asked_one_of("kind", {each.value for each in Kind})
    return DeliveryFilter(
        kind=Kind(kind) if kind else None,
        code=(request.args.get("code") or "")[:50] or None,
        platform_id=_number(request.args.get("platform")),
    )


def _posted() -> DeliveryFilter:
    """Return the deliveries that a button for many means; a kind that is none means nothing."""
    kind = request.form.get("kind", "")
    return DeliveryFilter(
        kind=Kind(kind) if kind in {each.value for each in Kind} else Kind.DEAD,
        code=request.form.get("code", "")[:50] or None,
        platform_id=_number(request.form.get("platform")),
    )


def _names_on() -> date | None:
    """Return the day for which people are named; None to those who look after the connection alone."""
    return jst_date(now()) if visitor().may(Permission.READ_PEOPLE) else None


@blueprint.get("")
@requires(Permission.MANAGE_DELIVERIES)
def overview(handle: str) -> str:
    """Show the deliveries: how many of each kind, what to do, and each one."""
    asking, session, chosen = visitor(), reading(), _chosen()
    organisation_id = asking.organisation.id
    counts = count_deliveries(session, organisation_id, chosen.platform_id)
    by_kind = {kind: sum(each.count for each in counts if each.kind is kind) for kind in Kind}
    total = by_kind[chosen.kind] if chosen.kind and not chosen.code else sum(
        each.count for each in counts
        if chosen.kind in {None, each.kind} and (chosen.code is None or each.code == chosen.code)
    )  # fmt: skip
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, _number(request.args.get("page")) or 1), pages)
    rows = list_deliveries(session, organisation_id, chosen, (page - 1) * PAGE_SIZE, PAGE_SIZE)
    day = _names_on()
    people = {row.person_id for row in rows if row.person_id is not None}
    return render_template(
        "deliveries/overview.html",
        kinds=list(Kind),
        by_kind=by_kind,
        reasons=[each for each in counts if each.code and each.kind in {Kind.DEAD, Kind.WAITING, Kind.DIFFERING}],
        chosen=chosen,
        rows=rows,
        tries=tries_of(session, [row.id for row in rows], TRIES_SHOWN),
        people=particulars_on(session, organisation_id, day, None, people) if day else {},
        is_named=day is not None,
        platforms=platforms_with_deliveries(session, organisation_id),
        comparison=last_comparisons(session, organisation_id),
        page=page,
        pages=pages,
        arguments={name: request.args[name] for name in ("kind", "code", "platform") if request.args.get(name)},
        done=request.args.get("done") if request.args.get("done") in _DONE else None,
        done_count=_number(request.args.get("count")),
        aside_at=request.args.get("at", "")[:40],
        kind_label=kind_label,
        reason_sentence=reason_sentence,
        advice_sentence=advice_sentence,
        try_label=try_label,
    )


@blueprint.get("/export.csv")
@requires(Permission.MANAGE_DELIVERIES)
def export(handle: str) -> Response:
    """Hand out the deliveries as a file, with the filters of the page."""
    asking = visitor()
    content = export_deliveries(reading(), asking.organisation, _chosen(), now(), _names_on())
    return download(content, f"deliveries-{asking.organisation.key}-{jst_date(now()):%Y%m%d}.csv", "csv")


def _back(handle: str, **said: object) -> Response:
    arguments = {name: request.form[name] for name in ("kind", "code", "platform") if request.form.get(name)} | said
    return make_response(redirect(url_for("deliveries.overview", handle=handle, **arguments), 303))  # type: ignore[arg-type]  # what goes into the address


@blueprint.post("/<row:delivery_id>/again")
@requires(Permission.MANAGE_DELIVERIES)
def again(handle: str, delivery_id: int) -> Response:
    """Send one again."""
    asking = visitor()
    with transaction() as session:
        send_again(session, asking.organisation, delivery_id, (asking.actor, now()))
    return _back(handle, done="again", count=1)


@blueprint.post("/<row:delivery_id>/aside")
@requires(Permission.MANAGE_DELIVERIES)
def aside(handle: str, delivery_id: int) -> Response:
    """Put one aside."""
    asking = visitor()
    with transaction() as session:
        put_aside(session, asking.organisation, delivery_id, (asking.actor, now()))
    return _back(handle, done="aside", count=1, at=now().isoformat())


@blueprint.post("/<row:delivery_id>/back")
@requires(Permission.MANAGE_DELIVERIES)
def back(handle: str, delivery_id: int) -> Response:
    """Take back that one was put aside."""
    asking = visitor()
    with transaction() as session:
        take_back(session, asking.organisation, delivery_id, (asking.actor, now()))
    return _back(handle, done="back", count=1)


@blueprint.post("/again")
@requires(Permission.MANAGE_DELIVERIES)
def all_again(handle: str) -> Response:
    """Send all of one kind and reason again."""
    asking = visitor()
    with transaction() as session:
        count = send_all_again(session, asking.organisation, _posted(), (asking.actor, now()))
    return _back(handle, done="again", count=count)


@blueprint.post("/aside")
@requires(Permission.MANAGE_DELIVERIES)
def all_aside(handle: str) -> Response:
    """Put all dead letters of one reason aside."""
    asking = visitor()
    with transaction() as session:
        count = put_all_aside(session, asking.organisation, _posted(), (asking.actor, now()))
    return _back(handle, done="aside", count=count, at=now().isoformat())


@blueprint.post("/back")
@requires(Permission.MANAGE_DELIVERIES)
def all_back(handle: str) -> Response:
    """Undo: take back what was put aside at one moment by the same person."""
    asking = visitor()
    try:
        moment = datetime.fromisoformat(request.form.get("at", ""))
    except ValueError:
        moment = None
    count = 0
    if moment is not None and moment.tzinfo is not None:
        with transaction() as session:
            count = take_all_back(session, asking.organisation, moment, (asking.actor, now()))
    return _back(handle, done="back", count=count)


@blueprint.post("/compare")
@requires(Permission.MANAGE_DELIVERIES)
def compare(handle: str) -> Response:
    """Have the gradebooks compared now, by the worker."""
    asking = visitor()
    with transaction() as session:
        count = want_comparisons(session, asking.organisation.id, asking.actor, now())
    return _back(handle, done="compare", count=count)
