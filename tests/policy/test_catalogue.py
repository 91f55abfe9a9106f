"""The Japanese catalogue says everything that pages, documents and commands say, and says it in Japanese.

The sentences are extracted anew, as `pybabel extract -F babel.cfg` would, and compared with ``lms/wording/ja.po``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from courses.requirements import State
from lms.wording.gettext import catalogue_path, ngettext, use_language
from lms.wording.registers import state_label

ROOT = Path(__file__).parents[2]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
NAMES = {"akashi", "cookie", "csv", "id", "isms", "jst", "moodle", "pdf"}
"""Words in Latin letters that Japanese sentences may have, whatever the English ones say; lower case."""
HEADER = {"language", "mime-version", "content-type", "content-transfer-encoding", "plural-forms"}
"""What the catalogue's head may say: no tool, date, person or path."""

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_JAPANESE = r"ぁ-ヿ一-鿿々〆ヶ"
_BAD_TYPOGRAPHY = {
    "ASCII punctuation beside Japanese": rf"[{_JAPANESE}」）、。][,.;:!?()]|[,.;:!?()][{_JAPANESE}「（]",
    "a space between Japanese and Latin letters or digits": rf"[{_JAPANESE}、。）」] +[A-Za-z0-9]|[A-Za-z0-9] +[{_JAPANESE}（「]",
    "full-width letters, digits, spaces or Western punctuation": r"[０-９Ａ-Ｚａ-ｚ\u3000，．！]",
    "half-width katakana": r"[｡-ﾟ]",
    "Western quotation marks or dots": r"[\"'“”‘’]|\.\.\.",
    "a doubled mark": r"。。|、、|。、|、。",
}


@cache
def extracted() -> Catalog:
    """Return what the sources say now."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = Catalog()
    kept = {"lms"}
    for _name, line, message, _comments, context in extract_from_dir(
        ROOT,
        methods,
        options,
        KEYWORDS,
        directory_filter=lambda folder: bool(kept & set(Path(folder).relative_to(ROOT).parts)),
    ):
        found.add(message, locations=[(_name, line)], context=context)
    return found


@cache
def catalogue() -> Catalog:
    """Return the Japanese catalogue as it lies in the source tree."""
    with catalogue_path("ja").open("rb") as file:
        return read_po(file, locale="ja")


def messages() -> list[Message]:
    """Return the catalogue's messages without its head."""
    return [message for message in catalogue() if message.id]


def key(message: Message) -> str:
    """Return the English sentence; of two, the singular."""
    return message.id if isinstance(message.id, str) else message.id[0]


def strings(message: Message) -> tuple[str, ...]:
    """Return the Japanese sentences."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def english(message: Message) -> str:
    """Return the English sentence with all placeholders; of two, the plural."""
    return message.id if isinstance(message.id, str) else message.id[1]


def latin_words(text: str) -> set[str]:
    """Return the words in Latin letters, in lower case, placeholders left out."""
    return {word.lower() for word in re.findall(r"[A-Za-z]+", _PLACEHOLDER.sub(" ", text))}


def faults_of_typography(text: str) -> list[str]:
    """Return what a Japanese sentence breaks of the conventions."""
    plain = _PLACEHOLDER.sub("〓", text)
    found = [fault for fault, pattern in _BAD_TYPOGRAPHY.items() if re.search(pattern, plain)]
    if any(text.count(left) != text.count(right) for left, right in ("「」", "（）")):
        found.append("a bracket without its other half")
    return found


def test_every_sentence_of_the_sources_is_in_the_catalogue() -> None:
    missing = {key(each) for each in extracted() if each.id} - {key(each) for each in messages()}
    assert not missing, "run pybabel extract and translate"


def test_the_catalogue_has_no_sentence_that_the_sources_have_not() -> None:
    superfluous = {key(each) for each in messages()} - {key(each) for each in extracted() if each.id}
    assert not superfluous
    assert not catalogue().obsolete


def test_the_extraction_finds_pages_commands_and_plurals() -> None:
    found = {key(each): each for each in extracted() if each.id}
    assert len(found) > 300
    assert {"Skip to the content", "Recorded.", "This page does not exist."} <= set(found)
    assert found["%(count)s attempt left"].pluralizable


def test_a_sentence_with_a_plural_has_one_in_the_catalogue_too() -> None:
    plural = {key(each): each.id for each in extracted() if each.pluralizable}
    assert {key(each): each.id for each in messages() if each.pluralizable} == plural


def test_nothing_is_fuzzy_or_empty() -> None:
    assert not [key(each) for each in messages() if each.fuzzy]
    wanting = [
        key(each)
        for each in messages()
        if not all(strings(each)) or len(strings(each)) != (catalogue().num_plurals if each.pluralizable else 1)
    ]
    assert not wanting


def test_placeholders_are_the_same_in_both_languages() -> None:
    unlike = [
        (english(each), string)
        for each in messages()
        for string in strings(each)
        if set(_PLACEHOLDER.findall(english(each))) != set(_PLACEHOLDER.findall(string))
    ]
    assert not unlike


def test_every_sentence_can_be_filled() -> None:
    for each in messages():
        values = dict.fromkeys(_PLACEHOLDER.findall(english(each)), "x")
        for string in (english(each), *strings(each)):
            if values:
                assert string % values
            else:
                assert "%%" not in string, "nothing is filled in here, so both signs would be seen"


def test_every_sentence_is_in_japanese() -> None:
    untranslated = [
        key(each)
        for each in messages()
        if latin_words(key(each)) - NAMES and not all(re.search(f"[{_JAPANESE}]", string) for string in strings(each))
    ]
    assert not untranslated


def test_no_english_word_is_left_over() -> None:
    left = {
        string: words
        for each in messages()
        for string in strings(each)
        if (words := latin_words(string) - latin_words(english(each)) - NAMES)
    }
    assert not left


def test_typography_is_japanese() -> None:
    faults = {
        string: found for each in messages() for string in strings(each) if (found := faults_of_typography(string))
    }
    assert not faults


@pytest.mark.parametrize(
    "text",
    [
        "保存しました,次へ",
        "保存しました.",
        "保存 (自動)",
        "証跡ID:%(id)sです:はい",
        "Moodle から開く",
        "全 10問",
        "得点１点",
        "ﾃｽﾄを始める",
        "「次へ",
        "次へ、。",
        "“次へ”を押す",
    ],
)
def test_bad_typography_is_found(text: str) -> None:
    assert faults_of_typography(text)


@pytest.mark.parametrize(
    "text", ["1. 教材を読む", "得点%(mark)s点／満点%(maximum)s点", "区切りは「.」「_」です。", "署名日時%(time)s JST"]
)
def test_good_typography_passes(text: str) -> None:
    assert not faults_of_typography(text)


def test_a_full_stop_stands_where_the_english_sentence_has_one() -> None:
    unlike = [
        (english(each), string)
        for each in messages()
        for string in strings(each)
        if english(each).endswith((".", "?")) != string.endswith("。") and not english(each).endswith(":")
    ]
    assert not unlike


def test_the_catalogue_names_no_tool_machine_or_line() -> None:
    lines = catalogue_path("ja").read_text(encoding="utf-8").splitlines()
    head = {line[1:].partition(":")[0].lower() for line in lines[2 : lines.index("")]}
    assert head == HEADER
    comments = {line for line in lines if line.startswith("#")}
    assert {line for line in comments if not re.fullmatch(r"#: [\w./ -]+|#, python-format", line)} == set()


def test_the_nine_states_have_nine_names_in_each_language() -> None:
    for language in ("ja", "en"):
        with use_language(language):
            assert len({state_label(state) for state in State}) == 9


def test_japanese_has_one_form_for_all_counts() -> None:
    with use_language("ja"):
        sentences = [ngettext("%(count)s attempt left", "%(count)s attempts left", count) for count in (0, 1, 2)]
    assert sentences == [f"あと{count}回受験できます" for count in (0, 1, 2)]
    with use_language("en"):
        assert ngettext("%(count)s attempt left", "%(count)s attempts left", 1) == "1 attempt left"


def unextractable_python() -> Iterator[str]:
    """Name the calls whose sentence is made at run time, so that no extraction can find it."""
    for path in sorted((ROOT / "lms").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
                wanted = call.args[: 2 if call.func.id == "ngettext" else 1]
                if not wanted or not all(isinstance(each, ast.Constant) for each in wanted):
                    yield f"{path.relative_to(ROOT)}:{call.lineno}"


def unextractable_templates() -> Iterator[str]:
    """Name such calls in templates."""
    environment = Environment(autoescape=True)
    for path in sorted((ROOT / "lms/web/templates").rglob("*.html")):
        for call in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in KEYWORDS:
                wanted = call.args[: 2 if call.node.name == "ngettext" else 1]
                if not wanted or not all(isinstance(each, nodes.Const) for each in wanted):
                    yield f"{path.relative_to(ROOT)}:{call.lineno}"


def test_no_sentence_is_put_together_at_run_time() -> None:
    assert [*unextractable_python(), *unextractable_templates()] == []
