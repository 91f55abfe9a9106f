"""What a line of the matrix rests on: the one place that knows which record speaks for which state.

Source: domain.md §3 (each state comes with the records that say so), §7 (file 03).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from courses.awareness import short_version
from courses.ledger import short_id
from courses.records import EvidenceKind
from courses.requirements import State
from lms.services.completions import Result
from lms.services.evidence.source import Source
from lms.services.requirements import PersonStandings, Standing
from lms.store.people import PersonLeave
from lms.store.requirements import Exemption
from lms.store.training_records import TrainingRecord


@dataclass(frozen=True, slots=True)
class EvidenceCited:
    """The record behind a state, as the matrix writes it."""

    evidence_id: str = ""
    mode: str = ""
    mark: int | None = None
    maximum: int | None = None
    pass_mark: int | None = None
    module_version: str = ""
    evaluator: str = ""
    """``automatic`` for our own tests, ``self`` for a signed pledge, else who graded, verified or approved."""


def evidence_cited(source: Source, portion: Sequence[PersonStandings]) -> dict[int, EvidenceCited]:
    """Return what each of some people's standings rests on, by its `id`; those without a record are left out."""
    speaking = _Speaking(source, portion)
    return {
        id(standing): cited
        for person in portion
        for standing in person.standings
        if (cited := speaking.of(person.person.person_id, standing)) is not None
    }


class _Speaking:
    """The records behind some people's states, read at once."""

    def __init__(self, source: Source, portion: Sequence[PersonStandings]) -> None:
        found = [each for person in portion for each in person.standings]
        self._graders = self._read_graders(source, [each.result for each in found if each.result is not None])
        exempted = [each.status.exemption.record_id for each in found if each.status.exemption is not None]
        self._exempted = source.evidence_ids(exempted)
        self._approvers: Mapping[int, str] = dict(
            source.session.execute(select(Exemption.event_id, Exemption.approved_by).where(Exemption.event_id.in_(exempted))).all()
        )  # fmt: skip
        away = [
            person.person.person_id
            for person in portion
            if any(each.status.state is State.ON_LEAVE for each in person.standings)
        ]
        self._leaves = self._read_leaves(source, away)

    @staticmethod
    def _read_graders(source: Source, results: Sequence[Result]) -> dict[int, str]:
        others = [each.event_id for each in results if each.kind not in {EvidenceKind.OWN_TEST, EvidenceKind.SIGNATURE}]
        rows = source.session.execute(
            select(TrainingRecord.event_id, TrainingRecord.grader, TrainingRecord.equivalence_verified_by).where(
                TrainingRecord.event_id.in_(others)
            )
        )
        return {event_id: source.naming.grader(grader) or verifier or "" for event_id, grader, verifier in rows}

    @staticmethod
    def _read_leaves(source: Source, people: Sequence[int]) -> dict[int, str]:
        as_of = source.question.as_of
        rows = source.records(
            PersonLeave,
            PersonLeave.person_id.in_(people),
            PersonLeave.valid_from <= as_of,
            PersonLeave.valid_to.is_(None) | (PersonLeave.valid_to > as_of),
        )
        return {row.person_id: evidence_id for row, evidence_id in rows}

    def of(self, person_id: int, standing: Standing) -> EvidenceCited | None:
        """Return the record that says why a standing is as it is; None where the absence of one says it."""
        status, result = standing.status, standing.result
        if status.exemption is not None:
            event_id = status.exemption.record_id
            evaluator = self._approvers.get(event_id, "")
            return EvidenceCited(self._exempted.get(event_id, ""), "exemption", evaluator=evaluator)
        if status.state is State.ON_LEAVE and person_id in self._leaves:
            return EvidenceCited(self._leaves[person_id], "leave")
        return None if result is None else self._of_result(result)

    def _of_result(self, result: Result) -> EvidenceCited:
        evaluators = {EvidenceKind.OWN_TEST: "automatic", EvidenceKind.SIGNATURE: "self"}
        return EvidenceCited(
            short_id(result.leaf),
            result.kind.value,
            result.mark,
            result.maximum,
            result.pass_mark,
            short_version(result.module_version) if result.module_version else "",
            evaluators.get(result.kind) or self._graders.get(result.event_id, ""),
        )
