"""TLS without a proxy, in each model."""

import json
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.contract.behaviour.client import Client, get, post, post_chunked
from tests.contract.behaviour.serving import (
    NOT_SERIAL,
    OF_EACH_MODEL,
    Combination,
    Serving,
    dial,
    serving,
)

LARGE = bytes(range(256)) * 20_000  # bytes


class Identity:
    """A certificate that vouches for itself, and its key, as PEM files."""

    def __init__(self, directory: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @property
    def options(self) -> tuple[str, str]:
        return f"--certfile={self.certificate}", f"--keyfile={self.key}"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture
def context(identity: Identity) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(identity.certificate))
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def secure(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, identity: Identity
) -> Iterator[Serving]:
    with serving(request.param, tmp_path_factory.mktemp("s"), *identity.options) as server:
        yield server


Connect = Callable[[], Client]


@pytest.fixture
def connect(secure: Serving, context: ssl.SSLContext) -> Connect:
    """A client that does not take a missing end for an end."""

    def made() -> Client:
        return wrapped(secure, context)

    return made


def wrapped(server: Serving, context: ssl.SSLContext) -> Client:
    sock = context.wrap_socket(
        dial(server.addresses[0]), server_hostname="localhost", suppress_ragged_eofs=False
    )
    return Client(sock)


def check_alive(connect: Connect) -> None:
    with connect() as client:
        assert client.get("/raw/hello").body == b"hello"


def test_a_request(secure: Serving, connect: Connect) -> None:
    with connect() as client:
        environ = json.loads(client.get("/inspect").body)
        assert environ["wsgi.url_scheme"] == "https"
        assert environ["SERVER_PORT"] == str(secure.addresses[0][1])
        assert environ["REMOTE_ADDR"] == "127.0.0.1"
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(connect: Connect, context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    context.minimum_version = context.maximum_version = version
    check_alive(connect)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_version_that_is_broken(connect: Connect, context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        connect()


def test_a_connection_is_kept(secure: Serving, connect: Connect) -> None:
    with connect() as client:
        for number in range(20):
            body = b"body %d" % number
            assert client.ask(post("/echo", body)).body == body
            if not secure.keeps_connections:
                break
        else:
            client.send(get("/raw/hello") * 20)
            assert [client.answer().body for _ in range(20)] == [b"hello"] * 20


def test_more_than_a_record(secure: Serving, connect: Connect) -> None:
    """A head, and requests in a row, that fill more than what TLS decrypts at once."""
    long = get("/inspect", *(f"X-{number}: {'a' * 7_000}" for number in range(6)))
    with connect() as client:
        assert json.loads(client.ask(long).body)["HTTP_X_5"] == "a" * 7_000
        if secure.keeps_connections:
            client.send(get("/raw/hello") * 1_000)
            assert [client.answer().body for _ in range(1_000)] == [b"hello"] * 1_000


def test_the_end_is_said(connect: Connect) -> None:
    """With close_notify, so that nobody else can end an answer early."""
    for version in ("1.1", "1.0"):
        with connect() as client:
            request = get("/parts?count=2&size=2", "Connection: close", version=version)
            assert client.ask(request).body == b"AABB"
            assert client.was_closed()


def test_the_end_is_said_to_an_idle_client_too(
    place: Path, identity: Identity, context: ssl.SSLContext
) -> None:
    options = (*identity.options, "--keep-alive=0.2")
    with serving(Combination("adaptive"), place, *options) as server:
        with wrapped(server, context) as client:
            assert client.get("/raw/hello").body == b"hello"
            assert client.was_closed()


@pytest.mark.parametrize("at", ["written", "later"])
def test_an_answer_that_breaks_off_does_not_look_whole(connect: Connect, at: str) -> None:
    with connect() as client:
        client.send(get(f"/fail?at={at}&token=tls", version="1.0"))
        client.head()
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            client.rest()
    check_alive(connect)


def test_large_bodies_up(secure: Serving, connect: Connect) -> None:
    for request in (
        post("/raw/read_all", LARGE),
        post_chunked("/raw/read_all", LARGE[:999_999], LARGE[999_999:]),
    ):
        with connect() as client:
            assert client.ask(request).body == LARGE


@pytest.mark.parametrize(
    "target",
    [
        "/raw/whole?size=5000000",
        "/parts?count=100&size=50000",
        "/parts?count=5000&size=1000&length=5000000",
        "/raw/file?name=large",
        "/raw/file?name=larger&offset=10&length=5000000",
    ],
)
def test_large_answers(secure: Serving, connect: Connect, target: str) -> None:
    for name, size in (("large", 5_000_000), ("larger", 6_000_000)):
        with (secure.directory / name).open("wb") as file:
            file.truncate(size)
    with connect() as client:
        for _ in range(3 if secure.keeps_connections else 1):
            assert len(client.get(target).body) == 5_000_000


def test_a_large_answer_that_is_taken_late(secure: Serving, connect: Connect) -> None:
    with connect() as client:
        client.send(get("/raw/whole?size=5000000"))
        client.head()
        if secure.keeps_connections:  # serial is busy with this one
            check_alive(connect)
        assert client.take(5_000_000) == b"w" * 5_000_000


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
        b"\x16\x03\x01\xff\xff" + bytes(70_000),
        b"\x80\x2e\x01\x00\x02",
        bytes(1000),
        b"\xff" * 1000,
    ],
)
def test_garbage_instead_of_a_handshake(secure: Serving, connect: Connect, garbage: bytes) -> None:
    sock = dial(secure.addresses[0])
    with Client(sock) as client:
        try:
            client.send(garbage)
            sock.shutdown(socket.SHUT_WR)
            assert not client.rest().startswith(b"HTTP")
        except OSError:
            pass  # a reset is an answer too
    check_alive(connect)


def test_a_handshake_that_breaks_off(secure: Serving, connect: Connect) -> None:
    hello = client_hello()
    for end in (0, 1, 5, len(hello) - 1, len(hello)):
        with dial(secure.addresses[0]) as sock:
            sock.sendall(hello[:end])
    check_alive(connect)


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    made = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with pytest.raises(ssl.SSLWantReadError):
        made.do_handshake()
    return outgoing.read()


def test_a_conversation_bit_by_bit(secure: Serving, context: ssl.SSLContext) -> None:
    """Handshake and request a few bytes at a time: records come in pieces."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with dial(secure.addresses[0]) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def until_done(act: Callable[[], object]) -> object:
            while True:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    send_in_bits(sock, outgoing)
                    data = sock.recv(65536)
                    assert data, "closed in the midst of it"
                    incoming.write(data)

        until_done(made.do_handshake)
        made.write(post("/raw/echo", b"body", "Connection: close"))
        send_in_bits(sock, outgoing)
        answer = b""
        while not answer.endswith(b"body"):
            part = until_done(lambda: made.read(1000))
            assert isinstance(part, bytes)
            answer += part


def send_in_bits(sock: socket.socket, outgoing: ssl.MemoryBIO) -> None:
    while bits := outgoing.read(7):
        sock.sendall(bits)


@pytest.mark.parametrize("secure", NOT_SERIAL, indirect=True, ids=str)
def test_who_does_not_shake_hands_holds_nobody_up(secure: Serving, connect: Connect) -> None:
    silent = [dial(secure.addresses[0]) for _ in range(6)]
    for sock in silent[:3]:
        sock.sendall(client_hello()[:50])
    check_alive(connect)
    for sock in silent:
        sock.close()


@pytest.mark.parametrize("sent", [0, 50])
@pytest.mark.parametrize("combination", NOT_SERIAL, ids=str)
def test_who_has_not_shaken_hands_does_not_delay_the_end(
    place: Path, identity: Identity, context: ssl.SSLContext, combination: Combination, sent: int
) -> None:
    with (
        serving(combination, place, *identity.options) as server,
        dial(server.addresses[0]) as sock,
        wrapped(server, context) as client,
    ):
        sock.sendall(client_hello()[:sent])
        assert client.get("/raw/hello").body == b"hello"
        server.signal(signal.SIGTERM)
        assert server.await_end(10) == 0


def test_clients_with_certificates(
    place: Path, identity: Identity, context: ssl.SSLContext
) -> None:
    options = (*identity.options, f"--ca-certs={identity.certificate}", "--cert-reqs=2")
    with serving(Combination("adaptive"), place, *options) as server:
        with (
            pytest.raises((ssl.SSLError, ConnectionResetError)),
            wrapped(server, context) as client,
        ):
            client.get("/raw/hello")
        stranger = Identity(place, "stranger")
        context.load_cert_chain(stranger.certificate, stranger.key)
        with (
            pytest.raises((ssl.SSLError, ConnectionResetError)),
            wrapped(server, context) as client,
        ):
            client.get("/raw/hello")
        context.load_cert_chain(identity.certificate, identity.key)
        with wrapped(server, context) as client:
            assert client.get("/raw/hello").body == b"hello"
