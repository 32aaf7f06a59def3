"""`make bench-instructions`: instructions of the processor for each request, now and before.

A clock shows a loss of five per cent on a quiet machine alone.  valgrind counts what is executed,
whoever else is at work: two runs differ by less than half a per cent.  The count is another for
each version and build of Python, so the figures of before are kept for each.
"""

import json
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from lab.bench.rounds import prepare
from lab.bench.running import environment
from lab.errors import LabError
from tests.instructions.callgrind import NoValgrindError, count
from tests.instructions.counted import DJANGO, WORKLOADS

BASELINE = Path(__file__).with_name("baseline.json")

TOLERANCE = 0.02
"""What may be added before it is called a loss; two runs differ by a quarter of it at most."""

COUNT = 200
"""Requests.  What is counted beside them, such as waking up, is spread over so many."""

LOSS, CANNOT = 1, 2
"""Exit statuses."""

Figures = dict[str, int]


def python() -> str:
    """What the figures hold for."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{version}, {platform.python_compiler()}, {platform.machine()}"


def measure(names: Sequence[str]) -> Figures:
    """Instructions for each request of these workloads.  Raises NoValgrindError, LabError."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="lab-instructions-") as folder:
        environ = environment(Path(folder))
        if any(WORKLOADS[name].application == DJANGO for name in names):
            prepare(environ)
        for name in names:
            figures[name] = round(count(name, COUNT, environ) / COUNT)
    return figures


def compare(now: Figures, before: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Return the lines of a table, and what was lost."""
    lines = [f"{'':16} {'instructions':>12} {'before':>12} {'change':>8}"]
    lost = []
    for name, instructions in now.items():
        old = before.get(name)
        change = instructions / old - 1 if old else 0.0
        beside = f"{old:>12,} {change:>+8.1%}" if old else " " * 21
        lines.append(f"{name:16} {instructions:>12,} {beside}   {WORKLOADS[name].summary}")
        if change > TOLERANCE:
            lost.append(f"{name}: {change:+.1%}")
    return lines, lost


@click.command("bench-instructions")
@click.option("--only", multiple=True, type=click.Choice(list(WORKLOADS)), help="Repeatable.")
@click.option("--json", "raw", type=click.Path(path_type=Path), help="Write the figures there too.")
@click.option("--save", is_flag=True, help="Keep these figures as those of before.")
def main(only: tuple[str, ...], raw: Path | None, save: bool) -> None:
    """Count the processor's instructions for each request, and compare with those of before."""
    baseline: dict[str, Figures] = json.loads(BASELINE.read_text())
    before = baseline.get(python(), {})
    try:
        now = measure(only or [*WORKLOADS])
    except (NoValgrindError, LabError) as error:
        click.echo(f"make bench-instructions: {error}", err=True)
        sys.exit(CANNOT)
    lines, lost = compare(now, before)
    click.echo("\n".join([python(), "", *lines]))
    if raw:
        raw.write_text(json.dumps({"python": python(), "instructions": now}, indent=2) + "\n")
    if save:
        baseline[python()] = before | now
        BASELINE.write_text(json.dumps(baseline, indent=2, sort_keys=True) + "\n")
    elif not before:
        click.echo("\nNothing to compare with for this Python: BENCH=--save keeps these figures.")
    elif lost:
        click.echo(f"\nMore than {TOLERANCE:.0%} dearer than before: {', '.join(lost)}", err=True)
        sys.exit(LOSS)
    elif any(now[name] < before[name] * (1 - TOLERANCE) for name in now if name in before):
        click.echo("\nCheaper than before: BENCH=--save keeps these figures, so that it stays so.")


if __name__ == "__main__":
    main()
