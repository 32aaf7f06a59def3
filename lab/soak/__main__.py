"""Run it: `python -m lab.soak`."""

from lab.soak.cli import main

main(prog_name="soak")
