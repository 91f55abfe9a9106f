"""Evidence packs: asking for one, watching it being made, downloading it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, request, send_file, url_for

from courses.calendar import FiscalYear, Period, PeriodOrderError, UnknownFiscalYearError, jst_date
from lms.services.audit import note
from lms.services.evidence.jobs import (
    PackWanted,
    TooManyPacksError,
    ask_for_pack,
    download_name,
    find_file,
)
from lms.services.evidence.pack import pending_events
from lms.services.evidence.source import PackPeriodError
from lms.services.moments import UnknownTreeSizeError, tree_size
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.store.evidence import pack_jobs_of
from lms.web.request import now, reading, tool, transaction
from lms.web.security import requires, visitor
from lms.wording.evidence import pack_problem

blueprint = Blueprint("evidence", __name__, url_prefix="/s/<handle>/evidence")

_FIELDS = ("year", "from", "to", "as_of", "known_at", "named")


@dataclass(frozen=True, slots=True)
class Entered:
    """What was sent with the form, to be shown again."""

    values: dict[str, str]
    problem: str


class BadPackFormError(ValueError):
    """The form holds something that can't be read."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@blueprint.get("")
@requires(Permission.EXPORT_EVIDENCE)
def packs(handle: str) -> str:
    """Show the form, and the packs that were asked for."""
    return _page(None)


def _page(entered: Entered | None) -> str:
    organisation, today = visitor().organisation, jst_date(now())
    session = reading()
    jobs = pack_jobs_of(session, organisation.id)
    this_year = FiscalYear.of(today)
    return render_template(
        "evidence/packs.html",
        entered=entered,
        years=[FiscalYear(year) for year in range(this_year.year, this_year.year - 6, -1)],
        this_year=this_year,
        today=today,
        jobs=jobs,
        is_waiting=any(each.state == "wanted" for each in jobs),
        size=tree_size(session, organisation.id),
        pending=pending_events(session, organisation.id),
        names=particulars_on(session, organisation.id, today, None),
        pack_problem=pack_problem,
    )


@blueprint.post("")
@requires(Permission.EXPORT_EVIDENCE)
def ask(handle: str) -> Response:
    """Note that a pack is wanted; the worker makes it."""
    asking = visitor()
    try:
        wanted = _wanted()
        with transaction() as session:
            job = ask_for_pack(session, asking.organisation, wanted, asking.actor, now())
            note(session, "evidence.pack_asked", asking.actor, now(), asking.organisation.id, job=job.id)
    except (
        BadPackFormError,
        PackPeriodError,
        PeriodOrderError,
        UnknownFiscalYearError,
        UnknownTreeSizeError,
        TooManyPacksError,
    ) as refused:
        entered = Entered({name: request.form.get(name, "") for name in _FIELDS}, type(refused).__name__)
        return make_response(_page(entered), 422)
    return make_response(redirect(url_for("evidence.packs", handle=handle), 303))


def _wanted() -> PackWanted:
    start, end = _date("from"), _date("to")
    if start is not None and end is not None:
        period = Period(start, end)
    elif start is None and end is None:
        period = FiscalYear.parse(request.form.get("year", "")).period
    else:
        raise BadPackFormError("to")
    size = request.form.get("known_at", "").strip()
    if size and not (size.isascii() and size.isdigit() and len(size) < 16):
        raise BadPackFormError("known_at")
    as_of = _date("as_of") or jst_date(now())
    return PackWanted(period, as_of, int(size) if size else None, request.form.get("named") == "yes")


def _date(field: str) -> date | None:
    text = request.form.get(field, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadPackFormError(field) from None


@blueprint.get("/<row:pack_id>/pack.zip")
@requires(Permission.EXPORT_EVIDENCE)
def download(handle: str, pack_id: int) -> Response:
    """Hand out a pack as a file."""
    asking = visitor()
    job, path = find_file(reading(), asking.organisation, pack_id, tool().settings.spool_dir)
    name = download_name(asking.organisation, job)
    with transaction() as session:
        facts = {"job": job.id, "manifest": job.manifest_sha256, "named": job.is_named}
        note(session, "evidence.pack_downloaded", asking.actor, now(), asking.organisation.id, **facts)
    return send_file(path.resolve(), "application/zip", as_attachment=True, download_name=name, max_age=0)
