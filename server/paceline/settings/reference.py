"""The tables of README.md, made from the declarations.

``python -m paceline.settings.reference README.md`` writes them anew between their marks.
"""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from paceline.config import SETTINGS
from paceline.observe.access_format import ATOMS
from paceline.settings.declare import Setting


def settings_tables() -> str:
    """A table for each group of settings."""
    groups = groupby(SETTINGS, key=lambda setting: setting.group)
    return "\n\n".join("\n".join(_table(title, list(members))) for title, members in groups)


def _table(title: str, members: list[Setting]) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| name in a file | option | default | |"
    yield "|---|---|---|---|"
    for setting in members:
        text = f"{setting.summary} {setting.detail}".strip()
        cells = (_code(setting.name), _option(setting), _default(setting), text)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _option(setting: Setting) -> str:
    if not setting.flags:
        return setting.meta
    flags = ", ".join(_code(flag) for flag in setting.flags)
    return flags if setting.form == "switch" else f"{flags} {setting.metavar}"


def _default(setting: Setting) -> str:
    switch = setting.form == "switch"
    shown = repr(setting.default) if switch else setting.shown_default
    default = _code(shown) if shown else ""
    return f"{default}, or `${setting.env}`".removeprefix(", or ") if setting.env else default


def _code(text: str) -> str:
    return f"`{text}`"


def atoms_table() -> str:
    """What may stand in a format of the access log."""
    named = {
        "{name}i": "field of the request",
        "{name}o": "field of the answer",
        "{name}e": "entry of the WSGI environ",
    }
    meanings = {name: meaning for name, (_, meaning) in ATOMS.items()} | named
    rows = [f"| `%({name})s` | {meaning} |" for name, meaning in meanings.items()]
    return "\n".join(["| atom | |", "|---|---|", *rows])


def up_to_date(readme: str) -> str:
    """``readme`` with its tables as they should be."""
    for name, table in {"settings": settings_tables(), "atoms": atoms_table()}.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = readme.partition(begin)
        readme = before + begin + table + end + rest.partition(end)[2]
    return readme


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(up_to_date(path.read_text()))
