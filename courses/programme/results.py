"""What an analysis of a pool answers: verdict, margin, loss sets, teams, and why not.

Source: domain.md §5, computations 1-5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from courses.programme.model import ExclusionKind

MOST_LOSS_SETS = 1_000
"""So many smallest loss sets are listed; beyond, ``is_complete`` says so."""
MOST_TRAINING_SETS = 100
MOST_EXPLAINED_AREAS = 50


class EffortSpentError(RuntimeError):
    """The solver's limit was reached without any answer."""


class Verdict(StrEnum):
    """Coverage in three values: feasible 充足, infeasible 不足, cannot tell 判定不能."""

    FEASIBLE = "feasible"
    """Every area gets a team even if the undeclared are eligible nowhere."""
    INFEASIBLE = "infeasible"
    """Some area gets none even if the undeclared are excluded by the known facts alone."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class LossSets:
    """The smallest sets of auditors whose loss breaks coverage; none when it is broken already."""

    sets: tuple[tuple[str, ...], ...] = ()
    """Ids sorted within a set; sets sorted. At most 1,000."""
    total: int | None = 0
    """How many there are; None where they were not counted."""

    @property
    def is_complete(self) -> bool:
        """Tell whether all of them are listed."""
        return self.total == len(self.sets)


@dataclass(frozen=True, slots=True)
class MinimumPool:
    """The fewest of the given auditors that cover every area."""

    auditors: tuple[str, ...]
    """Sorted; the first by id among those of the same size, where proven."""
    lower_bound: int
    """No pool is smaller than this; equal to the size where the minimum is proven."""

    @property
    def is_proven(self) -> bool:
        """Tell whether no smaller pool exists."""
        return self.lower_bound == len(self.auditors)


@dataclass(frozen=True, slots=True)
class Training:
    """Whom to train next."""

    sets: tuple[tuple[str, ...], ...] = ()
    """The best sets, ties all of them up to 100."""
    is_complete: bool = True
    margin: int | None = None
    """With any of the sets trained; None where there is nobody to train."""
    deficit: int = 0
    """Auditors still lacking, added up over areas."""
    cost: Fraction = Fraction(0)
    helps_no_area: tuple[str, ...] = ()
    """Candidates who could be in no area's team."""


@dataclass(frozen=True, slots=True)
class Teams:
    """A team for every area, the hours balanced."""

    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Area → exactly k auditors, sorted; empty when there is none for some area."""
    largest_overrun: Fraction = Fraction(0)
    """Hours that somebody has above the own capacity, at most."""
    overrun_bound: Fraction = Fraction(0)
    """No assignment has a smaller largest overrun; equal to it where that is proven."""
    largest_load: Fraction = Fraction(0)
    """Hours of the one who has most."""
    load_bound: Fraction = Fraction(0)
    """No assignment with this overrun has a smaller largest load; equal to it where the balance is proven."""


class FactKind(StrEnum):
    """What keeps an auditor from filling a place in an area's team."""

    EXCLUDED = "excluded"
    NOT_VALID = "not_valid"
    NOT_YET_VALID = "not_yet_valid"
    UNDECLARED = "undeclared"
    MAY_NOT_LEAD = "may_not_lead"
    LACKS_SKILL = "lacks_skill"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact about one auditor and one area."""

    kind: FactKind
    auditor: str
    area: str
    ground: ExclusionKind | None = None
    """EXCLUDED: which ground."""
    reference: str = ""
    """EXCLUDED: the exclusion's ``fact``; NOT_VALID: the auditor's ``validity_fact``."""
    day: date | None = None
    """NOT_VALID: last valid day; NOT_YET_VALID: first one."""
    skill: str = ""


class RepairKind(StrEnum):
    """What would close an area's gap, from the least effort to the most."""

    DECLARE = "declare"
    """Obtain declarations."""
    RENEW = "renew"
    TRAIN = "train"
    """Train the named candidates."""
    LET_LEAD = "let_lead"
    TEACH = "teach"
    """Give auditors of the area the skills that its team lacks."""
    EXCEPT = "except"
    """End what excludes, or approve an exception with mitigation."""
    FIND = "find"
    """Find further auditors."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One way to close an area's gap."""

    kind: RepairKind
    count: int
    """How many of ``auditors`` are needed."""
    auditors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Witness:
    """Why an area gets no team: an irreducible set of facts."""

    area: str
    shortfall: int
    """Auditors lacking who may lead and have every skill."""
    eligible: tuple[str, ...]
    facts: tuple[Fact, ...]
    """Without any one of them the shortfall would be smaller."""
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """Computations 1 to 4 for one pool on one day."""

    as_of: date
    verdict: Verdict
    margin: int
    """r*: with any so many auditors lost every area still gets a team; below 0 minus the largest shortfall."""
    binding_areas: tuple[str, ...]
    """Areas that attain the margin."""
    loss_sets: LossSets = LossSets()
    minimum_pool: MinimumPool | None = None
    training: Training = Training()
    teams: Teams = Teams()
    undecided_by: tuple[str, ...] = ()
    """CANNOT_TELL: the undeclared auditors whose declaration can decide."""
    witnesses: tuple[Witness, ...] = ()
    """For each binding area without a team, up to 50 areas."""

    @property
    def is_explained(self) -> bool:
        """Tell whether every binding area without a team has its witness."""
        return self.margin >= 0 or len(self.witnesses) == len(self.binding_areas)

    @property
    def critical(self) -> tuple[str, ...]:
        """Auditors whose loss alone breaks coverage."""
        return tuple(each[0] for each in self.loss_sets.sets if len(each) == 1)
