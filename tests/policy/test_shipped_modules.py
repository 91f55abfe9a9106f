"""The shipped catalogue, proofread: shape, parameters, lengths, words, and questions that stay sound with any values."""

from __future__ import annotations

import pytest

from courses.awareness import LANGUAGES, ModuleKind
from courses.glossary import in_order
from courses.parameters import Parameter, fault_of, filled_question
from courses.proofreading import proofread_catalogue
from courses.reading_time import minutes
from lms.services.requirement_defaults import CORE_MODULE
from lms.services.shipped import ShippedModule, shipped_catalogue, shipped_glossary, shipped_parameters, year_samples

PARAMETERS = [each for group in shipped_parameters() for each in group.parameters]


def values_from(kind: str) -> dict[str, dict[str, str]]:
    """Values by language: the defaults, the examples, or something that no organisation would write."""

    def value(each: Parameter, language: str) -> str:
        if kind == "odd":
            return f"※{each.name}※"
        return (each.default or each.example)[language] if kind == "defaults" else each.example[language]

    return {language: {each.name: value(each, language) for each in PARAMETERS} for language in LANGUAGES}


def test_there_is_nothing_to_mend() -> None:
    assert list(proofread_catalogue(shipped_catalogue(), shipped_parameters(), CORE_MODULE)) == []


def test_the_catalogue_is_whole() -> None:
    of_kind = {kind: [each for each in shipped_catalogue() if each.module.kind is kind] for kind in ModuleKind}
    assert {kind: len(found) for kind, found in of_kind.items()} == {
        ModuleKind.AWARENESS: 8, ModuleKind.YEARLY: 1, ModuleKind.BRIEFING: 8, ModuleKind.AUDITOR: 6,
    }  # fmt: skip
    for found in of_kind.values():
        assert [each.module.position for each in found] == list(range(1, len(found) + 1))
    assert sum(len(each.questions) for each in of_kind[ModuleKind.AWARENESS]) >= 160
    assert sum(len(each.questions) for each in of_kind[ModuleKind.AUDITOR]) >= 180


@pytest.mark.parametrize("kind", ["defaults", "examples", "odd"])
@pytest.mark.parametrize("shipped", shipped_catalogue(), ids=lambda each: each.module.key)
def test_questions_stay_sound_with_an_organisations_values(shipped: ShippedModule, kind: str) -> None:
    values = values_from(kind)
    for question in shipped.questions:
        assert filled_question(question, values).key == question.key


@pytest.mark.parametrize("key", year_samples())
def test_the_samples_of_the_year_spoil_no_question(key: str) -> None:
    samples = year_samples()[key].parameters
    for language in LANGUAGES:
        values = {each.name: (each.default or each.example)[language] for each in PARAMETERS}
        assert set(samples) <= set(values)
        assert [fault_of(each.kind, samples[each.name][language]) for each in PARAMETERS if each.name in samples] == [
            None
        ] * len(samples)
    both = {
        language: {each.name: samples.get(each.name, each.default or each.example)[language] for each in PARAMETERS}
        for language in LANGUAGES
    }
    for shipped in shipped_catalogue():
        assert all(filled_question(question, both) for question in shipped.questions)


@pytest.mark.parametrize("shipped", shipped_catalogue(), ids=lambda each: each.module.key)
def test_both_languages_are_in_step(shipped: ShippedModule) -> None:
    ja, en = (minutes(shipped, language) for language in LANGUAGES)
    assert abs(ja - en) < 0.2 * ja


def test_the_glossary_leads_from_word_to_word() -> None:
    for language in LANGUAGES:
        listed = [each.key for _row, terms in in_order(shipped_glossary(), language) for each in terms]
        assert sorted(listed) == sorted(each.key for each in shipped_glossary())
