"""Every server of the table serves the guestbook behind the same nginx, as local processes."""

import os
from pathlib import Path

import pytest

from tests.e2e.flow import SERVERS, serves
from tests.e2e.stacks import LOCAL, NOTHING_SAID, LocalSite
from tests.e2e.visitor import Visitor
from tests.services.stack import Stack

# All the tests of this folder run on these.
ELSEWHERE = {variant.words["SERVER"] for variant in LOCAL}


CHOICES = [
    *[{"SERVER": name} for name in SERVERS if name not in ELSEWHERE],
    {"SERVER": "uwsgi", "TRANSPORT": "uwsgi"},
    {"SERVER": "gunicorn", "CONCURRENCY": "gevent"},
]


@pytest.mark.parametrize("words", CHOICES, ids=lambda words: "-".join(words.values()))
def test_it_serves_the_guestbook_and_again_after_a_restart(tmp_path: Path, words: dict[str, str]):
    server = words["SERVER"]
    if not SERVERS[server].is_installed:
        pytest.skip(SERVERS[server].missing)
    if server == "mod_wsgi" and os.geteuid() == 0:
        pytest.skip("Apache serves nothing as root")
    with Stack(tmp_path, **{**NOTHING_SAID, **words}) as stack:
        up = stack.lab("up", "--detach")
        assert up.returncode == 0, up.stdout + up.stderr
        serves(LocalSite(server, stack))

        down = stack.lab("down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert stack.lab("up", "--detach").returncode == 0
        assert "<p>over TLS</p>" in Visitor(f"http://localhost:{stack.http}").get("/").text
