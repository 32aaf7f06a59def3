"""The `lab` command."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from lab import catalogue, typed
from lab.advise.cli import advise
from lab.bench import machine
from lab.bench.cli import bench
from lab.environment import environment, names_for_us, refuse_slips
from lab.errors import LabError
from lab.report.cli import show_report
from lab.screen import Screen
from lab.serve import Choice, Server, WordError, read_servers
from lab.stack import answers
from lab.stack.layout import REPO, Layout
from lab.stack.running import Running, find, is_up, read
from lab.stack.up import PROXY_GRACE, SERVER_GRACE, announce, up
from lab.trace.cli import trace
from lab.transports.cli import transports
from lab.words import WORDS, Words, port

LOG_TAIL = 40
"""Lines of the log that are shown when a stack in the background did not start."""


class Lab(click.Group):
    """Turns the lab's own errors into one line and an exit status, here and nowhere else."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; 1 for what went wrong, 2 for a word with a bad value, 130 for Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)
        except (LabError, WordError) as error:
            click.echo(f"lab: {error}", err=True)
            ctx.exit(2 if isinstance(error, WordError) else 1)


def version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    """Prints what this lab is made of, and ends."""
    if is_asked:
        lab, paceline = map(machine.package_version, ("wsgi-lab", "paceline"))
        click.echo(f"lab {lab}, paceline {paceline}, {machine.python()}")
        ctx.exit()


@click.group(cls=Lab, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=version,
    help="Show the versions of the lab, paceline and Python, and exit.",
)
def main() -> None:
    """One request end to end: nginx, a WSGI server and an application, as processes of yours.

    \b
    lab up                            start the stack; Ctrl-C stops it
    lab up --server gunicorn          the same with gunicorn in paceline's place
    lab up --app tiny --workers 2     two processes, the tiny framework instead of Django
    lab up --app ../shop --wsgi shop.wsgi:application    a project of your own
    lab servers                       what can stand behind the proxy
    lab trace /inspect/               send a request and show what each hop did with it
    lab transports                    the same request by TCP, pipes, files and shared memory
    lab bench --quick                 paceline beside gunicorn and a floor, measured
    lab report results.json --html results.html    what it found, with plots
    lab advise /inspect/              what it waits for, and the processes and threads to set

    Data, logs and certificates are kept in var/; set LAB_VAR to another folder for a second stack.
    """


main.add_command(advise)
main.add_command(bench)
main.add_command(show_report)
main.add_command(trace)
main.add_command(transports)


def word_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds an option for every word."""
    for word in reversed(WORDS):
        default = f" [default: {word.default}]" if word.default else ""
        option = click.option(word.option, word.name, metavar="…", help=word.help + default)
        command = option(command)
    return command


@main.command("up", short_help="Start proxy, server, application and console.")
@word_options
@click.option("-d", "--detach", is_flag=True, help="Run in the background; logs go to var/log.")
def up_command(detach: bool, **options: str | None) -> None:
    """Start proxy, server, application and console, and show their logs until Ctrl-C.

    Each option may also stand in the environment or in the file .env under its word, which is its
    name in capitals: --http-port 8090 is HTTP_PORT=8090. An option wins over the environment, the
    environment over .env. A name in .env that nearly is a word is refused.

    \b
    lab up --server gunicorn --threads 16
    lab up --concurrency pool --transport unix
    HTTP_PORT=8090 lab up --detach
    """
    refuse_slips(names_for_us(REPO / ".env"))
    words = Words.read(environment(options, REPO / ".env"))
    layout = Layout.from_environ(words.environ)
    if detach:
        detached(words.environ, layout)
    else:
        up(words, layout, Screen().say)


@main.command("down", short_help="Stop the stack, wherever it was started.")
def down_command() -> None:
    """Stop the stack, wherever it was started; requests in flight are finished first."""
    words = environment({}, REPO / ".env")
    layout = Layout.from_environ(words)
    state = find(layout)
    if state is None:
        other = console_of_another(words)
        click.echo(f"{other}: `docker compose down` stops them" if other else "nothing is up")
        return
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + PROXY_GRACE + SERVER_GRACE + 5
    while is_up(layout):
        if time.monotonic() > deadline:
            raise LabError(f"the stack (pid {state.pid}) does not end; see {layout.log}")
        time.sleep(0.05)
    click.echo(f"down: {state.what}")


@main.command("status", short_help="Say what is up, where, and whether it answers.")
def status_command() -> None:
    """Say what is up, where, and whether it answers; exit status 1 if anything does not."""
    words = environment({}, REPO / ".env")
    layout = Layout.from_environ(words)
    state = find(layout)
    if state is None:
        other = console_of_another(words)
        nothing = f"nothing is up; {typed.how_to_start()}"
        raise LabError(f"{other}: `docker compose ps` tells of them" if other else nothing)
    announce(state, lambda _, line: click.echo(line))
    pids = {"lab": state.pid, **state.pids}
    click.echo("pids: " + "  ".join(f"{name} {pid}" for name, pid in pids.items()))
    certificate = layout.tls / "certificate.pem"
    checks: Mapping[str, answers.Connect] = {
        "server": lambda: answers.to_bind(state.bind),
        "http": lambda: answers.to_bind(f"127.0.0.1:{state.http_port}"),
        "https": lambda: answers.to_tls(state.https_port, certificate),
        "console": lambda: answers.to_bind(f"127.0.0.1:{state.console_port}"),
    }
    failures = {
        name: answers.why_unhealthy(connect, state.is_own and name != "console")
        for name, connect in checks.items()
    }
    for name, reason in failures.items():
        click.echo(f"{name}: {reason or 'answers'}")
    if any(failures.values()):
        raise LabError(f"not all of the stack answers; its logs are in {layout.log}")


def console_of_another(words: Mapping[str, str]) -> str:
    """Where no stack of `lab up` is up: what to say of one that is there all the same, or nothing.

    Docker's are not known here, but for what answers at the port of the console.
    """
    number = port("CONSOLE_PORT", {"CONSOLE_PORT": words.get("CONSOLE_PORT") or "8081"})
    if answers.why_unhealthy(lambda: answers.to_bind(f"127.0.0.1:{number}")):
        return ""
    up, address = typed.command("up"), f"http://localhost:{number}/"
    return f"nothing of `{up}` is up; {address} answers, so maybe containers are"


@main.command("servers", short_help="List the servers, or tell all about one.")
@click.argument("name", required=False, metavar="[SERVER]")
@click.option("--markdown", is_flag=True, help="Print docs/servers.md.")
def servers_command(name: str | None, markdown: bool) -> None:
    """List the servers that can stand behind the proxy, or tell all about one."""
    servers = read_servers()
    if markdown:
        click.echo("\n".join(catalogue.page()))
    elif name is None:
        for server in servers.values():
            show(server)
        click.echo(f"`{typed.lab()} servers NAME` tells more; lab/servers.toml holds them")
    elif name in servers:
        show(servers[name])
        show_details(servers[name])
    else:
        raise WordError(f"{name}: unknown server; choose one of {', '.join(servers)}")


def show(server: Server) -> None:
    """Prints what a server is and which concurrency words it knows."""
    missing = "" if server.is_installed else "  (not installed here)"
    click.echo(f"{click.style(server.name, bold=True)}{missing}\n  {server.summary}")
    for model in server.concurrency.values():
        mark = " (default)" if model.name == server.default else ""
        click.echo(f"    CONCURRENCY={model.name:<10} {model.summary}{mark}")
    for what in server.cannot:
        click.echo(f"    cannot {what}")
    click.echo()


def show_details(server: Server) -> None:
    """Prints how a server is started and what its documentation recommends."""
    command = Choice.from_words({"SERVER": server.name}).command("127.0.0.1:8000")
    if not server.is_installed:
        click.echo(f"  {server.missing}")
    click.echo(f"  starts as\n    {shlex.join(command)}")
    click.echo(f"  documentation\n    {server.documentation}\n  which recommends")
    for advice in server.recommended:
        done = f"\n      so here: {shlex.join(advice.arguments)}" if advice.arguments else ""
        click.echo(f"    - {advice.says}\n      {advice.source}{done}")


def detached(environ: Mapping[str, str], layout: Layout) -> None:
    """Starts `lab up` in a session of its own and returns once the stack answers."""
    layout.make()
    log = layout.log / "stack.log"
    with log.open("wb") as output:
        lab = subprocess.Popen(
            [sys.executable, "-m", "lab", "up"],
            cwd=REPO,
            env={**environ, "LAB_VAR": str(layout.var)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        state = await_ready(lab, layout)
    except KeyboardInterrupt:
        lab.terminate()
        lab.wait()
        raise
    if state is None:
        click.echo("\n".join(log.read_text().splitlines()[-LOG_TAIL:]), err=True)
        sys.exit(lab.returncode)
    announce(state, lambda _, line: click.echo(line))
    click.echo(f"{typed.how_to_stop(layout.words)}; its logs are in {layout.log}")


def await_ready(lab: subprocess.Popen[bytes], layout: Layout) -> Running | None:
    """What the stack says of itself once it answers; None where it ended instead."""
    while lab.poll() is None:
        state = read(layout)
        if state and state.ready and state.pid == lab.pid:
            return state
        time.sleep(0.05)
    return None
