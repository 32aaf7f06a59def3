"""An application that is wrapped to be recorded behaves as before."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from lab.tracing import packing, recording, traced
from lab.tracing.recording import CURRENT, Recording
from lab.tracing.traced import OBSERVATION, RECORDING, Traced
from lab.tracing.unpacking import unpack

Start = Callable[..., Any]


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """The recordings that went to the exporter."""
    found: list[Recording] = []
    monkeypatch.setattr(traced.EXPORTER, "put", found.append)
    return found


def ask(app: Any, **environ: Any) -> tuple[Any, list[Any]]:
    """What the application returns, and what it gave to start_response."""
    setup_testing_defaults(environ)
    said: list[Any] = []

    def start_response(*given: Any) -> Callable[[bytes], None]:
        said.extend(given)
        return lambda data: None

    return Traced(app, "test")(environ, start_response), said


def ok(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.mark.parametrize("result", [[b"hello"], (b"hello",)], ids=["list", "tuple"])
def test_a_list_or_tuple_passes_as_it_is(result: Iterable[bytes], ended: list[Recording]):
    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])
        return result

    answer, _ = ask(app)
    assert answer is result
    assert [each.status for each in ended] == ["200 OK"]
    assert CURRENT.get() is None


def test_a_generator_is_recorded_until_it_is_closed(ended: list[Recording]):
    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        recorded = CURRENT.get()
        assert recorded is not None
        recorded.end(recorded.begin("within"))
        yield b"hello"

    answer, _ = ask(app)
    assert list(answer) == [b"hello"]
    assert ended == []
    answer.close()
    [one] = ended
    assert [span[0] for span in one.spans] == ["WSGI test", "within"]
    assert CURRENT.get() is None


def test_its_close_is_called_and_may_fail(ended: list[Recording]):
    class Fails:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b""])

        def close(self) -> None:
            raise OSError

    answer, _ = ask(lambda environ, start_response: Fails())
    with pytest.raises(OSError):
        answer.close()
    assert [one.error for one in ended] == ["OSError"]


def test_how_many_parts_there_are_can_still_be_asked():
    class One:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"hello"])

    counted, _ = ask(lambda environ, start_response: One())
    other, _ = ask(lambda environ, start_response: iter([b"hello"]))
    assert len(counted) == 1
    assert not hasattr(other, "__len__")


def test_a_file_passes_as_it_is_so_that_the_server_may_send_it(ended: list[Recording]):
    file = FileWrapper(io.BytesIO(b"hello"))
    answer, _ = ask(lambda environ, start_response: file, **{"wsgi.file_wrapper": FileWrapper})
    assert answer is file
    assert len(ended) == 1


def test_an_error_passes_and_is_recorded_by_its_type(ended: list[Recording]):
    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        raise KeyError("a secret")

    with pytest.raises(KeyError, match="a secret"):
        ask(app)
    [one] = ended
    assert one.error == one.spans[0][5] == "KeyError"
    assert CURRENT.get() is None


def test_the_answer_says_how_long_the_application_took():
    _, (status, fields, exc_info) = ask(ok)
    assert (status, exc_info) == ("200 OK", None)
    assert fields[0] == ("Content-Type", "text/plain")
    assert fields[1][0] == "Server-Timing"
    assert fields[1][1].startswith("app;dur=")


@pytest.mark.parametrize("status", [200, b"200 OK", None])
def test_a_status_that_is_no_text_reaches_the_server_and_spoils_no_batch(
    status: Any, ended: list[Recording]
):
    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response(status, [])
        return []

    _, (given, *_) = ask(app)
    assert given is status
    packed = packing.pack(ended[0])
    spans = unpack(packing.batch([packed], {"application": "test", "pid": 1, "dropped": 0}))
    assert "WSGI test" in {span.name for span in spans}


def test_the_fields_that_the_application_gave_are_not_changed_themselves():
    given = [("Content-Type", "text/plain")]
    ask(lambda environ, start_response: start_response("200 OK", given) and [])
    assert len(given) == 1


def test_what_is_not_wanted_passes_untouched(
    monkeypatch: pytest.MonkeyPatch, ended: list[Recording]
):
    monkeypatch.setattr(recording, "MODE", "sampled")
    _, (_, fields, *_) = ask(ok)
    assert [name for name, _ in fields] == ["Content-Type"]
    assert ended == []


def test_where_the_server_decides_its_word_counts(
    monkeypatch: pytest.MonkeyPatch, ended: list[Recording]
):
    monkeypatch.setattr(Traced, "server_decides", True)
    ask(ok)
    assert ended == []

    class Seen:
        ready, taken = 1.0, 1.25

    _, (_, fields, *_) = ask(ok, **{OBSERVATION: Seen})
    assert fields[1][1].startswith("queue;dur=250.00, app;dur=")
    assert OBSERVATION not in ended[0].environ


def test_where_a_hook_of_the_server_ends_it_it_stays_in_the_environ(
    monkeypatch: pytest.MonkeyPatch, ended: list[Recording]
):
    monkeypatch.setattr(Traced, "server_ends", True)
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    Traced(ok, "test")(environ, lambda *_: None)
    assert ended == []
    assert environ[RECORDING].status == "200 OK"


def test_it_keeps_every_rule_of_pep_3333():
    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"one ")
        yield b"two"

    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    output = io.BytesIO()
    handler = SimpleHandler(io.BytesIO(), output, io.StringIO(), environ)
    handler.run(validator(Traced(validator(app), "test")))
    assert output.getvalue().endswith(b"one two")


def test_loading_finds_what_is_named(monkeypatch: pytest.MonkeyPatch):
    loaded = traced.load("lab.bench.apps:hello")
    said: list[Any] = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    assert loaded(environ, lambda *given: said.extend(given))
    assert said[0] == "200 OK"
    with pytest.raises(ModuleNotFoundError):
        traced.load("nothing.like.it:application")
