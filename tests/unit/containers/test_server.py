"""The server's image: one for each server, with that server alone in it."""

from collections.abc import Callable

import pytest

from lab.serve import read_servers
from lab.stack.layout import REPO

from .conftest import HARDENED, docker

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

SERVERS = list(read_servers())


DOCKERFILE = ("--file", REPO / "server" / "Dockerfile", REPO)


@pytest.fixture(scope="module")
def images(build: Callable[..., str]) -> dict[str, str]:
    return {name: build("--build-arg", f"SERVER={name}", *DOCKERFILE) for name in SERVERS}


@pytest.mark.parametrize("server", SERVERS)
def test_an_image_has_its_own_server_and_no_other(images: dict[str, str], server: str):
    programs = docker("run", "--rm", *HARDENED, images[server], "ls", "/opt/venv/bin").split()

    assert [name for name in SERVERS if name in programs] == [server]
    assert "pip" not in programs


def test_everything_is_compiled_since_nothing_can_be_written_later(images: dict[str, str]):
    plain = "find /app -name '*.py' | sed 's|.*/||; s|\\.py$||' | sort"
    compiled = "find /app -name '*.pyc' | sed 's|.*/||; s|\\.cpython.*||' | sort"
    run = ("run", "--rm", *HARDENED, images["paceline"], "bash", "-c")

    assert docker(*run, f"diff <({plain}) <({compiled}) && echo same") == "same"


def test_an_unknown_server_is_refused_with_the_choices():
    said = docker(
        *("build", "--progress=plain", "--build-arg", "SERVER=pigeon", *DOCKERFILE), check=False
    )

    assert f"SERVER=pigeon: unknown; choose one of {' '.join(SERVERS)}" in said


@pytest.mark.parametrize(
    ("word", "refusal"),
    [
        ("APP=pigeon", "lab: APP=pigeon: unknown; choose one of django, tiny"),
        ("TRANSPORT=pigeon", "lab: TRANSPORT=pigeon: unknown; choose one of tcp, unix"),
        ("WORKERS=many", "lab: WORKERS=many: is no whole number from 1"),
    ],
)
def test_the_preparation_refuses_what_cannot_be_followed(
    images: dict[str, str], word: str, refusal: str
):
    prepare = (images["paceline"], "python", "server/prepare.py")

    assert docker("run", "--rm", *HARDENED, "--env", word, *prepare, check=False) == refusal
