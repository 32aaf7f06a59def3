"""Where settings come from, and which place wins."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from paceline.cli import as_file
from paceline.config import SETTINGS, Config, enter, load
from paceline.errors import ConfigError
from paceline.limits import Limits, Timeouts


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))


def read(*argv: str, environ: Mapping[str, str] | None = None) -> Config:
    return load(argv, environ or {}, Path.cwd())


def read_line(line: str) -> Config:
    return read(*line.split())


def write(text: str, name: str = "paceline.conf.py") -> None:
    Path(name).write_text(text)


def without_origin(config: Config) -> dict[str, object]:
    skipped = {"config", "print_config", "check_config"}
    return {each.name: getattr(config, each.name) for each in SETTINGS if each.name not in skipped}


class TestDefaults:
    def test_the_command_line_needs_nothing(self) -> None:
        config = read()
        assert config == Config(chdir=str(Path.cwd()))

    def test_groups_go_down_with_the_defaults_of_limits(self) -> None:
        assert Config().limits() == Limits()
        assert Config().timeouts() == Timeouts()

    def test_every_bound_reaches_its_group(self) -> None:
        config = read_line(
            "--limit-request-line 1 --limit-request-fields 2 --limit-request-field_size 3 "
            "--limit-request-body 4 --body-in-memory 5 --answer-buffered 6 "
            "--bodies-on-disk 7 --minimum-rate 8 "
            "--head-timeout 9 --body-timeout 10 --keep-alive 11 "
            "--send-timeout 12 --graceful-timeout 13"
        )
        assert config.limits() == Limits(1, 2, 3, 4, 5, 6, 7, 8)
        assert config.timeouts() == Timeouts(head=9, body=10, keep_alive=11, send=12, graceful=13)


class TestCommandLine:
    def test_gunicorns_runs_by_changing_the_first_word(self) -> None:
        config = read_line("config.wsgi -b :8000 -w 2 --threads 8")
        assert config.wsgi_app == "config.wsgi"
        assert config.bind == ("0.0.0.0:8000",)
        assert (config.workers, config.threads) == (2, 8)

    @pytest.mark.parametrize(
        "line",
        [
            "app:application --workers=3 --bind unix:/run/a.sock --timeout 60 --keep-alive 5",
            "-w 3 -b unix:/run/a.sock -t 60 --keep-alive 5 app:application",
            "-w3 -bunix:/run/a.sock app:application -t60 --keep-alive=5",
        ],
    )
    def test_options_stand_before_and_behind_the_application(self, line: str) -> None:
        config = read_line(line)
        assert config.wsgi_app == "app:application"
        assert (config.workers, config.bind) == (3, ("unix:/run/a.sock",))
        assert (config.timeout, config.keepalive) == (60.0, 5.0)

    def test_bind_can_be_repeated_and_replaces_the_default(self) -> None:
        config = read("-b", "127.0.0.1:1", "-b", "[::1]:2", "-b", "fd://3")
        assert config.bind == ("127.0.0.1:1", "[::1]:2", "fd://3")

    def test_both_spellings_of_the_field_size(self) -> None:
        assert read("--limit-request-field_size", "9").limit_request_field_size == 9
        assert read("--limit-request-field-size", "9").limit_request_field_size == 9

    @pytest.mark.parametrize(
        ("argv", "expected"),
        [([], "off"), (["--proxy-protocol"], "auto"), (["--proxy-protocol", "v2"], "v2")],
    )
    def test_proxy_protocol_alone_means_auto(self, argv: list[str], expected: str) -> None:
        assert read(*argv).proxy_protocol == expected

    def test_switches(self) -> None:
        config = read("--preload", "--no-sendfile", "--reload", "--reuse-port")
        assert config.preload_app
        assert config.reload
        assert config.reuse_port
        assert not config.sendfile

    @pytest.mark.parametrize(
        ("argv", "hint"),
        [
            (["--wrokers", "2"], "did you mean --workers?"),
            (["--acces-logfile=-"], "did you mean --access-logfile?"),
            (["--zzz"], "see paceline --help"),
            (["app", "another"], "see paceline --help"),
        ],
    )
    def test_what_is_not_understood(self, argv: list[str], hint: str) -> None:
        with pytest.raises(ConfigError, match=r"is not understood; ") as caught:
            read(*argv)
        assert hint in str(caught.value)

    def test_abbreviations_are_not_guessed(self) -> None:
        with pytest.raises(ConfigError, match="--worker"):
            read("--worker", "2")


class TestEnvironment:
    def test_variables_of_single_settings(self) -> None:
        environ = {
            "PORT": "5000",
            "WEB_CONCURRENCY": "3",
            "FORWARDED_ALLOW_IPS": "10.0.0.0/8",
            "SENDFILE": "no",
        }
        config = read(environ=environ)
        assert config.bind == ("0.0.0.0:5000",)
        assert config.workers == 3
        assert "10.1.2.3" in config.forwarded_allow_ips
        assert "127.0.0.1" not in config.forwarded_allow_ips
        assert not config.sendfile

    def test_an_empty_variable_that_means_nothing_is_not_set(self) -> None:
        environ = {"PORT": "", "WEB_CONCURRENCY": "", "SENDFILE": "", "PACELINE_CMD_ARGS": ""}
        assert read(environ=environ) == read()

    def test_an_empty_list_of_proxies_trusts_none(self) -> None:
        config = read(environ={"FORWARDED_ALLOW_IPS": ""})
        assert "127.0.0.1" not in config.forwarded_allow_ips

    @pytest.mark.parametrize(
        ("name", "value"), [("WEB_CONCURRENCY", "many"), ("PORT", "http"), ("SENDFILE", "maybe")]
    )
    def test_an_error_names_the_variable(self, name: str, value: str) -> None:
        with pytest.raises(ConfigError, match=f"^{name}: .*{value}"):
            read(environ={name: value})

    def test_arguments_in_a_variable_are_split_as_a_shell_does(self) -> None:
        environ = {"PACELINE_CMD_ARGS": "--access-logformat '%(h)s %(s)s' -w 4"}
        config = read(environ=environ)
        assert config.access_log_format == "%(h)s %(s)s"
        assert config.workers == 4

    @pytest.mark.parametrize("text", ["-w many", "--zzz", "'open"])
    def test_an_error_in_them_names_the_variable(self, text: str) -> None:
        with pytest.raises(ConfigError, match=r"^PACELINE_CMD_ARGS: "):
            read(environ={"PACELINE_CMD_ARGS": text})


class TestPrecedence:
    PLACES = ("command line", "arguments", "file", "variable")

    @pytest.mark.parametrize("first", range(len(PLACES)))
    def test_the_first_place_that_has_it_wins(self, first: int) -> None:
        present = self.PLACES[first:]
        argv = ["-w", "11"] if "command line" in present else []
        environ = {"WEB_CONCURRENCY": "14"}
        if "arguments" in present:
            environ["PACELINE_CMD_ARGS"] = "-w 12"
        if "file" in present:
            write("workers = 13")
        config = read(*argv, environ=environ)
        assert config.workers == 11 + first
        origins = ["--workers", "PACELINE_CMD_ARGS: --workers", "./paceline.conf.py: workers"]
        assert config.origins["workers"] == [*origins, "WEB_CONCURRENCY"][first]

    def test_places_add_up(self) -> None:
        write("threads = 3")
        config = read("-w", "2", environ={"PACELINE_CMD_ARGS": "--backlog 5", "PORT": "6"})
        assert (config.workers, config.threads, config.backlog) == (2, 3, 5)
        assert config.bind == ("0.0.0.0:6",)

    def test_a_bad_value_that_is_overruled_does_no_harm(self) -> None:
        assert read("-w", "2", environ={"WEB_CONCURRENCY": "many"}).workers == 2


class TestFile:
    def test_the_default_file_is_read_if_it_exists(self) -> None:
        write("workers = 7\nbind = 'unix:/run/x.sock'\nraw_env = ['A=1', 'B=2']")
        config = read()
        assert config.workers == 7
        assert config.bind == ("unix:/run/x.sock",)
        assert config.raw_env == ("A=1", "B=2")

    @pytest.mark.parametrize("where", ["other.py", "./other.py", "file:other.py", "other"])
    def test_another_file_by_its_path(self, where: str) -> None:
        write("workers = 7")
        write("threads = 8", "other")
        write("threads = 8", "other.py")
        config = read("-c", where)
        assert (config.workers, config.threads) == (1, 8)

    def test_the_path_may_stand_in_the_arguments_variable(self) -> None:
        write("threads = 8", "other.py")
        assert read(environ={"PACELINE_CMD_ARGS": "-c other.py"}).threads == 8

    def test_a_module(self) -> None:
        Path("deploy").mkdir()
        write("from deploy.shared import count\nworkers = count", "deploy/live.py")
        write("count = 6", "deploy/shared.py")
        assert read("-c", "python:deploy.live").workers == 6

    def test_numbers_may_be_text_as_the_environment_gives_them(self) -> None:
        write("import os\nworkers = os.environ.get('NOT_THERE', '2')\ntimeout = '1.5'")
        config = read()
        assert (config.workers, config.timeout) == (2, 1.5)

    def test_none_means_the_default(self) -> None:
        write("accesslog = None\nworkers = None\nbind = None")
        assert read() == Config(chdir=str(Path.cwd()))

    def test_it_is_ordinary_python(self) -> None:
        write("import multiprocessing\nfrom pathlib import Path\nhost = 'x'\n_n = 2\nworkers = _n")
        warnings: list[str] = []
        assert load([], {}, Path.cwd(), warnings.append).workers == 2
        assert warnings == []

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("keep_alive", "keepalive"),
            ("log_level", "loglevel"),
            ("access_log", "accesslog"),
            ("workes", "workers"),
        ],
    )
    def test_a_slip_gets_a_warning(self, name: str, meant: str) -> None:
        write(f"{name} = 5")
        warnings: list[str] = []
        load([], {}, Path.cwd(), warnings.append)
        assert warnings == [f"./paceline.conf.py: {name} is no setting; did you mean {meant}?"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("workers = 'two'", "./paceline.conf.py: workers: 'two' is not a whole number"),
            ("workers = 1 +", "./paceline.conf.py: line 1: invalid syntax"),
            ("import nowhere_at_all", "ModuleNotFoundError"),
            ("x = 1\nraise RuntimeError('no')", "RuntimeError: no (paceline.conf.py, line 2)"),
        ],
    )
    def test_an_error_names_the_place_in_one_line(self, text: str, message: str) -> None:
        write(text)
        with pytest.raises(ConfigError) as caught:
            read()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("where", ["missing.py", "python:missing_module", "python:"])
    def test_one_that_is_not_there(self, where: str) -> None:
        with pytest.raises(ConfigError, match=r"missing|python:"):
            read("-c", where)

    def test_reread_takes_up_what_has_changed(self) -> None:
        write("workers = 2")
        config = read("--threads", "3", environ={"PORT": "4"})
        write("workers = 5")
        again = config.reread()
        assert (config.workers, again.workers) == (2, 5)
        assert (again.threads, again.bind) == (3, ("0.0.0.0:4",))

    def test_reread_refuses_a_file_that_was_broken_meanwhile(self) -> None:
        write("workers = 2")
        config = read()
        write("workers = 0")
        with pytest.raises(ConfigError, match="at least 1"):
            config.reread()


class TestHooks:
    def test_functions_of_the_file(self) -> None:
        write("def post_fork(server, worker):\n    return (server, worker)")
        config = read()
        assert config.post_fork is not None
        assert config.post_fork("s", "w") == ("s", "w")
        assert config.pre_fork is None

    def test_they_keep_what_they_refer_to(self) -> None:
        write("found = []\ndef on_exit(server):\n    found.append(server)\n    return found")
        config = read()
        assert config.on_exit is not None
        config.on_exit(1)
        assert config.on_exit(2) == [1, 2]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("def post_fork(server): pass", "must take these arguments: server, worker"),
            ("post_fork = 'module.function'", "is not a function"),
            ("def post_request(worker): pass", "worker, request, environ, response"),
        ],
    )
    def test_one_that_cannot_be_called(self, text: str, message: str) -> None:
        write(text)
        with pytest.raises(ConfigError, match=message):
            read()

    @pytest.mark.parametrize("arguments", ["worker, req", "worker, req, environ", "*everything"])
    def test_post_request_may_take_fewer_as_in_gunicorn(self, arguments: str) -> None:
        write(f"def post_request({arguments}): return 'called'")
        config = read()
        assert config.post_request is not None
        assert config.post_request(1, 2, 3, 4) == "called"


class TestTogether:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("--certfile {file}", "--certfile: needs --keyfile"),
            ("--keyfile {file}", "--keyfile: needs --certfile"),
            ("--certfile {file} --keyfile no.pem", "--keyfile: there is no file no.pem"),
            ("--certfile no.pem --keyfile {file}", "--certfile: there is no file no.pem"),
            ("--ca-certs no.pem", "--ca-certs: there is no file no.pem"),
            ("--cert-reqs 2", "--cert-reqs: needs --ca-certs"),
            ("--chdir nowhere", "--chdir: there is no directory nowhere"),
            ("-k serial --threads 2", "--threads: the serial model has one thread"),
            ("--reload-extra-file no.html", "--reload-extra-file: there is no file .*/no.html"),
        ],
    )
    def test_what_does_not_go_together(self, line: str, message: str) -> None:
        Path("here.pem").touch()
        with pytest.raises(ConfigError, match=f"^{message}"):
            read(*line.format(file="here.pem").split())

    def test_files_are_looked_for_where_the_server_will_be(self) -> None:
        Path("inner").mkdir()
        Path("inner/a.pem").touch()
        config = read_line("--chdir inner --certfile a.pem --keyfile a.pem")
        assert config.chdir == str(Path("inner").absolute())

    def test_watched_files_are_looked_for_where_it_was_started(self) -> None:
        Path("inner").mkdir()
        Path("page.html").touch()
        line = "--chdir inner --reload-extra-file page.html --reload-extra-file inner/**"
        config = read_line(line)
        here = Path.cwd()
        assert config.reload_extra_files == (f"{here}/page.html", f"{here}/inner/**")


class TestPrint:
    LINE = (
        "shop:app -b :1 -b unix:/run/a.sock -w 2 -k pool --threads 4 -t 1.5 --no-sendfile "
        "--forwarded-allow-ips *,10.0.0.0/8 --proxy-protocol v1 -e A=1 -m 027 --preload "
        "--access-logformat %(h)s\"%(r)s' --pythonpath /a,/b --user 0 --limit-request-body 10M"
    )

    @pytest.mark.parametrize("line", ["", LINE])
    def test_what_it_prints_is_a_file_that_sets_the_same(self, line: str) -> None:
        config = read_line(line)
        write(as_file(config), "printed.py")
        assert without_origin(read("-c", "printed.py")) == without_origin(config)

    def test_it_says_where_each_value_came_from(self) -> None:
        write("threads = 3\ndef when_ready(server): pass")
        printed = as_file(read("-w", "2", environ={"PORT": "80"})).splitlines()
        assert "workers = 2  # --workers" in printed
        assert "threads = 3  # ./paceline.conf.py: threads" in printed
        assert "bind = ['0.0.0.0:80']  # PORT" in printed
        assert "# when_ready = when_ready  # ./paceline.conf.py: when_ready" in printed
        assert "backlog = 2048" in printed


def test_entering_prepares_the_process_for_the_application(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.setenv("BEFORE", "0")
    config = read_line("--chdir inner --pythonpath ../lib,/other -e BEFORE=1 -e AFTER=a=b")
    monkeypatch.setenv("AFTER", "")  # so that monkeypatch takes it away again
    enter(config)
    assert Path.cwd() == tmp_path / "inner"
    assert sys.path[:3] == ["/other", str(tmp_path / "inner/../lib"), str(tmp_path / "inner")]
    assert (os.environ["BEFORE"], os.environ["AFTER"]) == ("1", "a=b")
