"""The server's image: one for each server, with that server alone in it."""

from collections.abc import Callable

import pytest

from lab.serve import read_servers
from lab.stack.layout import REPO

from .conftest import HARDENED, docker

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

SERVERS = read_servers()
PROGRAMS = {server.command[0] for server in SERVERS.values()} - {"python"}

DOCKERFILE = ("--file", REPO / "server" / "Dockerfile", REPO)


@pytest.fixture(scope="module")
def images(build: Callable[..., str]) -> dict[str, str]:
    return {name: build("--build-arg", f"SERVER={name}", *DOCKERFILE) for name in SERVERS}


@pytest.mark.parametrize("server", SERVERS)
def test_an_image_has_its_own_server_and_no_other(images: dict[str, str], server: str):
    programs = docker("run", "--rm", *HARDENED, images[server], "ls", "/opt/venv/bin").split()

    assert PROGRAMS & {*programs} == PROGRAMS & {SERVERS[server].command[0]}
    assert "pip" not in programs


def test_everything_is_compiled_since_nothing_can_be_written_later(images: dict[str, str]):
    plain = "find /app -name '*.py' | sed 's|.*/||; s|\\.py$||' | sort"
    compiled = "find /app -name '*.pyc' | sed 's|.*/||; s|\\.cpython.*||' | sort"
    run = ("run", "--rm", *HARDENED, images["paceline"], "bash", "-c")

    assert docker(*run, f"diff <({plain}) <({compiled}) && echo same") == "same"


refused = pytest.mark.parametrize(
    ("word", "refusal"),
    [
        ("SERVER=pigeon", f"SERVER=pigeon: unknown; choose one of {', '.join(SERVERS)}"),
        (
            "APP=pigeon",
            "APP=pigeon: unknown; choose one of django, tiny, or by APP_PATH an existing folder",
        ),
        ("TRANSPORT=pigeon", "TRANSPORT=pigeon: unknown; choose one of tcp, unix, uwsgi"),
        ("WORKERS=many", "WORKERS=many: must be a whole number, 1 or more"),
        ("HTTPS_PORT=8080", "HTTPS_PORT=8080: is HTTP_PORT too; choose another"),
        ("LAB_TRACE=some", "LAB_TRACE=some: unknown; choose one of all, sampled, off"),
        ("CONSOLE_PORT=65536", "CONSOLE_PORT=65536: must be a port, 1 to 65535"),
    ],
)


@refused
def test_a_build_refuses_what_cannot_be_followed(word: str, refusal: str):
    said = docker("build", "--progress=plain", "--build-arg", word, *DOCKERFILE, check=False)

    assert f"lab: {refusal}" in said


def test_a_word_that_concerns_the_start_alone_changes_no_image(build: Callable[..., str]):
    one, two = (
        build("--build-arg", "SERVER=paceline", "--build-arg", f"WORKERS={number}", *DOCKERFILE)
        for number in (1, 2)
    )

    assert len(set(docker("inspect", "--format", "{{.Id}}", one, two).split())) == 1


@refused
def test_the_preparation_refuses_it_too(images: dict[str, str], word: str, refusal: str):
    prepare = ("--entrypoint=python", images["paceline"], "server/prepare.py")
    said = docker("run", "--rm", *HARDENED, "--env", word, *prepare, check=False)

    assert said.splitlines()[0] == f"lab: {refusal}"
    assert "`docker compose up` again" in said
