"""What an observer is told of a request: by every model, and step by step with scripted bytes."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from paceline.concurrency import MODELS
from paceline.config import load
from paceline.observe.observation import Observation
from paceline.server import build_model
from paceline.transport import listen
from paceline.wsgi.file_wrapper import FileWrapper

from tests.contract.behaviour.client import get, post, post_chunked
from tests.unit.server.memory import byte_by_byte, connect
from tests.unit.server.test_models import PATIENCE, gate, running

ORDER = ("accepted", "ready", "taken", "head_read", "read", "called", "responded", "first_sent")


class Notes:
    """An observer that keeps all that it is told of the paths that begin with ``wanted``."""

    capture = 10

    def __init__(self, wanted: str = "/") -> None:
        self.wanted = wanted
        self.seen: list[Observation] = []

    def wants(self, environ: dict[str, Any]) -> bool:
        environ["notes"] = self
        return environ["PATH_INFO"].startswith(self.wanted)

    def done(self, observation: Observation) -> None:
        self.seen.append(observation)


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read() or b"hello"]


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_tells_the_times_in_the_order_of_the_steps(model: str) -> None:
    notes = Notes()
    before = time.monotonic()
    with running(model, observer=notes) as server, server.connect() as client:
        assert client.ask(get("/")).body == b"hello"
    [seen] = notes.seen
    times = [before, *(getattr(seen, name) for name in ORDER), seen.last_sent, time.monotonic()]
    assert times == sorted(times)
    assert seen.last_sent <= seen.returned
    assert (seen.busy, seen.status, seen.complete) == (1, "200 OK", True)
    assert seen.thread
    assert seen.cpu > 0


def test_busy_threads_are_counted_and_a_request_that_waits_takes_no_cpu() -> None:
    notes = Notes()
    gate.clear()
    deadline = time.monotonic() + PATIENCE
    with running("adaptive", observer=notes) as server:
        with server.connect() as waits, server.connect() as other:
            try:
                waits.send(get("/wait"))
                while all(seen.busy != 2 for seen in notes.seen):
                    assert time.monotonic() < deadline, "nobody was seen beside the one that waits"
                    other.ask(get("/"))
            finally:
                gate.set()
            waits.answer()
    [waited] = [seen for seen in notes.seen if seen.environ["PATH_INFO"] == "/wait"]
    assert waited.returned - waited.called > 2 * waited.cpu


def test_the_bytes_are_those_of_the_wire() -> None:
    notes = Notes()
    request = post("/", b"a body that is long")
    sent = connect(echo, observer=notes).say(request)
    [seen] = notes.seen
    assert seen.head + b"\r\n\r\n" == request.removesuffix(b"a body that is long")
    assert seen.body == b"a body tha"  # as much as was asked for
    assert b"".join(seen.sent) == sent
    assert seen.sent_bytes == len(sent)


def test_the_application_gets_the_whole_body_all_the_same() -> None:
    answer = connect(echo, observer=Notes()).say(post("/", b"a body that is long"))
    assert answer.endswith(b"a body that is long")


@pytest.mark.parametrize(
    "request_bytes",
    [get("/"), post("/", b"abc"), post_chunked("/", b"ab", b"c"), b"\r\n" + get("/x")],
)
def test_however_the_bytes_come_the_notes_say_the_same(request_bytes: bytes) -> None:
    at_once, bit_by_bit = Notes(), Notes()
    connect(echo, observer=at_once).say(request_bytes)
    connect(echo, observer=bit_by_bit).say(*byte_by_byte(request_bytes))
    [one], [other] = at_once.seen, bit_by_bit.seen
    assert (one.head, one.body) == (other.head, other.body)
    assert one.head == request_bytes.strip(b"\r\n").partition(b"\r\n\r\n")[0]
    assert other.taken < other.last_taken
    assert one.taken == one.last_taken


def test_a_slow_head_and_a_slow_body_are_told_apart() -> None:
    notes = Notes()
    talk = connect(echo, observer=notes)
    talk.say(b"POST / HTTP/1.1\r\nHost: a\r\n", b"Content-Length: 2\r\n\r\n", b"x")
    between = time.monotonic()
    talk.say(b"y")
    [seen] = notes.seen
    assert seen.taken < seen.head_read < between < seen.read


def test_pipelined_requests_are_numbered_and_have_heads_of_their_own() -> None:
    notes = Notes()
    connect(echo, observer=notes).say(get("/1") + post("/2", b"b") + get("/3"))
    assert [seen.number for seen in notes.seen] == [1, 2, 3]
    assert [seen.head.split()[1] for seen in notes.seen] == [b"/1", b"/2", b"/3"]
    assert [seen.body for seen in notes.seen] == [b"", b"b", b""]


def test_only_what_is_wanted_is_observed() -> None:
    notes = Notes("/wanted")
    connect(echo, observer=notes).say(get("/other"), get("/wanted"), get("/other"))
    [seen] = notes.seen
    assert (seen.number, seen.environ["PATH_INFO"]) == (2, "/wanted")


def test_the_application_may_ask_how_its_request_came() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        seen = environ["paceline.observation"]
        return [b"ready" if seen.ready <= seen.taken <= seen.called else b"not"]

    notes = Notes("/observed")
    assert connect(application, observer=notes).say(get("/observed")).endswith(b"ready")
    assert "paceline.observation" not in notes.seen[0].environ


def test_an_observer_may_put_something_into_the_environ() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [type(environ["notes"]).__name__.encode()]

    assert connect(application, observer=Notes("/not")).say(get("/")).endswith(b"Notes")


class TestAnswers:
    def test_an_application_that_fails_is_told_with_its_error(self) -> None:
        def application(environ: object, start_response: object) -> list[bytes]:
            raise KeyError("secret")

        notes = Notes()
        connect(application, observer=notes).say(get("/"))
        [seen] = notes.seen
        assert (seen.error, seen.status) == ("KeyError", "500 Internal Server Error")
        assert not seen.keeps

    def test_one_that_the_client_takes_slowly_is_over_when_it_has_all(self) -> None:
        notes = Notes()
        talk = connect(echo, observer=notes)
        talk.connection.room = 5
        talk.say(get("/"))
        assert notes.seen == []
        between = time.monotonic()
        talk.connection.room = 1000
        talk.say()
        [seen] = notes.seen
        assert seen.first_sent < seen.returned < between < seen.last_sent
        assert seen.complete

    def test_one_that_the_client_never_takes_is_told_as_incomplete(self) -> None:
        notes = Notes()
        talk = connect(echo, observer=notes)
        talk.connection.room = 5
        talk.say(get("/"))
        talk.expire()
        [seen] = notes.seen
        assert not seen.complete
        assert not seen.keeps

    def test_one_that_ends_the_connection_says_so(self) -> None:
        notes = Notes()
        connect(echo, observer=notes).say(get("/"), get("/", "Connection: close"))
        assert [seen.keeps for seen in notes.seen] == [True, False]

    def test_of_a_large_one_only_the_beginning_is_kept(self) -> None:
        notes = Notes()
        sent = connect(lambda e, s: s("200 OK", []) and [b"x" * 100_000] * 3, observer=notes).say(
            get("/")
        )
        [seen] = notes.seen
        kept = b"".join(seen.sent)
        assert sent.startswith(kept)
        assert len(kept) < 50_000
        assert seen.sent_bytes == len(sent)

    def test_of_a_file_its_beginning_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"0123456789abcdef")
        with (tmp_path / "file").open("rb") as file:

            def application(environ: object, start_response: Callable[..., Any]) -> FileWrapper:
                start_response("200 OK", [])
                return FileWrapper(file)

            notes = Notes()
            sent = connect(application, observer=notes).say(get("/"))
        [seen] = notes.seen
        assert sent.endswith(b"\r\n\r\n0123456789abcdef")
        assert b"".join(seen.sent).endswith(b"\r\n\r\n0123456789")
        assert seen.sent_bytes == len(sent)


class TestAnObserverThatFails:
    @pytest.mark.parametrize("method", ["wants", "done"])
    def test_is_logged_and_the_request_goes_on(
        self, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Fails(Notes):
            def fail(self, *_: object) -> bool:
                raise RuntimeError

        setattr(Fails, method, Fails.fail)
        talk = connect(echo, observer=Fails())
        talk.say(get("/"))
        assert talk.say(get("/")).count(b"200 OK") == 2
        assert caplog.text.count("The observer failed") == 2


def test_the_hook_of_a_configuration_file_makes_the_observer(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text("def observer(worker):\n    return worker.notes\n")
    config = load(["app:app", f"--config={tmp_path / 'conf.py'}"], {}, tmp_path)

    class Worker:
        notes = Notes()

    listener = listen("127.0.0.1:0")
    model = build_model(config, [listener], echo, lambda: None, Worker())
    listener.close()
    assert model.service.observer is Worker.notes
