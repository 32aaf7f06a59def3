"""Brings a stack up, watches over it, and takes it down."""

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from lab.errors import LabError
from lab.project import local
from lab.stack import answers, proxy
from lab.stack.certificate import ensure_certificate
from lab.stack.layout import REPO, Layout
from lab.stack.ports import free_port, require_free
from lab.stack.processes import Processes, Say, StopRequested
from lab.stack.running import Running, hold
from lab.words import PORTS, Words

START_TIMEOUT = 60.0
"""Seconds that each part may take until it answers; a first start on a slow disk takes a few."""

SERVER_GRACE = 35.0
"""Seconds that a server may take to end: 5 more than the servers give their requests."""

PROXY_GRACE = 5.0
"""Seconds until the server is asked to end too.

nginx stays until its clients have what they asked for, but it also waits 15 s for a connection on
which nothing was ever said, and browsers open such ones ahead of need.
"""

SOCKET_PATH_LIMIT = 103
"""Bytes; sockaddr_un takes 104 to 108, by system, with a zero at the end."""

SOCKET_NAME = len("/stats-01234567.sock")
"""Bytes that a socket's name may take behind its folder's."""


def up(words: Words, layout: Layout, say: Say) -> None:
    """Starts a stack and stays until it is asked to stop, by Ctrl-C, TERM or HUP.

    Raises LabError where it cannot start, or as soon as one of its processes ends by itself, and
    WordError where the application cannot follow a value; all others have ended too by then.
    """
    require_short(layout.telemetry)
    layout.make()
    with hold(layout):
        ports = (words.http_port, words.https_port, words.console_port)
        require_free(dict(zip(PORTS, ports, strict=True)))
        for left in layout.telemetry.iterdir():  # by a stack that was killed
            left.unlink()
        bind = choose_bind(words, layout)
        try:
            run(words, layout, bind, say)
        except StopRequested:
            say("lab", "everything has ended")


def choose_bind(words: Words, layout: Layout) -> str:
    """Where the server listens, reached by the proxy alone, as parse_bind reads it."""
    if words.transport != "unix":
        return f"{'uwsgi:' if words.transport == 'uwsgi' else ''}127.0.0.1:{free_port()}"
    path = layout.run / "server.sock"
    path.unlink(missing_ok=True)
    return f"unix:{path}"


def require_short(folder: Path) -> None:
    """Raises LabError where a Unix socket in a folder would have too long a path."""
    room = SOCKET_PATH_LIMIT - len(bytes(folder))
    if room < SOCKET_NAME:
        raise LabError(
            f"{folder} is too long a path for Unix sockets: set LAB_VAR to one that is shorter "
            f"by {SOCKET_NAME - room}"
        )


def run(words: Words, layout: Layout, bind: str, say: Say) -> None:
    """Starts the parts one after the other, each once the one behind it answers; then watches."""
    project = words.choice.project
    own = local.Surroundings(project, words.environ, layout) if project else None
    tls = ensure_certificate(layout.tls)
    configuration = proxy.write_configuration(words, layout, bind, tls)
    state = Running.starting(words, bind)
    with Processes(layout.log, environment(words, layout, bind), REPO, say) as processes:
        state.save(layout)
        if own:
            own.prepare(processes, say)
        else:
            say("lab", "preparing the application")
            processes.run("prepare", [sys.executable, "webapp/manage.py", "prepare"])
        processes.start("console", [sys.executable, "-m", "lab.console"], essential=False)
        serve = [sys.executable, "-m", "lab.serve"]
        variables = own.variables if own else {}
        processes.start("server", serve, grace=SERVER_GRACE, environ=variables)
        await_answer(processes, "server", lambda: answers.to_bind(bind), bool(own))
        nginx = proxy.command(configuration, layout)
        processes.start("proxy", nginx, signal.SIGQUIT, PROXY_GRACE)
        http, https = words.http_port, words.https_port
        await_answer(processes, "proxy", lambda: answers.to_bind(f"127.0.0.1:{http}"), bool(own))
        await_answer(processes, "proxy", lambda: answers.to_tls(https, tls[0]), bool(own))
        await_answer(
            processes, "console", lambda: answers.to_bind(f"127.0.0.1:{words.console_port}")
        )
        state = replace(state, pids=processes.pids, ready=True)
        state.save(layout)
        announce(state, say)
        say("lab", "Ctrl-C stops it")
        processes.ending = "ending: requests in flight are finished first; Ctrl-C cuts them off"
        while True:
            processes.watch(None)
            if state.pids != processes.pids:  # the console has ended
                # nginx complains of every line that it cannot send, unless there is no socket.
                (layout.telemetry / "nginx.sock").unlink(missing_ok=True)
                state = replace(state, pids=processes.pids)
                state.save(layout)


def environment(words: Words, layout: Layout, bind: str) -> dict[str, str]:
    """What every part is told; each takes what it needs."""
    console = f"http://localhost:{words.console_port}"
    return {
        **words.environ,
        "LAB_VAR": str(layout.var),  # which counted from where `lab up` was typed
        "BIND": bind,
        "DATA_DIR": str(layout.data),
        "STATIC_ROOT": str(layout.static),
        "LAB_TELEMETRY": str(layout.telemetry),
        "CONSOLE_BIND": f"127.0.0.1:{words.console_port}",
        "CONSOLE_DATA": str(layout.console),
        "LAB_BENCH": str(layout.bench),
        "SITE_URL": f"http://localhost:{words.http_port}",
        "PROXY_URL": f"http://127.0.0.1:{words.http_port}",
        "TRACE_URL": "" if words.trace == "off" else f"{console}/traces/{{trace_id}}/",
        "PYTHONUNBUFFERED": "1",
    }


def announce(state: Running, say: Say) -> None:
    """Says what is up and where."""
    say("lab", f"up: {state.what}")
    for address, what in state.addresses:
        say("lab", f"  {address:<28} {what}")


def await_answer(
    processes: Processes, name: str, connect: answers.Connect, any_answer: bool = False
) -> None:
    """Waits until /healthz answers 200, or a process has ended that the stack can do without.

    Raises LabError past the time limit, StopRequested.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while name in processes.pids and (reason := answers.why_unhealthy(connect, any_answer)):
        if time.monotonic() > deadline:
            raise LabError(f"{name} did not answer within {START_TIMEOUT:g} s: {reason}")
        processes.watch(0.05)
