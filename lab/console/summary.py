"""What a list of traces says of each: gathered from its spans as they come, in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from lab.tracing.names import SOFTWARE, Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Span, Value
from lab.tracing.trace import RANKS, STRANGER, has_failed, path_of

MAX_TEXT = 2000
"""Characters of a path or an error that a list shows; the spans have them whole."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A trace in short; what nobody has told yet is empty, or None."""

    trace_id: str
    rank: int
    """Of what is nearest to the client and has the last word: 2 for each hop, 1 for a mere step."""
    started: int
    """Nanoseconds since 1970."""
    ended: int
    method: str = ""
    path: str = ""
    status: int | None = None
    server: str = ""
    error: str | None = None
    error_rank: int = -1
    """Of what is farthest from the client and failed: it knows the cause."""
    hops: int = 0
    """A bit for each hop that spoke: 1 << rank."""
    spans: int = 0
    bytes: int = 0
    """As they are kept."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.ended - self.started) / 1e9

    @property
    def hop_names(self) -> list[str]:
        """The hops that spoke, from the client on."""
        return [str(hop) for hop in Hop if self.hops >> RANKS[hop] & 1]

    @property
    def failed(self) -> bool:
        """Whether anything went wrong that is not the client's own affair."""
        return self.error is not None or (self.status or 0) >= 500

    def merge(self, other: "Summary") -> "Summary":
        """Both together, whichever came first."""
        near, far = sorted((self, other), key=lambda s: (s.rank, s.started, s.path))
        cause = max(self, other, key=lambda s: (s.error_rank, s.error or ""))
        return replace(
            near,
            ended=max(near.ended, far.ended) if near.rank == far.rank else near.ended,
            method=near.method or far.method,
            path=near.path or far.path,
            status=far.status if near.status is None else near.status,
            server=best_server(near.server, far.server),
            error=cause.error,
            error_rank=cause.error_rank,
            hops=near.hops | far.hops,
            spans=near.spans + far.spans,
            bytes=near.bytes + far.bytes,
        )


def best_server(one: str, other: str) -> str:
    """The name that says more: paceline/0.1.0 rather than paceline."""
    return max(one, other, key=lambda name: ("/" in name, name))


def summarize(trace_id: str, spans: Sequence[Span], size: int) -> Summary:
    """Of some spans of one trace, which are kept in ``size`` bytes.  ValueError for none."""
    places = [place(span) for span in spans]
    nearest = min(places)
    told = sorted(  # most spans are mere steps, and have nothing to say
        (span for span in spans if span.kind != INTERNAL), key=lambda s: (place(s), s.start)
    )
    failed = max(
        (span for span in spans if has_failed(span)),
        key=lambda span: (place(span), span.error),
        default=None,
    )
    first = [span for span, where in zip(spans, places, strict=True) if where == nearest]
    return Summary(
        trace_id=trace_id,
        rank=nearest,
        started=min(span.start for span in first),
        ended=max(max(span.start, span.end) for span in first),
        method=clean(first_of(told, "http.request.method") or ""),
        path=clean(path_in(told)),
        status=status_in(told),
        server=clean(server_in(told)),
        error=None if failed is None else clean(failed.error) or "failed",
        error_rank=-1 if failed is None else place(failed),
        hops=reduce(or_, {1 << (where >> 1) for where in places}),
        spans=len(spans),
        bytes=size,
    )


def place(span: Span) -> int:
    """How far from the client: 2 for each hop, and 1 for what is not all that its hop did."""
    whole = span.kind == SERVER or (span.kind == CLIENT and span.hop != Hop.PROXY)
    return 2 * RANKS.get(span.hop, STRANGER) + (not whole)


def first_of(spans: Iterable[Span], name: str) -> Value | None:
    """The attribute of the first that has it."""
    return next((s.attributes[name] for s in spans if name in s.attributes), None)


def path_in(spans: Sequence[Span]) -> str:
    """The path, without the query."""
    path = first_of(spans, "url.path")
    url = first_of(spans, "url.full")
    return str(path) if path is not None else path_of(url) if url is not None else ""


def status_in(spans: Sequence[Span]) -> int | None:
    """The status, where it is one."""
    status = first_of(spans, "http.response.status_code")
    return status if isinstance(status, int) and 0 <= status < 1000 else None


def server_in(spans: Sequence[Span]) -> str:
    """The server's software."""
    names = (s.resource.get("service.name", "") for s in spans if s.hop == Hop.SERVER)
    return str(first_of(spans, SOFTWARE) or next(names, ""))


def clean(text: object) -> str:
    """A text that a database takes (no lone surrogates), and that a list has room for."""
    return str(text)[:MAX_TEXT].encode("utf-8", "replace").decode()
