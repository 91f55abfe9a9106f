"""A platform's request for content: kept beside its session, answered once, and gone with it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from lms.lti.deep_linking import ContentItem
from lms.services.deep_linking import (
    ChoiceAnsweredError,
    NothingToChooseError,
    Request,
    Wish,
    answer_request,
    request_of,
)
from lms.services.launches import complete_launch, purge
from lms.services.opening import MayNotChooseError, OpenedSession
from lms.store.audit import AuditEvent
from lms.store.base import Database
from lms.store.launches import DeepLinkingRequest, LaunchSession, PlacedItem, ResourceLink
from lms.store.organisations import Organisation
from tests.factories import ACTOR, KeysOf, all_at_once, errors_in, launch, log_in, make_lms, register
from tests.practice_lms.claims import CLAIM, DEEP_LINKING_SETTINGS
from tests.practice_lms.lms import PracticeLms

RETURN = "/mod/lti/contentitem_return.php?course=2"
WISHES = [Wish("pledges", "誓約", "about", 1), Wish("training", "概要", "", None)]


@pytest.fixture
def lms(database: Database, organisation: Organisation) -> PracticeLms:
    """A practice LMS, registered, whose launches are turned into requests for content."""
    made = make_lms()

    def mutate(header: dict[str, object], claims: dict[str, object]) -> tuple[object, object]:
        claims.pop(CLAIM + "resource_link")
        settings = {
            "accept_types": ["ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe"],
            "accept_multiple": True,
            "data": "d",
            "deep_link_return_url": made.config.issuer + RETURN,
        }
        return header, claims | {CLAIM + "message_type": "LtiDeepLinkingRequest", DEEP_LINKING_SETTINGS: settings}

    made.mutate = mutate
    with database.transaction() as session:
        register(session, organisation, made)
    return made


def asked(database: Database, handle: str) -> Request:
    with database.reading() as session:
        return request_of(session, handle)


def answer(database: Database, wanted: Request, now: datetime) -> list[ContentItem]:
    with database.transaction() as session:
        return answer_request(session, wanted, WISHES, (ACTOR, now))


def test_a_launch_keeps_the_request_and_no_activity(
    database: Database, organisation: Organisation, lms: PracticeLms, now: datetime
) -> None:
    opened = launch(database, lms, ("teacher", "m1"), now)
    with database.reading() as session:
        row = session.get_one(LaunchSession, opened.handle)
        kept = session.get_one(DeepLinkingRequest, opened.handle)
        assert (row.kind, row.resource_link_pk) == ("deep_linking", None)
        assert (kept.context_id, kept.data, kept.takes_several, kept.takes_line_items) == ("2", "d", True, True)
        assert kept.organisation_id == organisation.id
        assert session.scalars(select(ResourceLink)).all() == []
    wanted = asked(database, opened.handle)
    assert wanted.return_url == lms.config.issuer + RETURN
    assert (wanted.to.issuer, wanted.to.client_id) == (lms.config.issuer, lms.config.tool.client_id)


def test_a_learner_opens_no_session(database: Database, lms: PracticeLms, now: datetime) -> None:
    sent = log_in(database, lms, ("staff", "m1"), now)
    with pytest.raises(MayNotChooseError):
        complete_launch(database, KeysOf((lms,)), sent.fields, sent.browser, now)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LaunchSession)) == 0
        assert session.scalar(select(func.count()).select_from(DeepLinkingRequest)) == 0


def test_of_many_answers_at_one_moment_one_is_given(database: Database, lms: PracticeLms, now: datetime) -> None:
    wanted = asked(database, launch(database, lms, ("teacher", "m1"), now).handle)
    found = all_at_once(12, lambda _: answer(database, wanted, now))
    assert sum(isinstance(each, list) for each in found) == 1
    assert {type(each) for each in errors_in(found)} == {ChoiceAnsweredError}
    with database.reading() as session:
        placed = session.scalars(select(PlacedItem)).all()
        assert session.scalars(select(AuditEvent.kind).where(AuditEvent.kind.like("content.%"))).all() == [
            "content.placed"
        ]
    assert sorted(each.opens for each in placed) == ["pledges", "training"]
    assert {(each.context_id, each.placed_by) for each in placed} == {("2", ACTOR)}
    with pytest.raises(ChoiceAnsweredError):
        asked(database, wanted.handle)


def test_every_item_has_a_key_of_its_own(database: Database, lms: PracticeLms, now: datetime) -> None:
    keys: set[str] = set()
    for _ in range(3):
        wanted = asked(database, launch(database, lms, ("teacher", "m1"), now).handle)
        items = answer(database, wanted, now)
        assert [each.maximum for each in items] == [1, None]
        keys.update(each.key for each in items)
    assert len(keys) == 6


def test_nobody_else_has_something_to_choose(database: Database, lms: PracticeLms, now: datetime) -> None:
    opened = launch(database, lms, ("teacher", "m1"), now)
    lms.mutate = None
    other: OpenedSession = launch(database, lms, ("teacher", "m1"), now)
    with database.transaction() as session:
        session.get_one(LaunchSession, opened.handle).lti_roles = ["Learner"]
    for handle in (opened.handle, other.handle, "0" * 16):
        with pytest.raises(NothingToChooseError):
            asked(database, handle)


def test_a_request_goes_with_its_session(database: Database, lms: PracticeLms, now: datetime) -> None:
    opened = launch(database, lms, ("teacher", "m1"), now)
    for moment, left in ((timedelta(days=7), 1), (timedelta(days=8), 0)):
        with database.transaction() as session:
            purge(session, now + moment)
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(DeepLinkingRequest)) == left
    assert opened.kind == "deep_linking"
