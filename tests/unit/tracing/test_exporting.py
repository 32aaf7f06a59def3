"""Handing over to the collector: nothing waits for it, and what is lost is counted."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab.tracing import exporting
from lab.tracing.exporting import Exporter
from lab.tracing.recording import Recording
from tests.services.collector import collecting
from tests.services.stack import REPO, eventually


@pytest.fixture
def exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    monkeypatch.setattr(exporting, "PAUSE", 0.01)
    monkeypatch.setattr(exporting, "RETRY", 0.05)
    return Exporter(str(tmp_path))


def recorded(name: str = "WSGI test") -> Recording:
    one = Recording()
    one.end(one.begin(name))
    return one


def test_recordings_reach_the_collector(exporter: Exporter, tmp_path: Path):
    with collecting(tmp_path) as collector:
        for _ in range(250):
            exporter.put(recorded())
        assert len(collector.await_spans("WSGI test", 250)) == 250
        assert len(collector.bodies) >= 3  # batches are bounded


def test_what_comes_while_a_batch_is_sent_gathers_for_the_next(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "PAUSE", 0.05)
    monkeypatch.setattr(exporting, "BATCH", 10**6)
    began = time.monotonic()
    with collecting(tmp_path) as collector:
        while (batches := len(collector.bodies)) < 5:
            exporter.put(recorded())
            time.sleep(0.001)
    # Before each of them a pause.
    assert time.monotonic() - began >= batches * exporting.PAUSE


def test_without_a_collector_recordings_wait_and_then_are_dropped_and_counted(
    exporter: Exporter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(exporting, "ROOM", 5)
    monkeypatch.setattr(exporting, "BATCH", 1)
    said = ""

    def complained() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return "the collector takes no traces" in said

    exporter.put(recorded("first"))
    eventually(complained)
    for number in range(8):
        exporter.put(recorded(f"{number}"))
    with collecting(tmp_path) as collector:
        collector.await_spans("4")
        spans = collector.spans
    names = [span.name for span in spans if span.hop == "application"]
    assert names == ["first", "0", "1", "2", "3", "4"]
    told = {span.resource.get("wsgilab.dropped") for span in spans if span.hop == "server"}
    assert told == {None, 3}
    eventually(lambda: "takes traces again" in capfd.readouterr().err)


def test_a_collector_that_fails_is_asked_again(exporter: Exporter, tmp_path: Path):
    with collecting(tmp_path) as collector:
        collector.status = 503
        exporter.put(recorded())
        time.sleep(0)
        collector.status = 200
        assert len(collector.await_spans("WSGI test")) == 1


def test_what_it_refuses_is_not_sent_again(
    exporter: Exporter, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    with collecting(tmp_path) as collector:
        collector.status = 400
        exporter.put(recorded("refused"))
        eventually(lambda: "refused traces: 400" in capfd.readouterr().err)
        collector.status = 200
        exporter.put(recorded("taken"))
        collector.await_spans("taken")
        assert "refused" not in {span.name for span in collector.spans}


def test_a_connection_that_the_collector_closed_is_made_anew(exporter: Exporter, tmp_path: Path):
    for name in ("one", "two"):
        with collecting(tmp_path) as collector:
            exporter.put(recorded(name))
            collector.await_spans(name)


def test_to_put_one_never_waits(exporter: Exporter):
    with exporter._sending:  # as if the collector hung
        for _ in range(3 * exporting.ROOM):
            exporter.put(recorded())
    assert exporter._dropped > 0


def test_large_ones_have_a_bound_too(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "ROOM_BYTES", 50_000)
    monkeypatch.setattr(exporting, "BATCH_BYTES", 10_000)
    with exporter._sending:
        for _ in range(30):
            exporter.put(recorded("x" * 4000))
        waiting = [*exporter._queue]
    assert sum(map(len, waiting)) <= 50_000 < sum(map(len, waiting)) + 4200
    assert exporter._dropped >= 30 - 2 - len(waiting)
    with collecting(tmp_path) as collector:
        collector.await_spans("x" * 4000, len(waiting))
        assert max(map(len, collector.bodies)) < 11_000
    eventually(lambda: exporter._bytes == 0)


def test_nobody_to_send_to_keeps_nothing():
    nowhere = Exporter("")
    nowhere.put(recorded())
    assert not nowhere._queue
    assert not nowhere._started


def test_one_that_cannot_be_packed_takes_no_other_along(
    exporter: Exporter, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    broken = recorded()
    broken.attributes = {(): 1}  # type: ignore[dict-item]
    with collecting(tmp_path) as collector:
        exporter.put(broken)
        exporter.put(recorded("whole"))
        collector.await_spans("whole")
    assert "a trace is lost: TypeError" in capfd.readouterr().err


def test_after_a_fork_the_child_sends_its_own_and_only_that(exporter: Exporter, tmp_path: Path):
    with collecting(tmp_path) as collector:
        with exporter._sending:
            exporter.put(recorded("parent"))
            child = os.fork()
            if child == 0:
                exporter.put(recorded("child"))
                exporter.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        collector.await_spans("child")
        collector.await_spans("parent")
        names = sorted(span.name for span in collector.spans if span.hop == "application")
        assert names == ["child", "parent"]


def test_the_end_of_a_process_sends_what_is_left(tmp_path: Path):
    code = (
        "from lab.tracing.exporting import EXPORTER\n"
        "from lab.tracing.recording import Recording\n"
        "one = Recording(); one.end(one.begin('last')); EXPORTER.put(one)\n"
    )
    with collecting(tmp_path) as collector:
        environ = {**os.environ, "LAB_TELEMETRY": str(tmp_path)}
        subprocess.run([sys.executable, "-c", code], cwd=REPO, env=environ, check=True, timeout=60)
        assert "last" in {span.name for span in collector.spans}


def test_where_no_thread_is_to_be_had_the_next_one_tries_again(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        exporter.put(recorded("first"))
    with collecting(tmp_path) as collector:
        exporter.put(recorded("second"))
        collector.await_spans("first")
        collector.await_spans("second")
