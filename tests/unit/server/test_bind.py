"""An address as people write it → a listener, or one line that says what to do."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from paceline.errors import ConfigError
from paceline.transport import Connection, Listener, listen
from paceline.transport.bind import parse

needs_ipv6 = pytest.mark.skipif(
    not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here"
)


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("127.0.0.1:8000", ("tcp", "127.0.0.1", 8000)),
        ("localhost", ("tcp", "localhost", 8000)),
        (":80", ("tcp", "", 80)),
        ("tcp://a.example:1", ("tcp", "a.example", 1)),
        ("[::1]:0", ("tcp", "::1", 0)),
        ("unix:/run/a.sock", ("unix", "/run/a.sock", 0)),
        ("unix:///run/a.sock", ("unix", "/run/a.sock", 0)),
        ("unix:a:b", ("unix", "a:b", 0)),
        ("fd://3", ("fd", "", 3)),
    ],
)
def test_addresses(address: str, meaning: tuple[str, str, int]) -> None:
    assert parse(address) == meaning


@pytest.mark.parametrize(
    "address",
    ["a:b", "a:65536", "a:-1", "::1:80", "unix:", "unix://", "fd://", "fd://x", "fd://-1"],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ConfigError, match="--bind"):
        parse(address)


def accepted(listener: Listener, client: socket.socket) -> tuple[Connection, bytes]:
    """Connect a client; return the server's end and what it got."""
    listener.socket.setblocking(True)
    connection = listener.accept()
    client.sendall(b"hello")
    connection.socket.setblocking(True)
    return connection, connection.receive(100)


def test_tcp() -> None:
    with closing(listen("127.0.0.1:0")) as listener:
        host, port = listener.name
        assert listener.address == f"{host}:{port}"
        assert host == "127.0.0.1"
        with socket.create_connection((host, int(port))) as client:
            connection, data = accepted(listener, client)
            assert data == b"hello"
            assert connection.peer == ("127.0.0.1", str(client.getsockname()[1]))
            assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            connection.close()


def test_nobody_waits() -> None:
    with closing(listen("127.0.0.1:0")) as listener, pytest.raises(BlockingIOError):
        listener.accept()


@needs_ipv6
def test_ipv6() -> None:
    with closing(listen("[::1]:0")) as listener:
        host, port = listener.name
        assert host == "[::1]", "as in a URL (RFC 3875, 4.1.14)"
        assert listener.address == f"[::1]:{port}"
        with socket.create_connection(("::1", int(port))) as client:
            connection, data = accepted(listener, client)
            assert (data, connection.peer[0]) == (b"hello", "::1")
            connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_all_addresses(host: str) -> None:
    """A port alone is every address, of both families; an IPv4 peer shows as what it is."""
    with closing(listen(":0")) as listener:
        assert listener.name[0] == ""
        with socket.create_connection((host, int(listener.name[1]))) as client:
            connection, data = accepted(listener, client)
            assert (data, connection.peer[0]) == (b"hello", host)
            connection.close()


def test_a_port_that_is_taken() -> None:
    with closing(listen("127.0.0.1:0")) as listener:
        with pytest.raises(ConfigError, match="choose another with --bind"):
            listen(listener.address)
        with pytest.raises(ConfigError):
            listen(listener.address, reuse_port=True)


def test_a_port_that_is_shared() -> None:
    first = listen("127.0.0.1:0", reuse_port=True)
    second = listen(first.address, reuse_port=True)
    assert first.address == second.address
    first.close()
    second.close()


@pytest.mark.parametrize("address", ["host.invalid:80", "a..b:80", "unix:."])
def test_addresses_that_cannot_be_had(address: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        listen(address)


# --- Unix sockets ---------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    # A socket's path may be 107 bytes at most, and a test's directory may be longer.
    before = Path.cwd()
    os.chdir(tmp_path)
    yield Path("s")
    os.chdir(before)


def dial(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def test_unix(path: Path) -> None:
    listener = listen(f"unix:{path}")
    assert listener.address == f"unix:{path}"
    assert listener.name == ("", "")
    with dial(path) as client:
        connection, data = accepted(listener, client)
        assert (data, connection.peer) == (b"hello", ("", ""))
        connection.close()
    listener.close()
    assert not path.exists()


def test_the_mask_decides_who_may_connect(path: Path) -> None:
    before = os.umask(0o022)
    try:
        for mask, mode in ((0o077, 0o700), (0o007, 0o770), (0, 0o777)):
            with closing(listen(f"unix:{path}", umask=mask)):
                assert stat.S_IMODE(path.stat().st_mode) == mode
        with closing(listen(f"unix:{path}")):
            assert stat.S_IMODE(path.stat().st_mode) == 0o755
        assert os.umask(0o022) == 0o022, "the mask of the process must be what it was"
    finally:
        os.umask(before)


def test_a_socket_that_nobody_serves_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with closing(listen(f"unix:{path}")):
        dial(path).close()


def test_a_socket_that_somebody_serves_is_not(path: Path) -> None:
    with closing(listen(f"unix:{path}")):
        with pytest.raises(ConfigError, match="another server serves it"):
            listen(f"unix:{path}")
        dial(path).close()


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigError, match="not a socket"):
        listen(f"unix:{path}")
    assert path.read_text() == "precious"


def test_a_directory_that_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        listen("unix:missing/s")


def test_a_child_leaves_the_path_to_its_parent(path: Path) -> None:
    with closing(listen(f"unix:{path}")) as listener:
        child = os.fork()
        if not child:
            listener.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert path.exists()


# --- inherited sockets ----------------------------------------------------------------------------


def test_an_inherited_tcp_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        listener = listen(f"fd://{given.fileno()}")
        port = given.getsockname()[1]
        assert listener.address == f"127.0.0.1:{port}"
        assert listener.name == ("127.0.0.1", str(port))
        with socket.create_connection(("127.0.0.1", port)) as client:
            connection, data = accepted(listener, client)
            assert data == b"hello"
            connection.close()
        listener.close()
        assert given.fileno() >= 0
        given.getsockname()  # it is open still: it is another's to close


def test_an_inherited_unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(str(path))  # not listening yet
        listener = listen(f"fd://{given.fileno()}")
        with dial(path) as client:
            connection, data = accepted(listener, client)
            assert (data, connection.peer) == (b"hello", ("", ""))
            connection.close()
        listener.close()
        assert path.exists()


def test_descriptors_that_are_no_listening_socket() -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with datagrams, pytest.raises(ConfigError, match="not a stream socket"):
        listen(f"fd://{datagrams.fileno()}")
    with Path(os.devnull).open() as file, pytest.raises(ConfigError, match="not an open socket"):
        listen(f"fd://{file.fileno()}")
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    with pytest.raises(ConfigError, match="not an open socket"):
        listen(f"fd://{free}")
