"""What clients notice, through nginx, while paceline is reloaded, replaced, scaled or killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.load import Load
from tests.unit.nginx.conftest import Proxy, running
from tests.unit.server.supervised import APPLICATION, Server, alive, children, until

QUICK = ("GET", "/", b"")
LARGE = ("GET", "/large", b"")
# What nginx may ask again, and has whole before its client gets the beginning of it.
REPEATABLE = (QUICK, ("GET", "/brief-wait", b""), ("PUT", "/", b"a body" * 20_000))
ALL = (*REPEATABLE, LARGE, ("POST", "/", b"a body" * 20_000), ("POST", "/", b""))

SITE = APPLICATION.replace(
    'if path == "/wait":',
    'if path == "/brief-wait":\n        time.sleep(0.1)\n'
    '    elif path == "/large":\n        VERSION_LARGE = b"x" * 300_000\n'
    '        start_response("200 OK", [("Content-Length", "300000")])\n'
    "        return [VERSION_LARGE]\n"
    '    elif path == "/wait":',
).replace(
    'path = environ["PATH_INFO"]', 'path = environ["PATH_INFO"]\n    environ["wsgi.input"].read()'
)


class Site:
    """A paceline behind an nginx."""

    def __init__(self, server: Server, proxy: Proxy) -> None:
        self.server = server
        self.origin = proxy.http

    def reload(self, times: int) -> None:
        self.server.signal(signal.SIGHUP)
        self.server.logged(r"reloaded: \d+ workers", times)


@pytest.fixture(params=["tcp", "unix"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    unix = f"unix:{tmp_path}/s"
    bind = unix if request.param == "unix" else "127.0.0.1:0"
    options = ["-w", "2", "--timeout", "2", "--max-requests", "40", "--max-requests-jitter", "20"]
    with Server(tmp_path, *options, application=SITE, bind=bind) as server:
        server.ready(2)
        at = bind if bind == unix else "{}:{}".format(*server.address)
        with running(tmp_path / "var", at) as proxy:
            yield Site(server, proxy)


def test_none_fails_while_it_is_reloaded_scaled_and_recycled(site: Site):
    """HUP, TTIN, TTOU, and --max-requests all the time."""
    server = site.server
    with Load(site.origin, ALL) as load:
        load.await_answers()
        site.reload(1)
        load.await_answers()
        server.signal(signal.SIGTTIN)
        until(lambda: len(children(server.pid)) >= 3, "a third worker")
        load.await_answers()
        server.signal(signal.SIGTTOU)
        server.signal(signal.SIGTTOU)
        load.await_answers()
        site.reload(2)
        while server.log.count("goes on until another can") < 3:
            load.await_answers()
    assert load.failures == []
    assert "ERROR" not in server.log


def test_none_fails_while_another_process_takes_its_place(site: Site):
    """USR2, and TERM to the old one once the new one serves."""
    server = site.server
    with Load(site.origin, ALL) as load:
        load.await_answers()
        server.signal(signal.SIGUSR2)
        new = int(server.logged(r"USR2: process (\d+) begins")[-1])
        server.logged(rf"\[{new}\] \[INFO\] listening")
        load.await_answers(100)
        server.signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        load.await_answers(100)
    os.kill(new, signal.SIGTERM)
    until(lambda: not alive(new), "the end of the new process")
    assert load.failures == []


def test_a_killed_worker_fails_no_request_that_nginx_may_ask_again(site: Site):
    """SIGKILL, as the kernel sends where memory runs out."""
    server = site.server
    with Load(site.origin, REPEATABLE) as load:
        for _ in range(3):
            load.await_answers()
            os.kill(children(server.pid)[0], signal.SIGKILL)
            server.logged("was ended by SIGKILL")
        load.await_answers()
    assert load.failures == []


def test_a_worker_that_hangs_in_c_is_replaced_in_time(site: Site):
    server = site.server
    with Load(site.origin, REPEATABLE) as load:
        load.await_answers()
        with Load(site.origin, [("GET", "/hang-with-the-gil", b"")]):
            server.logged(r"worker \d+ has made no progress for 2 s: aborted", 2)
            server.write("app.py", SITE.replace("ctypes.PyDLL(None).sleep(1000)", "pass"))
            site.reload(1)  # what is still asked for hangs no more
        load.await_answers()
    assert load.failures == []
