"""The command: load, rest, count, and say at the end whether it was flat."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from lab.bench.running import Started, environment, started
from lab.bench.void import VoidError
from lab.bench.workloads import Workload, exactly
from lab.soak.app import HELLO
from lab.soak.held import REQUESTS, Held, Rest, complaints, growth
from lab.stack.layout import REPO
from lab.stack.ports import free_port

PROCESSES = 2
"""Of clients."""
WARM_UP = 3
"""Rests until pools of memory have the size that they keep."""
LEAST = WARM_UP + 2
"""Rests in all: through fewer there is no line."""


@click.command("soak")
@click.option("--minutes", default=5.0, show_default=True, envvar="SOAK_MINUTES")
@click.option("--load", default=20.0, show_default=True, help="Seconds of load between two rests.")
@click.option("--settle", default=15.0, show_default=True, help="Seconds a rest may take.")
@click.option("--model", default="adaptive", show_default=True)
@click.option("--application", default="lab.soak.app:application", show_default=True)
@click.option("--folder", default=REPO, type=Path, help="Where the application is imported from.")
@click.option("--seed", default=1, show_default=True)
def main(
    minutes: float,
    load: float,
    settle: float,
    model: str,
    application: str,
    folder: Path,
    seed: int,
) -> None:
    """Mixed load on paceline: exit status 1 where it holds more and more, or answers wrongly."""
    bind = f"127.0.0.1:{free_port()}"
    workload = Workload("soak", "mixed", application, folder, "/", exactly(HELLO))
    command = ["paceline", application, "--bind", bind, "--workers", "1", "-k", model]
    click.echo("  minutes     requests  requests/s  memory MiB  descriptors  threads")
    with tempfile.TemporaryDirectory(prefix="lab-soak-") as place:
        files = Path(place)
        command += ["--access-logfile", "/dev/null", "--body-in-memory", "1M"]
        try:
            with started(
                command, workload, environment(files), bind, files / "server.log"
            ) as server:
                rests = list(_soak(server, minutes * 60, load, settle, seed))
        except VoidError as error:
            raise click.ClickException(str(error)) from None
    _judge(rests)


def _soak(server: Started, seconds: float, load: float, settle: float, seed: int) -> Iterator[Rest]:
    """Each rest, until time is up; at least as many as it takes to see anything."""
    began = time.monotonic()
    requests = turn = 0
    usual = Held.by(server.pid)
    while turn < LEAST or time.monotonic() - began < seconds:
        more = _drive(server, load, f"{seed}-{turn}")
        requests += more
        turn += 1
        held = _settle(server, usual, settle)
        if turn <= WARM_UP:
            usual = held
        click.echo(
            f"{(time.monotonic() - began) / 60:9.1f} {requests:12,} {more / load:11,.0f}"
            f" {held.memory / 2**20:11.1f} {held.descriptors:12} {held.threads:8}"
        )
        if turn >= WARM_UP:
            yield Rest(requests, held)


def _drive(server: Started, seconds: float, seed: str) -> int:
    """Let clients ask; how often they did.  Raises VoidError for a wrong answer."""
    words = [sys.executable, "-m", "lab.soak.clients", server.bind, str(seconds)]
    clients = [
        subprocess.Popen([*words, f"{seed}-{number}"], stdout=subprocess.PIPE, cwd=REPO)
        for number in range(PROCESSES)
    ]
    told = [json.loads(client.communicate()[0] or "{}") for client in clients]
    server.require_alive()
    wrong = [why for each in told for why in each.get("wrong", ["clients that failed"])]
    if wrong:
        raise VoidError("wrong answers: " + "; ".join(wrong))
    return sum(each["requests"] for each in told)


def _settle(server: Started, usual: Held, seconds: float) -> Held:
    """What is held once threads that nobody needs have ended, or time is up."""
    until = time.monotonic() + seconds
    while True:
        held = Held.by(server.pid)
        rests = held.threads <= usual.threads and held.descriptors <= usual.descriptors
        if rests or time.monotonic() > until:
            return held
        time.sleep(0.2)


def _judge(rests: list[Rest]) -> None:
    asked = rests[-1].requests - rests[0].requests
    steep = growth(rests) * REQUESTS / 2**20
    click.echo(f"behind the warm-up: {steep:+.2f} MiB for each {REQUESTS:,} requests, of {asked:,}")
    found = complaints(rests)
    for each in found:
        click.echo(f"not flat: {each}")
    if found:
        sys.exit(1)
    click.echo("flat")
