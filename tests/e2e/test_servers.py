"""Every server of the table serves the guestbook behind the same nginx, as local processes."""

from pathlib import Path

import pytest

from lab.serve import find_program
from tests.e2e.flow import SERVERS, serves
from tests.e2e.stacks import LOCAL, NOTHING_SAID, LocalSite
from tests.e2e.visitor import Visitor
from tests.services.stack import Stack

# All the tests of this folder run on these.
ELSEWHERE = {variant.words["SERVER"] for variant in LOCAL}


CHOICES = [(name, "tcp") for name in SERVERS if name not in ELSEWHERE]
CHOICES += [(name, "uwsgi") for name, server in SERVERS.items() if "uwsgi" in server.bind]


@pytest.mark.parametrize(("server", "transport"), CHOICES)
def test_it_serves_the_guestbook_and_again_after_a_restart(
    tmp_path: Path, server: str, transport: str
):
    if not find_program(SERVERS[server].command[0]):
        pytest.skip(SERVERS[server].missing)
    words = {**NOTHING_SAID, "SERVER": server, "TRANSPORT": transport}
    with Stack(tmp_path, **words) as stack:
        up = stack.lab("up", "--detach")
        assert up.returncode == 0, up.stdout + up.stderr
        serves(LocalSite(server, stack))

        down = stack.lab("down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert stack.lab("up", "--detach").returncode == 0
        assert "<p>over TLS</p>" in Visitor(f"http://localhost:{stack.http}").get("/").text
