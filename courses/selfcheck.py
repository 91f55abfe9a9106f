"""The self-check 自己点検: questions that an auditor would ask, put to the records as plain values.

A *hit* is a question and not a verdict: a named person judges it. Rules hold no state; the same facts give the same
hits with the same keys, every night.

Source: ISO/IEC 27001 clauses 9.1 and 10.2; domain.md §6, whose numbers the rules carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from courses.calendar import Period


class Rule(StrEnum):
    """The rules that are put by now."""

    NC05 = "NC05"
    """An auditor audited an area from which a dated fact excluded them (9.2)."""
    NC06 = "NC06"
    """An auditor's qualification did not hold through the days of the audit (7.2, 9.2)."""
    NC08 = "NC08"
    """Evidence names a module version that is not kept, or that no decision had adopted (7.5)."""
    NC10 = "NC10"
    """Somebody signed, or stands bound by, a pledge text that another one has replaced (A.6.2, A.6.6)."""
    NC11 = "NC11"
    """A role is held for which no competence is required (7.2 a)."""
    NC12 = "NC12"
    """An exemption lacks its approver, its reason or its end (7.2)."""
    NC18 = "NC18"
    """An auditor's training shows attendance and no passed test (7.2 d, 9.2)."""
    NC19 = "NC19"
    """One and the same person wrote, approved and graded (A.5.3)."""


CLAUSES_OF: Mapping[Rule, tuple[str, ...]] = {
    Rule.NC05: ("9.2", "A.5.35"),
    Rule.NC06: ("7.2", "9.2"),
    Rule.NC08: ("7.5",),
    Rule.NC10: ("A.6.2", "A.6.6"),
    Rule.NC11: ("7.2", "5.3"),
    Rule.NC12: ("7.2",),
    Rule.NC18: ("7.2", "9.2"),
    Rule.NC19: ("A.5.3",),
}


RULES_TO_COME = ("NC01", "NC02", "NC03", "NC04", "NC07", "NC09", "NC13", "NC14", "NC15", "NC16", "NC17")
"""Rules of domain.md §6 that are not put yet: that they found nothing means nothing."""


class Judgement(StrEnum):
    """What a named person finds a hit to be."""

    NONCONFORMITY = "nonconformity"
    """不適合."""
    OBSERVATION = "observation"
    """観察事項."""
    NOT_APPLICABLE = "not_applicable"
    """非該当."""


class Treatment(StrEnum):
    """How a judged hit is treated."""

    NONE = ""
    ACCEPTED = "accepted"
    """Lived with until a day."""
    CORRECTIVE_ACTION = "corrective_action"
    """Removed by a day 是正処置."""


class JudgementError(ValueError):
    """A judgement lacks what it needs, or contradicts itself."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name)
        self.field = field_name


class OwnCaseError(ValueError):
    """Somebody would judge a hit that is about themselves."""

    def __init__(self, person_id: int) -> None:
        super().__init__(person_id)
        self.person_id = person_id


Fact = str | int | date | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One question: what the rule found, and about what."""

    rule: Rule
    key: str
    """Within the rule, made from what it is about."""
    about: tuple[int, ...]
    """People whom it is about; none of them may judge it."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What was found, as codes, keys, numbers and dates."""
    evidence: tuple[int, ...] = ()
    """Keys of the ledger events that it rests on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a named person decides on a hit."""

    judgement: Judgement
    reason: str
    treatment: Treatment = Treatment.NONE
    approved_by: str = ""
    """Office or body that approved the treatment."""
    due_on: date | None = None
    """For a corrective action its due date, for an acceptance its last day."""
    is_closed: bool = False
    """Whether the treatment is done, or the acceptance taken back."""


def check_decision(hit: Hit, judge_id: int, decision: Decision) -> None:
    """Refuse a decision that could not stand.

    Raises:
        OwnCaseError: the judge is one of the people whom the hit is about.
        JudgementError: reason, treatment, its approver or its day is missing, or there is one too many.

    Source: clause 9.2 (nobody judges their own work); domain.md §6.
    """
    if judge_id in hit.about:
        raise OwnCaseError(judge_id)
    is_treated = decision.treatment is not Treatment.NONE
    if not decision.reason.strip():
        raise JudgementError("reason")
    if is_treated and decision.judgement is Judgement.NOT_APPLICABLE:
        raise JudgementError("treatment")
    if not is_treated and decision.judgement is Judgement.NONCONFORMITY:
        raise JudgementError("treatment")
    if is_treated is not bool(decision.approved_by.strip()):
        raise JudgementError("approved_by")
    if is_treated is not (decision.due_on is not None):
        raise JudgementError("due_on")
    if decision.is_closed and not is_treated:
        raise JudgementError("closed")


@dataclass(frozen=True, slots=True)
class AuditDuty:
    """That an auditor is on the team that audits an area."""

    audit: str
    area: str
    person_id: int
    held: Period
    """The days of the audit."""
    grounds: tuple[str, ...] = ()
    """Grounds for exclusion in the audited period, written as exceptions write them."""
    excused: frozenset[str] = frozenset()
    """Grounds that an approved exception covers."""
    qualified: tuple[Period, ...] = ()
    """Days on which the person was a qualified auditor."""
    event_id: int = 0

    @property
    def key(self) -> str:
        """Audit, area and person."""
        return f"{self.audit}/{self.area}/{self.person_id}"


def excluded_auditors(duties: Iterable[AuditDuty]) -> Iterator[Hit]:
    """NC05: did anybody audit an area from which they were excluded in the audited period, without an exception?"""
    for each in duties:
        open_grounds = [ground for ground in each.grounds if ground not in each.excused]
        if open_grounds:
            facts = {"audit": each.audit, "area": each.area, "grounds": " ".join(open_grounds)}
            yield Hit(Rule.NC05, each.key, (each.person_id,), facts, _known(each.event_id))


def unqualified_auditors(duties: Iterable[AuditDuty]) -> Iterator[Hit]:
    """NC06: was every auditor qualified on each day of the audit?"""
    for each in duties:
        first = next((day for day in _days(each.held) if not any(day in period for period in each.qualified)), None)
        if first is not None:
            facts: dict[str, Fact] = {"audit": each.audit, "area": each.area, "first_day": first}
            yield Hit(Rule.NC06, each.key, (each.person_id,), facts, _known(each.event_id))


def _days(period: Period) -> Iterator[date]:
    day = period.start
    while day in period and (period.end is not None or day == period.start):
        yield day
        day += timedelta(days=1)


def _known(*event_ids: int) -> tuple[int, ...]:
    return tuple(each for each in event_ids if each)


@dataclass(frozen=True, slots=True)
class TestEvidence:
    """A submitted test, as far as its version goes."""

    __test__ = False  # pytest: this is no test case

    event_id: int
    person_id: int | None
    module: str
    version: str
    submitted_on: date


@dataclass(frozen=True, slots=True)
class AdoptedVersion:
    """That a decision put a module version in use from a day on."""

    module: str
    version: str
    effective_on: date


def unknown_versions(
    tests: Iterable[TestEvidence], kept: frozenset[str], adopted: Iterable[AdoptedVersion]
) -> Iterator[Hit]:
    """NC08: is each module version that evidence names kept, and had a decision adopted it by that day?"""
    first_day: dict[tuple[str, str], date] = {}
    for decision in adopted:
        key = (decision.module, decision.version)
        first_day[key] = min(decision.effective_on, first_day.get(key, decision.effective_on))
    for each in tests:
        since = first_day.get((each.module, each.version))
        if each.version not in kept:
            problem = "not_kept"
        elif since is None or each.submitted_on < since:
            problem = "not_adopted"
        else:
            continue
        about = () if each.person_id is None else (each.person_id,)
        facts: dict[str, Fact] = {"problem": problem, "module": each.module, "version": each.version[:12]}
        yield Hit(Rule.NC08, f"{each.event_id}", about, facts, (each.event_id,))


@dataclass(frozen=True, slots=True)
class EffectiveText:
    """An approved pledge text, from the day on which it took effect."""

    pledge: str
    version: int
    effective_on: date
    requires_resigning: bool
    days_to_sign: int
    days_after_leave: int = 30
    """Days to sign after the return from a leave that began in the days for signing."""

    def last_day(self, as_of: date, leave: Sequence[Period] = ()) -> date | None:
        """Return the last day on which somebody bound by an earlier version may sign this one; None while on leave.

        Source: domain.md §3 (leave that began by the due date suspends; due again N days after the return).
        """
        last = self.effective_on + timedelta(days=self.days_to_sign)
        for absence in sorted(leave, key=lambda each: each.start):
            if absence.start > min(as_of, last):
                continue
            if absence.end is None or absence.end > as_of:
                return None
            if absence.end > self.effective_on:
                last = max(last, absence.end + timedelta(days=self.days_after_leave))
        return last


@dataclass(frozen=True, slots=True)
class SignedText:
    """That somebody signed a version of a pledge."""

    event_id: int
    person_id: int
    pledge: str
    version: int
    signed_on: date
    bound_until: date | None = None
    """First day on which it binds no more, by withdrawal; None: it still does."""


def obsolete_texts(
    texts: Iterable[EffectiveText],
    signed: Iterable[SignedText],
    in_scope: frozenset[int],
    as_of: date,
    leave: Mapping[int, Sequence[Period]] | None = None,
) -> Iterator[Hit]:
    """NC10: did anybody sign a text that had been replaced, or still stand bound by one past the days for re-signing?"""
    away = leave or {}
    by_pledge: dict[str, list[EffectiveText]] = {}
    for text in sorted(texts, key=lambda each: (each.effective_on, each.version)):
        if text.effective_on <= as_of:
            by_pledge.setdefault(text.pledge, []).append(text)
    newest: dict[tuple[int, str], SignedText] = {}
    for each in sorted(signed, key=lambda each: (each.signed_on, each.version, each.event_id)):
        if each.signed_on > as_of:
            continue
        newest[each.person_id, each.pledge] = each
        replaced_by = _in_effect(by_pledge.get(each.pledge, ()), each.signed_on)
        if replaced_by is not None and replaced_by.version > each.version:
            yield _obsolete(each, replaced_by, "signed_obsolete")
    for each in newest.values():
        is_bound = each.bound_until is None or as_of < each.bound_until
        overdue = _asks_again(by_pledge.get(each.pledge, ()), each.version, as_of, away.get(each.person_id, ()))
        if is_bound and overdue is not None and each.person_id in in_scope:
            yield _obsolete(each, overdue, "not_resigned")


def _in_effect(texts: Sequence[EffectiveText], day: date) -> EffectiveText | None:
    return next((each for each in reversed(texts) if each.effective_on <= day), None)


def _asks_again(
    texts: Sequence[EffectiveText], version: int, as_of: date, leave: Sequence[Period]
) -> EffectiveText | None:
    for each in texts:
        last = each.last_day(as_of, leave) if each.version > version and each.requires_resigning else None
        if last is not None and last < as_of:
            return each
    return None


def _obsolete(signature: SignedText, text: EffectiveText, problem: str) -> Hit:
    facts: dict[str, Fact] = {
        "problem": problem,
        "pledge": signature.pledge,
        "signed_version": signature.version,
        "newer_version": text.version,
        "effective_on": text.effective_on,
    }
    key = f"{problem}/{signature.person_id}/{signature.pledge}/{signature.version}/{text.version}"
    return Hit(Rule.NC10, key, (signature.person_id,), facts, _known(signature.event_id))


def roles_without_requirement(holders: Mapping[str, int], required_of: frozenset[str]) -> Iterator[Hit]:
    """NC11: is there a competence requirement for every role that somebody holds?

    Args:
        holders: how many people hold each role.
        required_of: roles that some requirement in force names.
    """
    for isms_role in sorted(holders):
        if holders[isms_role] and isms_role not in required_of:
            yield Hit(Rule.NC11, isms_role, (), {"role": isms_role, "holders": holders[isms_role]})


@dataclass(frozen=True, slots=True)
class GrantedExemption:
    """An exemption as recorded."""

    event_id: int
    person_id: int
    requirement: str
    valid_from: date
    valid_to: date | None
    approved_by: str
    reason: str | None


def incomplete_exemptions(exemptions: Iterable[GrantedExemption]) -> Iterator[Hit]:
    """NC12: does every exemption say who approved it, why, and until when?"""
    for each in exemptions:
        lacking = [
            name
            for name, is_there in (
                ("approver", each.approved_by.strip()),
                ("reason", (each.reason or "").strip()),
                ("end", each.valid_to),
            )
            if not is_there
        ]
        if lacking:
            facts: dict[str, Fact] = {
                "requirement": each.requirement,
                "valid_from": each.valid_from,
                "lacking": " ".join(lacking),
            }
            key = f"{each.person_id}/{each.requirement}/{each.valid_from.isoformat()}"
            yield Hit(Rule.NC12, key, (each.person_id,), facts, _known(each.event_id))


@dataclass(frozen=True, slots=True)
class CourseRecord:
    """A record of the course that makes auditors."""

    event_id: int
    person_id: int
    completed_on: date
    is_passed: bool
    has_mark: bool
    """Whether mark, maximum and pass mark are recorded."""
    has_certificate: bool
    """Whether a certificate and the one who verified its equivalence are recorded."""

    @property
    def shows_a_pass(self) -> bool:
        """Tell whether the record says passed, and has something to show for it."""
        return self.is_passed and (self.has_mark or self.has_certificate)


def attendance_only(auditors: Iterable[int], records: Iterable[CourseRecord], as_of: date) -> Iterator[Hit]:
    """NC18: has every appointed auditor with a course on record passed it, and not merely been there?

    Appointed auditors without any course on record are asked about by NC06, as soon as they audit.
    """
    by_person: dict[int, list[CourseRecord]] = {}
    for each in records:
        if each.completed_on <= as_of:
            by_person.setdefault(each.person_id, []).append(each)
    for person_id in sorted(set(auditors)):
        theirs = by_person.get(person_id, [])
        if theirs and not any(each.shows_a_pass for each in theirs):
            problem = "passed_without_proof" if any(each.is_passed for each in theirs) else "attended_only"
            latest = max(theirs, key=lambda each: (each.completed_on, each.event_id))
            facts: dict[str, Fact] = {"problem": problem, "completed_on": latest.completed_on}
            yield Hit(Rule.NC18, f"{person_id}", (person_id,), facts, tuple(each.event_id for each in theirs))


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who did what to one competence's material; only people count, not offices or the tool."""

    competence: str
    writers: frozenset[int]
    approvers: frozenset[int]
    graders: frozenset[int]


def one_person_throughout(authorships: Iterable[Authorship]) -> Iterator[Hit]:
    """NC19: did one and the same person write the material, approve it and grade on it?"""
    for each in authorships:
        for person_id in sorted(each.writers & each.approvers & each.graders):
            key = f"{each.competence}/{person_id}"
            yield Hit(Rule.NC19, key, (person_id,), {"competence": each.competence})
