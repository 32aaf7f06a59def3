"""The `lab` command, also as `python -m lab`.

Ctrl-C is quiet from here on.  Loading the command takes a third of a second, in which Python's own
handler would show a traceback of whatever is being imported; so the signal ends the process until
then, as it does with any program.
"""

import signal

HANDLER = signal.getsignal(signal.SIGINT)
if HANDLER is signal.default_int_handler:  # and not ignored, as nohup and background jobs have it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from lab import typed  # noqa: E402
from lab.cli import main as lab  # noqa: E402


def main() -> None:
    """Runs the command of the command line."""
    signal.signal(signal.SIGINT, HANDLER)
    lab(prog_name=typed.lab())


if __name__ == "__main__":
    main()
