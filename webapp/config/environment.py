"""Reads settings from the environment.

A variable that is set but empty counts as not set: compose files and `.env` files pass on
empty ones for whatever their user left out.
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def flag(name: str, default: bool) -> bool:
    """True for 1, False for 0. Raises ImproperlyConfigured for anything else."""
    value = os.environ.get(name) or str(int(default))
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name}={value!r}: choose 0 or 1")
    return value == "1"


def words(name: str) -> list[str]:
    """The values between commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def origins(name: str) -> list[str]:
    """The origins between commas. Raises ImproperlyConfigured for one without a scheme."""
    found = words(name)
    for origin in found:
        if "://" not in origin:
            hint = f"write it with its scheme, as in https://{origin}"
            raise ImproperlyConfigured(f"{name}={origin!r}: {hint}")
    return found


def directory(name: str, default: Path) -> Path:
    """An absolute path; a relative one starts at the working directory."""
    return Path(os.environ.get(name) or default).absolute()
