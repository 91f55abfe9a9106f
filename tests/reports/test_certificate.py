"""The certificate says what was recorded, in one page that keeps."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lms.reports.certificate import CertificateFacts, CertificateWording, completion_certificate, date_text
from lms.reports.documents import UnprintableCharacterError

JAPANESE = CertificateWording(
    title="修了証",
    honorific="殿",
    statement="あなたは、令和8年度情報セキュリティ教育において下記の教材を修め、確認テストに合格したことを証します。",
    staff_number="職員番号",
    module="教材",
    version="版",
    fiscal_year="対象年度",
    completed_on="修了日",
    mark="得点",
    pass_mark="合格点",
    evidence="証跡番号",
    recorded_at="記録時刻",
    issued_by="発行",
    verification="記載内容は、証跡番号により受講記録の台帳と照合できます。",
)
ENGLISH = CertificateWording(
    title="Certificate of Completion",
    honorific="",
    statement="This certifies that the person named above has completed the module below and passed its test.",
    staff_number="Staff number",
    module="Module",
    version="Version",
    fiscal_year="Fiscal year",
    completed_on="Completed on",
    mark="Mark",
    pass_mark="Pass mark",
    evidence="Evidence",
    recorded_at="Recorded at",
    issued_by="Issued by",
    verification="The content can be checked against the register by the number of the evidence.",
)
FACTS = CertificateFacts(
    organisation="架空大学情報基盤センター",
    name="架空 花子",
    kana="カクウ ハナコ",
    staff_number="00123",
    module_title="情報セキュリティの基本",
    module_version="2026.1",
    completed_on=date(2026, 5, 1),
    completed_at_label="2026-05-01 10:12:33 JST",
    mark=9,
    maximum=10,
    pass_mark=8,
    fiscal_year_label="令和8年度",
    evidence_id="EV-0001",
)


def text_of(pdf: bytes) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()


def info_of(pdf: bytes) -> dict[str, str]:
    lines = subprocess.run(["pdfinfo", "-isodates", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return {label: value.strip() for label, _, value in (line.partition(":") for line in lines.splitlines())}


def test_the_certificate_names_person_module_marks_date_and_evidence() -> None:
    text = text_of(completion_certificate(FACTS, JAPANESE, "ja"))
    for expected in (
        *("架空大学情報基盤センター", "架空 花子", "殿", "カクウ ハナコ", "00123", "情報セキュリティの基本", "2026.1"),
        *("令和8年5月1日（2026年5月1日）", "9 / 10", "令和8年度", "EV-0001", "2026-05-01 10:12:33 JST"),
        "台帳と照合できます",
    ):
        assert expected in text


def test_the_english_certificate_is_english_but_for_what_was_recorded_in_japanese() -> None:
    facts = replace(
        FACTS,
        organisation="Imaginary University",
        kana=None,
        name="Hanako Kaku",
        module_title="Ten habits",
        fiscal_year_label="FY2026",
    )
    text = text_of(completion_certificate(facts, ENGLISH, "en"))
    assert "Certificate of Completion" in text
    assert "1 May 2026" in text
    assert all(ord(character) < 0x3000 for character in text)


def test_the_same_facts_give_the_same_bytes() -> None:
    assert completion_certificate(FACTS, JAPANESE, "ja") == completion_certificate(FACTS, JAPANESE, "ja")


def test_the_pdf_is_dated_by_the_completion_and_tagged_for_screen_readers() -> None:
    pdf = completion_certificate(FACTS, JAPANESE, "ja")
    info = info_of(pdf)
    assert info["CreationDate"] == "2026-04-30T15:00:00Z"
    assert (info["Tagged"], info["Title"]) == ("yes", "修了証")
    for claim in (b"<pdfaid:part>2<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<"):
        assert claim in pdf


def test_another_mark_gives_other_bytes() -> None:
    assert completion_certificate(FACTS, JAPANESE, "ja") != completion_certificate(
        replace(FACTS, mark=10), JAPANESE, "ja"
    )


@pytest.mark.parametrize(
    "name",
    ["𠮷野 太郎", "髙橋 一", "山﨑 二", "渡邊 三", "渡邉 四", "葛\U000e0100城 五", "辻\U000e0100 六", "か\u3099"],
)
def test_rare_characters_of_names_are_printed(name: str) -> None:
    assert name in text_of(completion_certificate(replace(FACTS, name=name), JAPANESE, "ja"))


def test_a_variation_selector_changes_the_shape_of_the_printed_name() -> None:
    plain, variant = (
        completion_certificate(replace(FACTS, name=name), JAPANESE, "ja") for name in ("葛城", "葛\U000e0100城")
    )
    pictures = [
        subprocess.run(["pdftoppm", "-r", "60"], input=pdf, capture_output=True, check=True).stdout
        for pdf in (plain, variant)
    ]
    assert pictures[0] != pictures[1]


def test_characters_without_a_glyph_are_refused_by_name() -> None:
    with pytest.raises(UnprintableCharacterError) as refused:
        completion_certificate(replace(FACTS, name="\U00012000 太郎 \ufdfa"), JAPANESE, "ja")
    assert refused.value.characters == ("\U00012000", "\ufdfa")


def test_a_lone_surrogate_is_refused_by_name() -> None:
    with pytest.raises(UnprintableCharacterError) as refused:
        completion_certificate(replace(FACTS, name="架空\ud842"), JAPANESE, "ja")
    assert refused.value.characters == ("\ud842",)


def test_a_name_that_looks_like_markup_is_only_printed() -> None:
    hostile = '*太* #panic("x") $x$ @y \\ "z"'
    assert hostile in text_of(completion_certificate(replace(FACTS, name=hostile, kana=None), JAPANESE, "ja"))


def test_every_font_is_embedded_and_none_comes_from_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pdf"
    path.write_bytes(completion_certificate(FACTS, JAPANESE, "ja"))
    listed = subprocess.run(["pdffonts", path], capture_output=True, check=True, text=True).stdout.splitlines()[2:]
    assert len(listed) == 2
    for line in listed:
        assert "NotoSansCJKjp" in line
        assert line.split()[-5:-2] == ["yes", "yes", "yes"]


def test_long_names_and_titles_still_fit_on_one_page() -> None:
    facts = replace(
        FACTS,
        organisation="国立大学法人架空総合大学 総合情報メディア基盤センター 情報セキュリティ部門",
        name="Ananthakrishnan Venkataramanasubramaniam-Featherstonehaugh",
        module_title="情報セキュリティの基本 " * 8,
        evidence_id="9f" * 32,
    )
    pdf = completion_certificate(facts, JAPANESE, "ja")
    assert info_of(pdf)["Pages"] == "1"
    assert "9f" * 32 in text_of(pdf)


def test_marks_are_left_out_where_no_test_belongs_to_the_evidence() -> None:
    text = text_of(completion_certificate(replace(FACTS, mark=None, maximum=None, pass_mark=None), JAPANESE, "ja"))
    assert "得点" not in text
    assert "合格点" not in text


def test_a_mark_of_zero_is_a_mark() -> None:
    assert "0 / 10" in text_of(completion_certificate(replace(FACTS, mark=0), JAPANESE, "ja"))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2019, 4, 30), "平成31年4月30日（2019年4月30日）"),
        (date(2019, 5, 1), "令和元年5月1日（2019年5月1日）"),
    ],
)
def test_japanese_dates_carry_the_era_of_the_day(day: date, expected: str) -> None:
    assert date_text(day, "ja") == expected


def test_importing_the_reports_loads_neither_typst_nor_xlsxwriter() -> None:
    program = (
        "import sys, lms.reports.attendance, lms.reports.certificate\n"
        "print(sorted({'typst', 'xlsxwriter', 'flask', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout == "[]\n"
