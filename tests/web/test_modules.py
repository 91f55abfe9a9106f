"""Reading a module by its pages."""

from __future__ import annotations

import itertools

import pytest

from courses.awareness import LANGUAGES
from lms.services.shipped import shipped_catalogue
from lms.store.base import Database
from lms.store.organisations import OrganisationParameters
from tests.practice_lms.lms import PracticeLms
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, STAFF, Launched
from tests.web.visits import Browser, Visit, audit_events, contents, page_of, path_of, visit

AT = f"/modules/{MODULE}"
SHIPPED = next(each.module for each in shipped_catalogue() if each.module.key == MODULE)
SECTIONS = SHIPPED.section_ids()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_is_shown_in_each_language_with_the_organisations_own_words(
    launched: Launched, language: str
) -> None:
    reader = launched(STAFF, locale=language)
    lesson = SHIPPED.body[language]
    assert lesson.title in page_of(reader.get(f"{AT}/"))
    text = ""
    for section in lesson.sections:
        response = reader.get(f"{AT}/sections/{section.section_id}")
        assert response.status_code == 200
        assert section.heading in page_of(response)
        text += page_of(response)
    assert "security@example.invalid" in text
    assert "{{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_supplementary_lesson_can_be_read_before_it_is_due(launched: Launched, language: str) -> None:
    reader = launched(STAFF, locale=language)
    page = page_of(reader.get(f"{AT}/supplement"))
    lesson = SHIPPED.supplement[language]
    assert all(section.heading in page for section in lesson.sections)
    assert "<button" not in page.split("</article>")[1]


@pytest.mark.parametrize("database_kind", BOTH_DATABASES)
def test_finishing_sections_leads_through_the_module_to_the_test(staff: Visit) -> None:
    for here, following in itertools.pairwise(SECTIONS):
        assert path_of(staff.post(f"{AT}/sections/{here}")) == staff.path(f"{AT}/sections/{following}")
    assert path_of(staff.post(f"{AT}/sections/{SECTIONS[-1]}")) == staff.path(f"{AT}/test")


def test_the_place_is_kept_and_found_again_in_another_session(staff: Visit, launched: Launched) -> None:
    assert f"{AT}/sections/{SECTIONS[0]}" in page_of(staff.get(f"{AT}/"))
    staff.post(f"{AT}/sections/{SECTIONS[0]}")
    staff.post(f"{AT}/sections/{SECTIONS[1]}")
    again = launched(STAFF, locale="en")
    page = page_of(again.get(f"{AT}/"))
    assert "Go on reading" in page
    assert f'href="{again.path(f"{AT}/sections/{SECTIONS[2]}")}">Go on reading' in page.replace("\n", "").replace(
        "  ", ""
    )
    assert page.count("✓") == 2
    assert f"2 / {len(SECTIONS)}" in page


def test_a_module_read_to_its_end_can_be_read_again(launched: Launched) -> None:
    reader = launched(STAFF, locale="en")
    for each in SECTIONS:
        reader.post(f"{AT}/sections/{each}")
    assert "Read again" in page_of(reader.get(f"{AT}/"))


def test_looking_at_a_section_keeps_nothing(staff: Visit, tool_database: Database) -> None:
    before = contents(tool_database)
    staff.get(f"{AT}/sections/{SECTIONS[3]}")
    assert contents(tool_database) == before


@pytest.mark.parametrize("page", ["/", f"/sections/{SECTIONS[0]}", "/supplement", "/test"])
def test_a_module_that_nobody_adopted_is_404(staff: Visit, tool_database: Database, page: str) -> None:
    before = contents(tool_database)
    for key in ("no-such-module", "%00", "ＩＳＭＳ", "..%2f.."):
        response = staff.get(f"/modules/{key}{page}")
        assert response.status_code == 404
    assert staff.get(f"/modules/none{page}").status_code == 404
    event = audit_events(tool_database)[-1]
    assert (event.facts["code"], event.facts["status"]) == ("module_unknown", 404)
    assert contents(tool_database) == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_section_that_the_module_lacks_is_404_and_keeps_nothing(
    staff: Visit, tool_database: Database, method: str
) -> None:
    before = contents(tool_database)
    assert getattr(staff, method)(f"{AT}/sections/no-such-section").status_code == 404
    assert contents(tool_database) == before


def test_a_text_without_its_values_says_so_and_is_never_shown_half_filled(
    launched: Launched, tool_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lms.services.awareness.parameters_of", lambda *_: OrganisationParameters(entries={}))
    reader = launched(STAFF, locale="en")
    replies = [reader.get(f"{AT}/sections/{each}") for each in SECTIONS]
    refused = [reply for reply in replies if reply.status_code != 200]
    assert refused
    for reply in refused:
        assert reply.status_code == 409
        assert "This text is not complete yet." in page_of(reply)
    assert {event.facts["code"] for event in audit_events(tool_database, "request.refused")} == {"parameter_missing"}


def test_an_organisation_without_parameters_is_told_so(
    launched: Launched, tool_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lms.services.awareness.parameters_of", lambda *_: None)
    assert {launched(STAFF).get(f"{AT}/sections/{each}").status_code for each in SECTIONS} <= {200, 409}
    assert audit_events(tool_database, "request.refused")


def test_what_one_organisation_adopted_another_does_not_have(other_lms: PracticeLms, client: Browser) -> None:
    stranger = visit(client, other_lms, STAFF)
    assert stranger.landing == stranger.path("/"), "its own organisation has adopted nothing"
    assert stranger.get(f"{AT}/").status_code == 404
