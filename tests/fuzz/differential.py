"""The same octets said to nginx and to paceline, and what both made of them, side by side."""

import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.understood import Understood

FIRST = b"GET /conversation/%d HTTP/1.1\r\nHost: a\r\n\r\n"
"""Said before each, so that a connection in nginx's log can be told from the others."""
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
"""Said behind each: whoever sees another end of what was before sees something else here."""

# A proxy that says nothing for so long waits for more.  Where it was only slow, it notices that the
# client left (499), and that conversation is not compared.
QUIET = 0.3  # seconds
PATIENCE = 10.0  # seconds, until a connection is over; reached only where something hangs

LOG_FORMAT = "%({x-request-id}i)s\t%({content-length}i)s\t%(s)s\t%(r)s"
"""Of paceline's access log, as ``read_behind`` reads it."""

Line = dict[str, Any]
Request = tuple[str, str, int | None]
"""Method, target and length of the body; None where that is not known."""


@dataclass
class Said:
    """One conversation: whether nginx waited for more, and the lines of its log but the first."""

    octets: bytes
    waited: bool = False
    lines: list[Line] = field(default_factory=list)


def converse(port: int, octets: bytes) -> Said:
    """Say it all to nginx, and stay until it closes."""
    said = Said(octets)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, suppress(OSError):
        client.sendall(octets)
        client.settimeout(QUIET)
        try:
            while client.recv(1 << 16):
                pass
        except TimeoutError:
            said.waited = True
            client.shutdown(socket.SHUT_WR)
            client.settimeout(PATIENCE)
            while client.recv(1 << 16):
                pass
    return said


def read_counted(log: Path) -> list[Line]:
    """Read nginx's log, in which octets past ASCII stand as they came."""
    lines = log.read_text("latin-1").split("\n")
    return [json.loads(line) for line in lines if line.startswith("{")]


def by_conversation(lines: list[Line]) -> dict[int, list[Line]]:
    """Give the lines of each, without FIRST's, by its number."""
    numbers = {
        line["connection"]: int(line["uri"].rpartition("/")[2])
        for line in lines
        if line["connection_requests"] == 1 and line["uri"].startswith("/conversation/")
    }
    found: dict[int, list[Line]] = {number: [] for number in numbers.values()}
    for line in lines:
        if line["connection"] in numbers and line["connection_requests"] > 1:
            found[numbers[line["connection"]]].append(line)
    return found


def read_behind(log: Path) -> list[tuple[str | None, Request]]:
    """Read what paceline behind nginx understood: nginx's id, None for what it refused."""
    found: list[tuple[str | None, Request]] = []
    for line in log.read_text().splitlines():
        request_id, length, status, request_line = line.split("\t")
        method, _, rest = request_line.encode().decode("unicode_escape").partition(" ")
        target = rest.rpartition(" ")[0]
        if status == "200":
            found.append((request_id, (method, target, 0 if length == "-" else int(length))))
        else:
            found.append((None, (method, target, None)))
    return found


def path(target: str) -> str:
    """Give what nginx makes of a target: it takes a URL's host away, and may log no slash then."""
    target = re.sub("(?i)^https?://[^/?]*", "", target)
    return target if target.startswith(("/", "*")) else f"/{target}"


def strangers(counted: list[Line], behind: Iterable[tuple[str | None, Request]]) -> list[Request]:
    """Give what paceline behind nginx saw, and nginx never sent, or sent once and it saw twice."""
    # Those are asked again that got no answer; others have one try.
    waiting = {
        line["request_id"]: line["upstream"].split(", ") for line in counted if line["upstream"]
    }
    targets = {line["request_id"]: (line["method"], path(line["uri"])) for line in counted}
    found, refused = [], []
    for request_id, request in behind:
        if request_id is None:
            refused.append(request)
        elif waiting.get(request_id) and targets[request_id] == request[:2]:
            waiting[request_id].pop()
        else:
            found.append(request)
    # What was refused has no id in the log: there must be as many as nginx got no other answer to.
    return found + refused[sum(map(len, waiting.values())) :]


def disagreement(said: Said, alone: Understood, lengths: dict[str, int | None]) -> str | None:
    """Say how nginx and paceline ``alone`` differ about one conversation, FIRST included in it.

    ``lengths`` are those of the bodies that nginx sent, by its ids.  One of the two may refuse
    what the other takes, or close where the other goes on: then nothing behind it is compared.
    """
    if any(line["status"] == 499 for line in said.lines):
        return None
    taken = [line for line in said.lines if line["upstream"]]
    ours = [(method, path(target), len(body)) for method, target, body in alone.requests[1:]]
    for line, (method, target, length) in zip(taken, ours, strict=False):
        if (line["method"], path(line["uri"])) != (method, target):
            return f"{line['method']} {line['uri']} to nginx, {method} {target} to paceline"
        if lengths.get(line["request_id"]) not in (None, length):
            return f"{method} {target} has {lengths[line['request_id']]} bytes to nginx, {length}"
    if said.waited and len(ours) > len(taken):
        return f"{ours[len(taken)]} is whole to paceline; nginx waits for its end"
    if alone.end == "waiting" and len(taken) > len(ours):
        return f"{taken[len(ours)]} is whole to nginx; paceline waits for its end"
    return None
