"""What ``paceline --help`` prints."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from paceline.settings.declare import Setting

WIDEST = 100
COLUMN = 32
"""Where the texts begin; a flag that reaches past it has its text on the next line."""

HEAD = """\
usage: paceline APPLICATION [options]

paceline serves a WSGI application.  It needs the application's name and no option.

  paceline config.wsgi                       `application` in config/wsgi.py, on port 8000
  paceline shop:app -b :80 -w 4              `app` in shop.py, on all addresses, 4 processes
  paceline shop:app -b unix:/run/shop.sock   behind a proxy on the same machine
  paceline shop:app --reload                 while you write it
  paceline shop:app --access-logfile -       with a line on standard output for each request
"""

TAIL = """
  -h, --help                    Print this.
  -v, --version                 Print the version.

Options can also stand in PACELINE_CMD_ARGS, or by their name in a Python file (-c), where hooks
can be set too.  The command line overrides PACELINE_CMD_ARGS, which overrides the file,
which overrides single variables.  --print-config shows the result.
"""


def help_text(settings: Iterable[Setting], columns: int = 0) -> str:
    """The whole help, as wide as the terminal but never too wide to read."""
    width = min(columns or shutil.get_terminal_size().columns, WIDEST)
    shown = [setting for setting in settings if setting.flags]
    groups = groupby(shown, key=lambda setting: setting.group)
    sections = [
        f"\n{title}:\n" + "\n".join(line for entry in members for line in _entry(entry, width))
        for title, members in groups
    ]
    return HEAD + "\n".join(sections) + "\n" + TAIL


def _entry(setting: Setting, width: int) -> Iterator[str]:
    # Options without a short form leave its room empty, so that the long ones stand in line.
    indent = "  " if len(setting.flags[0]) == 2 else "      "
    left = indent + ", ".join(setting.flags) + _value(setting)
    lines = textwrap.wrap(_text(setting), max(width - COLUMN, 30), break_on_hyphens=False)
    if len(left) < COLUMN - 1:
        yield left.ljust(COLUMN) + lines.pop(0)
    else:
        yield left
    for line in lines:
        yield " " * COLUMN + line


def _value(setting: Setting) -> str:
    if setting.form == "switch":
        return ""
    return f" [{setting.metavar}]" if setting.form == "optional" else f" {setting.metavar}"


def _text(setting: Setting) -> str:
    known = [setting.shown_default] if setting.shown_default else []
    if setting.env:
        known.append(f"${setting.env}")
    return f"{setting.summary} [{', or '.join(known)}]" if known else setting.summary
