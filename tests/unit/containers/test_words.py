"""The words mean the same in docker-compose.yml, in .env.example and to `lab up`."""

import json
import re

from dotenv import dotenv_values

from lab.serve import APPS, TRACES, read_servers
from lab.stack.layout import REPO
from lab.words import TRANSPORTS, WORDS

from .conftest import docker

COMPOSE = (REPO / "docker-compose.yml").read_text()
EXAMPLE = (REPO / ".env.example").read_text()

# Without the `#` before each: what a user gets who takes all of them.
SHOWN = dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))

# A path stands where the word names nothing, and something has to be there.
USED = dict(re.findall(r"\$\{([A-Z_]+):-([^}/]*)\}", COMPOSE))


def test_every_word_of_the_compose_file_is_explained():
    assert set(USED) <= set(SHOWN)


def test_the_build_is_given_every_word_that_can_be_checked():
    checked = {word.name for word in WORDS} - {"DATABASE_URL", "APP_ENV_FILE"}
    compose = ("compose", "--file", REPO / "docker-compose.yml")
    services = json.loads(docker(*compose, "config", "--format", "json"))["services"]

    assert checked == set(services["server"]["build"]["args"])


def test_every_word_of_the_lab_is_explained_with_its_default():
    shown = SHOWN | {"DATABASE_URL": ""}  # stands there twice, with a value for PostgreSQL

    assert {word.name: shown.get(word.name) for word in WORDS} == {
        word.name: word.default for word in WORDS
    }


def test_containers_and_lab_have_the_same_defaults():
    defaults = {word.name: word.default for word in WORDS}

    assert {name: USED[name] for name in USED.keys() & defaults} == {
        name: defaults[name] for name in USED.keys() & defaults
    }


def test_every_choice_is_named():
    servers = read_servers()
    models = {model for server in servers.values() for model in server.concurrency}

    for choice in {*servers, *APPS, *TRANSPORTS, *models, *TRACES}:
        assert re.search(rf"^#  .*\b{choice}  ", EXAMPLE, re.MULTILINE), choice


def test_every_server_is_one_of_those_side_by_side():
    named = re.findall(r"^    environment: \{.*SERVER: (\w+)\}$", COMPOSE, re.MULTILINE)
    names = re.search(r"^      VERSUS: &side-by-side (.*)$", COMPOSE, re.MULTILINE)

    assert named == [*read_servers()]
    assert names
    assert names[1].split() == [name.replace("_", "-") for name in named]


def test_the_example_sets_nothing_by_itself():
    assert dotenv_values(REPO / ".env.example") == {}
