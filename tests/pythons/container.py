"""The Pythons that Debian has, each in a container, for machines that have Docker and not them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.stack.layout import REPO

VERSIONS = ("3.13", "3.14")
"""Of trixie, which images are made of, and of its successor."""


def passes(version: str, tests: Sequence[str]) -> bool:
    """Build the image if need be, and tell whether pytest passes in it with these words.

    The repository is mounted and cannot be written to.
    """
    image = f"wsgilab-python-{version}"
    build = ["docker", "build", "--quiet", "--tag", image, "--build-arg", f"VERSION={version}"]
    file = Path(__file__).with_name("Dockerfile")
    # --init: process 1 has to reap what tests leave behind, and pytest to have a parent.
    run = ["docker", "run", "--rm", "--init", "--volume", f"{REPO}:/lab:ro", image]
    pytest = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    commands = [[*build, "--file", str(file), str(REPO)], [*run, *pytest]]
    return all(subprocess.run(each, check=False).returncode == 0 for each in commands)
