"""What a list of traces says of each: gathered from its spans as they come, in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.tracing.names import SOFTWARE, Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Span
from lab.tracing.trace import RANKS, STRANGER, path_of

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
    """Of the hop farthest from the client that failed: it knows the cause."""
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


def summarize(trace_id: str, spans: Iterable[Span], size: int) -> Summary:
    """Of some spans of one trace, which are kept in ``size`` bytes.  ValueError for none."""
    total: Summary | None = None
    hops = count = 0
    steps: list[Span] = []
    for span in spans:
        count += 1
        hops |= 1 << RANKS.get(span.hop, STRANGER)
        if span.kind == INTERNAL and span.error is None:
            steps.append(span)  # most spans: they have little to say
            continue
        told = of_span(trace_id, span)
        total = told if total is None else total.merge(told)
    for hop in {span.hop for span in steps}:
        told = of_steps(trace_id, [span for span in steps if span.hop == hop])
        total = told if total is None else total.merge(told)
    if total is None:
        raise ValueError("no spans, nothing to say")
    return replace(total, hops=hops, spans=count, bytes=size)


def of_span(trace_id: str, span: Span) -> Summary:
    """What one span says of its trace."""
    rank = RANKS.get(span.hop, STRANGER)
    get = span.attributes.get
    status = get("http.response.status_code")
    path = get("url.path")
    if path is None and "url.full" in span.attributes:
        path = path_of(span.attributes["url.full"])
    server = get(SOFTWARE) or (span.resource.get("service.name") if span.hop == Hop.SERVER else "")
    return Summary(
        trace_id=trace_id,
        rank=2 * rank + (not is_whole(span)),
        started=span.start,
        ended=max(span.start, span.end),
        method=clean(get("http.request.method", "")),
        path=clean(path or ""),
        status=status if isinstance(status, int) and 0 <= status < 1000 else None,
        server=clean(server or ""),
        error=None if span.error is None else clean(span.error) or "failed",
        error_rank=-1 if span.error is None else rank,
    )


def of_steps(trace_id: str, steps: Sequence[Span]) -> Summary:
    """What the steps of one hop say: little more than when."""
    first = of_span(trace_id, min(steps, key=lambda span: (span.start, span.span_id)))
    return replace(first, ended=max(max(span.start, span.end) for span in steps))


def is_whole(span: Span) -> bool:
    """Whether a span is all that its hop did for a request; a proxy's tries are not."""
    return span.kind == SERVER or (span.kind == CLIENT and span.hop != Hop.PROXY)


def clean(text: object) -> str:
    """A text that a database takes (no lone surrogates), and that a list has room for."""
    return str(text)[:MAX_TEXT].encode("utf-8", "replace").decode()
