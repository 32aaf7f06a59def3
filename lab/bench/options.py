"""Values of the command line that click does not know by itself."""

from typing import Any

import click

DEFAULT = "default"
"""The number of threads that suits a server, among others that are asked for."""


class Listed(click.ParamType[tuple[Any, ...]]):
    """Values with commas between them, each once; ``kind`` reads one of them."""

    name = "list"

    def __init__(self, kind: click.ParamType[Any]) -> None:
        self._kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        """A tuple, which is what a default is already."""
        if isinstance(value, tuple):
            return value
        texts = dict.fromkeys(text.strip() for text in value.split(",") if text.strip())
        if not texts:
            self.fail("names nothing", param, ctx)
        return tuple(self._kind.convert(text, param, ctx) for text in texts)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How it stands in the help."""
        if isinstance(self._kind, click.Choice):
            return f"[{'|'.join(self._kind.choices)}],…"
        return "N,…"


class Threads(click.IntRange):
    """A number of threads, or `default`, which is read as None."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An int or None."""
        return None if value in (None, DEFAULT) else super().convert(value, param, ctx)
