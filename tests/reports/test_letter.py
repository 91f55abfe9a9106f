"""Letters of appointment and of release say what was recorded."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date

from lms.reports.letter import LetterFacts, LetterWording, role_letter
from lms.wording.gettext import use_language
from lms.wording.letters import appointment_wording, ending_wording

FACTS = LetterFacts(
    organisation="架空大学",
    number="架空任第R8-12号",
    name="𠮷例 まこと",
    name_beneath="",
    belongs_to="研究開発部門 准教授",
    role="内部監査責任者",
    place="内部監査チーム：内部監査責任者",
    unit="",
    term="令和8年4月1日から令和9年3月31日まで",
    dated=date(2026, 4, 1),
    appointer="架空大学情報基盤センター長",
    evidence_id="E-0123456789abcdef",
    refers_to="",
    end_kind="",
    summary="内部監査を統括します。",
    responsibilities=("監査計画の作成",),
    authorities=("監査チームの編成",),
    text_version=1,
)


def text_of(pdf: bytes) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()


def test_the_letter_names_number_person_role_term_date_and_appointer() -> None:
    with use_language("ja"):
        pdf = role_letter(FACTS, LetterWording(**appointment_wording()), "ja")
    text = text_of(pdf)
    for expected in (
        *(
            "架空任第R8-12号",
            "令和8年4月1日",
            "𠮷例 まこと",
            "殿",
            "記",
            "以上",
            "内部監査責任者",
            "研究開発部門 准教授",
        ),
        *("令和9年3月31日", "架空大学情報基盤センター長", "監査計画の作成", "監査チームの編成", "E-0123456789abcdef"),
    ):
        assert expected in text, expected
    assert "任命書" in text.replace(" ", "")


def test_the_english_letter_is_english() -> None:
    facts = replace(FACTS, name="YOSHIREI Makoto", name_beneath="𠮷例 まこと", term="1 April 2026 to 31 March 2027")
    with use_language("en"):
        text = text_of(role_letter(facts, LetterWording(**appointment_wording()), "en"))
    for expected in ("Letter of Appointment", "1 April 2026", "YOSHIREI Makoto", "𠮷例 まこと", "Responsibilities"):
        assert expected in text, expected
    assert "殿" not in text


def test_a_letter_of_release_names_the_appointment_and_has_one_page() -> None:
    facts = replace(
        FACTS, refers_to="架空任第R8-12号", end_kind="辞任", responsibilities=(), authorities=(), summary=""
    )
    with use_language("ja"):
        pdf = role_letter(facts, LetterWording(**ending_wording()), "ja")
    text = text_of(pdf)
    assert "解任通知書" in text.replace(" ", "")
    assert "辞任" in text
    info = subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert "Pages:           1" in info
