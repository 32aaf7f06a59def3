"""What `lab transports` prints."""

from collections.abc import Mapping

from lab.transports.measure import SIZES, Results, Times, without_date

COLUMN = 32
SHOWN = 60
"""Bytes of a body."""


def same_bytes(request: bytes, answers: Mapping[str, bytes]) -> str:
    """The request and the answer, once for all who gave the same one."""
    lines = [f"> {line}" for line in shown(request)]
    groups: dict[bytes, list[str]] = {}
    for name, answer in answers.items():
        groups.setdefault(without_date(answer), []).append(name)
    for answer, names in groups.items():
        lines += ["", *(f"< {line}" for line in shown(answer))]
        lines += ["", f"These {len(answer)} bytes, and a Date, by {', '.join(names)}."]
    if len(groups) > 1:
        lines += ["", "They are not the same!"]
    return "\n".join(lines)


def shown(message: bytes) -> list[str]:
    """A message as lines; its body cut off."""
    head, _, body = message.partition(b"\r\n\r\n")
    text = body[:SHOWN].decode("latin-1").replace("\n", "\\n")
    rest = [text + (" …" if len(body) > SHOWN else "")] if body else []
    return [*head.decode("latin-1").split("\r\n"), "", *rest]


def table(results: Results) -> str:
    """Times and rates: a line for each transport."""
    head = "".join(f"{label:<{COLUMN}}" for label in results)
    names = f"{'p50':>8} {'p99':>9} {'rate':>11}  "
    lines = [f"{'':<10}{head}".rstrip(), f"{'':<8}{names * len(results)}".rstrip()]
    for name in next(iter(results.values())):
        cells = [cell(times[name], SIZES[label]) for label, times in results.items()]
        lines.append(f"{name:<8}{''.join(cells)}".rstrip())
    return "\n".join(lines)


def cell(times: Times, size: int) -> str:
    """One transport and one size."""
    rate = f"{times.rate:,.0f}/s" if size < 1 << 20 else f"{times.rate * size / 1e6:,.0f} MB/s"
    return f"{duration(times.p50):>8} {duration(times.p99):>9} {rate:>11}  "


def duration(seconds: float) -> str:
    """Such as ``84 µs`` or ``12.3 ms``."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
