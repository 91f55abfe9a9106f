"""The linking queue."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity, person_of
from tests.practice_lms.lms import PracticeLms
from tests.web.conftest import BOTH_DATABASES, SECRETARY, STAFF, Launched
from tests.web.papers import start
from tests.web.visits import Browser, Visit, audit_events, contents, page_of, path_of, visit

QUEUE = "/identities"


def identity_of(database: Database, sub: str = "99") -> int:
    with database.reading() as session:
        return session.scalars(select(LtiIdentity.id).where(LtiIdentity.sub == sub).order_by(LtiIdentity.id)).all()[-1]


def linked_person(database: Database, identity_id: int) -> int | None:
    with database.reading() as session:
        return person_of(session, identity_id)


@pytest.fixture
def guest(launched: Launched) -> Visit:
    """Somebody whose number is not on the staff list."""
    return launched("unlinked", locale="en")


@pytest.fixture
def desk(launched: Launched, guest: Visit) -> Visit:
    """The secretariat, after the guest has come by."""
    assert guest.handle
    return launched(SECRETARY, locale="en")


def test_the_queue_shows_who_waits_and_who_is_linked(desk: Visit, launched: Launched) -> None:
    launched(STAFF)
    waiting, linked = page_of(desk.get(QUEUE)), page_of(desk.get(f"{QUEUE}?state=linked"))
    assert "名簿 なし" in waiting
    assert "99999" in waiting
    assert "架設 恵" not in waiting
    assert "名簿 なし" not in linked
    assert "架設 恵 (00123)" in linked
    assert "by decision" in linked
    assert "by trusted staff number" in linked


@pytest.mark.parametrize("somebody", [STAFF, "unlinked"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_are_refused_and_nothing_is_linked(
    launched: Launched, guest: Visit, tool_database: Database, somebody: str, method: str
) -> None:
    curious = launched(somebody)
    path = QUEUE if method == "get" else f"{QUEUE}/{identity_of(tool_database)}"
    assert curious.form_token != guest.form_token
    before = contents(tool_database)
    response = curious.get(path) if method == "get" else curious.post(path, {"staff_number": STAFF})
    assert response.status_code == 403
    assert audit_events(tool_database)[-1].facts["code"] == "not_permitted"
    assert contents(tool_database) == before


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_a_decision_links_and_what_was_done_before_counts(desk: Visit, guest: Visit, tool_database: Database) -> None:
    sitting = start(guest, tool_database)
    sitting.answer_all()
    sitting.submit()
    response = desk.post(f"{QUEUE}/{identity_of(tool_database)}", {"staff_number": " 00102 "})
    assert path_of(response) == desk.path(QUEUE)
    assert "架空 一郎 (00102)" in page_of(desk.get(f"{QUEUE}?state=linked&q=名簿"))
    page = page_of(guest.get("/"))
    assert "not linked" not in page
    assert "Passed on 23 Nov 2026" in page, "the test counts as the person's; the pledge is still to be signed"
    with tool_database.reading() as session:
        link = session.scalars(select(IdentityLink).order_by(IdentityLink.id.desc())).first()
    assert link is not None
    assert link.recorded_by.startswith("person:")


def test_an_unknown_staff_number_is_422_keeps_what_was_entered_and_links_nobody(
    desk: Visit, tool_database: Database
) -> None:
    identity_id = identity_of(tool_database)
    before = contents(tool_database)
    response = desk.post(f"{QUEUE}/{identity_id}", {"staff_number": "77777<b>"})
    assert response.status_code == 422
    html = response.get_data(as_text=True)
    assert "Nobody on the staff list has the staff number" in page_of(response)
    assert 'value="77777&lt;b&gt;"' in html
    assert "<b>" not in html
    assert contents(tool_database) == before


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_an_empty_or_strange_number_is_unknown(desk: Visit, tool_database: Database) -> None:
    identity_id = identity_of(tool_database)
    for number in ("", " ", "\0", "x" * 10_000, "'; --", "00102\0x"):
        assert desk.post(f"{QUEUE}/{identity_id}", {"staff_number": number}).status_code == 422
    assert desk.post(f"{QUEUE}/{identity_id}").status_code == 422
    assert linked_person(tool_database, identity_id) is None


def test_a_link_can_be_taken_back_and_stays_on_record(desk: Visit, guest: Visit, tool_database: Database) -> None:
    identity_id = identity_of(tool_database)
    desk.post(f"{QUEUE}/{identity_id}", {"staff_number": "00102"})
    assert linked_person(tool_database, identity_id) is not None
    assert path_of(desk.post(f"{QUEUE}/{identity_id}", {"action": "unlink"})) == desk.path(QUEUE)
    assert linked_person(tool_database, identity_id) is None
    assert "not linked" in page_of(guest.get("/"))
    with tool_database.reading() as session:
        links = session.scalars(select(IdentityLink).where(IdentityLink.identity_id == identity_id)).all()
    assert len(links) == 2


def test_a_link_taken_back_is_not_made_again_by_the_staff_number(
    launched: Launched, desk: Visit, tool_database: Database
) -> None:
    staff = launched(STAFF, locale="en")
    with tool_database.reading() as session:
        identity_id = session.scalars(select(LtiIdentity.id).where(LtiIdentity.claimed_staff_number == STAFF)).one()
    desk.post(f"{QUEUE}/{identity_id}", {"action": "unlink"})
    assert "not linked" in page_of(staff.get("/"))
    assert "not linked" in page_of(launched(STAFF, locale="en").get("/"))


def test_an_identity_that_does_not_exist_is_404(desk: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    for number in ("0", "999999", "9" * 18):
        assert desk.post(f"{QUEUE}/{number}", {"staff_number": STAFF}).status_code == 404
        assert audit_events(tool_database)[-1].facts["code"] == "identity_unknown"
    assert desk.post(f"{QUEUE}/{'9' * 19}", {"staff_number": STAFF}).status_code == 404
    assert contents(tool_database) == before


def test_another_organisations_identity_is_404(
    desk: Visit, other_lms: PracticeLms, client: Browser, tool_database: Database
) -> None:
    stranger = visit(client, other_lms, "unlinked", locale="en")
    foreign = identity_of(tool_database)
    before = contents(tool_database)
    assert desk.post(f"{QUEUE}/{foreign}", {"staff_number": STAFF}).status_code == 404
    assert contents(tool_database) == before
    assert "not linked" in page_of(stranger.get("/"))
    assert page_of(desk.get(QUEUE)).count("名簿 なし</h3>") == 1


def test_what_a_platform_says_of_a_person_is_shown_as_text(launched: Launched, lms: PracticeLms) -> None:
    lms.mutate = lambda header, claims: (header, {**claims, "family_name": "<script>alert(1)</script>"})
    launched("unlinked")
    lms.mutate = None
    html = launched(SECRETARY).get(QUEUE).get_data(as_text=True)
    assert "&lt;script&gt;" in html
    assert "<script>alert" not in html
