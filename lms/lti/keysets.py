"""A platform's public keys: read strictly, kept, and fetched anew when a token names a key that we lack.

A good keyset outlives the platform's outages; a failed fetch is never kept in its place.

Source: RFC 7517 (JSON Web Key); 1EdTech Security Framework 1.0, section 6.3.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from lms.lti.http import OutgoingFault, PlatformHttp

REFRESH_AFTER: Final = timedelta(hours=24)
PAUSE_BETWEEN_REFETCHES: Final = timedelta(seconds=30)
"""Per registration, so that tokens with invented key ids cannot make us hammer a platform."""

MIN_BITS: Final = 2048
MAX_BITS: Final = 8192
MAX_KEYS: Final = 100
MAX_KID_LENGTH: Final = 255
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")


class KeysetFault(Exception):
    """No key was found for a token."""

    def __init__(self, platform_id: int, reason: str) -> None:
        super().__init__(platform_id, reason)
        self.platform_id = platform_id
        self.reason = reason
        """A stable code for the log."""


class UnknownKid(KeysetFault):
    """The platform publishes no key of that id: the token is to be refused."""


class KeysetUnavailable(KeysetFault):
    """The platform's keys are out of reach: nothing can be said about the token."""


class KeysetMalformed(Exception):
    """The document is not a keyset, or holds no key that could verify a token; carries a code."""


@dataclass(frozen=True)
class Keyset:
    """The keys of one platform that can verify RS256 signatures, by their ids."""

    keys: Mapping[str, RSAPublicKey]


@dataclass(frozen=True)
class StoredKeyset:
    """A keyset as it was last fetched successfully."""

    jwks_json: str
    fetched_at: datetime
    last_attempt_at: datetime | None
    """When the platform was last asked again, with or without success; None if it never was."""


class KeysetStore(Protocol):
    """Where keysets are kept between processes; each call stands alone, outside the launch's transaction."""

    def get(self, platform_id: int) -> StoredKeyset | None:
        """The platform's last good keyset."""
        ...

    def put(self, platform_id: int, jwks_json: str, fetched_at: datetime) -> None:
        """Keep a good keyset in place of the former one; the time of the last attempt stays."""
        ...

    def note_attempt(self, platform_id: int, attempted_at: datetime) -> None:
        """Remember, before it is made, that the platform is being asked again."""
        ...


class KeysetOwner(Protocol):
    """The registration of a platform, as far as its keys are concerned."""

    @property
    def id(self) -> int:
        """The platform's row."""
        ...

    @property
    def keyset_url(self) -> str:
        """Where the platform publishes its keys."""
        ...


class KeysetSource:
    """Finds the key that a token names, asking the platform as seldom as is safe."""

    def __init__(self, http: PlatformHttp, store: KeysetStore) -> None:
        self._http = http
        self._store = store

    def find_key(self, owner: KeysetOwner, kid: str, now: datetime) -> RSAPublicKey:
        """The platform's key of that id.

        Raises:
            UnknownKid: The platform does not publish it, as far as it has said in the last 30 s.
            KeysetUnavailable: The platform did not answer with a keyset, and the one kept (if any) lacks the key.
        """
        stored = self._store.get(owner.id)
        kept = None if stored is None else _read_kept(stored.jwks_json)
        if stored is None or kept is None:
            return _choose(owner, self._fetch(owner, now), kid)
        may_ask = stored.last_attempt_at is None or not _is_within(now, stored.last_attempt_at, PAUSE_BETWEEN_REFETCHES)
        is_stale = not _is_within(now, stored.fetched_at, REFRESH_AFTER)
        if may_ask and (is_stale or kid not in kept.keys):
            kept = self._ask_again(owner, kept, kid, now)
        elif kid not in kept.keys and _is_open(stored):
            raise KeysetUnavailable(owner.id, "asked_just_now")
        return _choose(owner, kept, kid)

    def _ask_again(self, owner: KeysetOwner, kept: Keyset, kid: str, now: datetime) -> Keyset:
        self._store.note_attempt(owner.id, now)
        try:
            return self._fetch(owner, now)
        except KeysetUnavailable:
            if kid in kept.keys:
                return kept
            raise

    def _fetch(self, owner: KeysetOwner, now: datetime) -> Keyset:
        try:
            reply = self._http.request("GET", owner.keyset_url, headers={"Accept": "application/json"})
        except OutgoingFault as fault:
            raise KeysetUnavailable(owner.id, type(fault).__name__) from fault
        if reply.status != 200:
            raise KeysetUnavailable(owner.id, f"status_{reply.status}")
        try:
            text = reply.body.decode()
            keyset = parse_keyset(text)
        except (UnicodeDecodeError, KeysetMalformed):
            raise KeysetUnavailable(owner.id, "malformed") from None
        self._store.put(owner.id, text, now)
        return keyset


@lru_cache(maxsize=256)
def parse_keyset(jwks_json: str) -> Keyset:
    """Read a keyset document; keys that cannot verify RS256 are passed over, as platforms publish others beside them.

    Parsed keysets are remembered by their text, so that a launch costs no key parsing.

    Raises:
        KeysetMalformed: Not a keyset, two keys of one id, or no usable key.
    """
    try:
        document = json.loads(jwks_json)
    except (ValueError, RecursionError):
        raise KeysetMalformed("not_json") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise KeysetMalformed("not_a_keyset")
    keys: dict[str, RSAPublicKey] = {}
    for entry in entries:
        key = _read_key(entry)
        if key is None:
            continue
        if entry["kid"] in keys:
            raise KeysetMalformed("kid_twice")
        keys[entry["kid"]] = key
    if not keys:
        raise KeysetMalformed("no_usable_key")
    return Keyset(keys)


def _read_kept(jwks_json: str) -> Keyset | None:
    try:
        return parse_keyset(jwks_json)
    except KeysetMalformed:
        return None


def _choose(owner: KeysetOwner, keyset: Keyset, kid: str) -> RSAPublicKey:
    key = keyset.keys.get(kid)
    if key is None:
        raise UnknownKid(owner.id, "kid_unknown")
    return key


def _is_open(stored: StoredKeyset) -> bool:
    """Whether the last attempt has brought nothing: it failed, or another launch is waiting for it this moment."""
    return stored.last_attempt_at is not None and stored.last_attempt_at > stored.fetched_at


def _is_within(now: datetime, start: datetime, span: timedelta) -> bool:
    # A start in the future means that a clock was set back: it bounds nothing.
    return start <= now < start + span


def _read_key(entry: object) -> RSAPublicKey | None:
    if not isinstance(entry, dict) or not _is_for_rs256(entry):
        return None
    modulus, exponent = _number(entry.get("n")), _number(entry.get("e"))
    if modulus is None or exponent is None or not MIN_BITS <= modulus.bit_length() <= MAX_BITS:
        return None
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None


def _is_for_rs256(entry: Mapping[str, object]) -> bool:
    kid = entry.get("kid")
    return (
        entry.get("kty") == "RSA"
        and entry.get("alg", "RS256") == "RS256"
        and entry.get("use", "sig") == "sig"
        and isinstance(kid, str)
        and 0 < len(kid) <= MAX_KID_LENGTH
    )


def _number(text: object) -> int | None:
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
