"""What servers tell of themselves, over their sockets, and as Prometheus takes it."""

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from lab.console.pages import live, now, prometheus
from tests.services.telling import telling

TOLD = {
    "version": "0.1.0",
    "model": "adaptive",
    "workers": [
        {
            "pid": 7,
            "requests": 42,
            "connections": 3,
            "queue": 0,
            "silent": False,
            "cpu_seconds": 0.5,
            "threads": [{"state": "blocked"}, {"state": "idle"}, {"state": "idle"}, "nonsense"],
        },
        {"pid": 8, "requests": None, "silent": True},
    ],
}


def test_every_server_is_asked(tmp_path: Path):
    assert live.look(tmp_path) == []
    with telling(tmp_path / "stats-one.sock", 200, json.dumps(TOLD).encode):
        (server,) = live.look(tmp_path)
    assert (server["name"], server["model"]) == ("one", "adaptive")
    assert server["requests_per_second"] is None
    (gone,) = live.look(tmp_path)
    assert "refused" in gone["error"]


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"{"), (200, b"[]"), (503, b"{}"), (200, b"[" * 100_000)]
)
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, status: int, body: bytes):
    with telling(tmp_path / "stats-one.sock", status, lambda: body):
        assert live.look(tmp_path)[0]["error"]


def test_an_answer_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "PATIENCE", 0.3)
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "stats-one.sock"))
        listener.listen()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                while not stop.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        (server,) = live.look(tmp_path)
        stop.set()
        thread.join(10)
    assert server["error"] == "timed out"


STATE = {"state": [], "name": {}, "request": 5, "seconds": "x"}


@pytest.mark.parametrize(
    "told",
    [
        b'{"workers": [{"pid": 1, "requests": 9%s, "queue": 1e400}]}' % (b"0" * 400),
        b'{"workers": [{"pid": NaN, "cpu_seconds": NaN, "memory_bytes": -Infinity}]}',
        b'{"workers": [{"state": "\\ud800", "threads": [{"state": "\\ud800"}]}]}',
        b'{"workers": [{"threads": [{"state": "running", "seconds": NaN}]}]}',
        json.dumps({"workers": [{"state": {}, "threads": [STATE]}]}).encode(),
        json.dumps({"name": "other", "error": {}, "requests_per_second": "x"}).encode(),
    ],
)
def test_whatever_a_server_says_can_be_shown(tmp_path: Path, told: bytes):
    with telling(tmp_path / "stats-one.sock", 200, lambda: told):
        (server,) = live.look(tmp_path)
    assert server["name"] == "one" and "error" not in server
    assert now.instance(server)["title"]
    assert (
        'paceline_up{server="one"} 1.0'
        in prometheus.exposition(prometheus.of_servers([server])).encode().decode()
    )
    json.dumps(server, allow_nan=False)


def test_one_worker_is_no_workers():
    server = {"name": "one", **TOLD}
    words = [what for what, _ in now.instance(server)["numbers"][2:]]
    assert words == ["connections", "requests so far", "workers"]
    alone = {"pid": 7, "requests": 1, "connections": 1}
    words = [what for what, _ in now.instance({**server, "workers": [alone]})["numbers"][2:]]
    assert words == ["connection", "request so far", "worker"]


def test_requests_a_second_are_counted_for_each_worker():
    rates = live.Rates()
    assert rates.note("s", {1: 100, 2: 10}, 10.0) is None
    assert rates.note("s", {1: 100, 2: 10}, 10.1) is None  # too soon to say
    assert rates.note("s", {1: 130, 2: 20}, 12.0) == pytest.approx(20)
    # One was replaced: what it had served is not taken away from the others'.
    assert rates.note("s", {1: 150, 3: 0}, 14.0) == pytest.approx(12.5)
    assert rates.note("other", {1: 5}, 14.0) is None


def test_a_rate_is_of_the_last_seconds():
    rates = live.Rates()
    for second in range(20):
        rate = rates.note("s", {1: 0 if second < 10 else (second - 10) * 8}, float(second))
    assert rate == pytest.approx(8)


def test_prometheus_gets_the_same():
    text = prometheus.exposition(prometheus.of_servers([{"name": 'a"\\\n', **TOLD}]))
    lines = text.splitlines()
    server = r'server="a\"\\\n"'
    assert "# TYPE paceline_requests_total counter" in lines
    assert f'paceline_requests_total{{{server},worker="7"}} 42.0' in lines
    assert not any('worker="8"' in line and "requests" in line for line in lines)
    assert f'paceline_threads{{{server},worker="7",state="idle"}} 2.0' in lines
    assert f'paceline_silent{{{server},worker="8"}} 1.0' in lines
    assert f"paceline_up{{{server}}} 1.0" in lines
    assert text.endswith("\n")


def test_each_family_is_described_once_before_its_samples():
    servers = [{"name": "a", **TOLD}, {"name": "b", **TOLD}, {"name": "c", "error": "gone"}]
    lines = prometheus.exposition(prometheus.of_servers(servers)).splitlines()
    family = ""
    seen = set()
    for line in lines:
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in seen
            seen.add(family)
        elif not line.startswith("#"):
            assert line.startswith((family + "{", family + " "))
    assert 'paceline_up{server="c"} 0.0' in lines
