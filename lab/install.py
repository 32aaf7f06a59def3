"""What the servers need to be installed, for `make lock` and server/Dockerfile.

    python -m lab.install requires           what the locks dev and lab have of servers, a line each
    python -m lab.install requires NAME      what the lock of one server is made of
    python -m lab.install locks              the names of the servers' locks
    python -m lab.install image-lock NAME    the name of that which its image is made of, if any
    python -m lab.install build-packages NAME    Debian's packages to build it
    python -m lab.install packages NAME      Debian's packages to run it

Runs alone in the build of an image, so it uses nothing but the standard library and the table.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from lab.serve import Server, read_servers


def lock(server: Server) -> list[str]:
    """The name of its lock file; several servers may have one."""
    return [Path(server.install).stem] if server.install else []


def requires(servers: Sequence[Server], named: bool) -> list[str]:
    """What pip is to install; of all servers, only of those that need nothing of Debian's."""
    wanted = [server for server in servers if named or not server.build_packages]
    return sorted({line for server in wanted for line in server.requires})


def main(arguments: Sequence[str]) -> list[str]:
    """The lines that a question is answered with."""
    question, *names = arguments
    servers = [server for server in read_servers().values() if not names or server.name in names]
    match question:
        case "requires":
            return requires(servers, bool(names))
        case "locks":
            return sorted({name for server in servers for name in lock(server)})
        case "image-lock":
            return [name for each in servers if not each.from_packages for name in lock(each)]
        case "build-packages" if not any(server.from_packages for server in servers):
            return [package for server in servers for package in server.build_packages]
        case "packages":
            return [package for server in servers for package in server.packages]
        case "build-packages":
            return []
    raise SystemExit(__doc__)


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1:])))
