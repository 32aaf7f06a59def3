"""Tables that say what the code says: statuses, limits, models, signals, words."""

import re
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

import pytest
from paceline.concurrency import MODELS, adaptive, thread_pool
from paceline.config import SETTINGS
from paceline.errors import RequestError
from paceline.process.supervisor import Supervisor
from paceline.wsgi.environ import SOFTWARE

from lab import catalogue
from lab.console import limits
from lab.console.forward import MOST_WAITING, PATIENCE
from lab.console.pages.listing import WORDS as FILTERS
from lab.serve import APPS, TRACES, read_servers
from lab.trace.cli import NO_ANSWER, NOT_WHOLE, REFUSED
from lab.tracing.exporting import ROOM
from lab.tracing.names import Hop
from lab.tracing.recording import CAPTURE, MOST_SPANS
from lab.words import TRANSPORTS, WORDS
from tests.contract.behaviour.faults import FAULTS, FORKS
from tests.contract.case import CASES, Case
from tests.unit.docs.pages import DOCS, PAGES, REPO, bare, table

BEHAVIOR = DOCS / "server-behavior.md"
README = REPO / "README.md"
TRACING = DOCS / "tracing.md"

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}

WITH_CASES = [
    row
    for first in ("Request line and target", "Fields", "Body")
    for row in table(BEHAVIOR, first, "Answer", "RFC", "Cases")
]


def cases_of(row: list[str]) -> list[Case]:
    """The cases that a row names; each of its patterns must name some."""
    named = [
        [case for case in CASES if fnmatchcase(case.name, pattern)]
        for pattern in bare(row[3]).split(", ")
    ]
    assert all(named), row
    return [case for each in named for case in each]


@pytest.mark.parametrize("row", WITH_CASES, ids=lambda row: row[0])
def test_the_cases_of_a_row_hold_what_it_says(row: list[str]):
    statuses = {answer.status for case in cases_of(row) for answer in case.answers}
    assert (", ".join(map(str, sorted(statuses))) or "none") == row[1]


@pytest.mark.parametrize("row", WITH_CASES, ids=lambda row: row[0])
def test_the_cases_of_a_row_are_of_its_sections(row: list[str]):
    said = {
        (rfc, section)
        for rfc, sections in re.findall(r"(\d{4}): ([\d., ]+)", row[2])
        for section in sections.split(", ")
    }
    names = (re.match(r"rfc(\d{4})_((?:\d+_)+)", case.name) for case in cases_of(row))
    sections = {(match[1], match[2][:-1].replace("_", ".")) for match in names if match}
    assert not sections or sections == said


def test_each_case_is_in_one_row():
    named = [case.name for row in WITH_CASES for case in cases_of(row)]
    assert sorted(named) == [case.name for case in CASES]


def test_every_fault_that_is_tried_has_its_row_and_answer():
    rows = table(BEHAVIOR, "What an application does wrong", "The client gets")
    assert rows == [list(row) for row in dict.fromkeys((x.row, x.gets) for x in FAULTS + FORKS)]


def test_every_status_that_the_server_gives_is_explained():
    raised = {error.status for error in RequestError.__subclasses__()}
    shown = [row[0] for row in table(BEHAVIOR, "Status", "When")]
    assert shown == sorted({*raised, "500 Internal Server Error"})


@pytest.mark.parametrize(
    "row",
    [
        *table(BEHAVIOR, "Time", "Default", "It runs", "When it is over"),
        *table(BEHAVIOR, "Size", "Default", "At the bound"),
    ],
    ids=lambda row: bare(row[0]),
)
def test_a_bound_has_the_default_that_is_said(row: list[str]):
    assert DEFAULTS[bare(row[0])] == float(row[1])


def test_every_bound_is_explained():
    bounds = {s.name for s in SETTINGS if s.group.startswith("How l")}
    rows = chain(
        table(BEHAVIOR, "Time", "Default", "It runs", "When it is over"),
        table(BEHAVIOR, "Size", "Default", "At the bound"),
    )
    assert bounds <= {bare(row[0]) for row in rows}


def test_every_model_is_explained_with_its_threads():
    heading = ("`-k`", "Threads", "A slow client", "A view that waits")
    rows = table(BEHAVIOR, *heading, "A connection between requests")
    threads = {bare(row[0]): row[1] for row in rows}
    assert threads.keys() == MODELS.keys()
    assert f"up to {adaptive.MAX_THREADS} or" in threads["adaptive"]
    assert threads["pool"].startswith(f"{thread_pool.THREADS},")


def test_every_signal_is_explained():
    signals = {name for row in table(BEHAVIOR, "Signal", "") for name in row[0].split(", ")}
    handled = {
        name.removeprefix("SIG")
        for name in re.findall(r"signal\.(SIG\w+): self\._on", _source_of_supervisor())
    }
    assert signals == handled - {"CHLD"}


def _source_of_supervisor() -> str:
    path = REPO / "server" / "/".join(Supervisor.__module__.split("."))
    return path.with_suffix(".py").read_text()


def test_the_readme_has_the_words_with_their_defaults():
    shown = {bare(row[0]): bare(row[1]) for row in table(README, "Word", "Default", "")}
    assert shown == {word.name: word.default for word in WORDS}


def test_the_page_of_the_servers_is_made_of_their_table():
    made = "\n".join(catalogue.page()) + "\n"
    assert (DOCS / "servers.md").read_text() == made, "lab servers --markdown prints it"


def test_the_readme_has_every_choice_of_a_word():
    said = {bare(row[0]): f"{row[1]} {row[2]}" for row in table(README, "Word", "Default", "")}
    servers = read_servers()
    models = {model for server in servers.values() for model in server.concurrency}
    choices = {"SERVER": servers, "APP": APPS, "TRANSPORT": TRANSPORTS, "CONCURRENCY": models}
    choices |= {"LAB_TRACE": TRACES, "LAB_TRACE_BYTES": ("on", "off")}
    for word, values in choices.items():
        assert [value for value in values if f"`{value}`" not in said[word]] == []


def test_every_choice_of_tracing_and_every_hop_is_explained():
    assert [bare(row[0]) for row in table(TRACING, "`LAB_TRACE`", "")] == [*TRACES]
    assert [row[0] for row in table(TRACING, "Hop", "Span", "From, to") if row[0]] == [*Hop]


def test_every_exit_status_of_a_traced_request_is_explained():
    shown = [int(row[0]) for row in table(TRACING, "Exit status", "")]
    assert shown == [0, NO_ANSWER, 2, NOT_WHOLE, REFUSED]


def test_every_filter_of_the_list_is_explained():
    (said,) = (row[1] for row in table(TRACING, "Address", "") if row[0] == "`/traces/`")
    assert {name.partition("=")[0] for name in re.findall(r"`(.*?)`", said)} == {*FILTERS}


def test_bounds_of_tracing_are_those_that_are_said():
    said = " ".join(TRACING.read_text().split())
    for bound in (
        f"first {CAPTURE:,} bytes",
        f"keep {ROOM:,} recordings",
        f"{limits.MAX_WAITING >> 20} MiB may wait",
        f"have {limits.MAX_BODY >> 20} MiB, {limits.MAX_DECODED >> 20} MiB once",
        f"{MOST_SPANS:,} spans from within the application",
        f"a trace {limits.MAX_TRACE_SPANS:,} and {limits.MAX_TRACE >> 20} MiB",
        f"{limits.KEEP_TRACES:,} traces, {limits.KEEP_BYTES >> 20} MiB",
        f"and {limits.KEEP_SECONDS // 86400} days at most",
        f"for {PATIENCE:g} s, {MOST_WAITING:,} spans wait",
    ):
        assert bound in said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_version_is_the_one_that_is(page: Path):
    assert set(re.findall(r"paceline/\d[\w.]*", page.read_text())) <= {SOFTWARE}
