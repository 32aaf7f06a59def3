"""Makes a trace of spans, as they come: late, twice, in any order, with hops missing."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from lab.tracing.fitting import by_time, fit
from lab.tracing.names import SOFTWARE, Hop
from lab.tracing.parents import tree
from lab.tracing.sentence import sentence
from lab.tracing.span import Span
from lab.tracing.trace import RANKS, Node, Trace, has_failed, path_of
from lab.tracing.working import share_out

__all__ = ["Node", "Trace", "assemble"]


def assemble(spans: Iterable[Span]) -> Trace:
    """The trace of all these spans, which are one trace's; the same ones always give the same.

    Raises ValueError where there are none.
    """
    nodes = tree(spans)
    if not nodes:
        raise ValueError("no spans, no trace")
    roots = [node for node in nodes if node.parent is None]
    fit([node for root in roots for node in root.walk()])
    roots.sort(key=by_time)
    nodes = [node for root in roots for node in root.walk()]
    share_out(nodes)
    nodes.sort(key=lambda node: node.rank)  # stable: by hop, then by time
    start = min(root.start for root in roots)
    duration = (max(root.end for root in roots) - start) / 1e9
    status = first_status(nodes)
    error = first_error(nodes, status)
    return Trace(
        trace_id=min(node.span.trace_id for node in nodes),
        roots=roots,
        start=start,
        duration=duration,
        method=first_text(nodes, "http.request.method"),
        path=first_path(nodes),
        status=status,
        server=software(nodes),
        error=error,
        queue=sum(n.duration for n in nodes if n.span.hop == Hop.SERVER and n.span.name == "queue"),
        sentence=sentence(nodes, duration, error),
    )


def first_text(nodes: Sequence[Node], name: str) -> str:
    """The attribute as the hop nearest to the client has it."""
    return str(next((n.span.attributes[name] for n in nodes if name in n.span.attributes), ""))


def first_path(nodes: Sequence[Node]) -> str:
    """The path, without the query."""
    for node in nodes:
        attributes = node.span.attributes
        if "url.path" in attributes:
            return str(attributes["url.path"])
        if "url.full" in attributes:
            return path_of(attributes["url.full"])
    return ""


def first_status(nodes: Sequence[Node]) -> int | None:
    """The status as the hop nearest to the client has it."""
    for node in nodes:
        status = node.span.attributes.get("http.response.status_code")
        if isinstance(status, int):
            return status
    return None


def first_error(nodes: Sequence[Node], status: int | None) -> str | None:
    """What went wrong first, where it did: farthest from the client."""
    failed = [node for node in nodes if has_failed(node.span)]
    if failed:
        cause = min(failed, key=lambda node: (-node.rank, node.end, node.start, node.span.span_id))
        return cause.span.error or "failed"
    if status is not None and status >= 500:
        known = status in HTTPStatus._value2member_map_
        return f"{status} {HTTPStatus(status).phrase}" if known else str(status)
    return None


def software(nodes: Sequence[Node]) -> str:
    """The server's name, with its version where that is known."""
    if told := first_text(nodes, SOFTWARE):
        return told
    servers = (n.span.resource.get("service.name") for n in nodes if n.rank == RANKS[Hop.SERVER])
    return str(next(filter(None, servers), ""))
