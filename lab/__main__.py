"""The `lab` command, also as `python -m lab`.

Ctrl-C is quiet from here on.  Loading the command takes a third of a second, in which Python's own
handler would show a traceback of whatever is being imported; so the signal ends the process until
then, as it does with any program.
"""

import signal
import sys

HANDLER = signal.getsignal(signal.SIGINT)
if HANDLER is signal.default_int_handler:  # and not ignored, as nohup and background jobs have it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

try:
    from lab import typed
    from lab.cli import main as lab
except ModuleNotFoundError as missing:
    if (missing.name or "lab").partition(".")[0] == "lab":  # ours, so a mistake of ours
        raise
    sys.exit(f"lab: {sys.executable} has no {missing.name}; run `make venv`, then .venv/bin/lab")


def main() -> None:
    """Runs the command of the command line."""
    signal.signal(signal.SIGINT, HANDLER)
    lab(prog_name=typed.lab())


if __name__ == "__main__":
    main()
