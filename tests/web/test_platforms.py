"""The pages of one platform: changing it after being asked, stopping and starting it, registering by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from lms.services.organisations import find_organisation_or_only
from lms.services.platforms import NewPlatform, add_platform
from lms.store.base import Database
from lms.store.identities import IdentityLink, LtiIdentity, person_of
from lms.store.platforms import Platform, PlatformKeyset, deployments_of
from tests.conftest import NOW
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import KEY
from tests.web.conftest import STAFF, Launched
from tests.web.visits import LMS, TOOL, Browser, Visit, audit_events, contents, page_of, path_of, session_count

MANUAL = {
    "name": "試験用Moodle",
    "issuer": "https://moodle.example.invalid/campus/",
    "client_id": "AbC",
    "deployments": "1\n 2 \n\n1",
}


def platform_of(database: Database, issuer: str = LMS) -> Platform:
    with database.reading() as session:
        return session.scalars(select(Platform).where(Platform.issuer == issuer)).one()


def form_of(page: str) -> dict[str, str]:
    """The fields of a page's last but one form, hidden ones and areas alike."""
    fields = dict(re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', page))
    fields.update(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    return fields


def entered(database: Database, **changes: str) -> dict[str, str]:
    """The form of the practice LMS's registration as it is, with changes."""
    row = platform_of(database)
    with database.reading() as session:
        deployments = "\n".join(sorted(deployments_of(session, row.id)))
    return {
        "name": row.name, "authorization_url": row.authorization_url, "token_url": row.token_url,
        "keyset_url": row.keyset_url, "deployments": deployments, "trusted_audiences": "",
        "trusts_staff_number": "yes" if row.trusts_staff_number else "no", "succeeds": "", **changes,
    }  # fmt: skip


def test_the_register_shows_how_each_platform_is_doing(secretary: Visit, tool_database: Database) -> None:
    page = page_of(secretary.get("/platforms"))
    row = platform_of(tool_database)
    assert row.name in page
    assert row.client_id in page
    assert "platform-in_use" in page, "the secretary has just come in by it"


def test_a_change_shows_old_and_new_and_is_made_when_confirmed(secretary: Visit, tool_database: Database) -> None:
    row = platform_of(tool_database)
    before = contents(tool_database)
    changes = entered(
        tool_database,
        name="新しい名前",
        keyset_url=f"{LMS}/new/certs.php",
        trusted_audiences="https://x.example.invalid",
    )
    asked = secretary.post(f"/platforms/{row.id}", changes)
    page = page_of(asked)
    assert asked.status_code == 200
    assert f"<del>{row.keyset_url}</del>" in page
    assert f"<ins>{LMS}/new/certs.php</ins>" in page
    assert contents(tool_database) == before, "nothing is changed yet"
    path_of(secretary.post(f"/platforms/{row.id}", form_of(page)))
    after = platform_of(tool_database)
    assert (after.name, after.keyset_url) == ("新しい名前", f"{LMS}/new/certs.php")
    assert after.trusted_audiences == ["https://x.example.invalid"]
    event = audit_events(tool_database, "platform.changed")[-1]
    assert set(event.facts["fields"]) == {"name", "keyset_url", "trusted_audiences"}
    with tool_database.reading() as session:
        assert session.get(PlatformKeyset, row.id) is None


def test_a_confirmation_of_what_somebody_else_changed_meanwhile_is_asked_again(
    secretary: Visit, tool_database: Database
) -> None:
    row = platform_of(tool_database)
    page = page_of(secretary.post(f"/platforms/{row.id}", entered(tool_database, name="わたしの名前")))
    with tool_database.transaction() as session:
        session.get_one(Platform, row.id).name = "だれかの名前"
    again = secretary.post(f"/platforms/{row.id}", form_of(page))
    assert again.status_code == 200
    assert "<del>だれかの名前</del>" in page_of(again)
    assert platform_of(tool_database).name == "だれかの名前"
    path_of(secretary.post(f"/platforms/{row.id}", form_of(page_of(again))))
    assert platform_of(tool_database).name == "わたしの名前"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("token_url", "moodle"),
        ("authorization_url", "javascript:alert(1)"),
        ("keyset_url", ""),
        ("deployments", ""),
        ("deployments", "x" * 256),
        ("deployments", "\n".join(str(number) for number in range(51))),
        ("trusted_audiences", "x" * 300),
        ("succeeds", "999999"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_was_entered(
    secretary: Visit, tool_database: Database, field: str, value: str
) -> None:
    row = platform_of(tool_database)
    before = contents(tool_database)
    answer = secretary.post(f"/platforms/{row.id}", entered(tool_database, **{"name": "入力した名前", field: value}))
    assert answer.status_code == 422
    if field != "name":
        assert "入力した名前" in page_of(answer)
    assert contents(tool_database) == before


def test_a_changed_deployment_keeps_launches_of_the_former_one_out(
    secretary: Visit, launched: Launched, lms: PracticeLms, client: Browser, tool_database: Database
) -> None:
    row = platform_of(tool_database)
    page = page_of(secretary.post(f"/platforms/{row.id}", entered(tool_database, deployments="77")))
    path_of(secretary.post(f"/platforms/{row.id}", form_of(page)))
    with pytest.raises(AssertionError, match="deployment_unknown"):
        launched(STAFF)
    page = page_of(
        secretary.post(f"/platforms/{row.id}", entered(tool_database, deployments=lms.config.tool.deployment_id))
    )
    path_of(secretary.post(f"/platforms/{row.id}", form_of(page)))
    assert launched(STAFF).get("/").status_code == 200


# Stopping


def another_way_in(database: Database) -> None:
    """A second registration of the organisation, so that somebody is left who can start the first again."""
    with database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        new = NewPlatform(**{**_addresses("https://second.example.invalid"), "name": "二つ目"})
        add_platform(session, organisation, new, "operator:test", NOW)


def _addresses(issuer: str) -> dict[str, Any]:
    base = f"{issuer}/mod/lti"
    return {
        "name": "x", "issuer": issuer, "client_id": "c", "authorization_url": f"{base}/auth.php",
        "token_url": f"{base}/token.php", "keyset_url": f"{base}/certs.php", "deployments": ("1",),
        "trusts_staff_number": False,
    }  # fmt: skip


def test_a_stopped_platform_lets_nobody_in_and_ends_its_sessions(
    secretary: Visit, staff: Visit, client: Browser, lms: PracticeLms, tool_database: Database
) -> None:
    row = platform_of(tool_database)
    untold = secretary.post(f"/platforms/{row.id}/use", {"action": "stop"})
    assert untold.status_code == 422
    assert staff.get("/").status_code == 200
    login = lms.initiate_login(STAFF, "core")
    assert session_count(tool_database) >= 2
    stopped = secretary.post(f"/platforms/{row.id}/use", {"action": "stop", "understood": "yes"})
    assert stopped.status_code == 200, "a page that says so: the session that asked has ended too"
    assert staff.get("/").status_code == 401
    assert secretary.get("/platforms").status_code == 401
    answer = client.post("/lti/login", data=login)
    assert (answer.status_code, "registration_stopped" in page_of(answer)) == (401, True)
    event = audit_events(tool_database, "platform.stopped")[-1]
    assert (event.facts["platform"], event.facts["sessions"]) == (row.id, 2)


def test_a_platform_is_started_again(secretary: Visit, client: Browser, tool_database: Database) -> None:
    another_way_in(tool_database)
    second = platform_of(tool_database, "https://second.example.invalid")
    path_of(secretary.post(f"/platforms/{second.id}/use", {"action": "stop", "understood": "yes"}))
    assert "platform-stopped" in page_of(secretary.get(f"/platforms/{second.id}"))
    login = {"iss": second.issuer, "client_id": "c", "login_hint": "4", "target_link_uri": f"{TOOL}/lti/launch"}
    assert client.post("/lti/login", data=login).status_code == 401
    path_of(secretary.post(f"/platforms/{second.id}/use", {"action": "start"}))
    assert client.post("/lti/login", data=login).status_code == 303
    assert audit_events(tool_database, "platform.started")


# Registered anew


def test_a_platform_registered_anew_brings_its_people_along(secretary: Visit, tool_database: Database) -> None:
    former = platform_of(tool_database)
    with tool_database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        new = NewPlatform(**{**_addresses(LMS), "client_id": "anew", "deployments": ("9",)})
        platform = add_platform(session, organisation, new, "operator:test", NOW)
        before = session.scalars(
            select(LtiIdentity)
            .join(IdentityLink, IdentityLink.identity_id == LtiIdentity.id)
            .where(LtiIdentity.platform_id == former.id, IdentityLink.person_id.is_not(None))
        ).first()
        assert before is not None
        again = LtiIdentity(
            organisation_id=former.organisation_id, platform_id=platform.id, sub=before.sub, first_seen_at=NOW,
            last_seen_at=NOW,
        )  # fmt: skip
        session.add(again)
        session.flush()
        platform_id, identity_id = platform.id, again.id
    page = page_of(secretary.get(f"/platforms/{platform_id}"))
    assert f'<option value="{former.id}"' in page
    fields = {**form_of(page), "trusts_staff_number": "no", "succeeds": str(former.id)}
    confirm = page_of(secretary.post(f"/platforms/{platform_id}", fields))
    assert former.name in confirm
    path_of(secretary.post(f"/platforms/{platform_id}", form_of(confirm)))
    with tool_database.reading() as session:
        link = session.scalars(select(IdentityLink).where(IdentityLink.identity_id == identity_id)).one()
        assert (link.method, link.person_id) == ("registered_anew", person_of(session, before.id))


# By hand


def test_the_page_by_hand_shows_everything_to_copy(secretary: Visit) -> None:
    page = page_of(secretary.get("/platforms/manual"))
    for value in (
        f"{TOOL}/lti/launch",
        f"{TOOL}/lti/login",
        f"{TOOL}/lti/jwks",
        f"{TOOL}/static/icon.png",
        "context_history=$Context.id.history",
    ):
        assert value in page
    assert page.count("data-copy=") == 4


def test_a_moodle_is_registered_by_hand_with_its_usual_addresses(secretary: Visit, tool_database: Database) -> None:
    path_of(secretary.post("/platforms/manual", MANUAL))
    row = platform_of(tool_database, MANUAL["issuer"])
    assert row.token_url == "https://moodle.example.invalid/campus/mod/lti/token.php"
    assert not row.trusts_staff_number
    with tool_database.reading() as session:
        assert deployments_of(session, row.id) == {"1", "2"}
    again = secretary.post("/platforms/manual", MANUAL)
    assert again.status_code == 409
    assert 'value="AbC"' in page_of(again)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("issuer", ""), ("issuer", "moodle"), ("client_id", ""), ("client_id", "x" * 256), ("client_id", "a\x07b"), ("deployments", ""), ("token_url", "ftp://x/"), ("token_url", "http://moodle.example.invalid/token")],
)  # fmt: skip
def test_what_was_mistyped_by_hand_is_refused(
    secretary: Visit, tool_database: Database, field: str, value: str
) -> None:
    before = contents(tool_database)
    answer = secretary.post("/platforms/manual", {**MANUAL, field: value})
    assert answer.status_code == 422
    assert contents(tool_database) == before
