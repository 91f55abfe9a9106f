"""The register of pledges 誓約書台帳: every signature record with its state on a date, and one person's pledges with the reasons.

Source: domain.md §4, §7 (file 09).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.ledger import short_id
from courses.people import Employment, affiliation_on
from courses.pledges import Binding, Reason, SignatureState, binding_on, signature_state
from lms.services.moments import check_known_at
from lms.services.people import Particulars, particulars_on, people_facts
from lms.services.person_facts import NoSuchPersonError
from lms.services.pledges import approved_texts, histories, history_of
from lms.services.signing import full_name
from lms.store.ledger import LedgerEvent
from lms.store.openings import openings_of
from lms.store.people import Person
from lms.store.pledges import PledgeSignature, PledgeText, declines_of, signatures_of, texts_of, withdrawals_of
from lms.store.records import Moment


@dataclass(frozen=True, slots=True)
class PledgeFilter:
    """What narrows the register; None: not narrowed."""

    key: str | None = None
    state: SignatureState | None = None
    unit: str | None = None
    is_vendor: bool | None = None


class RegisterRow(NamedTuple):
    """One signature record."""

    signature_id: int
    person_id: int
    staff_number: str
    """As then; a dash where it was erased."""
    name: str
    unit: str
    post: str
    is_vendor: bool
    key: str
    title: str
    version: int
    language: str
    text_sha256: str
    purpose: str
    method: str
    signed_at: datetime
    state: SignatureState
    withdrawn_on: date | None
    replaced_by: str | None
    """Evidence id of the signature that counts instead."""
    evidence_id: str
    record_hash: str
    """The event's leaf hash."""
    code: str
    verified_by: str | None
    original_place: str | None


class DeclinedRow(NamedTuple):
    """Somebody who declined and has not signed since."""

    person_id: int
    staff_number: str
    name: str
    title: str
    version: int
    declined_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Register:
    """The register within its filters."""

    rows: tuple[RegisterRow, ...]
    counts: dict[SignatureState, int]
    """Rows by state, before the filter by state."""
    declined: tuple[DeclinedRow, ...]


@dataclass(frozen=True, slots=True)
class KnownReason:
    """A reason with the id of the evidence that shows it."""

    reason: Reason
    evidence_id: str | None


@dataclass(frozen=True, slots=True)
class PersonPledge:
    """Which text of a key bound a person on a day, and how that is known."""

    key: str
    binding: Binding
    text: PledgeText | None
    signature: PledgeSignature | None
    reasons: tuple[KnownReason, ...]


def pledge_register(
    session: Session, organisation_id: int, moment: Moment, chosen: PledgeFilter, language: str
) -> Register:
    """Return all signature records made up to a date, the newest first, as known at a size of the ledger.

    Raises:
        UnknownTreeSizeError: the ledger never had the size asked for.
    """
    check_known_at(session, organisation_id, moment.known_at)
    rows = [
        row
        for row in _rows(session, organisation_id, moment, language)
        if chosen.key in {None, row.key}
        and chosen.unit in {None, row.unit}
        and chosen.is_vendor in {None, row.is_vendor}
    ]
    counts = {state: sum(row.state is state for row in rows) for state in SignatureState}
    shown = tuple(row for row in rows if chosen.state in {None, row.state})
    declined = _declined(session, organisation_id, moment, chosen.key, language)
    return Register(shown, counts, declined)


def _rows(session: Session, organisation_id: int, moment: Moment, language: str) -> list[RegisterRow]:
    signatures = [
        row
        for row in signatures_of(session, organisation_id, moment.known_at)
        if jst_date(row.signed_at) <= moment.as_of
    ]
    texts = {row.id: row for row in texts_of(session, organisation_id, moment.known_at)}
    known = histories(session, organisation_id, moment.known_at)
    withdrawn = withdrawals_of(session, organisation_id, moment.known_at)
    leaves = _leaves(session, [row.event_id for row in signatures])
    values = openings_of(session, [row.event_id for row in signatures])
    people = people_facts(session, organisation_id, moment.known_at, {row.person_id for row in signatures})
    found = []
    for row in sorted(signatures, key=lambda each: (each.signed_at, each.id), reverse=True):
        text, history = texts[row.text_id], known[(row.person_id, texts[row.text_id].key)]
        signed = next(each for each in history.signatures if each.signature_id == row.id)
        state = signature_state(signed, history, moment.as_of)
        standing = binding_on(history, moment.as_of).signature if state is SignatureState.REPLACED else None
        person = people.get(row.person_id)
        where = affiliation_on(person, jst_date(row.signed_at)) if person else None
        ended = withdrawn.get(row.id)
        opened = values.get(row.event_id, {})
        found.append(
            RegisterRow(
                signature_id=row.id,
                person_id=row.person_id,
                staff_number=opened.get("staff_number") or "–",
                name=opened.get("name") or "–",
                unit=row.unit,
                post=row.post,
                is_vendor=where is not None and where.employment == Employment.VENDOR.value,
                key=text.key,
                title=text.title(language),
                version=text.version,
                language=row.language,
                text_sha256=row.text_sha256,
                purpose=row.purpose,
                method=row.method,
                signed_at=row.signed_at,
                state=state,
                withdrawn_on=ended.withdrawn_on if ended and ended.withdrawn_on <= moment.as_of else None,
                replaced_by=short_id(leaves[standing.event_id]) if standing else None,
                evidence_id=short_id(leaves[row.event_id]),
                record_hash=leaves[row.event_id].hex(),
                code=row.code,
                verified_by=row.verified_by,
                original_place=row.original_place,
            )
        )
    return found


def _leaves(session: Session, event_ids: Collection[int]) -> dict[int, bytes]:
    rows = session.execute(select(LedgerEvent.id, LedgerEvent.leaf).where(LedgerEvent.id.in_(event_ids)))
    return {row.id: row.leaf for row in rows}


def _declined(
    session: Session, organisation_id: int, moment: Moment, key: str | None, language: str
) -> tuple[DeclinedRow, ...]:
    texts = {row.id: row for row in texts_of(session, organisation_id, moment.known_at)}
    signed = {
        (row.person_id, row.text_id): row.signed_at
        for row in signatures_of(session, organisation_id, moment.known_at)
        if jst_date(row.signed_at) <= moment.as_of
    }
    names = particulars_on(session, organisation_id, moment.as_of, moment.known_at)
    rows = declines_of(session, organisation_id, moment.known_at)
    values = openings_of(session, [row.event_id for row in rows])
    newest = {(row.person_id, row.text_id): row for row in rows if jst_date(row.declined_at) <= moment.as_of}
    found = []
    for pair, row in newest.items():
        if key not in {None, texts[row.text_id].key} or (pair in signed and signed[pair] > row.declined_at):
            continue
        person = names.get(row.person_id)
        found.append(
            DeclinedRow(
                row.person_id,
                person.staff_number if person else "–",
                full_name(person) or "–",
                texts[row.text_id].title(language),
                texts[row.text_id].version,
                row.declined_at,
                values.get(row.event_id, {}).get("reason"),
            )
        )
    return tuple(sorted(found, key=lambda each: each.declined_at, reverse=True))


def person_pledges(
    session: Session, organisation_id: int, person_id: int, moment: Moment
) -> tuple[Particulars | None, tuple[PersonPledge, ...]]:
    """Return a person's particulars, and for each key of pledges which text bound them, and how that is known.

    Raises:
        NoSuchPersonError: the organisation has no such person.
    """
    check_known_at(session, organisation_id, moment.known_at)
    person = session.get(Person, person_id)
    if person is None or person.organisation_id != organisation_id:
        raise NoSuchPersonError(person_id)
    particulars = particulars_on(session, organisation_id, moment.as_of, moment.known_at).get(person_id)
    texts = {row.id: row for row in texts_of(session, organisation_id, moment.known_at)}
    signatures = {row.id: row for row in signatures_of(session, organisation_id, moment.known_at, {person_id})}
    found = []
    for key in approved_texts(session, organisation_id, moment.known_at):
        history = history_of(session, organisation_id, person_id, key, moment.known_at)
        binding = binding_on(history, moment.as_of)
        events = [each.event_id for each in binding.reasons if each.event_id is not None]
        leaves = _leaves(session, events)
        found.append(
            PersonPledge(
                key,
                binding,
                texts[binding.text.text_id] if binding.text else None,
                signatures[binding.signature.signature_id] if binding.signature else None,
                tuple(
                    KnownReason(each, short_id(leaves[each.event_id]) if each.event_id in leaves else None)
                    for each in binding.reasons
                ),
            )
        )
    return particulars, tuple(found)
