"""What an ordinary client feels while a server is attacked: `python -m lab.bench.hostile`.

The server has one core; the attack and the client share another.  The client asks at a steady rate,
each time on its kept connection and on a new one.  The time of an answer runs from the moment at
which its request was due, so that who is held up does not ask less often.  Each attack has a server
of its own, and its usual p99 is measured on that one, just before.

Where both cores are busy a machine may wake the client late, which is in the times of its answers
and no fault of the server's; so how late it was is told beside them.
"""

import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lab import markers
from lab.bench import apps, machine
from lab.bench.attacks import ATTACKS, under_attack
from lab.bench.candidates import Candidate
from lab.bench.idle import files_for
from lab.bench.machine import pinned
from lab.bench.process_tree import memory, usage
from lab.bench.running import Started, environment, started
from lab.bench.turns import interleaved
from lab.bench.void import VoidError
from lab.bench.workloads import Workload, exactly
from lab.stack.layout import REPO
from lab.stack.ports import free_port

RATE = 50
"""Pairs of requests a second: the server has time to spare."""
SECONDS = 4
SETTLE = 2.0
"""Seconds at the beginning of an attack, and after its end, in which nothing is measured."""
ROUNDS = 3
WORKLOAD = Workload(
    "hostile",
    f"plain WSGI that works for {1000 * apps.WORK:g} ms",
    "lab.bench.apps:victim",
    REPO,
    "/",
    exactly(apps.PAGE),
    arguments={"paceline": ("--worker-connections", "12000", "--bodies-on-disk", "200M")},
)
HEADING = (
    "attack",
    "connections",
    "p99 ÷ usual",
    "usual p99 ms",
    "p99 ms",
    "woken late, p99 ms",
    "longest ms",
    "not answered",
    "core used %",
    "MB more afterwards",
)


@dataclass(frozen=True)
class Felt:
    """One round of one attack: milliseconds, and how often nobody answered."""

    usual: float
    attacked: float
    late: float
    """How late the client itself was woken beside the attack, 99 of 100 times at the most."""
    longest: float
    failed: int
    busy: float
    """Share of its core that the server used, ordinary requests included."""
    grown: float
    """Megabytes that the server's memory has grown by, once the attack is over."""

    @property
    def ratio(self) -> float:
        """How many times as long as usual 99 of 100 answers took at the most."""
        return self.attacked / self.usual


class Visitor:
    """An ordinary client."""

    def __init__(self, bind: str) -> None:
        host, _, port = bind.rpartition(":")
        self._address = host, int(port)
        self._request = f"GET {WORKLOAD.path} HTTP/1.1\r\nHost: {bind}\r\n\r\n".encode()
        self._kept = self._connect()
        self.late: list[float] = []
        """Milliseconds by which it was woken later than it wanted to be, of the last visit."""

    def _connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=10)

    def visit(self, seconds: float) -> tuple[list[float], int]:
        """Ask at a steady rate; milliseconds of each answer, and how many failed."""
        took: list[float] = []
        failed = 0
        self.late = []
        began = time.perf_counter()
        for number in range(round(seconds * RATE)):
            due = began + number / RATE
            if time.perf_counter() > due + 2 * seconds:
                return took, failed + round(seconds * RATE) - number
            self._sleep_until(due)
            try:
                self._ask(self._kept)
                took.append((time.perf_counter() - due) * 1000)
                due = time.perf_counter()
                with self._connect() as new:
                    self._ask(new)
                took.append((time.perf_counter() - due) * 1000)
            except OSError:
                failed += 1
                self._kept.close()
                self._kept = self._connect()
        return took, failed

    def _sleep_until(self, due: float) -> None:
        left = due - time.perf_counter()
        if left > 0:  # else it is the server that made it late
            time.sleep(left)
            self.late.append((time.perf_counter() - due) * 1000)

    def _ask(self, sock: socket.socket) -> None:
        sock.sendall(self._request)
        if not sock.recv(65_536).startswith(b"HTTP/1.1 200 "):
            raise OSError("not answered")

    def close(self) -> None:
        """Close the kept connection."""
        self._kept.close()


def p99(took: Sequence[float]) -> float:
    """The time that 99 of 100 stay below."""
    return statistics.quantiles(took, n=100, method="inclusive")[-1]


def feel(server: Started, name: str) -> Felt:
    """Measure without the attack, and beside it.  Raises VoidError, OSError."""
    visitor = Visitor(server.bind)
    visitor.visit(1)
    began, before = server.processes(), memory(server.pid).rss
    usual, _ = visitor.visit(SECONDS)
    host, _, port = server.bind.rpartition(":")
    with under_attack(name, (host, int(port))):
        time.sleep(SETTLE)
        cpu, since = usage(server.pid).cpu, time.perf_counter()
        attacked, failed = visitor.visit(SECONDS)
        busy = (usage(server.pid).cpu - cpu) / (time.perf_counter() - since)
        late = p99([0.0, 0.0, *visitor.late])
    visitor.close()
    time.sleep(SETTLE)
    server.require_same(began)
    grown = (memory(server.pid).rss - before) / 1024
    return Felt(p99(usual), p99(attacked), late, max(attacked), failed, busy, grown)


def measured(names: Sequence[str], rounds: int) -> Iterator[tuple[str, Felt | str]]:
    """Every attack in every round, in an order of its own; a text where there is no figure."""
    cores, candidate = machine.these_cores(), Candidate.parse("paceline")
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder, pinned(cores.load):
        data = Path(folder)
        log, environ = data / "server.log", environment(data)
        for _, _, name in interleaved(rounds, None, [WORKLOAD], names):
            bind = f"127.0.0.1:{free_port()}"
            command = ["taskset", "-c", str(cores.server), *candidate.command(WORKLOAD, bind)]
            try:
                with (
                    files_for(ATTACKS[name].number),
                    started(command, WORKLOAD, environ, bind, log) as server,
                ):
                    yield name, feel(server, name)
            except (VoidError, OSError) as error:
                yield name, str(error)


def table(felt: Mapping[str, Sequence[Felt]]) -> Iterator[str]:
    """Rows of Markdown: medians of the rounds, the worst of what has no middle."""
    yield f"| {' | '.join(HEADING)} |"
    yield "|---|" + "---|" * (len(HEADING) - 1)
    for name, rounds in felt.items():
        if not rounds:
            yield f"| {name} | void |" + " |" * (len(HEADING) - 2)
            continue
        ratios = [each.ratio for each in rounds]
        cells = (
            name,
            f"{ATTACKS[name].number:,}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
            f"{statistics.median(each.usual for each in rounds):.1f}",
            f"{statistics.median(each.attacked for each in rounds):.1f}",
            f"{statistics.median(each.late for each in rounds):.1f}",
            f"{max(each.longest for each in rounds):.0f}",
            f"{sum(each.failed for each in rounds)}",
            f"{statistics.median(each.busy for each in rounds):.0%}".rstrip("%"),
            f"{max(each.grown for each in rounds):.1f}",
        )
        yield f"| {' | '.join(cells)} |"


@click.command("bench-hostile")
@click.option("--rounds", default=ROUNDS, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, type=click.Choice(list(ATTACKS)), help="Repeatable.")
@click.option("--markdown", "page", type=click.Path(exists=True, path_type=Path))
def main(rounds: int, only: Sequence[str], page: Path | None) -> None:
    """Measure what an ordinary client feels while paceline is attacked."""
    names = list(dict.fromkeys(only) or ATTACKS)
    for name in names:
        click.echo(f"{name:<13} {ATTACKS[name].summary}")
    felt: dict[str, list[Felt]] = {name: [] for name in names}
    for name, each in measured(names, rounds):
        if isinstance(each, str):
            click.echo(f"{name:<13} void: {each}")
            continue
        felt[name].append(each)
        click.echo(
            f"{name:<13} p99 {each.usual:.1f} -> {each.attacked:.1f} ms, x{each.ratio:.2f}; "
            f"woken {each.late:.1f} ms late"
        )
    facts = [f"{name} {value}" for name, value in machine.facts().items() if name != "wrk"]
    rows = [*table(felt), "", f"{rounds} rounds of {SECONDS} s each. {'; '.join(facts)}."]
    click.echo("\n" + "\n".join(rows))
    if page:
        markers.put(page, "hostile", "\n".join(rows))


if __name__ == "__main__":
    main()
