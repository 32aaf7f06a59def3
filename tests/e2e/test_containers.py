"""What holds for containers alone: how they are shut in, and what happens as they come and go."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asked import Asked, ask
from tests.e2e.load import ALL, REPEATABLE, Load
from tests.e2e.stacks import ContainerSite, containers, on_containers
from tests.e2e.visitor import Visitor
from tests.services.requirements import need
from tests.services.stack import eventually

USERS = {"proxy": "10002", "server": "10001", "console": "10003"}
"""The services that stay up, and the number of the user each runs as."""


def inspected(stack: ContainerSite, service: str) -> dict[str, Any]:
    """What Docker knows of the service's container."""
    found: list[dict[str, Any]] = json.loads(stack.docker("inspect", stack.container(service)))
    return found[0]


@on_containers
@pytest.mark.parametrize("service", USERS)
def test_nothing_in_a_container_has_any_right(stack: ContainerSite, service: str):
    def inside(script: str) -> str:
        return stack.compose("exec", "-T", service, "sh", "-c", script)

    user = USERS[service]
    for line in inside("cat /proc/1/status /proc/self/status").splitlines():
        name, _, value = line.partition(":\t")
        if name in ("Uid", "Gid"):
            assert value.split() == [user] * 4
        if name.startswith("Cap"):
            assert int(value, 16) == 0, name
        if name == "NoNewPrivs":
            assert value == "1"
    options = inside("grep ' / ' /proc/mounts").split()[3]
    assert "ro" in options.split(",")


@on_containers
def test_the_server_is_reachable_from_the_proxy_alone(stack: ContainerSite):
    server = inspected(stack, "server")
    networks = server["NetworkSettings"]["Networks"]

    assert server["HostConfig"]["PortBindings"] in ({}, None)
    assert list(networks) == [f"{stack.project}_inside"]
    reached = stack.docker("network", "inspect", f"{stack.project}_inside")
    network = json.loads(reached)[0]
    both = {inspected(stack, service)["Name"].strip("/") for service in ("server", "proxy")}
    assert network["Internal"]
    assert {container["Name"] for container in network["Containers"].values()} == both
    assert not answers(next(iter(networks.values()))["IPAddress"])


def answers(address: str) -> bool:
    """Whether the server answers this host."""
    try:
        with socket.create_connection((address, 8000), 2) as sock:
            sock.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return sock.makefile("rb").read().endswith(b"\r\n\r\nok")
    except OSError:
        return False


@on_containers
def test_proxy_and_console_answer_this_machine_alone(stack: ContainerSite):
    bound = {
        (port, binding["HostIp"], f"localhost:{binding['HostPort']}")
        for service in USERS
        for port, bindings in inspected(stack, service)["NetworkSettings"]["Ports"].items()
        for binding in bindings or ()
    }
    origins = {"8080/tcp": stack.http, "8443/tcp": stack.https, "8081/tcp": stack.console}
    assert bound == {
        (port, "127.0.0.1", origin.partition("://")[2]) for port, origin in origins.items()
    }


@on_containers
def test_the_console_answers_this_machine_alone_whatever_the_proxy_does(stack: ContainerSite):
    wanted = json.loads(stack.compose("config", "--format", "json", LISTEN_ADDRESS="0.0.0.0"))

    def addresses(service: str) -> set[str]:
        return {port["host_ip"] for port in wanted["services"][service]["ports"]}

    assert addresses("console") == {"127.0.0.1"}
    assert addresses("proxy") == {"0.0.0.0"}


@on_containers
def test_the_server_tells_the_console_what_it_does_but_cannot_ask_it(stack: ContainerSite):
    console = inspected(stack, "console")["NetworkSettings"]["Networks"]
    assert list(console) == [f"{stack.project}_edge"]
    addresses = f"('console', '{console[f'{stack.project}_edge']['IPAddress']}')"
    script = (
        "import contextlib, http.client\n"
        f"for address in {addresses}:\n"
        "    with contextlib.suppress(OSError):\n"
        "        asked = http.client.HTTPConnection(address, 8081, timeout=2)\n"
        "        asked.request('GET', '/healthz', headers={'Host': 'localhost'})\n"
        "        print(asked.getresponse().status)\n"
    )
    assert stack.compose("exec", "-T", "console", "python", "-c", script).split() == ["200"] * 2
    assert stack.compose("exec", "-T", "server", "python", "-c", script) == ""


@on_containers
def test_without_a_server_nginx_explains_it_and_finds_the_next_one(
    stack: ContainerSite, visitor: Visitor
):
    stack.compose("stop", "server")
    eventually(lambda: visitor.get("/").status_code == 502)
    page = visitor.get("/")
    assert "502: the proxy got no answer from the server" in page.text
    assert page.headers["X-Request-ID"] in page.text
    assert visitor.get("/static/guestbook/style.css").status_code == 200

    stack.compose("start", "server")
    eventually(lambda: visitor.get("/").status_code == 200)
    exit_code = stack.docker(
        "inspect", "--format", "{{.State.ExitCode}}", stack.container("server")
    )
    assert exit_code == "0"


@on_containers
def test_a_wrong_word_is_refused_in_the_build_before_what_runs_is_touched(
    stack: ContainerSite, visitor: Visitor
):
    before = stack.compose("ps", "--quiet")
    with pytest.raises(AssertionError, match="lab: WORKERS=many: must be a whole number"):
        stack.up(WORKERS="many")

    assert stack.compose("ps", "--quiet") == before
    assert visitor.get("/").status_code == 200


@on_containers
def test_without_a_build_it_is_said_how_to_get_back_what_was_stopped(
    stack: ContainerSite, visitor: Visitor
):
    with pytest.raises(AssertionError, match='service "prepare" didn\'t complete'):
        stack.compose("up", "--detach", "--wait", CONCURRENCY="many")
    said = stack.compose("logs", "--no-log-prefix", "prepare")
    assert "lab: CONCURRENCY=many: unknown to" in said
    assert "`docker compose up` again" in said

    stack.compose("up", "--detach", "--wait")
    assert visitor.get("/").status_code == 200


@on_containers
def test_of_several_servers_one_restarts_or_dies_and_no_request_fails(stack: ContainerSite):
    # gunicorn may close a connection that is idle just as nginx asks something on it, and may have
    # sent the head of an answer when it is killed.
    number, asked_for = (3, ALL) if stack.server == "paceline" else (2, REPEATABLE)
    with scaled(stack, number) as ids:
        with Load(stack.http, asked_for, keep=False) as load:
            for one in ids:
                load.await_answers()
                restart(stack, one)
            load.await_answers()
        assert len(ids) == number
        assert load.failures == []
        if stack.server == "paceline":
            assert {each.answer.status_code for each in asked_while_killed(stack, ids[0])} == {200}


@contextmanager
def scaled(stack: ContainerSite, number: int) -> Iterator[list[str]]:
    """So many servers, one again at the end; their containers' ids."""
    up = ("up", "--detach", "--wait", "--no-recreate", "--scale")
    stack.compose(*up, f"server={number}")
    try:
        yield stack.compose("ps", "--quiet", "server").split()
    finally:
        stack.compose(*up, "server=1")


def asked_while_killed(stack: ContainerSite, container: str) -> list[Asked]:
    """What five clients asked from before a container is killed until after it."""
    asked: list[Asked] = []
    with ThreadPoolExecutor(5) as clients:
        killing = clients.submit(stack.docker, "kill", container)
        is_over = False
        while not is_over:
            is_over = killing.done()  # once more then: the proxy may know the address yet
            asked += clients.map(lambda _: ask(stack, "/workload/json/"), range(12))
    return asked


def restart(stack: ContainerSite, container: str) -> None:
    """Stops a container and starts it again; blocks until it is well."""
    stack.docker("restart", container)
    health = ("inspect", "--format", "{{.State.Health.Status}}", container)
    eventually(lambda: stack.docker(*health) == "healthy")


@pytest.mark.timeout(600)
def test_a_stack_with_postgresql_over_a_unix_socket_and_what_is_left_of_it(tmp_path: Path):
    need("docker")
    words = {
        "COMPOSE_PROFILES": "postgres",
        "DATABASE_URL": "postgres://lab@postgres/lab",
        "TRANSPORT": "unix",
        "WORKERS": "2",
    }
    with containers(tmp_path, words) as site:
        visitor = Visitor(site.http, site.certificate)
        visitor.sign_up()
        assert "<p>kept</p>" in visitor.sign("kept").text
        seen = visitor.get("/inspect/").json()["environ"]
        assert seen["wsgi.multiprocess"]
        assert seen["REMOTE_ADDR"] == ""  # nobody has one on a Unix socket
        assert "db.sqlite3" not in site.compose(
            "exec", "-T", "server", "ls", "/var/lib/wsgilab/data"
        )

        site.compose("down")  # as people do who come back
        site.up()
        assert "<p>kept</p>" in visitor.get("/").text
        assert f'class="who">{visitor.account.name}<' in visitor.get("/").text  # same secret key
        site.compose("down", "--volumes")
        images = [f"{site.project}-{name}" for name in ("console", "postgres", "proxy", "server")]
        assert sorted(site.left().splitlines()) == images
