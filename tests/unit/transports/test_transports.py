"""`lab transports`: one request by each way there is."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli import main
from lab.transports import measure
from lab.transports.app import body
from lab.transports.clients import Stream, whole_size
from lab.transports.measure import Times, without_date
from lab.transports.plot import plot
from lab.transports.show import duration, same_bytes, table

ANSWER = b"HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: 3\r\n\r\n%s"
RESULTS = {
    "100 B": {"tcp": Times([0.0001] * 99 + [0.004]), "spool": Times([0.002, 0.003, 0.030])},
    "8 MB": {"tcp": Times([0.05]), "spool": Times([1.5])},
}


def lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["transports", *arguments], catch_exceptions=False)


def test_all_give_the_same_bytes(tmp_path: Path):
    picture = tmp_path / "times.svg"
    said = lab("--samples", "5", "--plot", str(picture))
    assert said.exit_code == 0, said.output
    assert "These 184 bytes, and a Date, by tcp, unix, pipe, spool, shm." in said.output
    rows = [line.split() for line in said.stdout.splitlines() if line.startswith(("tcp ", "shm "))]
    assert [row[0] for row in rows] == ["tcp", "shm"]
    assert all(row[-1] == "MB/s" for row in rows)
    assert len(bars(picture.read_text())) == 15


def test_some_are_chosen_by_name():
    said = lab("pipe", "unix", "--samples", "5")
    assert "by pipe, unix." in said.output
    assert "tcp" not in said.output


def test_what_cannot_be_drawn_is_said_before_anything_is_measured(tmp_path: Path):
    said = lab("--plot", str(tmp_path / "no" / "times.svg"))
    assert said.exit_code == 1
    assert "there is no folder" in said.output and "GET" not in said.output


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(measure, "READY_WITHIN", 0.1)
    monkeypatch.setattr(measure, "binds", lambda folder: {"tcp": "127.0.0.1:1"})
    said = lab("tcp")
    assert said.exit_code == 1
    assert "lab: tcp does not answer" in said.output


def bars(svg: str) -> list[float]:
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")
    return [float(bar.attrib["width"]) for bar in found]


def test_bars_are_as_long_as_their_times():
    fast, slow, large_fast, large_slow = bars(plot(RESULTS))
    assert 0 <= fast < slow < large_fast < large_slow
    # A logarithmic scale: what is ten times as long is as much longer everywhere.
    tens = bars(plot({"a": {str(n): Times([10.0**-n]) for n in range(1, 4)}}))
    assert tens[0] - tens[1] == pytest.approx(tens[1] - tens[2], abs=0.2)


def test_percentiles():
    times = Times([n / 100 for n in range(100)])
    assert (times.p50, times.p99) == (0.495, 0.99)
    assert Times([0.5, 0.5]).rate == 2


def test_the_table():
    head, names, tcp, spool = table(RESULTS).splitlines()
    assert head.split() == ["100", "B", "8", "MB"]
    assert names.split() == ["p50", "p99", "rate"] * 2
    assert tcp.split() == "tcp 100 µs 4.0 ms 7,194/s 50.0 ms 50.0 ms 168 MB/s".split()
    assert spool.split()[:5] == "spool 3.0 ms 30.0 ms".split()


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0000841, "84 µs"), (0.0123, "12.3 ms"), (1.5, "1.50 s")]
)
def test_durations(seconds: float, said: str):
    assert duration(seconds) == said


def test_answers_that_differ_are_shown_apart():
    answers = {"tcp": ANSWER % (b"a", b"abc"), "unix": ANSWER % (b"b", b"abd")}
    said = same_bytes(b"GET / HTTP/1.1\r\n\r\n", answers)
    assert "by tcp." in said and "by unix." in said and "They are not the same!" in said
    same = {"tcp": ANSWER % (b"a", b"abc"), "unix": ANSWER % (b"b", b"abc")}
    assert "by tcp, unix." in same_bytes(b"GET / HTTP/1.1\r\n\r\n", same)


def test_the_date_alone_is_left_out():
    assert without_date(ANSWER % (b"a", b"Date: x")).endswith(b"Content-Length: 3\r\n\r\nDate: x")


class Pieces:
    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.send = self.close = lambda *_: None

    def receive(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def test_an_answer_in_pieces():
    answer = ANSWER % (b"a", b"abc")
    whole = Stream(lambda: Pieces(answer[:10], answer[10:30], answer[30:-1], answer[-1:]))
    assert whole.ask(b"") == answer
    cut = Stream(lambda: Pieces(answer[:-1]))
    with pytest.raises(ConnectionError, match="ended after"):
        cut.ask(b"")
    with pytest.raises(ConnectionError, match="without a Content-Length"):
        whole_size(b"HTTP/1.1 200 OK\r\n\r\n")


def test_the_body_has_the_size():
    assert [len(body(size)) for size in (0, 1, 100, 65536)] == [0, 1, 100, 65536]
