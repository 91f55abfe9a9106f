"""The one guarded HTTP client: every call that leaves for a platform goes through it.

A platform's addresses come from people and from tokens, so a call is refused unless its scheme, its host and every
address that the name resolves to are allowed; the connection is then made to an address that was checked, while the
certificate is checked against the name. Nothing is followed, nothing is read from the environment, and both the size
of a reply and the time until its last byte are bounded.
"""

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Resolver = Callable[[str, int], Sequence[str]]
"""From a host name and a port to the addresses, in the order in which they should be tried; raises OSError."""

USER_AGENT: Final = "Akashi/1 (LTI tool)"
"""Always sent: some sites answer 403 to a request without one."""

MAX_URL_LENGTH: Final = 2048
_MAX_ADDRESSES: Final = 4
_CHUNK: Final = 65_536
_PORTS: Final = {"http": 80, "https": 443}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_URL: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class OutgoingFault(Exception):
    """A call that brought no reply; it carries the origin and a short code, never an address's rest, body or token."""

    def __init__(self, origin: str, reason: str = "") -> None:
        super().__init__(origin, reason)
        self.origin = origin
        """Scheme, host and port; empty where the address could not be read."""
        self.reason = reason
        """A stable code for the log."""


class OutgoingRefused(OutgoingFault):
    """We refused to make the call; nothing was sent."""


class AddressMalformed(OutgoingRefused):
    """The text is not an absolute http or https address of plain characters."""


class SchemeRefused(OutgoingRefused):
    """Only https is spoken, save http to this very machine where the policy says so."""


class OriginRefused(OutgoingRefused):
    """The host or origin is not among those allowed for this call."""


class AddressRefused(OutgoingRefused):
    """The name resolves to at least one address inside a network that is not allowed."""


class BearerRefused(OutgoingRefused):
    """A token would have gone to an origin that is not registered, or is no token at all."""


class PlatformUnreachable(OutgoingFault):
    """No connection, no valid certificate, or not HTTP (reason: name, connection, certificate, tls or protocol)."""


class PlatformTimedOut(OutgoingFault):
    """Silence for too long (reason: name, connection, silence), or the whole call took too long (reason: total)."""


class ReplyTooLarge(OutgoingFault):
    """The reply, as sent or after decompression, is larger than the policy's bytes."""


class RedirectRefused(OutgoingFault):
    """The platform answered with a redirect, which is never followed (reason: the status)."""


@dataclass(frozen=True)
class OutgoingPolicy:
    """Where outgoing calls may go and how much of our time and memory they may take."""

    allow_http_loopback: bool = False
    """Development only: plain http, and only to loopback addresses."""
    allowed_networks: tuple[Network, ...] = ()
    """Networks that are reached although they are not public, such as the campus's private ranges."""
    allowed_hosts: frozenset[str] | None = None
    """Host names in lower case that may be called; None allows every host with allowed addresses."""
    ca_bundle: str | None = None
    """A PEM file that replaces the system's certificate authorities."""
    timeout_seconds: float = 5
    """Longest silence: while connecting, and between two arrivals of bytes."""
    total_seconds: float = 10
    """Longest time from the first look-up to the last byte."""
    max_bytes: int = 1_000_000
    """Largest reply body, counted after decompression."""


@dataclass(frozen=True)
class HttpReply:
    """What the platform answered; its reason phrase is left out, because Moodle repeats request bodies in it."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined by a comma."""
    body: bytes
    """Decompressed."""


@dataclass(frozen=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True)
class _Message:
    method: str
    headers: Mapping[str, str]
    body: bytes | None


def origin_of(url: str) -> str:
    """The origin (scheme, host, port unless it is the default) of an absolute http or https address.

    Raises:
        AddressMalformed: Not an absolute address of plain characters, or one with a user name in it.
        SchemeRefused: Neither http nor https.

    Source: RFC 6454 section 4.
    """
    return _read_target(url).origin


class PlatformHttp:
    """Makes guarded calls; one object serves all threads, and every call has a connection of its own."""

    def __init__(self, policy: OutgoingPolicy, resolver: Resolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or _resolve_by_system
        self._tls = ssl.create_default_context(cafile=policy.ca_bundle)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        origin_allowlist: frozenset[str] | None = None,
        bearer: str | None = None,
    ) -> HttpReply:
        """Make one call and return its reply, whatever its status, save a redirect.

        `origin_allowlist` names the only origins (see `origin_of`) that this call may go to: the registered ones. A
        `bearer` token is sent only together with it, and never as a header of the caller's own.

        Raises:
            OutgoingRefused: Nothing was sent; one of its kinds says why.
            PlatformUnreachable: No connection, certificate or HTTP.
            PlatformTimedOut: Too slow, or silent.
            ReplyTooLarge: More bytes than the policy allows.
            RedirectRefused: A redirect, which is not followed.
        """
        target = _read_target(url)
        self._admit(target, origin_allowlist)
        message = _Message(method, _prepared_headers(target, headers or {}, bearer, origin_allowlist), body)
        deadline = _Deadline(target.origin, self._policy)
        raw = _dial(target, self._checked_addresses(target, deadline), deadline)
        with closing(raw), deadline.cutting(raw):
            try:
                return self._exchange(raw, target, message, deadline)
            except (OSError, HTTPException, urllib3.exceptions.HTTPError) as broken:
                # `from None`: the library's own texts quote what the platform sent.
                raise _named_fault(broken, deadline) from None

    def _admit(self, target: _Target, origin_allowlist: frozenset[str] | None) -> None:
        if target.scheme == "http" and not self._policy.allow_http_loopback:
            raise SchemeRefused(target.origin, "http")
        if self._policy.allowed_hosts is not None and target.host not in self._policy.allowed_hosts:
            raise OriginRefused(target.origin, "host")
        if origin_allowlist is not None and target.origin not in origin_allowlist:
            raise OriginRefused(target.origin, "origin")

    def _checked_addresses(self, target: _Target, deadline: "_Deadline") -> list[str]:
        found = [target.host] if _is_literal(target.host) else self._look_up(target, deadline)
        if not found:
            raise PlatformUnreachable(target.origin, "name")
        for text in found:
            if not _may_reach(ipaddress.ip_address(text), self._policy, plain=target.scheme == "http"):
                raise AddressRefused(target.origin, "network")
        return found[:_MAX_ADDRESSES]

    def _look_up(self, target: _Target, deadline: "_Deadline") -> list[str]:
        # The system's resolver has no time limit, so it is waited for from outside.
        answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(list(self._resolver(target.host, target.port)))
            except (OSError, UnicodeError):
                answers.put([])

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        try:
            return answers.get(timeout=deadline.step())
        except queue.Empty:
            raise PlatformTimedOut(target.origin, "name") from None

    def _exchange(self, raw: socket.socket, target: _Target, message: _Message, deadline: "_Deadline") -> HttpReply:
        secure = target.scheme == "https"
        connection = HTTPConnection(target.host, target.port, timeout=self._policy.timeout_seconds)
        connection.sock = self._tls.wrap_socket(raw, server_hostname=target.host) if secure else raw
        with closing(connection):
            connection.request(
                message.method, target.path, body=message.body, headers=message.headers, preload_content=False
            )
            with closing(connection.getresponse()) as response:
                body = self._read_body(response, deadline)
                return HttpReply(response.status, _joined_headers(response), body)

    def _read_body(self, response: urllib3.HTTPResponse, deadline: "_Deadline") -> bytes:
        if response.status in _REDIRECTS:
            raise RedirectRefused(deadline.origin, str(response.status))
        limit = self._policy.max_bytes
        body = bytearray()
        while chunk := response.read(min(_CHUNK, limit + 1 - len(body)), decode_content=True):
            body += chunk
            if len(body) > limit:
                raise ReplyTooLarge(deadline.origin, "bytes")
        if deadline.is_over:
            # Cut by ourselves: without a Content-Length this looks like an ordinary end.
            raise PlatformTimedOut(deadline.origin, "total")
        return bytes(body)


class _Deadline:
    """The moment at which a call is over, enforced from outside by shutting its connection down."""

    def __init__(self, origin: str, policy: OutgoingPolicy) -> None:
        self.origin = origin
        self._step = policy.timeout_seconds
        self._ends = time.monotonic() + policy.total_seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def step(self) -> float:
        """Seconds that the next step may take."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise PlatformTimedOut(self.origin, "total")
        return min(self._step, left)

    @contextmanager
    def cutting(self, raw: socket.socket) -> Iterator[None]:
        """Cut the connection when the time is over: a socket's own timeout starts anew with every byte."""
        # A twin of the descriptor, because the TLS layer takes the first one over.
        with closing(raw.dup()) as twin:
            timer = threading.Timer(max(0.0, self._ends - time.monotonic()), _cut, (twin,))
            timer.daemon = True
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                # Only then close the twin: its number could already belong to another connection.
                timer.join()


def _cut(twin: socket.socket) -> None:
    with suppress(OSError):
        twin.shutdown(socket.SHUT_RDWR)


def _named_fault(broken: Exception, deadline: _Deadline) -> OutgoingFault:
    if deadline.is_over:
        return PlatformTimedOut(deadline.origin, "total")
    if isinstance(broken, TimeoutError | urllib3.exceptions.TimeoutError):
        return PlatformTimedOut(deadline.origin, "silence")
    if isinstance(broken, ssl.SSLCertVerificationError):
        return PlatformUnreachable(deadline.origin, "certificate")
    if isinstance(broken, ssl.SSLError):
        return PlatformUnreachable(deadline.origin, "tls")
    return PlatformUnreachable(deadline.origin, "connection" if isinstance(broken, OSError) else "protocol")


def _read_target(url: str) -> _Target:
    if len(url) > MAX_URL_LENGTH or not _URL.fullmatch(url):
        raise AddressMalformed("", "characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressMalformed("", "syntax") from None
    if parts.scheme not in _PORTS:
        raise SchemeRefused("", "scheme")
    host = parts.hostname or ""
    if "@" in parts.netloc or port == 0 or not (_HOST.fullmatch(host) or _is_literal(host)):
        raise AddressMalformed("", "host")
    path = parts.path or "/"
    return _Target(parts.scheme, host, port or _PORTS[parts.scheme], f"{path}?{parts.query}" if parts.query else path)


def _prepared_headers(
    target: _Target, headers: Mapping[str, str], bearer: str | None, registered: frozenset[str] | None
) -> dict[str, str]:
    if any(name.lower() == "authorization" for name in headers):
        raise BearerRefused(target.origin, "header")
    prepared = {
        **headers,
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if bearer is not None:
        if registered is None:
            raise BearerRefused(target.origin, "unregistered")
        if not _BEARER.fullmatch(bearer):
            raise BearerRefused(target.origin, "characters")
        prepared["Authorization"] = f"Bearer {bearer}"
    return prepared


def _dial(target: _Target, addresses: Sequence[str], deadline: _Deadline) -> socket.socket:
    fault: OutgoingFault = PlatformUnreachable(target.origin, "connection")
    for address in addresses:
        try:
            return socket.create_connection((address, target.port), timeout=deadline.step())
        except TimeoutError:
            fault = PlatformTimedOut(target.origin, "connection")
        except OSError:
            fault = PlatformUnreachable(target.origin, "connection")
    raise fault


def _resolve_by_system(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _may_reach(address: Address, policy: OutgoingPolicy, *, plain: bool) -> bool:
    address = _unwrapped(address)
    if plain:
        return address.is_loopback
    if any(address in network for network in policy.allowed_networks):
        return True
    tunnelled = isinstance(address, ipaddress.IPv6Address) and bool(address.sixtofour or address.teredo)
    return address.is_global and not (address.is_multicast or address.is_reserved or tunnelled)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, so that no private range hides inside another notation."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _joined_headers(response: urllib3.HTTPResponse) -> dict[str, str]:
    return {name.lower(): ", ".join(response.headers.getlist(name)) for name in response.headers}
