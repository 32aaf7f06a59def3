"""The command `report`."""

from pathlib import Path

import click

from lab.bench import report
from lab.errors import LabError
from lab.report import comparison, page
from lab.report.files import load

Output = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("report", short_help="Show results of the bench again.")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--markdown", is_flag=True, help="Print everything as Markdown.")
@click.option("--html", type=Output, help="Write a page with plots to this file.")
@click.option(
    "--comparison",
    "compared",
    type=Output,
    help="Write table and pictures to this page, between its lines `comparison: begin` and `end`.",
)
def show_report(
    files: tuple[Path, ...], markdown: bool, html: Path | None, compared: Path | None
) -> None:
    """Show results that `lab bench --json FILE` wrote, as tables or with plots.

    Several files must be of one machine and the same versions; of a cell that is in several, the
    last counts.

    \b
    lab report results.json
    lab report results.json --html results.html
    lab report results.json latencies.json --comparison docs/comparison.md
    """
    results = load(files)
    shown = " and ".join(map(str, files))
    if html:
        write(html, page.page(results))
        click.echo(f"{html} shows {shown}")
    if compared:
        for path in (compared, *comparison.write(compared, results)):
            click.echo(f"{path} shows {shown}")
    if not (html or compared):
        click.echo(report.markdown(results) if markdown else report.text(results))


def write(path: Path, content: str) -> None:
    """Raises LabError."""
    try:
        path.write_text(content)
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None
