"""Processes: a supervisor, which listens, and the workers it forks, which serve."""

import sys

from paceline.config import Config
from paceline.errors import ConfigError
from paceline.process.supervisor import Supervisor
from paceline.process.worker import BuildModel
from paceline.server import build_model

__all__ = ["supervise"]


def supervise(config: Config, build_model: BuildModel = build_model) -> int:
    """Serve with the workers that `config` asks for until told to stop; the exit status.

    0 after an orderly stop, 1 if it could not start (one line on standard error says why),
    3 if no worker could.  To be called in the main thread, once; takes over the signals.
    """
    try:
        return Supervisor(config, build_model).run()
    except ConfigError as error:
        sys.stderr.write(f"paceline: error: {error}\n")
        return 1
