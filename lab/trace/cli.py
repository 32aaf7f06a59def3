"""The command `trace`."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from lab import typed
from lab.environment import environment
from lab.errors import LabError
from lab.serve import WordError
from lab.stack.layout import REPO, Layout
from lab.stack.running import find
from lab.trace.console import PATIENCE, Console, Journey, NoConsole
from lab.trace.messages import all_bytes, differences
from lab.trace.repeat import summary
from lab.trace.target import Target, find_target, told_by
from lab.trace.waterfall import Paper, printable, waterfall
from lab.tracing import names
from lab.tracing.assembly import assemble
from lab.tracing.client import Sent, send
from lab.tracing.context import TraceContext
from lab.tracing.head import field
from lab.tracing.mask import mask_target
from lab.tracing.names import Hop
from lab.tracing.outgoing import Header
from lab.tracing.parents import distinct
from lab.tracing.span import Span, encode
from lab.words import WORDS

NO_ANSWER, NOT_WHOLE, REFUSED = 1, 3, 22
"""Exit statuses; the last is curl's."""

FORM = "application/x-www-form-urlencoded"
BYTES = {names.REQUEST_HEAD, names.REQUEST_BODY, names.RESPONSE_HEAD, names.RESPONSE_BODY}

NOBODY = ("ConnectionRefusedError", "FileNotFoundError")
"""What it is called where nothing listens."""
UNKNOWN = "gaierror"
"""And where a name is no host's."""

File = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Order:
    """A request as a person asked for it."""

    target: Target
    method: str
    headers: list[Header]
    body: bytes
    seconds: float
    insecure: bool
    trust: Path | None
    unix_socket: str | None


@click.command("trace", short_help="Send a request and show what each hop did with it.")
@click.argument("url")
@click.option("-X", "--request", "method", metavar="METHOD", help="[default: GET, with -d POST]")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="LINE",
    help="Such as 'Accept: text/html'; 'Accept:' leaves that out. Repeatable.",
)
@click.option(
    "-d",
    "--data",
    multiple=True,
    metavar="DATA",
    help="The body, as a form: POST. @FILE reads it, @- from standard input. Several: joined by &.",
)
@click.option("-k", "--insecure", is_flag=True, help="Trust any certificate.")
@click.option("--cacert", type=File, help="Trust this certificate, or these.")
@click.option("--unix-socket", metavar="PATH", help="Connect there, whatever the URL says.")
@click.option(
    "-m",
    "--max-time",
    "seconds",
    type=click.FloatRange(0.001),
    default=30.0,
    show_default=True,
    help="Seconds for the request.",
)
@click.option("-f", "--fail", is_flag=True, help=f"Exit with {REFUSED} for a status from 400 on.")
@click.option("--bytes", "show_bytes", is_flag=True, help="Show heads and bodies at each hop.")
@click.option("--diff", is_flag=True, help="Show what the proxy changed, there and back.")
@click.option("--json", "as_json", is_flag=True, help="Print all spans as OTLP/JSON.")
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Send it N times, one after the other; show each span's median.",
)
@click.option("--console", metavar="URL", help="The console to ask. [default: the stack's]")
def trace(
    url: str,
    method: str | None,
    headers: tuple[str, ...],
    data: tuple[str, ...],
    insecure: bool,
    cacert: Path | None,
    unix_socket: str | None,
    seconds: float,
    fail: bool,
    show_bytes: bool,
    diff: bool,
    as_json: bool,
    repeat: int,
    console: str | None,
) -> None:
    """Send a request and show when it reached each hop, how long it waited and worked there.

    URL may be a path of the stack that is up. Any other URL works too; whoever answers there
    without telling the console of it is not seen into. Redirects are not followed.

    \b
    lab trace /inspect/
    lab trace https://localhost:8443/ --diff
    lab trace /api/entries/ -H 'Accept: application/json' --bytes
    lab trace '/workload/io/?ms=20' --repeat 20

    \b
    Exit status: 0 answered, and every hop told its part; 1 no answer, or half of one;
    2 cannot be sent; 3 answered, but a hop or the console is missing; 22 see --fail
    """
    words = {word.name: word.default for word in WORDS}
    words |= {name: value for name, value in environment({}, REPO / ".env").items() if value}
    layout = Layout.from_environ(words)
    target = find_target(url, unix_socket, find(layout), layout, words)
    if console:
        target = replace(target, console=console.rstrip("/"))
    order = Order(
        target,
        method or ("POST" if data else "GET"),
        read_headers(headers, has_data=bool(data)),
        b"&".join(map(read_data, data)),
        seconds,
        insecure,
        cacert or (None if insecure else target.trust),
        unix_socket,
    )
    if repeat > 1 and any(name.lower() == "traceparent" for name, _ in order.headers):
        raise WordError("--repeat: each request has a trace of its own; leave out traceparent")
    journeys = [begin(send_once(order), target) for _ in range(repeat)]
    is_whole = gather(journeys, target, words["LAB_TRACE_BYTES"] == "on")
    if as_json:
        spans = [span for journey in journeys for span in journey.spans.values()]
        click.echo(json.dumps(encode(distinct(spans)), indent=2))
    else:
        for line in pages(journeys, paper(), show_bytes, diff):
            click.echo(printable_here(line))
    for note in dict.fromkeys(note for journey in journeys for note in journey.notes):
        click.echo(f"lab: {note}", err=True)
    sys.exit(exit_status([journey.sent for journey in journeys], is_whole, fail))


def read_headers(lines: Iterable[str], has_data: bool) -> list[Header]:
    """The fields of all -H, and the type of the body where there is one.  Raises WordError."""
    headers = [parse_header(line) for line in lines]
    if has_data and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", FORM))
    return headers


def parse_header(line: str) -> Header:
    """A field as curl takes it.  Raises WordError."""
    name, colon, value = line.partition(":")
    if colon:
        return name.strip(), value.strip() or None
    if line.endswith(";"):
        return line[:-1].strip(), ""
    raise WordError(f"-H {line!r}: write it as in 'Accept: text/html'")


def read_data(text: str) -> bytes:
    """The bytes of one -d; of a file without its line ends, as curl does.  Raises WordError."""
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    try:
        content = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    except OSError as error:
        raise WordError(f"-d {text}: {error.strerror}") from error
    return content.translate(None, b"\r\n\0")


def send_once(order: Order) -> Sent:
    """Sends a request.

    Raises WordError where it cannot be sent, LabError where nobody listens on this machine.
    """
    target = order.target
    try:
        sent = send(
            target.url,
            order.method,
            order.headers,
            order.body,
            order.seconds,
            trust=order.trust,
            insecure=order.insecure,
            connect_to=order.unix_socket,
        )
    except (ValueError, OSError) as error:
        raise WordError(str(error)) from error
    if target.is_local and sent.spans[0].attributes.get("error.type") in NOBODY:
        place = order.unix_socket or target.url
        is_ours = target.is_stack or target.is_server
        how = f"\n{typed.how_to_start()}" if is_ours else ""
        raise LabError(f"nobody listens at {place}: {sent.error}{how}")
    return sent


def begin(sent: Sent, target: Target) -> Journey:
    """What the answer itself says of who will tell of a request."""
    context, expected = told_by(sent.head)
    trace_id = sent.context.trace_id
    is_valid = TraceContext.parse(field(sent.request_head, "traceparent")) is not None
    notes = []
    if context is not None and is_valid and context.trace_id != trace_id:
        context, expected = None, []  # somebody else's, who does not know ours
    if context is None:
        if target.is_server and sent.status is not None:
            expected = [Hop.SERVER]
        elif target.is_stack and sent.status is not None:
            expected = [Hop.PROXY]
            notes.append("the answer has no Server-Timing: is LAB_TRACE=off?")
    elif not context.sampled:
        notes.append("the request was not sampled, so nobody told of it")
    elif not is_valid:
        trace_id = context.trace_id
        notes.append("the traceparent that was sent is not valid: the proxy began another trace")
    host = urlsplit(target.url).hostname or ""
    if sent.spans[0].attributes.get("error.type") == UNKNOWN and not {".", ":"} & set(host):
        notes.append(f"no host is named {host}; a path of the stack begins with a slash: /{host}")
    own = (replace(span, trace_id=trace_id) for span in sent.spans)
    return Journey(sent, trace_id, expected, {span.span_id: span for span in own}, notes)


def gather(journeys: Sequence[Journey], target: Target, with_bytes: bool) -> bool:
    """Tells the console of requests, and learns the rest from it; whether that is all."""
    expected = any(journey.expected for journey in journeys)
    sampled = [journey for journey in journeys if journey.sent.context.sampled]
    own = [span for journey in sampled for span in journey.spans.values()]
    console = Console(target.console)
    try:
        if own:
            console.post(own if with_bytes else map(without_bytes, own))
            console.wait(sampled)
    except NoConsole as error:
        if expected:
            journeys[0].notes.append(str(error))
            return False
    for journey in journeys:
        if journey.missing:
            who = " and ".join(journey.missing)
            journey.notes.append(f"nothing came from the {who} within {PATIENCE:g} s")
        elif {span.hop for span in journey.spans.values()} == {Hop.CLIENT} and not journey.notes:
            journey.notes.append("nobody behind the client told more")
    return not any(journey.missing for journey in journeys)


def without_bytes(span: Span) -> Span:
    """A span as LAB_TRACE_BYTES=off wants it."""
    return replace(span, attributes={k: v for k, v in span.attributes.items() if k not in BYTES})


def pages(journeys: Sequence[Journey], on: Paper, show_bytes: bool, diff: bool) -> Iterator[str]:
    """What a person gets to read."""
    traces = [assemble(journey.spans.values()) for journey in journeys]
    sent, trace = journeys[-1].sent, traces[-1]
    yield from waterfall(trace, on) if len(traces) == 1 else summary(traces, on)
    yield ""
    yield answered(sent)
    if len(traces) == 1:
        yield f"trace {trace.trace_id}"
    spans = [node.span for node in trace.walk()]
    if diff:
        yield from differences(spans, on)
    if show_bytes:
        yield from all_bytes(spans, on)


def answered(sent: Sent) -> str:
    """What came back."""
    if sent.status is None:
        return f"no answer: {sent.error}"
    where = field(sent.head, "Location")
    parts = [f"{sent.status} {sent.reason}".strip(), f"{sent.size} bytes of body"]
    parts += [f"to {mask_target(where)}"] if where else []
    parts += [f"broken off: {sent.error}"] if sent.error else []
    return printable(", ".join(parts))


def paper() -> Paper:
    """The terminal, or whatever else standard output is."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return Paper(
        width=shutil.get_terminal_size().columns,
        colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        unicode=encoding.startswith("utf"),
    )


def printable_here(line: str) -> str:
    """A line without what the encoding of standard output does not know."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def exit_status(sent: Sequence[Sent], is_whole: bool, fail: bool) -> int:
    """The status for scripts."""
    if any(one.error is not None for one in sent):
        return NO_ANSWER
    if fail and any((one.status or 0) >= 400 for one in sent):
        return REFUSED
    return 0 if is_whole else NOT_WHOLE
