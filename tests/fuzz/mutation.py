"""What a fuzzer makes of the corpus: requests bent where readers of HTTP are known to differ."""

from collections.abc import Callable, Iterator
from random import Random

from tests.contract.case import CASES

LONGEST = 4000  # bytes of a case that is still worth bending

SHORT = [case for case in CASES if len(case.request) < LONGEST]
SEEDS = [case.request for case in SHORT]
GOOD = [case.request for case in SHORT if {answer.status for answer in case.answers} == {200}]
"""Most mutations begin with these: what is refused already, no change makes a message of two."""

BEHIND = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

MARKS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\v", b":", b",", b";", b"0", b"f", b"_", b"%"]
MARKS += [b"#", b'"', b"\xff", b"\r\n\r\n", b"HTTP/1.1", b"http://b/", b"0\r\n\r\n", BEHIND]

FIELDS = [
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"content-length:37",
    b"Content-Length: +5",
    b"Content_Length: 5",
    b"Content-Length : 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding : chunked",
    b" Transfer-Encoding: chunked",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Expect: 100-continue",
    b"Host: b",
    b"X: y\nContent-Length: 5",
    b"X: y\rTransfer-Encoding: chunked",
]


def put_in(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(MARKS) + data[at:]


def take_out(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.randint(1, 4) :]


def change(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def add_field(random: Random, data: bytes) -> bytes:
    """Behind any line, most often within a head."""
    lines = data.split(b"\r\n")
    lines.insert(random.randint(1, min(4, len(lines))), random.choice(FIELDS))
    return b"\r\n".join(lines)


def repeat_line(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
    return b"\r\n".join(lines)


def change_line_end(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = random.randint(1, len(lines))
    end = random.choice([b"\n", b"\r", b"\r\r\n", b"\n\r", b""])
    return b"\r\n".join(lines[:at]) + end + b"\r\n".join(lines[at:])


def change_number(random: Random, data: bytes) -> bytes:
    digits = [at for at, octet in enumerate(data) if 48 <= octet < 58]
    if not digits:
        return data
    at = random.choice(digits)
    return data[:at] + random.choice([b"0", b"1", b"9", b"0x", b"00", b"-", b"1a"]) + data[at + 1 :]


def join(random: Random, data: bytes) -> bytes:
    return data + random.choice(SEEDS)


def cover(random: Random, data: bytes) -> bytes:
    """Put all of it into a body, whose length is right, or nearly."""
    length = len(data) + random.choice([0, 0, -1, 1])
    return b"POST /cover HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (length, data)


WAYS: list[Callable[[Random, bytes], bytes]] = [
    put_in,
    take_out,
    change,
    add_field,
    add_field,
    repeat_line,
    change_line_end,
    change_number,
    join,
    cover,
]


def mutations(seed: int) -> Iterator[bytes]:
    """Without end, and the same for the same ``seed``."""
    random = Random(seed)
    while True:
        data = random.choice(GOOD if random.random() < 0.8 else SEEDS)
        for _ in range(random.randint(1, 3)):
            data = random.choice(WAYS)(random, data)
        yield data
