"""Several files of results as one: latencies take long, so they may be measured for fewer cells."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lab.bench import machine
from lab.bench.comparison import unlike
from lab.bench.results import Results
from lab.errors import LabError


def load(paths: Sequence[Path]) -> Results:
    """All of them; of a cell that is in several, the last one counts.

    Raises LabError where they cannot stand beside each other.
    """
    results = Results.load(paths[0])
    for path in paths[1:]:
        results = joined(results, Results.load(path), path)
    return results


def joined(first: Results, more: Results, path: Path) -> Results:
    """Raises LabError where ``more``, of the file ``path``, is of another machine or lab."""
    if reasons := unlike(first.facts, more.facts, (*machine.facts(), "cores")):
        raise LabError(f"{path} is not of the same machine and versions: {'; '.join(reasons)}")
    cells = {(run.workload, run.server) for run in more.runs}
    facts = {**more.facts, **first.facts}
    for name in ("load", "beware"):
        told = dict.fromkeys(each.facts[name] for each in (first, more) if name in each.facts)
        if told:
            facts[name] = "; then ".join(told)
    return replace(
        first,
        facts=facts,
        workloads=[*dict.fromkeys([*first.workloads, *more.workloads])],
        servers=[*dict.fromkeys([*first.servers, *more.servers])],
        runs=[run for run in first.runs if (run.workload, run.server) not in cells] + more.runs,
        plan=None,
    )
