"""The tool's own keys on disk."""

import base64
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lms.config import KeyFolder
from lms.lti.tool_keys import (
    KeyInUse,
    RotationUnderway,
    ToolKeyring,
    UnknownKey,
    add_key,
    load_or_create,
    retire_key,
)
from lms.store.key_files import KeyFileExposed, KeyFileUnreadable
from tests.conftest import NOW


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path)


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, section 3, by hand."""
    text = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_the_first_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "keys"
    made = load_or_create(KeyFolder(directory))
    assert [stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()] == [0o600]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert load_or_create(KeyFolder(directory)).public_jwks() == made.public_jwks()


def test_what_is_published_is_public_and_named_by_its_thumbprint(tmp_path: Path) -> None:
    keys = load_or_create(KeyFolder(tmp_path))
    [published] = keys.public_jwks()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}
    assert (published["kty"], published["alg"], published["use"]) == ("RSA", "RS256", "sig")
    assert published["kid"] == thumbprint(published) == keys.signer(NOW).kid


def test_a_signature_verifies_with_the_published_key_and_names_it(tmp_path: Path) -> None:
    keys = load_or_create(KeyFolder(tmp_path))
    signed = keys.signer(NOW).sign({"sub": "4"})
    [published] = keys.public_jwks()["keys"]
    assert jwt.get_unverified_header(signed) == {"alg": "RS256", "typ": "JWT", "kid": keys.signer(NOW).kid}
    assert jwt.decode(signed, jwt.PyJWK(published).key, algorithms=["RS256"]) == {"sub": "4"}


DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


def test_a_new_key_is_published_a_day_before_it_signs(folder: KeyFolder) -> None:
    first = load_or_create(folder).signer(NOW)
    added = add_key(folder, NOW)
    both = load_or_create(folder)
    assert [key["kid"] for key in both.public_jwks()["keys"]] == [first.kid, added.kid]
    assert {both.signer(NOW + after).kid for after in (SECOND, DAY - SECOND)} == {first.kid}
    assert {both.signer(NOW + after).kid for after in (DAY, 365 * DAY)} == {added.kid}


def test_a_key_for_an_emergency_signs_at_once(folder: KeyFolder) -> None:
    load_or_create(folder)
    waiting, urgent = add_key(folder, NOW), add_key(folder, NOW, timedelta(0))
    assert waiting.kid != urgent.kid
    assert load_or_create(folder).signer(NOW).kid == urgent.kid


def test_one_rotation_at_a_time(folder: KeyFolder) -> None:
    load_or_create(folder)
    added = add_key(folder, NOW)
    with pytest.raises(RotationUnderway) as caught:
        add_key(folder, NOW + DAY - SECOND)
    assert caught.value.key.kid == added.kid
    assert add_key(folder, NOW + DAY).number == 3


def states(folder: KeyFolder, moment: datetime) -> list[str]:
    return [each.state.value for each in load_or_create(folder).standings(moment)]


def test_a_key_is_spent_a_day_after_its_successor_began_to_sign(folder: KeyFolder) -> None:
    load_or_create(folder)
    assert states(folder, NOW) == ["signing"]
    add_key(folder, NOW)
    assert states(folder, NOW + DAY - SECOND) == ["signing", "upcoming"]
    assert states(folder, NOW + DAY) == ["overlapping", "signing"]
    assert states(folder, NOW + 2 * DAY - SECOND) == ["overlapping", "signing"]
    assert states(folder, NOW + 2 * DAY) == ["spent", "signing"]


def test_only_a_spent_key_is_retired_unless_forced(folder: KeyFolder) -> None:
    load_or_create(folder)
    add_key(folder, NOW)
    for number, moment in ((1, NOW), (2, NOW), (1, NOW + DAY), (2, NOW + DAY), (1, NOW + 2 * DAY - SECOND)):
        with pytest.raises(KeyInUse):
            retire_key(folder, number, moment)
    assert len(load_or_create(folder).keys) == 2
    with pytest.raises(UnknownKey):
        retire_key(folder, 3, NOW)
    assert retire_key(folder, 1, NOW + 2 * DAY).number == 1
    assert [key.number for key in load_or_create(folder).keys] == [2]


def test_force_takes_any_key_but_the_only_one(folder: KeyFolder) -> None:
    load_or_create(folder)
    with pytest.raises(KeyInUse):
        retire_key(folder, 1, NOW, is_forced=True)
    urgent = add_key(folder, NOW, timedelta(0))
    retire_key(folder, 1, NOW, is_forced=True)
    assert load_or_create(folder).signer(NOW).kid == urgent.kid


def test_running_processes_take_a_rotation_over(folder: KeyFolder) -> None:
    keyring = ToolKeyring(folder)
    first = keyring.signer(NOW)
    assert keyring.keys() is keyring.keys(), "nothing is read anew while nothing changes"
    added = add_key(folder, NOW)
    assert [key["kid"] for key in keyring.public_jwks()["keys"]] == [first.kid, added.kid]
    assert [keyring.signer(NOW + after).kid for after in (DAY - SECOND, DAY)] == [first.kid, added.kid]
    retire_key(folder, 1, NOW + 2 * DAY)
    assert [key["kid"] for key in keyring.public_jwks()["keys"]] == [added.kid]


def test_a_running_process_keeps_its_keys_while_the_folder_cannot_be_read(folder: KeyFolder) -> None:
    keyring = ToolKeyring(folder)
    first = keyring.signer(NOW)
    add_key(folder, NOW, timedelta(0))
    (folder.path / "tool-key-0002.pem").chmod(0o640)
    assert [key["kid"] for key in keyring.public_jwks()["keys"]] == [first.kid]
    (folder.path / "tool-key-0002.pem").chmod(0o600)
    assert keyring.signer(NOW).number == 2


@pytest.mark.parametrize("time", ["tomorrow", "2026-11-23T03:00:00"])
def test_a_time_that_cannot_be_read_refuses_the_key(folder: KeyFolder, time: str) -> None:
    load_or_create(folder)
    add_key(folder, NOW)
    path = folder.path / "tool-key-0002.pem"
    path.write_text(path.read_text().replace("Signs from: 2026-11-24T03:00:00Z", f"Signs from: {time}"))
    with pytest.raises(KeyFileUnreadable):
        load_or_create(folder)


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        kids = set(pool.map(lambda _: load_or_create(KeyFolder(tmp_path)).signer(NOW).kid, range(4)))
    assert len(kids) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tool-key-0001.pem"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create(KeyFolder(tmp_path))
    (tmp_path / "tool-key-0001.pem").chmod(mode)
    with pytest.raises(KeyFileExposed) as caught:
        load_or_create(KeyFolder(tmp_path))
    assert caught.value.name == "tool-key-0001.pem"


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("content", ["nothing", "elliptic", "short"])
def test_a_file_that_is_no_strong_rsa_key_is_refused(tmp_path: Path, content: str) -> None:
    contents = {
        "nothing": b"",
        "elliptic": private_pem(ec.generate_private_key(ec.SECP256R1())),
        "short": private_pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - to be refused
    }
    path = tmp_path / "tool-key-0001.pem"
    path.write_bytes(contents[content])
    path.chmod(0o600)
    with pytest.raises(KeyFileUnreadable):
        load_or_create(KeyFolder(tmp_path))
