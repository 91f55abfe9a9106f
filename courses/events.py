"""The rules of the ledger's events: their canonical bytes, and commitments to personal values.

Glossary: an *event* is a JSON object about one row that was recorded; its *payload* is that object's canonical bytes;
a *commitment* stands in an event for a personal value, and an *opening* shows the value behind it. Everything here is
format 1, which docs/ledger.md fixes byte for byte.

Source: RFC 8785 (canonical JSON), RFC 2104 (HMAC).
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785

from courses.ledger import LedgerError, LengthError, is_organisation_key

EVENT_FORMAT = 1
SALT_LENGTH = 32
LARGEST_INTEGER = 2**53 - 1
DEEPEST_NESTING = 32

_FIELD_SALT_PREFIX = b"akashi field salt v1\0"
_NULL = b"\x00"
_TEXT = b"\x01"

_MEMBER_NAME = re.compile(r"[\x20-\x7e]{1,128}")
_EVENT_TYPE = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_ACTOR_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FIELD = re.compile(r"(?=.{1,128}\Z)[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


class UnsupportedValueError(LedgerError):
    """A value is of a type that format 1 does not know."""

    def __init__(self, path: str, type_name: str) -> None:
        super().__init__(path, type_name)
        self.path, self.type_name = path, type_name


class FloatInEventError(UnsupportedValueError):
    """A value is a float, whose decimal form is no fact anybody entered."""


class IntegerRangeError(LedgerError):
    """An integer lies outside ±(2^53 - 1), where JSON readers begin to round."""

    def __init__(self, path: str, value: int) -> None:
        super().__init__(path, value)
        self.path, self.value = path, value


class UnpairedSurrogateError(LedgerError):
    """A text holds half of a surrogate pair and therefore has no UTF-8 form."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NestingError(LedgerError):
    """Lists and objects are nested deeper than DEEPEST_NESTING."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class MalformedMemberError(LedgerError):
    """A member of an event, or a member's name, breaks its grammar."""

    def __init__(self, member: str, value: object) -> None:
        super().__init__(member, value)
        self.member, self.value = member, value


class NaiveTimeError(LedgerError):
    """A recorded time does not say its offset from UTC."""


class ClearAndCommittedError(LedgerError):
    """The same field stands in clear in the body and hidden among the commitments."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ActorKind(StrEnum):
    """Who caused an event."""

    PERSON = "person"
    IDENTITY = "identity"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who caused an event, by a key that names nobody to a stranger."""

    kind: ActorKind
    """A person, a platform identity not linked to a person, an operator at the command line, or the system."""
    key: str
    """A row number or another opaque key; never a name, an address or a staff number."""


@dataclass(frozen=True, slots=True)
class RecordReference:
    """The row that an event is about."""

    table: str
    """The table's name in the database."""
    number: int
    """The row's primary key, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What build_event needs to know."""

    event_type: str
    """Two or more dotted lower-case words, such as `attempt.submitted`."""
    organisation: str
    """The organisation's key, which is also the last part of the ledger's origin."""
    recorded_at: datetime
    """When the system learnt the fact; aware, any offset."""
    actor: Actor
    """Who caused it."""
    record: RecordReference
    """The row written together with the event."""
    body: Mapping[str, object]
    """Facts that may stay for ever: no personal value, no float."""
    commitments: Mapping[str, str]
    """Field name to commitment, as commit_fields gives them."""
    supersedes: int | None = None
    """The row of the same table that this one corrects."""


def build_event(facts: EventFacts) -> dict[str, object]:
    """Make the mapping of format 1, checked so that event_bytes accepts it.

    Raises:
        LedgerError: a fact breaks its grammar; the subclass names the rule.
    """
    _check_grammar(facts)
    _check_rows(facts.record, facts.supersedes)
    _check_commitments(facts)
    event: dict[str, object] = {
        "akashi_event": EVENT_FORMAT,
        "type": facts.event_type,
        "organisation": facts.organisation,
        "recorded_at": recorded_time(facts.recorded_at),
        "actor": {"kind": str(facts.actor.kind), "id": facts.actor.key},
        "record": {"table": facts.record.table, "id": facts.record.number},
        "supersedes": facts.supersedes,
        "body": dict(facts.body),
        "commitments": dict(facts.commitments),
    }
    _check_value(event, "", 0)
    return event


def recorded_time(moment: datetime) -> str:
    """Write a moment as UTC with six digits of a second and the letter Z.

    Raises:
        NaiveTimeError: the moment has no offset.
    """
    if moment.utcoffset() is None:
        raise NaiveTimeError
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def event_bytes(event: Mapping[str, object]) -> bytes:
    """Give the canonical JSON of an event: the payload that is stored and hashed.

    Raises:
        LedgerError: a value is a float, too large, too deep, not text or of an unknown type.

    Source: RFC 8785, narrowed to exact int, str, bool, None, list and dict with printable ASCII member names.
    """
    members: Any = dict(event)
    _check_value(members, "", 0)
    return rfc8785.dumps(members)


def differing_members(stored: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    """Name the members in which a stored event differs from what its row says, those of the body as `body.NAME`.

    Commitments are not compared, since a row does not hold what is behind them. A column that is null and that the
    stored body does not know was added after the event.
    """
    if _as_json({**stored, "commitments": None}) == _as_json({**expected, "commitments": None}):
        return []
    names = sorted((stored.keys() | expected.keys()) - {"body", "commitments"})
    body, row = stored.get("body"), expected.get("body")
    if not isinstance(body, dict) or not isinstance(row, dict):
        return [*_differing(names, stored, expected), "body"]
    return [
        *_differing(names, stored, expected),
        *(f"body.{name}" for name in _differing(sorted(body.keys() | row.keys()), body, row)),
    ]


def _differing(names: Sequence[str], left: Mapping[str, object], right: Mapping[str, object]) -> list[str]:
    return [name for name in names if _as_json(left.get(name)) != _as_json(right.get(name))]


def _as_json(value: object) -> str:
    """Write a value for comparison: as Python values, True, 1 and 1.0 would be equal."""
    return json.dumps(value, sort_keys=True)


def _check_grammar(facts: EventFacts) -> None:
    for member, pattern, text in (
        ("type", _EVENT_TYPE, facts.event_type),
        ("actor.id", _ACTOR_KEY, facts.actor.key),
        ("record.table", _TABLE, facts.record.table),
    ):
        if pattern.fullmatch(text) is None:
            raise MalformedMemberError(member, text)
    if not is_organisation_key(facts.organisation):
        raise MalformedMemberError("organisation", facts.organisation)
    if str(facts.actor.kind) not in {str(kind) for kind in ActorKind}:
        raise MalformedMemberError("actor.kind", facts.actor.kind)


def _check_rows(record: RecordReference, supersedes: int | None) -> None:
    if record.number < 1:
        raise MalformedMemberError("record.id", record.number)
    if supersedes is not None and (supersedes < 1 or supersedes == record.number):
        raise MalformedMemberError("supersedes", supersedes)


def _check_commitments(facts: EventFacts) -> None:
    for field, commitment in facts.commitments.items():
        if _FIELD.fullmatch(field) is None:
            raise MalformedMemberError("commitments", field)
        if _COMMITMENT.fullmatch(commitment) is None:
            raise MalformedMemberError(f"commitments.{field}", commitment)
        if field in facts.body:
            raise ClearAndCommittedError(field)


def _check_value(value: object, path: str, depth: int) -> None:
    # Exact types: an Enum that is also a str or an int would be written differently by different readers.
    kind = type(value)
    if isinstance(value, list | dict) and kind in (list, dict):
        if depth == DEEPEST_NESTING:
            raise NestingError(path)
        for child_path, child in _children(value, path):
            _check_value(child, child_path, depth + 1)
    elif isinstance(value, int) and kind is int:
        if abs(value) > LARGEST_INTEGER:
            raise IntegerRangeError(path, value)
    elif isinstance(value, str) and kind is str:
        _encode(value, path)
    elif kind is not bool and value is not None:
        raise (FloatInEventError if isinstance(value, float) else UnsupportedValueError)(path, kind.__name__)


def _children(value: list[object] | dict[object, object], path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"{path}/{index}", child) for index, child in enumerate(value))
        return
    for name, child in value.items():
        # With ASCII names the order by UTF-16 units of RFC 8785 is the order by bytes, which every language sorts by.
        if not isinstance(name, str) or type(name) is not str or _MEMBER_NAME.fullmatch(name) is None:
            raise MalformedMemberError(path, name)
        yield f"{path}/{name}", child


def _encode(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnpairedSurrogateError(path) from None


@dataclass(frozen=True, slots=True)
class Opening:
    """What shows the value behind one commitment, and nothing about the other fields of its row."""

    field: str
    """The field's name among the commitments."""
    salt: bytes
    """The field's salt, 32 bytes; the row's salt can't be found from it."""
    value: str | None
    """The value as it was committed, not normalised."""


def commit_fields(row_salt: bytes, values: Mapping[str, str | None]) -> dict[str, str]:
    """Commit to the personal values of one row: 64 lower-case hex digits for each field.

    Args:
        row_salt: 32 random bytes used for this event alone.
        values: field name to text, or None for a value that is absent, which differs from an empty text.

    Raises:
        LedgerError: the salt's length, a field's name or a text is not acceptable.
    """
    return {field: _commitment(field_salt(row_salt, field), value) for field, value in values.items()}


def open_field(row_salt: bytes, field: str, value: str | None) -> Opening:
    """Give the opening of one field, to be stored or shown without the row's salt."""
    return Opening(field=field, salt=field_salt(row_salt, field), value=value)


def field_salt(row_salt: bytes, field: str) -> bytes:
    """Derive the salt of one field from the salt of its row.

    Raises:
        LengthError: the row's salt is not 32 bytes.
        MalformedMemberError: the field's name breaks its grammar.
    """
    if len(row_salt) != SALT_LENGTH:
        raise LengthError(len(row_salt))
    if _FIELD.fullmatch(field) is None:
        raise MalformedMemberError("commitments", field)
    return hmac.digest(row_salt, _FIELD_SALT_PREFIX + field.encode(), "sha256")


def check_opening(commitment: str, field_salt: bytes, value: str | None) -> bool:
    """Say, in constant time, whether the salt and the value open the commitment."""
    # HMAC pads a short key with zeros, so a salt of another length could open the same commitment.
    if len(field_salt) != SALT_LENGTH:
        return False
    try:
        expected = _commitment(field_salt, value)
    except UnpairedSurrogateError:
        return False
    return hmac.compare_digest(expected.encode(), commitment.encode(errors="surrogatepass"))


def _commitment(salt: bytes, value: str | None) -> str:
    message = _NULL if value is None else _TEXT + _encode(value, "value")
    return hmac.digest(salt, message, "sha256").hex()
