"""An analysis as a document of plain values, ready for JSON; docs/pool.md describes its members.

Source: docs/pool.md.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from courses.programme.results import Analysis, Fact, Repair, Teams, Training, Witness


def as_document(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis as lists, texts and numbers."""
    pool = analysis.minimum_pool
    return {
        "as_of": analysis.as_of.isoformat(),
        "verdict": str(analysis.verdict),
        "margin": analysis.margin,
        "binding_areas": list(analysis.binding_areas),
        "loss_sets": [list(each) for each in analysis.loss_sets.sets],
        "loss_sets_complete": analysis.loss_sets.is_complete,
        "loss_sets_total": analysis.loss_sets.total,
        "minimum_pool": None if pool is None else {"size": len(pool.auditors), "auditors": list(pool.auditors)},
        "minimum_pool_lower_bound": None if pool is None else pool.lower_bound,
        **_training(analysis.training),
        "assignment": {area: list(team) for area, team in sorted(analysis.teams.members.items())},
        "load": _load(analysis.teams) if analysis.teams.members else None,
        "undecided_by": list(analysis.undecided_by),
        "explanation": [_witness(each) for each in analysis.witnesses],
        "explanation_complete": analysis.is_explained,
    }


def _training(training: Training) -> dict[str, Any]:
    is_there = training.margin is not None
    return {
        "train_next": [list(each) for each in training.sets],
        "train_next_complete": training.is_complete,
        "train_next_result": {
            "margin": training.margin,
            "deficit": training.deficit,
            "cost": _number(training.cost),
        }
        if is_there
        else None,
        "helps_no_area": list(training.helps_no_area),
    }


def _load(teams: Teams) -> dict[str, Any]:
    return {
        "largest": _number(teams.largest_load),
        "largest_bound": _number(teams.load_bound),
        "overrun": _number(teams.largest_overrun),
        "overrun_bound": _number(teams.overrun_bound),
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "area": witness.area,
        "shortfall": witness.shortfall,
        "eligible": list(witness.eligible),
        "facts": [_fact(each) for each in witness.facts],
        "repairs": [_repair(each) for each in witness.repairs],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    document: dict[str, Any] = {"fact": str(fact.kind), "auditor": fact.auditor}
    if fact.ground is not None:
        document["ground"] = str(fact.ground)
    if fact.day is not None:
        document["day"] = fact.day.isoformat()
    if fact.skill:
        document["skill"] = fact.skill
    if fact.reference:
        document["reference"] = fact.reference
    return document


def _repair(repair: Repair) -> dict[str, Any]:
    return {"repair": str(repair.kind), "count": repair.count, "auditors": list(repair.auditors)}


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
