"""Reading a command line by the declarations."""

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from paceline import __version__
from paceline.errors import ConfigError
from paceline.settings.declare import Setting
from paceline.settings.foreign import FOREIGN
from paceline.settings.help import help_text


class Parser(argparse.ArgumentParser):
    """argparse with our own help, and with errors that are one line."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        super().__init__(
            prog="paceline",
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            add_help=False,
        )
        self.settings = tuple(settings)
        for setting in self.settings:
            if setting.flags or setting.form == "positional":
                self._add(setting)
        for foreign in FOREIGN.values():
            if foreign.flags:
                action = "store" if foreign.takes_value else "store_true"
                self.add_argument(*foreign.flags, dest=foreign.name, action=action)
        self.add_argument("-h", "--help", action="help")
        self.add_argument("-v", "--version", action="version", version=f"paceline {__version__}")

    def _add(self, setting: Setting) -> None:
        if setting.form == "positional":
            self.add_argument(setting.name, nargs="?")
            return
        forms: dict[str, dict[str, Any]] = {
            "value": {},
            "repeated": {"action": "append"},
            "switch": {"action": "store_const", "const": setting.const},
            "optional": {"nargs": "?", "const": setting.const},
        }
        self.add_argument(*setting.flags, dest=setting.name, **forms[setting.form])

    def read(self, argv: Sequence[str]) -> dict[str, object]:
        """What was typed, by the name of the setting; raises ConfigError.

        Prints and raises SystemExit for ``--help`` and ``--version``.
        """
        found, left = self.parse_known_args(argv)
        if left:
            flags = [flag for setting in self.settings for flag in setting.flags]
            near = difflib.get_close_matches(left[0].partition("=")[0], flags, n=1)
            hint = f"did you mean {near[0]}?" if near else "see paceline --help"
            raise ConfigError(f"{left[0]!r} is not understood; {hint}")
        return vars(found)

    def format_help(self) -> str:
        return help_text(self.settings)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)
