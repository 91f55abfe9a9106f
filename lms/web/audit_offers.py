"""What the page that chooses a team offers, reads and says when it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from courses.auditors import MemberKind
from courses.calendar import jst_date
from courses.independence import Independence, Verdict
from lms.services.audit_teams import BlockedPairingError, TeamProblemError, shortcomings
from lms.services.auditor_decisions import BadDecisionError
from lms.services.auditors import Book, open_book
from lms.services.audits import approved_exceptions, excepted_grounds, judge_pairing
from lms.services.pairing_exceptions import ExceptionProblemError
from lms.services.planner import people_names
from lms.services.pools import auditor_id
from lms.store.audits import Audit
from lms.store.records import Moment
from lms.web import audit_fields as fields
from lms.web.request import now, reading
from lms.web.security import visitor
from lms.wording.auditors import (
    check_sentence,
    decision_problem_sentence,
    exception_problem_sentence,
    ground_sentence,
    team_problem_sentence,
)
from lms.wording.gettext import _, current_language


@dataclass(frozen=True, slots=True)
class Offer:
    """Somebody who could be in a team, with the verdict and its reasons in words."""

    person_id: int
    name: str
    found: Independence
    may_audit: bool
    """With the approved exceptions."""
    is_excepted: bool
    reasons: tuple[str, ...]
    kind: str
    """As in the team now or as chosen; empty: not in it."""
    is_leader: bool
    is_auditor: bool


def today() -> Moment:
    """Return today with everything recorded: what a form is judged by."""
    return Moment(jst_date(now()))


def unit_names(book: Book) -> dict[int, str]:
    """Return the names of the units in the language in force."""
    is_japanese = current_language() == "ja"
    return {key: unit.name_ja if is_japanese else unit.name_en for key, unit in book.units.items()}


def refusal_sentences(refused: Exception) -> list[str]:
    """Return in words what was refused; blocked pairings each with their reasons."""
    if isinstance(refused, BadDecisionError):
        return [decision_problem_sentence(refused.field, refused.problem)]
    if isinstance(refused, TeamProblemError):
        return [team_problem_sentence(refused.problem.value, refused.wanted, ", ".join(refused.skills))]
    if isinstance(refused, ExceptionProblemError):
        return [exception_problem_sentence(refused.problem.value)]
    if isinstance(refused, BlockedPairingError):
        session, organisation_id = reading(), visitor().organisation.id
        names, units = (
            people_names(session, organisation_id, today()),
            unit_names(open_book(session, organisation_id, today())),
        )
        return [
            _(
                "%(who)s may not audit %(area)s: %(why)s",
                who=names.get(auditor_id(each.person_id), "–"),
                area=each.area_key,
                why="; ".join(
                    [check_sentence(check) for check in each.shortcomings]
                    + [ground_sentence(ground, units) for ground in each.open_grounds]
                    + ([] if each.independence.is_declared else [_("This year's declaration of interests is missing")])
                ),
            )
            for each in refused.blocked
        ]
    return [decision_problem_sentence("areas", "unknown")]


def make_offer(book: Book, row: Audit, area_key: str, about: tuple[int, Mapping[str, str], Any, Any]) -> Offer:
    """Return somebody with verdict and reasons; ``about`` is who, names, exceptions, and what is chosen."""
    person_id, names, exceptions, chosen = about
    found = judge_pairing(book, row, area_key, person_id)
    named = excepted_grounds(approved_exceptions(exceptions, row.key, area_key, person_id))
    units = unit_names(book)
    reasons = [check_sentence(each) for each in shortcomings(book, row, person_id)]
    reasons += [ground_sentence(each, units) for each in found.grounds]
    if not found.is_declared and found.verdict is not Verdict.NOT_QUALIFIED:
        reasons.append(_("This year's declaration of interests is missing"))
    may_audit = found.may_audit(named)
    kind, is_leader = chosen.get(person_id, ("", False))
    return Offer(
        person_id,
        names.get(auditor_id(person_id), auditor_id(person_id)),
        found,
        may_audit,
        may_audit and found.verdict is Verdict.EXCLUDED,
        tuple(reasons),
        kind,
        is_leader,
        book.file(person_id).is_auditor,
    )


def chosen_members() -> dict[int, tuple[str, bool]]:
    """Return kind and leadership by person, as the form says."""
    leader = fields.text("leader")
    kinds = {each.value for each in MemberKind}
    found = {}
    for name, value in request.form.items():
        key = name.removeprefix("kind-")
        if name.startswith("kind-") and value in kinds and key.isascii() and key.isdigit() and len(key) < 19:
            found[int(key)] = (value, key == leader)
    return found
