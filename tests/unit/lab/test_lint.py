"""The tools of `make lint` find what they are there for."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.lint import __main__ as lint
from tests.lint import audit


def test_bandit_finds_a_shell(tmp_path: Path) -> None:
    (tmp_path / "shell.py").write_text(
        "import os, subprocess\nsubprocess.run(input(), shell=True)\nos.system(input())\n"
    )
    found = lint.run([*lint.bandit()[:3], "-r", str(tmp_path)])
    assert "B602" in found
    assert "B605" in found


def test_hadolint_finds_an_image_of_no_version(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM debian:latest\nRUN cd /tmp\n")
    assert "DL3007" in lint.run(lint.hadolint([dockerfile]))


def test_gixy_reads_every_variant_and_finds_what_is_wrong_in_one(tmp_path: Path) -> None:
    written = list(lint.configurations(tmp_path))
    texts = [path.read_text() for path in written]
    assert len({*texts}) == 6
    head = "http {"
    for wrong, name in (
        ("ssl_protocols TLSv1 TLSv1.2;", "weak_ssl_tls"),
        ("server { location / { proxy_pass http://$arg_host; } }", "ssrf"),
    ):
        written[0].write_text(texts[0].replace(head, f"{head}\n{wrong}", 1))
        assert name in lint.run(lint.gixy(written[0]))


class Osv(BaseHTTPRequestHandler):
    """An answer about two packages, the second of which has something."""

    asked: object = None

    def do_POST(self) -> None:
        Osv.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"results": [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}]}')

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_audit_asks_for_what_the_lock_names(osv: str) -> None:
    lock = "django==5.2.1 \\\n    --hash=sha256:0\n    # via x==1\n"
    versions = audit.pins(f"{lock}idna==3.1 ; python_version < '4' \\\n")
    assert versions == {"django": "5.2.1", "idna": "3.1"}
    assert audit.advisories(versions, osv) == {"idna": ["GHSA-1", "PYSEC-2"]}
    assert Osv.asked == {
        "queries": [
            {"package": {"name": "django", "ecosystem": "PyPI"}, "version": "5.2.1"},
            {"package": {"name": "idna", "ecosystem": "PyPI"}, "version": "3.1"},
        ]
    }


def test_without_a_network_the_audit_says_so() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.lint.audit"],
        cwd=lint.REPO,
        env={"OSV_URL": "http://127.0.0.1:9/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert "so nothing was checked: " in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_audit_looks_at_all_that_is_locked() -> None:
    locked = audit.pins("".join(lock.read_text() for lock in audit.LOCKS))
    assert {"django", "gunicorn", "ruff", "locust"} <= locked.keys()
