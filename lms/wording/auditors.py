"""Auditors, their qualification and their independence, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from courses.auditors import Check, CheckKind, Finding, MemberKind, QualificationState
from courses.calendar import Period
from courses.independence import Ground, GroundKind, Verdict
from lms.wording.gettext import _
from lms.wording.registers import date_label

Sentence = Callable[[], str]


def verdict_label(verdict: Verdict | str) -> str:
    """Return the name of a verdict on one auditor and one area."""
    labels: dict[Verdict, Sentence] = {
        Verdict.ELIGIBLE: lambda: _("Eligible"),
        Verdict.EXCLUDED: lambda: _("Excluded"),
        Verdict.CANNOT_TELL: lambda: _("Cannot tell"),
        Verdict.NOT_QUALIFIED: lambda: _("Not qualified"),
    }
    return labels[Verdict(verdict)]()


VERDICT_SIGNS: Mapping[str, str] = {"eligible": "○", "excluded": "×", "cannot_tell": "?", "not_qualified": "−"}
"""Signs beside the words, so that no cell is told by its colour alone."""


def ground_label(kind: GroundKind | str) -> str:
    """Return the name of a ground for exclusion."""
    labels: dict[GroundKind, Sentence] = {
        GroundKind.DUTY: lambda: _("Duty in the area"),
        GroundKind.AFFILIATION: lambda: _("Belongs to the area's unit"),
        GroundKind.CONCURRENT_POST: lambda: _("Concurrent post in the area's unit"),
        GroundKind.LINE_AUTHORITY: lambda: _("Line authority over the area"),
        GroundKind.AUTHORSHIP: lambda: _("Wrote documents of the area"),
        GroundKind.CONSULTANCY: lambda: _("Consultancy to the area"),
        GroundKind.DECLARED_INTEREST: lambda: _("Declared interest"),
    }
    return labels[GroundKind(kind)]()


def ground_sentence(ground: Ground, units: Mapping[int, str]) -> str:
    """Return a ground with its days: "Belongs to the area's unit (Network Section), since 1 Apr 2020"."""
    what = ground_label(ground.kind)
    detail = ground.document if ground.unit is None else units.get(ground.unit)
    if detail:
        return _("%(what)s (%(detail)s), %(days)s", what=what, detail=detail, days=days_label(ground.period))
    return _("%(what)s, %(days)s", what=what, days=days_label(ground.period))


def days_label(period: Period) -> str:
    """Return the days of a period with the last day named: "1 Apr 2025 to 31 Mar 2026"."""
    if period.end is None:
        return _("since %(start)s", start=date_label(period.start))
    last = max(period.end - timedelta(days=1), period.start)
    return _("%(start)s to %(end)s", start=date_label(period.start), end=date_label(last))


def kept_ground_sentence(ground: Mapping[str, object]) -> str:
    """Return in words a ground as an exception or a kept verdict names it."""
    start, end = str(ground["from"]), ground.get("to")
    period = Period(date.fromisoformat(start), date.fromisoformat(str(end)) if end else None)
    what = ground_label(str(ground["kind"]))
    return _("%(what)s, %(days)s", what=what, days=days_label(period))


def qualification_label(state: QualificationState | str) -> str:
    """Return the name of the state of a qualification."""
    labels: dict[QualificationState, Sentence] = {
        QualificationState.VALID: lambda: _("Qualified"),
        QualificationState.LAPSED: lambda: _("Lapsed"),
        QualificationState.NOT_GRANTED: lambda: _("Not granted"),
    }
    return labels[QualificationState(state)]()


def check_label(kind: CheckKind | str) -> str:
    """Return the name of what is asked of an auditor."""
    labels: dict[CheckKind, Sentence] = {
        CheckKind.COURSE: lambda: _("Passed course"),
        CheckKind.APPOINTMENT: lambda: _("Appointment"),
        CheckKind.REVIEW: lambda: _("Yearly review"),
        CheckKind.SERVICE: lambda: _("Service"),
    }
    return labels[CheckKind(kind)]()


_FINDINGS: dict[Finding, Sentence] = {
    Finding.PASSED: lambda: _("Passed a course"),
    Finding.COURSE_MISSING: lambda: _("No course is recorded"),
    Finding.ATTENDED_ONLY: lambda: _("Attended a course without passing it"),
    Finding.COURSE_INCOMPLETE: lambda: _("Course without provider, certificate or verified equivalence"),
    Finding.COURSE_EXPIRED: lambda: _("The course no longer counts"),
    Finding.APPOINTED: lambda: _("Appointed"),
    Finding.NEVER_APPOINTED: lambda: _("Not appointed"),
    Finding.NOT_YET_APPOINTED: lambda: _("Not appointed yet"),
    Finding.TERM_OVER: lambda: _("The term is over"),
    Finding.REVIEWED: lambda: _("Found competent"),
    Finding.REVIEW_NOT_ASKED: lambda: _("No review is asked for"),
    Finding.REVIEW_MISSING: lambda: _("Not reviewed"),
    Finding.REVIEW_OVER: lambda: _("The review is out of its period"),
    Finding.NOT_COMPETENT: lambda: _("Found not competent"),
    Finding.IN_SERVICE: lambda: _("In service"),
    Finding.LEFT: lambda: _("Has left"),
}


def check_sentence(check: Check) -> str:
    """Return what a check found, and until when it holds or since when it does not: "Appointed (until 31 Mar 2027)"."""
    found = _FINDINGS[check.finding]()
    if check.until is None:
        return found
    if check.is_met:
        return _("%(found)s (until %(day)s)", found=found, day=date_label(check.until - timedelta(days=1)))
    if check.finding is Finding.NOT_COMPETENT:
        return found
    return _("%(found)s (since %(day)s)", found=found, day=date_label(check.until))


def member_label(kind: MemberKind | str) -> str:
    """Return the name of a kind of team member."""
    labels: dict[MemberKind, Sentence] = {
        MemberKind.AUDITOR: lambda: _("Auditor"),
        MemberKind.TECHNICAL_EXPERT: lambda: _("Technical expert"),
        MemberKind.OBSERVER: lambda: _("Observer"),
        MemberKind.GUIDE: lambda: _("Guide"),
    }
    return labels[MemberKind(kind)]()


def flag_sentence(flag: str) -> str:
    """Return why an assigned pairing is not right any more."""
    sentences: dict[str, Sentence] = {
        "excluded": lambda: _("A ground for exclusion is not covered by an approved exception."),
        "not_qualified": lambda: _("Not qualified on every day of the audit."),
        "not_declared": lambda: _("This year's declaration of interests is missing."),
    }
    return sentences[flag]()


def team_problem_sentence(problem: str, wanted: int, skills: str) -> str:
    """Return what is wrong with a team."""
    sentences: dict[str, Sentence] = {
        "twice": lambda: _("Somebody is in the team twice."),
        "too_few": lambda: _("The team needs at least %(wanted)s auditors.", wanted=wanted),
        "no_leader": lambda: _("Exactly one auditor leads the team. Choose the leader among the auditors."),
        "leaders_lacking": lambda: _(
            "The leader must be allowed to lead, and so must %(wanted)s of the team. See the review of competence.",
            wanted=wanted,
        ),
        "skill_lacking": lambda: _("Nobody in the team has: %(skills)s.", skills=skills),
    }
    return sentences[problem]()


def exception_problem_sentence(problem: str) -> str:
    """Return why an exception can't be proposed or decided."""
    sentences: dict[str, Sentence] = {
        "nothing_to_except": lambda: _("Choose at least one ground that excludes the auditor now."),
        "unknown": lambda: _("There is no such proposal."),
        "decided": lambda: _("The proposal has been decided already."),
        "by_auditor": lambda: _("Nobody proposes or approves an exception for themself."),
        "by_proposer": lambda: _("An exception is approved by somebody other than its proposer."),
    }
    return sentences[problem]()


def decision_problem_sentence(field: str, problem: str) -> str:
    """Return which value of a form can't be recorded, and why."""
    reasons: dict[str, Sentence] = {
        "missing": lambda: _("Please fill it in."),
        "malformed": lambda: _("It has characters that can't be used here, or is too long."),
        "taken": lambda: _("It is recorded already."),
        "range": lambda: _("The number or period is out of range."),
        "order": lambda: _("The end lies before the start."),
        "unknown": lambda: _("It names nobody and nothing that is recorded."),
        "too_long": lambda: _("It is too long."),
    }
    return _("%(field)s: %(reason)s", field=field_label(field), reason=reasons[problem]())


def field_label(field: str) -> str:
    """Return the label of a field of the forms about auditors and audits."""
    labels: dict[str, Sentence] = {
        "key": lambda: _("Key"),
        "name_ja": lambda: _("Name (Japanese)"),
        "name_en": lambda: _("Name (English)"),
        "title_ja": lambda: _("Title (Japanese)"),
        "title_en": lambda: _("Title (English)"),
        "unit": lambda: _("Unit"),
        "effort": lambda: _("Effort (hours)"),
        "skills": lambda: _("Skills"),
        "valid_from": lambda: _("From"),
        "valid_to": lambda: _("To (that day included)"),
        "reason": lambda: _("Reason"),
        "auditors_per_area": lambda: _("Auditors for each area"),
        "leaders_per_team": lambda: _("Of these, allowed to lead"),
        "look_back_months": lambda: _("Look-back (months)"),
        "course_valid_months": lambda: _("Validity of the course (months)"),
        "training_days": lambda: _("Days to train an auditor"),
        "approved_by": lambda: _("Approved by"),
        "basis": lambda: _("What the judgement rests on"),
        "capacity": lambda: _("Time for audits (hours)"),
        "explanation": lambda: _("Explanation"),
        "staff_number": lambda: _("Staff number"),
        "cost": lambda: _("Relative cost"),
        "criteria": lambda: _("Audit criteria"),
        "areas": lambda: _("Audited areas"),
        "period_from": lambda: _("Audited period from"),
        "period_to": lambda: _("Audited period to (that day included)"),
        "held_from": lambda: _("First day of the audit"),
        "held_to": lambda: _("Last day of the audit"),
        "mitigation": lambda: _("Mitigation"),
    }
    return labels[field]() if field in labels else field
