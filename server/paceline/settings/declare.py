"""How a setting is declared, and how the declarations are read back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Parse = Callable[[object], T]
"""Text from a command line or a Python value from a file → the value; ValueError says why not."""

Form = Literal["value", "repeated", "switch", "optional", "positional"]
"""How it is given on the command line; ``optional`` is a flag whose value may be left out."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting, with all that is known of it apart from its value."""

    name: str = ""
    group: str = ""
    summary: str
    """One sentence for ``--help`` and for the README."""
    detail: str
    """What else a reader of the README should know."""
    flags: tuple[str, ...]
    form: Form
    meta: str
    const: object
    """What the flag alone stands for (``switch`` and ``optional``)."""
    parse: Parse[Any]
    default: Any
    env: str
    from_env: Callable[[str], object]
    in_file: bool
    """False for what only makes sense before a file is read."""

    @property
    def flag(self) -> str:
        """The flag that messages use: the first long one; empty where there is none."""
        return next((flag for flag in self.flags if flag.startswith("--")), "")

    @property
    def choices(self) -> tuple[str, ...]:
        return getattr(self.parse, "choices", ())

    @property
    def metavar(self) -> str:
        return self.meta or "|".join(self.choices)

    @property
    def shown_default(self) -> str:
        """The default as a person would write it; empty where there is nothing to say."""
        value = self.default
        if value is None or self.form == "switch":
            return ""
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        if self.meta == "BYTES" and value >= 1 << 20:
            return f"{value >> 20}M"
        return format(value, "g") if isinstance(value, float) else str(value)


def setting(
    summary: str,
    parse: Parse[T],
    default: T,
    *flags: str,
    form: Form = "value",
    meta: str = "",
    const: object = True,
    env: str = "",
    from_env: Callable[[str], object] = str,
    in_file: bool = True,
    detail: str = "",
) -> T:
    """Declare a dataclass field as a setting.

    The return type is that of the value, so that mypy holds the field's annotation, its parser
    and its default against each other.
    """
    declaration = Setting(
        summary=summary,
        detail=detail,
        flags=flags,
        form=form,
        meta=meta,
        const=const,
        parse=parse,
        default=default,
        env=env,
        from_env=from_env,
        in_file=in_file,
    )
    made: T = field(default_factory=lambda: default, metadata={"setting": declaration})
    return made


def declared(groups: Iterable[type]) -> tuple[Setting, ...]:
    """Read the settings of ``groups`` in their order; a group is named by its docstring."""
    return tuple(
        replace(entry.metadata["setting"], name=entry.name, group=_title(group))
        for group in groups
        for entry in fields(group)
    )


def _title(group: type) -> str:
    return (group.__doc__ or "").partition("\n")[0]
