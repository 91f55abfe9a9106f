"""The facts that the self-check is put to, as of a date and as known at a size of the ledger.

Source: domain.md §6.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from courses.auditors import COURSE, MemberKind
from courses.calendar import Period, end_of_day, jst_date
from courses.independence import Ground
from courses.roles import IsmsRole
from courses.selfcheck import (
    AdoptedVersion,
    AuditDuty,
    Authorship,
    CourseRecord,
    EffectiveText,
    GrantedExemption,
    SignedText,
    TestEvidence,
)
from lms.services.auditors import Book, open_book
from lms.services.audits import Pairing, audit_periods, pairings
from lms.store.attempts import AttemptResult
from lms.store.awareness import Adoption, ModuleVersion
from lms.store.identities import links_of
from lms.store.people import PersonLeave, ScopeMembership
from lms.store.pledges import PledgeApproval, PledgeSignature, PledgeText, PledgeWithdrawal
from lms.store.records import Fact, Moment, Record, known
from lms.store.requirements import Exemption, RequirementVersion
from lms.store.roles import Appointment
from lms.store.training_records import TrainingRecord

_PERSON = re.compile(r"person:([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of an organisation, as of a date."""

    session: Session
    organisation_id: int
    moment: Moment

    def _rows(self, model: type[Record], *conditions: ColumnElement[bool]) -> Any:  # noqa: ANN401 - rows of that class
        table: Any = model
        return self.session.scalars(
            select(table)
            .where(model.organisation_id == self.organisation_id, known(model, self.moment.known_at), *conditions)
            .order_by(model.id)
            .execution_options(yield_per=1_000)
        )

    def _in_force(self, model: type[Fact]) -> tuple[ColumnElement[bool], ...]:
        as_of = self.moment.as_of
        return (model.valid_from <= as_of, model.valid_to.is_(None) | (model.valid_to > as_of))

    def tests(self) -> list[TestEvidence]:
        """Return every submitted test up to the date."""
        links = links_of(self.session, self.organisation_id, self.moment.known_at)
        rows = self.session.execute(
            select(
                AttemptResult.event_id,
                AttemptResult.identity_id,
                AttemptResult.module_key,
                AttemptResult.module_version,
                AttemptResult.submitted_at,
            )
            .where(
                AttemptResult.organisation_id == self.organisation_id,
                known(AttemptResult, self.moment.known_at),
                AttemptResult.submitted_at < end_of_day(self.moment.as_of),
            )
            .order_by(AttemptResult.id)
        )
        return [
            TestEvidence(event_id, links.get(identity_id), module, version, jst_date(submitted_at))
            for event_id, identity_id, module, version, submitted_at in rows
        ]

    def kept_versions(self) -> frozenset[str]:
        """Return the hashes of the module versions that are kept."""
        return frozenset(each.version_hash for each in self._rows(ModuleVersion))

    def adopted_versions(self) -> list[AdoptedVersion]:
        """Return which versions decisions put in use."""
        return [
            AdoptedVersion(key, version, each.effective_on)
            for each in self._rows(Adoption)
            for key, version in each.versions.items()
        ]

    def effective_texts(self) -> list[EffectiveText]:
        """Return the approved pledge texts."""
        days_after_leave = {
            each.competence: each.days_after_leave
            for each in self._rows(RequirementVersion, *self._in_force(RequirementVersion))
        }
        texts = {each.id: each for each in self._rows(PledgeText)}
        return [
            EffectiveText(
                texts[each.text_id].key,
                texts[each.text_id].version,
                each.valid_from,
                each.requires_resigning,
                each.days_to_sign,
                days_after_leave.get(f"pledge:{texts[each.text_id].key}", 30),
            )
            for each in self._rows(PledgeApproval)
        ]

    def signed_texts(self) -> list[SignedText]:
        """Return all signatures; those brought in from before the tool too."""
        texts = {each.id: each for each in self._rows(PledgeText)}
        until = {each.signature_id: each.withdrawn_on for each in self._rows(PledgeWithdrawal)}
        return [
            SignedText(
                each.event_id,
                each.person_id,
                texts[each.text_id].key,
                texts[each.text_id].version,
                jst_date(each.signed_at),
                until.get(each.id),
            )
            for each in self._rows(PledgeSignature)
        ]

    def people_in_scope(self) -> frozenset[int]:
        """Return who is in scope on the date."""
        return frozenset(each.person_id for each in self._rows(ScopeMembership, *self._in_force(ScopeMembership)))

    def leave(self) -> dict[int, list[Period]]:
        """Return the periods of leave that began by the date, of each person."""
        found: dict[int, list[Period]] = {}
        for each in self._rows(PersonLeave, PersonLeave.valid_from <= self.moment.as_of):
            found.setdefault(each.person_id, []).append(Period(each.valid_from, each.valid_to))
        return found

    def role_holders(self) -> Counter[str]:
        """Return how many people are appointed to each role on the date."""
        held = {(each.isms_role, each.person_id) for each in self._rows(Appointment, *self._in_force(Appointment))}
        return Counter(role for role, _ in held)

    def roles_required(self) -> frozenset[str]:
        """Return the roles that a requirement in force names."""
        return frozenset(
            role
            for each in self._rows(RequirementVersion, *self._in_force(RequirementVersion))
            for role in each.audience.get("roles", ())
        )

    def exemptions(self) -> list[GrantedExemption]:
        """Return all exemptions that began by the date."""
        return [
            GrantedExemption(
                each.event_id,
                each.person_id,
                each.requirement_key,
                each.valid_from,
                each.valid_to,
                each.approved_by,
                each.reason,
            )
            for each in self._rows(Exemption, Exemption.valid_from <= self.moment.as_of)
        ]

    def appointed_auditors(self) -> frozenset[int]:
        """Return who is appointed as an internal auditor on the date."""
        rows = self._rows(
            Appointment, *self._in_force(Appointment), Appointment.isms_role == IsmsRole.INTERNAL_AUDITOR.value
        )
        return frozenset(each.person_id for each in rows)

    def courses(self) -> list[CourseRecord]:
        """Return all records of the course that makes auditors."""
        return [
            CourseRecord(
                each.event_id,
                each.person_id,
                each.valid_from,
                each.is_passed,
                has_mark=None not in (each.mark, each.maximum, each.pass_mark),
                has_certificate=bool(each.certificate and each.equivalence_verified_by),
            )
            for each in self._rows(TrainingRecord, TrainingRecord.competence == COURSE)
        ]

    def authorships(self) -> list[Authorship]:
        """Return who wrote, approved and graded each competence's material, as far as they are named people."""
        writers: dict[str, set[int]] = {}
        approvers: dict[str, set[int]] = {}
        graders: dict[str, set[int]] = {}
        for version in self._rows(ModuleVersion):
            writers.setdefault(version.key, set()).update(_people(version.recorded_by))
        for adoption in self._rows(Adoption, Adoption.effective_on <= self.moment.as_of):
            for key in adoption.versions:
                approvers.setdefault(key, set()).update(_people(adoption.approved_by, adoption.recorded_by))
        for training in self._rows(TrainingRecord, TrainingRecord.valid_from <= self.moment.as_of):
            graders.setdefault(training.competence, set()).update(_people(training.grader, training.recorded_by))
        return [
            Authorship(
                key,
                frozenset(writers[key]),
                frozenset(approvers.get(key, ())),
                frozenset(graders.get(key, ())),
            )
            for key in sorted(writers)
        ]

    def audit_duties(self) -> list[AuditDuty]:
        """Return who is on which audit team, with what excludes them and on which days of the audit they qualify."""
        found = [
            each
            for each in pairings(self.session, self.organisation_id, self.moment)
            if each.assignment.member_kind == MemberKind.AUDITOR
        ]
        people = {each.assignment.person_id for each in found}
        book = open_book(self.session, self.organisation_id, self.moment, people)
        return [_duty(each, book) for each in found]


def _duty(pairing: Pairing, book: Book) -> AuditDuty:
    _, held = audit_periods(pairing.audit)
    person_id = pairing.assignment.person_id
    days = [held.start + timedelta(days=number) for number in range(((held.end or held.start) - held.start).days)]
    uncovered = {ground_text(each) for each in pairing.open_grounds}
    grounds = tuple(ground_text(each) for each in pairing.independence.grounds)
    return AuditDuty(
        audit=pairing.audit.key,
        area=pairing.assignment.area_key,
        person_id=person_id,
        held=held,
        grounds=grounds,
        excused=frozenset(grounds) - uncovered,
        qualified=tuple(
            Period(day, day + timedelta(days=1)) for day in days if book.qualification(person_id, day).is_valid
        ),
        event_id=pairing.assignment.event_id,
    )


def ground_text(ground: Ground) -> str:
    """Return a ground for exclusion as tables and hits write it: its kind and the record that says so."""
    return f"{ground.kind.value}:{ground.reference}"


def _people(*actors: str | None) -> set[int]:
    """Return the people among those who did something; offices and accounts of the system are none."""
    matches = (_PERSON.fullmatch(each or "") for each in actors)
    return {int(match[1]) for match in matches if match is not None}
