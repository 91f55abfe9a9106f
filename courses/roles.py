"""ISMS roles 役割・責任・権限, as clause 5.3 asks for them to be assigned and communicated, and what an appointment must keep to.

A proposed appointment is examined against what is known: `problems_of` names each thing that stands against it, with the
appointment or rule that it meets. Some refuse it; the others are remarks that the recorder reads before recording.

Source: ISO/IEC 27001 clause 5.3, Annex A 5.2 and 5.3 (segregation of duties); domain.md §1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from courses.calendar import Period


class IsmsRole(StrEnum):
    """The roles of an ISMS; rights in the tool come from them."""

    MANAGEMENT = "management"
    """ISMS経営陣."""
    COMMITTEE = "committee"
    """情報セキュリティ委員会."""
    CISO = "ciso"
    """ISMS-CISO."""
    SECRETARIAT = "secretariat"
    """ISMS事務局."""
    RISK_ASSESSOR = "risk_assessor"
    """リスクアセスメント担当."""
    AUDIT_COMMITTEE = "audit_committee"
    """監査委員会."""
    CHIEF_AUDITOR = "chief_auditor"
    """内部監査責任者."""
    INTERNAL_AUDITOR = "internal_auditor"
    """内部監査員."""
    UNIT_HEAD = "unit_head"
    """部門長."""


class EndKind(StrEnum):
    """Why an appointment ended before its term."""

    DISMISSED = "dismissed"
    """解任."""
    RESIGNED = "resigned"
    """辞任."""
    TRANSFERRED = "transferred"
    """異動."""
    LEFT = "left"
    """退職・転出."""
    REORGANISED = "reorganised"
    """The body or the seat was changed or closed 組織改編."""


_ALWAYS = Period(date.min)


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """An appointment as the rules see it, recorded or proposed."""

    person_id: int
    isms_role: IsmsRole
    first_day: date
    last_day: date | None = None
    """None: until further notice."""
    seat_key: str | None = None
    unit_id: int | None = None
    letter_number: str = ""
    appointed_on: date | None = None
    """Date of appointment 発令日; it may lie before the first day."""
    appointment_id: int = 0
    """0: proposed, not recorded."""

    @property
    def period(self) -> Period:
        """The days on which the role is held.

        Raises:
            courses.calendar.PeriodOrderError: it would end before it starts.
        """
        return Period(self.first_day, None if self.last_day is None else self.last_day + timedelta(days=1))

    def is_same_place(self, other: RoleAssignment) -> bool:
        """Tell whether both give the same role in the same place; one that names no place is the role as such."""
        if self.isms_role is not other.isms_role:
            return False
        places = {(self.seat_key, self.unit_id), (other.seat_key, other.unit_id)}
        return len(places) == 1 or (None, None) in places


@dataclass(frozen=True, slots=True)
class SeatRule:
    """A seat 構成員 as the rules see it."""

    key: str
    isms_role: IsmsRole
    period: Period
    """The days on which it is established."""
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Separation:
    """Two roles that nobody may hold at once 職務の分離."""

    first: IsmsRole
    second: IsmsRole
    period: Period = _ALWAYS
    reason: str | None = None
    """The organisation's own words; None: a default, whose reason `lms.wording.roles` says."""
    approved_by: str | None = None

    def divides(self, one: IsmsRole, other: IsmsRole) -> bool:
        """Tell whether it keeps two roles apart."""
        return {self.first, self.second} == {one, other}


DEFAULT_SEPARATIONS = (
    Separation(IsmsRole.CHIEF_AUDITOR, IsmsRole.CISO),
    Separation(IsmsRole.CHIEF_AUDITOR, IsmsRole.SECRETARIAT),
    Separation(IsmsRole.CHIEF_AUDITOR, IsmsRole.RISK_ASSESSOR),
    Separation(IsmsRole.INTERNAL_AUDITOR, IsmsRole.CISO),
    Separation(IsmsRole.INTERNAL_AUDITOR, IsmsRole.SECRETARIAT),
    Separation(IsmsRole.AUDIT_COMMITTEE, IsmsRole.CISO),
)
"""Those who run the ISMS do not audit it or direct its audit. Anybody else may audit what is not their own work, and an
auditor may belong to any unit: that is for `courses.independence`, area by area, and no bar to the role."""


class ProblemCode(StrEnum):
    """What can stand against an appointment."""

    FIELD_MISSING = "field_missing"
    ENDS_BEFORE_START = "ends_before_start"
    OVERLAP = "overlap"
    SEPARATION_BROKEN = "separation_broken"
    SEAT_UNKNOWN = "seat_unknown"
    SEAT_OF_OTHER_ROLE = "seat_of_other_role"
    SEAT_NOT_ESTABLISHED = "seat_not_established"
    """On some day of the term."""
    SEAT_FULL = "seat_full"
    LETTER_NUMBER_USED = "letter_number_used"
    """For another role, or with another date of appointment."""
    NOT_IN_SERVICE = "not_in_service"
    """On the first day."""
    NOT_IN_SCOPE = "not_in_scope"
    """On the first day."""
    LEAVES_BEFORE_END = "leaves_before_end"
    APPOINTED_AFTER_START = "appointed_after_start"
    """Dated back."""
    OWN_APPOINTMENT = "own_appointment"
    """The one who records it is the appointee."""


REMARKS = frozenset(
    {
        ProblemCode.NOT_IN_SCOPE,
        ProblemCode.LEAVES_BEFORE_END,
        ProblemCode.APPOINTED_AFTER_START,
        ProblemCode.OWN_APPOINTMENT,
    }
)
"""What is said and refuses nothing."""
_REMARKS_ON_HISTORY = REMARKS | {ProblemCode.SEPARATION_BROKEN, ProblemCode.SEAT_FULL, ProblemCode.NOT_IN_SERVICE}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stands against an appointment, with the fact that it meets."""

    code: ProblemCode
    is_refusal: bool = True
    other: RoleAssignment | None = None
    """The appointment that it meets."""
    separation: Separation | None = None
    seat: SeatRule | None = None
    day: date | None = None
    """From which day, or on which."""
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around a proposed appointment."""

    held: Sequence[RoleAssignment] = ()
    """Everybody's appointments, less the one that the proposal corrects."""
    seats: Mapping[str, Sequence[SeatRule]] | None = None
    """Versions of each seat by its key."""
    separations: Sequence[Separation] = DEFAULT_SEPARATIONS
    service: Sequence[Period] = ()
    """The appointee's."""
    scope: Sequence[Period] = ()
    """The appointee's."""
    recorder_id: int | None = None
    """Key of the person who records it; None: nobody on the staff list."""
    is_history: bool = False
    """It comes from before the tool, by a migration batch: what it broke then is remarked, not refused."""


def problems_of(wanted: RoleAssignment, around: Surroundings) -> tuple[Problem, ...]:
    """Return everything that stands against an appointment, refusals first."""
    if wanted.last_day is not None and wanted.last_day < wanted.first_day:
        return (Problem(ProblemCode.ENDS_BEFORE_START, day=wanted.last_day),)
    found = [
        *_letter(wanted, around.held),
        *_overlaps(wanted, around.held),
        *_separations(wanted, around),
        *_seat(wanted, around),
        *_person(wanted, around),
    ]
    return tuple(sorted(found, key=lambda each: not each.is_refusal))


def _problem(code: ProblemCode, around: Surroundings, **facts: object) -> Problem:
    remarks = _REMARKS_ON_HISTORY if around.is_history else REMARKS
    return Problem(code, code not in remarks, **facts)  # type: ignore[arg-type]  # fields of Problem


def _letter(wanted: RoleAssignment, held: Sequence[RoleAssignment]) -> Iterator[Problem]:
    for each in held:
        is_same_letter = each.isms_role is wanted.isms_role and each.appointed_on == wanted.appointed_on
        if wanted.letter_number and each.letter_number == wanted.letter_number and not is_same_letter:
            yield Problem(ProblemCode.LETTER_NUMBER_USED, other=each)
            return


def _overlaps(wanted: RoleAssignment, held: Sequence[RoleAssignment]) -> Iterator[Problem]:
    for each in held:
        if each.person_id == wanted.person_id and wanted.is_same_place(each) and each.period.overlaps(wanted.period):
            yield Problem(ProblemCode.OVERLAP, other=each)


def _separations(wanted: RoleAssignment, around: Surroundings) -> Iterator[Problem]:
    for each in around.held:
        if each.person_id != wanted.person_id or not each.period.overlaps(wanted.period):
            continue
        for rule in around.separations:
            start = max(each.first_day, wanted.first_day, rule.period.start)
            is_shared = all(start in period for period in (each.period, wanted.period, rule.period))
            if rule.divides(wanted.isms_role, each.isms_role) and is_shared:
                yield _problem(ProblemCode.SEPARATION_BROKEN, around, other=each, separation=rule, day=start)
                break


def _seat(wanted: RoleAssignment, around: Surroundings) -> Iterator[Problem]:
    if wanted.seat_key is None:
        return
    versions = (around.seats or {}).get(wanted.seat_key, ())
    if not versions:
        yield Problem(ProblemCode.SEAT_UNKNOWN)
        return
    gap = first_day_outside(wanted.period, [each.period for each in versions])
    if gap is not None:
        yield Problem(ProblemCode.SEAT_NOT_ESTABLISHED, day=gap)
    for seat in versions:
        if not seat.period.overlaps(wanted.period):
            continue
        if seat.isms_role is not wanted.isms_role:
            yield Problem(ProblemCode.SEAT_OF_OTHER_ROLE, seat=seat)
        full = _day_when_full(wanted, seat, around.held)
        if full is not None:
            yield _problem(ProblemCode.SEAT_FULL, around, seat=seat, day=full)


def _day_when_full(wanted: RoleAssignment, seat: SeatRule, held: Sequence[RoleAssignment]) -> date | None:
    """Return the first day of the term on which the seat has all its holders without the proposal."""
    if seat.most is None:
        return None
    holders = [each for each in held if each.seat_key == seat.key and each.period.overlaps(wanted.period)]
    starts = {max(day, wanted.first_day, seat.period.start) for day in (each.first_day for each in holders)}
    for day in sorted({wanted.first_day, *starts}):
        if day in seat.period and day in wanted.period and sum(day in each.period for each in holders) >= seat.most:
            return day
    return None


def _person(wanted: RoleAssignment, around: Surroundings) -> Iterator[Problem]:
    if not _is_on(wanted.first_day, around.service):
        yield _problem(ProblemCode.NOT_IN_SERVICE, around, day=wanted.first_day)
    else:
        leaves = first_day_outside(wanted.period, around.service)
        if leaves is not None and wanted.last_day is not None:
            yield _problem(ProblemCode.LEAVES_BEFORE_END, around, day=leaves - timedelta(days=1))
    if not _is_on(wanted.first_day, around.scope):
        yield _problem(ProblemCode.NOT_IN_SCOPE, around, day=wanted.first_day)
    if wanted.appointed_on is not None and wanted.appointed_on > wanted.first_day:
        yield _problem(ProblemCode.APPOINTED_AFTER_START, around, day=wanted.appointed_on)
    if around.recorder_id == wanted.person_id:
        yield _problem(ProblemCode.OWN_APPOINTMENT, around)


def _is_on(day: date, periods: Collection[Period]) -> bool:
    return any(day in each for each in periods)


def first_day_outside(period: Period, periods: Collection[Period]) -> date | None:
    """Return the first day of a period that none of some others has; None where they cover it."""
    day = period.start
    while day in period:
        ends = [each.end for each in periods if day in each]
        if not ends:
            return day
        if None in ends:
            return None
        day = max(end for end in ends if end is not None)
    return None


def carrier_of_acknowledgement(
    appointment_id: int, rows: Mapping[int, tuple[int | None, int, str]], acknowledged: Collection[int]
) -> int | None:
    """Return the row whose acknowledgement holds for an appointment: its own, or that of a row which it corrects.

    A correction of dates, letter or place carries it on; one that changes the person or the role does not.

    Args:
        appointment_id: the row asked about.
        rows: by key: the row that it supersedes, the person, the role.
        acknowledged: keys of the rows that were acknowledged.
    """
    _former, person_id, isms_role = rows[appointment_id]
    current: int | None = appointment_id
    while current is not None:
        former, *same = rows[current]
        if same != [person_id, isms_role]:
            return None
        if current in acknowledged:
            return current
        current = former
    return None
