"""What a role requires of an appointee, from the approved requirements, and how a person stands to it.

Source: ISO/IEC 27001 clauses 5.3 and 7.2; domain.md §3.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from courses.crediting import Completion
from courses.role_competence import CompetenceStanding, RequiredCompetence, competence_on
from courses.roles import IsmsRole
from lms.services.completions import completions_by_person
from lms.store.requirements import RequirementVersion, requirements_of

ROLE_OCCASION = "role"
"""`courses.requirements.Occasion` of what is asked on appointment."""


def requirements_for(session: Session, organisation_id: int, isms_role: IsmsRole) -> list[RequirementVersion]:
    """Return the approved requirements that an appointment to a role gives rise to."""
    return [
        each
        for each in requirements_of(session, organisation_id)
        if each.occasion == ROLE_OCCASION and isms_role.value in each.audience.get("roles", ())
    ]


def requirement_titles(session: Session, organisation_id: int, language: str) -> dict[str, str]:
    """Return the titles of all requirements by their keys."""
    return {each.key: each.title(language) for each in requirements_of(session, organisation_id)}


def competence_for(
    session: Session, organisation_id: int, isms_role: IsmsRole, person_id: int, first_day: date
) -> tuple[CompetenceStanding, ...]:
    """Return how somebody stands, on the first day of a role, to what the role requires."""
    required = [
        RequiredCompetence(each.key, each.competence, each.days_to_complete, each.valid_months)
        for each in requirements_for(session, organisation_id, isms_role)
    ]
    if not required:
        return ()
    return competence_on(required, _completions(session, organisation_id, person_id), first_day)


def _completions(session: Session, organisation_id: int, person_id: int) -> list[Completion]:
    shown = completions_by_person(session, organisation_id, None, {person_id}).get(person_id, [])
    return [each.completion() for each in shown if each.is_passed]
