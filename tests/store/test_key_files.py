"""Files of private keys: made whole, encrypted, refused where they are not as they should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms.config import KeyFolder
from lms.store import key_files as files
from lms.store.key_files import (
    KeyFileExposed,
    KeyFileFault,
    KeyFileLocked,
    KeyFileMissing,
    KeyFilePlain,
    PassphraseFault,
    check_key_files,
    encrypt,
    key_files,
    load_or_create_secret,
    read_private_key,
    remove_key_file,
    write_new_private_key,
)

PASSPHRASE = "correct-horse-battery-staple"
LINES = "Akashi key\nMade: 2026-11-23T03:00:00Z\n"


@pytest.fixture
def passphrase(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / f"passphrase-{len(text)}"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    return write


@pytest.fixture
def plain(tmp_path: Path) -> KeyFolder:
    """A folder with one key and one secret, not encrypted."""
    folder = KeyFolder(tmp_path / "keys")
    write_new_private_key(folder, "a.pem", Ed25519PrivateKey.generate(), LINES)
    load_or_create_secret(folder, "b.key")
    return folder


def raw(folder: KeyFolder, name: str = "a.pem") -> bytes:
    key, _ = read_private_key(folder, name)
    assert isinstance(key, Ed25519PrivateKey)
    return key.private_bytes_raw()


def pem(key: bytes) -> bytes:
    private = Ed25519PrivateKey.from_private_bytes(key)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).splitlines()[1]


def test_a_key_keeps_its_lines_and_is_never_replaced_by_another(plain: KeyFolder) -> None:
    before, lines = raw(plain), read_private_key(plain, "a.pem")[1]
    assert lines == LINES
    assert not write_new_private_key(plain, "a.pem", Ed25519PrivateKey.generate())
    assert raw(plain) == before
    assert {path.name for path in plain.path.iterdir()} == {"a.pem", "b.key"}, "nothing is left beside them"


def test_encrypting_keeps_the_keys_and_leaves_no_plain_one(plain: KeyFolder, passphrase: Callable[[str], Path]) -> None:
    key, secret, age = raw(plain), load_or_create_secret(plain, "b.key"), (plain.path / "a.pem").stat().st_mtime_ns
    remains = plain.path / ".new-crashed"
    remains.write_bytes(pem(key))
    held = os.open(plain.path / "a.pem", os.O_RDONLY)
    locked = KeyFolder(plain.path, passphrase(PASSPHRASE))
    assert encrypt(locked) == ["a.pem", "b.key"]
    assert (raw(locked), load_or_create_secret(locked, "b.key")) == (key, secret)
    assert read_private_key(locked, "a.pem")[1] == LINES
    everything = b"".join(path.read_bytes() for path in plain.path.iterdir())
    assert pem(key) not in everything
    assert secret.hex().encode() not in everything
    assert not remains.exists()
    assert set(os.pread(held, 10_000, 0)) == {0}, "what lay under the name before was overwritten"
    os.close(held)
    assert [(each.is_encrypted, each.is_exposed) for each in key_files(locked)] == [(True, False)] * 2
    assert (plain.path / "a.pem").stat().st_mtime_ns == age
    assert encrypt(locked) == [], "a second run finds nothing to do"


def test_a_copy_under_another_name_is_not_overwritten(plain: KeyFolder, passphrase: Callable[[str], Path]) -> None:
    copy = plain.path.parent / "backup.pem"
    os.link(plain.path / "a.pem", copy)
    content = copy.read_bytes()
    encrypt(KeyFolder(plain.path, passphrase(PASSPHRASE)))
    assert copy.read_bytes() == content


def test_a_new_passphrase_needs_the_former_one_and_nothing_is_written_without_it(
    plain: KeyFolder, passphrase: Callable[[str], Path]
) -> None:
    key = raw(plain)
    encrypt(KeyFolder(plain.path, passphrase(PASSPHRASE)))
    other = KeyFolder(plain.path, passphrase(PASSPHRASE + "!"))
    before = {path.name: path.read_bytes() for path in plain.path.iterdir()}
    for former in (None, passphrase(PASSPHRASE + "!!")):
        with pytest.raises(KeyFileLocked):
            encrypt(other, former)
    assert {path.name: path.read_bytes() for path in plain.path.iterdir()} == before
    assert encrypt(other, passphrase(PASSPHRASE)) == ["a.pem", "b.key"]
    assert raw(other) == key


def test_a_crash_between_two_files_is_made_good_by_a_second_run(
    plain: KeyFolder, passphrase: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, key = KeyFolder(plain.path, passphrase(PASSPHRASE)), raw(plain)
    replace = files._replace

    def crash(path: Path, content: bytes) -> None:
        if path.name == "b.key":
            raise OSError
        replace(path, content)

    monkeypatch.setattr(files, "_replace", crash)
    with pytest.raises(OSError):  # noqa: PT011 - the one raised above
        encrypt(locked)
    monkeypatch.undo()
    assert [each.is_encrypted for each in key_files(locked)] == [True, False]
    assert encrypt(locked) == ["b.key"]
    assert raw(locked) == key


def test_with_the_wrong_passphrase_or_none_nothing_opens(plain: KeyFolder, passphrase: Callable[[str], Path]) -> None:
    encrypt(KeyFolder(plain.path, passphrase(PASSPHRASE)))
    check_key_files(KeyFolder(plain.path, passphrase(PASSPHRASE)))
    for folder in (plain, KeyFolder(plain.path, passphrase(PASSPHRASE + "!"))):
        with pytest.raises(KeyFileLocked):
            read_private_key(folder, "a.pem")
        with pytest.raises(KeyFileLocked):
            load_or_create_secret(folder, "b.key")
        with pytest.raises(KeyFileLocked):
            check_key_files(folder)


def test_where_a_passphrase_is_set_a_plain_file_is_refused(plain: KeyFolder, passphrase: Callable[[str], Path]) -> None:
    locked = KeyFolder(plain.path, passphrase(PASSPHRASE))
    with pytest.raises(KeyFilePlain):
        read_private_key(locked, "a.pem")
    with pytest.raises(KeyFilePlain):
        load_or_create_secret(locked, "b.key")
    with pytest.raises(KeyFilePlain):
        check_key_files(locked)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_what_others_may_read_is_refused(plain: KeyFolder, mode: int) -> None:
    (plain.path / "a.pem").chmod(mode)
    (plain.path / "b.key").chmod(mode)
    for call in (read_private_key, load_or_create_secret):
        with pytest.raises(KeyFileExposed):
            call(plain, "a.pem" if call is read_private_key else "b.key")
    assert [each.is_exposed for each in key_files(plain)] == [True, True]


@pytest.mark.parametrize("fault", ["missing", "exposed", "short"])
def test_a_passphrase_file_is_as_strict_as_a_key(
    plain: KeyFolder, passphrase: Callable[[str], Path], fault: str
) -> None:
    path = passphrase("x" * 19 if fault == "short" else PASSPHRASE)
    if fault == "missing":
        path.unlink()
    if fault == "exposed":
        path.chmod(0o640)
    for call in (check_key_files, encrypt):
        with pytest.raises(PassphraseFault):
            call(KeyFolder(plain.path, path))
    with pytest.raises(PassphraseFault):
        encrypt(plain)


def test_the_passphrase_shows_in_no_setting_and_in_no_fault(
    plain: KeyFolder, passphrase: Callable[[str], Path]
) -> None:
    folder = KeyFolder(plain.path, passphrase(PASSPHRASE))
    assert PASSPHRASE not in repr(folder)
    with pytest.raises(KeyFileFault) as caught:
        check_key_files(folder)
    assert PASSPHRASE not in repr(caught.value)


def test_a_removed_key_is_overwritten_and_gone(plain: KeyFolder) -> None:
    held = os.open(plain.path / "a.pem", os.O_RDONLY)
    remove_key_file(plain, "a.pem")
    assert set(os.pread(held, 10_000, 0)) == {0}
    os.close(held)
    with pytest.raises(KeyFileMissing):
        read_private_key(plain, "a.pem")
