"""`python -m lab.bench` is the command `bench`."""

import sys

import click

from lab.bench.cli import bench
from lab.errors import LabError
from lab.serve import WordError

if __name__ == "__main__":
    try:
        bench(prog_name="python -m lab.bench")
    except (LabError, WordError) as error:
        click.echo(f"lab: {error}", err=True)
        sys.exit(2 if isinstance(error, WordError) else 1)
