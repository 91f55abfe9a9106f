"""The guarded client against platforms that misbehave."""

import datetime
import gzip
import ipaddress
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lms.lti.http import (
    AddressMalformed,
    AddressRefused,
    BearerRefused,
    HttpReply,
    OriginRefused,
    OutgoingPolicy,
    PlatformHttp,
    PlatformTimedOut,
    PlatformUnreachable,
    RedirectRefused,
    ReplyTooLarge,
    SchemeRefused,
    origin_of,
)

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
TOKEN = "secret-token-value"


def ok(body: bytes = b"hello", *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Behaviour = Callable[[socket.socket], None]


def sends(data: bytes) -> Behaviour:
    return lambda connection: connection.sendall(data)


def trickles(first: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(first)
            for _ in range(200):
                connection.sendall(b"x")
                time.sleep(0.05)

    return behave


class Platform(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave = behave
        self.tls = tls
        self.requests: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what many of these tests are about."""


class _Handler(socketserver.BaseRequestHandler):
    server: Platform

    def handle(self) -> None:
        connection: socket.socket = self.request
        if self.server.tls is not None:
            connection = self.server.tls.wrap_socket(connection, server_side=True)
        with connection:
            text = b""
            while b"\r\n\r\n" not in text:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                text += chunk
            self.server.requests.append(text.decode())
            self.server.behave(connection)


@contextmanager
def platform(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Platform]:
    with Platform(behave, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def local(**changes: object) -> PlatformHttp:
    return PlatformHttp(OutgoingPolicy(allow_http_loopback=True, **changes))  # type: ignore[arg-type]


def resolving_to(*addresses: str, **policy: object) -> PlatformHttp:
    return PlatformHttp(OutgoingPolicy(**policy), resolver=lambda host, port: addresses)  # type: ignore[arg-type]


def test_a_plain_call_to_loopback_is_made_where_the_policy_allows_it() -> None:
    with platform(sends(ok(b"hello", "X-One: a", "X-One: b"))) as server:
        reply = local().request("POST", server.url + "?a=1", headers={"Accept": "text/plain"}, body=b"body")
    assert reply == HttpReply(200, {"content-length": "5", "x-one": "a, b"}, b"hello")
    first, *rest = server.requests[0].split("\r\n")
    assert first == "POST /keys?a=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in rest
    assert "Accept: text/plain" in rest
    assert any(line.startswith("User-Agent: Akashi/") for line in rest)


def test_an_error_status_is_a_reply_without_its_reason_phrase() -> None:
    with platform(sends(b"HTTP/1.1 400 Incorrect score received{...}\r\nContent-Length: 0\r\n\r\n")) as server:
        assert local().request("GET", server.url) == HttpReply(400, {"content-length": "0"}, b"")


def test_plain_http_is_refused_by_default_and_for_anything_but_loopback() -> None:
    with pytest.raises(SchemeRefused):
        resolving_to("127.0.0.1").request("GET", "http://127.0.0.1/keys")
    development = resolving_to("192.0.2.7", "93.184.216.34", allow_http_loopback=True)
    with pytest.raises(AddressRefused):
        development.request("GET", "http://platform.test/keys")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_a_name_that_resolves_inside_is_refused_even_beside_a_public_address(address: str) -> None:
    with pytest.raises(AddressRefused):
        resolving_to("93.184.216.34", address).request("GET", "https://platform.test/keys")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://[fe80::1]/", "https://10.0.0.1:8443/"]
)
def test_an_address_written_out_is_checked_too(url: str) -> None:
    with pytest.raises(AddressRefused):
        PlatformHttp(OutgoingPolicy()).request("GET", url)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_an_allowed_range_is_reached_in_every_notation(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[tuple[str, int]] = []

    def refuse(place: tuple[str, int], timeout: float) -> socket.socket:
        dialled.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(PlatformUnreachable):
        resolving_to(address, allowed_networks=(LOOPBACK,)).request("GET", "https://platform.test/")
    assert dialled == [(address, 443)]


def test_a_private_range_can_be_allowed_by_name_and_a_silent_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = resolving_to("127.0.0.1", allowed_networks=(LOOPBACK,))
    with pytest.raises(PlatformUnreachable) as caught:
        client.request("GET", f"https://platform.test:{port}/")
    assert caught.value.reason == "connection"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/keys",
        "https://",
        "https:///keys",
        "https://user@platform.test/",
        "https://user:pass@platform.test/",
        "https://platform.test\\@evil.test/",
        "https://platform.test/a b",
        "https://platform.test/\r\nX: y",
        "https://platform.test:0/",
        "https://platform.test:99999/",
        "https://platform.test:port/",
        "https://[::1%25lo]/",
        "https://[::1/",
        "https://-platform.test/",
        "https://学校.test/",
        "https://platform.test/" + "a" * 2048,
    ],
)
def test_a_malformed_address_is_refused_before_anything_else(url: str) -> None:
    with pytest.raises((AddressMalformed, SchemeRefused)):
        resolving_to("93.184.216.34").request("GET", url)


@pytest.mark.parametrize("url", ["ftp://platform.test/", "file:///etc/passwd", "gopher://platform.test/", "//x.test/"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(SchemeRefused):
        origin_of(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Moodle.Example/mod?x=1", "https://moodle.example"),
        ("https://moodle.example:443/", "https://moodle.example"),
        ("https://moodle.example:8443", "https://moodle.example:8443"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_only_allowed_hosts_and_origins_are_called() -> None:
    with platform(sends(ok())) as server:
        with pytest.raises(OriginRefused):
            local(allowed_hosts=frozenset({"moodle.example"})).request("GET", server.url)
        with pytest.raises(OriginRefused):
            local().request("GET", server.url, origin_allowlist=frozenset({"https://moodle.example"}))
        assert server.requests == []
        allowed = local(allowed_hosts=frozenset({"127.0.0.1"}))
        assert allowed.request("GET", server.url, origin_allowlist=frozenset({origin_of(server.url)})).status == 200


def test_a_token_goes_only_to_a_registered_origin() -> None:
    with platform(sends(ok())) as server:
        origins = frozenset({origin_of(server.url)})
        with pytest.raises(BearerRefused):
            local().request("GET", server.url, bearer=TOKEN)
        with pytest.raises(OriginRefused):
            local().request("GET", server.url, bearer=TOKEN, origin_allowlist=frozenset({"http://127.0.0.1"}))
        with pytest.raises(BearerRefused):
            local().request("GET", server.url, headers={"authorization": TOKEN}, origin_allowlist=origins)
        with pytest.raises(BearerRefused):
            local().request("GET", server.url, bearer=TOKEN + "\r\nX: y", origin_allowlist=origins)
        assert server.requests == []
        local().request("GET", server.url, bearer=TOKEN, origin_allowlist=origins)
        assert f"Authorization: Bearer {TOKEN}" in server.requests[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with platform(sends(f"HTTP/1.1 {status} Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n".encode())) as server:
        with pytest.raises(RedirectRefused) as caught:
            local().request("GET", server.url)
        assert caught.value.reason == str(status)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        ok(b"x" * 1001),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n" + b"x" * 512 + b"\r\n200\r\n" + b"x" * 512,
        ok(gzip.compress(b"x" * 30_000_000), "Content-Encoding: gzip"),
    ],
    ids=["declared", "until close", "chunked", "compressed"],
)
def test_a_reply_over_the_limit_is_given_up(reply: bytes) -> None:
    with platform(sends(reply)) as server, pytest.raises(ReplyTooLarge):
        local(max_bytes=1000).request("GET", server.url)


def test_a_reply_of_exactly_the_limit_is_taken_also_when_compressed() -> None:
    with platform(sends(ok(gzip.compress(b"x" * 1000), "Content-Encoding: gzip"))) as server:
        assert local(max_bytes=1000).request("GET", server.url).body == b"x" * 1000


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status line", "header", "body", "body until close"],
)
def test_a_trickling_platform_is_cut_off_when_the_total_time_is_over(first: bytes) -> None:
    with platform(trickles(first)) as server:
        began = time.monotonic()
        with pytest.raises(PlatformTimedOut) as caught:
            local(timeout_seconds=1, total_seconds=0.3).request("GET", server.url)
        assert time.monotonic() - began < 2
    assert caught.value.reason == "total"


def test_a_silent_platform_is_given_up_after_the_time_out() -> None:
    over = threading.Event()
    with platform(lambda connection: over.wait(5) and None) as server:
        with pytest.raises(PlatformTimedOut) as caught:
            local(timeout_seconds=0.1, total_seconds=5).request("GET", server.url)
        over.set()
    assert caught.value.reason == "silence"


def test_a_hanging_name_server_is_given_up() -> None:
    over = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        over.wait(5)
        return []

    with pytest.raises(PlatformTimedOut) as caught:
        PlatformHttp(OutgoingPolicy(timeout_seconds=0.1), resolver=hang).request("GET", "https://platform.test/")
    over.set()
    assert caught.value.reason == "name"


def test_an_unknown_name_is_unreachable() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(PlatformUnreachable) as caught:
        PlatformHttp(OutgoingPolicy(), resolver=fail).request("GET", "https://platform.test/")
    assert caught.value.reason == "name"


def test_the_systems_resolver_serves_where_no_other_is_given() -> None:
    with platform(sends(ok())) as server:
        reply = local().request("GET", f"http://localhost:{server.port}/")
    assert reply.status == 200
    with pytest.raises(AddressRefused):
        PlatformHttp(OutgoingPolicy()).request("GET", "https://localhost/")


@pytest.mark.parametrize(
    "reply", [b"", b"no http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"]
)
def test_what_is_not_http_or_breaks_off_is_unreachable_and_never_quoted(reply: bytes) -> None:
    with platform(sends(reply)) as server, pytest.raises(PlatformUnreachable) as caught:
        local().request("GET", server.url)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert str(caught.value).startswith(f"('http://127.0.0.1:{server.port}', ")
    assert "http at all" not in str(caught.value)


def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with platform(sends(ok())) as server:
        client = PlatformHttp(
            OutgoingPolicy(allow_http_loopback=True), resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"]
        )
        with pytest.MonkeyPatch.context() as patch:
            dial = socket.create_connection

            def refuse_first(address: tuple[str, int], timeout: float) -> socket.socket:
                if address[0] == "127.0.0.2":
                    raise TimeoutError
                return dial(address, timeout=timeout)

            patch.setattr(socket, "create_connection", refuse_first)
            assert client.request("GET", f"http://platform.test:{server.port}/").status == 200


def test_time_that_is_over_before_the_call_is_named() -> None:
    with pytest.raises(PlatformTimedOut):
        resolving_to("93.184.216.34", total_seconds=0).request("GET", "https://platform.test/")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for platform.test, as a bundle and as a server's context."""
    directory = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform.test")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("platform.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, pem = directory / "ca.pem", directory / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, pem)
    return bundle, context


def test_the_connection_is_pinned_while_name_and_certificate_are_those_of_the_host(
    authority: tuple[Path, ssl.SSLContext],
) -> None:
    bundle, context = authority
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    policy = OutgoingPolicy(allowed_networks=(LOOPBACK,), ca_bundle=str(bundle))
    with platform(sends(ok(b"secure")), context) as server:
        reply = PlatformHttp(policy, resolve).request("GET", f"https://platform.test:{server.port}/keys")
    assert reply.body == b"secure"
    assert asked == ["platform.test"]
    assert names == ["platform.test"]
    assert f"Host: platform.test:{server.port}" in server.requests[0]


@pytest.mark.parametrize(("host", "trusted"), [("other.test", True), ("platform.test", False), ("127.0.0.1", True)])
def test_a_certificate_of_another_name_or_authority_is_refused(
    authority: tuple[Path, ssl.SSLContext], host: str, trusted: bool
) -> None:
    bundle, context = authority
    policy = OutgoingPolicy(allowed_networks=(LOOPBACK,), ca_bundle=str(bundle) if trusted else None)
    with platform(sends(ok()), context) as server:
        with pytest.raises(PlatformUnreachable) as caught:
            PlatformHttp(policy, lambda name, port: ["127.0.0.1"]).request("GET", f"https://{host}:{server.port}/")
        assert caught.value.reason == "certificate"
        assert server.requests == []


def test_a_platform_that_speaks_no_tls_is_unreachable_and_one_that_trickles_its_handshake_is_cut_off() -> None:
    def greet(data: bytes, pause: float) -> Callable[[socket.socket], None]:
        def serve(listener: socket.socket) -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                # Bytes left unread would turn the end of the connection into a reset.
                connection.recv(65536)
                for byte in data:
                    connection.sendall(bytes([byte]))
                    time.sleep(pause)
                connection.recv(65536)

        return serve

    hello = b"\x16\x03\x03\x40\x00" + b"\x02" * 100
    for data, pause, expected in [(b"HTTP/1.1 400 Bad\r\n\r\n", 0, "tls"), (hello, 0.05, "total")]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=greet(data, pause), args=(listener,), daemon=True)
            thread.start()
            client = resolving_to("127.0.0.1", allowed_networks=(LOOPBACK,), timeout_seconds=1, total_seconds=0.4)
            with pytest.raises((PlatformUnreachable, PlatformTimedOut)) as caught:
                client.request("GET", f"https://platform.test:{listener.getsockname()[1]}/")
            assert caught.value.reason == expected
            thread.join(timeout=6)


def test_proxies_named_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with platform(sends(ok())) as server:
        assert local().request("GET", server.url).status == 200
