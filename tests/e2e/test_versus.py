"""All servers side by side in containers, each under a name of its own."""

import copy
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.flow import SERVERS, serves
from tests.e2e.stacks import containers
from tests.services.requirements import need


@pytest.mark.timeout(900)  # the first of all builds fetches packages, and builds bjoern
def test_every_server_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    need("docker")
    resolve = socket.getaddrinfo

    def as_browsers_do(host: Any, *more: Any, **options: Any) -> Any:
        ours = str(host).endswith(".localhost")  # not every resolver knows them (RFC 6761, 6.3)
        return resolve("127.0.0.1" if ours else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", as_browsers_do)
    with containers(tmp_path, {"COMPOSE_PROFILES": "versus"}) as stack:
        for server in SERVERS:
            site = copy.copy(stack)
            name = f"{server.replace('_', '-')}.localhost"
            site.server = server
            # Not by TLS: OpenSSL takes no certificate for *.localhost, since that is one label.
            site.http = site.https = stack.http.replace("localhost", name)
            serves(site)
        page = compared(stack.console, "gunicorn", "waitress")
    assert "Swap A and B" in page
    for said in ("gunicorn", "waitress"):
        assert re.search(rf'<span class="chip">{said}\b', page), page


def compared(console: str, one: str, other: str) -> str:
    """The page that the console opens once the same request went through two servers."""
    with requests.Session() as person:
        form = person.get(f"{console}/send/", timeout=20)
        token = re.findall(r'csrfmiddlewaretoken" value="(\w+)', form.text)[0]
        given = {"method": "GET", "path": "/inspect/", "server": one, "second": other}
        answer = person.post(
            f"{console}/send/", {"csrfmiddlewaretoken": token, **given}, timeout=60
        )
    return answer.text
