"""The competence that a role requires, and what a person lacks of it on the day on which the role begins.

Source: ISO/IEC 27001 clauses 5.3 and 7.2 a; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from courses.calendar import add_months
from courses.crediting import Completion


@dataclass(frozen=True, slots=True)
class RequiredCompetence:
    """What a requirement with the occasion "role" asks of whoever is appointed."""

    requirement_key: str
    competence: str
    days_to_complete: int
    """Days from the first day of the role within which it may still be shown."""
    valid_months: int | None = None


@dataclass(frozen=True, slots=True)
class CompetenceStanding:
    """How somebody stands to one required competence on a day."""

    required: RequiredCompetence
    completion: Completion | None
    """The newest evidence up to the day; None: none."""
    valid_until: date | None = None
    """First day on which it no longer holds; None: not time-limited, or there is none."""
    is_met: bool = False


def competence_on(
    required: Sequence[RequiredCompetence], completions: Sequence[Completion], day: date
) -> tuple[CompetenceStanding, ...]:
    """Return how somebody stands to each competence of a role on a day; what is not met is the gap.

    Args:
        required: what the role asks for.
        completions: all of the person's passed evidence.
        day: the first day of the role, that day included.
    """
    return tuple(_standing(each, completions, day) for each in required)


def _standing(required: RequiredCompetence, completions: Sequence[Completion], day: date) -> CompetenceStanding:
    fitting = [each for each in completions if each.competence == required.competence and each.completed_on <= day]
    newest = max(fitting, key=lambda each: (each.completed_on, each.evidence_id), default=None)
    if newest is None:
        return CompetenceStanding(required, None)
    if required.valid_months is None:
        return CompetenceStanding(required, newest, None, is_met=True)
    until = add_months(newest.completed_on, required.valid_months)
    return CompetenceStanding(required, newest, until, is_met=day < until)
