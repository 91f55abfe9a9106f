"""The system check on a page: what `akashi doctor` finds, for whoever manages platforms.

Opening the page asks nobody; a button asks the platforms, which takes some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, render_template, request

from lms.services.doctor import installation_findings
from lms.services.doctor_organisations import organisation_findings
from lms.services.doctor_probes import probe, questions_for
from lms.services.findings import Area, Finding, Level, good, looked, wrong
from lms.services.permissions import Permission
from lms.web.request import end_reading, now, reading, tool
from lms.web.security import requires, visitor
from lms.wording.doctor import area_label, finding_advice, finding_sentence, level_label

blueprint = Blueprint("doctor", __name__, url_prefix="/s/<handle>/doctor")

_WORST_FIRST = (Level.WRONG, Level.NOTE, Level.UNKNOWN, Level.GOOD)


@blueprint.get("")
@requires(Permission.MANAGE_PLATFORMS)
def page(handle: str) -> str:
    """Show what can be found out here."""
    return _page(_found(), is_asked=False)


@blueprint.post("")
@requires(Permission.MANAGE_PLATFORMS)
def ask(handle: str) -> str:
    """Ask the organisation's platforms and our own address as well."""
    settings, organisation = tool().settings, visitor().organisation
    found = _found()
    questions = questions_for(reading(), organisation.id)
    end_reading()  # platforms may take their time: no connection waits for them
    return _page(found + looked(Area.PLATFORMS, lambda: probe(settings, questions, now())), is_asked=True)


def _found() -> list[Finding]:
    settings, organisation = tool().settings, visitor().organisation
    return [
        *installation_findings(settings, tool().database, now()),
        *looked(Area.SETTINGS, _proxy),
        *organisation_findings(reading(), organisation, settings, now()),
    ]


def _proxy() -> Iterator[Finding]:
    found, wanted = request.host_url.rstrip("/"), tool().settings.base_url
    if found != wanted:
        yield wrong(Area.SETTINGS, "proxy_differs", found=found, wanted=wanted)
    elif ip_address(request.remote_addr or "0.0.0.0").is_loopback and not tool().settings.is_loopback_http:  # noqa: S104 - an address that asks, not one that listens
        yield wrong(Area.SETTINGS, "proxy_address", found=request.remote_addr)
    else:
        yield good(Area.SETTINGS, "proxy_good")


def _page(found: list[Finding], *, is_asked: bool) -> str:
    ordered = sorted(found, key=lambda each: _WORST_FIRST.index(each.level))
    return render_template(
        "doctor/page.html",
        is_asked=is_asked,
        counts={level: sum(each.level is level for each in found) for level in _WORST_FIRST},
        areas=[(area, [each for each in ordered if each.area is area]) for area in Area],
        area_label=area_label,
        level_label=level_label,
        finding_sentence=finding_sentence,
        finding_advice=finding_advice,
    )
