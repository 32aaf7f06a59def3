"""The command `transports`."""

import tempfile
from pathlib import Path

import click

from lab.errors import LabError
from lab.transports.measure import SIZES, TRANSPORTS, answers, clients, measure, request
from lab.transports.plot import plot
from lab.transports.show import same_bytes, table

SAMPLES = 300


@click.command("transports", short_help="Send one request without a network, in five ways.")
@click.argument("names", nargs=-1, type=click.Choice(TRANSPORTS), metavar="[TRANSPORT]...")
@click.option(
    "--samples", default=SAMPLES, show_default=True, type=click.IntRange(5), help="Small requests."
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the times into this file, as SVG.",
)
def transports(names: tuple[str, ...], samples: int, picture: Path | None) -> None:
    """Send the same request by TCP, a Unix socket, named pipes, files and shared memory.

    What makes a web server is the format of the messages; the bytes can travel in many ways.
    Each is served by a paceline of its own, and asked in turns by one client, which keeps its
    connection where there is one.  docs/transports.md tells what comes of it.
    """
    if picture is not None and not picture.absolute().parent.is_dir():
        raise LabError(f"--plot {picture}: there is no folder {picture.parent}")
    chosen = tuple(dict.fromkeys(names)) or TRANSPORTS
    with (
        tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as folder,
        clients(Path(folder), chosen) as asking,
    ):
        said = answers(asking, SIZES["100 B"])
        click.echo(same_bytes(request(SIZES["100 B"]), said) + "\n")
        results = measure(asking, samples, lambda label: click.echo(f"{label} …", err=True))
    click.echo("\n" + table(results))
    if picture is not None:
        picture.write_text(plot(results) + "\n")
        click.echo(f"\n{picture} shows it.")
