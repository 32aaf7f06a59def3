"""A console, and what stands in for the stack that it sends to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import opener
from tests.browser.console.person import Open
from tests.unit.console.running import Console


class Stack(BaseHTTPRequestHandler):
    """What stands in for nginx and all behind it."""

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = json.dumps([self.command, self.path, self.rfile.read(size).decode()]).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stack) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, stack: str) -> Iterator[Console]:
    """One for all tests that do not count what is in it."""
    with Console(tmp_path_factory.mktemp("console"), {"SITE_URL": stack}) as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path, stack: str) -> Iterator[Console]:
    """One that has seen no trace yet."""
    with Console(tmp_path, {"SITE_URL": stack}) as running:
        yield running


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Open]:
    """Pages of the empty console, where a test asks for that, else of the other one."""
    which = "empty" if "empty" in request.fixturenames else "console"
    with opener(browser, request.getfixturevalue(which).url) as open_page:
        yield open_page
