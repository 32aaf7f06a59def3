"""Answers on their way through the compression, over a connection of scripted bytes."""

import gzip
import io
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
from paceline.wsgi.content_coding import Gzip
from paceline.wsgi.file_wrapper import FileWrapper

from tests.unit.server import answers, memory

PAGE = b"<p>All the world's a stage</p>\n" * 100
HTML = ("Content-Type", "text/html; charset=utf-8")
SIZE = ("Content-Length", str(len(PAGE)))
GZIP = "Accept-Encoding: gzip"
TYPES = ("text/*", "application/json", "*+xml")

Start = Callable[..., Callable[[bytes], None]]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


def saying(
    body: Any, *fields: tuple[str, str], status: str = "200 OK", html: bool = True
) -> Application:
    """An application that answers with this; a callable is called for its body."""

    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response(status, [HTML] * html + list(fields))
        made: Iterable[bytes] = body() if callable(body) else body
        return made

    return application


def talk(application: Application, least: int = 1000, **options: Any) -> memory.Talk:
    return memory.connect(Gzip(application, types=TYPES, least=least, level=6), **options)


def request(*fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} / HTTP/{version}", "Host: a", *fields, "", ""]).encode()


def ask(
    application: Application, *fields: str, method: str = "GET", **options: Any
) -> answers.Answer:
    """The one answer to a request; its body unpacked where that is what its fields say."""
    sent = talk(application, **options).say(request(*fields or [GZIP], method=method))
    answer, rest = answers.read(sent, to_head=method == "HEAD")
    assert rest == b""
    return answer


def plain(answer: answers.Answer) -> bytes:
    assert answer.fields["content-encoding"] == "gzip"
    return gzip.decompress(answer.body)


def is_as_it_was(answer: answers.Answer) -> bool:
    return "content-encoding" not in answer.fields


class Closing:
    """A body that knows whether it was closed, and how often."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = iter(parts)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.parts

    def close(self) -> None:
        self.closed += 1


# --- what is compressed ---------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [[], [SIZE]], ids=["no length", "length"])
def test_a_whole_answer_is_compressed_and_counted_anew(fields: list[tuple[str, str]]) -> None:
    answer = ask(saying([PAGE], *fields))
    assert plain(answer) == PAGE
    assert answer.fields["content-length"] == str(len(answer.body))
    assert len(answer.body) < len(PAGE) / 10
    assert answer.fields["vary"] == "Accept-Encoding"
    assert answer.fields["content-type"] == HTML[1]


@pytest.mark.parametrize("field", ["X: y", "Accept-Encoding: br", "Accept-Encoding: gzip;q=0"])
def test_who_does_not_want_it_gets_the_answer_as_it_is(field: str) -> None:
    answer = ask(saying([PAGE], ("ETag", '"1"'), ("Accept-Ranges", "bytes")), field)
    assert (answer.body, answer.fields["etag"]) == (PAGE, '"1"')
    assert answer.fields["accept-ranges"] == "bytes"
    assert is_as_it_was(answer)
    assert answer.fields["vary"] == "Accept-Encoding"  # a cache must know all the same


@pytest.mark.parametrize(
    "content_type", ["text/plain", "TEXT/CSS;charset=x", "application/json", "image/svg+xml"]
)
def test_types_of_the_list_are_compressed(content_type: str) -> None:
    assert plain(ask(saying([PAGE], ("Content-Type", content_type), html=False))) == PAGE


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("Content-Type", "image/png")],
        [("Content-Type", "application/zip")],
        [("Content-Type", "application/jsonp")],
        [HTML, ("Content-Encoding", "br")],
        [HTML, ("content-encoding", "identity")],
        [HTML, ("Cache-Control", "public, No-Transform")],
        [HTML, ("Content-Digest", "sha-256=:x:")],
        [HTML, ("Content-MD5", "x")],
    ],
    ids=str,
)
def test_these_are_left_alone(fields: list[tuple[str, str]]) -> None:
    answer = ask(saying([PAGE], ("ETag", '"1"'), *fields, html=False))
    assert (answer.body, answer.fields["etag"]) == (PAGE, '"1"')
    assert "vary" not in answer.fields


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oh", "201 Created"])
def test_errors_are_compressed_too(status: str) -> None:
    answer = ask(saying([PAGE], status=status))
    assert (answer.status, plain(answer)) == (int(status[:3]), PAGE)


@pytest.mark.parametrize("length", [SIZE, ("X", "y")])
def test_a_part_of_a_file_is_left_alone(length: tuple[str, str]) -> None:
    part = ("Content-Range", "bytes 0-99/1000")
    answer = ask(saying([PAGE], part, length, status="206 Partial Content"))
    assert answer.body == PAGE
    assert is_as_it_was(answer)


def test_204_has_nothing_to_compress() -> None:
    answer = ask(saying([], status="204 No Content"))
    assert answer.fields.keys() == {"server", "date", "content-type"}


# --- length ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "compressed"), [(999, False), (1000, True)])
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("said", [True, False])
def test_a_short_answer_is_left_alone(
    length: int, compressed: bool, parts: int, said: bool
) -> None:
    body = [b"a" * (length - parts + 1), *[b"a"] * (parts - 1)]
    answer = ask(saying(body, *[("Content-Length", str(length))] * said))
    assert ("content-encoding" in answer.fields) is compressed
    assert ("vary" in answer.fields) is compressed


def test_who_refuses_the_plain_answer_gets_a_short_one_compressed_too() -> None:
    assert plain(ask(saying([b"short"]), "Accept-Encoding: gzip, identity;q=0")) == b"short"
    assert is_as_it_was(ask(saying([]), "Accept-Encoding: gzip, identity;q=0"))


@pytest.mark.parametrize("body", [[], [b""], iter([]), Closing(), Closing(b"", b"")])
def test_an_empty_body_stays_empty(body: Iterable[bytes]) -> None:
    answer = ask(saying(body), least=0)
    assert answer.body == b""
    assert is_as_it_was(answer)


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["Cookie"], "Cookie, Accept-Encoding"),
        (["Cookie, Origin"], "Cookie, Origin, Accept-Encoding"),
        (["Cookie", "Origin"], "Cookie, Origin, Accept-Encoding"),
        (["accept-encoding, Cookie"], "accept-encoding, Cookie"),
        (["*"], "*"),
    ],
)
def test_vary_keeps_what_it_held(given: list[str], sent: str) -> None:
    assert ask(saying([PAGE], *(("Vary", each) for each in given))).fields["vary"] == sent


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"'])
def test_an_etag_is_weak_behind_it(etag: str) -> None:
    answer = ask(saying([PAGE], ("ETag", etag), ("Accept-Ranges", "bytes"), SIZE))
    assert answer.fields["etag"] == 'W/"1"'
    assert "accept-ranges" not in answer.fields


def test_304_names_the_answer_that_the_client_has() -> None:
    unchanged = saying([], ("ETag", '"1"'), status="304 Not Modified")
    answer = ask(unchanged, GZIP, 'If-None-Match: "0", W/"1"')
    assert (answer.fields["etag"], answer.fields["vary"]) == ('W/"1"', "Accept-Encoding")
    answer = ask(unchanged, GZIP, 'If-None-Match: "1"')
    assert (answer.fields["etag"], answer.fields["vary"]) == ('"1"', "Accept-Encoding")
    assert "etag" not in ask(saying([], status="304 Not Modified"), GZIP).fields


@pytest.mark.parametrize("body", [[PAGE], [], Closing(PAGE), Closing()])
def test_head_is_answered_as_get_would_be(body: Iterable[bytes]) -> None:
    answer = ask(saying(body, SIZE, ("ETag", '"1"')), method="HEAD")
    assert answer.fields["content-encoding"] == "gzip"
    assert (answer.fields["etag"], answer.fields["vary"]) == ('W/"1"', "Accept-Encoding")
    length = answer.fields.get("content-length")
    assert length == (ask(saying([PAGE])).fields["content-length"] if body == [PAGE] else None)


# --- streams --------------------------------------------------------------------------------------


def test_each_piece_can_be_read_before_the_next_is_asked_for() -> None:
    pieces = [random.Random(number).randbytes(3000).hex().encode() for number in range(4)]
    sent: list[bytes] = []

    def body() -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            sent.append(conversation.connection.sent)

    conversation = talk(saying(body))
    conversation.say(request(GZIP))
    for number, so_far in enumerate(sent):
        unchunked, _ = answers.read(so_far + b"0\r\n\r\n")
        read = zlib.decompressobj(31).decompress(unchunked.body)
        assert read == b"".join(pieces[: number + 1])
    answer, _ = answers.read(conversation.connection.sent)
    assert answer.fields["transfer-encoding"] == "chunked"
    assert plain(answer) == b"".join(pieces)


@pytest.mark.parametrize("length", [[], [SIZE]], ids=["no length", "length"])
def test_a_stream_has_no_length_and_is_closed(length: list[tuple[str, str]]) -> None:
    body = Closing(PAGE[:100], b"", PAGE[100:])
    answer = ask(saying(body, *length))
    assert "content-length" not in answer.fields
    assert plain(answer) == PAGE
    assert body.closed == 1


def test_to_http_1_0_the_end_of_the_connection_is_the_end() -> None:
    sent = talk(saying(Closing(PAGE))).say(request(GZIP, version="1.0"))
    answer, rest = answers.read(sent)
    assert (answer.closes, rest) == (True, b"")
    assert plain(answer) == PAGE


def test_what_is_written_is_compressed() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", [HTML])
        write(b"")
        write(PAGE)
        write(b"more")
        return [b"most"]

    assert plain(ask(application)) == PAGE + b"moremost"


def test_a_generator_that_begins_its_answer_late() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML, SIZE])
        yield b""
        yield PAGE

    assert plain(ask(application)) == PAGE
    answer = ask(application, method="HEAD")
    assert answer.fields["content-encoding"] == "gzip"


# --- files ----------------------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page"
    path.write_bytes(PAGE)
    return path


@pytest.mark.parametrize("length", [[], [SIZE]], ids=["no length", "length"])
@pytest.mark.parametrize("sendfile", [True, False])
def test_a_file_is_compressed(page: Path, length: list[tuple[str, str]], sendfile: bool) -> None:
    file = page.open("rb")
    answer = ask(saying(lambda: FileWrapper(file), *length), sendfile=sendfile)
    assert plain(answer) == PAGE
    assert file.closed


@pytest.mark.parametrize(
    ("coding", "accept"), [("Content-Encoding", "gzip"), ("X", "br"), ("X", "gzip;q=0")]
)
def test_a_file_that_is_left_alone_goes_by_sendfile(
    page: Path, coding: str, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    send_file = memory.MemoryConnection.send_file
    monkeypatch.setattr(
        memory.MemoryConnection,
        "send_file",
        lambda self, *about: calls.append(1) or send_file(self, *about),
    )
    application = saying(lambda: FileWrapper(page.open("rb")), (coding, "br"))
    assert ask(application, f"Accept-Encoding: {accept}").body == PAGE
    assert calls


def test_a_file_longer_than_its_length_is_cut(page: Path) -> None:
    answer = ask(saying(lambda: FileWrapper(page.open("rb")), ("Content-Length", "1500")))
    assert plain(answer) == PAGE[:1500]


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [[PAGE], Closing(PAGE)])
def test_a_body_too_short_is_cut_off(body: Any, caplog: pytest.LogCaptureFixture) -> None:
    conversation = talk(saying(body, ("Content-Length", "5000")))
    sent = conversation.say(request(GZIP))
    assert b"chunked" in sent
    assert not sent.endswith(b"\r\n0\r\n\r\n")
    assert "1900 bytes short" in caplog.text
    assert conversation.connection.closed


def written_and_returned(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [HTML, SIZE])(PAGE)
    return [PAGE]


@pytest.mark.parametrize(
    "application", [saying(Closing(PAGE, b"more"), SIZE), written_and_returned]
)
def test_a_body_too_long_is_cut(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    conversation = talk(application)
    sent = conversation.say(request(GZIP))
    unchunked = sent.partition(b"\r\n\r\n")[2].split(b"\r\n")[1:-1:2]
    assert zlib.decompressobj(31).decompress(b"".join(unchunked)) == PAGE
    assert "longer than its Content-Length" in caplog.text
    assert conversation.connection.closed


def test_an_error_page_takes_the_place_of_what_had_not_begun() -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML, SIZE, ("X", "first")])
        try:
            raise ValueError
        except ValueError as error:
            kind = ("Content-Type", "text/plain")
            start_response("500 Oh", [kind], (ValueError, error, error.__traceback__))
        yield PAGE[:2000]

    answer = ask(application)
    assert (answer.status, plain(answer)) == (500, PAGE[:2000])
    assert "x" not in answer.fields


def test_an_error_page_takes_the_place_of_what_was_to_be_left_alone() -> None:
    class Failing(Closing):
        def __iter__(self) -> Iterator[bytes]:
            error = ValueError()
            self.start("500 Oh", [HTML], (ValueError, error, None))
            yield PAGE

    body = Failing()

    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        body.start = start_response
        start_response("200 OK", [("Content-Type", "image/png"), SIZE])
        return body

    answer = ask(application)
    assert (answer.status, answer.body) == (500, PAGE)


def test_an_error_in_the_midst_cuts_the_answer_off(caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield PAGE
        error = ValueError("in the midst")
        start_response("500 Oh", [HTML], (ValueError, error, None))
        pytest.fail("it went on")

    sent = talk(application).say(request(GZIP))
    assert sent.startswith(b"HTTP/1.1 200 ")
    assert not sent.endswith(b"0\r\n\r\n")
    assert "ValueError: in the midst" in caplog.text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda start: start("200 OK", [("X", "a\r\nb")]), "field"),
        (lambda start: start("200 OK", [("X", 5)]), ""),
        (lambda start: start("200 OK", [5]), ""),
        (lambda start: [start("200 OK", [HTML]), start("200 OK", [HTML])], "again"),
        (lambda start: [start("200 OK", [HTML, SIZE]), start("200 OK", [HTML])], "again"),
    ],
)
def test_what_breaks_the_rules_is_500(
    make: Callable[[Start], Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        make(start_response)
        pytest.fail("it went on")

    assert ask(application).status == 500
    assert "ApplicationError" in caplog.text
    assert message in caplog.text


@pytest.mark.parametrize("body", [["str"], Closing("str"), [5], Closing(bytearray(PAGE))])  # type: ignore[arg-type]
def test_what_is_no_bytes_is_500(body: Any) -> None:
    assert ask(saying(body)).status == 500


@pytest.mark.parametrize("accept", ["gzip", "identity"])
@pytest.mark.parametrize("least", [0, 10_000])
@pytest.mark.parametrize("body", [[PAGE], [PAGE, PAGE], Closing(PAGE, b"", PAGE)])
@pytest.mark.filterwarnings("error")
def test_it_is_a_wsgi_application_and_server(
    accept: str, least: int, body: Iterable[bytes]
) -> None:
    """To both sides, by the letter of PEP 3333 as the standard library checks it."""
    inner = validator(saying(lambda: body))
    application = validator(Gzip(inner, types=TYPES, least=least, level=1))
    conversation = memory.connect(application)
    answer, _ = answers.read(conversation.say(request(f"Accept-Encoding: {accept}")))
    assert answer.status == 200


def test_pipelined_answers_do_not_mix() -> None:
    pages = iter([Closing(PAGE), [b"short"], io.BytesIO(PAGE)])
    conversation = talk(saying(lambda: next(pages)))
    one, two, three = answers.read_all(conversation.say(request(GZIP) * 3))
    assert (plain(one), two.body, plain(three)) == (PAGE, b"short", PAGE)
