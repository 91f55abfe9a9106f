"""A pool from the records as the JSON document that ``akashi pool analyse`` reads (docs/pool.md).

The document holds for one day: grounds that exclude on it, and nothing of those that begin or end on other days.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from courses.programme.model import Auditor, Candidate, ExclusionKind, Pool


def pool_input(pool: Pool) -> dict[str, Any]:
    """Return the document of a pool as of its own day; who is not qualified yet is left out."""
    return {
        "as_of": pool.as_of.isoformat(),
        "k": pool.k,
        "leaders_per_team": pool.leaders_per_team,
        "train": pool.train,
        "areas": [
            {"id": area.id, "hours": _number(area.hours), "skills": sorted(area.skills)}
            for area in sorted(pool.areas, key=lambda each: each.id)
        ],
        "auditors": [
            _auditor(pool, each)
            for each in sorted(pool.auditors, key=lambda each: each.id)
            if each.valid_from is None or each.valid_from <= pool.as_of
        ],
        "candidates": [_candidate(pool, each) for each in sorted(pool.candidates, key=lambda each: each.id)],
    }


def _auditor(pool: Pool, auditor: Auditor) -> dict[str, Any]:
    grounds = pool.grounds(auditor, pool.as_of)
    document: dict[str, Any] = {
        "id": auditor.id,
        "lead": auditor.may_lead,
        "works_in": _areas(each.area for each in grounds if each.kind is ExclusionKind.WORKS_IN),
        "conflicts": _areas(each.area for each in grounds if each.kind is not ExclusionKind.WORKS_IN),
        "declared": auditor.is_declared,
        "skills": sorted(auditor.skills),
    }
    if auditor.valid_until is not None:
        document["valid_until"] = auditor.valid_until.isoformat()
    if auditor.hours is not None:
        document["hours"] = _number(auditor.hours)
    return document


def _candidate(pool: Pool, candidate: Candidate) -> dict[str, Any]:
    return {**_auditor(pool, candidate), "cost": _number(candidate.cost)}


def _areas(keys: Iterable[str]) -> list[str]:
    return sorted(set(keys))


def _number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else round(float(value), 3)
