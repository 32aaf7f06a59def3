"""What is counted: requests over a connection of scripted bytes, in one thread.

    python -m tests.instructions.counted WORKLOAD COUNT

That is all of the server's way but the kernel's, the poller and the hand-over between threads.
Says "ready" on standard output once it is warm, waits for a line on standard input, answers COUNT
requests, says "done", and waits again.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIEnvironment

from paceline.application import load_application
from paceline.http.body import LAST_CHUNK, encode_chunk

from tests.unit.server.memory import PEER, connect

# As nginx sends them on.
PROXIED = (
    "Host: localhost:8080",
    "X-Request-ID: 6526d38709aa712940d40ed572e85c6b",
    "X-Real-IP: 127.0.0.1",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: localhost:8080",
    "User-Agent: curl/8.14.1",
    "Accept: */*",
)
BODY = b"name=value&" * 1000
WARM = 30


def reads(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Take a body, and say how long it was."""
    length = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [length]


@dataclass(frozen=True)
class Workload:
    """A request to an application, and how its answer begins."""

    summary: str
    application: str
    line: str
    begins: bytes
    body: bytes = b""
    chunk: int = 0
    """Bytes of the body in each chunk; 0: its length is said beforehand."""

    def request(self) -> bytes:
        framing: tuple[str, ...] = ()
        body = self.body
        if self.chunk:
            framing = ("Transfer-Encoding: chunked",)
            body = b"".join(map(encode_chunk, self._pieces())) + LAST_CHUNK
        elif body:
            framing = (f"Content-Length: {len(body)}",)
        head = "\r\n".join([f"{self.line} HTTP/1.1", *PROXIED, *framing, "", ""])
        return head.encode() + body

    def _pieces(self) -> Iterable[bytes]:
        return (self.body[at : at + self.chunk] for at in range(0, len(self.body), self.chunk))


DJANGO = "config.wsgi:application"

WORKLOADS = {
    "hello": Workload(
        "plain WSGI, 13 bytes", "lab.bench.apps:hello", "GET /?a=b", b"HTTP/1.1 200 OK"
    ),
    "body": Workload(
        "plain WSGI that reads a body of 11,000 bytes",
        "tests.instructions.counted:reads",
        "POST /",
        b"HTTP/1.1 200 OK",
        BODY,
    ),
    "chunks": Workload(
        "plain WSGI that reads a body of 1,000 bytes, each in a chunk",
        "tests.instructions.counted:reads",
        "POST /",
        b"HTTP/1.1 200 OK",
        BODY[:1000],
        chunk=1,
    ),
    "django-json": Workload(
        "a JSON view of Django", DJANGO, "GET /workload/json/", b"HTTP/1.1 200 OK"
    ),
    "django-missing": Workload(
        "a path that Django does not know", DJANGO, "GET /nowhere/", b"HTTP/1.1 404 Not Found"
    ),
}


def main(name: str, count: int) -> None:
    workload = WORKLOADS[name]
    # Whoever sends such fields is the proxy; of anybody else they would be taken away.
    talk = connect(load_application(workload.application), trusted=frozenset({PEER[0]}))
    request = workload.request()

    def answer(times: int) -> None:
        for _ in range(times):
            talk.connection.sent = b""
            talk.say(request)
            talk.exchanges.clear()

    answer(WARM)
    assert talk.connection.sent.startswith(workload.begins), talk.connection.sent
    print("ready", flush=True)
    sys.stdin.readline()
    answer(count)
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
