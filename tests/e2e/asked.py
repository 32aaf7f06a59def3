"""A request through a stack, and the trace that becomes of it."""

import os
import re
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import requests

from lab.tracing.assembly import Node, Trace, assemble
from lab.tracing.span import Span, decode
from tests.e2e.stacks import Site
from tests.services.stack import eventually

CLIENT = "b7ad6b7169203331"
"""The client's span, of which it tells nothing itself."""

ALL = ("proxy", "server", "application")


@dataclass(frozen=True)
class Asked:
    """An answer, and the trace that its request belongs to."""

    site: Site
    trace_id: str
    answer: requests.Response

    def told(self) -> requests.Response:
        """What the console says of it by now."""
        return requests.get(f"{self.site.console}/traces/{self.trace_id}.json", timeout=30)

    def spans(self) -> list[Span]:
        """Its spans by now; none where the console does not answer."""
        try:
            told = self.told()
        except requests.ConnectionError:
            return []
        return [*decode(told.json())] if told.status_code == 200 else []

    def trace(self, *hops: str) -> Trace:
        """The trace, once these hops have told, by default all but the client."""
        spans: list[Span] = []

        def is_whole() -> bool:
            spans[:] = self.spans()
            return {*(hops or ALL)} <= {span.hop for span in spans}

        try:
            eventually(is_whole)
        except AssertionError as late:
            told = sorted({span.hop for span in spans})
            raise AssertionError(f"of {self.trace_id} only these told: {told}") from late
        return assemble(spans)


def ask(site: Site, path: str, method: str = "GET", flags: str = "01", **options: Any) -> Asked:
    """Makes a request that belongs to a trace of its own.

    A reloading nginx closes a connection on which nothing was said yet; a GET is then made anew,
    as browsers do (RFC 9110, 9.2.2).
    """
    given = options.pop("headers", {})
    for left in (2, 1, 0) if method == "GET" else (0,):
        trace_id = os.urandom(16).hex()
        headers = {"traceparent": f"00-{trace_id}-{CLIENT}-{flags}", **given}
        with suppress(requests.ConnectionError) if left else nullcontext():
            answer = requests.request(
                method, site.http + path, headers=headers, timeout=30, **options
            )
            break
    return Asked(site, trace_id, answer)


def named(trace: Trace, pattern: str) -> Node:
    """The first node of a name."""
    return next(node for node in trace.walk() if re.fullmatch(pattern, node.span.name))
