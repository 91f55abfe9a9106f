"""Pools of auditors in words: verdict, facts that stand in the way, repairs, turns of the outlook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from courses.independence import Ground
from courses.programme.horizon import Horizon, Turn, TurnKind
from courses.programme.model import ExclusionKind
from courses.programme.results import Fact, FactKind, Repair, RepairKind, Verdict
from lms.wording.auditors import ground_sentence
from lms.wording.gettext import _, current_language, ngettext
from lms.wording.registers import date_label


@dataclass(frozen=True, slots=True)
class Names:
    """How people, areas, units and the grounds that exclude are called on a page."""

    people: Mapping[str, str]
    """By the auditor's name in the pool."""
    areas: Mapping[str, str]
    units: Mapping[int, str] = field(default_factory=dict)
    grounds: Mapping[tuple[str, str, str], Ground] = field(default_factory=dict)
    """By auditor, area and reference."""

    def person(self, key: str) -> str:
        """Return the name of an auditor; the key where none is known."""
        return self.people.get(key, key)

    def area(self, key: str) -> str:
        """Return the name of an area with its key; of a supposed one, whose key begins with +, the name alone."""
        name = self.areas.get(key)
        if name is None or key.startswith("+"):
            return name or key
        return f"{name}（{key}）" if current_language() == "ja" else f"{name} ({key})"

    def listed(self, keys: object) -> str:
        """Return names of auditors one after the other."""
        return ("、" if current_language() == "ja" else ", ").join(self.person(str(key)) for key in keys)  # type: ignore[attr-defined]  # any iterable


def pool_verdict_label(verdict: Verdict | str) -> str:
    """Return the verdict on a whole pool."""
    labels: dict[Verdict, Callable[[], str]] = {
        Verdict.FEASIBLE: lambda: _("Enough"),
        Verdict.INFEASIBLE: lambda: _("Not enough"),
        Verdict.CANNOT_TELL: lambda: _("Cannot tell"),
    }
    return labels[Verdict(verdict)]()


POOL_SIGNS: Mapping[str, str] = {"feasible": "○", "infeasible": "×", "cannot_tell": "?"}


def exclusion_label(kind: ExclusionKind | str) -> str:
    """Return the name that a pool gives to a ground for exclusion."""
    labels: dict[ExclusionKind, Callable[[], str]] = {
        ExclusionKind.WORKS_IN: lambda: _("works in the area"),
        ExclusionKind.LINE_AUTHORITY: lambda: _("has line authority over it"),
        ExclusionKind.AUTHORSHIP: lambda: _("wrote its documents"),
        ExclusionKind.CONSULTANCY: lambda: _("advises it"),
        ExclusionKind.DECLARED_INTEREST: lambda: _("declared an interest"),
        ExclusionKind.CONFLICT: lambda: _("has a conflict"),
    }
    return labels[ExclusionKind(kind)]()


def fact_sentence(fact: Fact, names: Names) -> str:
    """Return what keeps an auditor from an area."""
    who = names.person(fact.auditor)
    if fact.kind is FactKind.EXCLUDED:
        ground = names.grounds.get((fact.auditor, fact.area, fact.reference))
        why = ground_sentence(ground, names.units) if ground else exclusion_label(fact.ground or ExclusionKind.CONFLICT)
        return _("%(who)s: %(why)s", who=who, why=why)
    day = date_label(fact.day) if fact.day else ""
    sentences: dict[FactKind, Callable[[], str]] = {
        FactKind.NOT_VALID: lambda: _("%(who)s: not qualified since the end of %(day)s", who=who, day=day),
        FactKind.NOT_YET_VALID: lambda: _("%(who)s: qualified from %(day)s", who=who, day=day),
        FactKind.UNDECLARED: lambda: _("%(who)s: this year's declaration of interests is missing", who=who),
        FactKind.MAY_NOT_LEAD: lambda: _("%(who)s: may not lead a team", who=who),
        FactKind.LACKS_SKILL: lambda: _("%(who)s: lacks the skill %(skill)s", who=who, skill=fact.skill),
    }
    return sentences[fact.kind]()


def repair_sentence(repair: Repair, names: Names) -> str:
    """Return one way to close an area's gap."""
    who, count = names.listed(repair.auditors), repair.count
    sentences: dict[RepairKind, Callable[[], str]] = {
        RepairKind.DECLARE: lambda: _("Obtain %(count)s of these declarations: %(who)s", count=count, who=who),
        RepairKind.RENEW: lambda: _("Renew the qualification of %(count)s of: %(who)s", count=count, who=who),
        RepairKind.TRAIN: lambda: _("Train %(count)s of these candidates: %(who)s", count=count, who=who),
        RepairKind.LET_LEAD: lambda: _("Allow %(count)s of these to lead: %(who)s", count=count, who=who),
        RepairKind.TEACH: lambda: _("Teach the missing skills to %(count)s of: %(who)s", count=count, who=who),
        RepairKind.EXCEPT: lambda: _(
            "End what excludes %(count)s of these, or approve an exception with mitigation: %(who)s",
            count=count,
            who=who,
        ),
        RepairKind.FIND: lambda: _("Find further auditors: %(count)s", count=count),
    }
    return sentences[repair.kind]()


def turn_sentence(turn: Turn, names: Names) -> str:
    """Return what happens to an auditor on a day ahead."""
    who = names.person(turn.auditor)
    area = names.area(turn.exclusion.area) if turn.exclusion else ""
    why = ending_label(turn.reference)
    sentences: dict[TurnKind, Callable[[], str]] = {
        TurnKind.VALIDITY_OVER: lambda: _("%(who)s: the qualification ends (%(why)s)", who=who, why=why),
        TurnKind.BECOMES_VALID: lambda: _("%(who)s: the qualification begins", who=who),
        TurnKind.EXCLUSION_BEGINS: lambda: _("%(who)s: a ground excludes from %(area)s", who=who, area=area),
        TurnKind.EXCLUSION_OVER: lambda: _("%(who)s: a ground for exclusion from %(area)s is over", who=who, area=area),
    }
    return sentences[turn.kind]()


def ending_label(reference: str) -> str:
    """Return by what kind of record a qualification ends."""
    labels: dict[str, Callable[[], str]] = {
        "training_record": lambda: _("the course expires"),
        "appointment": lambda: _("end of term"),
        "competence_review": lambda: _("review out of its period"),
        "service": lambda: _("leaving"),
    }
    table = reference.partition("/")[0]
    return labels[table]() if table in labels else _("end not explained")


def cause_sentences(ahead: Horizon) -> list[str]:
    """Return what makes the margin negative on its first such day, counted by kind, and what avoids it."""
    turns = [turn for step in ahead.steps if step.first_day == ahead.first_negative for turn in step.turns]
    endings = [each.reference for each in turns if each.kind is TurnKind.VALIDITY_OVER]
    begun = sum(each.kind is TurnKind.EXCLUSION_BEGINS for each in turns)
    found = [
        _("%(why)s: %(count)s", why=why, count=count) for why, count in Counter(map(ending_label, endings)).items()
    ]
    if begun:
        found.append(_("%(why)s: %(count)s", why=_("a ground for exclusion begins"), count=begun))
    if any(each.startswith("appointment/") for each in endings):
        found.append(_("Appointing again avoids an end of term."))
    return found


def minus(number: int) -> str:
    """Return a whole number with a true minus sign."""
    return str(number).replace("-", "\u2212")


def margin_meaning(margin: int) -> str:
    """Return what a margin means."""
    if margin < 0:
        return _("lacking in the worst area: %(count)s", count=-margin)
    if margin == 0:
        return _("nobody may be lost")
    return ngettext("any %(count)s may be lost", "any %(count)s may be lost", margin)
