"""Pools as JSON files: their members, and all that makes a file unacceptable.

A file is taken whole or refused with every problem in it, each at its JSON pointer (RFC 6901). docs/pool.md describes the
members for those who write such files.

Source: RFC 8259 (JSON); RFC 6901 (pointers).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from courses.programme.model import (
    MOST_AREAS,
    MOST_AUDITORS,
    MOST_CANDIDATES,
    MOST_SKILLS,
    Area,
    Auditor,
    Candidate,
    Exclusion,
    ExclusionKind,
    Pool,
)

MOST_BYTES = 10_000_000
MOST_PROBLEMS = 100
LONGEST_ID = 100
LONGEST_SHOWN = 40
MOST_HOURS = 1_000_000
MOST_DECIMALS = 6

POOL_MEMBERS = ("as_of", "k", "leaders_per_team", "train", "areas", "auditors", "candidates")
AREA_MEMBERS = ("id", "hours", "skills")
AUDITOR_MEMBERS = ("id", "lead", "works_in", "conflicts", "declared", "valid_until", "hours", "skills")
CANDIDATE_MEMBERS = (*AUDITOR_MEMBERS, "cost")


class FileProblemCode(StrEnum):
    """What makes a file unacceptable."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_MEMBER = "unknown_member"
    MISSING_MEMBER = "missing_member"
    REPEATED_MEMBER = "repeated_member"
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    BAD_TEXT = "bad_text"
    """Empty, too long, or with characters that can't be printed."""
    BAD_DATE = "bad_date"
    NOT_A_NUMBER = "not_a_number"
    NEGATIVE = "negative"
    OUT_OF_RANGE = "out_of_range"
    TOO_MANY_DECIMALS = "too_many_decimals"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_AREA = "unknown_area"


class Wanted(StrEnum):
    """Types of values."""

    OBJECT = "object"
    LIST = "list"
    TEXT = "text"
    YES_OR_NO = "yes_or_no"
    NUMBER = "number"
    WHOLE_NUMBER = "whole_number"


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing that makes a file unacceptable, and where it stands."""

    code: FileProblemCode
    pointer: str = ""
    """JSON pointer; empty: the whole file."""
    value: str = ""
    """What stands there, at most 40 characters, unprintable ones replaced; for members their name."""
    limit: int | None = None
    """The limit that is not kept: bytes, entries, characters, decimals, or a number; NOT_UTF8: offset in bytes."""
    wanted: Wanted | None = None
    """WRONG_TYPE: which type it should be."""
    other: str = ""
    """DUPLICATE_ID: pointer of the first; NOT_JSON: line and column as ``line:column``."""


class PoolFileRefused(ValueError):
    """A file is unacceptable as a whole."""

    def __init__(self, problems: tuple[FileProblem, ...], count: int) -> None:
        """Keep at most 100 problems; ``count`` says how many there are."""
        super().__init__(", ".join(sorted({str(problem.code) for problem in problems})))
        self.problems = problems
        self.count = count


def read_pool(data: bytes, today: date) -> Pool:
    """Read a pool.

    Args:
        data: the file as it is.
        today: the JST date that stands for ``as_of`` where the file has none.

    Raises:
        PoolFileRefused: with all problems of the file.
    """
    return _Reader().read(_parsed(data), today)


class _Unusable:
    """A number that JSON does not know, such as NaN, or one with too many digits to be read."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Object(dict[str, Any]):
    """An object that remembers which members were repeated."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _value in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1}) if len(self) < len(pairs) else []


def _whole_number(text: str) -> object:
    return int(text) if len(text) <= 30 else _Unusable(text)


def _decimal(text: str) -> object:
    number = Decimal(text) if len(text) <= 60 else None
    return number if number is not None and number.adjusted() < 30 else _Unusable(text)


def _parsed(data: bytes) -> object:
    if len(data) > MOST_BYTES:
        raise _refused(FileProblem(FileProblemCode.TOO_LARGE, limit=MOST_BYTES))
    try:
        text = data.decode("utf-8-sig")
        return json.loads(
            text,
            object_pairs_hook=_Object,
            parse_int=_whole_number,
            parse_float=_decimal,
            parse_constant=_Unusable,
        )
    except UnicodeDecodeError as fault:
        raise _refused(FileProblem(FileProblemCode.NOT_UTF8, limit=fault.start)) from None
    except json.JSONDecodeError as fault:
        raise _refused(FileProblem(FileProblemCode.NOT_JSON, other=f"{fault.lineno}:{fault.colno}")) from None
    except RecursionError:
        raise _refused(FileProblem(FileProblemCode.TOO_DEEP)) from None


def _refused(problem: FileProblem) -> PoolFileRefused:
    return PoolFileRefused((problem,), 1)


def _shown(value: object) -> str:
    """Return a value as JSON writes it, cut for a message, without what would spoil a terminal."""
    if isinstance(value, _Unusable):
        text = value.text
    elif isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, Mapping | list):
        text = "{…}" if isinstance(value, Mapping) else "[…]"
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    short = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return "".join(sign if sign.isprintable() or sign == "\u3000" else "\ufffd" for sign in short)


def _token(name: str) -> str:
    """Return a member's name as a pointer has it."""
    return _shown(name).replace("~", "~0").replace("/", "~1")


_Value = TypeVar("_Value")
_REQUIRED = object()


class _Members:
    """One object of the file, whose members are read by name."""

    def __init__(self, reader: _Reader, pointer: str, content: Mapping[str, Any]) -> None:
        self._reader = reader
        self.pointer = pointer
        self._content = content

    def get(self, name: str, read: Callable[[str, Any], _Value | None], default: _Value | object = _REQUIRED) -> Any:  # noqa: ANN401 - whoever reads a member knows its type
        """Return a member's value; the default where it is not there; None where it is unacceptable."""
        if name not in self._content:
            if default is _REQUIRED:
                self._reader.add(FileProblem(FileProblemCode.MISSING_MEMBER, self.pointer, name))
                return None
            return default
        return read(f"{self.pointer}/{name}", self._content[name])

    def is_null(self, name: str) -> bool:
        """Tell whether a member says ``null``."""
        return name in self._content and self._content[name] is None


class _Reader:
    """Reads values, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[FileProblem] = []
        self.count = 0
        self._areas: dict[str, str] = {}
        self._has_all_areas = True
        """Whether every area's id could be read; else none is called unknown."""
        self._people: dict[str, str] = {}

    def add(self, problem: FileProblem) -> None:
        """Keep a problem; beyond 100 they are counted only."""
        self.count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def read(self, content: object, today: date) -> Pool:
        """Return the pool.

        Raises:
            PoolFileRefused: with all problems.
        """
        pool = self._pool(content, today)
        if pool is None or self.count:
            raise PoolFileRefused(tuple(self.problems), self.count)
        return pool

    def _pool(self, content: object, today: date) -> Pool | None:
        members = self._object("", content, POOL_MEMBERS)
        if members is None:
            return None
        as_of = members.get("as_of", self._date, today)
        k = members.get("k", self._whole(1, MOST_AUDITORS), 2)
        most_leaders = MOST_AUDITORS if k is None else k
        leaders = members.get("leaders_per_team", self._whole(0, most_leaders), 0)
        train = members.get("train", self._whole(0, MOST_CANDIDATES), 1)
        areas = members.get("areas", self._each(1, MOST_AREAS, self._area))
        self._has_all_areas = areas is not None and self._has_all_areas
        auditors = members.get("auditors", self._each(0, MOST_AUDITORS, self._auditor))
        candidates = members.get("candidates", self._each(0, MOST_CANDIDATES, self._candidate), [])
        if self.count:
            return None
        return Pool(as_of, tuple(areas), tuple(auditors), tuple(candidates), k, leaders, train)

    def _area(self, pointer: str, content: object) -> Area | None:
        members = self._object(pointer, content, AREA_MEMBERS)
        name = None if members is None else members.get("id", self._new_id(self._areas))
        self._has_all_areas = name is not None and self._has_all_areas
        if members is None:
            return None
        hours = members.get("hours", self._hours, Fraction(1))
        skills = members.get("skills", self._names(MOST_SKILLS), ())
        return None if name is None or hours is None or skills is None else Area(name, hours, frozenset(skills))

    def _auditor(self, pointer: str, content: object) -> Auditor | None:
        members = self._object(pointer, content, AUDITOR_MEMBERS)
        facts = None if members is None else self._person(members)
        return None if facts is None else Auditor(**facts)

    def _candidate(self, pointer: str, content: object) -> Candidate | None:
        members = self._object(pointer, content, CANDIDATE_MEMBERS)
        if members is None:
            return None
        facts = self._person(members)
        cost = members.get("cost", self._hours, Fraction(0))
        return None if facts is None or cost is None else Candidate(**facts, cost=cost)

    def _person(self, members: _Members) -> dict[str, Any] | None:
        before = self.count
        works_in = members.get("works_in", self._names(MOST_AREAS, self._areas), ())
        conflicts = members.get("conflicts", self._names(MOST_AREAS, self._areas), ())
        facts = {
            "id": members.get("id", self._new_id(self._people)),
            "may_lead": members.get("lead", self._yes_or_no, True),
            "is_declared": members.get("declared", self._yes_or_no, True),
            "valid_until": None if members.is_null("valid_until") else members.get("valid_until", self._date, None),
            "hours": None if members.is_null("hours") else members.get("hours", self._hours, None),
            "skills": frozenset(members.get("skills", self._names(MOST_SKILLS), ()) or ()),
        }
        if self.count > before:
            return None
        facts["exclusions"] = (
            *(Exclusion(area, ExclusionKind.WORKS_IN) for area in works_in),
            *(Exclusion(area, ExclusionKind.CONFLICT) for area in conflicts),
        )
        return facts

    def _object(self, pointer: str, content: object, known: Collection[str]) -> _Members | None:
        if not isinstance(content, _Object):
            self._wrong_type(pointer, content, Wanted.OBJECT)
            return None
        for name in content:
            if name not in known:
                self.add(FileProblem(FileProblemCode.UNKNOWN_MEMBER, f"{pointer}/{_token(name)}", _shown(name)))
        for name in content.repeated:
            self.add(FileProblem(FileProblemCode.REPEATED_MEMBER, f"{pointer}/{_token(name)}", _shown(name)))
        return _Members(self, pointer, content)

    def _each(
        self, fewest: int, most: int, read: Callable[[str, object], _Value | None]
    ) -> Callable[[str, object], list[_Value] | None]:
        def read_list(pointer: str, content: object) -> list[_Value] | None:
            entries = self._list(pointer, content, fewest, most)
            if entries is None:
                return None
            found = [read(f"{pointer}/{place}", entry) for place, entry in enumerate(entries)]
            return [each for each in found if each is not None]

        return read_list

    def _list(self, pointer: str, content: object, fewest: int, most: int) -> list[Any] | None:
        if not isinstance(content, list):
            self._wrong_type(pointer, content, Wanted.LIST)
        elif len(content) < fewest:
            self.add(FileProblem(FileProblemCode.TOO_FEW, pointer, str(len(content)), fewest))
        elif len(content) > most:
            self.add(FileProblem(FileProblemCode.TOO_MANY, pointer, str(len(content)), most))
        else:
            return content
        return None

    def _names(
        self, most: int, known: Mapping[str, str] | None = None
    ) -> Callable[[str, object], tuple[str, ...] | None]:
        """Read a list of names that are all different; of known ones, where these are given."""

        def read_names(pointer: str, content: object) -> tuple[str, ...] | None:
            entries = self._list(pointer, content, 0, most)
            if entries is None:
                return None
            first: dict[str, str] = {}
            return tuple(self._known_names(pointer, entries, first, known))

        return read_names

    def _known_names(
        self, pointer: str, entries: list[Any], first: dict[str, str], known: Mapping[str, str] | None
    ) -> Iterator[str]:
        for place, entry in enumerate(entries):
            where = f"{pointer}/{place}"
            name = self._new_id(first)(where, entry)
            if name is None:
                continue
            if known is not None and name not in known and self._has_all_areas:
                self.add(FileProblem(FileProblemCode.UNKNOWN_AREA, where, _shown(name)))
            yield name

    def _new_id(self, seen: dict[str, str]) -> Callable[[str, object], str | None]:
        """Read a name that was not there before."""

        def read_id(pointer: str, content: object) -> str | None:
            if not isinstance(content, str):
                self._wrong_type(pointer, content, Wanted.TEXT)
            elif (
                not 1 <= len(content) <= LONGEST_ID
                or _shown(content[:LONGEST_SHOWN]) != content[:LONGEST_SHOWN]
                or (not content.replace("\u3000", "x").isprintable())
            ):
                self.add(FileProblem(FileProblemCode.BAD_TEXT, pointer, _shown(content), LONGEST_ID))
            elif (first := seen.setdefault(content, pointer)) != pointer:
                self.add(FileProblem(FileProblemCode.DUPLICATE_ID, pointer, _shown(content), other=first))
            else:
                return content
            return None

        return read_id

    def _date(self, pointer: str, content: object) -> date | None:
        if not isinstance(content, str):
            self._wrong_type(pointer, content, Wanted.TEXT)
            return None
        try:
            found = date.fromisoformat(content)
        except ValueError:
            found = None
        # fromisoformat takes 20261130 and 2026-W49-1 too; years beyond these would leave no room to count months.
        if found is None or found.isoformat() != content or not 1900 <= found.year <= 2199:
            self.add(FileProblem(FileProblemCode.BAD_DATE, pointer, _shown(content)))
            return None
        return found

    def _yes_or_no(self, pointer: str, content: object) -> bool | None:
        if isinstance(content, bool):
            return content
        self._wrong_type(pointer, content, Wanted.YES_OR_NO)
        return None

    def _whole(self, least: int, most: int) -> Callable[[str, object], int | None]:
        def read_whole(pointer: str, content: object) -> int | None:
            if isinstance(content, bool) or not isinstance(content, int | _Unusable):
                self._wrong_type(pointer, content, Wanted.WHOLE_NUMBER)
            elif isinstance(content, _Unusable):
                self.add(FileProblem(FileProblemCode.NOT_A_NUMBER, pointer, _shown(content)))
            elif content < min(least, 0):
                self.add(FileProblem(FileProblemCode.NEGATIVE, pointer, _shown(content)))
            elif not least <= content <= most:
                limit = least if content < least else most
                self.add(FileProblem(FileProblemCode.OUT_OF_RANGE, pointer, _shown(content), limit))
            else:
                return content
            return None

        return read_whole

    def _hours(self, pointer: str, content: object) -> Fraction | None:
        if isinstance(content, _Unusable):
            self.add(FileProblem(FileProblemCode.NOT_A_NUMBER, pointer, _shown(content)))
        elif isinstance(content, bool) or not isinstance(content, int | Decimal):
            self._wrong_type(pointer, content, Wanted.NUMBER)
        elif content < 0:
            self.add(FileProblem(FileProblemCode.NEGATIVE, pointer, _shown(content)))
        elif content > MOST_HOURS:
            self.add(FileProblem(FileProblemCode.OUT_OF_RANGE, pointer, _shown(content), MOST_HOURS))
        elif (number := Decimal(content)) != round(number, MOST_DECIMALS):
            self.add(FileProblem(FileProblemCode.TOO_MANY_DECIMALS, pointer, _shown(content), MOST_DECIMALS))
        else:
            return Fraction(number)
        return None

    def _wrong_type(self, pointer: str, content: object, wanted: Wanted) -> None:
        self.add(FileProblem(FileProblemCode.WRONG_TYPE, pointer, _shown(content), wanted=wanted))
