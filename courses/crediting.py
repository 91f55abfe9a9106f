"""Crediting evidence to obligations, and the state of an obligation on a date: the first of nine that fits.

Population = sum of the states, for any filter.

Source: ISO/IEC 27001 clauses 7.2 and 7.3; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from courses.calendar import Period, add_months
from courses.obligations import Obligation
from courses.requirements import Requirement, State


@dataclass(frozen=True, slots=True)
class Exemption:
    """An approved exemption 免除 from one requirement; in force on the days of its period."""

    requirement_key: str
    period: Period
    record_id: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Evidence as crediting and status see it: what was shown, and on which JST date."""

    evidence_id: int
    """Key of the ledger event that was written with it: kinds of evidence are told apart by it."""
    competence: str
    completed_on: date
    kind: str = "own_test"
    """`courses.records.EvidenceKind`."""
    version: int | None = None
    """Of a signature: the version of the text."""
    ends_on: date | None = None
    """First day on which it no longer counts, because it was withdrawn."""


@dataclass(frozen=True, slots=True)
class Credit:
    """The evidence that meets an obligation, and what renewed it since."""

    completion: Completion
    renewals: tuple[Completion, ...] = ()


class Status(NamedTuple):
    """The state of an obligation on a date, with what says so."""

    state: State
    due_on: date
    """The due date in force: later than the obligation's own where leave suspended it."""
    completion: Completion | None = None
    exemption: Exemption | None = None
    valid_until: date | None = None
    """First day on which the completion no longer holds, where it is time-limited."""


def credit(
    obligations: Iterable[Obligation],
    completions: Iterable[Completion],
    exemptions: Sequence[Exemption] = (),
    overrides: dict[int, str] | None = None,
) -> dict[str, Credit]:
    """Credit each piece of evidence to the earliest unmet obligation of its kind, for one person.

    Args:
        obligations: all of the person's obligations up to the year in question.
        completions: all of the person's passed evidence.
        exemptions: an obligation exempt on the day of the evidence does not take it.
        overrides: evidence id to obligation key, where the secretariat decided otherwise. What it decided is placed
            first, whatever its date; a key that no obligation of the competence has lets the evidence count for none.

    Returns:
        Credit by obligation key. Evidence for which no unmet obligation is left renews the latest credited one.
    """
    chosen = overrides or {}
    by_competence: dict[str, list[Obligation]] = {}
    shared: list[Obligation] = []
    for obligation in obligations:
        if obligation.requirement.shares_evidence:
            shared.append(obligation)
        else:
            by_competence.setdefault(obligation.requirement.competence, []).append(obligation)
    for of_a_kind in by_competence.values():
        # By year first: obligations of later years then never change what an earlier year's register says.
        of_a_kind.sort(key=lambda each: (each.year, each.due_on, each.key))
    credited: dict[str, Credit] = {}
    in_order = sorted(
        completions, key=lambda each: (each.evidence_id not in chosen, each.completed_on, each.evidence_id)
    )
    for completion in in_order:
        wanted = chosen.get(completion.evidence_id)
        candidates = [each for each in by_competence.get(completion.competence, ()) if wanted in (None, each.key)]
        target = next(
            (
                each
                for each in candidates
                if each.key not in credited and (wanted is not None or _takes(each, completion, exemptions))
            ),
            None,
        )
        if target is not None:
            credited[target.key] = Credit(completion)
        else:
            _renew(credited, candidates, completion)
    for obligation in shared:
        found = _credit_shared(obligation, in_order, exemptions, chosen)
        if found is not None:
            credited[obligation.key] = found
    return credited


def _credit_shared(
    obligation: Obligation,
    completions: Iterable[Completion],
    exemptions: Sequence[Exemption],
    chosen: dict[int, str],
) -> Credit | None:
    """Return the first evidence that meets an obligation which leaves it to others as well, and what came after it."""
    theirs = sorted(
        (
            each
            for each in completions
            if each.competence == obligation.requirement.competence
            and (
                chosen[each.evidence_id] == obligation.key
                if each.evidence_id in chosen
                else _takes(obligation, each, exemptions)
                and not _is_over(obligation.requirement, each, obligation.opens_on)
            )
        ),
        key=lambda each: (each.completed_on, each.evidence_id),
    )
    return Credit(theirs[0], tuple(theirs[1:])) if theirs else None


def _takes(obligation: Obligation, completion: Completion, exemptions: Sequence[Exemption]) -> bool:
    day = completion.completed_on
    if day < obligation.counts_from or not _is_of_its_kind(obligation, completion):
        return False
    if obligation.left_on is not None and day >= obligation.left_on:
        return False
    return not any(each.requirement_key == obligation.requirement.key and day in each.period for each in exemptions)


def _is_of_its_kind(obligation: Obligation, completion: Completion) -> bool:
    kinds = obligation.requirement.equivalents
    if kinds is not None and completion.kind not in kinds:
        return False
    return obligation.least_version is None or (completion.version or 0) >= obligation.least_version


def _renew(credited: dict[str, Credit], candidates: Iterable[Obligation], completion: Completion) -> None:
    """Let evidence that no obligation lacks renew one: the earliest that has lapsed by then, else the latest credited."""
    latest: Obligation | None = None
    for each in candidates:
        held = credited.get(each.key)
        if held is None or held.completion.completed_on > completion.completed_on:
            continue
        if not _is_of_its_kind(each, completion):
            continue
        latest = each
        if all(
            _is_over(each.requirement, shown, completion.completed_on) for shown in (held.completion, *held.renewals)
        ):
            break
    if latest is not None:
        held = credited[latest.key]
        credited[latest.key] = Credit(held.completion, (*held.renewals, completion))


def status_on(
    obligation: Obligation,
    as_of: date,
    credited: Credit | None,
    leave: Sequence[Period] = (),
    exemptions: Sequence[Exemption] = (),
) -> Status:
    """Return the state of an obligation at the end of a JST date: the first of the nine that fits.

    Evidence, exemptions and leave that begin after the date are not looked at.
    """
    due_on, is_on_leave = _due_with_leave(obligation, as_of, leave) if leave else (obligation.due_on, False)
    if credited is None and not exemptions and not is_on_leave:
        return Status(_unmet_state(obligation, as_of, due_on, was_met=False), due_on)
    completion = credited.completion if credited is not None and credited.completion.completed_on <= as_of else None
    valid_until = _valid_until(obligation.requirement, credited, as_of) if credited and completion else None
    if completion is not None and (valid_until is None or as_of < valid_until):
        # What leave suspends has no due date to miss: a test passed during leave is in time, before the return as after.
        is_in_time = is_on_leave or completion.completed_on <= due_on
        state = State.COMPLETE if is_in_time else State.LATE_COMPLETE
        return Status(state, due_on, completion, None, valid_until)
    exemption = next(
        (each for each in exemptions if _excuses(each, obligation.requirement, as_of)),
        None,
    )
    if exemption is not None:
        state = State.EXEMPT
    elif is_on_leave:
        state = State.ON_LEAVE
    else:
        state = _unmet_state(obligation, as_of, due_on, was_met=completion is not None)
    return Status(state, due_on, completion, exemption, valid_until)


def _excuses(exemption: Exemption, requirement: Requirement, day: date) -> bool:
    return exemption.requirement_key == requirement.key and day in exemption.period


def _unmet_state(obligation: Obligation, as_of: date, due_on: date, *, was_met: bool) -> State:
    if obligation.left_on is not None and obligation.left_on <= as_of and obligation.left_on <= due_on:
        return State.LEFT_BEFORE_DUE
    if was_met:
        return State.LAPSED
    if as_of > due_on:
        return State.OVERDUE
    return State.OPEN if as_of >= obligation.opens_on else State.NOT_YET_DUE


def _due_with_leave(obligation: Obligation, as_of: date, leave: Sequence[Period]) -> tuple[date, bool]:
    """Return the due date in force on a date, and whether leave suspends the obligation on it."""
    due_on, is_on_leave = obligation.due_on, False
    for absence in leave:
        if absence.start > as_of or absence.is_empty or (absence.start > due_on and not is_on_leave):
            continue
        if absence.end is None or absence.end > as_of:
            is_on_leave = True
        elif absence.end > obligation.opens_on:
            due_on = max(due_on, absence.end + timedelta(days=obligation.requirement.days_after_leave))
    return due_on, is_on_leave


def _valid_until(requirement: Requirement, credited: Credit, as_of: date) -> date | None:
    shown = (each for each in (credited.completion, *credited.renewals) if each.completed_on <= as_of)
    ends = [_end_of(requirement, each) for each in shown]
    known_ends = [each for each in ends if each is not None]
    return max(known_ends) if len(known_ends) == len(ends) else None


def _end_of(requirement: Requirement, completion: Completion) -> date | None:
    if requirement.valid_months is None:
        return completion.ends_on
    end = add_months(completion.completed_on, requirement.valid_months)
    return end if completion.ends_on is None else min(end, completion.ends_on)


def _is_over(requirement: Requirement, completion: Completion, day: date) -> bool:
    end = _end_of(requirement, completion)
    return end is not None and end <= day
