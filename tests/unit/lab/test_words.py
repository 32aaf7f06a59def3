"""The words: what they mean, where they come from, and how a bad one is refused."""

from pathlib import Path

import pytest

from lab.environment import environment
from lab.serve import WordError, parse_bind, read_servers
from lab.words import WORDS, Word, Words

CHOICES = ", ".join(read_servers())


def test_without_words_the_stack_is_paceline_with_django():
    words = Words.read({})
    choice = words.choice
    assert (choice.server.name, choice.concurrency.name, choice.app) == (
        "paceline",
        "adaptive",
        "django",
    )
    assert (choice.workers, choice.threads) == (1, None)
    assert (words.transport, words.http_port, words.https_port) == ("tcp", 8080, 8443)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_the_example_of_env_shows_every_word_with_its_default(word: Word):
    shown = (Path(__file__).resolve().parents[3] / ".env.example").read_text()
    assert f"\n#{word.name}={word.default}\n" in shown


def test_an_empty_word_counts_as_not_given():
    assert Words.read({word.name: "" for word in WORDS}) == Words.read({})


def test_gunicorn_gets_the_threads_its_documentation_recommends():
    choice = Words.read({"SERVER": "gunicorn"}).choice
    assert (choice.concurrency.name, choice.threads) == ("gthread", 8)


def test_threads_given_win_over_recommended_ones():
    assert Words.read({"SERVER": "gunicorn", "THREADS": "3"}).choice.threads == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("SERVER=guincorn", f"SERVER=guincorn: unknown; choose one of {CHOICES}"),
        (
            "APP=flask",
            "APP=flask: unknown; choose one of django, tiny, or by APP_PATH an existing folder",
        ),
        ("TRANSPORT=quic", "TRANSPORT=quic: unknown; choose one of tcp, unix, uwsgi"),
        (
            "CONCURRENCY=gthread",
            "CONCURRENCY=gthread: unknown to paceline; "
            "choose one of adaptive, pool, thread, serial",
        ),
        (
            "SERVER=gunicorn CONCURRENCY=pool",
            "CONCURRENCY=pool: unknown to gunicorn; choose one of gthread, sync, gevent",
        ),
        (
            "SERVER=gunicorn CONCURRENCY=sync THREADS=4",
            "THREADS=4: means nothing to gunicorn with CONCURRENCY=sync; "
            "leave it empty or CONCURRENCY=gthread",
        ),
        ("WORKERS=0", "WORKERS=0: must be a whole number, 1 or more"),
        ("WORKERS=-2", "WORKERS=-2: must be a whole number, 1 or more"),
        ("WORKERS=two", "WORKERS=two: must be a whole number, 1 or more"),
        ("WORKERS=²", "WORKERS=²: must be a whole number, 1 or more"),
        ("THREADS=1.5", "THREADS=1.5: must be a whole number, 1 or more"),
        ("HTTP_PORT=http", "HTTP_PORT=http: must be a port, 1 to 65535"),
        ("HTTP_PORT=65536", "HTTP_PORT=65536: must be a port, 1 to 65535"),
        ("CONSOLE_PORT=0", "CONSOLE_PORT=0: must be a port, 1 to 65535"),
        ("HTTP_PORT=8443", "HTTPS_PORT=8443: is HTTP_PORT too; choose another"),
        ("HTTP_PORT=8081", "CONSOLE_PORT=8081: is HTTP_PORT too; choose another"),
        ("CONSOLE_PORT=8443", "CONSOLE_PORT=8443: is HTTPS_PORT too; choose another"),
        ("LAB_TRACE=some", "LAB_TRACE=some: unknown; choose one of all, sampled, off"),
        ("LAB_TRACE_BYTES=yes", "LAB_TRACE_BYTES=yes: unknown; choose one of on, off"),
    ],
)
def test_a_bad_word_is_refused_in_one_line_that_names_the_choices(given: str, message: str):
    with pytest.raises(WordError) as refused:
        Words.read(dict(pair.split("=", 1) for pair in given.split()))
    assert str(refused.value) == message


def test_options_win_over_the_environment_and_that_over_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dotenv = tmp_path / ".env"
    dotenv.write_text("SERVER=gunicorn\nWORKERS=2\nTHREADS=5  # a comment\nAPP=tiny\n")
    monkeypatch.setenv("WORKERS", "3")
    monkeypatch.setenv("THREADS", "6")
    for name in ("SERVER", "APP"):
        monkeypatch.delenv(name, raising=False)
    choice = Words.read(environment({"THREADS": "7", "APP": None}, dotenv)).choice
    assert (choice.server.name, choice.app) == ("gunicorn", "tiny")
    assert (choice.workers, choice.threads) == (3, 7)


def test_a_missing_dotenv_is_no_error(tmp_path: Path):
    assert "PATH" in environment({}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("bind", "parts"),
    [
        ("127.0.0.1:8000", ("tcp", {"host": "127.0.0.1", "port": "8000"})),
        ("[::1]:8000", ("tcp", {"host": "[::1]", "port": "8000"})),
        ("unix:/run/server.sock", ("unix", {"path": "/run/server.sock"})),
        ("uwsgi:127.0.0.1:8000", ("uwsgi", {"host": "127.0.0.1", "port": "8000"})),
    ],
)
def test_an_address_has_a_transport_and_parts(bind: str, parts: tuple[str, dict[str, str]]):
    assert parse_bind(bind) == parts


@pytest.mark.parametrize("bind", ["", "8000", ":8000", "host:", "host:0", "host:99999", "unix:x"])
def test_what_is_no_address_is_refused(bind: str):
    with pytest.raises(WordError, match="HOST:PORT or unix:/absolute/path"):
        parse_bind(bind)
