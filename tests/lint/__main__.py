"""What `make lint` looks at beside Python's own: code, nginx's configuration, Dockerfiles.

Prints what was found, and exits with 1 where something was.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.serve import TRACES
from lab.stack.layout import REPO, Layout
from lab.stack.proxy import write_configuration
from lab.words import Words

BINDS = ("127.0.0.1:8000", "unix:/run/wsgilab/server.sock")

# The lab's own certificate is for localhost, where a browser would then refuse plain HTTP on every
# other port too.
NOT_FOR_NGINX = ("hsts_header",)

NOISE = (
    "nosec encountered",  # bandit, of the other strings in a line that is excused
    "Can't find variable",  # gixy, of the groups of a map's pattern
)


def bandit() -> list[str]:
    """Look for what lets strangers in, as pyproject.toml says."""
    return ["bandit", "--quiet", "--configfile=pyproject.toml", "-r", "server", "lab", "webapp"]


def hadolint(dockerfiles: Sequence[Path]) -> list[str]:
    return ["hadolint", *map(str, dockerfiles)]


def gixy(configuration: Path) -> list[str]:
    """Look for what nginx does and nobody meant."""
    return ["gixy", f"--skips={','.join(NOT_FOR_NGINX)}", str(configuration)]


def configurations(place: Path) -> Iterator[Path]:
    """Write nginx's configuration in each of its variants, as `make up` does."""
    for number, (trace, bind) in enumerate(product(TRACES, BINDS)):
        layout = Layout(place / str(number))
        layout.make()
        words = Words.read({"LAB_TRACE": trace})
        yield write_configuration(words, layout, bind, (place / "cert.pem", place / "key.pem"))


def run(command: Sequence[str]) -> str:
    """Return what a tool of this environment has found, nothing where all is well."""
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stdout.splitlines() if not any(each in line for each in NOISE)]
    return "\n".join([f"{' '.join(command)}: exit status {done.returncode}", *lines])


def main() -> int:
    """Run all of them, as many at once as there are processors."""
    dockerfiles = [path for path in REPO.glob("[!.]*/**/Dockerfile") if ".venv" not in path.parts]
    with TemporaryDirectory() as place, ThreadPoolExecutor(os.cpu_count()) as pool:
        commands = [bandit(), hadolint(dockerfiles), *map(gixy, configurations(Path(place)))]
        found = [each for each in pool.map(run, commands) if each]
    print(*found, sep="\n\n", end="\n" if found else "")
    print(f"{len(commands) - len(found)} of {len(commands)} checks of security found nothing")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
