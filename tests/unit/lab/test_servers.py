"""servers.toml: every entry is whole, and every combination of words becomes a command line."""

import re
import socket
import tempfile
from pathlib import Path

import pytest

from lab.serve import APPS, Choice, Server, WordError, read_servers
from lab.words import TRANSPORTS

SERVERS = read_servers()
MODELS = [
    pytest.param(server, word, id=f"{server.name}-{word}")
    for server in SERVERS.values()
    for word in server.concurrency
]


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
class TestEntry:
    def test_its_default_is_one_of_its_concurrency_words(self, server: Server):
        assert server.default in server.concurrency

    def test_it_can_listen_on_tcp(self, server: Server):
        assert set(server.bind) <= set(TRANSPORTS)
        assert "tcp" in server.bind

    def test_every_recommendation_says_where_it_stands(self, server: Server):
        assert server.recommended
        for advice in server.recommended:
            assert advice.says
            assert advice.source.startswith("https://") or Path(advice.source).suffix == ".md"

    def test_its_lock_file_is_there(self, server: Server):
        assert server.install is None or Path(server.install).is_file()
        assert bool(server.install) == bool(server.requires)


@pytest.mark.parametrize(("server", "word"), MODELS)
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "unix:/run/a b/server.sock"])
def test_no_placeholder_is_left_in_a_command_line(server: Server, word: str, app: str, bind: str):
    if bind.partition(":")[0] == "unix" and "unix" not in server.bind:
        pytest.skip(f"{server.name} listens on TCP alone")
    threads = "413" if server.concurrency[word].threads else ""
    words = {"SERVER": server.name, "CONCURRENCY": word, "APP": app, "THREADS": threads}
    command = Choice.from_words(words).command(bind)
    assert command[0] == server.command[0]
    assert command.count(":".join(APPS[app])) == 1
    said = " ".join(command).replace(" --port ", ":")
    assert bind.removeprefix("unix:") in said
    assert not any("{" in part or "None" in part for part in command)
    assert ("413" in " ".join(command)) == bool(threads)


def test_paceline_with_every_word():
    words = {"WORKERS": "2", "CONCURRENCY": "pool", "THREADS": "4", "APP": "tiny"}
    assert Choice.from_words(words).command("unix:/run/s.sock") == [
        *("paceline", "tiny.app:application", "--bind", "unix:/run/s.sock", "--workers", "2"),
        *("-k", "pool", "--threads", "4", "--access-logfile", "-"),
    ]


def test_paceline_is_given_no_threads_that_nobody_asked_for():
    assert "--threads" not in Choice.from_words({}).command("127.0.0.1:8000")


def test_paceline_tells_what_it_does_in_a_folder_for_that(tmp_path: Path):
    options = Choice.from_words({}).stats(str(tmp_path))
    assert options == ["--stats", f"unix:{tmp_path}/stats-{socket.gethostname()}.sock"]


def test_a_long_name_of_the_host_is_cut(monkeypatch: pytest.MonkeyPatch):
    folder = tempfile.gettempdir()
    monkeypatch.setattr(socket, "gethostname", lambda: "é" * 100)
    _, where = Choice.from_words({}).stats(folder)
    assert 99 <= len(where.removeprefix("unix:").encode()) <= 100
    assert re.fullmatch(f"unix:{folder}/stats-é+\\.sock", where)


@pytest.mark.parametrize(("server", "folder"), [("gunicorn", "."), ("paceline", "nowhere")])
def test_it_is_not_told_where_it_cannot_be(server: str, folder: str):
    assert Choice.from_words({"SERVER": server}).stats(folder) == []


def test_nor_where_the_path_would_be_too_long(tmp_path: Path):
    (tmp_path / ("x" * 90)).mkdir()
    assert Choice.from_words({}).stats(str(tmp_path / ("x" * 90))) == []
    assert Choice.from_words({}).stats("") == []


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("app", APPS)
def test_traced_it_loads_what_loads_the_application(server: Server, app: str):
    choice = Choice.from_words({"SERVER": server.name, "APP": app})
    plain = choice.command("127.0.0.1:8000")
    traced = choice.command("127.0.0.1:8000", traced=True)

    loads = "lab.tracing.application:application"
    assert {part for part in traced if part not in plain} == {loads, *server.traced}
    assert loads not in plain


def test_gunicorn_as_its_documentation_recommends():
    command = Choice.from_words({"SERVER": "gunicorn"}).command("0.0.0.0:8000", access_log=False)
    assert command == [
        *("gunicorn", "config.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "8", "--keep-alive", "75"),
        *("--worker-tmp-dir", "/dev/shm", "--no-control-socket"),
    ]


def minimal(**more: object) -> Server:
    table = {
        "summary": "one process, TCP alone",
        "documentation": "https://example.org/",
        "command": ["program", "{module}"],
        "bind": {"tcp": ["{host}", "{port}"]},
        "default": "only",
        "concurrency": {"only": {"summary": "", "arguments": []}},
    }
    return Server.from_table("minimal", {**table, **more})


def test_a_server_without_unix_sockets_says_so():
    server = minimal()
    choice = Choice(server, server.concurrency["only"], "tiny", 1, None)
    assert choice.command("127.0.0.1:80") == ["program", "tiny.app", "127.0.0.1", "80"]
    with pytest.raises(WordError, match="TRANSPORT=unix: minimal cannot listen there"):
        choice.command("unix:/run/server.sock")


def test_a_server_of_one_process_refuses_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lab.serve.read_servers", lambda: {"minimal": minimal()})
    with pytest.raises(WordError, match="WORKERS=2: minimal runs as one process"):
        Choice.from_words({"SERVER": "minimal", "WORKERS": "2"})


def test_arguments_for_a_path_that_is_not_there_are_left_out():
    advice = {"says": "", "source": "", "arguments": ["--dir", "/x"], "where": "/not/there"}
    server = minimal(recommended=[advice])
    choice = Choice(server, server.concurrency["only"], "tiny", 1, None)
    assert "--dir" not in choice.command("127.0.0.1:80")


def test_a_key_that_is_not_known_is_an_error():
    with pytest.raises(TypeError, match="sumary"):
        minimal(sumary="typo")
