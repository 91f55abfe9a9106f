"""What stands for people in packs that name nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from lms.config import KeyFolder
from lms.services.evidence.pseudonyms import Naming, load_or_create_pseudonym_key
from lms.services.people import Particulars
from lms.store.key_files import KeyFileFault

SOMEBODY = Particulars("000301", "秘密野", "あかり", "", "", "", "", "")


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_or_create_pseudonym_key(KeyFolder(tmp_path / "keys"), "kakuu")
    assert load_or_create_pseudonym_key(KeyFolder(tmp_path / "keys"), "kakuu") == first
    assert load_or_create_pseudonym_key(KeyFolder(tmp_path / "keys"), "betsu") != first
    assert (tmp_path / "keys" / "pseudonyms-kakuu.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 31])
def test_a_damaged_secret_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pseudonyms-kakuu.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileFault):
        load_or_create_pseudonym_key(KeyFolder(tmp_path), "kakuu")
    assert path.read_text() == content


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_or_create_pseudonym_key(KeyFolder(tmp_path), "kakuu")
    (tmp_path / "pseudonyms-kakuu.key").chmod(0o640)
    with pytest.raises(KeyFileFault):
        load_or_create_pseudonym_key(KeyFolder(tmp_path), "kakuu")


def test_people_offices_and_accounts_are_written_each_in_their_way() -> None:
    naming = Naming(bytes(32))
    assert naming.person(12) == naming.person(12) != naming.person(13)
    assert naming.actor("person:12") == naming.person(12)
    assert naming.actor("情報セキュリティ委員会") == "情報セキュリティ委員会"
    assert naming.actor("operator:yamada") == "operator"
    assert naming.name(12) == ""
    assert naming.person(None) == naming.actor(None) == ""


@pytest.mark.parametrize(
    ("typed", "written"),
    [("秘密野 あかり", "named"), ("", ""), (None, ""), ("person:12", Naming(bytes(32)).person(12))],
)
def test_a_grader_typed_as_a_name_is_not_repeated(typed: str | None, written: str) -> None:
    assert Naming(bytes(32)).grader(typed) == written


def test_a_pack_that_names_people_says_what_was_typed() -> None:
    naming = Naming(bytes(32), {12: SOMEBODY})
    assert naming.name(12) == "000301 秘密野 あかり"
    assert naming.grader("秘密野 あかり") == "秘密野 あかり"
    assert naming.actor("operator:yamada") == "operator:yamada"
