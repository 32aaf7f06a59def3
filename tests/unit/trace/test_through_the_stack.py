"""`lab trace` through a real stack: all hops, in their places."""

import json
from collections.abc import Iterator

import pytest

from lab.tracing.assembly import assemble
from lab.tracing.span import decode
from tests.services.stack import Stack


@pytest.fixture(scope="module", params=["paceline", "gunicorn"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("traced") / "var", SERVER=request.param) as made:
        made.start()
        yield made


@pytest.mark.parametrize("url", ["/", "https://localhost:{https}/", "localhost:{http}/"])
def test_every_hop_tells_its_part(stack: Stack, url: str):
    asked = url.format(http=stack.http, https=stack.https)
    done = stack.lab("trace", asked, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    trace = assemble(decode(json.loads(done.stdout)))
    (root,) = trace.roots
    assert (root.span.hop, root.span.name, trace.status) == ("client", "GET", 200)
    hops = [node.span.hop for node in trace.walk()]
    assert sorted(set(hops), key=hops.index) == ["client", "proxy", "server", "application"]
    assert "SQL SELECT" in [node.span.name for node in trace.walk()]
    steps = {child.span.name for child in root.children if child.span.hop == "client"}
    assert ("tls" in steps) == asked.startswith("https")


def test_static_files_end_at_the_proxy(stack: Stack):
    done = stack.lab("trace", "/static/none.css")
    assert (done.returncode, done.stderr) == (0, "")
    assert "proxy" in done.stdout and "server" not in done.stdout


def test_past_the_proxy_the_server_still_tells(stack: Stack):
    done = stack.lab("trace", f"http://{stack.state()['bind']}/inspect/")
    assert (done.returncode, done.stderr) == (0, "")
    assert "server" in done.stdout and "proxy  " not in done.stdout


def test_what_the_proxy_changes(stack: Stack):
    done = stack.lab("trace", "/inspect/", "-H", "Connection: close", "--diff")
    assert done.returncode == 0
    assert "\n  GET /inspect/ HTTP/1.1\n" in done.stdout
    assert "\n- Connection: close\n" in done.stdout
    assert "\n+ X-Forwarded-For: 127.0.0.1\n" in done.stdout
    assert "\n~ Server: " in done.stdout


def test_medians(stack: Stack):
    done = stack.lab("trace", "/workload/io/?ms=20", "--repeat", "3")
    assert (done.returncode, done.stderr) == (0, "")
    (view,) = (line for line in done.stdout.splitlines() if " view " in line)
    assert 20 <= float(view.split()[-2]) <= float(view.split()[-3]) <= float(view.split()[-1])
