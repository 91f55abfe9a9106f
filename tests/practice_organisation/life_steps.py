"""Two lives in the practice organisation, step by step: a member of staff and a vendor's employee, April 2026 to January 2027.

Each step is done by the tool's own services at its own time, as pages, commands and the worker do it; the sequencer then
gives the step's events their places. Nothing reads a clock. Everybody is fictional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from courses.auditors import COURSE
from courses.calendar import Period, jst_date
from courses.roles import EndKind, IsmsRole
from lms.config import Settings
from lms.jobs.ledger import run_sequencer
from lms.services.attempts import Learner, read_paper, save_answer, start_attempt, submit_attempt
from lms.services.auditor_decisions import Declared, ReviewFacts, declare_interests, review_auditor
from lms.services.awareness import module_in_use
from lms.services.fact_kinds import KINDS
from lms.services.invitations import invite, sign_by_invitation
from lms.services.moments import tree_size
from lms.services.organisations import add_organisation
from lms.services.person_facts import GivenFact, correct_fact, given_by, record_fact
from lms.services.pledges import NewText, TextDecision, approve_text, draft_text, filled_sample
from lms.services.roles import Ending
from lms.services.vendors import contracts_of, end_engagement, engage, engagements_of
from lms.store.base import Database
from lms.store.organisations import find_organisation
from quizzes.marking import right_answer
from tests.practice_organisation.life_world import (
    ACTOR,
    CHIEF_AUDITOR,
    COMMITTEE,
    FOUNDED,
    KEY,
    LEAVING_PLEDGE,
    NEWCOMERS,
    PLEDGE,
    STAFF,
    TEST,
    VENDOR,
    VENDOR_PLEDGE,
    YEAR,
    World,
    found,
)
from tests.practice_organisation.pledges import NEW_LINE


def _at(year: int, month: int, day: int) -> datetime:
    """Return ten o'clock in Japan."""
    return datetime(year, month, day, 1, 0, tzinfo=UTC)


# The life of a member of staff


def _joins(world: World) -> None:
    """Stand on the staff list, and open the course for the first time, which links the account."""
    world.import_staff(NEWCOMERS[STAFF])
    world.launch(STAFF)


def _passes_the_test(world: World) -> None:
    identity_id = world.launch(STAFF)
    person_id = world.person(STAFF)
    learner = Learner(world.organisation, identity_id, (identity_id,), person_id, f"person:{person_id}")
    module = module_in_use(world.session, world.organisation.id, TEST, jst_date(world.now))
    started = world.now - timedelta(minutes=9)
    attempt_id = start_attempt(world.session, learner, module, started)
    for place in read_paper(world.session, learner, attempt_id).questions[1:]:
        answered = started + timedelta(seconds=40 * place.position)
        save_answer(world.session, learner, (attempt_id, place.position), right_answer(place.question), answered)
    submit_attempt(world.session, learner, attempt_id, world.now)


def _takes_a_role(world: World) -> None:
    world.appoint(STAFF, IsmsRole.SECRETARIAT, "secretariat-member", date(2026, 6, 1), "架空任第R8-21号")
    world.acknowledge(STAFF, IsmsRole.SECRETARIAT)


def _is_corrected(world: World) -> None:
    """Record in June what was true in April and May: joined on 16 April, and in another unit until 6 May."""
    session, organisation, joined, moved = world.session, world.organisation, date(2026, 4, 16), date(2026, 5, 7)
    why = "4月16日に認証基盤係へ着任していた。届出の遅れによる訂正"
    for kind in ("service", "scope"):
        fact = world.fact(kind, STAFF)
        given = given_by(fact)
        wanted = GivenFact(joined, given.end, given.values, given.reason)
        correct_fact(session, organisation, fact, wanted, why, world.by)
    values = {**given_by(world.fact("affiliation", STAFF)).values, "unit_id": world.unit("認証基盤係")}
    given = GivenFact(joined, moved, values)
    record_fact(session, organisation, KINDS["affiliation"], world.person(STAFF), given, world.by)


def _passes_the_course(world: World) -> None:
    values = {
        "competence": COURSE,
        "kind": "external_course",
        "is_passed": True,
        "provider": "架空監査研修株式会社",
        "certificate": "KA-0151",
        "equivalence_verified_by": "内部監査責任者",
    }
    given = GivenFact(date(2026, 7, 17), None, values)
    record_fact(world.session, world.organisation, KINDS["training"], world.person(STAFF), given, world.by)


def _becomes_auditor(world: World) -> None:
    """Hand the seat in the secretariat back first: who runs the ISMS does not audit it."""
    ending = Ending(EndKind.TRANSFERRED, date(2026, 8, 31), "架空任第R8-31号", "内部監査員となるため")
    world.end(STAFF, IsmsRole.SECRETARIAT, ending)
    world.appoint(STAFF, IsmsRole.INTERNAL_AUDITOR, "internal-auditor", date(2026, 9, 1), "架空任第R8-32号")


def _qualifies(world: World) -> None:
    world.acknowledge(STAFF, IsmsRole.INTERNAL_AUDITOR)
    person_id, chief = world.person(STAFF), world.person(CHIEF_AUDITOR)
    period = Period(jst_date(world.now), YEAR.end)
    facts = ReviewFacts(True, False, (), None, "修了証と面談による", period)
    review_auditor(world.session, world.organisation, person_id, facts, chief, world.now)
    declared = Declared((), identity_id=world.launch(STAFF))
    declare_interests(world.session, world.organisation, person_id, declared, world.now)


def _meets_a_new_text(world: World) -> None:
    session, organisation = world.session, world.organisation
    sample = filled_sample(session, organisation.id, PLEDGE)
    texts = {each: text.replace(*NEW_LINE[each]) for each, text in sample.texts.items()}
    row = draft_text(session, organisation, NewText(PLEDGE, sample.titles, texts), ACTOR, world.now)
    decided = TextDecision("第3回委員会 議題1", COMMITTEE, date(2026, 10, 1), True, 30)
    approve_text(session, organisation, row.id, decided, world.stamp)


def _is_to_leave(world: World) -> None:
    last_day = date(2027, 1, 31)
    for kind in ("service", "scope", "affiliation"):
        world.close(kind, STAFF, last_day, "令和9年1月31日付で転出")
    ending = Ending(EndKind.LEFT, last_day, "架空任第R8-41号", "転出のため")
    world.end(STAFF, IsmsRole.INTERNAL_AUDITOR, ending)


# The life of a vendor's employee


def _comes_from_a_vendor(world: World) -> None:
    world.import_staff(NEWCOMERS[VENDOR])
    period = Period(date(2026, 6, 8), date(2027, 1, 1))
    contract = contracts_of(world.session, world.organisation.id)[0]
    engage(world.session, world.organisation, world.person(VENDOR), contract.id, (period, ACTOR, world.now))


def _is_trained_in_person(world: World) -> None:
    values = {
        "competence": TEST,
        "kind": "face_to_face",
        "is_passed": True,
        "mark": 9,
        "maximum": 10,
        "pass_mark": 8,
        "session": "業者向け情報セキュリティ講習 2026-06-09",
        "grader": "ISMS事務局",
    }
    given = GivenFact(date(2026, 6, 9), None, values)
    record_fact(world.session, world.organisation, KINDS["training"], world.person(VENDOR), given, world.by)


def _pledges_by_invitation(world: World) -> None:
    invited = (ACTOR, world.now - timedelta(hours=1))
    _, token = invite(world.session, world.organisation, world.person(VENDOR), VENDOR_PLEDGE, invited)
    form = world.form(VENDOR, VENDOR_PLEDGE)
    sign_by_invitation(world.session, token, form, ("192.0.2.99", "Practice/1.0"), world.now)


def _goes_again(world: World) -> None:
    last_day = date(2026, 11, 30)
    for kind in ("service", "scope", "affiliation"):
        world.close(kind, VENDOR, last_day, "契約の担当者の交替による")
    row = next(
        each for each in engagements_of(world.session, world.organisation.id) if each.person_id == world.person(VENDOR)
    )
    end_engagement(world.session, world.organisation, row.id, date(2026, 12, 1), world.stamp)


# The story


@dataclass(frozen=True)
class Step:
    """One thing that happens to one of the two."""

    key: str
    number: str
    """Staff number of whom it happens to."""
    at: datetime
    title: dict[str, str]
    happen: Callable[[World], None]


def _titles(ja: str, en: str) -> dict[str, str]:
    return {"ja": ja, "en": en}


STEPS = (
    Step("joins", STAFF, _at(2026, 5, 7), _titles("着任する（名簿では5月7日）", "joins (7 May, says the staff list)"), _joins),
    Step("trains", STAFF, _at(2026, 5, 18), _titles("講習の確認テストに合格する", "passes the test of the training"), _passes_the_test),
    Step("pledges", STAFF, _at(2026, 5, 20), _titles("誓約書（第1版）に署名する", "signs the pledge, version 1"), lambda world: world.sign(STAFF, PLEDGE)),
    Step("takes a role", STAFF, _at(2026, 6, 1), _titles("ISMS事務局員に任命され、受領を確認する", "is appointed to the secretariat, and acknowledges"), _takes_a_role),
    Step("vendor joins", VENDOR, _at(2026, 6, 8), _titles("契約のもとで着任する", "joins under a contract"), _comes_from_a_vendor),
    Step("vendor is trained", VENDOR, _at(2026, 6, 10), _titles("対面講習の受講記録が登録される", "training in person is recorded"), _is_trained_in_person),
    Step("vendor pledges", VENDOR, _at(2026, 6, 12), _titles("招待により誓約書に署名する", "signs the pledge by invitation"), _pledges_by_invitation),
    Step("is corrected", STAFF, _at(2026, 6, 15), _titles("訂正：4月16日に認証基盤係へ着任していた", "correction: had joined another unit on 16 April"), _is_corrected),
    Step("passes the course", STAFF, _at(2026, 7, 21), _titles("内部監査員研修の合格が登録される", "the auditor's course, passed, is recorded"), _passes_the_course),
    Step("becomes auditor", STAFF, _at(2026, 8, 28), _titles("事務局を離れ、9月1日付で内部監査員に任命される", "leaves the secretariat, and is appointed as an auditor"), _becomes_auditor),
    Step("qualifies", STAFF, _at(2026, 9, 4), _titles("受領を確認し、力量評価を受け、担当除外に関わる申告をする", "acknowledges, is reviewed, and declares interests"), _qualifies),
    Step("meets a new text", STAFF, _at(2026, 9, 10), _titles("誓約書第2版（10月1日施行）が承認される", "version 2 of the pledge is approved, for 1 October"), _meets_a_new_text),
    Step("signs anew", STAFF, _at(2026, 10, 5), _titles("誓約書（第2版）に再誓約する", "signs version 2"), lambda world: world.sign(STAFF, PLEDGE)),
    Step("vendor leaves", VENDOR, _at(2026, 11, 27), _titles("11月30日で離任する（離任時の確認はない）", "leaves on 30 November, and confirms nothing"), _goes_again),
    Step("is to leave", STAFF, _at(2027, 1, 15), _titles("1月31日付の転出が登録される", "leaving on 31 January is recorded"), _is_to_leave),
    Step("leaves", STAFF, _at(2027, 1, 29), _titles("離任時の確認に署名する", "confirms the continuing duty"), lambda world: world.sign(STAFF, LEAVING_PLEDGE)),
)  # fmt: skip
KNOWN_AFTER = {"pledges": "in May", "is corrected": "in June", "leaves": "at the end"}
"""Steps after which the size of the ledger is kept as a state of knowledge."""
AS_OF = (date(2026, 5, 31), date(2026, 9, 30), date(2027, 2, 28))


@dataclass(frozen=True)
class Lived:
    """A step that has happened."""

    step: Step
    size: int
    """Of the ledger's tree after it."""
    person_id: int
    known: dict[str, int]
    """Sizes kept so far, by name."""


def live(database: Database, settings: Settings) -> Iterator[Lived]:
    """Found the organisation, then let one step after the other happen; each is in the ledger when it is given."""
    with database.transaction() as session:
        names = ("架空大学情報基盤センター", "Information Technology Centre, Kakuu University")
        found(World(session, add_organisation(session, KEY, *names, FOUNDED), FOUNDED))
    place(database, settings, FOUNDED)
    kept: dict[str, int] = {}
    for step in STEPS:
        with database.transaction() as session:
            organisation = find_organisation(session, KEY)
            assert organisation is not None
            world = World(session, organisation, step.at)
            step.happen(world)
            person_id = world.person(step.number)
        size = place(database, settings, step.at)
        if step.key in KNOWN_AFTER:
            kept[KNOWN_AFTER[step.key]] = size
        yield Lived(step, size, person_id, dict(kept))


def place(database: Database, settings: Settings, now: datetime) -> int:
    """Let the sequencer give all pending events their places; return the size of the tree."""
    while run_sequencer(database, settings, now):
        pass
    with database.reading() as session:
        organisation = find_organisation(session, KEY)
        assert organisation is not None
        return tree_size(session, organisation.id)
