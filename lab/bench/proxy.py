"""nginx between load and server, for one run: the lab's own, by its own configuration."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.bench.candidates import Candidate
from lab.bench.running import launch, stop
from lab.stack.certificate import ensure_certificate
from lab.stack.layout import Layout
from lab.stack.ports import free_ports
from lab.stack.proxy import command, write_configuration
from lab.words import PORTS, Words


@dataclass(frozen=True)
class Front:
    """An nginx that is configured and not started yet: where it listens, and how it is started."""

    bind: str
    command: tuple[str, ...]
    log: Path


def prepare(candidate: Candidate, bind: str, folder: Path, core: int) -> Front:
    """Configures nginx for a server at ``bind``, on one core.  Raises LabError.

    It is what `lab up` starts, with one process instead of one for each core, and what it would
    write into its access log goes to /dev/null.
    """
    layout = Layout(folder / "proxy")
    layout.make()
    ports = free_ports(len(PORTS))
    words = {name: str(port) for name, port in zip(PORTS, ports, strict=True)}
    words |= {"TRANSPORT": candidate.setup.bind, "LAB_TRACE": "off"}
    words |= {"SERVER": candidate.choice.server.name} if candidate.choice else {}
    configuration = write_configuration(
        Words.read(words),
        layout,
        bind,
        ensure_certificate(layout.tls),
        access_log=os.devnull,
        processes="1",
    )
    pinned = ["taskset", "-c", str(core), *command(configuration, layout)]
    return Front(f"127.0.0.1:{ports[0]}", tuple(pinned), folder / "proxy.log")


@contextmanager
def running(front: Front | None) -> Iterator[subprocess.Popen[bytes] | None]:
    """nginx, started and in the end stopped; None without."""
    if front is None:
        yield None
        return
    popen = launch(front.command, front.log)
    try:
        yield popen
    finally:
        stop(popen)
