"""bjoern, which comes as a module without a command: so many processes on one socket.

    python -m lab.launch.bjoern module:callable --bind HOST:PORT|unix:PATH [--workers N]

The processes are forks that share the socket, as its documentation has it.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import bjoern

from lab.launch.arguments import read


def listen(application: Any, bind: str) -> None:
    """Binds HOST:PORT, or unix:PATH, to which the proxy's user may connect."""
    host, _, port = bind.rpartition(":")
    if host == "unix":
        with suppress(FileNotFoundError):
            os.unlink(port)  # left by one that was killed
        mask = os.umask(0o111)
        bjoern.listen(application, bind)
        os.umask(mask)
    else:
        bjoern.listen(application, host, int(port))


def start() -> int:
    """One process more; returns its pid."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # its loop in C never asks Python
        bjoern.run()
        sys.exit(0)
    return pid


def main() -> None:
    """Serves until TERM, or until one of the processes has ended."""
    application, arguments = read()
    listen(application, arguments.bind)
    pids = [start() for _ in range(arguments.workers)]
    try:
        os.wait()
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
