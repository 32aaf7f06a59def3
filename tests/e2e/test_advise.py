"""`lab advise` on a stack that runs: what it says of a path that waits and of one that computes.

Nothing here depends on how fast the machine is, or on what else it does: bounds are far away.
"""

import json
import re
from collections.abc import Iterator

import pytest

from tests.e2e.stacks import NOTHING_SAID
from tests.services.requirements import need
from tests.services.stack import Stack

IO, CPU, QUICK = "/workload/io/?ms=40", "/workload/cpu/?ms=20", "/healthz"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the small application."""
    with Stack(tmp_path_factory.mktemp("advised"), **{**NOTHING_SAID, "APP": "tiny"}) as stack:
        up = stack.lab("up", "--detach")
        assert up.returncode == 0, up.stderr
        yield stack


def waiting(output: str, path: str) -> int:
    """The per cent of its time that a path waits, at most, as its line says."""
    (line,) = re.findall(rf"^ +{re.escape(path)} .*$", output, re.MULTILINE)
    found = re.search(r"(\d+) %", line)
    assert found, line
    return int(found[1])


@pytest.fixture(scope="module")
def driven(tiny: Stack) -> str:
    """What is said of two paths that were asked, by a list."""
    urls = tiny.var / "urls.txt"
    urls.write_text(f"# of the small application\n{IO}\n\n{CPU}\n")
    order = ["--urls", str(urls), "--seconds", "3", "--no-measure", "--cores", "2"]
    done = tiny.lab("advise", *order)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_waits_and_what_computes_are_told_apart(driven: str):
    assert waiting(driven, IO) > 75
    assert waiting(driven, CPU) < 50


def test_the_advice_is_ready_to_be_pasted(driven: str):
    assert re.search(r"^ +paceline tiny\.app:application .*--workers \d -k adaptive", driven, re.M)
    assert re.search(r"^ +gunicorn tiny\.app:application .*gthread --threads \d+ ", driven, re.M)
    assert re.search(r"^ +gunicorn tiny\.app:application .*--worker-class sync ", driven, re.M)
    assert re.search(r"^ +uwsgi --module tiny\.app:application .*--threads \d+ ", driven, re.M)
    words = r"SERVER=uwsgi CONCURRENCY=threads WORKERS=\d THREADS=\d+ APP=tiny HTTP_PORT=\d+ "
    assert re.search(rf"^ +make up {words}.* LAB_VAR=", driven, re.M)
    assert re.search(r"\d+ x \d+ MiB of [\d,]+ MiB free", driven)
    assert "Not measured: as it was asked." in driven


def test_the_same_is_said_from_what_the_console_has_stored(tiny: Stack, driven: str):
    done = tiny.lab("advise", "--since", "10m", "--no-measure")
    assert done.returncode == 0, done.stdout + done.stderr
    assert waiting(done.stdout, "/workload/io/") > 75


def test_the_advice_is_measured_beside_the_default(tiny: Stack):
    need("wrk")
    order = ["--measure", "--server", "gunicorn", "--rounds", "1", "--round-seconds", "1"]
    raw = tiny.var / "advice.json"
    done = tiny.lab("advise", IO, QUICK, "--seconds", "2", "--json", str(raw), *order)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("default", "advice"):
        assert re.search(rf"^ +{name} +gunicorn tiny\.app:application .*threads", done.stdout, re.M)
        rates = re.findall(rf"^ +{name} +([\d,]+) ", done.stdout, re.M)
        assert int(rates[-1].replace(",", "")) > 0
    assert "Too few rounds to tell" in done.stdout
    table = done.stdout.partition(" requests/s of the same mix, from when each was due\n")[2]
    ((waits, of_it),) = re.findall(rf"^ +({re.escape(IO)}) +default +([\d,.]+) ", table, re.M)
    ((does_not, of_other),) = re.findall(rf"^ +({QUICK}) +default +([\d,.]+) ", table, re.M)
    assert table.index(waits) < table.index(does_not), "the slowest first"
    assert float(of_it.replace(",", "")) > 40, "it waits for so long"
    runs = json.loads(raw.read_text())
    assert {run["server"] for run in runs["reached"]["runs"]} == {"default", "advice"}
    found = {(r["workload"], r["server"]): r["figures"]["p50_ms"] for r in runs["waited"]["runs"]}
    assert f"{found[IO, 'default']:,.1f}" == of_it
    assert f"{found[QUICK, 'default']:,.1f}" == of_other
    assert found["mix", "advice"] > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere/"], "/nowhere/ answered 404 Not Found"),
        (["--since", "0s"], "cannot tell: no request of the last 0 minutes is known"),
        ([IO, "--seconds", "0.1", "--no-measure"], "requests are too few; 20 are needed"),
    ],
)
def test_what_cannot_be_told_is_said_in_a_line(tiny: Stack, arguments: list[str], says: str):
    done = tiny.lab("advise", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stderr
