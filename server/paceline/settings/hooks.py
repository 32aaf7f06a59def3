"""Settings: functions of a configuration file that are called at moments of the server's life."""

# ruff: noqa: RUF009 (setting() makes a dataclass field)

from dataclasses import dataclass

from paceline.settings.declare import setting
from paceline.settings.values import Hook, hook


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Hooks (functions in the configuration file)"""

    on_starting: Hook | None = setting(
        "on_starting(server): before anything is bound.", hook("server"), None
    )
    on_reload: Hook | None = setting(
        "on_reload(server): at HUP, before new workers are forked.", hook("server"), None
    )
    pre_exec: Hook | None = setting(
        "pre_exec(server): at USR2, before another paceline is started.", hook("server"), None
    )
    when_ready: Hook | None = setting(
        "when_ready(server): once it listens, before the first worker.", hook("server"), None
    )
    pre_fork: Hook | None = setting(
        "pre_fork(server, worker): before a worker is forked.", hook("server", "worker"), None
    )
    post_fork: Hook | None = setting(
        "post_fork(server, worker): in a new worker, first of all.", hook("server", "worker"), None
    )
    post_worker_init: Hook | None = setting(
        "post_worker_init(worker): in a worker, once its application is loaded.",
        hook("worker"),
        None,
    )
    worker_int: Hook | None = setting(
        "worker_int(worker): in a worker, at INT or QUIT.", hook("worker"), None
    )
    worker_abort: Hook | None = setting(
        "worker_abort(worker): in a worker, at ABRT, which a timeout sends.", hook("worker"), None
    )
    observer: Hook | None = setting(
        "observer(worker): in a worker, once its application is loaded; returns an object that "
        "is told about the requests it wants, or None.",
        hook("worker"),
        None,
        detail="`paceline.observe.observation` defines such an Observer.",
    )
    pre_request: Hook | None = setting(
        "pre_request(worker, request): before the application is called.",
        hook("worker", "request"),
        None,
    )
    post_request: Hook | None = setting(
        "post_request(worker, request, environ, response): after the answer.",
        hook("worker", "request", "environ", "response", fewest=2),
        None,
    )
    worker_exit: Hook | None = setting(
        "worker_exit(server, worker): in a worker, last of all.", hook("server", "worker"), None
    )
    child_exit: Hook | None = setting(
        "child_exit(server, worker): in the supervisor, after a worker has ended.",
        hook("server", "worker"),
        None,
    )
    nworkers_changed: Hook | None = setting(
        "nworkers_changed(server, new, old): when the number of workers changes; old is None at "
        "the start.",
        hook("server", "new", "old"),
        None,
    )
    on_exit: Hook | None = setting(
        "on_exit(server): before the supervisor ends.", hook("server"), None
    )
