"""Where a server can listen: several places at once, IPv6, and sockets that others have bound."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, get
from tests.contract.behaviour.serving import (
    OF_EACH_MODEL,
    Combination,
    Serving,
    dial,
    serving,
)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


IPV6 = has_ipv6()
needs_ipv6 = pytest.mark.skipif(not IPV6, reason="no IPv6 here")

TCP, UNIX, INHERITED_TCP, INHERITED_UNIX, TCP6 = range(5)


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def everywhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """One server that listens in each way there is."""
    place = tmp_path_factory.mktemp("s")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(place / "given"))
        given = [tcp.fileno(), unix.fileno()]
        binds = ["127.0.0.1:0", f"unix:{place / 's'}", *(f"fd://{each}" for each in given)]
        if IPV6:
            binds.append("[::1]:0")
        with serving(request.param, place, binds=binds, pass_fds=given) as server:
            yield server
        # It was another's socket, so it is left as it was.
        assert (place / "given").exists()
    assert not (place / "s").exists()


@pytest.mark.parametrize("which", [TCP, UNIX, INHERITED_TCP, INHERITED_UNIX])
def test_each_is_served(everywhere: Serving, which: int) -> None:
    for _ in range(3):
        with everywhere.connect(which) as client:
            environ = json.loads(client.get("/inspect").body)
            address = everywhere.addresses[which]
            if isinstance(address, tuple):
                expected = [*address, "127.0.0.1", client.sock.getsockname()[1]]
            else:
                expected = ["localhost", 80, "", ""]
            names = ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")
            assert [environ[name] for name in names] == list(map(str, expected))


@needs_ipv6
def test_ipv6(everywhere: Serving) -> None:
    with everywhere.connect(TCP6) as client:
        environ = json.loads(client.get("/inspect").body)
        assert environ["REMOTE_ADDR"] == "::1"
        assert environ["SERVER_NAME"] == "[::1]"
        assert environ["SERVER_PORT"] == str(everywhere.addresses[TCP6][1])


def test_all_at_once(everywhere: Serving) -> None:
    clients = [everywhere.connect(which) for which in range(len(everywhere.addresses))]
    for client in reversed(clients):
        client.send(get("/raw/hello", "Connection: close"))
    for client in clients:
        assert client.answer().body == b"hello"
        client.close()


@needs_ipv6
def test_an_ipv4_peer_of_an_ipv6_socket_shows_as_what_it_is(place: Path) -> None:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as given:
        port = given.getsockname()[1]
        binds, fds = [f"fd://{given.fileno()}"], [given.fileno()]
        with (
            serving(Combination("adaptive"), place, binds=binds, pass_fds=fds),
            Client(dial(("127.0.0.1", port))) as client,
        ):
            environ = json.loads(client.get("/inspect", "X-Forwarded-Proto: https").body)
            assert environ["REMOTE_ADDR"] == "127.0.0.1"
            assert environ["wsgi.url_scheme"] == "https", "127.0.0.1 is a proxy to believe"
