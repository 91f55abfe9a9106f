"""People, identities, modules in use, launches and attempts for tests, made by the tool's own services.

Plain functions; each takes a writing session (or the database, where a launch needs transactions of its own) and the
time. Everybody and everything in them is made up.
"""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES, read_lesson, read_module
from courses.requirements import Requirement
from courses.roles import IsmsRole
from courses.staff_lists import COLUMNS, read_staff_list
from lms.lti.id_tokens import Registration
from lms.lti.keysets import UnknownKid
from lms.lti.messages import Launch
from lms.services.attempts import Learner, read_paper, save_answer, start_attempt, submit_attempt
from lms.services.awareness import ModuleInUse, module_in_use
from lms.services.catalogue import keep_versions
from lms.services.identities import link_by_decision, see_identity
from lms.services.launches import LoginRequest, begin_login, check_login, complete_launch
from lms.services.ledger import sequence
from lms.services.opening import OpenedSession
from lms.services.organisations import add_units, set_parameters
from lms.services.people import find_person
from lms.services.platforms import NewPlatform, add_platform
from lms.services.requirements import Approval, approve_requirement
from lms.services.shipped import ShippedModule, shipped_parameters
from lms.services.staff_lists import apply_import
from lms.store.attempts import ITEMS, AttemptResult
from lms.store.awareness import Adoption
from lms.store.base import Database
from lms.store.identities import LtiIdentity, identities_of, person_of
from lms.store.openings import openings_of
from lms.store.organisations import Organisation
from lms.store.platforms import Platform
from lms.store.records import record
from lms.store.requirements import RequirementVersion
from lms.store.roles import Appointment
from quizzes.marking import right_answer
from quizzes.questions import read_bank
from tests.practice_lms.defaults import default_config
from tests.practice_lms.keys import SigningKey
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, PlatformConfig
from tests.practice_lms.server import running_platform

ACTOR = "operator:test"
FOUNDED = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
"""When tests' organisations approved and adopted what they have."""
UNITS = (("総務係", "General Affairs"), ("ネットワーク係", "Networks"), ("認証基盤係", "Authentication"))
MODULE = "isms-and-my-role"
"""Key that the practice LMS's first activity opens."""
LAUNCH_URL = "http://127.0.0.1:8000/lti/launch"
LEDGER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_STAFF_ROW = {
    "staff_number": "000101", "family_name": "見本", "given_name": "あかり", "family_kana": "ミホン", "given_kana": "アカリ",
    "romaji": "MIHON Akari", "former_name": "", "email": "", "unit": "総務係", "post": "係員", "employment": "常勤",
    "category": "事務職員", "joined_on": "2020-04-01", "left_on": "", "scope_from": "2020-04-01", "scope_to": "",
    "scope_reason": "文書を扱うため",
}  # fmt: skip
_T = TypeVar("_T")


# People and identities


def add_people(
    session: Session, organisation: Organisation, *rows: dict[str, str], now: datetime = FOUNDED
) -> list[int]:
    """Import a staff list of these rows, whose missing cells are the default's; return the people's keys."""
    add_units(session, organisation, UNITS, now, ACTOR)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows([_STAFF_ROW | row for row in rows])
    staff_list = read_staff_list(text.getvalue().encode(), [name for name, _ in UNITS])
    apply_import(session, organisation, staff_list, now, ACTOR)
    return [_person(session, organisation, row) for row in staff_list.rows]


def _person(session: Session, organisation: Organisation, row: Any) -> int:
    found = find_person(session, organisation.id, row.staff_number, row.service.start)
    assert found is not None
    return found


def add_person(session: Session, organisation: Organisation, staff_number: str = "000101", **cells: str) -> int:
    """Add one person, on the staff list since 2020 unless the cells say otherwise."""
    return add_people(session, organisation, {"staff_number": staff_number, **cells})[0]


def add_appointment(
    session: Session, organisation: Organisation, person_id: int, isms_role: IsmsRole, first_day: date, **facts: Any
) -> Appointment:
    """Record an appointment as it is, from a day until further notice; a ``superseded`` one is corrected by it."""
    superseded: Appointment | None = facts.pop("superseded", None)
    row = Appointment(
        **{
            "person_id": person_id,
            "isms_role": isms_role.value,
            "letter_number": "架空情第1号",
            "appointed_on": first_day,
            "appointer": "センター長",
            "valid_from": first_day,
            "valid_to": None,
            "is_void": False,
            "supersedes_id": superseded.id if superseded else None,
            "recorded_at": FOUNDED,
            "recorded_by": ACTOR,
            **facts,
        }
    )
    record(session, organisation, row)
    return row


def add_practice_platform(session: Session, organisation: Organisation, **changes: Any) -> Platform:
    """Register a platform that nobody calls."""
    facts = {
        "name": "練習用LMS",
        "issuer": f"https://lms.{organisation.key}.example.invalid",
        "client_id": "uPracticeLms001",
        "authorization_url": "https://lms.example.invalid/auth",
        "token_url": "https://lms.example.invalid/token",
        "keyset_url": "https://lms.example.invalid/certs",
        "deployments": ("1",),
        "trusts_staff_number": False,
    }
    return add_platform(session, organisation, NewPlatform(**(facts | changes)), ACTOR, FOUNDED)


def add_identity(session: Session, platform: Platform, sub: str, now: datetime = FOUNDED, **claims: Any) -> LtiIdentity:
    """Let a platform show an identity, linked to nobody."""
    return see_identity(session, platform, message(sub=sub, **claims), now)


def message(**facts: Any) -> Launch:
    """Return a launch as read from its token."""
    nothing = dict.fromkeys(
        ("resource_link_title", "context_id", "context_title", "given_name", "family_name", "email", "staff_number",
         "locale", "document_target", "return_url", "line_item_url", "line_items_url", "roster_url")
    )  # fmt: skip
    needed = {"sub": "4", "deployment_id": "1", "resource_link_id": "1", "roles": (), "custom": {}, "ags_scopes": ()}
    return Launch(**(nothing | needed | facts))


def add_learner(
    session: Session, organisation: Organisation, staff_number: str | None = None, sub: str = "4", **cells: str
) -> Learner:
    """Add an identity and, with a staff number, the person whom it is linked to; return them as one who takes tests."""
    platform = session.scalar(select(Platform).where(Platform.organisation_id == organisation.id))
    identity = add_identity(session, platform or add_practice_platform(session, organisation), sub)
    if staff_number is not None:
        add_person(session, organisation, staff_number, **cells)
        joined = datetime.fromisoformat(f"{cells.get('joined_on', '2020-04-01')}T03:00:00Z")
        link_by_decision(session, organisation, identity.id, staff_number, (ACTOR, max(FOUNDED, joined)))
    return learner_of(session, organisation, identity.id)


def learner_of(session: Session, organisation: Organisation, identity_id: int) -> Learner:
    """Return who takes tests under an identity, as its links are now."""
    person_id = person_of(session, identity_id)
    if person_id is None:
        return Learner(organisation, identity_id, (identity_id,), None, f"identity:{identity_id}")
    return Learner(
        organisation, identity_id, tuple(identities_of(session, person_id)), person_id, f"person:{person_id}"
    )


# Modules, requirements, attempts


@cache
def small_module(
    key: str = MODULE,
    edition: str = "初版",
    pass_percent: int = 80,
    bank: int = 10,
    attempts: int = 3,
    wait_minutes: int = 10,
) -> ShippedModule:
    """Return a module of two sections with a test of ten questions; another edition is another version of each."""

    def lesson(language: str) -> Any:
        matter = {"title": f"{key} {language}", "summary": edition, "objectives": ["a"]}
        return read_lesson(key, matter, f"## One {{#one}}\n\n{edition}\n\n## Two {{#two}}\n\nText")

    questions = read_bank(
        [
            {
                "key": f"q{number}", "kind": "single", "objective": 1, "clause": "7.3", "section": "one",
                "stem": _both(f"{edition} {number}"), "feedback": _both("feedback"),
                "options": [{"key": each, "correct": each == "b", "text": _both(each)} for each in "abc"],
            }
            for number in range(1, bank + 1)
        ]
    )  # fmt: skip
    test = {"questions": min(10, bank), "pass_percent": pass_percent}
    test |= {"attempts": attempts, "wait_minutes": wait_minutes}
    facts = {"key": key, "minutes": 5, "clauses": ["7.3"], "parameters": [], "test": test}
    lessons = {language: lesson(language) for language in LANGUAGES}
    return ShippedModule(read_module(facts, lessons, lessons), questions)


def _both(text: str) -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, text)


def adopt(
    session: Session, organisation: Organisation, *shipped: ShippedModule, effective_on: date = date(2026, 4, 1)
) -> ModuleInUse:
    """Keep and adopt modules by one decision; return the first as in use on the day on which the decision takes effect."""
    keep_versions(session, organisation, shipped, ACTOR, FOUNDED)
    record(
        session,
        organisation,
        Adoption(
            decision="第1回情報セキュリティ委員会",
            approved_by="情報セキュリティ委員会",
            effective_on=effective_on,
            versions={each.module.key: each.version_hash for each in shipped},
            recorded_at=FOUNDED,
            recorded_by=ACTOR,
        ),
    )
    return module_in_use(session, organisation.id, shipped[0].module.key, effective_on)


def set_examples(session: Session, organisation: Organisation, now: datetime, *others: str) -> None:
    """Set what the catalogue's texts need and only an organisation can say, and these others, to the examples."""
    set_parameters(
        session,
        organisation,
        {
            each.name: each.example
            for group in shipped_parameters()
            for each in group.parameters
            if each.default is None or each.name in others
        },
        now,
        ACTOR,
    )


def require(session: Session, organisation: Organisation, *rules: Requirement) -> list[RequirementVersion]:
    """Approve requirements."""
    return [
        approve_requirement(
            session,
            organisation,
            rule,
            Approval(
                "情報セキュリティ委員会", date(rule.first_year, 4, 1), f"{rule.key}（必修）", f"{rule.key} (required)"
            ),
            ACTOR,
            FOUNDED,
        )
        for rule in rules
    ]


def answer_paper(session: Session, learner: Learner, attempt_id: int, now: datetime, wrong: int = 0) -> None:
    """Answer all questions of a paper rightly but the first ``wrong`` ones, which stay unanswered."""
    for place in read_paper(session, learner, attempt_id).questions[wrong:]:
        save_answer(session, learner, (attempt_id, place.position), right_answer(place.question), now)


def take_test(
    session: Session, learner: Learner, module: ModuleInUse, submitted_at: datetime, wrong: int = 0
) -> AttemptResult:
    """Take a test from its start, five minutes earlier, to its submission."""
    started_at = submitted_at - timedelta(minutes=5)
    attempt_id = start_attempt(session, learner, module, started_at)
    answer_paper(session, learner, attempt_id, started_at, wrong)
    return submit_attempt(session, learner, attempt_id, submitted_at)


def items_of(session: Session, result: AttemptResult) -> list[dict[str, Any]]:
    """Return answers and points that a result commits to."""
    found: list[dict[str, Any]] = json.loads(openings_of(session, [result.event_id])[result.event_id][ITEMS] or "")
    return found


def place_events(session: Session, organisation: Organisation, now: datetime) -> int:
    """Give all pending events their places in the ledger; return the size of its tree."""
    checkpoint = sequence(session, organisation.id, now, LEDGER_KEY).checkpoint
    assert checkpoint is not None
    return checkpoint.size


# The practice LMS


@cache
def _ready_key(kid: str) -> SigningKey:
    return SigningKey(kid, SigningKey.generate().private_key)


def make_lms(config: PlatformConfig | None = None, kid: str = "practice-key") -> PracticeLms:
    """Return a practice LMS without a network; those with one ``kid`` share a ready-made key."""
    key = _ready_key(kid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SigningKey, "generate", lambda: key)
        return PracticeLms(config or default_config())


@contextmanager
def serve_lms(config: PlatformConfig | None = None, kid: str = "practice-key") -> Iterator[PracticeLms]:
    """Serve a practice LMS on this machine while the block lasts."""
    key = _ready_key(kid)
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SigningKey, "generate", lambda: key)
            lms = stack.enter_context(running_platform(config or default_config()))
        yield lms


def with_activities(config: PlatformConfig, *activities: Activity) -> PlatformConfig:
    """Return the configuration with these activities in the place of its first course's own."""
    first, *others = config.courses
    return replace(config, courses=(replace(first, activities=activities), *others))


def register(session: Session, organisation: Organisation, lms: PracticeLms, *, trusts: bool = False) -> Platform:
    """Register a practice LMS, with trust in its staff numbers or without."""
    issuer = lms.config.issuer
    return add_practice_platform(
        session,
        organisation,
        issuer=issuer,
        client_id=lms.config.tool.client_id,
        authorization_url=f"{issuer}/mod/lti/auth.php",
        token_url=f"{issuer}/mod/lti/token.php",
        keyset_url=f"{issuer}/mod/lti/certs.php",
        deployments=(lms.config.tool.deployment_id,),
        trusts_staff_number=trusts,
    )


@dataclass(frozen=True)
class KeysOf:
    """Finds the keys of practice platforms without asking them."""

    platforms: tuple[PracticeLms, ...]

    def find_key(self, owner: Registration, kid: str, now: datetime) -> RSAPublicKey:
        """Return the key of the platform with the registration's issuer."""
        for lms in self.platforms:
            if lms.config.issuer == owner.issuer:
                for key in lms.keys.keys:
                    if key.kid == kid:
                        return key.private_key.public_key()
        raise UnknownKid(owner.id, "kid_unknown")


@dataclass(frozen=True)
class Answer:
    """What a browser brings back from the platform."""

    state: str
    id_token: str
    browser: str

    @property
    def fields(self) -> tuple[str, str]:
        """State and token, as posted."""
        return self.state, self.id_token


def log_in(
    database: Database,
    lms: PracticeLms,
    who: tuple[str, str],
    now: datetime,
    browser: str = "browser",
    locale: str = "ja",
) -> Answer:
    """Go through a login as far as the platform's answer; ``who`` is a person and an activity by their keys."""
    person_key, activity_key = who
    lms.clock.set(now)
    sent = lms.initiate_login(person_key, activity_key, locale)
    request = LoginRequest(
        sent["iss"],
        sent["login_hint"],
        sent["target_link_uri"],
        sent["client_id"],
        sent["lti_message_hint"],
        sent["lti_deployment_id"],
    )
    with database.transaction() as session:
        platform = check_login(session, request, LAUNCH_URL)
        address, state = begin_login(session, platform, request, browser, now)
    fields = lms.authorize(dict(parse_qsl(urlsplit(address).query)), person_key)
    assert fields["state"] == state
    return Answer(state, fields["id_token"], browser)


def launch(
    database: Database, lms: PracticeLms, who: tuple[str, str], now: datetime, locale: str = "ja"
) -> OpenedSession:
    """Launch an activity as a person; both by their keys."""
    answer = log_in(database, lms, who, now, locale=locale)
    return complete_launch(database, KeysOf((lms,)), answer.fields, answer.browser, now)


# At the same time


def all_at_once(count: int, work: Callable[[int], _T]) -> list[_T | BaseException]:
    """Call a function in so many threads at one moment; return each one's value, or the error that ended it."""
    barrier = threading.Barrier(count)
    found: list[_T | BaseException] = [TimeoutError()] * count

    def run(number: int) -> None:
        barrier.wait(timeout=60)
        try:
            found[number] = work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the test, which says what it expects
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return found


def errors_in(found: list[_T | BaseException]) -> list[BaseException]:
    """Return the errors among what `all_at_once` found."""
    return [each for each in found if isinstance(each, BaseException)]
