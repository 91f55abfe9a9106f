"""The verifier against strangers: whatever is changed in a pack is found and named, and nothing makes it stumble."""

from __future__ import annotations

import ast
import base64
import io
import json
import random
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256, sha512
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from courses.ledger import tree_root
from courses.signed_notes import NoteVerifier, sign_note
from lms.reports.evidence import verify
from lms.reports.evidence.pack import fingerprint
from tests.reports.evidence_packs import (
    FACTS,
    LEDGER_KEY,
    LEDGER_VERIFIER,
    OTHER_KEY,
    OTHER_VERIFIER,
    PACK_KEY,
    PACK_VERIFIER,
    PackValues,
    write_pack,
)

TRUSTED = fingerprint(LEDGER_VERIFIER)
FILES = 8


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_pack(tmp_path_factory.mktemp("good") / "pack.zip").read_bytes()


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[tuple[str, str]]]:
    """Check bytes as a pack; give code and place of each finding."""

    def check(data: bytes, key: str | None = TRUSTED, since: str | None = None) -> list[tuple[str, str]]:
        path = tmp_path / "checked.zip"
        path.write_bytes(data)
        try:
            report = verify.check(str(path), key, since)
        except verify.Unusable as unusable:
            return [(unusable.code, "")]
        assert len(report.findings) == min(report.count, verify.MOST_LISTED)
        assert all(each.code in verify.MEANINGS for each in report.findings)
        return [(each.code, each.where) for each in report.findings]

    return check


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Pack files as the writer does."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.compress_type = 3, 0o100644 << 16, compression
            archive.writestr(info, content)
    return out.getvalue()


def resealed(data: bytes, change: Callable[[dict[str, bytes], dict[str, object]], None], key: Ed25519PrivateKey = PACK_KEY) -> bytes:  # fmt: skip
    """Let a packer who has a pack key change what it likes, and make manifest and signature fit again."""
    files = contents(data)
    manifest = json.loads(files["manifest.json"])
    change(files, manifest)
    for entry in manifest["files"]:
        if entry["path"] in files:
            entry |= {"sha256": sha256(files[entry["path"]]).hexdigest(), "bytes": len(files[entry["path"]])}
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    body = f"akashi-pack/1\nkakuu\n{sha256(text).hexdigest()}\n"
    files |= {"manifest.json": text, "manifest.json.sig": sign_note(body, "akashi/kakuu/pack", key).encode()}
    return packed(list(files.items()))


def edited(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes], dict[str, object]], None]:
    def change(files: dict[str, bytes], _manifest: dict[str, object]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def test_packing_the_same_files_again_gives_the_same_bytes(good: bytes) -> None:
    assert packed(list(contents(good).items())) == good
    assert resealed(good, lambda files, manifest: None) == good


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [1_000, pytest.param(10**9, marks=pytest.mark.soak)])
def test_one_changed_byte_anywhere_is_found(
    good: bytes, found: Callable[..., list[tuple[str, str]]], wanted: int
) -> None:
    chance = random.Random(1)
    assert found(good) == []
    verifier_at = good.index(contents(good)["verify.py"])
    places = [place for place in range(len(good)) if not verifier_at + 50 < place < verifier_at + 30_000]
    missed = []
    for place in chance.sample(places, wanted) if wanted < len(places) else range(len(good)):
        data = bytearray(good)
        data[place] ^= chance.randrange(1, 256)
        if not found(bytes(data)):
            missed.append(place)
    assert missed == []


def test_a_changed_byte_in_a_file_names_the_file(good: bytes, found: Callable[..., list[tuple[str, str]]]) -> None:
    for name, content in contents(good).items():
        place = good.index(content) + len(content) // 2
        data = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        codes = found(data)
        wanted = {
            "manifest.json": ("manifest.form", "manifest.json"),
            "manifest.json.sig": ("manifest.signature", "manifest.json.sig"),
        }.get(name, ("file.changed", name))
        assert wanted in codes or ("manifest.signature", "manifest.json.sig") in codes, (name, codes)
        assert ("zip.header", name) in codes


def test_a_file_cut_off_at_any_place_is_named(good: bytes, found: Callable[..., list[tuple[str, str]]]) -> None:
    for part in range(1, 50):
        assert found(good[: len(good) * part // 50]) == [("zip.truncated", "pack")]
    assert found(good[:-1]) != []
    assert found(b"") == [("unusable.pack", "")]
    assert found(b"PK") == [("unusable.pack", "")]


def test_what_stands_before_or_after_the_archive_is_named(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    assert ("zip.trailing", "pack") in found(good + b"\n")
    assert ("zip.prepended", "pack") in found(b"#!/bin/sh\n" + good)
    assert ("zip.prepended", "pack") in found(good[100:])
    assert found(b"a page of text, not an archive") == [("unusable.pack", "")]


def test_files_added_removed_renamed_swapped_or_doubled_are_named(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    files = list(contents(good).items())
    added = packed([*files[:-2], ("extra.csv", b"x"), *files[-2:]])
    assert found(added) == [("file.extra", "extra.csv")]
    for number, (name, _content) in enumerate(files[:-2]):
        rest = packed(files[:number] + files[number + 1 :])
        assert ("file.missing", name) in found(rest)
    assert found(packed(files[:-1])) == [("manifest.missing", "manifest.json.sig")]
    assert found(packed(files[:-2])) == [("manifest.missing", "manifest.json, manifest.json.sig")]
    renamed = packed([("06_other.csv", files[0][1]), *files[1:]])
    assert found(renamed) == [("file.renamed", "06_results.csv")]
    swapped = packed([(files[0][0], files[1][1]), (files[1][0], files[0][1]), *files[2:]])
    assert {("file.changed", files[0][0]), ("file.changed", files[1][0])} <= set(found(swapped))
    assert found(packed([files[1], files[0], *files[2:]])) == [("zip.order", "pack")]
    with pytest.warns(UserWarning, match="Duplicate"):
        doubled = packed([*files, files[0]])
    assert ("zip.duplicate", files[0][0]) in found(doubled)


def test_another_key_is_named(good: bytes, found: Callable[..., list[tuple[str, str]]], tmp_path: Path) -> None:
    assert found(good, fingerprint(OTHER_VERIFIER)) == [("key.other", "manifest.json.sig")]
    by_other = resealed(good, lambda files, manifest: None, OTHER_KEY)
    assert ("manifest.signature", "manifest.json.sig") in found(by_other, None)

    def name_other_key(_files: dict[str, bytes], manifest: dict[str, object]) -> None:
        manifest["pack_key"] |= {"verifier_key": str(OTHER_VERIFIER), "fingerprint": fingerprint(OTHER_VERIFIER)}  # type: ignore[operator]

    # Signed and named by another key that the ledger does not introduce: found even by who trusts nobody in advance.
    assert found(resealed(good, name_other_key, OTHER_KEY), None) == [("key.not_introduced", "proofs/events.txt")]
    stranger = PackValues(ledger_key=OTHER_KEY)  # everything made anew, by a ledger of the forger's own
    forged = write_pack(tmp_path / "forged.zip", stranger).read_bytes()
    assert found(forged, None) == []
    assert found(forged) == [("key.other", "manifest.json.sig")]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (edited("06_results.csv", b"P003,3", b"P003,4"), ("csv.value", "06_results.csv, 2, mark")),
        (edited("06_results.csv", "架空 4".encode(), "架空 5".encode()), ("csv.value", "06_results.csv, 3, title")),
        (edited("06_results.csv", b"'=", b"=-"), ("csv.value", "06_results.csv, 2, title")),
        (edited("06_results.csv", b"00:04:00", b"00:04:01"), ("csv.value", "06_results.csv, 3, at_jst")),
        (edited("06_results.csv", b"E-", b"F-"), ("evidence.form", "06_results.csv, 1, evidence_id")),
        (edited("06_results.csv", b"rows,3", b"rows,2"), ("csv.head", "06_results.csv")),
        (edited("06_results.csv", b"known_at,9", b"known_at,8"), ("csv.head", "06_results.csv")),
        (edited("06_results.csv", b"person,mark", b"person,note"), ("csv.column", "06_results.csv")),
        (edited("06_results.csv", b"P003,3", b"P003,3,3"), ("csv.form", "06_results.csv, 2")),
        (edited("06_results.csv", b"P003", b"\xff003"), ("csv.form", "06_results.csv, 1")),
        (edited("proofs/events.txt", b'"mark":3', b'"mark":4'), ("event.place", "proofs/events.txt, 2")),
        (edited("proofs/events.txt", b"3 {", b"2 {"), ("event.place", "proofs/events.txt, 2")),
        (edited("proofs/events.txt", b"3 {", b"x {"), ("event.form", "proofs/events.txt, 2")),
        (edited("proofs/events.txt", b'"kakuu"', b'"kuso"'), ("event.form", "proofs/events.txt, 1")),
    ],
)  # fmt: skip
def test_what_a_packer_makes_up_is_found_though_manifest_and_signature_fit(
    good: bytes,
    found: Callable[..., list[tuple[str, str]]],
    change: Callable[[dict[str, bytes], dict[str, object]], None],
    wanted: tuple[str, str],
) -> None:
    assert wanted in found(resealed(good, change))


def test_a_leaf_changed_removed_or_added_by_the_packer_is_found(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    def changing(change: Callable[[bytes], bytes]) -> bytes:
        def apply(files: dict[str, bytes], _manifest: dict[str, object]) -> None:
            files["proofs/leaves.bin"] = change(files["proofs/leaves.bin"])

        return resealed(good, apply)

    assert ("leaves.root", "proofs/leaves.bin") in found(changing(lambda leaves: leaves[:32] + bytes(32) + leaves[64:]))
    assert ("leaves.root", "proofs/leaves.bin") in found(changing(lambda leaves: leaves[32:64] + leaves[:32] + leaves[64:]))  # fmt: skip
    assert ("leaves.size", "proofs/leaves.bin") in found(changing(lambda leaves: leaves[:-32]))
    assert ("leaves.size", "proofs/leaves.bin") in found(changing(lambda leaves: leaves + bytes(32)))
    assert ("leaves.size", "proofs/leaves.bin") in found(changing(lambda leaves: leaves + b"x"))


def test_rows_and_events_that_the_packer_leaves_out_or_slips_in_are_found(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    def drop_row(files: dict[str, bytes], _manifest: dict[str, object]) -> None:
        lines = files["06_results.csv"].split(b"\r\n")
        files["06_results.csv"] = b"\r\n".join([*lines[:-3], *lines[-2:]])

    def drop_event(files: dict[str, bytes], _manifest: dict[str, object]) -> None:
        files["proofs/events.txt"] = b"".join(files["proofs/events.txt"].splitlines(keepends=True)[1:])

    def swap_events(files: dict[str, bytes], _manifest: dict[str, object]) -> None:
        first, second, *rest = files["proofs/events.txt"].splitlines(keepends=True)
        files["proofs/events.txt"] = b"".join([second, first, *rest])

    def another_checkpoint(_files: dict[str, bytes], manifest: dict[str, object]) -> None:
        manifest["ledger"]["note"] = PackValues().note(5)  # type: ignore[index]

    def another_signer(_files: dict[str, bytes], manifest: dict[str, object]) -> None:
        manifest["ledger"]["note"] = PackValues(ledger_key=OTHER_KEY).note()  # type: ignore[index]

    assert found(resealed(good, drop_row)) == [("csv.rows", "06_results.csv")]
    assert found(resealed(good, drop_event)) == [("evidence.unknown", "06_results.csv, 1, evidence_id"), ("csv.value", "06_results.csv, 1, mark"), ("csv.value", "06_results.csv, 1, title"), ("csv.value", "06_results.csv, 1, at_jst")]  # fmt: skip
    assert found(resealed(good, swap_events)) == [("event.order", "proofs/events.txt, 2")]
    assert ("checkpoint.content", "manifest.json") in found(resealed(good, another_checkpoint))
    assert ("checkpoint.signature", "manifest.json") in found(resealed(good, another_signer))


def test_a_checkpoint_that_the_reader_holds_is_compared(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    values = PackValues()
    for size in range(11):
        assert found(good, since=values.note(size)) == []
    larger, rewritten = PackValues(count=12), PackValues(count=3)
    assert found(good, since=larger.note()) == [("since.larger", "--since")]
    assert found(good, since=rewritten.note(4)) == [("since.inconsistent", "--since")]
    assert found(good, since=PackValues(ledger_key=OTHER_KEY).note(4)) == [("since.signature", "--since")]
    for text in ("", "nonsense", values.note(4).replace("\n4\n", "\n5\n"), values.note(4) + "\n"):
        assert found(good, since=text) == [("since.signature", "--since")]


# Hostile input


def hostile(good: bytes) -> Iterator[tuple[str, bytes]]:
    files = list(contents(good).items())
    for name in ("../evil", "/etc/passwd", "a\\b", "C:evil", "a/../b", "x\x00y", "架空.csv", "a" * 200, ".hidden", "con/"):  # fmt: skip
        yield f"name {name!r}", packed([(name, b"x"), *files])
    bomb = packed([*files[:-2], ("bomb.csv", bytes(30_000_000)), *files[-2:]], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    yield "bomb", bomb
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("06_results.csv", (1980, 1, 1, 0, 0, 0))
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        for name, content in files[1:]:
            archive.writestr(name, content)
    yield "symlink", out.getvalue()
    yield "many files", packed([(f"f{number}", b"") for number in range(6_000)])
    end = bytearray(good)
    end[-14:-10] = b"\xff\xff\xff\xff"
    yield "huge counts", bytes(end)
    for name, content in (
        ("deep", b"[" * 100_000), ("float", b'{"akashi_pack":1.0}'), ("no object", b"[]"), ("nan", b"NaN"),
        ("digits", b'{"akashi_pack":' + b"1" * 10_000 + b"}"), ("surrogate", b'{"a":"\\ud800"}'),
        ("twice", b'{"akashi_pack":1,"akashi_pack":1}'), ("large", b" " * 5_000_000), ("bytes", b"\xff\xfe"),
    ):  # fmt: skip
        yield f"manifest {name}", packed([*files[:-2], ("manifest.json", content), files[-1]])
    for name, content in (("empty", b""), ("blank", b"\n\n\n"), ("bytes", b"\xff"), ("dash", "\n\n— a\n".encode()), ("long", b"x" * 1_000_000)):  # fmt: skip
        yield f"signature {name}", packed([*files[:-1], ("manifest.json.sig", content)])


def test_entries_that_share_bytes_are_not_read_twice(good: bytes, found: Callable[..., list[tuple[str, str]]]) -> None:
    """A directory of many names for one content would fill the memory of a reader that believes it."""
    large = packed([("a0000", bytes(100_000))])
    start = large.index(b"PK\1\2")
    entry = large[start:-22]
    names = [entry.replace(b"a0000", b"a%04d" % number) for number in range(1_000)]
    size = sum(map(len, names))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1_000, 1_000, size, start, 0)
    codes = found(large[:start] + b"".join(names) + end)
    assert codes.count(("zip.gap", "a0001")) == 1
    assert ("zip.form", "a0300") in codes


def test_what_steers_a_terminal_is_printed_as_an_escape(
    good: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(packed([("a\x1b[2Jb", b"x"), *contents(good).items()]))
    assert verify.main([str(path), "--lang", "en"]) == 1
    output = capsys.readouterr().out
    assert "a\\x1b[2Jb" in output
    assert "\x1b" not in output


def test_hostile_archives_are_refused_by_name(good: bytes, found: Callable[..., list[tuple[str, str]]]) -> None:
    for what, data in hostile(good):
        assert found(data), what


def hostile_inside(files: dict[str, bytes], name: str, content: bytes) -> None:
    assert name in files
    files[name] = content


@pytest.mark.parametrize("content", [b"", b"\n", b"a\n\n", b"\xef\xbb\xbf", b'"', b"\x00", b"a,b\r\n" * 1000, b'x,"' + b"y" * 200_000 + b'"\r\n\r\nz', b"\xff" * 99, b"0 {}\n", b"0 []\n", b"9" * 5_000 + b" {}\n", b"-1 {}\n", b"0 " + b"[" * 50_000 + b"\n"])  # fmt: skip
def test_hostile_files_in_a_sealed_pack_are_refused_by_name(
    good: bytes, found: Callable[..., list[tuple[str, str]]], content: bytes
) -> None:
    for name in ("06_results.csv", "proofs/events.txt", "proofs/leaves.bin"):
        assert found(resealed(good, lambda files, _manifest, name=name: hostile_inside(files, name, content)))  # type: ignore[misc]


def mutated(good: bytes, chance: random.Random) -> bytes:
    """Change a pack as an accident or a stranger might."""
    data = bytearray(good)
    kind = chance.randrange(7)
    a, b = sorted(chance.randrange(len(data)) for _ in range(2))
    if kind == 0:
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == 1:
        del data[a : min(b, a + chance.choice([1, 4, 1000, 10**9]))]
    elif kind == 2:
        data[a:a] = chance.randbytes(chance.choice([1, 2, 46, 5000]))
    elif kind == 3:
        data[a:a] = data[a:b]
    elif kind == 4:
        start = chance.randrange(max(1, len(data) - 800), len(data))  # the directory, where numbers steer the reader
        data[start : start + 4] = struct.pack("<L", chance.choice([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
    elif kind == 5:
        middle = (a + b) // 2
        data[a:b] = data[middle:b] + data[a:middle]
    else:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [2_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_thousands_of_mutated_packs_are_all_found_without_a_traceback(
    tmp_path: Path, found: Callable[..., list[tuple[str, str]]], wanted: int
) -> None:
    good = write_pack(tmp_path / "pack.zip").read_bytes()
    chance = random.Random(2026)
    tried, missed = 0, []
    while tried < wanted:
        data = mutated(good, chance)
        if data == good:
            continue
        tried += 1
        if not found(data):
            missed.append(tried)
    assert missed == []


# The command


def test_the_exit_codes_tell_good_wrong_and_unusable(
    good: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, note = tmp_path / "pack.zip", tmp_path / "note"
    path.write_bytes(good)
    note.write_text(PackValues().note(4), "utf-8")
    assert verify.main([str(path), "--lang", "en", "--key", TRUSTED, "--since", str(note)]) == 0
    assert verify.main([str(path), "--lang", "ja"]) == 0
    assert "作成者は確認していません" in capsys.readouterr().out
    assert verify.main([str(path), "--since", str(tmp_path / "none")]) == 2
    assert verify.main([str(tmp_path / "none.zip"), "--lang", "ja"]) == 2
    assert verify.main([str(tmp_path), "--lang", "en"]) == 2
    path.write_bytes(good[:-1] + b"x")
    assert verify.main([str(path), "--lang", "en"]) == 1
    assert "Problems: " in capsys.readouterr().out


def test_the_verifier_uses_the_standard_library_of_python_3_8_alone() -> None:
    source = Path(verify.__file__).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    modules = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert modules <= sys.stdlib_module_names | {"__future__"}
    newer = {"removeprefix", "removesuffix", "bit_count", "pairwise", "randbytes", "batched"}
    assert not {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & newer
    assert not any(keyword.arg == "strict" and isinstance(node.func, ast.Name) and node.func.id == "zip" for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords)  # fmt: skip


# Ed25519


RFC_8032 = (
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82", "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
)  # fmt: skip


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_verify(key: str, message: str, signature: str) -> None:
    public, text, signed = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert verify.is_signature(public, text, signed)
    assert not verify.is_signature(public, text + b"x", signed)
    for place in range(64):
        assert not verify.is_signature(public, text, signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :])


def accepted_by_cryptography(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_signatures_are_accepted_exactly_where_another_implementation_accepts_them() -> None:
    chance = random.Random(8032)
    for number in range(150):
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public, message = key.public_key().public_bytes_raw(), chance.randbytes(number)
        signature = bytearray(key.sign(message))
        assert verify.is_signature(public, message, bytes(signature))
        signature[chance.randrange(64)] ^= 1 << chance.randrange(8)
        assert not verify.is_signature(public, message, bytes(signature))
        assert not accepted_by_cryptography(public, message, bytes(signature))


def test_a_second_spelling_of_a_signature_is_refused() -> None:
    public, message, signature = PACK_VERIFIER.public_key, b"m", PACK_KEY.sign(b"m")
    s = int.from_bytes(signature[32:], "little")
    for multiple in range(1, 9):
        again = s + multiple * verify.ORDER
        if again < 2**256:
            spelt = signature[:32] + again.to_bytes(32, "little")
            assert not verify.is_signature(public, message, spelt)
            assert not accepted_by_cryptography(public, message, spelt)
    for length in (0, 32, 63, 65, 128):
        assert not verify.is_signature(public, message, (signature * 2)[:length])


SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(key: str) -> None:
    """Under such a key, R = B and s = 1 fit one text in eight at the least; another implementation accepts it."""
    public = bytes.fromhex(key)
    fooled = 0
    for number in range(64):
        message = b"%d" % number
        base = bytes.fromhex("58" + "66" * 31)
        signature = base + (1).to_bytes(32, "little")
        k = int.from_bytes(sha512(base + public + message).digest(), "little") % verify.ORDER
        fooled += k % 8 == 0 and accepted_by_cryptography(public, message, signature)
        assert not verify.is_signature(public, message, signature)
    assert fooled > 0


def test_a_key_that_is_no_point_or_not_its_shortest_form_is_refused() -> None:
    signature = bytes(64)
    for number in (2, 2**255 - 19, 2**255 - 18, 2**255 - 1, 2**256 - 1):
        assert not verify.is_signature(number.to_bytes(32, "little"), b"", signature)
    for length in (0, 31, 33):
        assert not verify.is_signature(bytes(length), b"", signature)


# The parts that are written a second time here agree with the tool's own


def test_keys_notes_and_roots_agree_with_the_tools_own() -> None:
    for verifier in (LEDGER_VERIFIER, PACK_VERIFIER):
        key = verify.read_key(str(verifier))
        assert (key.name, key.public, key.key_id) == (verifier.name, verifier.public_key, verifier.key_id)
        assert key.fingerprint == fingerprint(verifier)
    values = PackValues(count=40)
    for size in range(41):
        assert verify.tree_root(values.leaves[:size]) == tree_root(values.leaves[:size])
        assert verify.read_checkpoint(values.note(size), verify.read_key(str(LEDGER_VERIFIER))) == (
            size,
            tree_root(values.leaves[:size]),
        )


def test_a_witness_may_sign_below_a_checkpoint_but_not_below_a_manifest() -> None:
    key = verify.read_key(str(LEDGER_VERIFIER))
    witness = f"— witness {base64.b64encode(b'abcd' + bytes(64)).decode()}\n"
    note = PackValues().note(3)
    assert verify.read_checkpoint(note + witness, key)[0] == 3
    with pytest.raises(verify.Broken):
        verify.open_note(note + witness, key, others_too=False)
    text, _, line = sign_note("a\n", LEDGER_VERIFIER.name, LEDGER_KEY).rpartition("\n\n")
    with pytest.raises(verify.Broken):
        verify.open_note(f"{text}\n\n{line}{line}", key, others_too=False)
    assert NoteVerifier.parse(key.text) == LEDGER_VERIFIER


def test_a_fingerprint_in_capitals_or_in_groups_is_the_same_one(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    assert found(good, key=TRUSTED.upper()) == []
    assert found(good, key=":".join(TRUSTED[at : at + 4] for at in range(0, 64, 4)).upper()) == []
    assert found(good, key=str(LEDGER_VERIFIER).upper()) == [("key.other", "manifest.json.sig")]


def test_a_pack_that_was_packed_again_is_told_in_one_line(
    good: bytes, found: Callable[..., list[tuple[str, str]]]
) -> None:
    assert found(packed(list(contents(good).items()), zipfile.ZIP_DEFLATED)) == [("zip.form", "pack")]


def test_times_that_do_not_follow_the_places_are_mentioned_and_are_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.check(str(write_pack(tmp_path / "in_order.zip"))).earlier == 0
    pack = write_pack(tmp_path / "pack.zip", PackValues(count=70, facts=replace(FACTS, known_at=70), cited=(5, 58)))
    report = verify.check(str(pack))
    assert report.earlier == 1  # the key's introduction, at minute 10 after minute 58
    report.findings, report.count = [], 0
    verify.print_report(report, is_japanese=False)
    assert "Note: 1 of these events bear a time" in capsys.readouterr().out
