"""Calling the functions that a configuration file sets for moments of the server's life."""

import logging

from paceline.config import Config


def call(config: Config, name: str, *arguments: object) -> None:
    """Call the hook if it is set; what it raises is the caller's to handle."""
    hook = getattr(config, name)
    if hook is not None:
        hook(*arguments)


def attempt(config: Config, name: str, *arguments: object) -> None:
    """Call the hook if it is set; one that fails is logged and stops nothing."""
    try:
        call(config, name, *arguments)
    except Exception:
        logging.getLogger("paceline.error").exception("the hook %s failed", name)
