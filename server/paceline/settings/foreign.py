"""gunicorn's settings that paceline does not have, and what to do instead.

Where nothing that a client or an operator could notice is lost, a warning says so and the
server starts, so that most command lines and files written for gunicorn work as they are.
Everything else is an error: a server that quietly left out what it was asked for would be worse.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paceline.errors import ConfigError

STANDARD_OUTPUT = "log to standard output (-) or a file, and let the system's logger collect it"
METRICS = "take figures from --stats, the access log or a hook"
STRICT = "HTTP is taken only as RFC 9112 has it; leave it out"
HTTP1 = "let a proxy such as nginx speak HTTP/2 to clients"
NO_UWSGI = "only HTTP is spoken; in nginx use proxy_pass instead of uwsgi_pass"
NO_ASGI = "only WSGI applications are run; leave it out"
NO_TASKS = "use a task queue"

# Each line: the name in a configuration file, then its flags; "=" ends a flag with a value.
REFUSED: dict[str, list[str]] = {
    "it stays in the foreground; use systemd, a container or nohup": ["daemon -D --daemon"],
    STANDARD_OUTPUT: ["syslog --log-syslog"],
    "set logconfig_dict in a configuration file instead": [
        "logger_class --logger-class=",
        "logconfig --log-config=",
        "logconfig_json --log-config-json=",
    ],
    METRICS: ["statsd_host --statsd-host=", "enable_backlog_metric --enable-backlog-metric"],
    "name a module whose `application` reads the file, as paste.deploy.loadapp does": [
        "paste --paste= --paster=",
        "raw_paste_global_conf --paste-global=",
    ],
    "use a debugger, or sys.settrace in the hook post_fork": ["spew --spew"],
    "let the proxy send SCRIPT_NAME instead": ["root_path --root-path="],
    NO_UWSGI: ["protocol --protocol="],
    HTTP1: ["http_protocols --http-protocols=", "http2_cleartext --http2-cleartext="],
    STRICT: [
        "permit_obsolete_folding --permit-obsolete-folding",
        "strip_header_spaces --strip-header-spaces",
        "permit_unconventional_http_method --permit-unconventional-http-method",
        "permit_unconventional_http_version --permit-unconventional-http-version",
        "casefold_http_method --casefold-http-method",
    ],
    "set certfile, keyfile, ca_certs, cert_reqs and ciphers instead": ["ssl_context"],
    NO_TASKS: ["dirty_apps --dirty-app="],
}

HARMLESS: dict[str, list[str]] = {
    STANDARD_OUTPUT: [
        "syslog_addr --log-syslog-to=",
        "syslog_prefix --log-syslog-prefix=",
        "syslog_facility --log-syslog-facility=",
        "disable_redirect_access_to_syslog --disable-redirect-access-to-syslog",
    ],
    METRICS: ["statsd_prefix --statsd-prefix=", "dogstatsd_tags --dogstatsd-tags="],
    NO_UWSGI: ["uwsgi_allow_ips --uwsgi-allow-from="],
    HTTP1: [
        "http2_max_concurrent_streams --http2-max-concurrent-streams=",
        "http2_initial_window_size --http2-initial-window-size=",
        "http2_max_frame_size --http2-max-frame-size=",
        "http2_max_header_list_size --http2-max-header-list-size=",
    ],
    "there is one parser; leave it out": ["http_parser --http-parser="],
    "TLS is set up as Python recommends; leave it out": [
        "ssl_version --ssl-version=",
        "suppress_ragged_eofs --suppress-ragged-eofs",
        "do_handshake_on_connect --do-handshake-on-connect",
    ],
    NO_ASGI: [
        "asgi_loop --asgi-loop=",
        "asgi_lifespan --asgi-lifespan=",
        "asgi_disconnect_grace_period --asgi-disconnect-grace-period=",
        "websocket_max_message_size --websocket-max-message-size=",
    ],
    NO_TASKS: [
        "dirty_workers --dirty-workers=",
        "dirty_timeout --dirty-timeout=",
        "dirty_threads --dirty-threads=",
        "dirty_graceful_timeout --dirty-graceful-timeout=",
        "on_dirty_starting",
        "dirty_post_fork",
        "dirty_worker_init",
        "dirty_worker_exit",
    ],
    "use signals and ps": [
        "control_socket --control-socket=",
        "control_socket_mode --control-socket-mode=",
        "control_socket_disable --no-control-socket",
    ],
    "heartbeats need no file; leave it out": ["worker_tmp_dir --worker-tmp-dir="],
    "temporary files go where TMPDIR says; leave it out": ["tmp_upload_dir"],
    "there is one way to watch files; leave it out": ["reload_engine --reload-engine="],
    "workers always get the groups of their user; leave it out": ["initgroups --initgroups"],
    "processes keep their name; leave it out": ["proc_name -n= --name=", "default_proc_name"],
    "workers always keep standard output and error; leave it out": [
        "enable_stdio_inheritance -R --enable-stdio-inheritance"
    ],
}

SAME = {
    "logger_class": ("gunicorn.glogging.Logger", "simple"),
    "protocol": ("http",),
    "http_protocols": ("h1",),
    "http2_cleartext": ("off",),
    "http_parser": ("auto",),
    "reload_engine": ("auto",),
    "suppress_ragged_eofs": ("True",),
}
"""Values that ask for what paceline does anyway."""


@dataclass(frozen=True)
class Foreign:
    name: str
    flags: tuple[str, ...]
    takes_value: bool
    harmless: bool
    advice: str

    @classmethod
    def read(cls, line: str, advice: str, harmless: bool) -> "Foreign":
        name, *flags = line.split()
        bare = tuple(flag.removesuffix("=") for flag in flags)
        return cls(name, bare, bare != tuple(flags), harmless, advice)


FOREIGN = {
    foreign.name: foreign
    for table in (REFUSED, HARMLESS)
    for advice, lines in table.items()
    for foreign in [Foreign.read(line, advice, table is HARMLESS) for line in lines]
}


def check(
    given: Iterable[tuple[str, object]], say: Callable[[str], str], warn: Callable[[str], None]
) -> None:
    """Warn of, or refuse, what among ``given`` names and values is gunicorn's alone.

    ``say(name)`` is where the reader wrote it.  Raises ConfigError.
    """
    for name, value in given:
        foreign = FOREIGN.get(name)
        if foreign is None or not value or str(value) in SAME.get(name, ()):
            continue
        message = f"{say(name)}: not in paceline: {foreign.advice}"
        if not foreign.harmless:
            raise ConfigError(message)
        warn(message)
