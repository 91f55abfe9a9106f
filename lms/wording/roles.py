"""What people read about roles: what stands against an appointment, kinds of ending, letters, labels of registers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from courses.calendar import era_date
from courses.charts import Contradiction, ContradictionCode
from courses.roles import IsmsRole, Problem, ProblemCode, RoleAssignment, Separation
from lms.wording.gettext import _, current_language, ngettext
from lms.wording.permissions import role_label
from lms.wording.registers import date_label


def end_kind_label(kind: str) -> str:
    """Return the name of a kind of ending; an unknown code stands for itself."""
    labels: dict[str, Callable[[], str]] = {
        "dismissed": lambda: _("Dismissal"),
        "resigned": lambda: _("Resignation"),
        "transferred": lambda: _("Transfer"),
        "left": lambda: _("Leaving"),
        "reorganised": lambda: _("Reorganisation"),
    }
    return labels[kind]() if kind in labels else kind


def term_label(first_day: date, last_day: date | None) -> str:
    """Return a term 任期 in words, both days included."""
    start = date_label(first_day)
    if last_day is None:
        return _("from %(start)s until further notice", start=start)
    return _("%(start)s to %(end)s", start=start, end=date_label(last_day))


def letter_term(first_day: date, last_day: date | None) -> str:
    """Return a term as letters write it: in Japanese by eras, in English with the months in full."""
    days = [_letter_date(day) for day in (first_day, last_day) if day is not None]
    if last_day is None:
        return _("from %(start)s until further notice", start=days[0])
    return _("%(start)s to %(end)s", start=days[0], end=days[1])


def _letter_date(day: date) -> str:
    return era_date(day) if current_language() == "ja" else f"{day.day} {day:%B} {day.year}"


def assignment_label(each: RoleAssignment) -> str:
    """Return an appointment in words: role, term and letter."""
    return _(
        "%(role)s, %(term)s (letter %(letter)s)",
        role=role_label(each.isms_role.value),
        term=term_label(each.first_day, each.last_day),
        letter=each.letter_number,
    )


def separation_reason(rule: Separation) -> str:
    """Return why two roles are kept apart."""
    if rule.reason is not None:
        return _("%(reason)s (decided by: %(approver)s)", reason=rule.reason, approver=rule.approved_by)
    reasons: dict[frozenset[IsmsRole], Callable[[], str]] = {
        frozenset({IsmsRole.CHIEF_AUDITOR, IsmsRole.CISO}): lambda: _(
            "Whoever is responsible for information security must not also direct the audit of how well it is done."
        ),
        frozenset({IsmsRole.CHIEF_AUDITOR, IsmsRole.SECRETARIAT}): lambda: _(
            "The secretariat runs the ISMS day by day; whoever directs its audit must not be auditing their own work."
        ),
        frozenset({IsmsRole.CHIEF_AUDITOR, IsmsRole.RISK_ASSESSOR}): lambda: _(
            "The audit examines the risk assessment of the whole organisation; whoever made it must not direct that audit."
        ),
        frozenset({IsmsRole.INTERNAL_AUDITOR, IsmsRole.CISO}): lambda: _(
            "The CISO decides in every area, so that no area would be left which the CISO could audit independently."
        ),
        frozenset({IsmsRole.INTERNAL_AUDITOR, IsmsRole.SECRETARIAT}): lambda: _(
            "The secretariat's work reaches into every area, so that its members would audit their own work wherever they go."
        ),
        frozenset({IsmsRole.AUDIT_COMMITTEE, IsmsRole.CISO}): lambda: _(
            "The audit committee oversees what the CISO is responsible for."
        ),
    }
    found = reasons.get(frozenset({rule.first, rule.second}))
    return found() if found else ""


def problem_sentence(problem: Problem) -> str:
    """Return what stands against an appointment, as a sentence that names what it meets."""
    if problem.code is ProblemCode.SEPARATION_BROKEN:
        return _separation_sentence(problem)
    other = assignment_label(problem.other) if problem.other else ""
    day = date_label(problem.day) if problem.day else ""
    seat = problem.seat
    sentences: dict[ProblemCode, Callable[[], str]] = {
        ProblemCode.FIELD_MISSING: lambda: _("“%(field)s” is empty.", field=field_label(problem.field or "")),
        ProblemCode.ENDS_BEFORE_START: lambda: _("The term would end on %(day)s, before it starts.", day=day),
        ProblemCode.OVERLAP: lambda: _("The person holds this role then already: %(other)s.", other=other),
        ProblemCode.SEAT_UNKNOWN: lambda: _("There is no such seat."),
        ProblemCode.SEAT_OF_OTHER_ROLE: lambda: _(
            "The seat belongs to another role: %(role)s.", role=role_label(seat.isms_role.value) if seat else ""
        ),
        ProblemCode.SEAT_NOT_ESTABLISHED: lambda: _("The seat is not established on %(day)s.", day=day),
        ProblemCode.SEAT_FULL: lambda: _(
            "The seat takes %(most)s at once and has them on %(day)s already.", most=seat.most if seat else "", day=day
        ),
        ProblemCode.LETTER_NUMBER_USED: lambda: _(
            "The letter number was used for another appointment: %(other)s.", other=other
        ),
        ProblemCode.NOT_IN_SERVICE: lambda: _("The person does not serve in the organisation on %(day)s.", day=day),
        ProblemCode.NOT_IN_SCOPE: lambda: _("The person is not in scope of the ISMS on %(day)s.", day=day),
        ProblemCode.LEAVES_BEFORE_END: lambda: _(
            "The person leaves on %(day)s, before the term ends; the role will have to be ended then.", day=day
        ),
        ProblemCode.APPOINTED_AFTER_START: lambda: _(
            "The date of appointment, %(day)s, lies after the first day: the appointment is dated back.", day=day
        ),
        ProblemCode.OWN_APPOINTMENT: lambda: _(
            "You are recording an appointment of your own. Let somebody else check the letter."
        ),
    }
    return sentences[problem.code]()


def _separation_sentence(problem: Problem) -> str:
    return _(
        "From %(day)s it would be held together with %(other)s, and these roles are kept apart. %(reason)s",
        day=date_label(problem.day) if problem.day else "",
        other=assignment_label(problem.other) if problem.other else "",
        reason=separation_reason(problem.separation) if problem.separation else "",
    )


def field_label(field: str) -> str:
    """Return the name of a field of the forms about roles; an unknown code stands for itself."""
    labels: dict[str, Callable[[], str]] = {
        "letter_number": lambda: _("Letter number"),
        "appointer": lambda: _("Appointer"),
        "appointed_on": lambda: _("Date of appointment"),
        "person": lambda: _("Person"),
        "unit": lambda: _("Unit"),
        "reason": lambda: _("Reason"),
        "first_day": lambda: _("First day"),
        "last_day": lambda: _("Last day"),
        "kind": lambda: _("Kind of ending"),
        "place": lambda: _("Role and seat"),
        "approved_by": lambda: _("Approved by"),
        "name_ja": lambda: _("Name in Japanese"),
        "name_en": lambda: _("Name in English"),
        "title_ja": lambda: _("Name in Japanese"),
        "title_en": lambda: _("Name in English"),
        "key": lambda: _("Key"),
        "most": lambda: _("Most holders"),
        "least": lambda: _("Fewest holders"),
        "body_key": lambda: _("Body"),
        "parent_key": lambda: _("Reports to"),
        "second": lambda: _("Second role"),
    }
    return labels[field]() if field in labels else field


def ending_sentence(code: str, field: str) -> str:
    """Return why an appointment can't be ended so."""
    sentences: dict[str, Callable[[], str]] = {
        "field_missing": lambda: _("“%(field)s” is empty.", field=field_label(field)),
        "ends_before_start": lambda: _("The last day lies before the role began."),
        "not_early": lambda: _("The term ends by then anyway. Give a day before its last one."),
    }
    return sentences[code]()


def body_sentence(code: str, field: str) -> str:
    """Return why a body, a seat or a rule of separation can't be recorded so."""
    sentences: dict[str, Callable[[], str]] = {
        "field_missing": lambda: _("“%(field)s” is empty.", field=field_label(field)),
        "key_bad": lambda: _("A key is made of lower-case letters, digits and “-”, and begins with a letter."),
        "key_taken": lambda: _("There is a later version with this key already; give a later day."),
        "unknown": lambda: _("There is none with this key, or it is closed."),
        "parent_unknown": lambda: _("There is no body with this key, or it is closed."),
        "reports_in_circle": lambda: _("The body would report to itself in a circle."),
        "counts_bad": lambda: _("Fewer may hold the seat than must."),
        "ends_before_start": lambda: _("It would end before it starts."),
        "in_use": lambda: _(
            "It is in use beyond that day: end its appointments, seats and the bodies beneath it first."
        ),
        "separated_already": lambda: _("These roles are kept apart already."),
        "same_role": lambda: _("Choose two different roles."),
    }
    return sentences[code]()


def standing_label(standing: str) -> str:
    """Return how an appointment stands on a date."""
    labels: dict[str, Callable[[], str]] = {
        "in_force": lambda: _("In office"),
        "to_come": lambda: _("To come"),
        "over": lambda: _("Over"),
    }
    return labels[standing]()


def vacancy_label(count: int) -> str:
    """Return how many holders a seat lacks."""
    return ngettext("%(count)s vacancy", "%(count)s vacancies", count)


def chart_date(day: date) -> str:
    """Return a date as a chart bears it: "令和8年11月23日（2026年11月23日）" or "23 Nov 2026"."""
    return f"{era_date(day)}（{date_label(day)}）" if current_language() == "ja" else date_label(day)


def chart_columns() -> list[str]:
    """Return the headings of the list beneath a chart."""
    return [_("Body"), _("Seat"), _("Name"), _("Term"), _("Letter number")]


def contradiction_sentence(found: Contradiction, person: str, seat: str) -> str:
    """Return where bodies, seats and appointments differ, as a sentence about a person and a seat."""
    label = assignment_label(found.appointment) if found.appointment else ""
    other = assignment_label(found.other) if found.other else ""
    sentences: dict[ContradictionCode, Callable[[], str]] = {
        ContradictionCode.SEAT_GONE: lambda: _(
            "%(person)s is appointed to a seat that is not established: %(label)s.", person=person, label=label
        ),
        ContradictionCode.ROLE_DIFFERS: lambda: _(
            "%(person)s is appointed to another role than the seat “%(seat)s” gives: %(label)s.",
            person=person,
            seat=seat,
            label=label,
        ),
        ContradictionCode.VACANT: lambda: _("The seat “%(seat)s” has fewer holders than it must have.", seat=seat),
        ContradictionCode.OVERFULL: lambda: _("The seat “%(seat)s” has more holders than it may have.", seat=seat),
        ContradictionCode.HOLDER_LEFT: lambda: _(
            "%(person)s does not serve any more and still holds a role: %(label)s.", person=person, label=label
        ),
        ContradictionCode.SEPARATION_BROKEN: lambda: _(
            "%(person)s holds two roles that are kept apart: %(label)s; %(other)s.",
            person=person,
            label=label,
            other=other,
        ),
    }
    return sentences[found.code]()
