"""What stands for a candidate in tables and plots: what tells it from the others."""

from collections.abc import Sequence
from dataclasses import replace

from lab.bench.results import Results

NOUNS = {"w": "workers", "t": "threads"}
"""What the numbers in a name count, by the letter behind (setups.py); "load" tells connections."""

EACH = "each"
"""The fact that tells what labels leave out."""


def brief(results: Results) -> Results:
    """The same, with names that leave out what all have in common; it is a fact then, said once."""
    shared = in_common(results.servers)
    if not shared:
        return results

    def label(name: str) -> str:
        server, *rest = name.split()
        return " ".join([server, *(word for word in rest if word not in shared)])

    told = [said for word in shared if (said := spoken(word))]
    return replace(
        results,
        facts={**results.facts, **({EACH: ", ".join(told)} if told else {})},
        servers=[*map(label, results.servers)],
        runs=[replace(run, server=label(run.server)) for run in results.runs],
    )


def in_common(names: Sequence[str]) -> list[str]:
    """The words behind the server that are in every name."""
    first, *others = [name.split()[1:] for name in names] or [[]]
    return [word for word in first if all(word in other for other in others)]


def spoken(word: str) -> str:
    """``2w`` as people say it; empty for connections."""
    number, letter = word[:-1], word[-1]
    if not number.isdecimal():
        return word
    return f"{number} {NOUNS[letter]}" if letter in NOUNS else ""
