"""Signing keys of the platform, and the one function that makes a signed token.

Source: RFC 7515 (JWS compact serialization), RFC 7517 (JWK). Written out instead of using a library's encoder
because that refuses to sign what a launch test must send: lists, wrong types, foreign algorithms.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KeyMaterial = rsa.RSAPrivateKey | bytes | None
"""An RSA key signs RS256, bytes sign HS256, nothing leaves the signature empty."""


@dataclass(frozen=True)
class SigningKey:
    """An RSA key and the name under which it is published."""

    kid: str
    private_key: rsa.RSAPrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key of 2048 bits with a random name."""
        return cls(secrets.token_hex(10), rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @classmethod
    def from_pem(cls, kid: str, pem: str) -> "SigningKey":
        """Read back what ``pem`` wrote.

        Raises:
            TypeError: The text holds a key that is not RSA.
        """
        key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(type(key).__name__)
        return cls(kid, key)

    def pem(self) -> str:
        """The private key as unencrypted PKCS#8 text."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")

    def public_jwk(self) -> dict[str, str]:
        """The public half as the platform publishes it."""
        numbers = self.private_key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "kid": self.kid,
            "e": _encode_number(numbers.e),
            "n": _encode_number(numbers.n),
            "use": "sig",
        }


class KeyRing:
    """The published keys; the last one signs."""

    def __init__(self, keys: list[SigningKey] | None = None) -> None:
        self.keys = keys or [SigningKey.generate()]

    @property
    def current(self) -> SigningKey:
        """The key that signs launches now."""
        return self.keys[-1]

    def rotate(self) -> SigningKey:
        """Sign with a new key from now on; the old ones stay published."""
        self.keys = [*self.keys, SigningKey.generate()]
        return self.current

    def retire_old(self) -> None:
        """Publish the current key alone."""
        self.keys = self.keys[-1:]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The key set at the platform's JWKS address."""
        return {"keys": [key.public_jwk() for key in self.keys]}


def sign(header: Any, claims: Any, key: KeyMaterial) -> str:
    """A compact JWS over any JSON values, true or false to the standard as the caller wants."""
    signing_input = f"{_encode_json(header)}.{_encode_json(claims)}"
    return f"{signing_input}.{_encode(_signature(signing_input.encode('ascii'), key))}"


def _signature(signing_input: bytes, key: KeyMaterial) -> bytes:
    if key is None:
        return b""
    if isinstance(key, bytes):
        return hmac.new(key, signing_input, hashlib.sha256).digest()
    return key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


def _encode_json(value: Any) -> str:
    return _encode(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _encode_number(number: int) -> str:
    return _encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
