"""The server's image: one for each server, with that server alone in it."""

import pytest

from lab.serve import read_servers
from lab.stack.layout import REPO

from .conftest import HARDENED, docker

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

SERVERS = list(read_servers())


def build(server: str, check: bool = True) -> str:
    words = ("--build-arg", f"SERVER={server}", "--file", REPO / "server" / "Dockerfile")
    return docker("build", "--quiet", *words, REPO, check=check)


@pytest.mark.parametrize("server", SERVERS)
def test_an_image_has_its_own_server_and_no_other(server: str):
    programs = docker("run", "--rm", *HARDENED, build(server), "ls", "/opt/venv/bin").split()

    assert [name for name in SERVERS if name in programs] == [server]
    assert "pip" not in programs


def test_everything_is_compiled_since_nothing_can_be_written_later():
    plain = "find /app -name '*.py' | sed 's|.*/||; s|\\.py$||' | sort"
    compiled = "find /app -name '*.pyc' | sed 's|.*/||; s|\\.cpython.*||' | sort"
    run = ("run", "--rm", *HARDENED, build("paceline"), "bash", "-c")

    assert docker(*run, f"diff <({plain}) <({compiled}) && echo same") == "same"


def test_an_unknown_server_is_refused_with_the_choices():
    said = docker(
        *("build", "--progress=plain", "--build-arg", "SERVER=pigeon"),
        *("--file", REPO / "server" / "Dockerfile", REPO),
        check=False,
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
def test_the_preparation_refuses_what_cannot_be_followed(word: str, refusal: str):
    prepare = (build("paceline"), "python", "server/prepare.py")

    assert docker("run", "--rm", *HARDENED, "--env", word, *prepare, check=False) == refusal
