"""Which person an identity is: by a trusted staff number, or by decision, which nothing else undoes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from lms.services.completions import results_by_person
from lms.services.earned import best_result
from lms.services.identities import (
    LinkState,
    UnknownIdentityError,
    UnknownPersonError,
    link_by_decision,
    link_by_staff_number,
)
from lms.services.identity_queue import QueueFilter, identity_queue
from lms.services.organisations import add_organisation
from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity, identities_of, links_of, person_of
from lms.store.organisations import Organisation
from tests.factories import (
    ACTOR,
    MODULE,
    add_identity,
    add_learner,
    add_people,
    add_person,
    add_practice_platform,
    adopt,
    launch,
    learner_of,
    make_lms,
    place_events,
    register,
    small_module,
    take_test,
)


def links(session: Session) -> list[tuple[int | None, str, str]]:
    found = session.scalars(select(IdentityLink).order_by(IdentityLink.id))
    return [(each.person_id, each.method, each.recorded_by) for each in found]


@pytest.mark.parametrize("trusts", [True, False])
def test_a_staff_number_links_at_the_first_launch_only_where_it_is_trusted(
    database: Database, organisation: Organisation, now: datetime, trusts: bool
) -> None:
    lms = make_lms()
    with database.transaction() as session:
        register(session, organisation, lms, trusts=trusts)
        person_id = add_person(session, organisation, "000101")
    for key in ("staff", "staff", "newcomer", "admin"):  # on the list; again; not on the list; without a number
        launch(database, lms, (key, "m1"), now)
    with database.reading() as session:
        identity = session.scalars(select(LtiIdentity).where(LtiIdentity.sub == "4")).one()
        assert links(session) == ([(person_id, "staff_number", f"identity:{identity.id}")] if trusts else [])


@pytest.mark.parametrize("decided", [None, "000102"])
def test_a_trusted_number_never_undoes_a_decision(
    database: Database, organisation: Organisation, now: datetime, decided: str | None
) -> None:
    lms = make_lms()
    with database.transaction() as session:
        register(session, organisation, lms, trusts=True)
        people = dict(
            zip(
                ("000101", "000102"),
                add_people(session, organisation, {"staff_number": "000101"}, {"staff_number": "000102"}),
                strict=True,
            )
        )
    launch(database, lms, ("staff", "m1"), now)
    with database.transaction() as session:
        identity = session.scalars(select(LtiIdentity)).one()
        assert person_of(session, identity.id) == people["000101"]
        link_by_decision(session, organisation, identity.id, decided, ("person:9", now))
    launch(database, lms, ("staff", "m1"), now + timedelta(hours=1))
    with database.reading() as session:
        assert person_of(session, identity.id) == (people[decided] if decided else None)
        assert [each[1:] for each in links(session)] == [
            ("staff_number", f"identity:{identity.id}"),
            ("decision", "person:9"),
        ]


def test_a_number_that_is_not_written_so_on_this_staff_list_links_nobody(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    platform = add_practice_platform(session, organisation, trusts_staff_number=True)
    identity = add_identity(session, platform, "4")
    add_person(session, add_organisation(session, "otsu", "乙大学", "Otsu University", now), "000777")
    add_person(session, organisation, "000888")
    for number in ("000777", "", "888", "０００８８８"):
        link_by_staff_number(session, platform, {identity.id: number}, now, "identity:1")
    assert links(session) == []
    link_by_staff_number(session, platform, {identity.id: "000888"}, now, "identity:1")
    assert len(links(session)) == 1


def test_attempts_follow_the_link_and_its_undoing(session: Session, organisation: Organisation, now: datetime) -> None:
    module = adopt(session, organisation, small_module())
    learner = add_learner(session, organisation, sub="4")
    add_people(session, organisation, {"staff_number": "000101"}, {"staff_number": "000102"})
    result = take_test(session, learner, module, now)

    def owners() -> dict[int, list[int]]:
        found = results_by_person(session, organisation.id, None)
        return {person_id: [each.result_id for each in results] for person_id, results in found.items()}

    assert owners() == {}
    for number in ("000101", "000102", None, "000101"):
        link_by_decision(session, organisation, learner.identity_id, number, (ACTOR, now))
        person_id = person_of(session, learner.identity_id)
        assert (person_id is None) == (number is None)
        assert owners() == ({} if person_id is None else {person_id: [result.id]})
    assert person_id is not None
    assert identities_of(session, person_id) == [learner.identity_id]
    second = add_identity(session, add_practice_platform(session, organisation, client_id="another"), "4")
    link_by_decision(session, organisation, second.id, "000101", (ACTOR, now))
    both = learner_of(session, organisation, second.id)
    assert set(both.identity_ids) == {learner.identity_id, second.id}
    assert best_result(session, both.identity_ids, MODULE) == result
    link_by_decision(session, organisation, second.id, None, (ACTOR, now))
    alone = learner_of(session, organisation, second.id)
    assert best_result(session, alone.identity_ids, MODULE) is None


def test_what_was_linked_stays_answerable_for_earlier_states_of_the_ledger(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    learner = add_learner(session, organisation, "000101")
    size = place_events(session, organisation, now)
    link_by_decision(session, organisation, learner.identity_id, None, (ACTOR, now))
    larger = place_events(session, organisation, now)
    assert links_of(session, organisation.id, 0) == {}
    assert links_of(session, organisation.id, size) == {learner.identity_id: learner.person_id}
    assert links_of(session, organisation.id, larger) == links_of(session, organisation.id) == {}


def test_deciding_the_same_again_writes_nothing(session: Session, organisation: Organisation, now: datetime) -> None:
    learner = add_learner(session, organisation, "000101")
    link_by_decision(session, organisation, learner.identity_id, "000101", (ACTOR, now))
    assert len(links(session)) == 1
    link_by_decision(session, organisation, learner.identity_id, None, (ACTOR, now))
    link_by_decision(session, organisation, learner.identity_id, None, (ACTOR, now))
    assert [each[0] for each in links(session)] == [learner.person_id, None]


def test_only_ones_own_identities_and_people_are_linked(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    other = add_organisation(session, "otsu", "乙大学", "Otsu University", now)
    theirs = add_learner(session, other, "000202")
    mine = add_learner(session, organisation)
    add_person(session, organisation, "000101")
    for identity_id in (theirs.identity_id, 10**6):
        with pytest.raises(UnknownIdentityError):
            link_by_decision(session, organisation, identity_id, "000101", (ACTOR, now))
    for number in ("000202", "101", ""):
        with pytest.raises(UnknownPersonError) as caught:
            link_by_decision(session, organisation, mine.identity_id, number, (ACTOR, now))
        assert caught.value.staff_number == number
    assert person_of(session, mine.identity_id) is None


def test_a_number_counts_on_the_day_of_the_decision(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    mine = add_learner(session, organisation)
    add_person(session, organisation, "000303", joined_on="2026-12-01", scope_from="2026-12-01")
    with pytest.raises(UnknownPersonError):
        link_by_decision(session, organisation, mine.identity_id, "000303", (ACTOR, now))
    joined = datetime.combine(date(2026, 12, 1), now.timetz())
    link_by_decision(session, organisation, mine.identity_id, "000303", (ACTOR, joined))
    assert person_of(session, mine.identity_id) is not None


def test_the_queue_shows_how_each_account_stands_and_asks_for_what_is_to_be_decided(
    session: Session, organisation: Organisation, now: datetime
) -> None:
    platform = add_practice_platform(session, organisation)
    names = {"given_name": "みなと", "family_name": "試験", "staff_number": "000102"}
    ids = {
        "linked": add_identity(session, platform, "1", now + timedelta(days=9), **names).id,
        "old": add_identity(session, platform, "2", now).id,
        "new": add_identity(session, platform, "3", now + timedelta(days=1), family_name="試験").id,
        "undone": add_identity(session, platform, "4", now + timedelta(days=2)).id,
    }
    person_id = add_person(session, organisation, "000102")
    for key in ("linked", "undone"):
        link_by_decision(session, organisation, ids[key], "000102", (ACTOR, now))
    link_by_decision(session, organisation, ids["undone"], None, (ACTOR, now))
    add_learner(session, add_organisation(session, "otsu", "乙大学", "Otsu University", now))
    everything = QueueFilter("", frozenset(LinkState))
    queue = identity_queue(session, organisation.id, everything, jst_date(now)).shown
    assert [each.identity_id for each in queue] == [ids[key] for key in ("linked", "undone", "new", "old")]
    assert [each.claimed_name for each in queue] == ["試験 みなと", "", "試験", ""]
    assert [each.person_id for each in queue] == [person_id, None, None, None]
    assert [each.state.value for each in queue] == ["linked", "taken_back", "waiting", "waiting"]
    assert (queue[0].claimed_staff_number, queue[0].platform_name) == ("000102", "練習用LMS")
    to_decide = identity_queue(session, organisation.id, QueueFilter(), jst_date(now))
    assert [each.identity_id for each in to_decide.shown] == [ids[key] for key in ("undone", "new", "old")]
    assert to_decide.counts == {LinkState.LINKED: 1, LinkState.TAKEN_BACK: 1, LinkState.WAITING: 2}
