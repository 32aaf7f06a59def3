"""Servers and nginx as processes of this machine, each on its core."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.bench import proxy
from lab.bench.answering import Answering, Arranged
from lab.bench.candidates import Candidate
from lab.bench.machine import Cores
from lab.bench.proxy import Front
from lab.bench.running import started
from lab.bench.setups import TCP, UNIX, UWSGI
from lab.bench.workloads import Workload
from lab.stack.layout import REPO
from lab.stack.ports import free_port


def arrange(
    workload: Workload, candidate: Candidate, cores: Cores, environ: Mapping[str, str], log: Path
) -> Arranged:
    """A candidate in front of a workload's application, with nginx before it if it says so."""
    setup, folder = candidate.setup, log.parent
    bind = choose_bind(setup.bind, folder)
    front = proxy.prepare(candidate, bind, folder, cores.of_proxy) if setup.proxied else None
    own = ",".join(map(str, cores.of_server(setup.workers)))
    command = ["taskset", "-c", own, *candidate.command(workload, bind)]
    commands = [shown(command, workload.folder), *([shlex.join(front.command)] if front else ())]
    variables = {**environ, **candidate.variables(workload)}
    return Arranged(commands, _running(command, workload, variables, bind, log, front))


@contextmanager
def _running(
    command: Sequence[str],
    workload: Workload,
    environ: Mapping[str, str],
    bind: str,
    log: Path,
    front: Front | None,
) -> Iterator[Answering]:
    entry = front.bind if front else bind
    with (
        proxy.running(front) as nginx,
        started(command, workload, environ, entry, log, nginx) as server,
    ):
        yield server


def choose_bind(kind: str, folder: Path) -> str:
    """Where the next server shall listen, as parse_bind reads it."""
    if kind == UNIX:
        path = folder / "server.sock"
        path.unlink(missing_ok=True)
        return f"unix:{path}"
    return {TCP: "", UWSGI: "uwsgi:"}[kind] + f"127.0.0.1:{free_port()}"


def shown(command: Sequence[str], folder: Path) -> str:
    """A command line as one would type it in the repository."""
    line = shlex.join(command)
    return line if folder == REPO else f"(cd {os.path.relpath(folder, REPO)} && {line})"
