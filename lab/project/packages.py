"""The folder that pip has installed a project's packages into.

    python -m lab.project.packages FOLDER

takes the servers out of it: many a project requires gunicorn, and the one that SERVER names has to
be the lab's own, which lab/servers.toml knows how to start.
"""

import re
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from lab.serve import read_servers


def servers() -> set[str]:
    """The packages of the servers by their names, as `normalized` writes them."""
    table = read_servers()
    first = (server.requires[0] for server in table.values() if server.requires)
    return {normalized(name) for name in (*table, *first)}


def normalized(requirement: str) -> str:
    """The name of a package as the index knows it, without what stands behind it (PEP 503)."""
    name = re.match(r"[\w.-]*\w", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def leave_out_servers(folder: Path) -> list[str]:
    """Removes them from a folder, and returns their names."""
    out = servers()
    there = {each.name: each for each in distributions(path=[str(folder)])}
    found = sorted(name for name in there if normalized(name) in out)
    for name in found:
        remove(there[name], folder)
    return found


def remove(package: Distribution, folder: Path) -> None:
    """Removes all that a package has put into a folder; others there share no folder with it."""
    parts = {file.parts[0] for file in package.files or ()} - {"..", "bin", "__pycache__"}
    for part in parts:
        path = folder / part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> None:
    """In the build of an image."""
    for name in leave_out_servers(Path(sys.argv[1])):
        print(f"lab: {name} is left out: the lab's own is used")


if __name__ == "__main__":
    main()
