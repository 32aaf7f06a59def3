"""An answer as an application gives it, over a sink that keeps what it is sent."""

import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paceline.errors import ApplicationError, Disconnected
from paceline.http.request import parse_head
from paceline.limits import Limits
from paceline.wsgi import gateway, response
from paceline.wsgi.file_wrapper import FileWrapper
from paceline.wsgi.response import APART, Answer

from tests.unit.server import answers

Start = Callable[..., Callable[[bytes], None]]


class Recorder:
    """A sink."""

    def __init__(self) -> None:
        self.data = b""
        self.files = 0
        self.gone = False
        self.service = SimpleNamespace(keeps_connections=True)

    def send(self, data: bytes) -> None:
        if self.gone:
            raise Disconnected("gone")
        self.data += data

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        self.files += 1
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(offset)
            self.send(file.read(count))


class Body:
    """An iterable that knows whether it was closed, and how often."""

    def __init__(self, *parts: Any) -> None:
        self.left = iter(parts)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.left:
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed += 1


def answer_to(method: str, sink: Recorder, version: str = "HTTP/1.1", keep: bool = True) -> Answer:
    answer = Answer()
    answer.request = parse_head(f"{method} / {version}\r\nHost: a".encode(), Limits())
    answer.keep, answer.sink = keep, sink
    return answer


def ask(
    application: Callable[[dict[str, Any], Start], Iterable[bytes]],
    method: str = "GET",
    version: str = "HTTP/1.1",
    keep: bool = True,
    sendfile: bool = True,
) -> tuple[bytes, Answer, BaseException | None]:
    """Run one request; return what was sent, the Answer, and what was raised."""
    sink = Recorder()
    answer = answer_to(method, sink, version, keep)
    try:
        gateway.call(application, {}, answer, sendfile)
    except Exception as error:
        return sink.data, answer, error
    return sink.data, answer, None


def saying(
    body: Iterable[bytes], *headers: tuple[str, str], status: str = "200 OK"
) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response(status, list(headers))
        return body

    return application


def the_answer(*arguments: Any, **options: Any) -> answers.Answer:
    data, answer, error = ask(*arguments, **options)
    assert error is None
    assert answer.complete
    read, rest = answers.read(data, to_head=options.get("method") == "HEAD")
    assert rest == b""
    assert answer.body_bytes == len(read.body)
    assert answer.keep != read.closes
    return read


# --- framing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [list, tuple, iter, lambda parts: Body(*parts)])
@pytest.mark.parametrize("parts", [[], [b""], [b"", b""]])
def test_an_empty_body(make: Callable[[list[bytes]], Iterable[bytes]], parts: list[bytes]) -> None:
    read = the_answer(saying(make(parts)))
    assert (read.fields["content-length"], read.body) == ("0", b"")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("make", [list, tuple])
def test_a_body_that_is_all_there_is_counted(make: Any, version: str) -> None:
    read = the_answer(saying(make([b"hello"])), version=version)
    assert (read.fields["content-length"], read.body) == ("5", b"hello")
    assert not read.closes


@pytest.mark.parametrize("parts", [[b"a", b"", b"bc"], [b"", b"abc"], [b"abc", b""]])
def test_parts_are_chunks(parts: list[bytes]) -> None:
    for body in (parts, iter(parts), Body(*parts)):
        read = the_answer(saying(body))
        assert read.fields["transfer-encoding"] == "chunked"
        assert "content-length" not in read.fields
        assert read.body == b"abc"


def test_a_large_body_is_sent_as_it_is_and_not_copied() -> None:
    for size, pieces in ((APART - 1, 1), (APART, 2)):
        body, sent = b"x" * size, list[bytes]()
        sink = Recorder()
        sink.send = sent.append  # type: ignore[method-assign]
        gateway.call(saying([body]), {}, answer_to("GET", sink), sendfile=True)
        assert len(sent) == pieces
        assert (sent[-1] is body) == (pieces == 2)
        assert b"".join(sent).endswith(b"\r\n\r\n" + body)


def test_http_1_0_knows_no_chunks() -> None:
    read = the_answer(saying([b"a", b"b"]), version="HTTP/1.0")
    assert not {"transfer-encoding", "content-length"} & set(read.fields)
    assert read.closes
    assert read.body == b"ab"


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("parts", [[b"abc"], [b"a", b"bc"], [b"", b"abc", b""]])
def test_a_length_that_was_said(parts: list[bytes], version: str) -> None:
    read = the_answer(saying(parts, ("Content-Length", "3")), version=version)
    assert read.fields["content-length"] == "3"
    assert read.body == b"abc"
    assert not read.closes


@pytest.mark.parametrize("parts", [[], [b""], [b"ab"], [b"a", b"b"]])
def test_a_body_shorter_than_its_length(parts: list[bytes]) -> None:
    data, answer, error = ask(saying(parts, ("Content-Length", "3")))
    assert isinstance(error, ApplicationError)
    assert not answer.keep
    assert not answer.complete
    assert data.endswith(b"\r\n\r\n" + b"".join(parts))


@pytest.mark.parametrize("parts", [[b"abcd"], [b"ab", b"cd"], [b"abc", b"d"], [b"abc", b"d", b"e"]])
def test_a_body_longer_than_its_length_is_cut(parts: list[bytes]) -> None:
    body = Body(*parts)
    data, _, error = ask(saying(body, ("Content-Length", "3")))
    assert isinstance(error, ApplicationError)
    assert answers.read(data)[0].body == b"abc"
    assert data.endswith(b"\r\n\r\nabc")
    assert body.closed == 1


@pytest.mark.parametrize("parts", [[b"hello"], [b"he", b"llo"], []])
def test_head_has_no_body(parts: list[bytes]) -> None:
    read = the_answer(saying(parts, ("Content-Length", "5")), method="HEAD")
    assert read.fields["content-length"] == "5"
    read = the_answer(saying(parts), method="HEAD")
    assert "transfer-encoding" not in read.fields
    assert not read.closes


def test_head_of_a_counted_body_says_its_length() -> None:
    assert the_answer(saying([b"hello"]), method="HEAD").fields["content-length"] == "5"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("parts", [[], [b"hello"], [b"he", b"llo"]])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_statuses_without_a_body(status: str, parts: list[bytes], version: str) -> None:
    read = the_answer(saying(parts, status=status), version=version)
    assert not {"transfer-encoding", "content-length"} & set(read.fields)
    assert not read.closes


def test_204_has_no_length_and_304_may() -> None:
    said = ("Content-Length", "5")
    assert "content-length" not in the_answer(saying([], said, status="204 No Content")).fields
    read = the_answer(saying([], said, status="304 Not Modified"))
    assert read.fields["content-length"] == "5"


@pytest.mark.parametrize("parts", [[], [b"hello"], [b"he", b"llo"]])
@pytest.mark.parametrize("said", [(), (("Content-Length", "5"),)])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_205_says_that_it_has_no_body(
    said: tuple[tuple[str, str], ...], parts: list[bytes], version: str
) -> None:
    read = the_answer(saying(parts, *said, status="205 Reset Content"), version=version)
    assert (read.fields["content-length"], read.body) == ("0", b"")
    assert "transfer-encoding" not in read.fields
    assert not read.closes


def test_nothing_more_is_asked_for_once_nothing_more_is_sent() -> None:
    for method, status in (("HEAD", "200 OK"), ("GET", "304 Not Modified")):
        body = Body(b"one", AssertionError("asked for more"))
        the_answer(saying(body, status=status), method=method)
        assert body.closed == 1


# --- fields ---------------------------------------------------------------------------------------


def test_date_and_server_are_added_where_they_are_missing() -> None:
    read = the_answer(saying([b""]))
    assert read.fields["server"] == "paceline"
    assert read.fields["date"].endswith(" GMT")
    own = the_answer(saying([b""], ("Date", "then"), ("Server", "mine")))
    assert (own.fields["date"], own.fields["server"]) == ("then", "mine")
    own = the_answer(saying([b""], ("Server", "mine")))
    assert own.fields["date"].endswith(" GMT")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_who_closes(version: str) -> None:
    read = the_answer(saying([b"a"]), version=version)
    assert read.fields.get("connection") == (None if version == "HTTP/1.1" else "keep-alive")
    for closing in (
        the_answer(saying([b"a"]), version=version, keep=False),
        the_answer(saying([b"a"], ("Connection", "close")), version=version),
    ):
        assert closing.closes


def test_hop_by_hop_fields_do_not_pass() -> None:
    read = the_answer(
        saying([b"a", b"b"], ("Transfer-Encoding", "gzip"), ("Keep-Alive", "timeout=5"), ("X", "y"))
    )
    assert read.fields["transfer-encoding"] == "chunked"
    assert "keep-alive" not in read.fields
    assert read.fields["x"] == "y"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK\r\nX: y", []),
        ("200", []),
        ("100 Continue", []),
        ("101 Switching Protocols", []),
        ("200 OK", [("X", "a\r\nSet-Cookie: b")]),
        ("200 OK", [("X", "a\nb")]),
        ("200 OK", [("X\r\nY", "a")]),
        ("200 OK", [("X", "\0")]),
        ("200 OK", [("X", 1)]),
        ("200 OK", [("Content-Length", "1"), ("Content-Length", "2")]),
    ],
)
def test_what_must_not_reach_the_wire(status: str, headers: list[Any]) -> None:
    for body in ([b"a"], [b"a", b"b"], []):
        data, _, error = ask(saying(body, *headers, status=status))
        assert isinstance(error, ApplicationError)
        assert data == b""


# --- start_response and write ---------------------------------------------------------------------


def test_start_response_must_come_first() -> None:
    for body in ([b"a"], [], [b"a", b"b"]):
        data, _, error = ask(silent(body))
        assert isinstance(error, ApplicationError)
        assert data == b""


def silent(body: Iterable[bytes]) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    return lambda environ, start_response: body


def test_a_generator_may_start_late() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b"a"

    assert the_answer(application).status == 201


def test_nothing_is_sent_before_the_first_byte_of_the_body() -> None:
    sink = Recorder()
    seen: list[bytes] = []

    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        seen.append(sink.data)
        yield b""
        seen.append(sink.data)
        yield b"a"
        seen.append(sink.data)
        yield b"b"

    gateway.call(application, {}, answer_to("GET", sink), True)
    assert seen[:2] == [b"", b""]
    assert seen[2].endswith(b"\r\n1\r\na\r\n")  # and each part at once (PEP 3333, "Buffering")


def test_start_response_again_needs_exc_info() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response("200 OK", [])
        start_response("404 Not Found", [])
        return [b"a"]

    data, _, error = ask(application)
    assert isinstance(error, ApplicationError)
    assert data == b""


def failure() -> Any:
    try:
        raise ValueError("broken")
    except ValueError:
        return sys.exc_info()


def test_exc_info_before_the_head_replaces_it() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "1"), ("A", "1")])
        start_response("500 Oops", [("B", "2")], failure())
        return [b"sorry"]

    read = the_answer(application)
    assert (read.status, read.body) == (500, b"sorry")
    assert "a" not in read.fields
    assert read.fields["content-length"] == "5"


def test_exc_info_with_nothing_before_it() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response("500 Oops", [], failure())
        return [b"sorry"]

    assert the_answer(application).status == 500


def test_exc_info_behind_the_head_is_raised() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        start_response("500 Oops", [], failure())
        raise AssertionError("start_response must have raised")

    data, answer, error = ask(application)
    assert isinstance(error, ValueError)
    assert not answer.complete
    assert b"Oops" not in data
    assert data.endswith(b"1\r\na\r\n")


def test_write() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"")
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert the_answer(application).body == b"one two three"
    assert the_answer(application, version="HTTP/1.0").body == b"one two three"
    assert the_answer(application, method="HEAD").body == b""


def test_write_counts_towards_the_length() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "4")])(b"ab")
        return [b"cdef"]

    data, _, error = ask(application)
    assert isinstance(error, ApplicationError)
    assert data.endswith(b"\r\n\r\nabcd")


@pytest.mark.parametrize("part", ["text", bytearray(b"a"), memoryview(b"a"), None, 1])
def test_a_body_is_bytes(part: Any) -> None:
    for body in ([part], [part, part], iter([part])):
        data, _, error = ask(saying(body))
        assert isinstance(error, ApplicationError)
        assert data == b""
    _, _, error = ask(lambda environ, start_response: start_response("200 OK", [])(part) or [])
    assert isinstance(error, ApplicationError)


# --- close ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts", [[b"a"], [b"a", b"b"], [], [ValueError()], [b"a", ValueError()], ["text"]]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once_whatever_happens(parts: list[Any], method: str) -> None:
    body = Body(*parts)
    ask(saying(body), method=method)
    assert body.closed == 1


def test_nothing_can_be_written_behind_the_end() -> None:
    """Whoever kept write() would write into the answer to the next request, or before it."""
    kept: list[Callable[[bytes], None]] = []

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        kept.append(start("200 OK", []))
        return Body(b"a", b"b")

    sink = Recorder()
    gateway.call(application, {}, answer_to("GET", sink), True)
    sent = sink.data
    with pytest.raises(ApplicationError, match="complete"):
        kept[0](b"more")
    assert sink.data == sent


def test_fields_from_an_iterator() -> None:
    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("304 Not Modified", iter([("Content-Length", "0"), ("ETag", '"a"')]))
        return []

    data, answer, error = ask(application)
    assert error is None
    assert b'ETag: "a"\r\n' in data
    assert b"Content-Length" not in data
    assert answer.headers == [("Content-Length", "0"), ("ETag", '"a"')]


def test_no_thread_is_given_a_date_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = response._Clock()
    valid = []

    def formatdate(second: float, usegmt: bool) -> str:
        valid.append(clock.since <= second < clock.until)
        return "now"

    monkeypatch.setattr(response, "formatdate", formatdate)
    clock.set()
    assert valid == [False]
    assert clock.since <= time.time() < clock.until + 60
    assert clock.both == b"Server: paceline\r\nDate: now\r\n"


def test_close_is_called_where_nobody_takes_the_answer() -> None:
    body = Body(b"a", AssertionError("asked for more"))
    sink = Recorder()
    sink.gone = True
    with pytest.raises(Disconnected):
        gateway.call(saying(body), {}, answer_to("GET", sink), True)
    assert body.closed == 1


def test_an_error_in_close_is_not_lost() -> None:
    body = Body(b"a")
    body.close = failing  # type: ignore[method-assign]
    data, _, error = ask(saying(body))
    assert isinstance(error, ValueError)
    assert answers.read(data)[0].body == b"a"


def failing() -> None:
    raise ValueError("broken")


# --- wsgi.file_wrapper ----------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    return file


@pytest.mark.parametrize("sendfile", [True, False])
@pytest.mark.parametrize("offset", [0, 4, 10, 12])
def test_a_file_is_sent_from_where_it_stands(path: Path, offset: int, sendfile: bool) -> None:
    file = path.open("rb")
    file.seek(offset)
    read = the_answer(saying(FileWrapper(file)), sendfile=sendfile)
    assert read.body == b"0123456789"[offset:]
    assert file.closed
    if sendfile:
        assert read.fields["content-length"] == str(len(read.body))


@pytest.mark.parametrize("sendfile", [True, False])
@pytest.mark.parametrize("of_file", [True, False])
def test_a_file_longer_than_its_length(path: Path, sendfile: bool, of_file: bool) -> None:
    """Of a file, part may be wanted; so it is no error that there is more of it."""
    file = path.open("rb") if of_file else BytesIO(path.read_bytes())
    file.seek(2)
    read = the_answer(saying(FileWrapper(file, 2), ("Content-Length", "3")), sendfile=sendfile)
    assert read.body == b"234"
    assert not read.closes
    assert file.closed


def test_a_file_shorter_than_its_length(path: Path) -> None:
    data, answer, error = ask(saying(FileWrapper(path.open("rb")), ("Content-Length", "11")))
    assert isinstance(error, ApplicationError)
    assert not answer.complete
    assert data.endswith(b"\r\n\r\n0123456789")


@pytest.mark.parametrize("sendfile", [True, False])
def test_head_and_304_send_nothing_of_a_file(path: Path, sendfile: bool) -> None:
    for method, status in (("HEAD", "200 OK"), ("GET", "304 Not Modified")):
        file = path.open("rb")
        the_answer(saying(FileWrapper(file), status=status), method=method, sendfile=sendfile)
        assert file.closed


def test_what_is_no_file_is_read(path: Path) -> None:
    assert the_answer(saying(FileWrapper(BytesIO(b"0123456789"), 3))).body == b"0123456789"
    assert the_answer(saying(FileWrapper(BytesIO()))).body == b""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
def test_a_file_whose_size_does_not_tell_what_is_in_it() -> None:
    with open("/proc/self/cmdline", "rb") as file:
        body = the_answer(saying(FileWrapper(file)), sendfile=True).body
    assert body == Path("/proc/self/cmdline").read_bytes() != b""


class Reader:
    """The least that file_wrapper must take: read() alone."""

    def __init__(self, data: bytes) -> None:
        self.read = BytesIO(data).read


def test_the_least_that_is_like_a_file() -> None:
    wrapper = FileWrapper(Reader(b"abc"), 2)  # type: ignore[arg-type]
    assert the_answer(saying(wrapper)).body == b"abc"


def test_a_file_behind_what_was_written(path: Path) -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])(b"first ")
        return FileWrapper(path.open("rb"))

    assert the_answer(application).body == b"first 0123456789"


def filled(file: Any) -> Any:
    """A temporary file, as an application makes it."""
    file.write(b"abc")
    file.flush()
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("make", "by_descriptor"),
    [
        (lambda path: path.open("rb"), True),
        (lambda path: path.open("rb", buffering=0), True),
        (lambda path: path.open("r+b"), True),
        (lambda path: filled(tempfile.TemporaryFile()), True),  # noqa: SIM115
        (lambda path: filled(tempfile.NamedTemporaryFile()), True),  # noqa: SIM115
        (lambda path: BytesIO(b"abc"), False),
        (lambda path: Reader(b"abc"), False),
        (lambda path: path.open("r"), False),
        (lambda path: gzip.open(path), False),  # noqa: SIM115
        (lambda path: os.fdopen(os.pipe()[0], "rb"), False),
    ],
)
def test_what_the_kernel_may_send_by_itself(
    path: Path, make: Callable[[Path], Any], by_descriptor: bool
) -> None:
    file = make(path)
    assert (FileWrapper(file).regular_file() is not None) == by_descriptor
    if hasattr(file, "close"):
        file.close()


def test_a_file_whose_content_is_not_what_its_descriptor_shows(tmp_path: Path) -> None:
    """A gzip file has a descriptor, of the compressed bytes."""
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(b"unpacked"))
    with gzip.open(packed) as file:
        assert the_answer(saying(FileWrapper(file))).body == b"unpacked"  # type: ignore[arg-type]
