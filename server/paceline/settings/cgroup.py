"""The control groups that this process is in, and what they say."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def groups(controller: str, root: Path, membership: Path) -> list[Path]:
    """Return the folders of its group and of those above, the innermost first.

    Version 2 has one tree for all, version 1 one below ``root / controller``.  Within a container
    the group itself is often mounted there, whatever path the membership names.
    """
    found = []
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            below = (root / controller if controllers else root) / path.lstrip("/")
            found += [below, *(each for each in below.parents if root in each.parents)]
    return [*found, root / controller, root]
