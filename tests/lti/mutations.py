"""Spoils launches and login requests in structure and in bytes, by a seeded dice: header, claims, signature, form, cookies."""

from __future__ import annotations

import base64
import copy
import hmac
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.lti.oracle import CLAIM, LOGIN_FIELDS, MEMBERSHIP, SETTINGS, Login, Request

Json = dict[str, Any]
MARK = "<b id=zz>"
"""What no page may show unescaped."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, -0.0, 1e308, 10**30, 2**63, "", " ", "\0", "\ud800", "\u202e", "a" * 256, "𠮷" * 255,
    "a" * 5000, MARK, f'"><script>{MARK}', "' OR 1=1 --", "{{7*7}}", "${7*7}", "$User.id", "../../etc/passwd", "%00", "\r\nX: y",
    "null", "0", "NaN", [], {}, [None], [[]], {"a": None}, [1, "2"], {"id": {"id": "1"}}, ["x"] * 200, {MARK: MARK},
)  # fmt: skip
MESSAGES = ("LtiDeepLinkingRequest", "LtiSubmissionReviewRequest", "LtiResourceLinkRequest", "LtiStartProctoring")
HEADERS = (
    "User-Agent", "Accept-Language", "Accept", "Origin", "Referer", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-HTTP-Method-Override", "Authorization", "Sec-Fetch-Dest", "Accept-Encoding", "If-None-Match", "Range",
)  # fmt: skip
ALGORITHMS = (
    "none", "None", "NONE", "nOnE", "", "RS256 ", "rs256", "HS256", "HS384", "RS384", "RS512", "PS256", "ES256", "EdDSA",
    None, 0, ["RS256"], {"alg": "RS256"}, "RSA-OAEP", "dir",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What an attacker may know: a genuine launch's parts, the platform's public key, other logins, keys of their own."""

    header: Json
    claims: Json
    login_fields: dict[str, str]
    key: rsa.RSAPrivateKey
    """The platform's: most mutated claims are signed by it, as if the platform itself were at fault."""
    foreign_key: rsa.RSAPrivateKey
    public_forms: tuple[bytes, ...]
    """Its public half in the spellings that somebody may use as an HMAC's secret."""


@dataclass
class Mutated:
    """A mutated request."""

    request: Request
    what: list[str] = field(default_factory=list)
    """What was done, so that a failure can be understood."""
    is_harmless: bool = False
    """Nothing was done that changes what is said."""


def segment(data: bytes) -> str:
    """Bytes as a part of a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def as_json(value: Any, **how: Any) -> bytes:
    """JSON, lone surrogates and all."""
    return json.dumps(value, separators=(",", ":"), **how).encode("utf-8", "surrogatepass")


class Mutator:
    """Makes mutated launches and logins; the same seed makes the same ones."""

    def __init__(self, known: Known, seed: int) -> None:
        self.known = known
        self.dice = random.Random(seed)
        self.public = known.key.public_key()

    # Launches

    def launch(self, login: Login, other: Login) -> Mutated:
        """Mutate the answer to a login; ``other`` is another login, of the same browser or of a stranger's."""
        kinds = (self._claims, self._header, self._signature, self._bytes, self._raw_json, self._form, self._harmless)
        kind = self.dice.choices(kinds, (40, 8, 13, 16, 9, 13, 1))[0]
        return self._with_headers(kind(login, other))

    def _with_headers(self, made: Mutated) -> Mutated:
        """Now and then, say hostile things in headers, which decide nothing."""
        if self.dice.random() < 0.1:
            name = self.dice.choice(HEADERS)
            value = self.dice.choice(
                (*HOSTILE, "evil.example.invalid", "https://evil.example.invalid", "application/json")
            )
            shown = str(value).encode("utf-8", "replace").decode("latin-1")
            made.request = replace(
                made.request, headers=[(name, "".join(sign for sign in shown if sign not in "\r\n\0"))]
            )
            made.what.append(f"header {name}")
        return made

    def plain(self, login: Login) -> Mutated:
        """A genuine launch."""
        return Mutated(self._request(login, self._token(*self._parts(login))), ["nothing"], is_harmless=True)

    def _parts(self, login: Login) -> tuple[Json, Json]:
        """Header and claims of a genuine launch of any kind."""
        claims = {**copy.deepcopy(self.known.claims), "nonce": login.nonce}
        kind = self.dice.random()
        if kind < 0.15:  # content is to be chosen
            address = f"{claims['iss']}/mod/lti/contentitem_return.php?course=2"
            shown = {"accept_types": ["ltiResourceLink"], "accept_presentation_document_targets": ["iframe", "window"]}
            claims |= {CLAIM + "message_type": "LtiDeepLinkingRequest", CLAIM + "roles": [MEMBERSHIP + "Instructor"]}
            claims[SETTINGS] = {"deep_link_return_url": address, "accept_multiple": True, "data": "x"} | shown
        elif kind < 0.25:  # a submission is to be reviewed
            role = self.dice.choice(("Instructor", "Learner"))
            whose = claims["sub"] if role == "Learner" else self.dice.choice((claims["sub"], "101", "nobody"))
            claims |= {CLAIM + "message_type": "LtiSubmissionReviewRequest", CLAIM + "roles": [MEMBERSHIP + role]}
            claims[CLAIM + "for_user"] = {"user_id": whose}
        return dict(self.known.header), claims

    def _token(self, header: Json | bytes, claims: Json | bytes) -> str:
        first, second = (each if isinstance(each, bytes) else as_json(each) for each in (header, claims))
        signed = f"{segment(first)}.{segment(second)}"
        return f"{signed}.{segment(self.known.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @staticmethod
    def _request(login: Login, token: str) -> Request:
        cookie = f"__Host-l-{sha256(login.state.encode()).hexdigest()[:16]}"
        return Request("POST", form=[("state", login.state), ("id_token", token)], cookies=[(cookie, login.secret)])

    def _claims(self, login: Login, other: Login) -> Mutated:
        header, claims = self._parts(login)
        what = [self._change_claims(claims, other) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        return Mutated(self._request(login, self._token(header, claims)), what)

    def _change_claims(self, claims: Json, other: Login) -> str:
        way = self.dice.randrange(9)
        if way == 0:
            return self._change_time(claims)
        if way == 1:
            return self._change_binding(claims, other)
        place, name = self._somewhere(claims)
        if way == 2:
            place.pop(name)
            return f"{name} left out"
        if way == 3:
            place[self._twist(name)] = place.pop(name)
            return f"{name} renamed"
        if way == 4:
            place[name] = self.dice.choice(([place[name]], {"value": place[name]}, [place[name]] * 2, str(place[name])))
        elif way == 5 and isinstance(place[name], str):
            place[name] = self._twist(place[name])
        else:
            place[name] = copy.deepcopy(self.dice.choice(HOSTILE))
        return f"{name} set to {place[name]!r:.60}"

    def _change_binding(self, claims: Json, other: Login) -> str:
        """Change what ties a launch to its login, to us, or to a person's rights."""
        way = self.dice.randrange(3)
        if way == 0:
            new = self.dice.choice(["azp", "nbf", "jti", "aud", "iss", "acr", CLAIM + "for_user", "exp", "roles", MARK])
            claims[new] = self.dice.choice((*HOSTILE, self.known.claims["aud"], "somebody"))
            return f"{new} set to {claims[new]!r:.60}"
        if way == 1:
            claims[CLAIM + "for_user"] = {"user_id": self.dice.choice(("101", claims.get("sub"), None, ["100"]))}
            claims[CLAIM + "message_type"] = self.dice.choice(MESSAGES)
            claims[CLAIM + "roles"] = [MEMBERSHIP + self.dice.choice(("Learner", "Mentor", "Instructor"))]
            return "another kind of message"
        nonce = claims.get("nonce")
        claims["nonce"] = self.dice.choice((other.nonce, "", None, [nonce], f"{nonce}="))
        return "another nonce"

    def _somewhere(self, claims: Json) -> tuple[Json, str]:
        """A claim, or a member of a claim that is an object; those that bind a launch more often than others."""
        binding = ["iss", "aud", "sub", "nonce", "iat", "exp"]
        binding += [SETTINGS, CLAIM + "for_user"]
        binding += [CLAIM + each for each in ("deployment_id", "target_link_uri", "version", "message_type", "resource_link", "roles")]  # fmt: skip
        found = [each for each in binding if each in claims]
        name = self.dice.choice(found if found and self.dice.random() < 0.6 else list(claims) or ["iss"])
        claims.setdefault(name, "x")
        inner = claims[name]
        if isinstance(inner, dict) and inner and self.dice.random() < 0.6:
            return inner, self.dice.choice(list(inner))
        return claims, name

    def _change_time(self, claims: Json) -> str:
        name = self.dice.choice(("iat", "exp", "nbf"))
        base = self.known.claims["exp" if name == "exp" else "iat"]
        span = self.dice.choice((1, 30, 59, 60, 61, 119, 121, 540, 599, 601, 3600, 86_400, 10**9, 10**18))
        claims[name] = base + self.dice.choice((-1, 1)) * span
        if self.dice.random() < 0.3:
            claims[name] = self.dice.choice(
                (str(claims[name]), float(claims[name]), f"{claims[name]}", [claims[name]], True)
            )
        return f"{name} moved to {claims[name]!r}"

    def _twist(self, text: str) -> str:
        at = self.dice.randrange(len(text) + 1)
        ways: tuple[Callable[[], str], ...] = (
            lambda: text + " ", lambda: " " + text, lambda: text + "/", lambda: text + "\0", lambda: text[:-1], text.upper, text.swapcase,
            lambda: text + text, lambda: quote(text, safe=""), lambda: text.replace("a", "а").replace("e", "е"),
            lambda: text[:at] + "\u200b" + text[at:], lambda: text[:at] + self.dice.choice(ALPHABET) + text[at:],
            lambda: text[:at] + text[at + 1 :], lambda: "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text),
            lambda: text.replace("https://", "http://"), lambda: text.replace("//", "//evil@"), lambda: text + "#", lambda: text + "?x=1",
            lambda: text + "\n", lambda: MARK + text, lambda: text.replace("1.3", "1.03"), lambda: text[::-1],
        )  # fmt: skip
        return self.dice.choice(ways)()

    def _header(self, login: Login, _other: Login) -> Mutated:
        header, claims = self._parts(login)
        way = self.dice.randrange(5)
        if way == 0:
            header["alg"] = self.dice.choice(ALGORITHMS)
        elif way == 1:
            header["kid"] = self.dice.choice((*HOSTILE, self._twist(header["kid"])))
        elif way == 2:
            header.pop(self.dice.choice(list(header)))
        elif way == 3:
            name = self.dice.choice(("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "cty", "enc", "typ", "x5t#S256"))
            header[name] = self.dice.choice(
                (*HOSTILE, ["exp"], ["b64"], self._own_jwk(), "https://evil.example.invalid/keys")
            )
        else:
            header[self._twist(self.dice.choice(list(header)))] = self.dice.choice(HOSTILE)
        return Mutated(self._request(login, self._token(header, claims)), [f"header {header!r:.200}"])

    def _own_jwk(self) -> Json:
        numbers = self.known.foreign_key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "e": "AQAB",
            "n": segment(numbers.n.to_bytes(256, "big")),
            "kid": self.known.header["kid"],
        }

    def _signature(self, login: Login, _other: Login) -> Mutated:
        header, claims = self._parts(login)
        if self.dice.random() < 0.5:
            header["alg"] = self.dice.choice(("RS256", "HS256", "none", "RS512", "PS256"))
        signed = f"{segment(as_json(header))}.{segment(as_json(claims))}"
        name, made = self.dice.choice(self._signatures(signed.encode()))
        return Mutated(
            self._request(login, f"{signed}.{segment(made())}"), [f"signature {name}", f"alg {header['alg']}"]
        )

    def _signatures(self, signed: bytes) -> list[tuple[str, Callable[[], bytes]]]:
        key, foreign, dice = self.known.key, self.known.foreign_key, self.dice
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        secrets = [*self.known.public_forms, b"", b"secret", self.known.claims["aud"].encode()]
        number = dice.choice((0, 1, 2, self.public.public_numbers().n, self.public.public_numbers().n - 1))
        return [
            ("of another key", lambda: foreign.sign(signed, padding.PKCS1v15(), hashes.SHA256())),
            ("of another text", lambda: key.sign(signed + b" ", padding.PKCS1v15(), hashes.SHA256())),
            ("by SHA-1", lambda: key.sign(signed, padding.PKCS1v15(), hashes.SHA1())),  # noqa: S303 - to be refused
            ("by SHA-512", lambda: key.sign(signed, padding.PKCS1v15(), hashes.SHA512())),
            ("by PSS", lambda: key.sign(signed, salted, hashes.SHA256())),
            ("by HMAC", lambda: hmac.new(dice.choice(secrets), signed, sha256).digest()),
            ("empty", lambda: b""),
            ("a number", lambda: number.to_bytes(256, "big")),
            ("noise", lambda: dice.randbytes(dice.choice((1, 32, 255, 256, 257, 512)))),
            ("with a bit turned", lambda: self._turned(key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))),
            ("cut", lambda: key.sign(signed, padding.PKCS1v15(), hashes.SHA256())[: dice.randrange(256)]),
            ("with a tail", lambda: key.sign(signed, padding.PKCS1v15(), hashes.SHA256()) + dice.randbytes(dice.randrange(1, 9))),
        ]  # fmt: skip

    def _turned(self, data: bytes) -> bytes:
        at = self.dice.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << self.dice.randrange(8))]) + data[at + 1 :]

    def _bytes(self, login: Login, other: Login) -> Mutated:
        token = self._token(*self._parts(login))
        what = []
        for _ in range(self.dice.choice((1, 1, 2, 5))):
            token, done = self._spoil(token, other)
            what.append(done)
        return Mutated(self._request(login, token), what)

    def _spoil(self, token: str, other: Login) -> tuple[str, str]:
        at, parts = self.dice.randrange(len(token) + 1), token.split(".")
        sign = self.dice.choice([*ALPHABET, ".", "=", "+", "/", " ", "\0", "\n", "é", "印", "%", "&", "~"])
        ways: tuple[tuple[str, Callable[[], str]], ...] = (
            ("a character replaced", lambda: token[:at] + sign + token[at + 1 :]),
            ("a character put in", lambda: token[:at] + sign + token[at:]),
            ("a character taken out", lambda: token[:at] + token[at + 1 :]),
            ("cut", lambda: token[:at]),
            ("last character respelt", lambda: token[:-1] + ALPHABET[(ALPHABET.find(token[-1:]) ^ self.dice.randrange(1, 16)) % 64]),
            ("a part repeated", lambda: ".".join([*parts, self.dice.choice(parts)])),
            ("parts shuffled", lambda: ".".join(self.dice.sample(parts, len(parts)))),
            ("padded", lambda: token + "=" * self.dice.randrange(1, 4)),
            ("a part padded", lambda: ".".join([part + "=" * (-len(part) % 4) for part in parts])),
            ("in the other alphabet", lambda: token.replace("-", "+").replace("_", "/")),
            ("white space around", lambda: f" {token}\n"),
            ("percent-encoded", lambda: quote(token, safe="").replace(".", "%2E")),
            ("body of another launch", lambda: ".".join([parts[0], segment(as_json(self._parts(other)[1])), parts[-1]])),
            ("Bearer before it", lambda: "Bearer " + token),
            ("as JSON", lambda: json.dumps({"protected": parts[0], "payload": parts[-1], "signature": parts[-1]})),
            ("enormous", lambda: token + "A" * self.dice.choice((70_000, 200_000))),
            ("upper case", token.upper),
        )  # fmt: skip
        name, way = self.dice.choice(ways)
        return way(), f"{name} at {at}"

    def _raw_json(self, login: Login, other: Login) -> Mutated:
        header, claims = self._parts(login)
        first, second = as_json(header), as_json(claims)
        twice = json.dumps({self.dice.choice(list(claims)): self.dice.choice(("x", None, other.nonce, 2**40))}).encode()
        ways: tuple[tuple[str, Callable[[], tuple[bytes, bytes]]], ...] = (
            ("a claim twice, first", lambda: (first, twice[:-1] + b"," + second[1:])),
            ("a claim twice, last", lambda: (first, second[:-1] + b"," + twice[1:])),
            ("a header member twice", lambda: (b'{"alg":"none",' + first[1:], second)),
            ("a tail", lambda: (first, second + self.dice.choice((b"{}", b"x", b",", b"\0", b"}")))),
            ("a byte order mark", lambda: (first, b"\xef\xbb\xbf" + second)),
            ("UTF-16", lambda: (first, second.decode().encode("utf-16"))),
            ("UTF-32", lambda: (first.decode().encode("utf-32-le"), second)),
            ("a wrong byte", lambda: (first, second.replace(b"given_name", b"given\xff_name"))),
            ("a constant", lambda: (first, second[:-1] + b',"x":' + self.dice.choice((b"NaN", b"Infinity", b"-Infinity")) + b"}")),
            ("an endless number", lambda: (first, second[:-1] + b',"x":' + b"9" * 5000 + b"}")),
            ("a depth", lambda: (first, second[:-1] + b',"x":' + b"[" * 12_000 + b"]" * 12_000 + b"}")),
            ("a deep header", lambda: (b'{"x":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, second)),
            ("a comment", lambda: (first, b"/* */" + second)),
            ("single quotes", lambda: (first, second.replace(b'"', b"'"))),
            ("a list", lambda: (first, b"[" + second + b"]")),
            ("a list as header", lambda: (b"[" + first + b"]", second)),
            ("a byte turned", lambda: (first, self._turned(second))),
            ("a byte of the header turned", lambda: (self._turned(first), second)),
            ("nothing", lambda: (first, b"")),
            ("a lone surrogate", lambda: (first, second[:-1] + b',"x":"\\ud800"}')),
        )  # fmt: skip
        name, way = self.dice.choice(ways)
        return Mutated(self._request(login, self._token(*way())), [f"JSON with {name}"])

    def _form(self, login: Login, other: Login) -> Mutated:
        good = self._request(login, self._token(*self._parts(login)))
        state, token = good.form
        cookie, secret = good.cookies[0]
        strangers = Request(
            "POST", cookies=[(f"__Host-l-{sha256(other.state.encode()).hexdigest()[:16]}", other.secret)]
        )
        ways: tuple[tuple[str, Callable[[], Request]], ...] = (
            ("no state", lambda: replace(good, form=[token])),
            ("no token", lambda: replace(good, form=[state])),
            ("nothing", lambda: replace(good, form=[])),
            ("two states", lambda: replace(good, form=[state, ("state", self.dice.choice((state[1], other.state, ""))), token])),
            ("two tokens", lambda: replace(good, form=[state, token, ("id_token", self.dice.choice((token[1], "x", ""))) ])),
            ("another state", lambda: replace(good, form=[("state", other.state), token])),
            ("another state and its cookie", lambda: replace(good, form=[("state", other.state), token], cookies=strangers.cookies)),
            ("a twisted state", lambda: replace(good, form=[("state", self._twist(login.state)), token])),
            ("a hostile state", lambda: replace(good, form=[("state", str(self.dice.choice(HOSTILE)).encode("utf-8", "replace").decode()), token])),
            ("state in the address", lambda: replace(good, query=[state], form=[token])),
            ("all in the address", lambda: replace(good, query=good.form, form=[])),
            ("another state in the address", lambda: replace(good, query=[("state", other.state)])),
            ("no cookie", lambda: replace(good, cookies=[])),
            ("another secret", lambda: replace(good, cookies=[(cookie, other.secret)])),
            ("a twisted secret", lambda: replace(good, cookies=[(cookie, self._twist(secret))])),
            ("the cookie of another login", lambda: replace(good, cookies=strangers.cookies)),
            ("the cookie under another name", lambda: replace(good, cookies=[(self._twist(cookie), secret)])),
            ("two cookies", lambda: replace(good, cookies=[(cookie, "x"), (cookie, secret)])),
            ("many cookies", lambda: replace(good, cookies=[(f"c{n}", "v" * 60) for n in range(60)])),
            ("method", lambda: replace(good, method=self.dice.choice(("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW")))),
            ("media type", lambda: replace(good, content_type=self.dice.choice(("application/json", "text/plain", "text/xml", "", "*/*")))),
            ("multipart", lambda: replace(good, content_type="multipart/form-data")),
            ("an error beside it", lambda: replace(good, form=[*good.form, ("error", "access_denied"), ("error_description", MARK)])),
            ("an error instead", lambda: replace(good, form=[state, ("error", MARK), ("error_description", MARK)])),
            ("an LTI 1.1 form", lambda: replace(good, form=[state, ("lti_message_type", "basic-lti-launch-request"), ("oauth_signature", "x")])),
            ("names in other cases", lambda: replace(good, form=[("STATE", state[1]), ("Id_Token", token[1])])),
            ("names as lists", lambda: replace(good, form=[("state[]", state[1]), ("id_token[]", token[1])])),
            ("a thousand fields", lambda: replace(good, form=[*((f"x{n}", "y") for n in range(1200)), *good.form])),
            ("a large field", lambda: replace(good, form=[*good.form, ("x", "y" * self.dice.choice((100_000, 600_000, 1_100_000)))])),
        )  # fmt: skip
        name, way = self.dice.choice(ways)
        return Mutated(way(), [f"form with {name}"])

    def _harmless(self, login: Login, _other: Login) -> Mutated:
        header, claims = self._parts(login)
        shuffled = list(claims.items())
        self.dice.shuffle(shuffled)
        first: Json | bytes = header
        second: Json | bytes = dict(shuffled)
        way = self.dice.randrange(6)
        if way == 0:
            second = json.dumps(claims, indent=2, ensure_ascii=False).encode()
        elif way == 1:
            second = json.dumps(claims, ensure_ascii=True).encode()
        elif way == 2:
            claims |= {"aud": [claims["aud"]], "azp": claims["aud"]}
            second = claims
        elif way == 3:
            second = {**claims, "https://example.invalid/claim": {MARK: [None, 1.5, {"𠮷": []}]}}
        elif way == 4:
            first = {"jwk": self._own_jwk(), **header, "typ": "at+jwt", "x": {}}
        return Mutated(self._request(login, self._token(first, second)), [f"harmless {way}"], is_harmless=True)

    # Logins

    def login(self) -> Mutated:
        """Mutate a login request."""
        fields = list(self.known.login_fields.items())
        is_get = self.dice.random() < 0.5
        made = Mutated(Request("GET", query=fields) if is_get else Request("POST", form=fields))
        for _ in range(self.dice.choice((1, 1, 2, 3))):
            self._change_login(made)
        return self._with_headers(made)

    def plain_login(self) -> Mutated:
        """A genuine login request."""
        return Mutated(Request("POST", form=list(self.known.login_fields.items())), ["nothing"], is_harmless=True)

    def _change_login(self, made: Mutated) -> None:
        where = "query" if made.request.query else "form"
        fields: list[tuple[str, str]] = list(getattr(made.request, where)) or [("iss", "")]
        other = "form" if where == "query" else "query"
        at = self.dice.randrange(len(fields))
        name, value = fields[at]
        hostile = str(self.dice.choice(HOSTILE)).encode("utf-8", "replace").decode()
        methods, types = (
            ("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "TRACE"),
            ("application/json", "text/plain", "multipart/form-data", ""),
        )
        more = [*getattr(made.request, other), (name, self.dice.choice((value, hostile)))]
        ways: tuple[tuple[str, dict[str, Any]], ...] = (
            ("left out", {where: fields[:at] + fields[at + 1 :]}),
            ("twisted", {where: [*fields[:at], (name, self._twist(value)), *fields[at + 1 :]]}),
            ("twisted", {where: [*fields[:at], (name, self._twist(value)), *fields[at + 1 :]]}),
            ("hostile", {where: [*fields[:at], (name, hostile), *fields[at + 1 :]]}),
            ("twice", {where: [*fields[:at], (name, self.dice.choice((value, hostile, ""))), *fields[at:]]}),
            ("in both places", {other: more}),
            ("by another method", {"method": self.dice.choice(methods)}),
            ("of another media type", {"content_type": self.dice.choice(types)}),
            ("renamed", {where: [*fields[:at], (self.dice.choice((*LOGIN_FIELDS, self._twist(name))), value), *fields[at + 1 :]]}),
            ("with a stranger", {where: [*fields, (self.dice.choice((MARK, "probe", "state", "redirect_uri", "x" * 3000)), hostile)]}),
        )  # fmt: skip
        done, changes = self.dice.choice(ways)
        made.request = replace(made.request, **changes)
        made.what.append(f"{name} in {where} {done}")


def public_forms(key: rsa.RSAPublicKey) -> tuple[bytes, ...]:
    """A public key in the spellings that somebody may use as an HMAC's secret."""
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    whole, bare = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    written = [key.public_bytes(encoding, form) for encoding in (pem, der) for form in (whole, bare)]
    return (*written, written[0].strip(), segment(key.public_numbers().n.to_bytes(256, "big")).encode())
