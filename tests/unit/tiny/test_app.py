"""The application on the framework; that it agrees with Django's is in ../webapp_contract."""

import json
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tiny import app as tiny


@pytest.fixture(autouse=True)
def database(tmp_path, monkeypatch):
    """A database of each test's own, in a directory that is not there yet."""
    path = tmp_path / "data" / "tiny.sqlite3"
    monkeypatch.setattr(tiny, "DATABASE", path)
    tiny.database.cache_clear()
    yield path
    tiny.database.cache_clear()


def test_every_link_of_the_index_answers(send):
    page = send(tiny.application, "/").body.decode()
    links = re.findall('href="([^"]+)"', page)
    assert len(links) == 10
    for link in links:
        answer = send(tiny.application, link.replace("&amp;", "&"))
        assert answer.code == (500 if "error" in link else 200), link


def test_the_index_names_the_server_and_trusts_nothing_in_its_name(send):
    answer = send(tiny.application, "/", SERVER_SOFTWARE="<b>server/1")
    assert b"<code>&lt;b&gt;server/1</code>" in answer.body


def test_a_failure_is_logged_and_told_nobody(send):
    answer = send(tiny.application, "/workload/error/")
    assert answer.body == b"Internal Server Error"
    assert "RuntimeError: /workload/error/ fails" in answer.errors


def test_cpu_burns_the_time_of_its_own_thread_alone(send):
    """Four at once take turns on the GIL, and each has still used what was asked for."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(tiny.application, "/workload/cpu/?ms=30"), range(4)))
    for answer in answers:
        took = json.loads(answer.body)
        assert 30 <= took["cpu_ms"] < 60
        assert took["wall_ms"] >= took["cpu_ms"] - 1  # two clocks


def test_io_waits_without_using_the_cpu(send):
    took = json.loads(send(tiny.application, "/workload/io/?ms=50").body)
    assert took["wall_ms"] >= 50
    assert took["cpu_ms"] < 25


def test_the_database_is_made_once_however_many_ask_first(send, database):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(tiny.application, "/workload/db/"), range(8)))
    assert [answer.code for answer in answers] == [200] * 8
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (100,)


def test_a_stream_waits_before_each_piece_and_not_before_the_first_byte_is_asked_for():
    started = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/workload/stream/"}
    environ["QUERY_STRING"] = "chunks=2&size=3&ms=10000"
    before = time.monotonic()
    body = tiny.application(environ, lambda status, _: started.append(status))
    body.close()
    assert started == ["200 OK"]
    assert time.monotonic() - before < 5


def test_a_stream_is_a_minute_long_at_most(send):
    answer = send(tiny.application, "/workload/stream/?chunks=7&ms=10000")
    assert answer.status == "400 Bad Request"
    assert answer.body == b"chunks times ms must be at most 60000, not 70000\n"


def test_inspect_hides_secrets_and_the_process_environment(send, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("SERVER_SOFTWARE", "server/1")
    answer = send(
        tiny.application,
        "/inspect/",
        headers={"Cookie": "session=secret", "Authorization": "Basic secret", "X-Seen": "yes"},
        PGPASSWORD="secret",
        SERVER_SOFTWARE="server/1",
    )
    seen = json.loads(answer.body)
    assert "secret" not in answer.body.decode()
    assert seen["headers"]["Cookie"] == seen["environ"]["HTTP_COOKIE"] == "(hidden: 14 characters)"
    assert seen["headers"]["X-Seen"] == "yes"
    assert seen["environ"]["SERVER_SOFTWARE"] == "server/1"
    assert answer.headers["Cache-Control"] == "no-store"


def test_inspect_reads_a_body_past_what_the_framework_keeps_in_memory(send):
    answer = send(tiny.application, "/inspect/", "POST", b"x" * (9 << 20))
    assert json.loads(answer.body)["body"]["length"] == 9 << 20


def test_inspect_names_the_path_from_the_root_of_the_host(send):
    answer = send(tiny.application, "/inspect/", SCRIPT_NAME="/mounted")
    assert json.loads(answer.body)["path"] == "/mounted/inspect/"
