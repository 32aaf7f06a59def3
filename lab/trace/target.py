"""What `lab trace` asks: from the words of a person to an address, and to whom else was there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab.stack.layout import Layout
from lab.stack.running import Running
from lab.tracing.context import TraceContext
from lab.tracing.head import field
from lab.tracing.names import Hop
from lab.words import PORTS
from lab.words import port as port_of

TIMING = re.compile(r'(?:^|,)\s*trace;desc="([^"]*)"')
UPSTREAM = re.compile(r"(?:^|,)\s*upstream;dur=")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, and what is known of that place."""

    url: str
    trust: Path | None
    """The certificate to trust, instead of the system's."""
    console: str
    is_stack: bool
    """Whether it goes to the proxy of the lab's own stack."""
    is_server: bool
    """Whether it goes to the server of that stack itself."""
    is_local: bool
    """Whether it goes to this machine."""


def find_target(
    url: str,
    unix_socket: str | None,
    state: Running | None,
    layout: Layout,
    words: Mapping[str, str],
) -> Target:
    """The target of a URL, of a path of the stack, or of a host without http:// before it.

    ``words`` say the ports of a stack that is not one of `lab up`.  Raises WordError for theirs.
    """
    http, https, console = (
        (state.http_port, state.https_port, state.console_port)
        if state
        else (port_of(name, words) for name in PORTS)
    )
    if url.startswith("/"):
        url = f"http://localhost:{http}{url}"
    elif not SCHEME.match(url):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # the client says what is wrong
        host, port = "", 0
    is_local = is_loopback(host)
    bind = state.bind if state else ""
    certificate = layout.tls / "certificate.pem"
    ours = is_local and state is not None and port == https and certificate.exists()
    return Target(
        url,
        certificate if ours else None,
        f"http://localhost:{console}",
        is_local and unix_socket is None and port in (http, https),
        bool(bind) and bind in (f"{host}:{port}", f"unix:{unix_socket}"),
        is_local,
    )


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


def told_by(head: bytes) -> tuple[TraceContext | None, list[str]]:
    """What an answer's Server-Timing says: the trace, and the hops that record their part of it."""
    timing = field(head, "Server-Timing")
    found = TIMING.search(timing)
    context = TraceContext.parse(found[1]) if found else None
    if context is None or not context.sampled:
        return context, []
    return context, [Hop.PROXY, *([Hop.SERVER] if UPSTREAM.search(timing) else [])]
