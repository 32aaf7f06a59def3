"""Starts collector and console: ``python -m lab.console``.

Becomes paceline (exec), which listens for people on CONSOLE_BIND and for spans on a Unix socket in
LAB_TELEMETRY; environment.py lists the variables.  One process, since what it counts and the limits
of its store are a process's.
"""

import os
import sqlite3
import sys
from typing import NoReturn

from lab.console.environment import Environment
from lab.console.limits import MAX_BODY
from lab.console.store import Store
from lab.serve import WordError


def command(environment: Environment) -> list[str]:
    """The command line.

    A body past OTLP's limit gets OTLP's own error (ingest.py); one far past it paceline's.
    """
    return [
        *(sys.executable, "-m", "paceline", "lab.console.wsgi:application"),
        *("--config", "python:lab.console.serving"),
        *("--bind", environment.bind, "--bind", f"unix:{environment.otlp_socket}"),
        *("--workers", "1", "--limit-request-body", str(4 * MAX_BODY)),
    ]


def refuse(why: str) -> NoReturn:
    """One line, and the status by which all parts of the lab say that a word cannot be followed."""
    print(f"lab: {why}", file=sys.stderr)
    sys.exit(2)


def main() -> None:
    """Returns never; exits with 2 where a variable cannot be followed."""
    try:
        environment = Environment.read()
        environment.telemetry.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        Store(environment.database)
    except WordError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}; choose other folders")
    except sqlite3.Error as error:
        refuse(f"{environment.database}: {error}; move it away, and the console makes a new one")
    # What is meant for the server that is looked at is not meant for this one.
    os.environ.pop("PACELINE_CMD_ARGS", None)
    os.execv(sys.executable, command(environment))


if __name__ == "__main__":
    main()
