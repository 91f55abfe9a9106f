"""Parameters of texts: what fits their kinds, and filling texts with an organisation's values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.parameters import (
    MissingParameterError,
    ParameterKind,
    ValueFault,
    fault_of,
    faults_of,
    fill,
    is_one_line,
    parameters_in,
    read_parameters,
    read_values,
)

GROUP = {
    "key": "reporting",
    "title": {"ja": "報告", "en": "Reporting"},
    "parameters": [
        {
            "name": "contact_name",
            "kind": "text",
            "label": {"ja": "窓口", "en": "Contact"},
            "example": {"ja": "窓口", "en": "Desk"},
        },
        {
            "name": "least",
            "kind": "number",
            "label": {"ja": "最低", "en": "Least"},
            "default": {"ja": "15", "en": "15"},
            "example": {"ja": "12", "en": "12"},
        },
    ],
}


@pytest.mark.parametrize(
    ("kind", "fitting", "unfit"),
    [
        (ParameterKind.TEXT, ["窓口", "the desk", "内線　0000（夜間　守衛室）", "👩‍💻の窓口"], ["", "  ", "two\nlines", "\x00", "a\u202eb", "\ufffd", "x" * 1001]),
        (ParameterKind.SENTENCE, ["すぐに知らせます。"], ["", "一行目。\n二行目。"]),
        (ParameterKind.URL, ["https://www.example.invalid/a?b=c"], ["", "www.example.invalid", "javascript:alert(1)", "https://a b"]),
        (ParameterKind.EMAIL, ["isms@example.invalid"], ["", "isms", "isms@", "@example.invalid", "a b@example.invalid"]),
        (ParameterKind.NUMBER, ["1", "15"], ["", "0", "-1", "１５", "1.5", "fifteen", "007"]),
    ],
)  # fmt: skip
def test_a_value_fits_its_kind(kind: ParameterKind, fitting: list[str], unfit: list[str]) -> None:
    assert [value for value in fitting if fault_of(kind, value) is not None] == []
    assert [value for value in unfit if fault_of(kind, value) is None] == []


def test_what_has_no_default_is_for_the_organisation_to_say() -> None:
    (group,) = read_parameters([GROUP])
    assert [each.name for each in group.parameters] == ["contact_name", "least"]
    assert [each.default for each in group.parameters] == [None, {"ja": "15", "en": "15"}]
    assert group.title["en"] == "Reporting"


def test_an_unknown_kind_is_refused() -> None:
    spoilt = GROUP | {"parameters": [GROUP["parameters"][0] | {"kind": "colour"}]}  # type: ignore[operator, index]
    with pytest.raises(ValueError, match="colour"):
        read_parameters([spoilt])


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(min_size=1), min_size=1))
def test_values_are_put_in_as_they_are_and_never_filled_again(values: dict[str, str]) -> None:
    text = " | ".join(f"{{{{ {name} }}}}" for name in values)
    assert parameters_in(text) == frozenset(values)
    assert fill(text, values) == " | ".join(values.values())


@pytest.mark.parametrize("values", [{}, {"contact_name": ""}, {"other": "x"}])
def test_a_missing_or_empty_value_is_an_error_that_names_it(values: dict[str, str]) -> None:
    with pytest.raises(MissingParameterError) as caught:
        fill("Call {{ contact_name }}.", values)
    assert caught.value.name == "contact_name"


def test_a_number_is_the_same_in_each_language() -> None:
    least = read_parameters([GROUP])[0].parameters[1]
    assert faults_of(least, {"ja": "12", "en": "8"}) == dict.fromkeys(("ja", "en"), ValueFault.DIFFERS)
    assert faults_of(least, {"ja": "12", "en": "12"}) == {}
    assert faults_of(least, {"ja": "12", "en": "x"}) == {"en": ValueFault.NUMBER}


@pytest.mark.parametrize(
    ("sent", "known", "entries", "faults"),
    [
        ({}, {"least"}, {}, {}),
        ({("least", "ja"): " 12 ", ("least", "en"): "12"}, (), {"least": {"ja": "12", "en": "12"}}, {}),
        ({("least", "ja"): "12"}, (), {}, {("least", "en"): ValueFault.MISSING}),
        ({("least", "ja"): "", ("least", "en"): ""}, {"least"}, {"least": {"ja": "15", "en": "15"}}, {}),
        ({("least", "ja"): "", ("least", "en"): ""}, (), {}, {}),
        ({("contact_name", "ja"): "", ("contact_name", "en"): " "}, (), {}, {}),
        (
            {("contact_name", "ja"): "", ("contact_name", "en"): ""},
            {"contact_name"},
            {},
            {("contact_name", "ja"): ValueFault.MISSING, ("contact_name", "en"): ValueFault.MISSING},
        ),
        ({("colour", "ja"): "赤", ("colour", "en"): "red"}, (), {}, {}),
    ],
)
def test_what_is_sent_is_read_with_its_faults(sent: Any, known: Any, entries: Any, faults: Any) -> None:
    filled = read_values(read_parameters([GROUP])[0].parameters, sent, known)
    assert (filled.entries, filled.faults) == (entries, faults)


@given(st.text())
def test_what_stands_on_one_line_breaks_nothing(text: str) -> None:
    if is_one_line(text):
        assert len(text.splitlines()) <= 1
        assert "\0" not in text
