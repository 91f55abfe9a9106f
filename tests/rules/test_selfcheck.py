"""The self-check asks where a gap was planted, and keeps silent where all is in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from courses.calendar import Period
from courses.selfcheck import (
    CLAUSES_OF,
    AdoptedVersion,
    AuditDuty,
    Authorship,
    CourseRecord,
    Decision,
    EffectiveText,
    GrantedExemption,
    Hit,
    Judgement,
    JudgementError,
    OwnCaseError,
    Rule,
    SignedText,
    TestEvidence,
    Treatment,
    attendance_only,
    check_decision,
    excluded_auditors,
    incomplete_exemptions,
    obsolete_texts,
    one_person_throughout,
    roles_without_requirement,
    unknown_versions,
    unqualified_auditors,
)

TODAY = date(2026, 11, 30)
DUTY = AuditDuty(
    "IA-2026",
    "A-NET",
    7,
    Period(date(2026, 11, 10), date(2026, 11, 12)),
    qualified=(Period(date(2026, 4, 1), date(2027, 4, 1)),),
    event_id=70,
)


def test_every_rule_names_its_clauses() -> None:
    assert set(CLAUSES_OF) == set(Rule)
    assert all(CLAUSES_OF.values())


@pytest.mark.parametrize(
    ("grounds", "excused", "found"),
    [
        ((), (), None),
        (("duty:A-NET",), (), "duty:A-NET"),
        (("duty:A-NET",), ("duty:A-NET",), None),
        (("duty:A-NET", "authorship:A-NET"), ("duty:A-NET",), "authorship:A-NET"),
        ((), ("duty:A-NET",), None),
    ],
)
def test_nc05_asks_about_each_ground_that_no_exception_covers(
    grounds: tuple[str, ...], excused: tuple[str, ...], found: str | None
) -> None:
    hits = list(excluded_auditors([replace(DUTY, grounds=grounds, excused=frozenset(excused))]))
    assert [each.facts["grounds"] for each in hits] == ([] if found is None else [found])
    assert all((each.rule, each.key, each.about, each.evidence) == (Rule.NC05, "IA-2026/A-NET/7", (7,), (70,)) for each in hits)  # fmt: skip


@pytest.mark.parametrize(
    ("qualified", "first_day"),
    [
        ([("2026-04-01", "2027-04-01")], None),
        ([("2026-11-10", "2026-11-12")], None),
        ([("2026-11-10", "2026-11-11"), ("2026-11-11", "2026-11-12")], None),
        ([("2026-11-10", "2026-11-11")], date(2026, 11, 11)),
        ([("2026-11-11", "2027-04-01")], date(2026, 11, 10)),
        ([], date(2026, 11, 10)),
    ],
)
def test_nc06_asks_from_the_first_day_on_which_the_auditor_was_not_qualified(
    qualified: list[tuple[str, str]], first_day: date | None
) -> None:
    periods = tuple(Period(date.fromisoformat(start), date.fromisoformat(end)) for start, end in qualified)
    hits = list(unqualified_auditors([replace(DUTY, qualified=periods)]))
    assert [each.facts["first_day"] for each in hits] == ([] if first_day is None else [first_day])


@pytest.mark.parametrize(
    ("version", "submitted", "problem"),
    [
        ("a" * 64, "2026-04-01", None),
        ("a" * 64, "2026-03-31", "not_adopted"),
        ("b" * 64, "2026-05-01", "not_adopted"),
        ("c" * 64, "2026-05-01", "not_kept"),
    ],
)
def test_nc08_asks_about_versions_not_kept_and_versions_not_yet_adopted(
    version: str, submitted: str, problem: str | None
) -> None:
    test = TestEvidence(5, 7, "core", version, date.fromisoformat(submitted))
    adopted = [
        AdoptedVersion("core", "a" * 64, date(2026, 10, 1)),
        AdoptedVersion("core", "a" * 64, date(2026, 4, 1)),
        AdoptedVersion("other", "b" * 64, date(2026, 4, 1)),
    ]
    hits = list(unknown_versions([test], frozenset({"a" * 64, "b" * 64}), adopted))
    assert [each.facts["problem"] for each in hits] == ([] if problem is None else [problem])


FIRST = EffectiveText("confidentiality", 1, date(2020, 4, 1), requires_resigning=False, days_to_sign=30)
SECOND = EffectiveText("confidentiality", 2, date(2026, 10, 1), requires_resigning=True, days_to_sign=30)
SIGNED = SignedText(9, 7, "confidentiality", 1, date(2021, 4, 1))


@pytest.mark.parametrize(
    ("signed", "in_scope", "as_of", "problems"),
    [
        ([SIGNED], {7}, date(2026, 9, 30), []),
        ([SIGNED], {7}, date(2026, 10, 31), []),  # the last day for signing again
        ([SIGNED], {7}, date(2026, 11, 1), ["not_resigned"]),
        ([SIGNED], set(), TODAY, []),
        ([replace(SIGNED, bound_until=date(2026, 10, 2))], {7}, TODAY, []),
        ([SIGNED, replace(SIGNED, event_id=10, version=2, signed_on=date(2026, 10, 3))], {7}, TODAY, []),
        ([replace(SIGNED, signed_on=date(2026, 10, 3))], {7}, date(2026, 10, 3), ["signed_obsolete"]),
        ([replace(SIGNED, signed_on=date(2026, 10, 3))], {7}, date(2026, 10, 2), []),
    ],
)
def test_nc10_asks_about_texts_that_others_have_replaced(
    signed: list[SignedText], in_scope: set[int], as_of: date, problems: list[str]
) -> None:
    hits = list(obsolete_texts([SECOND, FIRST], signed, frozenset(in_scope), as_of))
    assert [each.facts["problem"] for each in hits] == problems


def test_nc10_leaves_those_in_peace_whom_no_text_asks_to_sign_again() -> None:
    lenient = replace(SECOND, requires_resigning=False)
    assert list(obsolete_texts([FIRST, lenient], [SIGNED], frozenset({7}), TODAY)) == []


@pytest.mark.parametrize(
    ("leave", "as_of", "problems"),
    [
        (Period(date(2026, 6, 1), date(2027, 1, 15)), date(2026, 12, 15), []),  # away: the obligation rests
        (Period(date(2026, 10, 31), None), date(2026, 12, 15), []),  # left on the last day to sign
        (Period(date(2026, 11, 1), None), date(2026, 12, 15), ["not_resigned"]),  # a day too late
        (Period(date(2026, 6, 1), date(2026, 11, 10)), date(2026, 12, 10), []),  # 30 days after the return
        (Period(date(2026, 6, 1), date(2026, 11, 10)), date(2026, 12, 11), ["not_resigned"]),
        (Period(date(2026, 6, 1), date(2026, 9, 1)), date(2026, 11, 1), ["not_resigned"]),  # back before it took effect
    ],
)
def test_nc10_waits_for_those_on_leave_and_a_while_after_their_return(
    leave: Period, as_of: date, problems: list[str]
) -> None:
    hits = list(obsolete_texts([SECOND, FIRST], [SIGNED], frozenset({7}), as_of, {7: [leave]}))
    assert [each.facts["problem"] for each in hits] == problems


def test_nc11_asks_about_roles_that_somebody_holds_and_no_requirement_names() -> None:
    holders = {"ciso": 1, "internal_auditor": 4, "management": 0}
    hits = list(roles_without_requirement(holders, frozenset({"internal_auditor"})))
    assert [(each.key, each.facts["holders"]) for each in hits] == [("ciso", 1)]


GRANTED = GrantedExemption(3, 7, "core-annual", date(2026, 4, 1), date(2026, 10, 1), "委員会", "海外派遣")


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({}, None),
        ({"approved_by": " "}, "approver"),
        ({"reason": None}, "reason"),
        ({"valid_to": None}, "end"),
        ({"approved_by": "", "reason": "", "valid_to": None}, "approver reason end"),
    ],
)
def test_nc12_asks_for_approver_reason_and_end(changes: dict[str, object], lacking: str | None) -> None:
    hits = list(incomplete_exemptions([replace(GRANTED, **changes)]))  # type: ignore[arg-type]
    assert [each.facts["lacking"] for each in hits] == ([] if lacking is None else [lacking])


PASSED = CourseRecord(4, 7, date(2026, 5, 1), is_passed=True, has_mark=True, has_certificate=False)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([PASSED], None),
        ([replace(PASSED, has_mark=False, has_certificate=True)], None),
        ([replace(PASSED, is_passed=False)], "attended_only"),
        ([replace(PASSED, has_mark=False)], "passed_without_proof"),
        ([replace(PASSED, is_passed=False), replace(PASSED, event_id=5)], None),
        (
            [replace(PASSED, is_passed=False), replace(PASSED, event_id=5, completed_on=date(2026, 12, 1))],
            "attended_only",
        ),
        ([], None),
    ],
)
def test_nc18_asks_where_attendance_is_all_there_is(records: list[CourseRecord], problem: str | None) -> None:
    hits = list(attendance_only([7, 8], records, TODAY))
    assert [each.facts["problem"] for each in hits] == ([] if problem is None else [problem])


def test_nc18_asks_nothing_of_people_who_are_no_auditors() -> None:
    assert list(attendance_only([], [replace(PASSED, is_passed=False)], TODAY)) == []


@pytest.mark.parametrize(
    ("writers", "approvers", "graders", "found"),
    [
        ({1}, {1}, {1}, [1]),
        ({1}, {1}, {2}, []),
        ({1}, {2}, {1}, []),
        ({1, 2}, {2, 1}, {2}, [2]),
        (set(), {1}, {1}, []),
    ],
)
def test_nc19_asks_about_one_person_in_all_three_parts(
    writers: set[int], approvers: set[int], graders: set[int], found: list[int]
) -> None:
    each = Authorship("core", frozenset(writers), frozenset(approvers), frozenset(graders))
    assert [hit.about for hit in one_person_throughout([each])] == [(person,) for person in found]


HIT = Hit(Rule.NC12, "7/core", (7,))


def test_nobody_judges_what_is_about_themselves() -> None:
    with pytest.raises(OwnCaseError):
        check_decision(HIT, 7, Decision(Judgement.NOT_APPLICABLE, "理由"))
    check_decision(HIT, 8, Decision(Judgement.NOT_APPLICABLE, "理由"))


@pytest.mark.parametrize(
    "decision",
    [
        Decision(Judgement.OBSERVATION, "理由"),
        Decision(Judgement.OBSERVATION, "理由", Treatment.ACCEPTED, "委員会", TODAY),
        Decision(Judgement.NONCONFORMITY, "理由", Treatment.CORRECTIVE_ACTION, "委員会", TODAY, is_closed=True),
    ],
)
def test_a_whole_decision_stands(decision: Decision) -> None:
    check_decision(HIT, 8, decision)


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Decision(Judgement.OBSERVATION, "  "), "reason"),
        (Decision(Judgement.NONCONFORMITY, "理由"), "treatment"),
        (Decision(Judgement.NOT_APPLICABLE, "理由", Treatment.ACCEPTED, "委員会", TODAY), "treatment"),
        (Decision(Judgement.NONCONFORMITY, "理由", Treatment.CORRECTIVE_ACTION, " ", TODAY), "approved_by"),
        (Decision(Judgement.OBSERVATION, "理由", approved_by="委員会"), "approved_by"),
        (Decision(Judgement.NONCONFORMITY, "理由", Treatment.CORRECTIVE_ACTION, "委員会"), "due_on"),
        (Decision(Judgement.OBSERVATION, "理由", due_on=TODAY), "due_on"),
        (Decision(Judgement.OBSERVATION, "理由", is_closed=True), "closed"),
    ],
)
def test_a_decision_names_what_it_lacks(decision: Decision, field: str) -> None:
    with pytest.raises(JudgementError) as caught:
        check_decision(HIT, 8, decision)
    assert caught.value.field == field
