"""The self-check at work: gathering facts, putting the rules to them, and judging what they ask.

Source: ISO/IEC 27001 clause 10.2; domain.md §6; the rules are `courses.selfcheck`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.selfcheck import (
    Decision,
    Hit,
    Rule,
    attendance_only,
    check_decision,
    excluded_auditors,
    incomplete_exemptions,
    obsolete_texts,
    one_person_throughout,
    roles_without_requirement,
    unknown_versions,
    unqualified_auditors,
)
from lms.services import selfcheck_facts as facts
from lms.store.organisations import Organisation
from lms.store.records import Moment, record
from lms.store.selfcheck import SelfCheckJudgement, judgements_of


class UnknownHitError(LookupError):
    """No rule asks this question now."""

    def __init__(self, rule: str, key: str) -> None:
        super().__init__(rule, key)
        self.rule, self.key = rule, key


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """A hit, and what was decided on it."""

    hit: Hit
    judgements: tuple[SelfCheckJudgement, ...]
    """In order of their recording; the last one holds."""

    @property
    def judgement(self) -> SelfCheckJudgement | None:
        """The judgement that holds; None while nobody has judged."""
        return self.judgements[-1] if self.judgements else None

    def is_overdue(self, day: date) -> bool:
        """Tell whether its treatment should have been done, or its acceptance is over."""
        held = self.judgement
        return held is not None and held.closed_on is None and held.due_on is not None and held.due_on < day


def hits(session: Session, organisation_id: int, moment: Moment) -> list[Hit]:
    """Put every rule to the records as of a date and as known then; in order of rule and key."""
    known = facts.Known(session, organisation_id, moment)
    duties = known.audit_duties()
    found = [
        *excluded_auditors(duties),
        *unqualified_auditors(duties),
        *unknown_versions(known.tests(), known.kept_versions(), known.adopted_versions()),
        *obsolete_texts(
            known.effective_texts(), known.signed_texts(), known.people_in_scope(), moment.as_of, known.leave()
        ),
        *roles_without_requirement(known.role_holders(), known.roles_required()),
        *incomplete_exemptions(known.exemptions()),
        *attendance_only(known.appointed_auditors(), known.courses(), moment.as_of),
        *one_person_throughout(known.authorships()),
    ]
    return sorted(found, key=lambda each: (each.rule, each.key))


def unexamined(session: Session, organisation_id: int, moment: Moment) -> frozenset[Rule]:
    """Return the rules that could look at nothing: they found no hit, and that says nothing."""
    known = facts.Known(session, organisation_id, moment)
    has_writers = any(each.writers for each in known.authorships())
    return frozenset() if has_writers else frozenset({Rule.NC19})


def judged_hits(session: Session, organisation_id: int, moment: Moment) -> list[JudgedHit]:
    """Return the hits with the judgements on them that were known and had been made by the date."""
    judged = judgements_of(session, organisation_id, moment.known_at)
    return [
        JudgedHit(
            hit,
            tuple(each for each in judged.get((hit.rule.value, hit.key), ()) if each.judged_on <= moment.as_of),
        )
        for hit in hits(session, organisation_id, moment)
    ]


def find_hit(session: Session, organisation_id: int, rule: str, key: str, today: date) -> Hit:
    """Return a hit as it stands today.

    Raises:
        UnknownHitError: no rule asks this now.
    """
    for hit in hits(session, organisation_id, Moment(today)):
        if (hit.rule, hit.key) == (rule, key):
            return hit
    raise UnknownHitError(rule, key)


def judge(
    session: Session, organisation: Organisation, hit: Hit, decision: Decision, judge_id: int, now: datetime
) -> SelfCheckJudgement:
    """Record what a named person finds a hit to be.

    Raises:
        OwnCaseError: the hit is about the judge.
        JudgementError: the decision lacks something.
    """
    check_decision(hit, judge_id, decision)
    today = jst_date(now)
    row = SelfCheckJudgement(
        rule=hit.rule.value,
        hit=hit.key,
        judgement=decision.judgement.value,
        reason=decision.reason.strip(),
        judged_by=f"person:{judge_id}",
        judged_on=today,
        treatment=decision.treatment.value,
        approved_by=decision.approved_by.strip(),
        due_on=decision.due_on,
        closed_on=today if decision.is_closed else None,
        recorded_at=now,
        recorded_by=f"person:{judge_id}",
    )
    record(session, organisation, row)
    return row


def counts(found: list[Hit]) -> dict[str, int]:
    """Return how many hits each rule has, rules without any included."""
    return {rule.value: sum(each.rule is rule for each in found) for rule in Rule}
