"""What must hold for any octets: the targets of the fuzzers, also run on the whole corpus.

Each raises AssertionError, or whatever paceline let out, where it does not hold.
"""

from random import Random
from zlib import crc32

from paceline.errors import RequestError
from paceline.http.framing import frame
from paceline.http.request import parse_head

from tests.fuzz import reference
from tests.fuzz.understood import LIMITS, understand

BYTE_BY_BYTE = 300  # longer ones are cut at some places alone


def check_head(data: bytes) -> None:
    """Hold the parser of heads, and what it says of the body, to the second reader."""
    raw = data.partition(b"\r\n\r\n")[0]
    try:
        head = parse_head(raw, LIMITS)
        decoder, _, _ = frame(head, LIMITS)
    except RequestError:
        return
    match = reference.HEAD.fullmatch(raw + b"\r\n\r\n")
    assert match, "taken, and not the grammar"
    assert (head.method, head.target) == (match[1].decode(), match[2].decode())
    length = reference.length_of(match[4], old=match[3] == b"0")
    if decoder is None:
        assert length == 0
    else:
        assert length in ("chunked", decoder.length), "its end can be read in two ways"


def check_connection(data: bytes) -> None:
    """Hold a whole connection to the second reader, and to itself however the octets arrive."""
    whole = understand([data])
    clear = list(reference.read(data))
    assert whole.requests == clear[: len(whole.requests)], "requests that are not clearly there"
    assert whole.end != "waiting" or len(whole.requests) == len(clear), "it waits for what is there"
    for pieces in splits(data):
        assert understand(pieces) == whole, "it depends on how the octets arrive"


def splits(data: bytes) -> list[list[bytes]]:
    """Ways to send them, always the same for the same octets."""
    random = Random(crc32(data))
    cuts = sorted(random.choices(range(len(data) + 1), k=4))
    some = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    if len(data) > BYTE_BY_BYTE:
        return [some]
    return [some, [data[at : at + 1] for at in range(len(data))]]


TARGETS = {"head": check_head, "connection": check_connection}
