"""The ledger's events: canonical bytes and commitments.

The golden values pin format 1 (docs/ledger.md). If one of them fails, the code is wrong, never the value.
"""

import hmac
import json
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import events
from courses.events import Actor, ActorKind, EventFacts, RecordReference
from courses.ledger import LengthError, leaf_hash, short_id

ROW_SALT = bytes(range(32))
VALUES = {"name": "架空 花子", "former_name": None, "note": ""}
GOLDEN_COMMITMENTS = {
    "name": "c5383c98d7d8d7704fd0d0cbe8da0064b7dd0a552440bc9db065399eca440bd1",
    "former_name": "8a53feddb3570869df5a02b6cb8da2fc32417cb7a081c4693bd87db0c20205a5",
    "note": "d5ed71e619b947424e6a2d066cdeae432443476122bdbecf39f5441e2859c272",
}
FACTS = EventFacts(
    event_type="attempt.submitted",
    organisation="example-univ",
    recorded_at=datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=9))),
    actor=Actor(ActorKind.PERSON, "17"),
    record=RecordReference("attempt", 4711),
    body={
        "mark": 8,
        "maximum": 10,
        "passed": True,
        "questions": [{"id": "q-001", "version": 3}],
        "title": '情報セキュリティ\n"基礎"',
    },
    commitments=GOLDEN_COMMITMENTS,
)
GOLDEN_PAYLOAD = bytes.fromhex(
    "7b226163746f72223a7b226964223a223137222c226b696e64223a22706572736f6e227d2c22616b617368695f6576656e74223a312c2262"
    "6f6479223a7b226d61726b223a382c226d6178696d756d223a31302c22706173736564223a747275652c227175657374696f6e73223a5b7b"
    "226964223a22712d303031222c2276657273696f6e223a337d5d2c227469746c65223a22e68385e5a0b1e382bbe382ade383a5e383aae383"
    "86e382a35c6e5c22e59fbae7a48e5c22227d2c22636f6d6d69746d656e7473223a7b22666f726d65725f6e616d65223a2238613533666564"
    "64623335373038363964663561303262366362386461326663333234313763623761303831633436393362643837646230633230323035613"
    "5222c226e616d65223a226335333833633938643764386437373034666430643063626538646130303634623764643061353532343430626"
    "3396462303635333939656361343430626431222c226e6f7465223a226435656437316536313962393437343234653661326430363663646"
    "5616534333234343334373631323262646265636633396635343431653238353963323732227d2c226f7267616e69736174696f6e223a226"
    "578616d706c652d756e6976222c227265636f7264223a7b226964223a343731312c227461626c65223a22617474656d7074227d2c22726563"
    "6f726465645f6174223a22323032362d31312d32335430303a30303a30302e3030303030305a222c2273757065727365646573223a6e756c"
    "6c2c2274797065223a22617474656d70742e7375626d6974746564227d"
)
GOLDEN_LEAF = "fff7811233b7f979382cd821bc57bec8b19b4a86b3dcf5819cdfb16a1b786fb2"


def test_the_bytes_of_an_event_never_change() -> None:
    payload = events.event_bytes(events.build_event(FACTS))
    assert payload == GOLDEN_PAYLOAD
    assert leaf_hash(payload).hex() == GOLDEN_LEAF
    assert short_id(leaf_hash(payload)) == "E-fff7811233b7f979"


def test_an_event_has_exactly_the_nine_members_of_format_1() -> None:
    event = json.loads(GOLDEN_PAYLOAD)
    assert set(event) == {
        "akashi_event",
        "type",
        "organisation",
        "recorded_at",
        "actor",
        "record",
        "supersedes",
        "body",
        "commitments",
    }
    assert event["akashi_event"] == 1


def test_a_correction_names_the_row_that_it_supersedes() -> None:
    assert events.build_event(replace(FACTS, supersedes=4700))["supersedes"] == 4700


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23T00:00:00.000000Z"),
        (datetime(2026, 4, 1, 0, 0, 0, 42, tzinfo=timezone(timedelta(hours=9))), "2026-03-31T15:00:00.000042Z"),
        (datetime(987, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "0987-01-02T03:04:05.678901Z"),
    ],
)
def test_a_recorded_time_is_utc_with_six_digits(moment: datetime, written: str) -> None:
    assert events.recorded_time(moment) == written


def test_a_recorded_time_without_an_offset_is_refused() -> None:
    with pytest.raises(events.NaiveTimeError):
        events.build_event(replace(FACTS, recorded_at=datetime(2026, 11, 23)))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"event_type": "attempt"}, "type"),
        ({"event_type": "Attempt.submitted"}, "type"),
        ({"event_type": "attempt..submitted"}, "type"),
        ({"event_type": "attempt.submitted\n"}, "type"),
        ({"event_type": "attempt." + "s" * 57}, "type"),
        ({"organisation": "架空大学"}, "organisation"),
        ({"organisation": "example+univ"}, "organisation"),
        ({"organisation": ""}, "organisation"),
        ({"actor": Actor(ActorKind.PERSON, "hanako@example.invalid")}, "actor.id"),
        ({"actor": Actor(ActorKind.PERSON, "")}, "actor.id"),
        ({"actor": Actor("robot", "17")}, "actor.kind"),
        ({"record": RecordReference("Attempt", 1)}, "record.table"),
        ({"record": RecordReference("attempt", 0)}, "record.id"),
        ({"supersedes": 0}, "supersedes"),
        ({"supersedes": 4711}, "supersedes"),
        ({"commitments": {"Name": "0" * 64}}, "commitments"),
        ({"commitments": {"name": "0" * 63}}, "commitments.name"),
        ({"commitments": {"name": "F" * 64}}, "commitments.name"),
        ({"body": {"氏名": 1}}, "/body"),
        ({"body": {"": 1}}, "/body"),
        ({"body": {"answers": {7: 1}}}, "/body/answers"),
    ],
)
def test_a_member_that_breaks_its_grammar_is_refused(change: dict[str, Any], member: str) -> None:
    with pytest.raises(events.MalformedMemberError) as refusal:
        events.build_event(replace(FACTS, **change))
    assert refusal.value.member == member


def test_a_field_can_not_be_hidden_and_stand_in_clear() -> None:
    with pytest.raises(events.ClearAndCommittedError) as refusal:
        events.build_event(replace(FACTS, body={"name": "架空 花子"}))
    assert refusal.value.field == "name"


@pytest.mark.parametrize("number", [0.5, 1.0, float("nan"), float("inf")])
def test_a_float_is_refused_wherever_it_hides(number: float) -> None:
    with pytest.raises(events.FloatInEventError) as refusal:
        events.event_bytes({"body": {"marks": [1, number]}})
    assert refusal.value.path == "/body/marks/1"
    with pytest.raises(events.FloatInEventError):
        events.build_event(replace(FACTS, body={"mark": number}))


class Code(StrEnum):
    PASSED = "passed"


class Level(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    "value", [Code.PASSED, Level.ONE, (1, 2), OrderedDict(a=1), b"bytes", datetime(2026, 1, 1, tzinfo=UTC)]
)
def test_a_value_that_readers_might_write_differently_is_refused(value: object) -> None:
    with pytest.raises(events.UnsupportedValueError) as refusal:
        events.event_bytes({"value": value})
    assert (refusal.value.path, refusal.value.type_name) == ("/value", type(value).__name__)


def test_a_member_name_that_only_resembles_a_text_is_refused() -> None:
    with pytest.raises(events.MalformedMemberError):
        events.event_bytes({"body": {Code.PASSED: 1}})


@pytest.mark.parametrize("number", [2**53 - 1, 1 - 2**53, 0])
def test_an_integer_in_range_is_written_in_plain_decimal(number: int) -> None:
    assert events.event_bytes({"n": number}) == b'{"n":%d}' % number


@pytest.mark.parametrize("number", [2**53, -(2**53)])
def test_an_integer_that_json_readers_would_round_is_refused(number: int) -> None:
    with pytest.raises(events.IntegerRangeError) as refusal:
        events.event_bytes({"n": number})
    assert (refusal.value.path, refusal.value.value) == ("/n", number)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(events.UnpairedSurrogateError) as refusal:
        events.event_bytes({"text": "a\ud800"})
    assert refusal.value.path == "/text"


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_nesting_has_a_limit_and_reaches_it() -> None:
    assert events.event_bytes(nested(events.DEEPEST_NESTING)).count(b"{") == events.DEEPEST_NESTING
    with pytest.raises(events.NestingError) as refusal:
        events.event_bytes(nested(events.DEEPEST_NESTING + 1))
    assert refusal.value.path == "/a" * events.DEEPEST_NESTING


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1), children)
    ),
    max_leaves=12,
)


@given(value=JSON_VALUES)
@settings(deadline=None, max_examples=200)
def test_the_canonical_form_is_what_the_standard_library_writes_with_sorted_keys(value: object) -> None:
    payload = events.event_bytes({"value": value})
    text = json.dumps({"value": value}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert payload == text.encode()
    assert json.loads(payload) == {"value": value}


# An event and its row


def test_a_row_that_says_what_its_event_says_differs_in_nothing() -> None:
    stored = json.loads(GOLDEN_PAYLOAD)
    expected = {name: value for name, value in events.build_event(FACTS).items() if name != "commitments"}
    assert events.differing_members(stored, expected) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "attempt.reviewed"}, ["type"]),
        ({"recorded_at": None, "supersedes": 4}, ["recorded_at", "supersedes"]),
        ({"body": {**FACTS.body, "mark": 9}}, ["body.mark"]),
        ({"body": {**FACTS.body, "passed": 1}}, ["body.passed"]),
        ({"body": {**FACTS.body, "mark": 8.0}}, ["body.mark"]),
        ({"body": {**FACTS.body, "added": 1}}, ["body.added"]),
        ({"body": {**FACTS.body, "added_later": None}}, []),
        ({"body": {name: value for name, value in FACTS.body.items() if name != "title"}}, ["body.title"]),
        ({"body": []}, ["body"]),
        ({"more": 1}, ["more"]),
    ],
)
def test_the_members_in_which_a_row_differs_from_its_event_are_named(change: dict[str, Any], named: list[str]) -> None:
    stored = json.loads(GOLDEN_PAYLOAD)
    assert events.differing_members(stored, {**events.build_event(FACTS), **change}) == named


# Commitments


def test_commitments_never_change() -> None:
    assert events.commit_fields(ROW_SALT, VALUES) == GOLDEN_COMMITMENTS


def test_a_commitment_is_the_documented_formula() -> None:
    salt = hmac.new(ROW_SALT, b"akashi field salt v1\x00name", sha256).digest()
    assert salt.hex() == "65532bde268fa13864a68ce1f3971c3047542dd4d2d77e059d61b5c6533abefe"
    assert hmac.new(salt, b"\x01" + "架空 花子".encode(), sha256).hexdigest() == GOLDEN_COMMITMENTS["name"]
    former_salt = hmac.new(ROW_SALT, b"akashi field salt v1\x00former_name", sha256).digest()
    assert hmac.new(former_salt, b"\x00", sha256).hexdigest() == GOLDEN_COMMITMENTS["former_name"]


def test_an_absent_value_an_empty_text_and_a_nul_are_committed_differently() -> None:
    commitments = {events.commit_fields(ROW_SALT, {"name": value})["name"] for value in (None, "", "\0", "\1")}
    assert len(commitments) == 4


def test_the_same_value_in_two_fields_or_two_rows_gives_different_commitments() -> None:
    same_row = events.commit_fields(ROW_SALT, {"name": "架空", "former_name": "架空"})
    other_row = events.commit_fields(bytes(32), {"name": "架空"})
    assert len({*same_row.values(), *other_row.values()}) == 3


@given(value=st.none() | st.text(), other=st.none() | st.text(), row_salt=st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_an_opening_opens_its_own_commitment_and_no_other_value(
    value: str | None, other: str | None, row_salt: bytes
) -> None:
    commitments = events.commit_fields(row_salt, {"name": value, "former_name": value})
    opening = events.open_field(row_salt, "name", value)
    assert opening.field == "name"
    assert events.check_opening(commitments["name"], opening.salt, opening.value)
    assert not events.check_opening(commitments["former_name"], opening.salt, opening.value)
    assert events.check_opening(commitments["name"], opening.salt, other) is (other == value)


def test_an_opening_does_not_carry_the_salt_of_the_row() -> None:
    opening = events.open_field(ROW_SALT, "name", "架空")
    assert opening.salt != ROW_SALT
    assert not events.check_opening(GOLDEN_COMMITMENTS["note"], opening.salt, "")


@pytest.mark.parametrize(
    ("commitment", "salt", "value"),
    [
        (GOLDEN_COMMITMENTS["name"].upper(), events.field_salt(ROW_SALT, "name"), "架空 花子"),
        ("", events.field_salt(ROW_SALT, "name"), "架空 花子"),
        ("é\ud800", events.field_salt(ROW_SALT, "name"), "架空 花子"),
        (GOLDEN_COMMITMENTS["name"], events.field_salt(ROW_SALT, "name") + b"\0", "架空 花子"),
        (GOLDEN_COMMITMENTS["name"], events.field_salt(ROW_SALT, "name"), "\ud800"),
    ],
)
def test_an_opening_that_is_not_well_formed_opens_nothing(commitment: str, salt: bytes, value: str) -> None:
    assert not events.check_opening(commitment, salt, value)


def test_a_commitment_needs_a_full_salt_a_proper_name_and_a_writable_text() -> None:
    with pytest.raises(LengthError) as refusal:
        events.commit_fields(bytes(31), {"name": "架空"})
    assert refusal.value.length == 31
    with pytest.raises(events.MalformedMemberError):
        events.commit_fields(ROW_SALT, {"氏名": "架空"})
    with pytest.raises(events.UnpairedSurrogateError):
        events.commit_fields(ROW_SALT, {"name": "\udfff"})
