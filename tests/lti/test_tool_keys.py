"""The tool's own keys on disk."""

import base64
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lms.lti.tool_keys import KeyFileOpen, KeyFileUnreadable, add_key, load_or_create


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, section 3, by hand."""
    text = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_the_first_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "keys"
    made = load_or_create(directory)
    assert [stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()] == [0o600]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert load_or_create(directory).public_jwks() == made.public_jwks()


def test_what_is_published_is_public_and_named_by_its_thumbprint(tmp_path: Path) -> None:
    keys = load_or_create(tmp_path)
    [published] = keys.public_jwks()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}
    assert (published["kty"], published["alg"], published["use"]) == ("RSA", "RS256", "sig")
    assert published["kid"] == thumbprint(published) == keys.current.kid


def test_a_signature_verifies_with_the_published_key_and_names_it(tmp_path: Path) -> None:
    keys = load_or_create(tmp_path)
    signed = keys.current.sign({"sub": "4"})
    [published] = keys.public_jwks()["keys"]
    assert jwt.get_unverified_header(signed) == {"alg": "RS256", "typ": "JWT", "kid": keys.current.kid}
    assert jwt.decode(signed, jwt.PyJWK(published).key, algorithms=["RS256"]) == {"sub": "4"}


def test_a_new_key_signs_while_its_predecessor_stays_published(tmp_path: Path) -> None:
    first = load_or_create(tmp_path)
    both = add_key(tmp_path)
    assert both.current.kid != first.current.kid
    assert [key["kid"] for key in both.public_jwks()["keys"]] == [first.current.kid, both.current.kid]
    (tmp_path / "tool-key-0001.pem").unlink()
    assert [key["kid"] for key in load_or_create(tmp_path).public_jwks()["keys"]] == [both.current.kid]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        kids = set(pool.map(lambda _: load_or_create(tmp_path).current.kid, range(4)))
    assert len(kids) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tool-key-0001.pem"]


def test_with_a_passphrase_the_file_is_encrypted(tmp_path: Path) -> None:
    kid = load_or_create(tmp_path, b"correct horse").current.kid
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "tool-key-0001.pem").read_bytes()
    assert load_or_create(tmp_path, b"correct horse").current.kid == kid
    for other in (b"wrong", None):
        with pytest.raises(KeyFileUnreadable):
            load_or_create(tmp_path, other)


def test_a_plain_file_is_refused_where_a_passphrase_is_expected(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    with pytest.raises(KeyFileUnreadable):
        load_or_create(tmp_path, b"correct horse")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_create(tmp_path)
    (tmp_path / "tool-key-0001.pem").chmod(mode)
    with pytest.raises(KeyFileOpen) as caught:
        load_or_create(tmp_path)
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
        load_or_create(tmp_path)
