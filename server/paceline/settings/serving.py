"""Settings: what is run, where it listens, and who does the work."""

from dataclasses import dataclass

from paceline.settings import places, values
from paceline.settings.declare import setting

MODELS = ("serial", "thread", "pool", "adaptive")

NEAREST = {
    "sync": "serial",
    "gthread": "pool",
    "threads": "pool",
    "gevent": "adaptive",
    "gevent_wsgi": "adaptive",
    "gevent_pywsgi": "adaptive",
    "eventlet": "adaptive",
    "tornado": "adaptive",
}
"""The model that comes nearest to each of gunicorn's worker classes for WSGI."""


@dataclass(frozen=True, kw_only=True)
class What:
    """What is run"""

    wsgi_app: str | None = setting(
        "The application, as module:callable, module:factory(), or a module with `application`.",
        values.text,
        None,
        form="positional",
        meta="APPLICATION",
    )
    config: str | None = setting(
        "Python file with settings, or python:MODULE; ./paceline.conf.py is read if it exists.",
        values.text,
        None,
        "-c",
        "--config",
        meta="FILE",
        in_file=False,
    )
    check_config: bool = setting(
        "Check every setting, load the application, and exit: 0 when all is well.",
        values.boolean,
        False,
        "--check-config",
        form="switch",
        in_file=False,
    )
    print_config: bool = setting(
        "Print every setting as a configuration file, with where it came from, and exit.",
        values.boolean,
        False,
        "--print-config",
        form="switch",
        in_file=False,
        detail="With an application named, it is loaded too, as `--check-config` does.",
    )


@dataclass(frozen=True, kw_only=True)
class Sockets:
    """Where it listens"""

    bind: tuple[str, ...] = setting(
        "HOST:PORT, :PORT, [IPV6]:PORT, unix:PATH, fd://N, systemd:NAME, pipe:DIR, spool:DIR or "
        "shm:NAME; again for more.",
        values.many(places.address),
        ("127.0.0.1:8000",),
        "-b",
        "--bind",
        form="repeated",
        meta="ADDRESS",
        env="PORT",
        from_env="0.0.0.0:{}".format,
        detail="Without a host it listens on every IPv4 address. `PORT=5000` in the environment "
        "means `0.0.0.0:5000`. Sockets that systemd passes replace the default; `systemd:NAME` "
        "selects those with that FileDescriptorName, `systemd:` all.",
    )
    backlog: int = setting(
        "Connections that may wait in the kernel to be accepted.",
        values.whole_number(least=1),
        2048,
        "--backlog",
        meta="N",
    )
    reuse_port: bool = setting(
        "Let several servers listen on one port (SO_REUSEPORT).",
        values.boolean,
        False,
        "--reuse-port",
        form="switch",
    )


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Who does the work"""

    workers: int = setting(
        "Processes that serve requests; auto: one for each available CPU.",
        values.worker_count,
        1,
        "-w",
        "--workers",
        meta="N",
        env="WEB_CONCURRENCY",
        detail="`auto` counts the CPUs that this process may run on, within the limit of its "
        "cgroup, such as a container's.",
    )
    worker_class: str = setting(
        "How each process serves many clients at once; adaptive adjusts to the application.",
        values.OneOf(*MODELS, instead=NEAREST),
        "adaptive",
        "-k",
        "--worker-class",
        detail="See the table of models. gunicorn's `sync` is nearest to `serial`, its `gthread` "
        "to `pool`.",
    )
    threads: int = setting(
        "Threads of each process; 0 leaves it to the model.",
        values.whole_number(),
        0,
        "--threads",
        meta="N",
    )
    worker_connections: int = setting(
        "Connections that each process holds at once.",
        values.whole_number(least=1),
        1000,
        "--worker-connections",
        meta="N",
    )
    max_requests: int = setting(
        "Replace a process after this many requests; 0 never.",
        values.whole_number(),
        0,
        "--max-requests",
        meta="N",
    )
    max_requests_jitter: int = setting(
        "Add up to this many to --max-requests, at random, so that not all are replaced at once.",
        values.whole_number(),
        0,
        "--max-requests-jitter",
        meta="N",
    )
    max_memory: int = setting(
        "Replace a process that uses more memory than this (resident size), once another can "
        "serve; 0 never.",
        values.size,
        0,
        "--max-memory",
        meta="BYTES",
    )
    preload_app: bool = setting(
        "Load the application once, before the processes are forked.",
        values.boolean,
        False,
        "--preload",
        form="switch",
        detail="Saves memory and start time; a reload (HUP) then applies new settings, but new "
        "code needs a restart.",
    )
    sendfile: bool = setting(
        "Send files without the kernel's sendfile().",
        values.boolean,
        True,
        "--no-sendfile",
        form="switch",
        const=False,
        env="SENDFILE",
    )
