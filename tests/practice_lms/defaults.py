"""The small built-in cast and course, and the registration of a tool at one base address.

Everybody here is fictional, and so is the organisation.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.practice_lms.model import (
    Activity,
    LmsCourse,
    LmsPerson,
    LmsRole,
    PlatformConfig,
    ToolRegistration,
    Window,
)

LOGIN_PATH = "/lti/login"
LAUNCH_PATH = "/lti/launch"
JWKS_PATH = "/lti/jwks"
ICON_PATH = "/static/icon.png"
CUSTOM_PARAMETERS = {"context_history": "$Context.id.history", "resource_link_history": "$ResourceLink.id.history"}
"""What the tool asks for in each launch when it registers itself."""

PEOPLE = (
    LmsPerson(
        key="staff", sub="4", username="akari", family_name="見本", given_name="あかり", staff_number="000101",
        email="akari@example.invalid", group="staff",
        note={"ja": "常勤の事務職員。毎年の講習を受ける", "en": "Regular staff; takes the yearly training"},
    ),
    LmsPerson(
        key="newcomer", sub="5", username="minato", family_name="試験", given_name="みなと", staff_number="000102",
        email="minato@example.invalid", group="newcomer",
        note={"ja": "着任したばかり。講習・誓約・役割の確認がある", "en": "Just arrived: training, pledge, role briefing"},
    ),
    LmsPerson(
        key="teacher", sub="3", username="hayate", family_name="仮名", given_name="はやて", staff_number="000103",
        email="hayate@example.invalid", lms_role=LmsRole.TEACHER, group="secretariat",
        note={"ja": "ISMS事務局。コースの教師", "en": "ISMS secretariat; teacher of the course"},
    ),
    LmsPerson(
        key="admin", sub="2", username="admin", family_name="管理", given_name="サイト", staff_number="",
        email="admin@example.invalid", lms_role=LmsRole.ADMIN, group="administrator", timezone="99",
        note={"ja": "LMSの管理者", "en": "Administrator of the LMS"},
    ),
)  # fmt: skip

COURSES = (
    LmsCourse(
        id="2",
        label="ISMS-2026",
        title="情報セキュリティ講習 2026",
        idnumber="ISMS26",
        summary={
            "ja": "年に一度の講習と誓約。練習用のコースです。",
            "en": "The yearly training and pledge. A course for practice.",
        },
        activities=(
            Activity(
                key="m1", title="M1 わたしたちのISMSと自分の役割", link_id="1", custom={"akashi": "isms-and-my-role"},
                maximum=10, resource_id="m1", tag="isms-test", description="教材を読み、確認テストを受けます。",
            ),
            Activity(
                key="pledge", title="情報セキュリティ誓約書", link_id="2", custom={"akashi": "pledge"},
                maximum=1, resource_id="pledge", tag="pledge", window=Window.NEW,
            ),
            Activity(key="records", title="わたしの記録", link_id="3", custom={"akashi": "my-records"}),
        ),
    ),
)  # fmt: skip


def tool_at(base_url: str, paths: tuple[str, str, str] = (LOGIN_PATH, LAUNCH_PATH, JWKS_PATH)) -> ToolRegistration:
    """The registration of a tool whose login, launch and key-set paths are these."""
    login, launch, jwks = (base_url.rstrip("/") + path for path in paths)
    return ToolRegistration(
        login_url=login, redirect_uris=(launch,), jwks_url=jwks, target_link_uri=launch, name="Akashi",
    )  # fmt: skip


def default_config(
    issuer: str = "http://127.0.0.1:8001",
    tool_url: str = "http://127.0.0.1:8000",
    state_path: Path | None = None,
) -> PlatformConfig:
    """A platform with the built-in cast and course."""
    return PlatformConfig(
        issuer=issuer, tool=tool_at(tool_url), people=PEOPLE, courses=COURSES, state_path=state_path,
        name="練習用LMS", short_name="practice",
    )  # fmt: skip


def two_organisations(
    tool_url: str = "http://127.0.0.1:8000",
    issuers: tuple[str, str] = ("http://127.0.0.1:8001", "http://127.0.0.1:8002"),
) -> tuple[PlatformConfig, PlatformConfig]:
    """Two platforms of two organisations whose ``sub``, context ids and resource-link ids are the same.

    Only names, staff numbers, client ids and deployments differ: whatever mixes them up mixes up people.
    """
    first = replace(default_config(issuers[0], tool_url), name="甲組織 練習用LMS", short_name="kou")
    second_people = tuple(_other_person(person) for person in PEOPLE)
    second = replace(
        default_config(issuers[1], tool_url),
        name="乙組織 練習用LMS",
        short_name="otsu",
        people=second_people,
        tool=replace(first.tool, client_id="uPracticeLms002", deployment_id="2"),
    )
    return first, second


def with_custom(config: PlatformConfig, custom_parameters: Mapping[str, str]) -> PlatformConfig:
    """The same platform with these custom parameters registered for the tool."""
    return replace(config, tool=replace(config.tool, custom_parameters=custom_parameters))


def _other_person(person: LmsPerson) -> LmsPerson:
    number = f"9{person.staff_number[1:]}" if person.staff_number else ""
    return replace(
        person, family_name=f"乙{person.family_name}", staff_number=number, email=person.email.replace("@", "@otsu."),
        username=f"otsu-{person.username}",
    )  # fmt: skip
