"""Lines on the screen, each behind the name of who says it."""

import os
import sys
import threading

import click

COLOURS = {
    "lab": "yellow",
    "prepare": "magenta",
    "server": "green",
    "proxy": "cyan",
    "console": "blue",
}


class Screen:
    """Prints lines from several threads, whole; the name in colour on a terminal (no-color.org)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._color = False if os.environ.get("NO_COLOR") else None  # None: as the terminal can

    def say(self, name: str, line: str) -> None:
        """Prints one line.  Where the screen has gone, lines go nowhere and nobody blocks."""
        head = click.style(f"{name:<7} |", fg=COLOURS.get(name))
        with self._lock:
            try:
                click.echo(f"{head} {line}", color=self._color)
            except OSError:
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115
