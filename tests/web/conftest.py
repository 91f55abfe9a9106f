"""The tool in front of a practice LMS: one application a worker, one fresh copy of the practice organisation a test."""

from __future__ import annotations

import itertools
import secrets
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from lms.app import create_app
from lms.lti.keysets import KeysetSource
from lms.services.keysets import StoredKeysets
from lms.services.organisations import add_organisation
from lms.services.platforms import NewPlatform, add_platform
from lms.store.base import Database
from lms.web.limits import EXTENSION, Limits
from tests.conftest import NOW
from tests.postgresql_server import Cluster
from tests.practice_lms.defaults import default_config, with_custom
from tests.practice_lms.keys import SigningKey
from tests.practice_lms.lms import PracticeLms
from tests.practice_lms.model import Activity, PlatformConfig
from tests.practice_lms.people_file import with_people_file
from tests.practice_lms.profiles import MOODLE_4_5, Profile
from tests.practice_organisation.seed import seed, write_cast
from tests.web.visits import LMS, OTHER_LMS, TOOL, Browser, KeyRoom, StandingClock, Visit, visit

BOTH_DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
"""For ``@pytest.mark.parametrize("database_kind", BOTH_DATABASES)``: the few tests that run on both."""

Launched = Callable[..., Visit]


@dataclass
class RunningTool:
    """A tool, its clock, and the platforms' keys as it finds them."""

    app: Flask
    clock: StandingClock
    key_room: KeyRoom
    path: Path | None
    """The database's file, if it has one."""

    @property
    def database(self) -> Database:
        """The tool's own database."""
        found: Database = self.app.extensions["akashi"].database
        return found


def start_tool(url: str, keys: Path, path: Path | None = None) -> RunningTool:
    """Make the tool over a migrated database."""
    clock, key_room = StandingClock(NOW), KeyRoom()
    app = create_app(
        {"AKASHI_DATABASE_URL": url, "AKASHI_BASE_URL": TOOL, "AKASHI_KEYS_DIR": str(keys)},
        clock,
        lambda _settings, database: KeysetSource(key_room, StoredKeysets(database)),
    )
    app.test_client_class = Browser
    app.extensions[EXTENSION] = Limits({})  # all tests of a worker share the application: test_limits.py has its own
    return RunningTool(app, clock, key_room, path)


def put_copy(template: Path, path: Path) -> None:
    """Put a copy of a closed SQLite database in place of another one."""
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    shutil.copyfile(template, path)


@pytest.fixture(scope="session")
def seeded_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice organisation in a closed SQLite database."""
    path = tmp_path_factory.getbasetemp() / "seeded.sqlite"
    if not path.exists():
        shutil.copyfile(sqlite_template, path)
        database = Database(f"sqlite:///{path}")
        seed(database, LMS, NOW)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    return path


@pytest.fixture(scope="session")
def seeded_postgresql(cluster: Cluster) -> str:
    """The practice organisation in a closed PostgreSQL database, to be copied; its name."""
    with psycopg.connect(cluster.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'template_seeded'").fetchone():
            return "template_seeded"
        connection.execute("CREATE DATABASE template_seeded TEMPLATE template_akashi")
    database = Database(cluster.url("template_seeded"))
    seed(database, LMS, NOW)
    database.close()
    return "template_seeded"


@pytest.fixture(scope="session")
def tool_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tool's own keys: making one takes a while."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def tool_on_sqlite(
    seeded_sqlite: Path, tool_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningTool]:
    """The application that all tests of a worker share; `tool` gives it a fresh database."""
    path = tmp_path_factory.mktemp("tool") / "akashi.sqlite"
    put_copy(seeded_sqlite, path)
    running = start_tool(f"sqlite:///{path}", tool_keys, path)
    yield running
    running.database.close()


@pytest.fixture
def database_kind() -> str:
    """Which database the test runs on."""
    return "sqlite"


@pytest.fixture
def tool(database_kind: str, request: pytest.FixtureRequest) -> Iterator[RunningTool]:
    """The tool with the practice organisation, as it is on 23 November 2026 at noon."""
    yield from _tool_on_postgresql(request) if database_kind == "postgresql" else _tool_on_sqlite(request)


def _tool_on_sqlite(request: pytest.FixtureRequest) -> Iterator[RunningTool]:
    running: RunningTool = request.getfixturevalue("tool_on_sqlite")
    assert running.path is not None
    running.database.close()
    put_copy(request.getfixturevalue("seeded_sqlite"), running.path)
    running.clock.set(NOW)
    running.key_room.clear()
    yield running


def _tool_on_postgresql(request: pytest.FixtureRequest) -> Iterator[RunningTool]:
    server: Cluster = request.getfixturevalue("cluster")
    template: str = request.getfixturevalue("seeded_postgresql")
    name = f"w{uuid.uuid4().hex}"
    with psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        running = start_tool(server.url(name), request.getfixturevalue("tool_keys"))
        yield running
        running.database.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(tool: RunningTool) -> Flask:
    return tool.app


@pytest.fixture
def tool_database(tool: RunningTool) -> Database:
    return tool.database


@pytest.fixture
def clock(tool: RunningTool) -> StandingClock:
    return tool.clock


@pytest.fixture
def key_room(tool: RunningTool) -> KeyRoom:
    return tool.key_room


@pytest.fixture
def new_browser(app: Flask) -> Callable[[], Browser]:
    """Opens another browser, with cookies of its own."""

    def open_one() -> Browser:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        return browser

    return open_one


@pytest.fixture
def client(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture(scope="session")
def ready_made_keys() -> list[rsa.RSAPrivateKey]:
    """Keys for platforms: making 2048 bits takes 0.1 s."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]


@pytest.fixture(scope="session")
def lms_config(tmp_path_factory: pytest.TempPathFactory) -> PlatformConfig:
    """The practice organisation's LMS, with one activity more that opens a module which nobody has adopted."""
    people = tmp_path_factory.mktemp("cast") / "people.json"
    write_cast(people)
    config = with_people_file(default_config(LMS, TOOL), people)
    course = config.courses[0]
    lost = Activity(key="lost", title="使われていない教材", link_id="9", custom={"akashi": "no-such-module"})
    config = replace(config, courses=(replace(course, activities=(*course.activities, lost)),))
    return with_custom(config, {"context_history": "$Context.id.history"})


@pytest.fixture
def lms_profile() -> Profile:
    """The habits of the LMS."""
    return MOODLE_4_5


@pytest.fixture
def lms(
    tool: RunningTool,
    lms_config: PlatformConfig,
    lms_profile: Profile,
    ready_made_keys: list[rsa.RSAPrivateKey],
    monkeypatch: pytest.MonkeyPatch,
) -> PracticeLms:
    """The practice LMS with the practice organisation's people, on the tool's clock."""
    ready = itertools.cycle(ready_made_keys)
    monkeypatch.setattr(SigningKey, "generate", lambda: SigningKey(secrets.token_hex(10), next(ready)))
    opened = PracticeLms(replace(lms_config, profile=lms_profile))
    opened.clock = tool.clock
    tool.key_room.platforms[f"{LMS}/mod/lti/certs.php"] = opened
    return opened


@pytest.fixture
def other_lms(tool: RunningTool, lms: PracticeLms, lms_config: PlatformConfig) -> PracticeLms:
    """A second organisation's LMS, registered with the same tool: its subs, course and link ids are the first one's."""
    registration = replace(lms_config.tool, client_id="uPracticeLms002", deployment_id="2")
    opened = PracticeLms(replace(lms_config, issuer=OTHER_LMS, tool=registration))
    opened.clock = tool.clock
    tool.key_room.platforms[f"{OTHER_LMS}/mod/lti/certs.php"] = opened
    platform = NewPlatform(
        name="別組織のLMS",
        issuer=OTHER_LMS,
        client_id=registration.client_id,
        authorization_url=f"{OTHER_LMS}/mod/lti/auth.php",
        token_url=f"{OTHER_LMS}/mod/lti/token.php",
        keyset_url=f"{OTHER_LMS}/mod/lti/certs.php",
        deployments=("2",),
        trusts_staff_number=True,
    )
    with tool.database.transaction() as session:
        organisation = add_organisation(session, "betsu", "別架空大学", "Betsu Kakuu University", NOW)
        add_platform(session, organisation, platform, "operator:test", NOW)
    return opened


@pytest.fixture
def launched(lms: PracticeLms, new_browser: Callable[[], Browser]) -> Launched:
    """Launches an activity as a person, in a new browser or a given one."""

    def launch(
        person_key: str, activity_key: str = "core", locale: str = "ja", browser: Browser | None = None
    ) -> Visit:
        return visit(new_browser() if browser is None else browser, lms, person_key, activity_key, locale)

    return launch


STAFF = "00101"
"""Clerk of the general affairs section: in scope, no role, nothing done yet."""
OTHER_STAFF = "00102"
SECRETARY = "00123"


@pytest.fixture
def staff(launched: Launched) -> Visit:
    return launched(STAFF)


@pytest.fixture
def secretary(launched: Launched) -> Visit:
    return launched(SECRETARY)
