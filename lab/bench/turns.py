"""The order in which what is compared is run."""

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Server = TypeVar("Server")


def interleaved(
    rounds: int, seed: int | None, asked: Sequence[Asked], servers: Sequence[Server]
) -> Iterator[tuple[int, Asked, Server]]:
    """Every combination once in each round, with the round's number, which begins at 1.

    What is asked is shuffled, and the servers within each, so that those that are compared run
    close together and none is always first.  The order follows from the seed; None: from chance.
    """
    shuffle = random.Random(seed)
    for number in range(1, rounds + 1):
        for what in shuffle.sample(asked, len(asked)):
            for server in shuffle.sample(servers, len(servers)):
                yield number, what, server
