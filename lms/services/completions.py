"""What people have shown, of every kind: passed and failed tests of our own, other training, signed pledges.

Source: ISO/IEC 27001 clause 7.2 d; domain.md §3; the rules are `courses.crediting`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from courses.calendar import jst_date, start_of_day
from courses.crediting import Completion
from courses.records import EvidenceKind
from courses.requirements import PLEDGE, TextVersion
from lms.store.attempts import AttemptResult
from lms.store.identities import links_of
from lms.store.ledger import LedgerEvent
from lms.store.pledges import PledgeApproval, PledgeSignature, PledgeText, PledgeWithdrawal
from lms.store.records import known
from lms.store.training_records import TrainingRecord


class Result(NamedTuple):
    """What somebody has shown once, as the registers need it."""

    event_id: int
    """Key of its ledger event, which tells kinds of records apart."""
    kind: EvidenceKind
    competence: str
    submitted_at: datetime
    """The server's time of submission or signature; of other training, the start of its JST day."""
    is_passed: bool
    leaf: bytes
    """Leaf hash of its ledger event; its short form is the evidence id."""
    result_id: int | None = None
    """Key of the attempt's result, for a test of our own."""
    module_version: str = ""
    occasion: str = ""
    """What an attempt of our own worked on."""
    mark: int | None = None
    maximum: int | None = None
    pass_mark: int | None = None
    version: int | None = None
    """Of a signature: the version of the text."""
    ends_on: date | None = None
    """Of a signature: the first day on which it binds no more, because it was withdrawn."""

    @property
    def completed_on(self) -> date:
        """The JST date on which it counts."""
        return jst_date(self.submitted_at)

    def completion(self) -> Completion:
        """Return the evidence as the rules take it."""
        return Completion(
            self.event_id, self.competence, self.completed_on, self.kind.value, self.version, self.ends_on
        )


def completions_by_person(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None = None
) -> dict[int, list[Result]]:
    """Return all that is known to have been shown by people, passed or not, in order of time."""
    found = results_by_person(session, organisation_id, known_at, person_ids)
    others = (
        *_trainings(session, organisation_id, known_at, person_ids),
        *_signatures(session, organisation_id, known_at, person_ids),
    )
    for person_id, result in others:
        found.setdefault(person_id, []).append(result)
    for person_id in {person_id for person_id, _ in others}:
        found[person_id].sort(key=lambda each: (each.submitted_at, each.event_id))
    return found


def results_by_person(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None = None
) -> dict[int, list[Result]]:
    """Return the known results of our own tests of every linked person, in order of submission."""
    wanted = links_of(session, organisation_id, known_at, person_ids)
    found: dict[int, list[Result]] = {}
    if not wanted:
        return found
    values = _values(organisation_id, known_at, None if person_ids is None else wanted)
    for identity_id, event_id, competence, at, is_passed, leaf, *others in session.execute(
        _own_tests(known_at is not None, person_ids is not None), values
    ):
        person_id = wanted.get(identity_id)
        if person_id is not None:
            result = Result(event_id, EvidenceKind.OWN_TEST, competence, at, is_passed, leaf, *others)
            found.setdefault(person_id, []).append(result)
    return found


def texts_of_pledges(
    session: Session, organisation_id: int, known_at: int | None = None
) -> dict[str, tuple[TextVersion, ...]]:
    """Return the approved text versions by competence, in the order in which they take effect.

    Of several that take effect on one day, the newest does.
    """
    rows = session.execute(
        select(
            PledgeText.key,
            PledgeApproval.valid_from,
            PledgeText.version,
            PledgeApproval.requires_resigning,
            PledgeApproval.days_to_sign,
        )
        .join(PledgeText, PledgeText.id == PledgeApproval.text_id)
        .where(PledgeApproval.organisation_id == organisation_id, known(PledgeApproval, known_at))
        .order_by(PledgeText.key, PledgeApproval.valid_from, PledgeText.version)
    )
    found: dict[str, dict[date, TextVersion]] = {}
    for key, effective_on, version, is_to_be_resigned, days_to_sign in rows:
        text = TextVersion(version, effective_on, is_to_be_resigned, days_to_sign)
        found.setdefault(f"{PLEDGE}{key}", {})[effective_on] = text
    return {competence: tuple(versions.values()) for competence, versions in found.items()}


def _trainings(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None
) -> Iterator[tuple[int, Result]]:
    rows = session.execute(
        _other_training(known_at is not None, person_ids is not None), _values(organisation_id, known_at, person_ids)
    )
    for person_id, day, kind, event_id, competence, is_passed, leaf, mark, maximum, pass_mark in rows:
        yield (
            person_id,
            Result(
                event_id,
                EvidenceKind(kind),
                competence,
                start_of_day(day),
                is_passed,
                leaf,
                mark=mark,
                maximum=maximum,
                pass_mark=pass_mark,
            ),
        )


def _signatures(
    session: Session, organisation_id: int, known_at: int | None, person_ids: Collection[int] | None
) -> Iterator[tuple[int, Result]]:
    rows = session.execute(
        _signed(known_at is not None, person_ids is not None), _values(organisation_id, known_at, person_ids)
    )
    for person_id, event_id, key, signed_at, leaf, version, withdrawn_on in rows:
        yield (
            person_id,
            Result(
                event_id,
                EvidenceKind.SIGNATURE,
                f"{PLEDGE}{key}",
                signed_at,
                is_passed=True,
                leaf=leaf,
                version=version,
                ends_on=withdrawn_on,
            ),
        )


def _values(organisation_id: int, known_at: int | None, keys: Collection[int] | None) -> dict[str, Any]:
    values: dict[str, Any] = {"organisation": organisation_id}
    if known_at is not None:
        values["size"] = known_at
    if keys is not None:
        values["keys"] = list(keys)
    return values


def _size(is_limited: bool) -> Any:  # noqa: ANN401 - stands for a number
    return bindparam("size") if is_limited else None


@cache
def _own_tests(is_limited: bool, is_for_some: bool) -> Select[*tuple[Any, ...]]:
    statement = (
        select(
            AttemptResult.identity_id,
            AttemptResult.event_id,
            AttemptResult.module_key,
            AttemptResult.submitted_at,
            AttemptResult.is_passed,
            LedgerEvent.leaf,
            AttemptResult.id,
            AttemptResult.module_version,
            AttemptResult.occasion,
            AttemptResult.mark,
            AttemptResult.maximum,
            AttemptResult.pass_mark,
        )
        .join(LedgerEvent, LedgerEvent.id == AttemptResult.event_id)
        .where(AttemptResult.organisation_id == bindparam("organisation"), known(AttemptResult, _size(is_limited)))
    )
    if is_for_some:
        statement = statement.where(AttemptResult.identity_id.in_(bindparam("keys", expanding=True)))
    return statement.order_by(AttemptResult.submitted_at, AttemptResult.id)


@cache
def _other_training(is_limited: bool, is_for_some: bool) -> Select[*tuple[Any, ...]]:
    statement = (
        select(
            TrainingRecord.person_id,
            TrainingRecord.valid_from,
            TrainingRecord.kind,
            TrainingRecord.event_id,
            TrainingRecord.competence,
            TrainingRecord.is_passed,
            LedgerEvent.leaf,
            TrainingRecord.mark,
            TrainingRecord.maximum,
            TrainingRecord.pass_mark,
        )
        .join(LedgerEvent, LedgerEvent.id == TrainingRecord.event_id)
        .where(TrainingRecord.organisation_id == bindparam("organisation"), known(TrainingRecord, _size(is_limited)))
    )
    if is_for_some:
        statement = statement.where(TrainingRecord.person_id.in_(bindparam("keys", expanding=True)))
    return statement


@cache
def _signed(is_limited: bool, is_for_some: bool) -> Select[*tuple[Any, ...]]:
    size = _size(is_limited)
    withdrawals = (
        select(PledgeWithdrawal.signature_id, PledgeWithdrawal.withdrawn_on)
        .where(known(PledgeWithdrawal, size))
        .subquery()
    )
    statement = (
        select(
            PledgeSignature.person_id,
            PledgeSignature.event_id,
            PledgeText.key,
            PledgeSignature.signed_at,
            LedgerEvent.leaf,
            PledgeText.version,
            withdrawals.c.withdrawn_on,
        )
        .join(LedgerEvent, LedgerEvent.id == PledgeSignature.event_id)
        .join(PledgeText, PledgeText.id == PledgeSignature.text_id)
        .outerjoin(withdrawals, withdrawals.c.signature_id == PledgeSignature.id)
        .where(PledgeSignature.organisation_id == bindparam("organisation"), known(PledgeSignature, size))
    )
    if is_for_some:
        statement = statement.where(PledgeSignature.person_id.in_(bindparam("keys", expanding=True)))
    return statement
