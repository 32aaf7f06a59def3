"""The command line of a launcher, as other servers have it."""

import argparse
import importlib
import signal
import sys
from typing import Any


def read() -> tuple[Any, argparse.Namespace]:
    """The application, loaded, and the options; from here on TERM ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("application", metavar="MODULE:CALLABLE")
    parser.add_argument("--bind", required=True, metavar="HOST:PORT")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    # As the first process of a container it would be ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    module, _, name = arguments.application.partition(":")
    return getattr(importlib.import_module(module), name or "application"), arguments
