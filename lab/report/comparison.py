"""docs/comparison.md: its table and its pictures, made of a file of results.

`lab report FILE --comparison docs/comparison.md` puts what was measured between two lines of the
page, and writes the plots beside it as SVG; those of workloads that are no more are removed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab import markers
from lab.bench import report
from lab.bench.labels import brief
from lab.bench.report import Table, as_markdown
from lab.bench.results import Results
from lab.report.bars import bars, cost
from lab.report.curves import curves, legend
from lab.report.measures import leaders, measured, places
from lab.report.page import CURVES, FOLDER, HOW, leading, summary
from lab.svg import Panel, picture

NAME = "comparison"

ACROSS = 2
"""Plots beside each other in a picture."""


def write(page: Path, results: Results) -> list[Path]:
    """Puts results into a page and beside it; the pictures.  Raises LabError, OSError."""
    wanted, results = report.targets(results), brief(results)
    found = dict(pictures(page, results))
    said = parts(results, wanted, page.stem, {path.name for path in found})
    markers.put(page, NAME, "\n\n".join(said))
    for stale in set(page.parent.glob(f"{page.stem}-*.svg")) - found.keys():
        stale.unlink()
    for path, content in found.items():
        path.write_text(content + "\n")
    return [*found]


def pictures(page: Path, results: Results) -> Iterator[tuple[Path, str]]:
    """A file of bars for each workload, and one of curves where there are latencies."""
    style = (FOLDER / "plot.css").read_text()
    for workload in results.cells():
        panels = [bars(results, workload, each) for each in measured(results, workload)]
        panels += filter(None, [cost(results, workload)])
        if panels:
            title = f"{workload}: {summary(workload)}"
            yield (
                page.with_name(f"{page.stem}-{workload}.svg"),
                picture(title, described(panels), in_rows(panels), style),
            )
        lines = curves(results, workload)
        if lines:
            rows = [[legend(results, workload)], lines]
            yield (
                page.with_name(f"{page.stem}-{workload}-latency.svg"),
                picture(f"{workload}: latency", described(lines), rows, style),
            )


def described(panels: Sequence[Panel]) -> str:
    """What all of them show."""
    return " ".join(f"{panel.title}: {panel.description}" for panel in panels)


def in_rows(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    """So many beside each other."""
    return [panels[first : first + ACROSS] for first in range(0, len(panels), ACROSS)]


def parts(results: Results, wanted: Table, stem: str, names: set[str]) -> Iterator[str]:
    """The page's paragraphs; ``names`` are those of its pictures, which begin with ``stem``."""
    said = [results.facts[name] for name in ("date", "CPU", "load") if name in results.facts]
    yield f"{'; '.join(said)}."
    if "beware" in results.facts:
        yield f"**Beware**: {results.facts['beware']}."
    yield "### At a glance"
    yield "Less is better but for requests per second. " + HOW
    yield as_markdown(leading(results))
    if len(wanted) > 1:
        yield "### What paceline is meant to reach"
        yield as_markdown(wanted)
    for workload in results.cells():
        yield f"### {workload}"
        yield f"Asked: {summary(workload)}."
        yield from shown(results, workload, stem, names)
        yield as_markdown(report.cells(results, workload))
    yield "### Notes"
    yield "\n".join(f"- {note}" for note in report.notes(results))
    yield "### Machine and versions"
    yield as_markdown([["", ""], *([name, value] for name, value in results.facts.items())])
    yield "### Commands"
    yield "\n".join(["```sh", *report.commands(results), "```"])


def shown(results: Results, workload: str, stem: str, names: set[str]) -> Iterator[str]:
    """The pictures of a workload, with who is ahead for those who do not see them."""
    ahead = "; ".join(
        f"{each.title}: {leaders(places(results, workload, each))}"
        for each in measured(results, workload)
    )
    if (name := f"{stem}-{workload}.svg") in names:
        yield f"![{workload}, who is ahead. {ahead}]({name})"
    if (name := f"{stem}-{workload}-latency.svg") in names:
        yield CURVES
        yield f"![{workload}, latencies as curves; the table has their p99]({name})"
