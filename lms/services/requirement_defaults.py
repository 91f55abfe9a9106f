"""The default load, adopted by one decision: for a year, on joining, for roles, and the pledges whose texts are approved.

Source: domain.md §3 (default load, humane), §4 (signed on joining and on a changed text).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from courses.requirements import PLEDGE, Audience, Occasion, Requirement
from courses.roles import IsmsRole
from lms.services.awareness import modules_in_use
from lms.services.requirements import Approval, approve_requirement, default_requirements
from lms.services.shipped import YEARLY_UNIT
from lms.store.organisations import Organisation
from lms.store.pledges import approvals_of, texts_of
from lms.store.requirements import RequirementVersion, requirements_of

CORE_MODULE = "isms-and-my-role"
VENDOR_BRIEFING = "briefing-vendor"
LEAVING_BRIEFING = "briefing-leaving"
AUDITOR_COURSE = "internal-auditor-course"
DAYS_FOR_A_ROLE = 60
"""Days from appointment within which a role's briefing or course is due."""
DAYS_BEFORE_LEAVING = 14
"""Days before the last day from which the continuing duty can be confirmed."""

_Titles = tuple[str, str]
"""Japanese and English."""


@dataclass(frozen=True, slots=True)
class DefaultRequirement:
    """A requirement of the default load, with its titles."""

    rule: Requirement
    title_ja: str
    title_en: str


def default_load(
    session: Session, organisation_id: int, first_year: int, due: tuple[int, int], today: date
) -> list[DefaultRequirement]:
    """Return the default load that fits what an organisation has adopted and approved.

    A briefing is asked for where its module is adopted (``briefing-ROLE`` of a role); a pledge where its text is approved.
    """
    modules = modules_in_use(session, organisation_id, today)
    found: list[DefaultRequirement] = []
    if CORE_MODULE in modules:
        body = modules[CORE_MODULE].body
        titles = body["ja"].title, body["en"].title
        annual, joining = default_requirements(CORE_MODULE, first_year, due)
        found.append(_titled(annual, titles, ("年次", "yearly")))
        found.append(_titled(joining, titles, ("着任時", "on joining")))
    if YEARLY_UNIT in modules:
        body = modules[YEARLY_UNIT].body
        annual, _joining = default_requirements(YEARLY_UNIT, first_year, due)
        found.append(_titled(annual, (body["ja"].title, body["en"].title), ("年次", "yearly")))
    found.append(
        _on_appointment(
            IsmsRole.INTERNAL_AUDITOR, AUDITOR_COURSE, first_year, ("内部監査員研修", "Course for internal auditors")
        )
    )
    for role in IsmsRole:
        key = f"briefing-{role.value.replace('_', '-')}"
        if key in modules:
            body = modules[key].body
            found.append(_on_appointment(role, key, first_year, (body["ja"].title, body["en"].title)))
    for key, occasion, audience, label in (
        (VENDOR_BRIEFING, Occasion.JOINING, Audience(employments=frozenset({"vendor"})), ("着任時", "on joining")),
        (LEAVING_BRIEFING, Occasion.LEAVING, Audience(), ("離任時", "on leaving")),
    ):
        if key in modules:
            body = modules[key].body
            rule = Requirement(
                key=key,
                competence=key,
                occasion=occasion,
                first_year=first_year,
                audience=audience,
                days_to_complete=DAYS_BEFORE_LEAVING if occasion is Occasion.LEAVING else 30,
            )
            found.append(_titled(rule, (body["ja"].title, body["en"].title), label))
    return [*found, *_pledges(session, organisation_id, first_year)]


def adopt_default_load(
    session: Session,
    organisation: Organisation,
    load: list[DefaultRequirement],
    approved: tuple[str, date],
    by: tuple[str, datetime],
) -> list[RequirementVersion]:
    """Record what an organisation does not ask for yet, by one decision; what has its key already stays as it is.

    Args:
        session: a writing session.
        organisation: whose requirements.
        load: what is adopted.
        approved: office or body that decided, and the day.
        by: who records it, and when.
    """
    approved_by, approved_on = approved
    actor, now = by
    known = {row.key for row in requirements_of(session, organisation.id)}
    return [
        approve_requirement(
            session,
            organisation,
            each.rule,
            Approval(approved_by, approved_on, each.title_ja, each.title_en),
            actor,
            now,
        )
        for each in load
        if each.rule.key not in known
    ]


def _titled(rule: Requirement, titles: _Titles, occasion: _Titles) -> DefaultRequirement:
    return DefaultRequirement(rule, f"{titles[0]}（{occasion[0]}）", f"{titles[1]} ({occasion[1]})")


def _on_appointment(role: IsmsRole, competence: str, first_year: int, titles: _Titles) -> DefaultRequirement:
    rule = Requirement(
        key=f"{competence}-{role.value.replace('_', '-')}",
        competence=competence,
        occasion=Occasion.ROLE,
        first_year=first_year,
        audience=Audience(roles=frozenset({role.value})),
        days_to_complete=DAYS_FOR_A_ROLE,
    )
    return _titled(rule, titles, ("任命時", "on appointment"))


def _pledges(session: Session, organisation_id: int, first_year: int) -> Iterator[DefaultRequirement]:
    approved = {row.text_id for row in approvals_of(session, organisation_id)}
    titles = {row.key: (row.title_ja, row.title_en) for row in texts_of(session, organisation_id) if row.id in approved}
    vendors = frozenset({"vendor", "agency"}) if "vendor" in titles else frozenset()
    others = frozenset({"regular", "part_time", "seconded", "agency", "vendor"}) - vendors
    audiences = {
        "confidentiality": Audience(employments=others) if vendors else Audience(),
        "vendor": Audience(employments=vendors),
    }
    for key, audience in audiences.items():
        if key in titles:
            for occasion, label in (
                (Occasion.JOINING, ("着任時", "on joining")),
                (Occasion.PLEDGE_TEXT, ("文書改定時", "on a changed text")),
            ):
                rule = _pledge(key, occasion, first_year, audience)
                yield _titled(rule, titles[key], label)
    if "leaving" in titles:
        rule = _pledge("leaving", Occasion.LEAVING, first_year, Audience())
        yield _titled(rule, titles["leaving"], ("離任時", "on leaving"))


def _pledge(key: str, occasion: Occasion, first_year: int, audience: Audience) -> Requirement:
    return Requirement(
        key=f"pledge-{key}-{occasion.value.replace('_', '-')}",
        competence=f"{PLEDGE}{key}",
        occasion=occasion,
        first_year=first_year,
        audience=audience,
        days_to_complete=DAYS_BEFORE_LEAVING if occasion is Occasion.LEAVING else 30,
    )
