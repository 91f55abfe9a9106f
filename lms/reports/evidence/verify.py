#!/usr/bin/env python3
"""Check an evidence pack of Akashi, offline, with Python 3.8 or newer and nothing else.

    python3 verify.py PACK.zip [--key FINGERPRINT_OR_VERIFIER_KEY] [--since CHECKPOINT_FILE] [--lang ja|en]

Exit code 0: nothing is wrong. 1: something is wrong, each named. 2: the input can't be used at all.
This file lies in every pack and is what `akashi evidence verify` runs. To read it, begin at `check`, at the end.

Source: docs/evidence-pack.md, docs/ledger.md; RFC 8032 (Ed25519), RFC 9162 (tree), C2SP signed-note, PKZIP APPNOTE.
"""

from __future__ import annotations

import argparse
import base64
import codecs
import csv
import hashlib
import json
import mmap
import os
import re
import struct
import sys
import zlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

MEANINGS = {
    "zip.truncated": ("The end of the archive is missing: the file was cut off, or its end was changed.", "アーカイブの終わりがありません。途中で切れたか、終わりが変更されています。"),
    "zip.trailing": ("Something was appended to the archive.", "アーカイブの後ろに何かが付け加えられています。"),
    "zip.prepended": ("Something stands before the archive, or a part of it is missing.", "アーカイブの前に何かがあるか、一部が欠けています。"),
    "zip.end": ("The closing record of the archive was changed.", "アーカイブの終端の記録が変更されています。"),
    "zip.header": ("The archive's entry for this file is not as packs have it.", "このファイルの項目が証跡パックの形式と異なります。"),
    "zip.gap": ("Files in the archive overlap, or something lies between them.", "アーカイブ内のファイルが重なっているか、間に何かがあります。"),
    "zip.name": ("No file of a pack has such a name.", "証跡パックにはあり得ないファイル名です。"),
    "zip.duplicate": ("The name occurs twice.", "同じ名前が二つあります。"),
    "zip.form": ("The file was packed in another way: packs are not compressed. Was the pack packed again?", "格納の方法が異なります（証跡パックは圧縮しません）。詰め直されていませんか。"),
    "zip.order": ("The files do not stand in the order of the manifest.", "ファイルの順序が目録と異なります。"),
    "manifest.missing": ("The manifest or its signature is not there.", "目録またはその署名がありません。"),
    "manifest.form": ("The manifest is not as this format has it.", "目録がこの形式のものではありません。"),
    "manifest.signature": ("The manifest is not the one that the pack key has signed.", "目録は証跡パックの鍵で署名されたものではありません。"),
    "key.other": ("The pack is signed by other keys than the one you named.", "指定された鍵とは別の鍵で署名されています。"),
    "key.form": ("A key of the pack is malformed, or its fingerprint is another one's.", "パックの鍵の形式またはフィンガープリントが正しくありません。"),
    "key.not_introduced": ("No event in the ledger introduces the key that signed the pack.", "署名した鍵を登録した記録が台帳にありません。"),
    "file.missing": ("The manifest lists the file, and it is not there.", "目録にあるファイルがありません。"),
    "file.extra": ("The file is there, and the manifest does not list it.", "目録にないファイルがあります。"),
    "file.renamed": ("The file is there under another name.", "ファイル名が変更されています。"),
    "file.changed": ("The content is not what the manifest says.", "内容が目録と異なります。"),
    "csv.form": ("The table can't be read.", "表を読み取れません。"),
    "csv.head": ("The head says something else than the manifest.", "見出しの内容が目録と異なります。"),
    "csv.rows": ("The number of rows is not what the manifest says.", "行数が目録と異なります。"),
    "csv.column": ("The table lacks a column that the manifest names.", "目録にある列が表にありません。"),
    "csv.value": ("The cell says something else than the event in the ledger.", "セルの値が台帳の記録と異なります。"),
    "checkpoint.signature": ("The checkpoint is not one that the ledger's key has signed.", "チェックポイントは台帳の鍵で署名されたものではありません。"),
    "checkpoint.content": ("The checkpoint is of another ledger or size than the manifest says.", "チェックポイントの台帳またはサイズが目録と異なります。"),
    "leaves.size": ("The list of the ledger's hashes has another length than the checkpoint says.", "台帳のハッシュの数がチェックポイントと異なります。"),
    "leaves.root": ("The ledger's hashes do not lead to the signed root.", "台帳のハッシュから署名された根が得られません。"),
    "event.form": ("The line is no event of this ledger.", "この行は台帳の記録として読めません。"),
    "event.order": ("Events do not stand in the order of their places.", "記録が台帳の順に並んでいません。"),
    "event.place": ("The event is not the one that stands at this place in the ledger.", "台帳のこの位置にある記録ではありません。"),
    "evidence.form": ("This is no evidence id.", "証跡IDではありません。"),
    "evidence.unknown": ("The pack has no event with this evidence id.", "この証跡IDの記録がパックにありません。"),
    "evidence.later": ("The event was recorded after the state from which the pack answers.", "パックの基準とする時点より後の記録です。"),
    "since.signature": ("The checkpoint that you hold is not one that this ledger's key has signed.", "お手元のチェックポイントはこの台帳の鍵で署名されたものではありません。"),
    "since.larger": ("The checkpoint that you hold is of a larger ledger than the pack's: ask for a pack made after it.", "お手元のチェックポイントはパックの台帳より大きいものです。その後に作られたパックを求めてください。"),
    "since.inconsistent": ("The ledger of the pack does not begin with the one that you hold a checkpoint of: the past was rewritten.", "パックの台帳は、お手元のチェックポイントの台帳の続きではありません。過去の記録が書き換えられています。"),
    "unusable.file": ("The file can't be read.", "ファイルを読み込めません。"),
    "unusable.pack": ("This is no evidence pack.", "証跡パックではありません。"),
    "unusable.since": ("The file of the checkpoint can't be read.", "チェックポイントのファイルを読み込めません。"),
}  # fmt: skip

MOST_LISTED = 1_000
MOST_FILES = 5_000
LARGEST_MANIFEST = 4_000_000
LONGEST_LINE = 10_000_000
PIECE = 65_536
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
EVIDENCE_ID = re.compile("E-[0-9a-f]{16}")
LIMITS = (
    ("What this shows: nothing in the pack was changed since it was signed; each event that it cites stood in the ledger when the checkpoint was signed; cells that the manifest ties to an event say what the event says.", "確認できること：署名後にパックは変更されていません。引用された各記録は、チェックポイントの署名時に台帳にありました。目録で記録と結ばれたセルは、記録のとおりです。"),
    ("What it does not show: that what was recorded was true, that everything that happened was recorded, that the pack cites all that the ledger holds, or that cells not tied to an event (names, states, sums) are right.", "確認できないこと：記録された内容が真実であること、起きたことがすべて記録されたこと、台帳のすべてが引用されていること、記録と結ばれていないセル（氏名、状態、合計など）が正しいこと。"),
)  # fmt: skip


EARLIER = (
    "Note: {} of these events bear a time (recorded_at) before that of an event in front of them. That is no error: history that was entered later keeps its own times. Only the place tells in which order events came into the ledger.",
    "注：うち {} 件の記録は、前にある記録より早い時刻（recorded_at）を持っています。誤りではありません。後から登録された過去の記録は、もとの時刻を保ちます。台帳に加えられた順序を示すのは位置だけです。",
)  # fmt: skip


class Finding(NamedTuple):
    """One thing that is wrong."""

    code: str
    where: str
    """File, and row where there is one: 1 is the first row of data."""
    detail: str


class Unusable(Exception):
    """The input is not something that can be checked."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Broken(ValueError):
    """A part does not have its form."""


class Report:
    """What was found, and what the reader needs to judge it."""

    def __init__(self) -> None:
        self.findings: List[Finding] = []
        self.count = 0
        self.facts: List[Tuple[str, str]] = []
        self.is_key_known = False
        self.earlier = 0
        """Events whose time lies before that of an event that was recorded before them."""

    def add(self, code: str, where: str, detail: object = "") -> None:
        """Note that something is wrong."""
        self.count += 1
        if len(self.findings) < MOST_LISTED:
            self.findings.append(Finding(code, where, str(detail)[:200]))


# --- Ed25519 signatures (RFC 8032 section 5.1). A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z. ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]
NEUTRAL = (0, 1, 1, 0)


def _plus(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    total = NEUTRAL
    while number:
        if number & 1:
            total = _plus(total, point)
        point, number = _plus(point, point), number >> 1
    return total


def _point(data: bytes) -> Optional[Point]:
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(data) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _bytes(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether these 64 bytes are the key's signature; a second spelling of one, or a weak key, is refused."""
    key = _point(public_key)
    s = int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or s >= ORDER:
        return False
    if _bytes(_times(8, key)) == _bytes(NEUTRAL):
        return False  # one of eight keys under which a signature can be made to fit any text
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    minus_key = (P - key[0], key[1], 1, P - key[3])
    return _bytes(_plus(_times(s, BASE), _times(k, minus_key))) == signature[:32]


# --- Signed notes and checkpoints (docs/ledger.md section 4) ---


class Key(NamedTuple):
    """A public key under its name; its text is `name+key id+Base64 of 0x01 and the key`."""

    text: str
    name: str
    key_id: bytes
    public: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the text of the verifier key, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def _base64(text: str) -> bytes:
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise Broken
    return data


def read_key(text: str) -> Key:
    """Read a verifier key, and see that its key id is its own."""
    name, _, rest = text.partition("+")
    hint, _, encoded = rest.partition("+")
    data = _base64(encoded)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[:1] != b"\x01" or hint != key_id.hex() or not re.fullmatch(r"[!-*,-~]+", name):
        raise Broken
    return Key(text, name, key_id, data[1:])


def open_note(note: str, key: Key, others_too: bool = True) -> str:
    """Give the text that the key has signed; lines of other signers are passed over, or refused."""
    text, _, lines = note.rpartition("\n\n")
    if not text or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Broken
    own = []
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        data = _base64(encoded)
        if dash != "\u2014" or len(data) <= 4:
            raise Broken
        if (name, data[:4]) == (key.name, key.key_id):
            own.append(data[4:])
        elif not others_too:
            raise Broken
    text += "\n"
    if not own or (len(own) > 1 and not others_too) or not all(is_signature(key.public, text.encode(), s) for s in own):
        raise Broken
    return text


def read_checkpoint(note: str, key: Key) -> Tuple[int, bytes]:
    """Give size and root of a checkpoint that the ledger's key has signed."""
    origin, size, root, rest = open_note(note, key).split("\n")
    if origin != key.name or rest or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size) or len(_base64(root)) != 32:
        raise Broken
    return int(size), _base64(root)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root of RFC 9162: neighbours are hashed in pairs, one without a neighbour goes up as it is."""
    level = list(leaves) or [hashlib.sha256(b"").digest()]
    while len(level) > 1:
        single = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2])] + single
    return level[0]


# --- The archive: a ZIP whose every byte is settled, so it is read without unpacking anything ---

LOCAL, CENTRAL, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
NAME = re.compile(r"(?=.{1,100}\Z)[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
FIRST_DAY = 33  # 1980-01-01, the first that a ZIP can name


class Content:
    """One file of the pack where it lies in it: read piece by piece, so that memory does not grow with the pack."""

    def __init__(self, data: Any, start: int, size: int) -> None:
        self.data, self.start, self.size = data, start, size

    def whole(self) -> bytes:
        """Give all of it."""
        return bytes(self.data[self.start : self.start + self.size])

    def pieces(self) -> Iterator[bytes]:
        """Give it in pieces."""
        end = self.start + self.size
        for at in range(self.start, end, PIECE):
            yield self.data[at : min(at + PIECE, end)]
            if hasattr(mmap, "MADV_DONTNEED"):
                self.data.madvise(mmap.MADV_DONTNEED)  # what was read need not stay in memory

    def sha256(self) -> str:
        """Give its hash in hex."""
        found = hashlib.sha256()
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()

    def text(self) -> Iterator[str]:
        """Give the lines of a table, each with its end."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        rest = ""
        for piece in self.pieces():
            lines = (rest + decoder.decode(piece)).split("\n")
            rest = lines.pop()
            if len(rest) > LONGEST_LINE:
                raise Broken("line")
            for line in lines:
                yield line + "\n"
        rest += decoder.decode(b"", True)
        if rest:
            yield rest


def _headers(name: bytes, content: Content, offset: int) -> Tuple[bytes, bytes]:
    size, crc = content.size, 0
    for piece in content.pieces():
        crc = zlib.crc32(piece, crc)
    local = LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, FIRST_DAY, crc, size, size, len(name), 0)
    made_by, mode = 3 << 8 | 20, 0o100644 << 16
    common = (0, 0, 0, FIRST_DAY, crc, size, size, len(name), 0, 0, 0, 0, mode, offset)
    return local + name, CENTRAL.pack(b"PK\1\2", made_by, 20, *common) + name


def read_archive(data: Any, report: Report) -> Dict[str, Content]:
    """Give the files by name, in their order, and report every byte around them that is not as it must be."""
    end = len(data) - END.size
    if data[max(end, 0) : max(end, 0) + 4] != b"PK\5\6":
        end = data.rfind(b"PK\5\6")
        if end < 0 and data[:4] != b"PK\3\4":
            raise Unusable("unusable.pack")
        report.add("zip.truncated" if end < 0 else "zip.trailing", "pack", len(data))
        if end < 0 or end + END.size > len(data):
            return {}
    _, _, _, here, count, size, start, _ = fields = END.unpack_from(data, end)
    if start + size != end:
        report.add("zip.prepended", "pack", f"{start} + {size} != {end}")
        return {}
    if fields != (b"PK\5\6", 0, 0, here, here, size, start, 0) or count > MOST_FILES:
        report.add("zip.end", "pack", fields[1:])
    if _is_packed_again(data, min(count, MOST_FILES), start, end):
        report.add("zip.form", "pack", f"{count}")
        return {}
    return _read_entries(data, min(count, MOST_FILES), start, end, report)


def _is_packed_again(data: Any, count: int, start: int, end: int) -> bool:
    """Say whether the manifest itself is compressed: then somebody packed everything again, and one line says so."""
    at = start
    for _ in range(count):
        if at + CENTRAL.size > end:
            break
        entry = CENTRAL.unpack_from(data, at)
        if data[at + CENTRAL.size : at + CENTRAL.size + entry[10]] == OWN[0].encode():
            return bool(entry[4])
        at += CENTRAL.size + entry[10] + entry[11] + entry[12]
    return False


def _read_entries(data: Any, count: int, start: int, end: int, report: Report) -> Dict[str, Content]:
    files: Dict[str, Content] = {}
    at, expected = start, 0
    for _ in range(count):
        if at + CENTRAL.size > end:
            break
        entry = CENTRAL.unpack_from(data, at)
        method, packed, size, length, offset = entry[4], entry[8], entry[9], entry[10], entry[16]
        raw = data[at + CENTRAL.size : at + CENTRAL.size + length]
        name, content_at = raw.decode("ascii", "backslashreplace"), offset + LOCAL.size + length
        is_as_packed = not method and packed == size and expected <= offset <= start - size - LOCAL.size - length
        if not NAME.fullmatch(name) or name in files or not is_as_packed:
            report.add("zip.duplicate" if name in files else "zip.form" if NAME.fullmatch(name) else "zip.name", name)
        else:
            files[name] = content = Content(data, content_at, size)
            local, central = _headers(raw, content, offset)
            if data[offset:content_at] != local or data[at : at + len(central)] != central:
                report.add("zip.header", name)
        if offset != expected:
            report.add("zip.gap", name)
        at, expected = at + CENTRAL.size + length + entry[11] + entry[12], max(expected, content_at + size)
    if at != end or expected != start:
        report.add("zip.gap", "pack")
    return files


# --- The manifest ---

DAY, HEX, TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile(r"[0-9a-f]{64}"), re.compile(r"(?s).*")
ORGANISATION = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[._-][a-z0-9]+)*")
SHOWN_AS = re.compile("text|jst|jst_date|utc|first_12|json")
VALUE = {"column": TEXT, "evidence": TEXT, "member": TEXT, "as": SHOWN_AS}
FILE = {"path": NAME, "sha256": HEX, "bytes": int, "rows": (int, None), "evidence": [TEXT], "values": [VALUE]}
MANIFEST = {
    "akashi_pack": re.compile("1"), "organisation": ORGANISATION, "period": {"from": DAY, "to": DAY}, "as_of": DAY,
    "known_at": int, "generator": TEXT, "criteria": TEXT, "about": {},
    "ledger": {"origin": TEXT, "size": int, "note": TEXT, "verifier_key": TEXT, "fingerprint": HEX},
    "pack_key": {"verifier_key": TEXT, "fingerprint": HEX, "introduced_at": int}, "files": [FILE],
}  # fmt: skip
OWN = ("manifest.json", "manifest.json.sig")
LEAVES, EVENTS = "proofs/leaves.bin", "proofs/events.txt"


def _no_number(text: str) -> None:
    raise Broken(text)


def read_json(data: bytes) -> Any:
    """Read canonical JSON: the one spelling that a value has in format 1."""
    try:
        value = json.loads(data.decode(), parse_float=_no_number, parse_constant=_no_number)
        spelling = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise Broken(type(error).__name__) from None
    if spelling != data:
        raise Broken("spelling")
    return value


def _misfit(value: Any, form: Any, path: str = "") -> Optional[str]:
    """Name the first part of a value that does not have its form."""
    if isinstance(form, dict):
        if not isinstance(value, dict) or (form and value.keys() != form.keys()):
            return path or "manifest"
        parts = [(value[name], form[name], f"{path}/{name}") for name in form]
    elif isinstance(form, list):
        if not isinstance(value, list):
            return path
        parts = [(each, form[0], f"{path}/{number}") for number, each in enumerate(value)]
    elif isinstance(form, tuple):
        return None if value is None else _misfit(value, form[0], path)
    elif form is int:
        return None if type(value) is int and value >= 0 else path
    else:
        text = str(value) if path == "/akashi_pack" and type(value) is int else value
        return None if isinstance(text, str) and form.fullmatch(text) else path
    return next((found for found in (_misfit(*part) for part in parts) if found is not None), None)


def read_manifest(files: Dict[str, Content], report: Report) -> Optional[Dict[str, Any]]:
    """Read the manifest and check its signature and both keys; None where nothing can be built on it."""
    if any(name not in files for name in OWN):
        report.add("manifest.missing", ", ".join(name for name in OWN if name not in files))
        return None
    data = files[OWN[0]].whole() if files[OWN[0]].size <= LARGEST_MANIFEST else b""
    try:
        manifest = read_json(data)
        misfit = _misfit(manifest, MANIFEST)
    except Broken as broken:
        manifest, misfit = {}, str(broken)
    if misfit is not None:
        report.add("manifest.form", OWN[0], misfit)
        return None
    organisation = manifest["organisation"]
    expected = f"akashi-pack/1\n{organisation}\n{hashlib.sha256(data).hexdigest()}\n"
    try:
        key = _own_key(manifest["pack_key"], f"akashi/{organisation}/pack")
        _own_key(manifest["ledger"], f"akashi/{organisation}")
    except ValueError:
        report.add("key.form", OWN[0])
        return None
    try:
        is_signed = open_note(files[OWN[1]].whole().decode(), key, others_too=False) == expected
    except ValueError:
        is_signed = False
    if not is_signed:
        report.add("manifest.signature", OWN[1])
    return dict(manifest)


def _own_key(part: Dict[str, str], name: str) -> Key:
    key = read_key(part["verifier_key"])
    if key.name != name or key.fingerprint != part["fingerprint"]:
        raise Broken
    return key


def check_key(manifest: Dict[str, Any], wanted: Optional[str], report: Report) -> None:
    """Compare the pack's keys with the one that the reader trusts; either will do, as each vouches for the other."""
    known = {text for part in ("ledger", "pack_key") for text in (manifest[part]["verifier_key"], manifest[part]["fingerprint"])}  # fmt: skip
    if wanted is not None:
        named = re.sub(r"[\s:]", "", wanted)
        report.is_key_known = named in known or (len(named) == 64 and named.lower() in known)  # 64: a fingerprint
        if not report.is_key_known:
            report.add("key.other", OWN[1], wanted)


def check_files(manifest: Dict[str, Any], files: Dict[str, Content], report: Report) -> None:
    """Check that the files are those of the manifest, all of them, no others, in its order."""
    listed = {entry["path"]: entry for entry in manifest["files"]}
    extra = {files[name].sha256(): name for name in files if name not in listed and name not in OWN}
    for path, entry in listed.items():
        if path not in files and entry["sha256"] in extra:
            report.add("file.renamed", path, extra.pop(entry["sha256"]))
        elif path not in files:
            report.add("file.missing", path)
        elif files[path].size != entry["bytes"] or files[path].sha256() != entry["sha256"]:
            report.add("file.changed", path)
    for name in extra.values():
        report.add("file.extra", name)
    order = [entry["path"] for entry in manifest["files"] if entry["path"] in files] + list(OWN)
    if [name for name in files if name in listed or name in OWN] != order:
        report.add("zip.order", "pack")


# --- The ledger: all its leaf hashes, and the events that the pack cites ---


class Events:
    """The cited events by evidence id; of each only the line is kept at which it stands, to spare memory."""

    def __init__(self, content: Optional[Content]) -> None:
        self.content = content
        self.count = 0
        self._lines: Dict[int, Tuple[int, ...]] = {}

    def lines(self) -> Iterator[Tuple[int, bytes]]:
        """Give each line and where it begins."""
        if self.content is None:
            return
        at, end = self.content.start, self.content.start + self.content.size
        line_end = self.content.data.find(b"\n", at, end)
        while line_end >= 0:
            yield at, self.content.data[at:line_end]
            at = line_end + 1
            line_end = self.content.data.find(b"\n", at, end)
        if at != end:
            raise Broken("LF")

    def keep(self, leaf: bytes, at: int) -> None:
        """Keep where an event begins whose form and place were checked."""
        number = int.from_bytes(leaf[:8], "big")
        self._lines[number] = (*self._lines.get(number, ()), at)
        self.count += 1

    @lru_cache(maxsize=64)  # noqa: B019 - there is one of these for each pack
    def of(self, evidence_id: str) -> List[Tuple[int, Any]]:
        """Give place and members of the events with an evidence id: one, or none."""
        found = []
        for at in self._lines.get(int(evidence_id[2:], 16), ()) if EVIDENCE_ID.fullmatch(evidence_id) else ():
            data = self.content.data if self.content is not None else b""
            place, _, payload = data[at : data.find(b"\n", at)].partition(b" ")
            found.append((int(place), json.loads(payload)))
        return found


def check_leaves(
    manifest: Dict[str, Any], files: Dict[str, Content], since: Optional[str], report: Report
) -> List[bytes]:
    """Check the leaf hashes against the signed root, and against a checkpoint that the reader holds."""
    ledger, data = manifest["ledger"], files[LEAVES].whole() if LEAVES in files else b""
    key = read_key(ledger["verifier_key"])
    leaves = [data[at : at + 32] for at in range(0, len(data) - 31, 32)]
    try:
        size, root = read_checkpoint(ledger["note"], key)
    except ValueError:
        report.add("checkpoint.signature", OWN[0])
        return leaves
    if size != ledger["size"] or key.name != ledger["origin"] or manifest["known_at"] > size:
        report.add("checkpoint.content", OWN[0], size)
    if len(data) != 32 * size:
        report.add("leaves.size", LEAVES, f"{len(data)} / 32, {size}")
    elif tree_root(leaves) != root:
        report.add("leaves.root", LEAVES)
    if since is not None:
        _check_since(since, key, leaves, report)
    return leaves


def _check_since(since: str, key: Key, leaves: List[bytes], report: Report) -> None:
    try:
        size, root = read_checkpoint(since, key)
    except ValueError:
        report.add("since.signature", "--since")
        return
    if size > len(leaves):
        report.add("since.larger", "--since", f"{size} > {len(leaves)}")
    elif tree_root(leaves[:size]) != root:
        report.add("since.inconsistent", "--since", size)


def read_events(manifest: Dict[str, Any], content: Optional[Content], leaves: List[bytes], report: Report) -> Events:
    """Read the cited events, each `place SPACE payload LF`, and find each by its evidence id."""
    events = Events(content)
    try:
        _read_lines(manifest, events, leaves, report)
    except Broken as broken:
        report.add("event.form", EVENTS, broken)
    return events


def _read_lines(manifest: Dict[str, Any], events: Events, leaves: List[bytes], report: Report) -> None:
    last, latest = -1, ""
    for row, (at, line) in enumerate(events.lines(), 1):
        place, _, payload = line.partition(b" ")
        try:
            if not re.fullmatch(b"0|[1-9][0-9]{0,18}", place):
                raise Broken("place")
            n, members = int(place), read_json(payload)
            if not isinstance(members, dict) or members.get("organisation") != manifest["organisation"] or members.get("akashi_event") != 1 or not isinstance(members.get("body"), dict):  # fmt: skip
                raise Broken("members")
        except Broken as broken:
            report.add("event.form", f"{EVENTS}, {row}", broken)
            continue
        time = str(members.get("recorded_at", ""))  # one form, in UTC: the order of the texts is that of the times
        report.earlier, latest = report.earlier + (time < latest), max(time, latest)
        if n <= last:
            report.add("event.order", f"{EVENTS}, {row}", n)
        leaf = hashlib.sha256(b"\x00" + payload).digest()
        if n >= len(leaves) or leaves[n] != leaf:
            report.add("event.place", f"{EVENTS}, {row}", f"E-{leaf[:8].hex()}")
        else:
            events.keep(leaf, at)
        last = n


def check_introduction(manifest: Dict[str, Any], events: Events, leaves: List[bytes], report: Report) -> None:
    """Check that the ledger itself names the key that signed the pack."""
    wanted = ("pack_key.introduced", manifest["pack_key"]["verifier_key"], manifest["pack_key"]["introduced_at"])
    for leaf in leaves[wanted[2] : wanted[2] + 1]:
        for n, members in events.of(f"E-{leaf[:8].hex()}"):
            if (members.get("type"), members["body"].get("verifier_key"), n) == wanted:
                return
    report.add("key.not_introduced", EVENTS, f"{wanted[2]}")


# --- The tables ---

SIGNS = "=+-@\t\r\n＝＋－＠−"  # before these the writer puts an apostrophe, so that no spreadsheet runs the cell


def shown(value: Any, way: str) -> str:
    """Write a member of an event as the tables do."""
    if way in ("jst", "jst_date", "utc") and isinstance(value, str):
        if not TIME.fullmatch(value):
            raise Broken(value)
        moment = datetime.fromisoformat(value[:-1])  # in UTC throughout
        if way == "utc":
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return (moment + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S" if way == "jst" else "%Y-%m-%d")
    if value is None:
        return ""
    if way == "json" or isinstance(value, (bool, list, dict)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return str(value)[:12] if way == "first_12" else str(value)


def member_of(members: Any, path: str) -> Any:
    """Follow a dotted path such as `body.mark` into the members of an event."""
    value: Any = members
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            raise Broken(path)
        value = value[name]
    return value


def _table(content: Content) -> Tuple[Dict[str, str], List[str], Iterator[List[str]]]:
    reader = csv.reader(content.text(), strict=True)
    head: Dict[str, str] = {}
    for row in reader:
        if not row:
            return head, next(reader, []), reader
        head[row[0]] = row[1] if len(row) == 2 else ""
    raise Broken


class Tables:
    """Checks tables: head, number of rows, each evidence id, and each cell that comes from an event."""

    def __init__(self, manifest: Dict[str, Any], events: Events, report: Report) -> None:
        self.manifest, self.events, self.report = manifest, events, report
        self.rows = self.ids = self.cells = 0

    def check(self, entry: Dict[str, Any], content: Content) -> None:
        """Check one table."""
        path, count = entry["path"], 0
        try:
            head, columns, rows = _table(content)
            self._check_head(entry, head)
            needed = {
                *entry["evidence"],
                *(value[part] for value in entry["values"] for part in ("column", "evidence")),
            }
            for name in needed.difference(columns):
                self.report.add("csv.column", path, name)
            places = {name: columns.index(name) for name in needed.intersection(columns)}
            width, is_whole = len(columns), len(places) == len(needed)
            for count, row in enumerate(rows, 1):
                if len(row) != width:
                    self.report.add("csv.form", f"{path}, {count}", len(row))
                elif is_whole and (entry["values"] or any(map(row.__getitem__, places.values()))):
                    self._check_row(entry, count, {name: row[place] for name, place in places.items()})
        except (ValueError, csv.Error) as error:
            self.report.add("csv.form", f"{path}, {count + 1}", type(error).__name__)
            return
        self.rows += count
        if count != entry["rows"]:
            self.report.add("csv.rows", path, f"{count} != {entry['rows']}")

    def _check_head(self, entry: Dict[str, Any], head: Dict[str, str]) -> None:
        manifest = self.manifest
        said = {name: str(manifest[name]) for name in ("organisation", "as_of", "known_at", "generator", "criteria")}
        period = manifest["period"]
        said.update(period_from=period["from"], period_to=period["to"], rows=str(entry["rows"]))
        for name, value in said.items():
            if head.get(name) != value:
                self.report.add("csv.head", entry["path"], name)

    def _check_row(self, entry: Dict[str, Any], number: int, row: Dict[str, str]) -> None:
        where = entry["path"], number
        self.cells += len(entry["values"])
        for column in entry["evidence"]:
            for evidence_id in row[column].split():
                found, self.ids = self.events.of(evidence_id), self.ids + 1
                if not any(n < self.manifest["known_at"] for n, _ in found):
                    unknown = "evidence.unknown" if EVIDENCE_ID.fullmatch(evidence_id) else "evidence.form"
                    code = "evidence.later" if found else unknown
                    self.report.add(code, "{}, {}, {}".format(*where, column), evidence_id)
        for value in entry["values"]:
            evidence_id, cell = row[value["evidence"]].partition(" ")[0], row[value["column"]]
            said = _said(self.events.of(evidence_id), value) if evidence_id else [""]
            if not any(cell == each or (each and each[0] in SIGNS and cell == f"'{each}") for each in said):
                detail = f"{cell} != {' / '.join(said)} ({evidence_id})"
                self.report.add("csv.value", "{}, {}, {}".format(*where, value["column"]), detail)


def _said(events: List[Tuple[int, Any]], value: Dict[str, str]) -> List[str]:
    try:
        return [shown(member_of(members, value["member"]), value["as"]) for _, members in events]
    except ValueError:
        return []


# --- All of it ---


def check(path: str, key: Optional[str] = None, since: Optional[str] = None, own: Sequence[str] = ()) -> Report:
    """Check a pack; `key` is whom the reader trusts, `since` the text of a checkpoint that the reader holds.

    Where no key is named, one of `own` serves that bears the name of the pack's ledger.

    Raises:
        Unusable: the file can't be read, or is no pack.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:
        raise Unusable("unusable.pack") from None  # an empty file
    except OSError as error:
        raise Unusable("unusable.file", error.strerror or "") from None
    with data:
        return _check(data, key, since, own)


def _check(data: Any, key: Optional[str], since: Optional[str], own: Sequence[str]) -> Report:
    report = Report()
    files = read_archive(data, report)
    manifest = read_manifest(files, report) if files or not report.count else None
    if manifest is None:
        return report
    of_this_ledger = (each for each in own if each.startswith(f"akashi/{manifest['organisation']}+"))
    check_key(manifest, key or next(of_this_ledger, None), report)
    check_files(manifest, files, report)
    leaves = check_leaves(manifest, files, since, report)
    events = read_events(manifest, files.get(EVENTS), leaves, report)
    check_introduction(manifest, events, leaves, report)
    tables = Tables(manifest, events, report)
    for entry in manifest["files"]:
        if entry["rows"] is not None and entry["path"] in files:
            tables.check(entry, files[entry["path"]])
    report.facts = [
        ("organisation", manifest["organisation"]),
        ("period", "[{from}, {to})".format(**manifest["period"])),
        *((name, str(manifest[name])) for name in ("as_of", "known_at", "generator", "criteria")),
        ("files", str(len(files))),
        ("tables", f"{tables.rows} rows, {tables.ids} evidence ids, {tables.cells} cells compared with events"),
        ("events", f"{events.count} / {len(leaves)}"),
        ("ledger key", manifest["ledger"]["fingerprint"]),
        ("pack key", manifest["pack_key"]["fingerprint"]),
    ]
    return report


def _plain(text: str) -> str:
    """Write signs that steer a terminal as escapes."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def print_report(report: Report, is_japanese: bool) -> None:
    """Say what was found."""
    for name, value in report.facts:
        print(f"{name + ':':14}{_plain(value)}")
    for finding in report.findings:
        print(_plain(f"{finding.code}  {finding.where}  {finding.detail}").rstrip())
        print("    " + MEANINGS[finding.code][is_japanese])
    if report.earlier:
        print(EARLIER[is_japanese].format(report.earlier))
    if report.count > len(report.findings):
        print(f"… +{report.count - len(report.findings)}")
    if report.count:
        print((f"Problems: {report.count}", f"問題：{report.count} 件")[is_japanese])
        return
    print(("Nothing is wrong.", "問題はありません。")[is_japanese])
    if not report.is_key_known:
        print(("WHO MADE IT was not checked: compare a fingerprint with one that you got on another way (--key).", "作成者は確認していません。別の方法で入手したフィンガープリントと照合してください（--key）。")[is_japanese])  # fmt: skip
    for text in LIMITS:
        print(text[is_japanese])


def main(arguments: Optional[Sequence[str]] = None, own: Sequence[str] = ()) -> int:
    """Run the command; give its exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of Akashi. 証跡パックを検証します。")
    parser.add_argument("pack", help="the ZIP file")
    parser.add_argument(
        "--key", help="fingerprint or verifier key of the ledger or of the pack, from a source you trust"
    )
    parser.add_argument("--since", help="file with a checkpoint that you hold")
    parser.add_argument("--lang", choices=("ja", "en"), default="ja" if os.environ.get("LANG", "").startswith("ja") else "en")  # fmt: skip
    options = parser.parse_args(arguments)
    is_japanese = options.lang == "ja"
    try:
        since = None
        if options.since is not None:
            try:
                with open(options.since, encoding="utf-8", newline="") as file:  # noqa: PTH123
                    since = file.read(100_000)
            except (OSError, ValueError):
                raise Unusable("unusable.since") from None
        report = check(options.pack, options.key, since, own)
    except Unusable as unusable:
        print(f"{unusable.code}  {options.pack!a}  {unusable.detail}\n    {MEANINGS[unusable.code][is_japanese]}")
        return 2
    print_report(report, is_japanese)
    return 1 if report.count else 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
