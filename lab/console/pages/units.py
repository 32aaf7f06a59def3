"""Times and sizes in the units that people think in."""

from datetime import UTC, datetime

MINUS = "\N{MINUS SIGN}"
UNITS = ("B", "kB", "MB", "GB")


def duration(seconds: float) -> str:
    """Such as 1.23 s, 48.2 ms, 38 µs: three digits, no more than are known."""
    if seconds < 0:
        return MINUS + duration(-seconds)
    if round(seconds * 1e6) < 1000:
        return f"{seconds * 1e6:.0f} µs"
    ms = float(f"{seconds * 1000:.3g}")
    if ms >= 1000:
        return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:,.0f} s"
    digits = 0 if ms >= 100 else 1 if ms >= 10 else 2
    return f"{ms:.{digits}f} ms"


def coarse(seconds: float) -> str:
    """A duration that was counted in milliseconds, as nginx does."""
    ms = round(seconds * 1000)
    return duration(seconds) if ms >= 1000 else f"{ms} ms" if ms else "< 1 ms"


def difference(seconds: float) -> str:
    """A duration with its sign."""
    return duration(seconds) if seconds <= 0 else "+" + duration(seconds)


def size(octets: float) -> str:
    """Such as 512 B, 4.1 kB."""
    for unit in UNITS:
        if octets < 1000 or unit == UNITS[-1]:
            break
        octets /= 1000
    return f"{octets:.0f} {unit}" if unit == "B" or octets >= 100 else f"{octets:.1f} {unit}"


def moment(nanoseconds: int) -> datetime | None:
    """Nanoseconds since 1970; None for what no calendar has."""
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def clock(nanoseconds: int) -> str:
    """The time of the day, UTC, to the millisecond."""
    at = moment(nanoseconds)
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}" if at else "—"


def percent(part: float, whole: float) -> str:
    """For a coordinate of SVG: 0 to 100 with three digits."""
    share = part / whole if whole > 0 else 0.0
    return f"{100 * min(1.0, max(0.0, share)):.3f}%"
