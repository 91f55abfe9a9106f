"""What each kind of evidence must carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.records import REQUIRED_FIELDS, EvidenceKind, IncompleteEvidenceError, check_evidence, missing_fields

FULL: dict[str, object] = {
    "module": "isms-and-my-role",
    "module_version": "0" * 64,
    "question_versions": ["1" * 64],
    "mark": 8,
    "maximum": 10,
    "pass_mark": 8,
    "attempt": 1,
    "session": "2026-06-10",
    "grader": "0001234",
    "provider": "架空研修センター",
    "certificate": "K-2026-7",
    "equivalence_verified_by": "0001234",
    "text_version": 2,
    "text_sha256": "2" * 64,
    "signed_at": "2026-06-10T01:02:03Z",
    "method": "launch",
}
FIELDS_OF_KINDS = [(kind, field) for kind in EvidenceKind for field in REQUIRED_FIELDS[kind]]


@pytest.mark.parametrize("kind", EvidenceKind)
def test_every_kind_says_what_it_must_carry_and_each_field_once(kind: EvidenceKind) -> None:
    assert REQUIRED_FIELDS[kind]
    assert len(set(REQUIRED_FIELDS[kind])) == len(REQUIRED_FIELDS[kind])


def test_question_versions_are_demanded_of_our_own_tests_only() -> None:
    demanding = {kind for kind in EvidenceKind if "question_versions" in REQUIRED_FIELDS[kind]}
    assert demanding == {EvidenceKind.OWN_TEST}


@pytest.mark.parametrize("kind", [EvidenceKind.OWN_TEST, EvidenceKind.FACE_TO_FACE, EvidenceKind.MAKE_UP])
def test_attendance_is_not_passing_so_a_test_needs_mark_maximum_and_pass_mark(kind: EvidenceKind) -> None:
    assert {"mark", "maximum", "pass_mark"} <= set(REQUIRED_FIELDS[kind])


@pytest.mark.parametrize("kind", EvidenceKind)
def test_evidence_with_all_that_its_kind_needs_is_accepted(kind: EvidenceKind) -> None:
    fields = {name: FULL[name] for name in REQUIRED_FIELDS[kind]}
    assert missing_fields(kind, fields) == ()
    check_evidence(kind, fields)


@pytest.mark.parametrize(("kind", "field"), FIELDS_OF_KINDS)
def test_each_required_field_is_missed_when_it_is_absent(kind: EvidenceKind, field: str) -> None:
    fields = {name: value for name, value in FULL.items() if name != field}
    with pytest.raises(IncompleteEvidenceError) as caught:
        check_evidence(kind, fields)
    assert (caught.value.kind, caught.value.missing) == (kind, (field,))


@pytest.mark.parametrize("empty", [None, "", "  ", "\u3000", (), [], {}, set()])
def test_an_empty_value_is_no_value(empty: object) -> None:
    fields = FULL | {"module": empty}
    assert missing_fields(EvidenceKind.OWN_TEST, fields) == ("module",)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", [0]])
def test_zero_is_a_value(value: object) -> None:
    assert missing_fields(EvidenceKind.OWN_TEST, FULL | {"mark": value}) == ()


@given(st.sampled_from(EvidenceKind), st.sets(st.sampled_from(sorted(FULL))))
def test_what_is_missing_is_what_is_required_and_not_there_in_the_order_of_the_kind(
    kind: EvidenceKind, present: set[str]
) -> None:
    missing = missing_fields(kind, {name: FULL[name] for name in present})
    assert missing == tuple(name for name in REQUIRED_FIELDS[kind] if name not in present)
