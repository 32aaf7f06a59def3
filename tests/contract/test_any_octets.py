"""Whatever comes, there are whole answers and a clean end, and no difference how it comes in."""

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.case import CASES
from tests.contract.conftest import COMBINATIONS, Server
from tests.contract.wire import Address, Connection

# What an answer to HEAD has no body of cannot be told from the octets of the answer.
SEEDS = [case.request for case in CASES if len(case.request) < 1000 and b"HEAD" not in case.request]

MARKS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"f",
    b"\r\n\r\n",
    b"\xff",
]
MARKS += [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"]

REFUSED = "refused"

of_each_model = pytest.mark.parametrize(
    "server",
    [each for each in COMBINATIONS if (each.transport, each.workers) == ("unix", 1)],
    indirect=True,
    ids=str,
)
bounded = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """One or two requests of the cases, with some octets gone and others put in."""
    data = b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=2)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.just(0) | st.integers(0, len(data)))
        gone = draw(st.integers(0, 3))
        put_in = draw(st.sampled_from([b"", *MARKS]) | st.binary(max_size=3))
        data = data[:start] + put_in + data[start + gone :]
    return data


def answers(address: Address, pieces: list[bytes]) -> list[object]:
    """Send the pieces and then no more; return what was understood of each request, or REFUSED.

    What is wrong in two ways may be refused for either, with the status of the one seen first.
    """
    found: list[object] = []
    with Connection(address) as connection:
        for piece in pieces:
            connection.send_in_pieces(piece, len(piece))
        connection.shutdown()
        while connection.more():
            answer = connection.read_answer()
            if answer.status == 200:
                echo = json.loads(answer.body)
                del echo["environ"]["REMOTE_PORT"]
                found.append(echo)
            else:
                found.append(REFUSED)
        assert not connection.was_reset
    return found


@of_each_model
@bounded
@given(data=spoiled(), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_any_split_gives_the_same_answers(server: Server, data: bytes, cuts: list[int]) -> None:
    at = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(at)]
    whole = answers(server.address, [data] if data else [])
    assert answers(server.address, pieces) == whole
    assert REFUSED not in whole[:-1], "something is answered after what was refused"


@of_each_model
@bounded
@given(data=st.binary(max_size=200).filter(lambda data: b"HTTP/" not in data))
def test_noise_gets_nothing_or_a_refusal(server: Server, data: bytes) -> None:
    assert answers(server.address, [data] if data else []) in ([], [REFUSED])
