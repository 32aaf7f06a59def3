"""Puts the parts together: a configuration → a concurrency model, ready to run."""

import gc
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from paceline.concurrency import MODELS, Model
from paceline.concurrency.descriptors import make_room
from paceline.concurrency.memory import keep_little
from paceline.config import Config
from paceline.exchange import Exchange
from paceline.observe.access_log import AccessLog
from paceline.observe.observation import Observer
from paceline.observe.tally import Tally
from paceline.service import Service
from paceline.settings.values import Hook
from paceline.transport import Listener
from paceline.transport.tls import secure, server_context
from paceline.wsgi.content_coding import Gzip
from paceline.wsgi.forwarding import Forwarding
from paceline.wsgi.gateway import Application

log = logging.getLogger("paceline.error")

PROXY_VERSIONS = {
    "off": frozenset[int](),
    "v1": frozenset({1}),
    "v2": frozenset({2}),
    "auto": frozenset({1, 2}),
}


def build_model(
    config: Config,
    listeners: Sequence[Listener],
    application: Application,
    heartbeat: Callable[[], None],
    worker: object = None,
) -> Model:
    """Return what serves ``application`` on ``listeners``; to be called in the process that serves.

    ``worker`` is what request hooks are given.  Raises ConfigError for unusable certificates.
    """
    model = make_model(config, listeners, application, heartbeat, worker)
    keep_little()
    # What was loaded until now stays for the life of the worker: the collector need not look at
    # it again and again, and pages shared with the supervisor stay shared.
    gc.collect()
    gc.freeze()
    return model


def make_model(
    config: Config,
    listeners: Sequence[Listener],
    application: Application,
    heartbeat: Callable[[], None] = lambda: None,
    worker: object = None,
) -> Model:
    """Do the same in a process that has more to do than to serve."""
    if config.certfile and config.keyfile:
        context = server_context(
            config.certfile, config.keyfile, config.ca_certs, config.cert_reqs, config.ciphers
        )
        for listener in listeners:
            secure(listener, context)
    tally = Tally() if config.stats else None
    service = Service(
        _coded(application, config),
        limits=config.limits(),
        timeouts=config.timeouts(),
        forwarding=_forwarding(config),
        trusted=config.forwarded_allow_ips,
        access_log=AccessLog.from_config(config),
        place=getattr(worker, "place", None) if config.workers > 1 else None,
        health_path=config.health_path or "",
        sendfile=config.sendfile,
        proxy_versions=PROXY_VERSIONS[config.proxy_protocol],
        proxy_peers=config.proxy_allow_ips,
        max_connections=make_room(config.worker_connections),
        max_threads=config.threads,
        max_requests=_max_requests(config),
        multiprocess=config.workers > 1,
        before_request=_before(config.pre_request, worker),
        observer=_observer(config.observer, worker),
        after_request=_after(config.post_request, worker, tally),
        tally=tally,
        heartbeat=heartbeat,
    )
    return MODELS[config.worker_class](list(listeners), service)


def _coded(application: Application, config: Config) -> Application:
    if not config.gzip:
        return application
    return Gzip(
        application,
        types=config.gzip_types,
        least=config.gzip_min_length,
        level=config.gzip_level,
    )


def _max_requests(config: Config) -> int:
    """Return this worker's own number, so that workers that began together do not end together."""
    if not config.max_requests:
        return 0
    return config.max_requests + random.randint(0, config.max_requests_jitter)


def _forwarding(config: Config) -> Forwarding:
    return Forwarding(
        secure_scheme_headers={
            name.lower(): value.lower() for name, value in config.secure_scheme_headers.items()
        },
        forwarder_headers=frozenset(name.lower() for name in config.forwarder_headers),
        header_map=config.header_map,
        clear_untrusted_proxy_headers=config.clear_untrusted_proxy_headers,
    )


def _observer(hook: Hook | None, worker: object) -> Observer | None:
    return None if hook is None else cast("Observer | None", hook(worker))


def _guarded(call: Callable[[], object], name: str) -> None:
    try:
        call()
    except BaseException:  # SystemExit of a hook must not end a thread of the server either
        log.exception("The hook %s failed", name)


def _before(hook: Hook | None, worker: object) -> Callable[[Exchange], object] | None:
    if hook is None:
        return None
    return lambda exchange: _guarded(partial(hook, worker, exchange.request), "pre_request")


def _after(
    hook: Hook | None, worker: object, tally: Tally | None
) -> Callable[[Exchange], object] | None:
    count = tally.add if tally else None
    if hook is None:
        return count

    def after(exchange: Exchange) -> None:
        _guarded(
            partial(hook, worker, exchange.request, exchange.environ, exchange), "post_request"
        )
        if count is not None:
            count(exchange)

    return after
