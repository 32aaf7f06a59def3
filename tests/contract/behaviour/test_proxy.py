"""What a proxy in front says: X-Forwarded-* fields and the PROXY protocol, and who is believed."""

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.behaviour.client import Client, get
from tests.contract.behaviour.serving import OF_EACH_MODEL, Combination, Serving, serving

HTTPS = ("X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9")
ADAPTIVE = Combination("adaptive")


def environ_of(client: Client, *fields: str, target: str = "/inspect") -> dict[str, Any]:
    answer = client.get(target, *fields)
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_a_proxy_on_this_machine_is_believed(server: Serving) -> None:
    with server.connect() as client:
        environ = environ_of(client, *HTTPS)
        assert environ["wsgi.url_scheme"] == "https"
        assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
        peer = "127.0.0.1" if server.combination.transport == "tcp" else ""
        assert environ["REMOTE_ADDR"] == peer, "whom it speaks for is the application's to decide"
    with server.connect() as client:
        assert environ_of(client)["wsgi.url_scheme"] == "http"


def test_a_proxy_that_contradicts_itself(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/inspect", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")
        assert answer.status == 400


def test_names_with_an_underscore(server: Serving) -> None:
    with server.connect() as client:
        environ = environ_of(client, "X_Forwarded_Proto: https", "X_Secret: 1", "Remote_User: root")
        assert environ["wsgi.url_scheme"] == "http"
        assert not {"HTTP_X_SECRET", "HTTP_REMOTE_USER", "REMOTE_USER"} & set(environ)


def test_where_a_proxy_mounts_the_application(server: Serving) -> None:
    with server.connect() as client:
        environ = environ_of(client, "SCRIPT_NAME: /mount", target="/mount/inspect?a=b")
        assert environ["SCRIPT_NAME"] == "/mount"
        assert environ["PATH_INFO"] == "/inspect"
        assert environ["REQUEST_URI"] == "/mount/inspect?a=b"


@pytest.mark.parametrize(
    ("options", "scheme", "client_address"),
    [
        (["--forwarded-allow-ips=192.0.2.0/24,127.0.0.0/8"], "https", "203.0.113.9"),
        (["--forwarded-allow-ips=*"], "https", "203.0.113.9"),
        (["--forwarded-allow-ips=192.0.2.1"], "http", None),
        (
            ["--forwarded-allow-ips=192.0.2.1", "--no-clear-untrusted-proxy-headers"],
            "http",
            "203.0.113.9",
        ),
    ],
)
def test_who_is_believed(
    place: Path, options: list[str], scheme: str, client_address: str | None
) -> None:
    with serving(ADAPTIVE, place, *options) as server, server.connect() as client:
        environ = environ_of(client, *HTTPS)
        assert environ["wsgi.url_scheme"] == scheme
        assert environ.get("HTTP_X_FORWARDED_FOR") == client_address


def test_underscores_may_be_refused_or_let_through(place: Path) -> None:
    with serving(ADAPTIVE, place, "--header-map=refuse") as server, server.connect() as client:
        assert client.get("/inspect", "X_A: 1").status == 400
    (place / "second").mkdir()
    options = ("--header-map=dangerous",)
    with serving(ADAPTIVE, place / "second", *options) as server, server.connect() as client:
        assert environ_of(client, "X_A: 1")["HTTP_X_A"] == "1"


# --- the PROXY protocol ---------------------------------------------------------------------------

V1 = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"
V1_UNKNOWN = b"PROXY UNKNOWN\r\n"
V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    + struct.pack("!H", 12)
    + socket.inet_aton("203.0.113.9")
    + socket.inet_aton("192.0.2.1")
    + struct.pack("!HH", 4711, 80)
)
V2_LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    place = tmp_path_factory.mktemp("s")
    options = ("--proxy-protocol=auto", "--head-timeout=0.5")
    with serving(request.param, place, *options) as server:
        yield server


@pytest.mark.parametrize("header", [V1, V2])
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_whom_it_speaks_for(behind: Serving, header: bytes, step: int) -> None:
    with behind.connect() as client:
        if behind.combination.transport == "tcp":
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = header + get("/inspect")
        for at in range(0, len(data), step):
            client.send(data[at : at + step])
        environ = json.loads(client.answer().body)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("203.0.113.9", "4711")
        if behind.keeps_connections:  # for the whole connection, and once
            assert environ_of(client)["REMOTE_ADDR"] == "203.0.113.9"
            assert client.ask(header + get("/inspect")).status == 400


@pytest.mark.parametrize("header", [V1_UNKNOWN, V2_LOCAL])
def test_when_it_speaks_for_itself(behind: Serving, header: bytes) -> None:
    with behind.connect() as client:
        client.send(header + get("/inspect"))
        environ = json.loads(client.answer().body)
        assert environ["REMOTE_ADDR"] == "127.0.0.1"
        assert environ["REMOTE_PORT"] == str(client.sock.getsockname()[1])


@pytest.mark.parametrize(
    "data",
    [
        get("/inspect"),
        V1.replace(b"TCP4", b"TCP5") + get("/inspect"),
        V1.replace(b"203", b"999") + get("/inspect"),
        V2.replace(b"\x21\x11", b"\x31\x11") + get("/inspect"),
        b"PROXY " + b"a" * 1000,
        b"\r\n" + V1 + get("/inspect"),
    ],
)
def test_without_a_header_nobody_is_answered(behind: Serving, data: bytes) -> None:
    """Neither by the application nor by an error: who it is cannot be known."""
    with behind.connect() as client:
        client.send(data)
        try:
            assert client.rest() == b""
        except ConnectionResetError:
            pass
    with behind.connect() as client:
        assert client.ask(V1 + get("/raw/hello")).body == b"hello"


@pytest.mark.parametrize("part", [V1[:10], V2[:20]])
def test_a_header_that_does_not_end(behind: Serving, part: bytes) -> None:
    with behind.connect() as client:
        client.send(part)
        assert client.rest() == b""


@pytest.mark.parametrize(("version", "good", "bad"), [("v1", V1, V2), ("v2", V2, V1)])
def test_only_the_version_that_is_expected(
    place: Path, version: str, good: bytes, bad: bytes
) -> None:
    with serving(ADAPTIVE, place, f"--proxy-protocol={version}") as server:
        with server.connect() as client:
            assert client.ask(good + get("/raw/hello")).body == b"hello"
        with server.connect() as client:
            client.send(bad + get("/raw/hello"))
            try:
                assert client.rest() == b""
            except ConnectionResetError:
                pass


def test_peers_that_may_not_speak_it(place: Path) -> None:
    """To them it is HTTP, and no good HTTP; without a header they are clients like any other."""
    options = ("--proxy-protocol=auto", "--proxy-allow-from=192.0.2.1")
    with serving(ADAPTIVE, place, *options) as server:
        for header in (V1, V2):
            with server.connect() as client:
                answer = client.ask(header + get("/inspect"))
                assert answer.status == 400
                assert client.was_closed()
        with server.connect() as client:
            assert environ_of(client)["REMOTE_ADDR"] == "127.0.0.1"


def test_a_header_does_not_make_its_client_a_proxy(place: Path) -> None:
    """X-Forwarded-Proto counts from the proxy that is connected, not from whom it names."""
    options = ("--proxy-protocol=auto", "--forwarded-allow-ips=203.0.113.9")
    with serving(ADAPTIVE, place, *options) as server, server.connect() as client:
        client.send(V1)
        assert environ_of(client, *HTTPS)["wsgi.url_scheme"] == "http"


def test_without_the_option_it_is_no_http(server: Serving) -> None:
    for header in (V1, V2):
        with server.connect() as client:
            assert client.ask(header + get("/inspect")).status == 400
