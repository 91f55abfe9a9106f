"""Audits and their teams: what is refused, what an exception covers, and what is flagged when facts change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from courses.auditors import Finding, MemberKind
from courses.calendar import Period
from courses.independence import GroundKind, Verdict
from lms.services.audit_teams import (
    BlockedPairingError,
    Member,
    TeamProblemCode,
    TeamProblemError,
    assign_team,
)
from lms.services.auditor_decisions import (
    AreaFacts,
    BadDecisionError,
    ReviewFacts,
    approve_policy,
    define_area,
    review_auditor,
)
from lms.services.auditors import Policy, UnknownAreaError
from lms.services.audits import Flag, UnknownAuditError, pairings
from lms.services.pairing_exceptions import (
    ExceptionFacts,
    ExceptionProblemCode,
    ExceptionProblemError,
    decide_exception,
    propose_exception,
)
from lms.store.audits import PairingException, assignments_of
from lms.store.organisations import Organisation
from lms.store.people import PersonAffiliation
from lms.store.records import Moment
from tests.auditing import AUDIT, HELD, PLANNED, Cast, W, add_tie, cast_auditors, plan, team
from tests.factories import ACTOR, FOUNDED, place_events

BY = (ACTOR, PLANNED)
TODAY = date(2026, 11, 23)


@pytest.fixture
def cast(session: Session, organisation: Organisation) -> Cast:
    """Four auditors, and the audit of the year."""
    found = cast_auditors(session, organisation)
    plan(session, organisation)
    return found


def assign(session: Session, organisation: Organisation, area: str, *people: int) -> list[Any]:
    return assign_team(session, organisation, (AUDIT, area), team(*people), BY)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": AUDIT}, "key"),
        ({"key": "監査 1"}, "key"),
        ({"title_ja": ""}, "title_ja"),
        ({"criteria": " "}, "criteria"),
        ({"approved_by": ""}, "approved_by"),
        ({"period": Period(date(2026, 4, 1), date(2026, 4, 1))}, "period_to"),
        ({"period": Period(date(2026, 4, 1))}, "period_to"),
        ({"held": Period(date(2026, 12, 8), date(2026, 12, 8))}, "held_to"),
        ({"held": Period(date(2026, 12, 8), date(2028, 12, 8))}, "held_to"),
        ({"period": Period(date(2026, 12, 11), date(2027, 3, 1))}, "period_from"),
        ({"area_keys": ()}, "areas"),
    ],
)
def test_an_audit_whose_values_make_no_sense_is_refused(
    session: Session, organisation: Organisation, cast: Cast, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadDecisionError) as refused:
        plan(session, organisation, **({"key": "IA-X"} | changes))
    assert refused.value.field == field


def test_an_audit_of_an_unknown_area_is_refused(session: Session, organisation: Organisation, cast: Cast) -> None:
    with pytest.raises(UnknownAreaError) as refused:
        plan(session, organisation, key="IA-X", area_keys=("A-GA", "A-NO"))
    assert refused.value.key == "A-NO"
    with pytest.raises(UnknownAreaError):
        assign(session, organisation, "A-NO", *cast.auditors.values())
    with pytest.raises(UnknownAuditError):
        assign_team(session, organisation, ("IA-NO", "A-GA"), [], BY)


def test_a_team_is_assigned_with_its_verdicts(session: Session, organisation: Organisation, cast: Cast) -> None:
    first, second = cast.auditors["000201"], cast.auditors["000204"]
    rows = assign(session, organisation, "A-NET", first, second)
    assert [(row.person_id, row.is_leader) for row in rows] == [(first, True), (second, False)]
    assert [row.verdict for row in rows] == [{"verdict": "eligible", "declared": True, "grounds": []}] * 2
    assert [each.flags for each in pairings(session, organisation.id, Moment(TODAY))] == [(), ()]


def test_an_auditor_of_own_work_is_refused_by_name_and_fact(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    own, other = cast.auditors["000202"], cast.auditors["000203"]
    with pytest.raises(BlockedPairingError) as refused:
        assign(session, organisation, "A-NET", other, own)
    (found,) = refused.value.blocked
    assert (found.person_id, found.area_key) == (own, "A-NET")
    assert [(each.kind, each.reference.partition("/")[0]) for each in found.open_grounds] == [
        (GroundKind.AFFILIATION, "person_affiliation")
    ]
    assert assignments_of(session, organisation.id) == []


def test_a_guide_from_the_area_is_no_auditor_and_counts_for_nothing(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    guide = Member(cast.auditors["000202"], MemberKind.GUIDE)
    members = [*team(cast.auditors["000201"], cast.auditors["000203"]), guide]
    assign_team(session, organisation, (AUDIT, "A-NET"), members, BY)
    found = pairings(session, organisation.id, Moment(TODAY))
    assert [each.assignment.member_kind for each in found] == ["auditor", "auditor", "guide"]
    assert found[-1].independence.verdict is Verdict.EXCLUDED
    assert found[-1].flags == ()
    with pytest.raises(TeamProblemError) as refused:
        assign_team(session, organisation, (AUDIT, "A-NET"), [*team(cast.auditors["000201"]), guide], BY)
    assert refused.value.problem is TeamProblemCode.TOO_FEW


def test_teams_that_are_no_teams_are_refused(session: Session, organisation: Organisation, cast: Cast) -> None:
    a, b = cast.auditors["000201"], cast.auditors["000203"]
    cases = {
        TeamProblemCode.TOO_FEW: [Member(a, is_leader=True)],
        TeamProblemCode.NO_LEADER: [Member(a), Member(b)],
        TeamProblemCode.TWICE: [Member(a, is_leader=True), Member(b), Member(a, MemberKind.OBSERVER)],
    }
    both_lead = [Member(a, is_leader=True), Member(b, is_leader=True)]
    for problem, members in (*cases.items(), (TeamProblemCode.NO_LEADER, both_lead)):
        with pytest.raises(TeamProblemError) as refused:
            assign_team(session, organisation, (AUDIT, "A-NET"), members, BY)
        assert refused.value.problem is problem
    with pytest.raises(BadDecisionError):
        assign(session, organisation, "A-NET", a, 10**9)


def test_a_policy_may_ask_for_a_leader_and_an_area_for_a_skill(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    policy = Policy(leaders_per_team=1, approved_by="監査委員会", valid_from=date(2026, 4, 1))
    approve_policy(session, organisation, policy, ACTOR, FOUNDED)
    a, b = cast.auditors["000201"], cast.auditors["000203"]
    facts = ReviewFacts(True, False, ("cloud",), None, "主任でない", Period(date(2026, 4, 1), date(2027, 4, 1)))
    review_auditor(session, organisation, a, facts, cast.chief, FOUNDED)
    with pytest.raises(TeamProblemError) as refused:
        assign(session, organisation, "A-NET", a, b)
    assert refused.value.problem is TeamProblemCode.LEADERS_LACKING
    assert len(assign(session, organisation, "A-NET", b, a)) == 2
    area = AreaFacts("A-CLOUD", "クラウド", "Cloud", None, 60, ("cloud", "law"), date(2026, 4, 1))
    define_area(session, organisation, area, ACTOR, FOUNDED)
    plan(session, organisation, key="IA-CLOUD", area_keys=("A-CLOUD",))
    with pytest.raises(TeamProblemError) as lacking:
        assign_team(session, organisation, ("IA-CLOUD", "A-CLOUD"), team(b, a), BY)
    assert (lacking.value.problem, lacking.value.skills) == (TeamProblemCode.SKILL_LACKING, ("law",))


def test_without_a_declaration_or_a_qualification_nobody_is_assigned(
    session: Session, organisation: Organisation
) -> None:
    cast = cast_auditors(session, organisation, declare=False)
    plan(session, organisation)
    a, b = cast.auditors["000201"], cast.auditors["000203"]
    with pytest.raises(BlockedPairingError) as undeclared:
        assign(session, organisation, "A-NET", a, b)
    assert {each.independence.verdict for each in undeclared.value.blocked} == {Verdict.CANNOT_TELL}
    with pytest.raises(BlockedPairingError) as unqualified:
        assign(session, organisation, "A-NET", cast.chief, a)
    found = next(each for each in unqualified.value.blocked if each.person_id == cast.chief)
    assert found.independence.verdict is Verdict.NOT_QUALIFIED
    assert [each.finding for each in found.shortcomings] == [
        *(Finding.COURSE_MISSING, Finding.NEVER_APPOINTED, Finding.REVIEW_MISSING)
    ]


def test_qualified_on_the_first_day_alone_is_not_enough(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    held = Period(date(2027, 3, 30), date(2027, 4, 2))
    plan(session, organisation, key="IA-LATE", held=held)
    with pytest.raises(BlockedPairingError) as refused:
        assign_team(session, organisation, ("IA-LATE", "A-NET"), team(*list(cast.auditors.values())[2:]), BY)
    assert {each.shortcomings[0].finding for each in refused.value.blocked} == {Finding.REVIEW_OVER}


def test_a_new_team_takes_the_place_of_the_former_one(session: Session, organisation: Organisation, cast: Cast) -> None:
    a, b, d = (cast.auditors[each] for each in ("000201", "000203", "000204"))
    assign(session, organisation, "A-NET", a, b)
    later = PLANNED + timedelta(days=3)
    rows = assign_team(session, organisation, (AUDIT, "A-NET"), team(a, d), (ACTOR, later))
    assert [row.person_id for row in rows] == [a, d]
    then = pairings(session, organisation.id, Moment(date(2026, 10, 2)))
    assert [each.assignment.person_id for each in then] == [a, b]
    now = pairings(session, organisation.id, Moment(TODAY))
    assert [each.assignment.person_id for each in now] == [a, d]
    assert len(assignments_of(session, organisation.id)) == 3


def test_a_fact_recorded_later_flags_the_pairing_and_not_what_was_known_then(
    session: Session, organisation: Organisation, cast: Cast, now: datetime
) -> None:
    a, b = cast.auditors["000201"], cast.auditors["000203"]
    assign(session, organisation, "A-NET", a, b)
    size = place_events(session, organisation, now)
    tie = add_tie(session, organisation, b, "A-NET", Period(date(2026, 5, 1), date(2026, 6, 1)))
    flagged = [each for each in pairings(session, organisation.id, Moment(TODAY)) if each.flags]
    assert [(each.assignment.person_id, each.flags) for each in flagged] == [(b, (Flag.EXCLUDED,))]
    assert [each.reference for each in flagged[0].open_grounds] == [f"area_tie/{tie.id}"]
    assert flagged[0].assignment.verdict["verdict"] == "eligible"
    assert all(each.flags == () for each in pairings(session, organisation.id, Moment(TODAY, size)))


def test_a_qualification_that_is_lost_flags_the_pairing(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    a, b = cast.auditors["000201"], cast.auditors["000203"]
    assign(session, organisation, "A-NET", a, b)
    facts = ReviewFacts(False, False, (), None, "再評価", Period(date(2026, 12, 9), date(2027, 4, 1)))
    review_auditor(session, organisation, b, facts, cast.chief, FOUNDED)
    found = {each.assignment.person_id: each.flags for each in pairings(session, organisation.id, Moment(TODAY))}
    assert found == {a: (), b: (Flag.NOT_QUALIFIED,)}


def propose(session: Session, organisation: Organisation, cast: Cast, **changes: Any) -> PairingException:
    person_id = cast.auditors["000202"]
    reference = f"person_affiliation/{_affiliation(session, person_id)}"
    facts = {
        "audit_key": AUDIT,
        "area_key": "A-NET",
        "person_id": person_id,
        "references": [reference],
        "reason": "ほかに適任者がいないため",
        "mitigation": "所見は監査責任者が確認する",
    }
    proposer = changes.pop("proposer", cast.chief)
    return propose_exception(session, organisation, ExceptionFacts(**(facts | changes)), proposer, PLANNED)


def _affiliation(session: Session, person_id: int) -> int:
    return session.query(PersonAffiliation).filter_by(person_id=person_id).one().id


def test_an_approved_exception_lets_a_blocked_pairing_be_assigned(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    own, other = cast.auditors["000202"], cast.auditors["000203"]
    proposal = propose(session, organisation, cast)
    with pytest.raises(BlockedPairingError):
        assign(session, organisation, "A-NET", other, own)
    approved = decide_exception(session, organisation, proposal.id, (cast.approver, True), PLANNED)
    rows = assign(session, organisation, "A-NET", other, own)
    assert [row.exception_id for row in rows] == [None, approved.id]
    found = pairings(session, organisation.id, Moment(TODAY))
    assert [each.flags for each in found] == [(), ()]
    assert found[1].exceptions == (approved,)


def test_an_exception_covers_no_ground_that_appears_later(
    session: Session, organisation: Organisation, cast: Cast
) -> None:
    own, other = cast.auditors["000202"], cast.auditors["000203"]
    proposal = propose(session, organisation, cast)
    decide_exception(session, organisation, proposal.id, (cast.approver, True), PLANNED)
    assign(session, organisation, "A-NET", other, own)
    add_tie(session, organisation, own, "A-NET", W, kind="authorship", document="NET-01")
    found = pairings(session, organisation.id, Moment(TODAY))[1]
    assert found.flags == (Flag.EXCLUDED,)
    assert [each.kind for each in found.open_grounds] == [GroundKind.AUTHORSHIP]


@pytest.mark.parametrize("is_approved", [True, False])
def test_an_exception_is_decided_by_neither_the_auditor_nor_the_proposer_and_once(
    session: Session, organisation: Organisation, cast: Cast, is_approved: bool
) -> None:
    proposal = propose(session, organisation, cast)
    for approver, problem in (
        (cast.auditors["000202"], ExceptionProblemCode.BY_AUDITOR),
        (cast.chief, ExceptionProblemCode.BY_PROPOSER),
    ):
        with pytest.raises(ExceptionProblemError) as refused:
            decide_exception(session, organisation, proposal.id, (approver, is_approved), PLANNED)
        assert refused.value.problem is problem
    decide_exception(session, organisation, proposal.id, (cast.approver, is_approved), PLANNED)
    with pytest.raises(ExceptionProblemError) as again:
        decide_exception(session, organisation, proposal.id, (cast.approver, is_approved), PLANNED)
    assert again.value.problem is ExceptionProblemCode.DECIDED
    with pytest.raises(ExceptionProblemError) as unknown:
        decide_exception(session, organisation, 10**9, (cast.approver, True), PLANNED)
    assert unknown.value.problem is ExceptionProblemCode.UNKNOWN


def test_a_refused_exception_covers_nothing(session: Session, organisation: Organisation, cast: Cast) -> None:
    proposal = propose(session, organisation, cast)
    decide_exception(session, organisation, proposal.id, (cast.approver, False), PLANNED)
    with pytest.raises(BlockedPairingError):
        assign(session, organisation, "A-NET", cast.auditors["000203"], cast.auditors["000202"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"references": []}, ExceptionProblemError),
        ({"references": ["area_tie/999"]}, ExceptionProblemError),
        ({"area_key": "A-GA"}, ExceptionProblemError),
        ({"area_key": "A-NO"}, UnknownAreaError),
        ({"audit_key": "IA-NO"}, UnknownAuditError),
        ({"reason": " "}, BadDecisionError),
        ({"mitigation": ""}, BadDecisionError),
        ({"person_id": 10**9}, BadDecisionError),
    ],
)
def test_an_exception_without_ground_reason_or_mitigation_is_refused(
    session: Session, organisation: Organisation, cast: Cast, changes: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        propose(session, organisation, cast, **changes)


def test_nobody_proposes_an_exception_for_themself(session: Session, organisation: Organisation, cast: Cast) -> None:
    with pytest.raises(ExceptionProblemError) as refused:
        propose(session, organisation, cast, proposer=cast.auditors["000202"])
    assert refused.value.problem is ExceptionProblemCode.BY_AUDITOR


def test_an_exception_for_one_audit_covers_no_other(session: Session, organisation: Organisation, cast: Cast) -> None:
    proposal = propose(session, organisation, cast)
    decide_exception(session, organisation, proposal.id, (cast.approver, True), PLANNED)
    plan(session, organisation, key="IA-OTHER", held=HELD)
    with pytest.raises(BlockedPairingError):
        assign_team(
            session, organisation, ("IA-OTHER", "A-NET"), team(cast.auditors["000203"], cast.auditors["000202"]), BY
        )
