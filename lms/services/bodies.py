"""Bodies 会議体 and their seats 構成員, and roles that the organisation keeps apart: established, changed, closed.

A key stays the same through all changes. A change takes effect on a day: what was known before is closed on it and a new
version opens; a change that takes effect on the first day of the version in force corrects that version.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.3; domain.md §1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from courses.roles import DEFAULT_SEPARATIONS, IsmsRole, Separation
from lms.store.organisations import Organisation, wait_for_others
from lms.store.records import record
from lms.store.roles import Body, Seat, SeparationRule, appointments_of, bodies_of, seats_of, separation_rules_of

_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")
_Version = TypeVar("_Version", Body, Seat)


class BodyRefused(ValueError):
    """A body or seat is not as it must be; nothing was changed."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(code, field)
        self.code = code
        """``field_missing``, ``key_bad``, ``key_taken``, ``unknown``, ``parent_unknown``, ``reports_in_circle``,
        ``counts_bad``, ``ends_before_start``, ``in_use``, ``separated_already`` or ``same_role``."""
        self.field = field


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """What is said of a body."""

    key: str
    name_ja: str
    name_en: str
    parent_key: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class SeatFacts:
    """What is said of a seat."""

    key: str
    body_key: str
    isms_role: IsmsRole
    title_ja: str
    title_en: str
    is_chair: bool = False
    least: int = 0
    most: int | None = None
    bound_post: str | None = None
    position: int = 0


def establish_body(
    session: Session, organisation: Organisation, facts: BodyFacts, first_day: date, now: datetime, actor: str
) -> Body:
    """Establish a body from a day on, or change the one with its key from that day on.

    Raises:
        BodyRefused: a name is missing, the key can't be one, the body that it reports to is unknown or reports to it.
    """
    wait_for_others(session, organisation.id)
    _check_texts(facts.key, name_ja=facts.name_ja, name_en=facts.name_en)
    bodies = bodies_of(session, organisation.id)
    if facts.parent_key is not None:
        parents = {each.key: each.parent_key for each in bodies if each.valid_to is None}
        if facts.parent_key not in parents:
            raise BodyRefused("parent_unknown", "parent_key")
        if facts.key in _line_above(facts.parent_key, parents):
            raise BodyRefused("reports_in_circle", "parent_key")
    row = Body(
        key=facts.key,
        name_ja=facts.name_ja.strip(),
        name_en=facts.name_en.strip(),
        parent_key=facts.parent_key,
        position=facts.position,
        valid_from=first_day,
        recorded_at=now,
        recorded_by=actor,
    )
    _supersede(session, organisation, row, [each for each in bodies if each.key == facts.key])
    return row


def establish_seat(
    session: Session, organisation: Organisation, facts: SeatFacts, first_day: date, now: datetime, actor: str
) -> Seat:
    """Establish a seat from a day on, or change the one with its key from that day on.

    Raises:
        BodyRefused: a title is missing, the key can't be one, the body is unknown, or fewer may hold it than must.
    """
    wait_for_others(session, organisation.id)
    _check_texts(facts.key, title_ja=facts.title_ja, title_en=facts.title_en)
    if facts.body_key not in {each.key for each in bodies_of(session, organisation.id) if each.valid_to is None}:
        raise BodyRefused("parent_unknown", "body_key")
    if facts.least < 0 or (facts.most is not None and facts.most < max(1, facts.least)):
        raise BodyRefused("counts_bad", "most")
    row = Seat(
        key=facts.key,
        body_key=facts.body_key,
        isms_role=facts.isms_role.value,
        title_ja=facts.title_ja.strip(),
        title_en=facts.title_en.strip(),
        is_chair=facts.is_chair,
        least=facts.least,
        most=facts.most,
        bound_post=facts.bound_post,
        position=facts.position,
        valid_from=first_day,
        recorded_at=now,
        recorded_by=actor,
    )
    _supersede(session, organisation, row, [e for e in seats_of(session, organisation.id) if e.key == facts.key])
    return row


def close_body(
    session: Session, organisation: Organisation, key: str, first_day_closed: date, now: datetime, actor: str
) -> Body:
    """Close a body from a day on.

    Raises:
        BodyRefused: it is unknown or closed; it would end before it starts; a seat of it, or a body that reports to it,
            goes on.
    """
    wait_for_others(session, organisation.id)
    bodies = bodies_of(session, organisation.id)
    seats = seats_of(session, organisation.id)
    if any(each.body_key == key and _goes_beyond(each, first_day_closed) for each in seats):
        raise BodyRefused("in_use", "seat")
    if any(each.parent_key == key and _goes_beyond(each, first_day_closed) for each in bodies):
        raise BodyRefused("in_use", "body")
    return _close(session, organisation, [each for each in bodies if each.key == key], first_day_closed, now, actor)


def close_seat(
    session: Session, organisation: Organisation, key: str, first_day_closed: date, now: datetime, actor: str
) -> Seat:
    """Close a seat from a day on.

    Raises:
        BodyRefused: it is unknown or closed; it would end before it starts; somebody is appointed to it beyond that day.
    """
    wait_for_others(session, organisation.id)
    held = appointments_of(session, organisation.id)
    if any(each.seat_key == key and _goes_beyond(each, first_day_closed) for each in held):
        raise BodyRefused("in_use", "appointment")
    seats = [each for each in seats_of(session, organisation.id) if each.key == key]
    return _close(session, organisation, seats, first_day_closed, now, actor)


@dataclass(frozen=True, slots=True)
class SeparationFacts:
    """Two roles to be kept apart by a decision of the organisation."""

    first: IsmsRole
    second: IsmsRole
    reason: str
    approved_by: str


def separate(
    session: Session, organisation: Organisation, facts: SeparationFacts, first_day: date, now: datetime, actor: str
) -> SeparationRule:
    """Keep two roles apart from a day on.

    Raises:
        BodyRefused: reason or approver is missing, both roles are one, or they are kept apart already.
    """
    wait_for_others(session, organisation.id)
    for name in ("reason", "approved_by"):
        if not getattr(facts, name).strip():
            raise BodyRefused("field_missing", name)
    if facts.first is facts.second:
        raise BodyRefused("same_role", "second")
    if any(each.divides(facts.first, facts.second) for each in separations_of(session, organisation.id)):
        raise BodyRefused("separated_already", "second")
    row = SeparationRule(
        first_role=facts.first.value,
        second_role=facts.second.value,
        approved_by=facts.approved_by.strip(),
        reason=facts.reason.strip(),
        valid_from=first_day,
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, row)
    return row


def separations_of(session: Session, organisation_id: int, known_at: int | None = None) -> tuple[Separation, ...]:
    """Return all rules of separation: the defaults, then the organisation's own."""
    own = separation_rules_of(session, organisation_id, known_at)
    return (*DEFAULT_SEPARATIONS, *(each.rule() for each in own))


def _check_texts(key: str, **texts: str) -> None:
    if _KEY.fullmatch(key) is None:
        raise BodyRefused("key_bad", "key")
    for name, text in texts.items():
        if not text.strip():
            raise BodyRefused("field_missing", name)


def _line_above(key: str | None, parents: dict[str, str | None]) -> set[str]:
    line: set[str] = set()
    while key is not None and key not in line:
        line.add(key)
        key = parents.get(key)
    return line


def _goes_beyond(row: Body | Seat | object, day: date) -> bool:
    valid_to: date | None = row.valid_to  # type: ignore[union-attr]  # a Fact
    return valid_to is None or valid_to > day


def _supersede(session: Session, organisation: Organisation, row: _Version, versions: Sequence[_Version]) -> None:
    """Record a version; the one in force on its first day is closed on it, or corrected where both begin on one day."""
    later = [each for each in versions if each.valid_from > row.valid_from]
    if later:
        raise BodyRefused("key_taken", "key")
    current = next((each for each in versions if _goes_beyond(each, row.valid_from)), None)
    if current is None:
        record(session, organisation, row)
    elif current.valid_from == row.valid_from:
        row.supersedes_id = current.id
        row.valid_to = current.valid_to
        record(session, organisation, row)
    else:
        record(session, organisation, _copy(current, row.valid_from, row.recorded_at, row.recorded_by), row)


def _close(
    session: Session, organisation: Organisation, versions: Sequence[_Version], day: date, now: datetime, actor: str
) -> _Version:
    current = next((each for each in versions if each.valid_to is None), None)
    if current is None:
        raise BodyRefused("unknown", "key")
    if day < current.valid_from:
        raise BodyRefused("ends_before_start", "last_day")
    closed = _copy(current, day, now, actor)
    record(session, organisation, closed)
    return closed


def _copy(row: _Version, valid_to: date, now: datetime, actor: str) -> _Version:
    own = {"id", "organisation_id", "event_id", "recorded_at", "recorded_by", "supersedes_id", "valid_to"}
    facts = {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in own}
    return type(row)(**facts, valid_to=valid_to, supersedes_id=row.id, recorded_at=now, recorded_by=actor)
