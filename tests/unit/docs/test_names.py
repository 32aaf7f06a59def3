"""What the documents name is there: files, functions, classes, settings, addresses, words."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from paceline.config import SETTINGS

from lab.words import WORDS
from tests.unit.docs import project
from tests.unit.docs.pages import PAGES, PICTURES, REPO, names, prose

COMMAND = r"(?:\S*/)?(?:make|lab|docker|paceline|gunicorn|pip|python|apt-get|curl) .+"


def has_option(option: str) -> bool:
    ours = {flag for setting in SETTINGS for flag in setting.flags}
    return option in ours | {word.option for word in WORDS} | project.texts()


def has_word(assignment: str) -> bool:
    name = assignment.partition("=")[0]
    return name in {word.name for word in WORDS} or project.has_name(name)


def anything(_: str) -> bool:
    return True


# What a name looks like decides what it must be; the first pattern that fits counts.
KINDS: list[tuple[str, Callable[[str], bool]]] = [
    (COMMAND, anything),  # test_commands.py tries them
    (r"HTTP/.*|https?://.*", anything),
    (r"--?[a-z][\w-]*", has_option),
    (r"/\S*", project.has_address),
    (r"[A-Z][A-Z_]+=\S*", has_word),
    (
        r"[\w.<>*-]*/[\w./<>*-]*|[\w.-]+\.(?:py|md|toml|yml|svg|txt|template)|\.[a-z]\S*",
        project.has_file,
    ),
    (r"Makefile|LICENSE", project.has_file),
    (r"[A-Za-z_]\w*(?:\.\w+)*(?:\(.*\))?", project.has_name),
]


def exists(name: str) -> bool:
    """Whether a name leads somewhere; what does not look like one is text, such as a field."""
    for pattern, check in KINDS:
        if re.fullmatch(pattern, name):
            return check(name)
    return True


@pytest.mark.parametrize("page", [*PAGES, *PICTURES], ids=lambda page: page.name)
def test_every_name_leads_somewhere(page: Path):
    stale = [name for name in names(page) if not exists(name)]
    assert stale == [], f"{page.name} names what is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_name_said_to_be_in_a_file_is_in_it(page: Path):
    for name, path in re.findall(r"`([\w.]+)` in\s+`([\w/]+\.py)`", prose(page.read_text())):
        found = [root / path for root in project.ROOTS if (root / path).exists()]
        assert name in project.names_in(found[0]), f"{path} has no {name}"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda page: page.name)
def test_a_picture_is_in_a_page_and_says_what_it_shows(picture: Path):
    assert any(f"]({picture.name})" in page.read_text() for page in (REPO / "docs").glob("*.md"))
    assert "<title" in picture.read_text()
    assert "<desc" in picture.read_text()


@pytest.mark.parametrize(
    "stale",
    [
        "http/requests.py",
        "server/paceline/nowhere/",
        "parse_heads",
        "Conversation._recieve",
        "Conversation.parse_head",
        "django.core.handlers.wsgi.WSGIHandlers",
        "wsgi.inputs",
        "limit_request_everything",
        "--limit-request-everything",
        "/nowhere/",
        "/workload/nothing/?ms=5",
        "SERVED=gunicorn",
        "close_everything()",
    ],
)
def test_a_name_that_leads_nowhere_is_found(stale: str):
    assert not exists(stale)
