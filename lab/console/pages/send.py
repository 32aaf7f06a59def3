"""Sends a request through the stack, by a client that is traced too, and opens its trace.

Where other servers stand beside that of the stack, it goes to any of them, or to two to compare.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from lab.console.collector import collector
from lab.console.pages.one import find
from lab.console.pages.reading import short
from lab.console.pages.shell import page
from lab.tracing.client import Sent
from lab.tracing.client import send as send_request
from lab.tracing.names import Hop

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATIENCE = 30.0
"""Seconds for an answer."""

TOLD = 2.0
"""Seconds in which hops tell of a request that was answered."""

WORDS = {"method": "GET", "path": "/", "headers": "", "body": "", "server": "", "second": ""}


class Unsendable(Exception):
    """What was given makes no request; the message says what to change."""


def send(request: HttpRequest) -> HttpResponse:
    """The form; once it is sent, the trace."""
    if request.method != "POST":
        given = {word: request.GET.get(word, value) for word, value in WORDS.items()}
        return form(request, given)
    given = {word: request.POST.get(word, value) for word, value in WORDS.items()}
    servers = [given["server"], *([given["second"]] if given["second"] else [])]
    traces = []
    for server in servers:
        try:
            sent = through_stack(given, server)
        except Unsendable as error:
            return form(request, given, str(error), status=400)
        kept = collector().take(sent.spans)
        traces.append(sent.context.trace_id)
        if sent.error is not None and sent.status is None:
            why = f"{site(server)} gave no answer: {sent.error}. Does the stack run?"
            return form(request, given, why, traces[-1] if kept else "", status=502)
    if len(traces) == 1:
        return HttpResponseRedirect(reverse("trace", args=traces))
    await_told(traces)
    return HttpResponseRedirect("{}?a={}&b={}".format(reverse("compare"), *traces))


def await_told(traces: Sequence[str]) -> None:
    """Waits until proxy and application have told of each, or TOLD seconds: Compare does not."""
    deadline = time.monotonic() + TOLD
    while time.monotonic() < deadline:
        found = [find(each) for each in traces]
        hops = [{node.span.hop for node in trace.walk()} if trace else set() for trace in found]
        if all({Hop.PROXY, Hop.APPLICATION} <= each for each in hops):
            return
        time.sleep(0.05)


def site(server: str) -> str:
    """The address of the stack, or of a server beside it.  Raises Unsendable."""
    url: str = settings.ENVIRONMENT.site_url
    if not server:
        return url
    if server not in settings.ENVIRONMENT.versus:
        known = ", ".join(settings.ENVIRONMENT.versus) or "the stack's own alone"
        raise Unsendable(f"The server is one of: {known}.")
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{server}.localhost{port}"


def through_stack(given: Mapping[str, str], server: str) -> Sent:
    """Sends it.  Blocks for PATIENCE at most.  Raises Unsendable."""
    url = site(server) + target(given["path"])
    proxy = urlsplit(settings.ENVIRONMENT.proxy_url)
    port = proxy.port or (443 if proxy.scheme == "https" else 80)
    body = given["body"].replace("\r\n", "\n").encode()
    try:
        return send_request(
            url,
            method(given["method"]),
            fields(given["headers"]),
            body,
            PATIENCE,
            insecure=True,
            connect_to=(proxy.hostname or "", port),
        )
    except ValueError as error:
        raise Unsendable(f"This makes no request: {error}.") from error


def method(text: str) -> str:
    """Raises Unsendable."""
    if text not in METHODS:
        raise Unsendable(f"The method is one of {', '.join(METHODS)}.")
    return text


def target(text: str) -> str:
    """Path and query, percent-encoded where need be.  Raises Unsendable."""
    if not text.startswith("/"):
        raise Unsendable("The path begins with a slash: the host is always the stack's own.")
    return quote(text.strip(), safe="%/:=&?~#+!$,;'@()*[]")


def fields(text: str) -> list[tuple[str, str]]:
    """Lines of ``Name: value``.  Raises Unsendable."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Unsendable(f"“{short(line, 80)}” is no header field: write Name: value.")
        found.append((name.strip(), value.strip()))
    return found


def form(
    request: HttpRequest,
    given: Mapping[str, str],
    problem: str = "",
    sent_trace: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page, with what was given still in it."""
    context: dict[str, Any] = {
        "given": given,
        "methods": METHODS,
        "problem": problem,
        "sent_trace": sent_trace,
        "site_url": settings.ENVIRONMENT.site_url,
        "versus": settings.ENVIRONMENT.versus,
    }
    return page(request, "send", "send", context, status)
