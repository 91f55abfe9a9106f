"""Signed notes and checkpoints: what is written, what is believed and what is refused.

Source of the vectors: the published test keys and notes of the Go checksum database's note package and of an
independent implementation of C2SP signed-note (example.com/foo).
"""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from courses import signed_notes
from courses.ledger import EMPTY_ROOT
from courses.signed_notes import Checkpoint, NoteVerifier

ORIGIN = "akashi/example-univ"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
VERIFIER = NoteVerifier.of(ORIGIN, KEY.public_key())
ROOT = bytes.fromhex("fff7811233b7f979382cd821bc57bec8b19b4a86b3dcf5819cdfb16a1b786fb2")
GOLDEN_VERIFIER_KEY = "akashi/example-univ+969453a9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
GOLDEN_CHECKPOINT = (
    "akashi/example-univ\n"
    "1\n"
    "//eBEjO3+Xk4LNghvFe+yLGbSoaz3PWBnN+xaht4b7I=\n"
    "\n"
    "— akashi/example-univ lpRTqVUr7kiyaweKxfofftiFC9KSnlNJkHQWnqAqlPvprCJk/JHg6fSHC8lp7hnXoEZmSPJFKK3TH35P/FKKlDXxNQU=\n"
)
FOREIGN_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOREIGN_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
NOTE = signed_notes.sign_note("one\n\ntwo\n", ORIGIN, KEY)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(code) for code in range(32)]))
BODIES = st.lists(TEXTS, min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")


# Published vectors


@pytest.mark.parametrize(
    "text",
    [
        FOREIGN_KEY,
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_verifier_keys_of_other_logs_are_read_and_written_back(text: str) -> None:
    assert str(NoteVerifier.parse(text)) == text


def test_a_note_written_by_another_implementation_is_opened() -> None:
    assert signed_notes.open_note(FOREIGN_NOTE, NoteVerifier.parse(FOREIGN_KEY)) == "This is an example message.\n"


def test_a_note_is_written_byte_for_byte_as_another_implementation_writes_it() -> None:
    seed = base64.b64decode("gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=")
    body = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert signed_notes.sign_note(body, "PeterNeumann", key) == f"{body}\n— PeterNeumann {signature}\n"


# Notes


def test_a_signed_checkpoint_and_its_verifier_key_never_change() -> None:
    assert str(VERIFIER) == GOLDEN_VERIFIER_KEY
    assert signed_notes.sign_checkpoint(Checkpoint(ORIGIN, 1, ROOT), KEY) == GOLDEN_CHECKPOINT


@given(body=BODIES)
@settings(deadline=None)
def test_what_is_signed_is_what_is_opened(body: str) -> None:
    note = signed_notes.sign_note(body, ORIGIN, KEY)
    assert note.startswith(body)
    assert signed_notes.open_note(note, VERIFIER) == body


@given(position=st.integers(0, len(NOTE.encode()) * 8 - 1))
@settings(deadline=None, max_examples=300)
def test_no_bit_of_a_note_may_change(position: int) -> None:
    data = bytearray(NOTE.encode())
    data[position // 8] ^= 1 << position % 8
    try:
        changed = data.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(signed_notes.NoteError):
        signed_notes.open_note(changed, VERIFIER)


@pytest.mark.parametrize("body", ["", "no newline", "tab\t\n", "nul\0\n", "crlf\r\n", "half \ud800\n"])
def test_a_text_that_can_not_stand_in_a_note_is_not_signed(body: str) -> None:
    with pytest.raises(signed_notes.MalformedNoteError):
        signed_notes.sign_note(body, ORIGIN, KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b", "a\u00a0b", "a\0b", "a\ud800"])
def test_a_name_that_can_not_stand_in_a_signature_line_is_refused(name: str) -> None:
    with pytest.raises(signed_notes.KeyNameError) as refusal:
        signed_notes.sign_note("text\n", name, KEY)
    assert refusal.value.name == name


def signature_line(note: str) -> str:
    return note.rsplit("\n\n", 1)[1]


def test_the_lines_of_other_keys_are_ignored() -> None:
    other = signed_notes.sign_note("one\n\ntwo\n", "witness.example/w1", OTHER_KEY)
    same_name = signed_notes.sign_note("one\n\ntwo\n", ORIGIN, OTHER_KEY)
    note = other + signature_line(same_name) + signature_line(NOTE)
    assert signed_notes.open_note(note, VERIFIER) == "one\n\ntwo\n"


def test_a_note_that_the_expected_key_has_not_signed_is_refused() -> None:
    for name, key in (("witness.example/w1", KEY), (ORIGIN, OTHER_KEY)):
        with pytest.raises(signed_notes.UnknownSignerError) as refusal:
            signed_notes.open_note(signed_notes.sign_note("text\n", name, key), VERIFIER)
        assert (refusal.value.name, refusal.value.key_id) == (ORIGIN, VERIFIER.key_id)


def test_a_signature_over_another_text_is_refused_even_beside_a_good_one() -> None:
    wrong_line = signature_line(signed_notes.sign_note("another\n", ORIGIN, KEY))
    for note in ("one\n\ntwo\n\n" + wrong_line, NOTE + wrong_line):
        with pytest.raises(signed_notes.WrongSignatureError) as refusal:
            signed_notes.open_note(note, VERIFIER)
        assert (refusal.value.name, refusal.value.key_id) == (ORIGIN, VERIFIER.key_id)


def test_a_signature_of_another_length_is_refused() -> None:
    short = base64.b64encode(VERIFIER.key_id + bytes(63)).decode()
    with pytest.raises(signed_notes.WrongSignatureError):
        signed_notes.open_note(f"text\n\n— {ORIGIN} {short}\n", VERIFIER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        NOTE[:-1],
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("two", "t\two"),
        NOTE + "\ud800\n",
    ],
)
def test_a_text_that_is_not_a_note_is_refused(text: str) -> None:
    with pytest.raises(signed_notes.MalformedNoteError):
        signed_notes.open_note(text, VERIFIER)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "- example.org AAAAAAA=",
        "— example.org",
        "— example.org ",
        "—  AAAAAAA=",
        "—  example.org AAAAAAA=",
        "— example.org  AAAAAAA=",
        "— example.org AAAAAAA= ",
        "— example.org AAAAAAA= more",
        "— example+org AAAAAAA=",
        "— example.org AAAAAAA",
        "— example.org AAAAAAB=",
        "— example.org AAAAAAA==",
        "— example.org AAAA_AA=",
        "— example.org ＡＡＡＡ",
        "— example.org AAAAAA==",
    ],
)
def test_a_signature_line_that_breaks_the_format_spoils_the_note(line: str) -> None:
    with pytest.raises(signed_notes.MalformedNoteError):
        signed_notes.open_note(f"{NOTE}{line}\n", VERIFIER)


def test_the_refusal_of_a_line_says_which_one() -> None:
    with pytest.raises(signed_notes.SignatureLineError) as refusal:
        signed_notes.open_note(NOTE + "garbage\n", VERIFIER)
    assert refusal.value.line_number == 2


def test_a_hundred_signatures_are_read_and_no_more() -> None:
    stranger = "— witness.example/w1 AAAAAAA=\n"
    assert signed_notes.open_note(NOTE + stranger * 99, VERIFIER) == "one\n\ntwo\n"
    with pytest.raises(signed_notes.TooManySignaturesError) as refusal:
        signed_notes.open_note(NOTE + stranger * 100, VERIFIER)
    assert refusal.value.count == 101


# Verifier keys


@pytest.mark.parametrize(
    "text",
    [
        "",
        ORIGIN,
        ORIGIN + "+969453a9",
        GOLDEN_VERIFIER_KEY.replace("969453a9", "969453a8"),
        GOLDEN_VERIFIER_KEY.replace("969453a9", "969453A9"),
        GOLDEN_VERIFIER_KEY.replace("example", "another"),
        GOLDEN_VERIFIER_KEY + "\n",
        GOLDEN_VERIFIER_KEY + "=",
        GOLDEN_VERIFIER_KEY.replace("+AQOh", "+AgOh"),
        ORIGIN + "+969453a9+AQOhB7/zzhC+",
        "+969453a9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "a b+969453a9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
    ],
)
def test_a_verifier_key_with_any_fault_is_refused(text: str) -> None:
    with pytest.raises(signed_notes.NoteError):
        NoteVerifier.parse(text)


def test_the_refusal_of_a_verifier_key_shows_it() -> None:
    with pytest.raises(signed_notes.VerifierKeyError) as refusal:
        NoteVerifier.parse("nonsense")
    assert refusal.value.text == "nonsense"


# Checkpoints


@given(size=st.integers(1, 2**63 - 1), root=st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    body = signed_notes.checkpoint_body(checkpoint)
    assert re.fullmatch(r"akashi/example-univ\n[1-9][0-9]*\n[A-Za-z0-9+/]{43}=\n", body)
    assert signed_notes.parse_checkpoint(body) == checkpoint
    assert signed_notes.open_checkpoint(signed_notes.sign_checkpoint(checkpoint, KEY), VERIFIER) == checkpoint


def test_the_checkpoint_of_an_empty_ledger_says_0_and_the_empty_root() -> None:
    body = "akashi/example-univ\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert signed_notes.parse_checkpoint(body) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


ENCODED = "//eBEjO3+Xk4LNghvFe+yLGbSoaz3PWBnN+xaht4b7I="


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ("", "lines"),
        (f"{ORIGIN}\n1\n", "lines"),
        (f"{ORIGIN}\n1\n{ENCODED}", "lines"),
        (f"{ORIGIN}\n1\n{ENCODED}\n\n", "lines"),
        (f"{ORIGIN}\n1\n{ENCODED}\nextension\n", "lines"),
        (f"{ORIGIN}\n1\n{ENCODED}\ngarbage", "lines"),
        (f"\n1\n{ENCODED}\n", "origin"),
        (f"akashi/a b\n1\n{ENCODED}\n", "origin"),
        (f"{ORIGIN}\n01\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n-1\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n+1\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n1 \n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n1_0\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n１\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n{2**63}\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n{10**19}\n{ENCODED}\n", "size"),
        (f"{ORIGIN}\n1\n{ENCODED[:-1]}\n", "root"),
        (f"{ORIGIN}\n1\n{ENCODED} \n", "root"),
        (f"{ORIGIN}\n1\n{ENCODED[:-2]}J=\n", "root"),
        (f"{ORIGIN}\n1\nAAAA\n", "root"),
        (f"{ORIGIN}\n0\n{ENCODED}\n", "root"),
    ],
)
def test_a_checkpoint_with_any_fault_is_refused(body: str, member: str) -> None:
    with pytest.raises(signed_notes.MalformedCheckpointError) as refusal:
        signed_notes.parse_checkpoint(body)
    assert refusal.value.member == member


def test_a_checkpoint_for_another_ledger_is_refused_though_well_signed() -> None:
    body = signed_notes.checkpoint_body(Checkpoint("akashi/another", 1, ROOT))
    with pytest.raises(signed_notes.OriginMismatchError) as refusal:
        signed_notes.open_checkpoint(signed_notes.sign_note(body, ORIGIN, KEY), VERIFIER)
    assert (refusal.value.origin, refusal.value.expected) == ("akashi/another", ORIGIN)


def test_the_origin_is_made_of_the_organisation_key() -> None:
    assert signed_notes.ledger_origin("example-univ") == ORIGIN


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a+b", "Example", "架空", "a\n", "-a", "a" * 65])
def test_an_organisation_key_that_can_not_name_a_key_is_refused(key: str) -> None:
    with pytest.raises(signed_notes.KeyNameError):
        signed_notes.ledger_origin(key)
