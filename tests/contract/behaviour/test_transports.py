"""Pipes, files and shared memory: two clients at once, one that dies, what a crash leaves."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from paceline.transport import bridged, fifo, pipe, shared_memory, spool
from paceline.transport.bridge import Link

from tests.contract.behaviour.serving import SERVER, Combination, Serving, eventually, serving

NAME = f"test-{os.getpid()}"
CONNECT: dict[str, Callable[[Path], Link]] = {"pipe": pipe.connect, "shm": shared_memory.connect}
KINDS = [*CONNECT, "spool"]
STREAMS = [*CONNECT]


def asking(path: str, body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.0\r\nHost: a\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Place:
    """Where a server and its clients meet."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.bind = f"shm:{NAME}" if kind == "shm" else f"{kind}:{folder / 'd'}"
        self.directory = bridged.directory(*self.bind.split(":", 1))

    def connect(self) -> Link:
        return CONNECT[self.kind](self.directory)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer, with its head left out."""
        if self.kind == "spool":
            answer = spool.ask(self.directory, request)
        else:
            link = self.connect()
            with ThreadPoolExecutor(1) as sending:
                sending.submit(link.send, request)
                answer = b"".join(iter(link.receive, b""))
            link.close()
        return answer.partition(b"\r\n\r\n")[2]

    def left(self) -> list[str]:
        """The files of clients that are there."""
        found = [path for path in self.directory.rglob("*") if path.is_file() or path.is_fifo()]
        return sorted(path.name for path in found if path.name != "knock")

    def serving(self, folder: Path, *options: str) -> "Serving":
        return Serving(Combination("adaptive"), folder, *options, binds=[self.bind])


@pytest.fixture(params=KINDS)
def at(request: pytest.FixtureRequest, place: Path) -> Iterator[Place]:
    """A place of each kind, before there is a server."""
    made = Place(request.param, place)
    yield made
    shutil.rmtree(made.directory, ignore_errors=True)  # what a killed one left in memory


@pytest.fixture
def server(at: Place, place: Path) -> Iterator[Serving]:
    """A server at that place."""
    with serving(Combination("adaptive"), place, "--workers=2", binds=[at.bind]) as started:
        yield started


def test_many_at_once_are_never_mixed_up(at: Place, server: Serving) -> None:
    bodies = [bytes([number]) * (1 + number * 40_000) for number in range(16)]
    with ThreadPoolExecutor(len(bodies)) as clients:
        answers = list(clients.map(lambda body: at.ask(asking("/echo", body)), bodies))
    assert [len(answer) for answer in answers] == [len(body) for body in bodies]
    assert answers == bodies
    assert at.left() == []


@pytest.mark.parametrize("at", STREAMS, indirect=True)
def test_a_client_that_dies_half_way_leaves_nothing(at: Place, server: Serving) -> None:
    program = (
        "import os; from pathlib import Path\n"
        f"from paceline.transport import {connecting(at)} as transport\n"
        f"link = transport.connect(Path({str(at.directory)!r}))\n"
        "link.send(b'POST /hello HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 9\\r\\n\\r\\nhalf')\n"
        "os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(SERVER)})
    assert died.returncode == -signal.SIGKILL
    eventually(lambda: "left in the midst of a body" in server.log, "that the server knows")
    assert at.left() == []
    assert at.ask(asking("/hello")) != b""


def connecting(at: Place) -> str:
    return {"pipe": "pipe", "shm": "shared_memory"}[at.kind]


def test_what_a_crash_left_is_cleaned_up(at: Place, place: Path) -> None:
    crashed = at.serving(place)
    crashed.wait()
    bridge = bridge_of(crashed)
    if at.kind == "spool":
        name = "0" * 32
        spool.put(at.directory, "requests", name, asking("/wait?token=begun"))
        crashed.await_event("waiting begun")
    os.kill(bridge, signal.SIGKILL)
    crashed.process.kill()
    crashed.process.wait()
    if at.kind != "spool":
        os.mkfifo(at.directory / f"{'0' * 32}.request")  # of a client that came meanwhile
    with serving(Combination("adaptive"), place, binds=[at.bind]):
        if at.kind == "spool":
            answer = (at.directory / "answers" / name).read_bytes()
            assert answer.startswith(b"HTTP/1.1 503 ")
            (at.directory / "answers" / name).unlink()
        assert at.left() == []
        assert at.ask(asking("/hello")) != b""


def test_the_bridge_goes_with_its_server(at: Place, place: Path) -> None:
    server = at.serving(place)
    server.wait()
    bridge = bridge_of(server)
    server.process.kill()
    server.process.wait()
    eventually(lambda: not Path(f"/proc/{bridge}").exists(), "that the bridge has ended")


def test_a_second_server_is_refused(at: Place, server: Serving, place: Path) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "paceline", "applications", "--bind", at.bind],
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": str(SERVER), "STATE": str(place)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert f"cannot listen on {at.bind}: another server serves it" in second.stderr
    assert at.ask(asking("/hello")) != b""


def test_nobody_else_may_come(at: Place, server: Serving) -> None:
    assert stat.S_IMODE(at.directory.stat().st_mode) == 0o700


def test_after_the_end_nobody_serves(at: Place, place: Path) -> None:
    with serving(Combination("adaptive"), place, binds=[at.bind]) as server:
        bridge = bridge_of(server)
    eventually(lambda: not Path(f"/proc/{bridge}").exists(), "that the bridge has ended")
    if at.kind == "shm":
        assert not at.directory.exists()
    elif at.kind == "pipe":
        assert at.left() == [] and not (at.directory / "knock").exists()
    if at.kind != "spool":
        with pytest.raises(FileNotFoundError):
            at.connect()


@pytest.mark.parametrize("at", STREAMS, indirect=True)
def test_who_knocks_with_nonsense_is_no_obstacle(at: Place, server: Serving) -> None:
    secret = at.directory / "secret"
    secret.write_text("not a pipe")
    (at.directory / f"{'1' * 32}.request").symlink_to(secret)
    with (at.directory / "knock").open("wb", buffering=0) as knock:
        for line in (b"../../etc/passwd", b"1" * 32, b"2" * 32, b"\xff" * 500, b"", b"3" * 33):
            knock.write(line + b"\n")
    assert at.ask(asking("/hello")) != b""
    assert secret.read_text() == "not a pipe"


@pytest.mark.parametrize("at", ["shm"], indirect=True)
def test_a_client_that_cannot_count_is_cut_off(at: Place, server: Serving) -> None:
    link = at.connect()
    outgoing = link.send.__self__  # type: ignore[attr-defined]
    outgoing.bells.write(shared_memory.COUNT.pack(shared_memory.ROOM + 1))
    assert link.receive() == b""
    assert at.ask(asking("/hello")) != b""


@pytest.mark.parametrize("at", ["spool"], indirect=True)
def test_only_files_are_requests(at: Place, server: Serving) -> None:
    requests = at.directory / "requests"
    (requests / ("1" * 32)).symlink_to("/etc/hostname")
    (requests / ("2" * 32)).mkdir()
    os.mkfifo(requests / ("3" * 32))
    (requests / "half-written").write_bytes(asking("/hello"))
    assert at.ask(asking("/hello")) != b""
    assert len([*requests.iterdir()]) == 4  # whoever put them there may wonder


@pytest.mark.parametrize("at", ["spool"], indirect=True)
def test_an_answer_follows_no_link(at: Place, server: Serving) -> None:
    name, precious = "4" * 32, at.directory.with_name("precious")
    precious.write_text("not an answer")
    (at.directory / "new" / name).symlink_to(precious)
    (at.directory / "half-written").write_bytes(asking("/hello"))
    (at.directory / "half-written").rename(at.directory / "requests" / name)
    answer = at.directory / "answers" / name
    eventually(answer.exists, "an answer")
    assert answer.read_bytes().startswith(b"HTTP/1.1 200 ")
    assert precious.read_text() == "not an answer"


@pytest.mark.parametrize("at", ["spool"], indirect=True)
def test_a_spool_that_goes_away_for_a_while(at: Place, server: Serving) -> None:
    requests, away = at.directory / "requests", at.directory / "away"
    requests.rename(away)  # as where a file system of another machine cannot be reached
    eventually(lambda: f"{requests}: No such file or directory" in server.log, "a complaint")
    away.rename(requests)
    assert at.ask(asking("/hello")) != b""
    assert server.log.count("No such file or directory") == 1


@pytest.mark.parametrize("at", ["spool"], indirect=True)
def test_what_cannot_be_tidied_up_is_no_obstacle(at: Place, place: Path) -> None:
    for folder in ("answers", "new"):
        stranger = at.directory / folder / "stranger"
        stranger.mkdir(parents=True)
        os.utime(stranger, (0, 0))
    with serving(Combination("adaptive"), place, binds=[at.bind]):
        assert at.ask(asking("/hello")) != b""
        assert at.ask(asking("/hello")) != b"", "also once it has tidied up"


def test_a_bridge_that_ends_is_followed_by_another(
    at: Place, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fifo, "PATIENCE", 2.0)  # of who knocks while nobody is there
    for times in (1, 2):
        before = bridge_of(server)
        os.kill(before, signal.SIGKILL)
        says = f"{at.bind}: the bridge has ended; another is started"
        eventually(lambda times=times, says=says: server.log.count(says) == times, says)
        eventually(lambda: answers(at), "an answer")
        assert bridge_of(server) != before


def answers(at: Place) -> bool:
    """Tell whether somebody serves there."""
    try:
        return at.ask(asking("/hello")) != b""
    except OSError:
        return False


def bridge_of(server: Serving) -> int:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    for pid in children.read_text().split():
        if "paceline.transport.bridge" in Path(f"/proc/{pid}/cmdline").read_text():
            return int(pid)
    raise AssertionError("there is no bridge")
