"""The catalogue's room: reading what is shipped, adopting it by one decision, values in texts, and the glossary."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from courses.awareness import LANGUAGES
from courses.calendar import jst_date
from courses.parameters import ParameterKind
from courses.roles import IsmsRole
from lms.services.awareness import module_in_use, parameter_values
from lms.services.organisations import find_organisation_or_only
from lms.services.people import find_person
from lms.services.shipped import shipped_catalogue, shipped_glossary, shipped_parameters, year_samples
from lms.store.awareness import Adoption
from lms.store.base import Database
from lms.store.organisations import OrganisationParameters
from tests.conftest import NOW
from tests.factories import add_appointment, adopt, small_module
from tests.practice_organisation.seed import KEY, MODULE
from tests.web.conftest import STAFF, Launched
from tests.web.papers import start
from tests.web.visits import Visit, page_of, path_of

TODAY = jst_date(NOW)
PARAMETERS = [each for group in shipped_parameters() for each in group.parameters]
DECISION = {"decision": "第9回委員会 議題1", "approved_by": "情報セキュリティ委員会", "effective_on": TODAY.isoformat()}


def appoint(database: Database, role: IsmsRole) -> None:
    with database.transaction() as session:
        organisation = find_organisation_or_only(session, KEY)
        person_id = find_person(session, organisation.id, STAFF, TODAY)
        assert person_id is not None
        add_appointment(session, organisation, person_id, role, TODAY)


@pytest.fixture
def ciso(launched: Launched, tool_database: Database) -> Visit:
    appoint(tool_database, IsmsRole.CISO)
    return launched(STAFF, locale="en")


@pytest.fixture
def secretariat(launched: Launched, tool_database: Database) -> Visit:
    """Of the secretariat alone: the practice organisation's secretary decides too."""
    appoint(tool_database, IsmsRole.SECRETARIAT)
    return launched(STAFF)


def put_old_version_in_force(database: Database) -> str:
    """Adopt another version of the core module, as if it had come with an earlier edition of the tool."""
    old = small_module(edition="以前の版")
    with database.transaction() as session:
        adopt(session, find_organisation_or_only(session, KEY), old, effective_on=TODAY - timedelta(days=1))
    return old.version_hash


def adopted(database: Database, key: str, day: date) -> str:
    with database.reading() as session:
        return module_in_use(session, find_organisation_or_only(session, KEY).id, key, day).version_hash


def count(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def values_of(database: Database, language: str) -> dict[str, str]:
    with database.reading() as session:
        return parameter_values(session, find_organisation_or_only(session, KEY).id, language)


def test_every_shipped_module_is_listed_with_the_version_in_force(secretary: Visit) -> None:
    page = page_of(secretary.get("/catalogue"))
    for each in shipped_catalogue():
        assert each.module.body["ja"].title in page
        assert page.count(each.version_hash[:12]) == 2, each.module.key
    assert "第1回情報セキュリティ委員会" in page


def test_the_secretariat_reads_and_only_those_who_decide_adopt(secretariat: Visit, tool_database: Database) -> None:
    put_old_version_in_force(tool_database)
    assert 'name="decision"' not in page_of(secretariat.get("/catalogue"))
    assert secretariat.post("/catalogue/adopt", data=DECISION | {"module": MODULE}).status_code == 403


def test_a_newer_version_waits_for_a_decision_and_takes_effect_on_its_day(ciso: Visit, tool_database: Database) -> None:
    old = put_old_version_in_force(tool_database)
    shipped = next(each for each in shipped_catalogue() if each.module.key == MODULE)
    page = page_of(ciso.get("/catalogue"))
    assert page.count('type="checkbox"') == page.count(" checked") == 1
    assert "newer version shipped" in page
    day = TODAY + timedelta(days=30)
    answer = ciso.post("/catalogue/adopt", data=DECISION | {"module": MODULE, "effective_on": day.isoformat()})
    assert path_of(answer) == ciso.path("/catalogue")
    assert [adopted(tool_database, MODULE, each) for each in (TODAY, day - timedelta(days=1), day)] == [
        old, old, shipped.version_hash,
    ]  # fmt: skip
    page = page_of(ciso.get("/catalogue?done=adopted"))
    assert "The decision is recorded." in page
    assert "adopted, not in force yet" in page
    assert DECISION["decision"] in page


def test_what_was_adopted_for_a_later_day_can_be_adopted_sooner_and_not_twice(
    ciso: Visit, tool_database: Database
) -> None:
    put_old_version_in_force(tool_database)
    later = DECISION | {"module": MODULE, "effective_on": (TODAY + timedelta(days=700)).isoformat()}
    assert ciso.post("/catalogue/adopt", data=later).status_code == 303
    assert ciso.post("/catalogue/adopt", data=later).status_code == 409
    assert 'name="decision"' in page_of(ciso.get("/catalogue"))
    assert ciso.post("/catalogue/adopt", data=DECISION | {"module": MODULE}).status_code == 303
    page = page_of(ciso.get("/catalogue"))
    assert "All shipped modules are in force." in page
    assert 'name="decision"' not in page


def test_an_open_attempt_goes_on_with_its_version_when_another_takes_effect(
    ciso: Visit, tool_database: Database
) -> None:
    old = put_old_version_in_force(tool_database)
    paper = start(ciso, tool_database)
    ciso.post("/catalogue/adopt", data=DECISION | {"module": MODULE})
    assert adopted(tool_database, MODULE, TODAY) != old
    question = page_of(ciso.get(f"/attempts/{paper.attempt_id}/questions/1"))
    assert "以前の版" in question
    overview = page_of(ciso.get(f"/modules/{MODULE}/"))
    assert adopted(tool_database, MODULE, TODAY)[:12] in overview
    ciso.post(f"/attempts/{paper.attempt_id}/submit")
    assert "以前の版" in page_of(ciso.get(f"/attempts/{paper.attempt_id}/result"))


@pytest.mark.parametrize(
    "change",
    [
        {"decision": ""},
        {"decision": "x" * 201},
        {"approved_by": " "},
        {"effective_on": ""},
        {"effective_on": "2026-13-01"},
        {"effective_on": "9999-12-31"},
        {"decision": "議題\u202e1"},
        {"effective_on": (TODAY - timedelta(days=1)).isoformat()},
        {"module": []},
    ],
)
def test_a_decision_with_a_gap_is_refused_and_keeps_what_was_typed(
    ciso: Visit, tool_database: Database, change: dict[str, object]
) -> None:
    before = count(tool_database, Adoption)
    answer = ciso.post("/catalogue/adopt", data=DECISION | {"module": [MODULE]} | change)
    assert answer.status_code == 422
    page = page_of(answer)
    assert 'role="alert"' in page
    assert page.count("<title>Error: ") == 1
    if "approved_by" not in change:
        assert DECISION["approved_by"] in page
    assert count(tool_database, Adoption) == before


def test_a_module_that_is_not_shipped_can_not_be_adopted(ciso: Visit, tool_database: Database) -> None:
    before = count(tool_database, Adoption)
    assert ciso.post("/catalogue/adopt", data=DECISION | {"module": [MODULE, "unknown"]}).status_code == 404
    assert count(tool_database, Adoption) == before


@pytest.mark.parametrize("each", shipped_catalogue(), ids=lambda each: each.module.key)
def test_a_shipped_module_reads_whole_in_each_language_with_no_value_missing(ciso: Visit, each: object) -> None:
    shipped = each
    for language in LANGUAGES:
        ciso.post("/language", data={"language": language})
        page = page_of(ciso.get(f"/catalogue/modules/{shipped.module.key}"))  # type: ignore[attr-defined]
        assert "{{" not in page
        assert ":::" not in page
        for section in shipped.module.body[language].sections:  # type: ignore[attr-defined]
            assert section.heading in page.replace("&#39;", "'")
        assert page.count("<li>\n    <h3>") == len(shipped.questions)  # type: ignore[attr-defined]


def test_right_answers_and_marking_guides_are_for_those_who_decide(secretariat: Visit) -> None:
    unit = next(each for each in shipped_catalogue() if each.module.guide)
    page = page_of(secretariat.get(f"/catalogue/modules/{unit.module.key}"))
    assert unit.module.exercise["ja"].sections[0].heading in page
    assert unit.module.guide["ja"].sections[0].heading not in page
    assert unit.questions[0].feedback["ja"] not in page
    assert secretariat.get("/catalogue/modules/unknown").status_code == 404


def test_the_case_exercise_is_read_by_all_and_its_guide_by_those_who_mark(
    launched: Launched, tool_database: Database
) -> None:
    unit = next(each for each in shipped_catalogue() if each.module.guide).module
    reader = launched(STAFF, locale="en")
    assert f"/modules/{unit.key}/exercise" in page_of(reader.get(f"/modules/{unit.key}/"))
    page = page_of(reader.get(f"/modules/{unit.key}/exercise"))
    assert unit.exercise["en"].title in page
    assert "Marking guide" not in page
    assert reader.get(f"/modules/{unit.key}/exercise/guide").status_code == 403
    appoint(tool_database, IsmsRole.CHIEF_AUDITOR)
    marker = launched(STAFF, locale="en")
    assert unit.guide["en"].title in page_of(marker.get(f"/modules/{unit.key}/exercise/guide"))
    assert "exercise/guide" in page_of(marker.get(f"/modules/{unit.key}/exercise"))
    for path in ("exercise", "exercise/guide"):
        assert marker.get(f"/modules/{MODULE}/{path}").status_code == 404


def fields(**changes: str) -> dict[str, str]:
    """The form of the values, with every value set to its example and changes in it."""
    sent = {f"{each.name}-{language}": each.example[language] for each in PARAMETERS for language in LANGUAGES}
    return sent | changes


def seen(visit: Visit) -> dict[str, str]:
    """What the page says of the values that it shows."""
    found = re.search(r'name="seen" value="(\d+)"', page_of(visit.get("/catalogue/values")))
    assert found is not None
    return {"seen": found[1]}


def test_values_are_set_at_once_and_in_the_texts(secretary: Visit, tool_database: Database) -> None:
    answer = secretary.post("/catalogue/values", data=fields() | seen(secretary))
    assert path_of(answer) == secretary.path("/catalogue/values")
    assert "値を設定しました。" in page_of(secretary.get("/catalogue/values?done=set"))
    for language in LANGUAGES:
        values = values_of(tool_database, language)
        assert {each.name: values[each.name] for each in PARAMETERS} == {
            each.name: each.example[language] for each in PARAMETERS
        }
    text = page_of(secretary.get(f"/modules/{MODULE}/sections/scope"))
    assert next(each.example["ja"] for each in PARAMETERS if each.name == "scope_statement") in text


def test_two_who_set_values_at_once_do_not_undo_each_other(
    secretary: Visit, launched: Launched, tool_database: Database
) -> None:
    first, other = seen(secretary), launched("00123")
    assert other.post("/catalogue/values", data=fields() | seen(other)).status_code == 303
    answer = secretary.post("/catalogue/values", data=fields(**{"contact_phone-ja": "9"}) | first)
    assert answer.status_code == 409
    page = page_of(answer)
    assert "開いている間に" in page
    assert re.search(r'id="contact_phone-ja"[^>]*value="9"', page), "what one changed oneself is not lost"
    assert next(each.example["en"] for each in PARAMETERS if each.name == "contact_phone") in page
    example = next(each.example["ja"] for each in PARAMETERS if each.name == "contact_phone")
    assert values_of(tool_database, "ja")["contact_phone"] == example
    assert secretary.post("/catalogue/values", data=fields() | {"seen": "x"}).status_code == 409


def test_the_same_values_again_are_no_new_record(secretary: Visit, tool_database: Database) -> None:
    secretary.post("/catalogue/values", data=fields() | seen(secretary))
    rows = count(tool_database, OrganisationParameters)
    secretary.post("/catalogue/values", data=fields() | seen(secretary))
    assert count(tool_database, OrganisationParameters) == rows


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("policy_url-ja", "javascript:alert(1)", "An address begins"),
        ("secretariat_email-en", "nobody", "no mail address"),
        ("password_min_length-ja", "twelve", "in digits"),
        ("contact_name-en", "", "in each language"),
        ("contact_phone-ja", "two\nlines", "on one line"),
        ("backup_rule-ja", "x" * 1001, "At most 1,000"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_nothing_is_set(
    launched: Launched, tool_database: Database, name: str, value: str, sentence: str
) -> None:
    before = values_of(tool_database, "en")
    secretary = launched("00123", locale="en")
    answer = secretary.post("/catalogue/values", data=fields(**{name: value}) | seen(secretary))
    page = page_of(answer)
    assert answer.status_code == 422
    assert f'id="{name}-error"' in page
    assert page.count('class="error"') == 1
    assert sentence in page
    assert values_of(tool_database, "en") == before


def test_values_that_would_spoil_a_question_are_refused_with_the_modules_title(
    secretary: Visit, tool_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = shipped_catalogue()[0]
    answers = iter([[], [(shipped, shipped.questions[0])]])
    monkeypatch.setattr("lms.services.text_values.spoilt_questions", lambda *_: next(answers))
    before = values_of(tool_database, "ja")
    answer = secretary.post("/catalogue/values", data=fields() | seen(secretary))
    assert answer.status_code == 422
    assert f"二つの選択肢が同じ文になります：{shipped.module.body['ja'].title}" in page_of(answer)
    assert values_of(tool_database, "ja") == before


def test_an_emptied_value_says_the_default_again_but_what_has_none_can_not_be_emptied(
    secretary: Visit, tool_database: Database
) -> None:
    secretary.post("/catalogue/values", data=fields() | seen(secretary))
    emptied = {f"backup_rule-{language}": "" for language in LANGUAGES}
    assert secretary.post("/catalogue/values", data=fields(**emptied) | seen(secretary)).status_code == 303
    default = next(each.default for each in PARAMETERS if each.name == "backup_rule")
    assert default is not None
    assert values_of(tool_database, "ja")["backup_rule"] == default["ja"]
    emptied = {f"contact_name-{language}": "" for language in LANGUAGES}
    assert secretary.post("/catalogue/values", data=fields(**emptied) | seen(secretary)).status_code == 422


def test_those_who_decide_see_the_values_and_do_not_set_them(ciso: Visit) -> None:
    page = page_of(ciso.get("/catalogue/values"))
    assert "Who approves changes" in page
    assert "<textarea" not in page
    assert "sample stands" not in page_of(ciso.get("/catalogue/values?sample=education"))
    assert ciso.post("/catalogue/values", data=fields()).status_code == 403


@pytest.mark.parametrize("key", year_samples())
def test_a_sample_of_the_year_is_put_into_the_form_and_set_only_when_asked(
    secretary: Visit, tool_database: Database, key: str
) -> None:
    rows = count(tool_database, OrganisationParameters)
    page = page_of(secretary.get(f"/catalogue/values?sample={key}"))
    for texts in year_samples()[key].parameters.values():
        assert texts["ja"] in page
    assert count(tool_database, OrganisationParameters) == rows


def test_the_samples_of_the_year_fit_the_parameters() -> None:
    year = {each.name: each.kind for group in shipped_parameters() if group.key == "year" for each in group.parameters}
    assert len(year_samples()) == 3
    for sample in year_samples().values():
        assert set(sample.parameters) == set(year)
    assert ParameterKind.NUMBER not in year.values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_glossary_shows_every_word_in_a_readers_order(launched: Launched, language: str) -> None:
    page = page_of(launched(STAFF, locale=language).get("/glossary")).replace("&#39;", "'")
    for each in shipped_glossary():
        assert f'id="{each.key}"' in page
        assert each.term[language] in page
        assert each.text[language] in page
