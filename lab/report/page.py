"""Results as HTML: a page of its own, or what stands within one of the console's."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import zip_longest
from pathlib import Path

from lab.bench import report
from lab.bench.labels import brief
from lab.bench.report import Table
from lab.bench.results import Results
from lab.bench.workloads import WORKLOADS
from lab.report.bars import TIE, bars, cost
from lab.report.curves import curves, legend
from lab.report.measures import leaders, measured, places
from lab.svg import Panel

FIGURE = re.compile(r"[\d,.]+( ±[\d,.]+)?( \([\d,.-]+\))?( tie)?|-")
"""A number, with its spread."""

FOLDER = Path(__file__).parent

TITLE = "Servers measured beside each other"

HOW = (
    "Bars are medians of the rounds, thin lines reach from the lowest round to the highest; ± is "
    "the median absolute deviation. "
    f"{TIE}: a tie with the first, since the difference is within the noise of the rounds."
)

CURVES = (
    "How many requests were answered within which time, counted from the moment at which each was "
    "due. The load is a share of the requests per second that each server reaches itself."
)


def style(alone: bool = False) -> str:
    """The CSS of plots and page; ``alone`` with what a page of its own needs."""
    names = ("alone", "page", "plot") if alone else ("page", "plot")
    return "\n".join((FOLDER / f"{name}.css").read_text() for name in names)


def page(results: Results) -> str:
    """A whole page that asks nobody for anything."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{TITLE}, {escape(results.facts.get("date", ""))}</title>
<style>
{style(alone=True)}</style>
</head>
<body>
<main>
<h1>{TITLE}</h1>
{body(results)}
</main>
</body>
</html>
"""


def body(results: Results) -> str:
    """All that is said of results, below a heading of the page's own."""
    wanted, results = report.targets(results), brief(results)
    workloads = [*results.cells()]
    return "\n".join(
        [
            '<div class="report">',
            *lead(results),
            section("At a glance", glance(results), "glance"),
            *(workload_section(results, workload, n) for n, workload in enumerate(workloads, 1)),
            *voids(results),
            *targets(wanted),
            section("Notes", listed(report.notes(results)), "notes"),
            section("Machine and versions", facts(results), "machine"),
            section("Commands", commands(results), "commands"),
            "</div>",
        ]
    )


def section(heading: str, content: str, identifier: str) -> str:
    """A part of the page under its heading."""
    return (
        f'<section id="{identifier}" aria-labelledby="{identifier}-heading">'
        f'<h2 id="{identifier}-heading">{escape(heading)}</h2>{content}</section>'
    )


def lead(results: Results) -> Iterator[str]:
    """On what it was made, what to beware of, and where what is."""
    said = [results.facts[name] for name in ("date", "CPU", "load") if name in results.facts]
    yield f'<p class="muted">{escape(" · ".join(said))}</p>'
    if "beware" in results.facts:
        yield f'<p class="beware"><b>Beware:</b> {escape(results.facts["beware"])}.</p>'
    links = (
        f'<li><a href="#w{number}">{escape(workload)}</a></li>'
        for number, workload in enumerate(results.cells(), 1)
    )
    yield f'<nav aria-label="Workloads"><ul class="contents">{"".join(links)}</ul></nav>'


def glance(results: Results) -> str:
    """Who is ahead in what, and an explanation of all plots."""
    explained = f"<p>{escape(HOW)}</p>"
    caption = "Who is ahead; less is better but for requests"
    return table(leading(results), caption, "glance") + explained


def leading(results: Results) -> Table:
    """A line for each workload, a column for each measure that one of them has."""
    by_workload = {workload: measured(results, workload) for workload in results.cells()}
    columns = list(dict.fromkeys(m for measures in by_workload.values() for m in measures))
    rows = [["workload", *(column.heading for column in columns)]]
    for workload, measures in by_workload.items():
        found = [
            leaders(places(results, workload, column)) if column in measures else ""
            for column in columns
        ]
        rows.append([workload, *found])
    return rows


def workload_section(results: Results, workload: str, number: int) -> str:
    """The plots of one workload, and the table behind them."""
    panels = [bars(results, workload, measure) for measure in measured(results, workload)]
    panels += filter(None, [cost(results, workload)])
    lines = curves(results, workload)
    parts = [f'<p class="muted">{escape(summary(workload))}</p>', plots(panels, f"w{number}-bar")]
    if lines:
        parts += [
            f"<p>{escape(CURVES)}</p>",
            f'<div class="whose">{legend(results, workload).inline(f"w{number}-legend")}</div>',
            plots(lines, f"w{number}-curve"),
        ]
    caption = f"{workload}: median ±deviation (lowest-highest)"
    figures = table(report.cells(results, workload), caption)
    parts.append(f"<details><summary>The figures as a table</summary>{figures}</details>")
    return section(workload, "".join(parts), f"w{number}")


def summary(workload: str) -> str:
    """What is asked; of a workload that the lab has no more, nothing."""
    return WORKLOADS[workload].summary if workload in WORKLOADS else ""


def plots(panels: Sequence[Panel], prefix: str) -> str:
    """Side by side where there is room."""
    figures = (
        f"<figure><figcaption>{escape(panel.title)}</figcaption>"
        f"{panel.inline(f'{prefix}{number}')}</figure>"
        for number, panel in enumerate(panels, 1)
    )
    return f'<div class="plots">{"".join(figures)}</div>'


def voids(results: Results) -> Iterator[str]:
    """What was not measured, and why."""
    rows = [
        [workload, server, reason]
        for workload, servers in results.cells().items()
        for server in servers
        if (reason := results.void(workload, server))
    ]
    if rows:
        heading = ["workload", "server", "why it counts for nothing"]
        yield section("Void", table([heading, *rows], "", "void"), "void")


def targets(rows: Table) -> Iterator[str]:
    """What paceline was to reach."""
    if len(rows) > 1:
        yield section("What paceline is meant to reach", table(rows, ""), "targets")


def facts(results: Results) -> str:
    """The machine and every version."""
    rows = [["what", "is"], *([name, f"{value}"] for name, value in results.facts.items())]
    return table(rows, "", "facts")


def commands(results: Results) -> str:
    """How every cell was run."""
    return (
        "<details><summary>Every command, as one would type it</summary>"
        f"<pre>{escape(chr(10).join(report.commands(results)))}</pre></details>"
    )


def listed(lines: Iterator[str]) -> str:
    """As a list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def table(rows: Table, caption: str, look: str = "") -> str:
    """Rows as a table whose first column names them; figures stand to the right."""
    others = rows[1:]
    by_column = zip_longest(*rows, fillvalue="")
    head = "".join(
        f'<th scope="col"{figures(not look and any(map(FIGURE.fullmatch, cells)))}>'
        f"{escape(name)}</th>"
        for name, *cells in by_column
    )
    lines = (
        f'<tr><th scope="row">{escape(first)}</th>'
        f"{''.join(cell_of(cell, not look) for cell in rest)}</tr>"
        for first, *rest in others
    )
    said = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="{look}">{said}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def cell_of(words: str, may_be_figure: bool) -> str:
    """One cell, which may be a figure among others."""
    is_figure = may_be_figure and FIGURE.fullmatch(words) is not None
    return f"<td{figures(is_figure)}>{escape(words)}</td>"


def figures(are_there: bool) -> str:
    """What puts a cell, or the heading of a column, to the right."""
    return ' class="figure"' if are_there else ""
