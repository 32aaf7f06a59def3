"""One fuzzer: ``python -m tests.fuzz.target NAME [options and folders of libFuzzer]``."""

import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["paceline"]):
    from tests.fuzz.mutation import WAYS
    from tests.fuzz.oracles import TARGETS


def bend(data: bytes, longest: int, seed: int) -> bytes:
    """Change octets blindly, as libFuzzer does, or where readers of HTTP are known to differ."""
    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(data, longest))
    return random.choice(WAYS)(random, data)[:longest]


name, *options = sys.argv[1:]
atheris.Setup([sys.argv[0], *options], TARGETS[name], custom_mutator=bend)
atheris.Fuzz()
