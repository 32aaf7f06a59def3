"""What people bring with them from gunicorn: its settings, all of them, and its files."""

from pathlib import Path

import pytest
from gunicorn.config import KNOWN_SETTINGS
from paceline.config import SETTINGS, Config, load
from paceline.errors import ConfigError
from paceline.settings.foreign import FOREIGN

OURS = {setting.name: setting for setting in SETTINGS}
THEIRS = {setting.name: setting for setting in KNOWN_SETTINGS}

# A few of gunicorn's flags never were part of a command line that starts a server.
OWN_DEFAULTS = {"worker_class", "threads", "keepalive", "config"}


def read(*argv: str) -> tuple[Config, list[str]]:
    warnings: list[str] = []
    return load(argv, {}, Path.cwd(), warnings.append), warnings


def test_every_setting_of_gunicorns_is_ours_or_explained() -> None:
    assert set(THEIRS) - set(OURS) - set(FOREIGN) == set()


def test_nothing_is_explained_that_is_ours_or_nobodys() -> None:
    assert set(FOREIGN) & set(OURS) == set()
    assert set(FOREIGN) - set(THEIRS) == set()


@pytest.mark.parametrize("name", sorted(set(OURS) & set(THEIRS)))
def test_flags_are_the_same(name: str) -> None:
    assert set(THEIRS[name].cli or ()) <= set(OURS[name].flags)


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_flags_of_what_is_not_ours_are_known(name: str) -> None:
    assert set(THEIRS[name].cli or ()) == set(FOREIGN[name].flags)
    takes_value = THEIRS[name].action not in {"store_true", "store_const"}
    assert FOREIGN[name].takes_value is (takes_value and bool(FOREIGN[name].flags))


SAME_DEFAULTS = sorted(
    name
    for name in set(OURS) & set(THEIRS) - OWN_DEFAULTS
    # Left open by both, or said in another way.
    if OURS[name].default is not None
    and name not in {"chdir", "pythonpath", "sendfile", "logconfig_dict"}
)


@pytest.mark.parametrize("name", SAME_DEFAULTS)
def test_defaults_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = THEIRS[name]().get()
    expected = OURS[name].parse(",".join(theirs) if name.endswith("_ips") else theirs)
    assert OURS[name].default == expected


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["-D"], "--daemon: not in paceline: it stays in the foreground; use systemd"),
        (["--statsd-host", "localhost:8125"], "--statsd-host: not in paceline: take figures from"),
        (["--log-config", "x.ini"], "--log-config: not in paceline: set logconfig_dict"),
        (["--http-protocols", "h2,h1"], "--http-protocols: not in paceline: let a proxy such as"),
        (["--protocol=uwsgi"], "--protocol: not in paceline: only HTTP is spoken"),
        (["--paste", "x.ini"], "--paster: not in paceline: name a module"),
    ],
)
def test_what_would_be_missed_is_refused(argv: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("shop:app", *argv)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    "argv",
    [
        ["--worker-tmp-dir", "/dev/shm"],
        ["-n", "shop"],
        ["--no-control-socket"],
        ["-R"],
    ],
)
def test_what_makes_no_difference_gets_a_warning(argv: list[str]) -> None:
    config, warnings = read(*argv, "shop:app")
    assert config.wsgi_app == "shop:app"
    assert len(warnings) == 1
    assert ": not in paceline: " in warnings[0]


@pytest.mark.parametrize(
    "argv", [["--http-protocols", "h1"], ["--protocol", "http"], ["--reload-engine", "auto"]]
)
def test_what_asks_for_the_same_says_nothing(argv: list[str]) -> None:
    assert read(*argv)[1] == []


FILE = """
import multiprocessing

wsgi_app = "shop:app"
bind = ["127.0.0.1:8000", "unix:/run/shop.sock"]
workers = 3
threads = 4
keepalive = 5
timeout = 60
worker_tmp_dir = "/dev/shm"
daemon = False
statsd_host = None
accesslog = "-"
errorlog = "-"
loglevel = "info"
proc_name = "shop"
forwarded_allow_ips = "*"
proxy_protocol = True
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
limit_request_field_size = 16380
raw_env = ["DJANGO_SETTINGS_MODULE=shop.settings"]


def post_fork(server, worker):
    server.log.info("worker %s", worker.pid)


def post_request(worker, req, environ, resp):
    pass
"""


def test_a_file_written_for_gunicorn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gunicorn.conf.py").write_text(FILE)
    config, warnings = read("-c", "gunicorn.conf.py")
    assert (config.wsgi_app, config.workers, config.threads) == ("shop:app", 3, 4)
    assert config.proxy_protocol == "auto"
    assert "203.0.113.1" in config.forwarded_allow_ips
    assert config.post_fork is not None
    assert [warning.split(": ")[1] for warning in warnings] == ["worker_tmp_dir", "proc_name"]


def test_the_file_of_one_that_cannot_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gunicorn.conf.py").write_text("daemon = True")
    with pytest.raises(ConfigError, match=r"^gunicorn.conf.py: daemon: not in paceline: "):
        read("-c", "gunicorn.conf.py")
