"""What some tests need beyond Python: `need("docker")` skips them where it is missing.

Where the environment says LAB_REQUIRE=docker,browser,postgres,wrk a missing one fails instead, so
that a machine that should have it cannot pass by skipping.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest


def docker() -> str | None:
    """The docker client, where an engine answers it."""
    client = shutil.which("docker")
    if client is None:
        return None
    info = subprocess.run([client, "info"], capture_output=True, timeout=30, check=False)
    return client if info.returncode == 0 else None


def browser() -> str | None:
    """A Chromium that Playwright can drive."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def postgres() -> str | None:
    """The folder of PostgreSQL's programs; Debian keeps them out of PATH, one folder a version."""
    on_path = shutil.which("initdb")
    if on_path:
        return str(Path(on_path).resolve().parent)
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(folders[-1].parent) if folders else None


def wrk() -> str | None:
    """The load generator of the bench."""
    return shutil.which("wrk")


REQUIREMENTS: dict[str, tuple[Callable[[], str | None], str]] = {
    "docker": (docker, "no Docker engine answers `docker info`"),
    "browser": (browser, "no chromium in PATH (Debian: apt-get install chromium)"),
    "postgres": (postgres, "no initdb (Debian: apt-get install postgresql)"),
    "wrk": (wrk, "no wrk in PATH (Debian: apt-get install wrk)"),
}


@cache
def find(name: str) -> str | None:
    """Where a requirement is, looked for once; None where it is missing."""
    return REQUIREMENTS[name][0]()


def need(name: str) -> str:
    """Where a requirement is; skips the test, or fails it if LAB_REQUIRE names the requirement."""
    required = {word.strip() for word in os.environ.get("LAB_REQUIRE", "").split(",")} - {""}
    unknown = required - set(REQUIREMENTS)
    if unknown:
        pytest.fail(f"LAB_REQUIRE names {', '.join(unknown)}; known: {', '.join(REQUIREMENTS)}")
    found = find(name)
    if found is not None:
        return found
    reason = REQUIREMENTS[name][1]
    if name in required:
        pytest.fail(f"LAB_REQUIRE={name}: {reason}")
    pytest.skip(f"needs {name}: {reason}")
