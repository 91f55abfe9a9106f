"""The kinds of facts about people that the secretariat records, and what each must be.

Source: domain.md §1-3; `courses.facts` and `courses.records` for the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, inspect, select
from sqlalchemy.orm import Session

from courses.facts import MissingValueError, UnknownValueError, check_marks
from courses.independence import TieKind
from courses.people import Category, Employment
from courses.records import TRAINING_KINDS, EvidenceKind, IncompleteEvidenceError, check_evidence
from lms.store.auditors import AreaTie, AuditArea
from lms.store.organisations import Organisation, Unit
from lms.store.people import (
    LineAuthority,
    PersonAffiliation,
    PersonConcurrentPost,
    PersonFact,
    PersonLeave,
    PersonService,
    ScopeMembership,
)
from lms.store.records import known
from lms.store.requirements import Exemption, requirements_of
from lms.store.training_records import TrainingRecord


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact that the secretariat records."""

    key: str
    model: type[PersonFact]
    fields: tuple[str, ...] = ()
    """Columns beside the period and the reason."""
    is_alone: bool = False
    """Whether two of them may not share a day."""
    alone_by: tuple[str, ...] = ()
    """Columns within which they may not, such as a unit that somebody heads once at a time."""
    has_reason: bool = False
    """Whether the fact itself carries a reason, apart from that of a correction."""
    needs_end: bool = False
    is_of_one_day: bool = False
    """Whether it names a day rather than a period."""
    check: Callable[[Session, Organisation, Mapping[str, Any]], None] = lambda *_: None

    def tidied(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for each field: texts without space around them, and an absent one as its column keeps it."""
        columns = inspect(self.model).columns
        found: dict[str, Any] = {}
        for name in self.fields:
            value = values.get(name)
            if isinstance(value, str):
                value = value.strip()
            if not columns[name].nullable and value is None and isinstance(columns[name].type, String):
                value = ""
            found[name] = None if value == "" and columns[name].nullable else value
        return found

    @property
    def correction_field(self) -> str:
        """The column in which the reason of a correction stands."""
        return "correction_reason" if self.has_reason else "reason"


# What each kind must be


def _needs(values: Mapping[str, Any], *fields: str) -> None:
    for name in fields:
        value = values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise MissingValueError(name)


def _check_unit(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    _needs(values, "unit_id")
    key = values["unit_id"]
    query = select(Unit.id).where(Unit.id == key, Unit.organisation_id == organisation.id)
    if session.scalar(query) is None:
        raise UnknownValueError("unit_id", str(key))


def _check_affiliation(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    _check_unit(session, organisation, values)
    _needs(values, "employment", "category")
    for name, codes in (("employment", Employment), ("category", Category)):
        if values[name] not in set(codes):
            raise UnknownValueError(name, values[name])


def _check_post(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    _check_unit(session, organisation, values)
    _needs(values, "post")


def _check_tie(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    _needs(values, "kind")
    kind, area = values["kind"], values.get("area_key")
    if kind not in set(TieKind):
        raise UnknownValueError("kind", kind)
    if area is None and kind != TieKind.CONSULTANCY:
        raise MissingValueError("area_key")
    if kind == TieKind.AUTHORSHIP:
        _needs(values, "document")
    query = select(AuditArea.id).where(
        AuditArea.organisation_id == organisation.id, AuditArea.key == area, known(AuditArea, None)
    )
    if area is not None and session.scalars(query).first() is None:
        raise UnknownValueError("area_key", area)


def _check_exemption(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    _needs(values, "requirement_key", "approved_by")
    key = values["requirement_key"]
    if key not in {row.key for row in requirements_of(session, organisation.id)}:
        raise UnknownValueError("requirement_key", key)


def _check_training(session: Session, organisation: Organisation, values: Mapping[str, Any]) -> None:
    """Hold training to its kind: what was passed must carry all that its kind needs; attendance alone is no pass."""
    _needs(values, "competence", "kind")
    if values["kind"] not in set(TRAINING_KINDS):
        raise UnknownValueError("kind", values["kind"])
    is_passed = bool(values.get("is_passed"))
    check_marks(values.get("mark"), values.get("maximum"), values.get("pass_mark"), is_passed=is_passed)
    if is_passed:
        try:
            check_evidence(EvidenceKind(values["kind"]), {"module": values["competence"], **values})
        except IncompleteEvidenceError as incomplete:
            raise MissingValueError(incomplete.missing[0]) from incomplete


KINDS: dict[str, FactKind] = {
    kind.key: kind
    for kind in (
        FactKind("scope", ScopeMembership, has_reason=True, is_alone=True),
        FactKind("service", PersonService, is_alone=True),
        FactKind(
            "affiliation",
            PersonAffiliation,
            ("unit_id", "post", "employment", "category"),
            is_alone=True,
            check=_check_affiliation,
        ),
        FactKind(
            "concurrent_post",
            PersonConcurrentPost,
            ("unit_id", "post"),
            is_alone=True,
            alone_by=("unit_id", "post"),
            check=_check_post,
        ),
        FactKind("leave", PersonLeave, is_alone=True),
        FactKind(
            "line_authority", LineAuthority, ("unit_id",), is_alone=True, alone_by=("unit_id",), check=_check_unit
        ),
        FactKind(
            "tie",
            AreaTie,
            ("kind", "area_key", "document"),
            is_alone=True,
            alone_by=("kind", "area_key", "document"),
            check=_check_tie,
        ),
        FactKind(
            "exemption",
            Exemption,
            ("requirement_key", "approved_by"),
            has_reason=True,
            needs_end=True,
            is_alone=True,
            alone_by=("requirement_key",),
            check=_check_exemption,
        ),
        FactKind(
            "training",
            TrainingRecord,
            (
                *("competence", "kind", "is_passed", "mark", "maximum", "pass_mark", "provider", "session"),
                *("certificate", "grader", "equivalence_verified_by"),
            ),
            is_of_one_day=True,
            check=_check_training,
        ),
    )
}
"""Kinds of facts by key, in the order in which a person's page shows them."""
