"""What a line of the access log says, and that no client can make it say something else."""

import base64
import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.config import Config, load
from paceline.observe.access_format import ATOMS, DEFAULT, compile_format
from paceline.observe.access_log import AccessLog

BASIC = "Basic " + base64.b64encode(b"ada:pass:word").decode()


@dataclass
class Exchange:
    """What the server hands over, with a request such as a proxy sends."""

    environ: dict[str, Any] = field(
        default_factory=lambda: {
            "REMOTE_ADDR": "203.0.113.9",
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/a/b",
            "QUERY_STRING": "x=1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "text/plain",
            "HTTP_HOST": "shop.example",
            "HTTP_REFERER": "http://a/",
            "HTTP_USER_AGENT": "curl/8",
            "HTTP_AUTHORIZATION": BASIC,
            "HTTP_X_REQUEST_ID": "r-1",
            "wsgi.url_scheme": "https",
        }
    )
    request_line: str = "GET /a/b?x=1 HTTP/1.1"
    status: str = "200 OK"
    response_headers: list[tuple[str, str]] = field(
        default_factory=lambda: [("Content-Type", "text/html"), ("X-Twice", "1"), ("X-Twice", "2")]
    )
    body_bytes: int = 1234
    started: float = 1_800_000_000.75
    queue: float = 0.0000421
    waited: float | None = None
    duration: float = 1.2345678


REFUSED = Exchange({}, "GET / HTTP/9.9", "505 HTTP Version Not Supported", [], 0, 0.0, 0.0)


def rendered(text: str, record: Exchange | None = None) -> str:
    return compile_format(text)(record or Exchange())


class TestAtoms:
    @pytest.mark.parametrize(
        ("atom", "text"),
        [
            ("h", "203.0.113.9"),
            ("l", "-"),
            ("u", "ada"),
            ("r", "GET /a/b?x=1 HTTP/1.1"),
            ("m", "GET"),
            ("U", "/a/b"),
            ("q", "x=1"),
            ("H", "HTTP/1.1"),
            ("s", "200"),
            ("B", "1234"),
            ("b", "1234"),
            ("f", "http://a/"),
            ("a", "curl/8"),
            ("T", "1"),
            ("M", "1234"),
            ("D", "1234567"),
            ("L", "1.234568"),
            ("p", f"<{os.getpid()}>"),
            ("Q", "42"),
            ("W", "-"),
            ("{host}i", "shop.example"),
            ("{X-Request-ID}i", "r-1"),
            ("{content-type}i", "text/plain"),
            ("{missing}i", "-"),
            ("{content-type}o", "text/html"),
            ("{x-twice}o", "1"),
            ("{missing}o", "-"),
            ("{wsgi.url_scheme}e", "https"),
            ("{request_method}e", "GET"),
            ("{missing}e", "-"),
        ],
    )
    def test_each_atom(self, atom: str, text: str) -> None:
        assert rendered(f"%({atom})s") == text

    @pytest.mark.parametrize(
        ("atom", "text"), [("b", "-"), ("B", "0"), ("s", "505"), ("r", "GET / HTTP/9.9")]
    )
    def test_of_a_request_that_was_refused(self, atom: str, text: str) -> None:
        assert rendered(f"%({atom})s", REFUSED) == text

    @pytest.mark.parametrize(
        "atom", sorted(set(ATOMS) - {"t", "p", "s", "r", "B", "q", "T", "M", "D", "L", "Q"})
    )
    def test_what_is_not_known_is_a_dash(self, atom: str) -> None:
        assert rendered(f"%({atom})s", REFUSED) == "-"

    def test_the_time_since_the_proxy(self) -> None:
        assert rendered("%(W)s", Exchange(waited=0.25)) == "250000"
        assert json.loads(rendered("json", Exchange(waited=0.25)))["since_proxy"] == 0.25

    def test_time_is_the_start_in_local_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        try:
            line = compile_format("%(t)s")
            assert line(Exchange()) == "[15/Jan/2027:13:30:00 +0530]"
            assert line(Exchange(started=1_800_000_001.0)) == "[15/Jan/2027:13:30:01 +0530]"
        finally:
            monkeypatch.undo()
            time.tzset()

    @pytest.mark.parametrize(
        "authorization", ["Basic !!!", "Basic", "Bearer x", "", "Basic " + "A" * 5, "Basic Og=="]
    )
    def test_user_of_odd_credentials(self, authorization: str) -> None:
        assert rendered("%(u)s", Exchange({"HTTP_AUTHORIZATION": authorization})) == "-"

    def test_a_format_is_pythons(self) -> None:
        assert rendered("%(h)15s|%(D)09d|%(m)-5s|100%%") == "    203.0.113.9|001234567|GET  |100%"

    def test_the_default_is_the_combined_format_of_gunicorn(self) -> None:
        when = time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(1_800_000_000))
        expected = f'203.0.113.9 - ada {when} "GET /a/b?x=1 HTTP/1.1" 200 1234 "http://a/" "curl/8"'
        assert rendered(DEFAULT) == expected


class TestForgery:
    @pytest.mark.parametrize(
        ("sent", "written"),
        [
            ('a" 200 0 "b', r"a\" 200 0 \"b"),
            ("a\\", r"a\\"),
            ("a\r\nb", r"a\x0d\x0ab"),
            ("\x1b[2J", r"\x1b[2J"),
            ("\x00\x7f\x85\xff", r"\x00\x7f\x85\xff"),
            ("\u2028", r"\u2028"),
        ],
    )
    def test_what_would_end_a_field_or_a_line_is_escaped(self, sent: str, written: str) -> None:
        record = Exchange({"HTTP_USER_AGENT": sent, "PATH_INFO": sent, "REMOTE_ADDR": sent}, sent)
        for atom in ("a", "U", "h", "r", "{user-agent}i", "{path_info}e"):
            assert rendered(f"%({atom})s", record) == written

    def test_a_user_name_and_an_answer_cannot_either(self) -> None:
        name = "Basic " + base64.b64encode(b'a"\n:').decode()
        record = Exchange({"HTTP_AUTHORIZATION": name}, response_headers=[("X", 'a"\n')])
        assert rendered("%(u)s %({x}o)s", record) == r"a\"\x0a a\"\x0a"

    @given(st.text(st.characters(max_codepoint=255)), st.text())
    def test_any_request_makes_one_line_with_the_fields_in_place(
        self, line: str, agent: str
    ) -> None:
        text = rendered(DEFAULT, Exchange({"HTTP_USER_AGENT": agent}, line, started=0.0))
        quoted = r'"((?:[ !#-\[\]-~]|\\.)*)"'
        pattern = rf"- - - \[[^]]*\] {quoted} 200 1234 {quoted} {quoted}"
        assert re.fullmatch(pattern, text)

    @given(st.text(st.characters(max_codepoint=255)), st.text())
    def test_nor_can_json_be_broken(self, line: str, agent: str) -> None:
        text = rendered("json", Exchange({"HTTP_USER_AGENT": agent, "PATH_INFO": line}, line))
        assert text.isascii()
        assert text.isprintable()
        assert json.loads(text)["status"] == 200


class TestJson:
    def test_an_object_with_clear_names(self) -> None:
        assert json.loads(rendered("json")) == {
            "time": "2027-01-15T08:00:00.750+00:00",
            "status": 200,
            "duration": 1.234568,
            "queue": 0.000042,
            "bytes": 1234,
            "request": "GET /a/b?x=1 HTTP/1.1",
            "pid": os.getpid(),
            "client": "203.0.113.9",
            "method": "GET",
            "scheme": "https",
            "host": "shop.example",
            "path": "/a/b",
            "query": "x=1",
            "protocol": "HTTP/1.1",
            "referer": "http://a/",
            "user_agent": "curl/8",
            "request_id": "r-1",
        }

    def test_what_is_not_known_is_left_out(self) -> None:
        assert set(json.loads(rendered("json", REFUSED))) == {
            *("time", "status", "duration", "queue", "bytes", "request", "pid")
        }

    def test_bytes_of_utf8_are_read_as_such_and_others_are_kept(self) -> None:
        record = Exchange({"PATH_INFO": "/caf\xc3\xa9", "QUERY_STRING": "\xff"})
        members = json.loads(rendered("json", record))
        assert (members["path"], members["query"]) == ("/café", r"\xff")

    def test_an_answer_that_never_began_has_no_status(self) -> None:
        assert json.loads(rendered("json", Exchange(status="")))["status"] is None


class TestFromConfig:
    def test_there_is_none_unless_asked_for(self) -> None:
        assert AccessLog.from_config(Config()) is None

    def test_lines_reach_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "access.log"
        argv = ["--access-logfile", str(path), "--access-logformat", "%(m)s %(s)s"]
        log = AccessLog.from_config(load(argv, {}, tmp_path))
        assert log is not None
        log.write(Exchange())
        log.write(Exchange(status="404 Not Found"))
        assert path.read_text() == "GET 200\nGET 404\n"

    def test_a_logger_of_logconfig_dict_takes_them_instead(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = Config(
            access_log_format="%(m)s 100%%", logconfig_dict={"loggers": {"paceline.access": {}}}
        )
        log = AccessLog.from_config(config)
        assert log is not None
        with caplog.at_level("INFO", "paceline.access"):
            log.write(Exchange())
        assert caplog.messages == ["GET 100%"]
