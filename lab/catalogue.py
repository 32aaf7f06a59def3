"""docs/servers.md, made of servers.toml by `lab servers --markdown`."""

import shlex
from collections.abc import Iterator

from lab.serve import Choice, Server, read_servers

HEAD = """\
# The servers behind the proxy

`SERVER=NAME` runs another server in paceline's place; nothing else changes.
`lab servers --markdown` prints this page from `lab/servers.toml`; `lab servers NAME` shows one
server.
"""


def page() -> Iterator[str]:
    """Its lines."""
    servers = read_servers().values()
    yield HEAD
    yield "| `SERVER` | What it is | `CONCURRENCY` | `WORKERS` | Unix socket |"
    yield "|---|---|---|---|---|"
    for server in servers:
        models = ", ".join(f"`{model}`" for model in server.concurrency)
        workers = "yes" if server.workers else "one process"
        unix = "yes" if "unix" in server.bind else "no"
        yield f"| `{server.name}` | {server.summary} | {models} | {workers} | {unix} |"
    for server in servers:
        yield from section(server)


def section(server: Server) -> Iterator[str]:
    """What there is to say of one."""
    yield f"\n## {server.name}\n"
    source = server.documentation
    where = f"<{source}>" if source.startswith("https:") else f"[{source}](../{source})"
    yield f"{server.summary[0].upper()}{server.summary[1:]}. Documentation: {where}\n"
    command = Choice.from_words({"SERVER": server.name}).command("127.0.0.1:8000")
    yield f"```\n{shlex.join(command)}\n```\n"
    if server.build_packages:
        packages = " ".join(server.build_packages)
        yield f"Not installed by default: it needs `apt-get install {packages}`, then\n"
        yield f"`.venv/bin/pip install --require-hashes -r {server.install}`.\n"
    for model in server.concurrency.values():
        yield f"- `CONCURRENCY={model.name}`: {model.summary}"
    yield "\nIts documentation recommends:\n"
    for advice in server.recommended:
        done = f". So here: `{shlex.join(advice.arguments)}`" if advice.arguments else ""
        yield f"- {advice.says} ({advice.source}){done}"
    if server.cannot:
        yield "\nIt cannot:\n"
        yield from (f"- {what}" for what in server.cannot)
