"""The linking queue at large: history, undo, nobody's, many at once, two secretaries, thousands of accounts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from lms.services.identities import link_by_decision
from lms.services.people import find_person
from lms.services.permissions import grant_role
from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity, person_of
from lms.store.launches import ResourceLink
from lms.store.organisations import Organisation, find_organisation
from lms.store.outbox import ScoreDelivery
from lms.store.platforms import Platform
from lms.web.identities import name_difference
from tests.conftest import NOW
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import KEY, MODULE
from tests.web.conftest import BOTH_DATABASES, SECRETARY, STAFF, Launched
from tests.web.papers import start
from tests.web.visits import Browser, Visit, audit_events, contents, page_of, path_of, visit

QUEUE = "/identities"
Row = tuple[str, str, str, str | None]


def organisation_of(database: Database) -> Organisation:
    with database.reading() as session:
        found = find_organisation(session, KEY)
        assert found is not None
        return found


def add_accounts(database: Database, *rows: Row) -> list[int]:
    """Accounts that a roster named: sub, family name, given name, staff number; in this order."""
    with database.transaction() as session:
        platform = session.scalars(select(Platform).order_by(Platform.id)).first()
        assert platform is not None
        values = [
            {
                "organisation_id": platform.organisation_id,
                "platform_id": platform.id,
                "sub": sub,
                "claimed_family_name": family or None,
                "claimed_given_name": given or None,
                "claimed_staff_number": number,
                "first_seen_at": NOW,
                "last_seen_at": NOW,
            }
            for sub, family, given, number in rows
        ]
        session.execute(insert(LtiIdentity), values)
        subs = [sub for sub, *_ in rows]
        found = session.execute(select(LtiIdentity.sub, LtiIdentity.id).where(LtiIdentity.sub.in_(subs)))
        by_sub = {sub: identity_id for sub, identity_id in found}  # noqa: C416 - rows are no pairs to mypy
    return [by_sub[sub] for sub in subs]


def person_now(database: Database, identity_id: int) -> int | None:
    with database.reading() as session:
        return person_of(session, identity_id)


def staff_key(database: Database, staff_number: str) -> int:
    with database.reading() as session:
        found = find_person(session, organisation_of(database).id, staff_number, NOW.date())
    assert found is not None
    return found


def links_of(database: Database, identity_id: int) -> list[tuple[int | None, str, str | None]]:
    with database.reading() as session:
        rows = session.scalars(
            select(IdentityLink).where(IdentityLink.identity_id == identity_id).order_by(IdentityLink.id)
        )
        return [(row.person_id, row.method, row.reason) for row in rows]


def state_of(desk: Visit, identity_id: int) -> str:
    """The badge on the account's own page."""
    found = re.search(r'<span class="badge [^"]*">([^<]+)</span>', page_of(desk.get(f"{QUEUE}/{identity_id}")))
    assert found is not None
    return found[1]


@pytest.fixture
def desk(launched: Launched) -> Visit:
    return launched(SECRETARY, locale="en")


@pytest.fixture
def account(tool_database: Database) -> int:
    """An account that nobody has decided on."""
    return add_accounts(tool_database, ("9001", "架空", "一郎", None))[0]


class TestUndo:
    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_each_decision_is_undone_into_what_was_before_by_a_new_record(
        self, desk: Visit, account: int, tool_database: Database
    ) -> None:
        steps = [
            ({"staff_number": "00102"}, "linked"),
            ({"staff_number": "00101"}, "linked"),
            ({"action": "undo"}, "linked"),
            ({"action": "unlink"}, "taken back"),
            ({"action": "nobody"}, "nobody's"),
            ({"action": "undo"}, "taken back"),
            ({"action": "undo"}, "nobody's"),
            ({"staff_number": "00102"}, "linked"),
            ({"action": "undo"}, "nobody's"),
        ]
        assert state_of(desk, account) == "waiting"
        for count, (form, state) in enumerate(steps, 1):
            assert desk.post(f"{QUEUE}/{account}", form).status_code == 303
            assert state_of(desk, account) == state, (count, form)
            assert len(links_of(tool_database, account)) == count, "nothing is overwritten"
        assert links_of(tool_database, account)[2][0] == staff_key(tool_database, "00102")
        assert [method for _, method, _ in links_of(tool_database, account)] == [
            *("decision", "decision", "undo", "decision", "nobody", "undo", "undo_nobody", "decision", "undo_nobody"),
        ]

    def test_the_first_decision_undone_waits_again(self, desk: Visit, account: int) -> None:
        desk.post(f"{QUEUE}/{account}", {"action": "nobody"})
        assert "架空 一郎" not in page_of(desk.get(QUEUE))
        desk.post(f"{QUEUE}/{account}", {"action": "undo"})
        assert state_of(desk, account) == "waiting"
        assert "架空 一郎" in page_of(desk.get(QUEUE))

    def test_where_nobody_has_decided_there_is_nothing_to_undo(
        self, desk: Visit, account: int, tool_database: Database
    ) -> None:
        before = contents(tool_database)
        refused = desk.post(f"{QUEUE}/{account}", {"action": "undo"})
        assert refused.status_code == 409
        assert "There is nothing to undo." in page_of(refused)
        assert contents(tool_database) == before

    def test_the_page_after_a_decision_offers_to_undo_it(self, desk: Visit, account: int) -> None:
        response = desk.post(f"{QUEUE}/{account}", {"action": "nobody", "state": "open", "q": "架空"})
        assert path_of(response) == desk.path(QUEUE)
        page = page_of(desk.browser.get(response.headers["Location"]))
        assert "Recorded for 架空 一郎:" in page
        form = re.search(r'<form class="button-row".*?</form>', page, re.DOTALL)
        assert form is not None
        fields = dict(re.findall(r'name="(seen|q|state)" value="([^"]*)"', form[0]))
        assert fields["q"] == "架空"
        assert desk.post(f"{QUEUE}/{account}", {**fields, "action": "undo"}).status_code == 303
        assert state_of(desk, account) == "waiting"

    def test_what_was_linked_by_a_trusted_number_is_undone_and_stays_so(
        self, desk: Visit, launched: Launched, tool_database: Database
    ) -> None:
        launched(STAFF)
        with tool_database.reading() as session:
            identity_id = session.scalars(select(LtiIdentity.id).where(LtiIdentity.claimed_staff_number == STAFF)).one()
        desk.post(f"{QUEUE}/{identity_id}", {"action": "undo"})
        assert state_of(desk, identity_id) == "waiting"
        launched(STAFF)
        assert state_of(desk, identity_id) == "waiting"
        assert "Nobody" not in page_of(desk.get(f"{QUEUE}/bulk")).split("<h2>")[0]


class TestHistory:
    def test_it_says_who_decided_what_when_how_and_why(self, desk: Visit, account: int) -> None:
        reason = 'by telephone <b>"yes"</b>'
        sent = {"staff_number": "00102", "reason": f" {reason}\0", "from": "history"}
        response = desk.post(f"{QUEUE}/{account}", sent)
        assert path_of(response) == desk.path(f"{QUEUE}/{account}")
        html = desk.get(f"{QUEUE}/{account}").get_data(as_text=True)
        row = re.search(r"<tbody>(.*?)</tbody>", page_of(desk.get(f"{QUEUE}/{account}")), re.DOTALL)
        assert row is not None
        for part in ("架空 一郎 (00102)", "by decision", "架設 恵", reason, "23 Nov 2026, 12:00 JST"):
            assert part in row[1]
        assert "<b>" not in html

    def test_a_wrong_number_there_is_said_there(self, desk: Visit, account: int, tool_database: Database) -> None:
        before = contents(tool_database)
        response = desk.post(f"{QUEUE}/{account}", {"staff_number": "77777", "from": "history"})
        assert response.status_code == 422
        assert page_of(response).count('role="alert"') == 1
        assert 'value="77777"' in page_of(response)
        assert contents(tool_database) == before

    def test_a_reason_is_kept_to_its_length(self, desk: Visit, account: int, tool_database: Database) -> None:
        desk.post(f"{QUEUE}/{account}", {"action": "nobody", "reason": "x" * 9000})
        assert links_of(tool_database, account) == [(None, "nobody", "x" * 500)]

    def test_a_decision_is_an_audit_event_without_names(
        self, desk: Visit, account: int, tool_database: Database
    ) -> None:
        desk.post(f"{QUEUE}/{account}", {"staff_number": "00102", "reason": "known to me"})
        event = audit_events(tool_database, "identity.decided")[-1]
        assert event.facts == {"identity": account, "code": "decision"}
        assert event.actor.startswith("person:")

    def test_another_organisations_account_has_no_page(
        self, desk: Visit, other_lms: PracticeLms, client: Browser, tool_database: Database
    ) -> None:
        visit(client, other_lms, "unlinked")
        with tool_database.reading() as session:
            foreign = session.scalars(select(LtiIdentity.id).order_by(LtiIdentity.id)).all()[-1]
        assert desk.get(f"{QUEUE}/{foreign}").status_code == 404
        assert desk.get(f"{QUEUE}?done={foreign}").status_code == 404
        for action in ("undo", "nobody", "unlink"):
            assert desk.post(f"{QUEUE}/{foreign}", {"action": action}).status_code == 404


class TestTwoSecretaries:
    @pytest.mark.parametrize("action", ["link", "nobody", "unlink", "undo"])
    def test_the_second_is_told_and_changes_nothing(
        self, desk: Visit, launched: Launched, account: int, tool_database: Database, action: str
    ) -> None:
        from courses.roles import IsmsRole

        second = launched("00124", locale="en")
        with tool_database.transaction() as session:
            grant_role(
                session,
                organisation_of(tool_database),
                staff_key(tool_database, "00124"),
                IsmsRole.SECRETARIAT,
                "operator:test",
                NOW,
            )
        seen = re.search(r'name="seen" value="(\d+)"', page_of(second.get(f"{QUEUE}?q=架空")))
        assert seen is not None
        assert second.get(QUEUE).status_code == 200
        desk.post(f"{QUEUE}/{account}", {"staff_number": "00102", "seen": seen[1]})
        before = contents(tool_database)
        late = {"staff_number": "00101", "action": action, "seen": seen[1]}
        refused = second.post(f"{QUEUE}/{account}", late)
        assert refused.status_code == 409
        assert "a moment before you" in page_of(refused)
        assert contents(tool_database) == before
        fresh = re.search(r'name="seen" value="(\d+)"', page_of(second.get(f"{QUEUE}/{account}")))
        assert fresh is not None
        assert second.post(f"{QUEUE}/{account}", late | {"seen": fresh[1]}).status_code == 303


class TestMany:
    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_those_ticked_are_linked_in_one_go_and_the_others_are_left(
        self, desk: Visit, tool_database: Database
    ) -> None:
        same, other_name, left = add_accounts(
            tool_database,
            ("9001", "架空", "一郎", "00102"),
            ("9002", "見本", "華子", "00103"),
            ("9003", "仮名", "太郎", "00105"),
        )
        page = page_of(desk.get(f"{QUEUE}/bulk"))
        pairs = dict(re.findall(r'id="pair-(\d+)" name="pair" value="([\d-]+)"', page))
        assert {str(same), str(other_name), str(left)} <= set(pairs)
        assert f'value="{pairs[str(same)]}" checked' in page
        assert f'value="{pairs[str(other_name)]}" checked' not in page, "whose names differ is not ticked beforehand"
        assert "見本 <mark>華</mark>子" in page
        assert "見本 <mark>花</mark>子" in page
        before = contents(tool_database)
        chosen = [pairs[str(same)], pairs[str(other_name)]]
        response = desk.post(f"{QUEUE}/bulk", {"pair": chosen, "reason": "compared with the list"})
        assert "linked=2&missed=0" in response.headers["Location"]
        assert "2 accounts were linked." in page_of(desk.browser.get(response.headers["Location"]))
        assert person_now(tool_database, same) == staff_key(tool_database, "00102")
        assert person_now(tool_database, other_name) == staff_key(tool_database, "00103")
        assert person_now(tool_database, left) is None
        assert links_of(tool_database, same)[0][1:] == ("bulk", "compared with the list")
        assert audit_events(tool_database, "identity.decided")[-1].facts == {"code": "bulk", "count": 2}
        assert len(contents(tool_database)["identity_link"]) == len(before["identity_link"]) + 2

    def test_the_preview_links_nobody(self, desk: Visit, tool_database: Database) -> None:
        add_accounts(tool_database, ("9001", "架空", "一郎", "00102"))
        assert desk.get("/").status_code == 200
        before = contents(tool_database)
        desk.get(f"{QUEUE}/bulk")
        assert contents(tool_database) == before
        assert "linked=0&missed=0" in desk.post(f"{QUEUE}/bulk").headers["Location"]
        assert contents(tool_database) == before

    def test_what_leaves_a_doubt_is_shown_and_not_proposed(
        self, desk: Visit, launched: Launched, tool_database: Database
    ) -> None:
        launched(STAFF)  # linked by their trusted number
        add_accounts(
            tool_database,
            ("9001", "架空", "花子", STAFF),
            ("9002", "架空", "一郎", "00102"),
            ("9003", "架空", "二郎", "00102"),
            ("9004", "試作", "無名", "99990"),
            ("9005", "試作", "番外", None),
        )
        page = page_of(desk.get(f"{QUEUE}/bulk"))
        proposed, _, held_back = page.partition("<h2>Not proposed")
        assert 'name="pair"' not in proposed
        assert "has another account already" in held_back
        assert held_back.count("Several waiting accounts claim this number.") == 2
        assert "1 waiting account has a number that nobody on the staff list has. 1 has none." in held_back

    def test_a_number_that_the_list_has_twice_is_not_proposed(self, desk: Visit, tool_database: Database) -> None:
        from lms.services.identity_bulk import HeldBack, propose_links
        from lms.store.people import PersonalOpening

        [account] = add_accounts(tool_database, ("9001", "架空", "一郎", "00102"))
        with tool_database.transaction() as session:
            opening = session.scalars(select(PersonalOpening).where(PersonalOpening.staff_number == "00103")).one()
            opening.staff_number = "00102"  # no import lets it come to this
        with tool_database.reading() as session:
            found = propose_links(session, organisation_of(tool_database).id, NOW)
        assert [(each.identity_id, why) for each, why in found.held_back] == [(account, HeldBack.TWICE_ON_LIST)]
        assert desk.get(f"{QUEUE}/bulk").status_code == 200

    def test_who_was_decided_on_meanwhile_is_left_and_counted(self, desk: Visit, tool_database: Database) -> None:
        quick, slow = add_accounts(tool_database, ("9001", "架空", "一郎", "00102"), ("9002", "見本", "花子", "00103"))
        pairs = re.findall(r'name="pair" value="([\d-]+)"', page_of(desk.get(f"{QUEUE}/bulk")))
        desk.post(f"{QUEUE}/{quick}", {"action": "nobody"})
        response = desk.post(f"{QUEUE}/bulk", {"pair": pairs})
        assert "linked=1&missed=1" in response.headers["Location"]
        assert "1 was not" in page_of(desk.browser.get(response.headers["Location"]))
        assert person_now(tool_database, quick) is None
        assert person_now(tool_database, slow) is not None

    @pytest.mark.parametrize("pair", ["", "x", "1", "1-2-3", "-1-2-3", "9" * 40, "1-1-0\0", "0-0-0"])
    def test_an_invented_pair_links_nobody(self, desk: Visit, account: int, tool_database: Database, pair: str) -> None:
        forged = f"{account}-{staff_key(tool_database, '00102')}-0"
        before = contents(tool_database)
        assert desk.post(f"{QUEUE}/bulk", {"pair": [pair, forged]}).status_code == 303
        assert contents(tool_database) == before


def test_names_are_marked_where_they_differ() -> None:
    assert name_difference("髙橋 花子", "高橋 花") == (
        [("髙", True), ("橋 花", False), ("子", True)],
        [("高", True), ("橋 花", False)],
    )


class TestScores:
    """What was earned follows the link, to all activities."""

    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_linking_wants_what_was_earned_before_in_every_activity_of_the_person(
        self, desk: Visit, launched: Launched, tool_database: Database
    ) -> None:
        guest, staff = launched("unlinked"), launched(STAFF, "core-window")
        before = _deliveries(tool_database)
        sitting = start(guest, tool_database)
        sitting.answer_all()
        sitting.submit()
        assert len(_deliveries(tool_database)) == len(before) + 1, "the account's own activity alone"
        with tool_database.reading() as session:
            identity_id = session.scalars(select(LtiIdentity.id).where(LtiIdentity.sub == "99")).one()
        desk.post(f"{QUEUE}/{identity_id}", {"staff_number": STAFF})
        found = [each for each in _deliveries(tool_database) if each not in before]
        assert len(found) == 2, "and the one that the person opened by the account of the staff list"
        assert len({result for _link, _identity, result in found}) == 1
        assert {link for link, _identity, _result in found} == {"1", "2"}
        assert staff.get("/").status_code == 200

    def test_many_at_once_do_so_too(self, desk: Visit, launched: Launched, tool_database: Database) -> None:
        guest = launched("unlinked", "core-window")
        sitting = start(guest, tool_database)
        sitting.answer_all()
        sitting.submit()
        [second] = add_accounts(tool_database, ("9001", "架空", "一郎", "00102"))
        with tool_database.transaction() as session:
            identity_id = session.scalars(select(LtiIdentity.id).where(LtiIdentity.sub == "99")).one()
            session.get_one(LtiIdentity, identity_id).claimed_staff_number = "00106"
        assert second
        pairs = re.findall(r'name="pair" value="([\d-]+)"', page_of(desk.get(f"{QUEUE}/bulk")))
        before = _deliveries(tool_database)
        desk.post(f"{QUEUE}/bulk", {"pair": pairs})
        assert person_now(tool_database, identity_id) == staff_key(tool_database, "00106")
        assert _deliveries(tool_database) == before, "what was wanted already is wanted once"

    def test_a_link_taken_back_wants_the_accounts_own_results_again(
        self, desk: Visit, launched: Launched, tool_database: Database
    ) -> None:
        guest, staff = launched("unlinked"), launched(STAFF, "core-window")
        before = _deliveries(tool_database)
        for who, wrong in ((guest, 5), (staff, 0)):
            sitting = start(who, tool_database)
            sitting.answer_all(wrong)
            sitting.submit()
        own = dict((identity, result) for _link, identity, result in _deliveries(tool_database))  # noqa: C402 - of three
        with tool_database.reading() as session:
            identity_id = session.scalars(select(LtiIdentity.id).where(LtiIdentity.sub == "99")).one()
        desk.post(f"{QUEUE}/{identity_id}", {"staff_number": STAFF})
        shared = {each[2] for each in _deliveries(tool_database) if each not in before}
        assert len(shared) == 1, "the better one everywhere"
        desk.post(f"{QUEUE}/{identity_id}", {"action": "undo"})
        assert {identity: result for _link, identity, result in _deliveries(tool_database)} == own


def _deliveries(database: Database) -> list[tuple[str, int, int]]:
    with database.reading() as session:
        rows = session.execute(
            select(ResourceLink.resource_link_id, ScoreDelivery.identity_id, ScoreDelivery.event_id)
            .join(ResourceLink, ResourceLink.id == ScoreDelivery.resource_link_pk)
            .where(ResourceLink.opens == MODULE)
            .order_by(ScoreDelivery.id)
        )
        return [(link, identity, result) for link, identity, result in rows]


class TestThousands:
    @pytest.fixture
    def thousands(self, tool_database: Database) -> list[int]:
        """Five thousand accounts of a roster, a fifth of them decided."""
        rows: list[Row] = [(f"7{n:05d}", "演習", f"{n:04d}号", f"X{n:05d}") for n in range(5000)]
        made = add_accounts(tool_database, *rows)
        organisation = organisation_of(tool_database)
        with tool_database.transaction() as session:
            for number, identity_id in enumerate(made[:1000]):
                later = NOW - timedelta(days=1)
                if number % 2:
                    link_by_decision(session, organisation, identity_id, "00102", ("operator:test", later))
        return made

    def test_pages_are_turned_searched_and_filtered(self, desk: Visit, thousands: list[int]) -> None:
        first = page_of(desk.get(QUEUE))
        assert "To decide (4500)" in first
        assert first.count('<li class="card">') == 50
        assert "1 / 90" in first
        last = page_of(desk.get(f"{QUEUE}?page=90"))
        assert last.count('<li class="card">') == 50
        assert "90 / 90" in page_of(desk.get(f"{QUEUE}?page=999"))
        one = page_of(desk.get(f"{QUEUE}?q=演習 4321号"))
        assert one.count('<li class="card">') == 1
        assert "seen only in a roster" in one
        assert page_of(desk.get(f"{QUEUE}?q=X04321")).count('<li class="card">') == 1
        linked = page_of(desk.get(f"{QUEUE}?state=linked&q=カクウ イチロウ"))
        assert "Linked (500)" in linked
        assert "No account matches." in page_of(desk.get(f"{QUEUE}?q=%00'--"))
        assert desk.get(f"{QUEUE}?state=x").status_code == 400
        assert desk.get(f"{QUEUE}?platform=x&page=-1").status_code == 200
        assert len(thousands) == 5000
