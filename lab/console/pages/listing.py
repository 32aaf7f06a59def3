"""The list of traces."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from lab.console.collector import collector
from lab.console.pages.reading import short
from lab.console.pages.shell import fragment, page
from lab.console.pages.units import clock, coarse, duration
from lab.console.store import Filters, status_range
from lab.console.summary import Summary
from lab.tracing.names import Hop

WORDS = ("path", "status", "server", "min_ms", "max_ms", "errors")
"""What an address may filter by."""

SHORTEST, LONGEST = 1e-4, 10.0
"""Seconds at the two ends of the little bars, which are logarithmic."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    summary: Summary

    @property
    def id(self) -> str:
        """Of the trace."""
        return self.summary.trace_id

    @property
    def began(self) -> str:
        """The time of the day."""
        return clock(self.summary.started)

    @property
    def method(self) -> str:
        """Of the request."""
        return short(self.summary.method, 20)

    @property
    def path(self) -> str:
        """Without its query; nginx tells none of what it could not read."""
        told = self.summary.status is not None
        return short(self.summary.path) or ("(no readable path)" if told else "(no path told yet)")

    @property
    def status(self) -> str:
        """What the client got."""
        return "—" if self.summary.status is None else str(self.summary.status)

    @property
    def status_class(self) -> str:
        """Its first digit."""
        return status_class(self.summary.status)

    @property
    def took(self) -> str:
        """From begin to end; where nginx is the first to tell, to the millisecond."""
        from_proxy = self.summary.hop_names[:1] == [Hop.PROXY]
        return (coarse if from_proxy else duration)(self.summary.duration)

    @property
    def width(self) -> str:
        """Of its little bar."""
        reach = math.log(LONGEST / SHORTEST)
        share = math.log(max(self.summary.duration, SHORTEST) / SHORTEST) / reach
        return f"{100 * min(1.0, max(0.02, share)):.1f}%"

    @property
    def hops(self) -> list[tuple[str, bool]]:
        """Every hop, and whether it told."""
        told = set(self.summary.hop_names)
        return [(str(hop), str(hop) in told) for hop in Hop]

    @property
    def told_by(self) -> str:
        """Those that told, in words."""
        return ", ".join(self.summary.hop_names)

    @property
    def server(self) -> str:
        """Its software."""
        return short(self.summary.server, 40)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong that is not the client's own affair: a 4xx is that."""
        return self.summary.failed and self.status_class != "4"

    @property
    def error(self) -> str:
        """What, where the status does not say it all."""
        error = self.summary.error or ""
        return "" if error.startswith(self.status) else short(error, 120)


def status_class(status: int | None) -> str:
    """The first digit of a status; 0 for none."""
    return str(status)[0] if status is not None and 100 <= status <= 599 else "0"


def home(request: HttpRequest) -> HttpResponse:
    """The first page is the list."""
    answer = HttpResponse(status=302)
    answer["Location"] = reverse("traces")
    return answer


def traces(request: HttpRequest) -> HttpResponse:
    """The list; with ``after`` only what came or changed since, as a fragment."""
    given = {word: request.GET.get(word, "").strip() for word in WORDS}
    filters, problems = read_filters(given)
    after, before = whole(request.GET.get("after")), whole(request.GET.get("before"))
    found = collector().store.find(filters, after=after, before=before)
    context = {"page": found, "rows": [*map(Row, found.rows)]}
    if after is not None:
        return fragment(request, "fragment", context)
    set_words = {word: value for word, value in given.items() if value}
    older = ""
    if found.more:
        older = "?" + urlencode({**set_words, "before": found.rows[-1].started})
    return page(
        request,
        "traces",
        "traces",
        {
            **context,
            "given": given,
            "filtered": bool(set_words),
            "problems": problems,
            "servers": collector().store.servers(),
            "older": older,
            "before": before,
            "fragment": "" if before is not None else "?" + urlencode(set_words),
            "site_url": settings.ENVIRONMENT.site_url,
        },
    )


def read_filters(given: Mapping[str, str]) -> tuple[Filters, list[str]]:
    """What the words ask for; those that ask for nothing are told, and let everything through."""
    problems = []
    bounds: dict[str, float | None] = {}
    for word, what in (("min_ms", "at least"), ("max_ms", "at most")):
        try:
            bounds[word] = finite(given[word]) if given[word] else None
        except ValueError:
            bounds[word] = None
            problems.append(f"“{short(given[word], 40)}” is no number of milliseconds ({what}).")
    status = given["status"]
    if status and not status_range(status):
        problems.append(f"“{short(status, 40)}” is no status: write 404, or 5xx for all of them.")
        status = ""
    filters = Filters(
        path=given["path"],
        status=status,
        server=given["server"],
        errors=bool(given["errors"]),
        **bounds,
    )
    return filters, problems


def finite(text: str) -> float:
    """Raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def whole(text: str | None) -> int | None:
    """A number that SQLite can hold; None for anything else."""
    good = text is not None and text.isascii() and text.isdecimal() and len(text) <= 18
    return int(text) if good and text is not None else None
