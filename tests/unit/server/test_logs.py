"""Log files: one write a line, rotation, and what happens when one fails."""

import io
import logging
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paceline.config import Config
from paceline.errors import ConfigError
from paceline.observe import error_log, error_stream, reopen_logs, setup_logs
from paceline.observe.log_file import ACCESS, ERROR, LogFile


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The server's logger, put back as it was."""
    made = logging.getLogger("paceline.error")
    before = (made.handlers[:], made.level, made.propagate)
    yield made
    made.handlers[:], made.propagate = before[0], before[2]
    made.setLevel(before[1])
    ERROR.open("-")
    ACCESS.open("-")


class TestLogFile:
    def test_it_appends(self, tmp_path: Path) -> None:
        path = tmp_path / "a.log"
        path.write_text("before\n")
        log = LogFile(standard=1)
        log.open(str(path))
        log.write("é \ud800")
        assert path.read_bytes() == b"before\n\xc3\xa9 \\ud800\n"

    def test_lines_of_threads_and_processes_do_not_mix(self, tmp_path: Path) -> None:
        path = tmp_path / "a.log"
        log = LogFile(standard=1)
        log.open(str(path))

        def scribble(letter: str) -> None:
            for _ in range(200):
                log.write(letter * 5000)

        child = os.fork()
        threads = [threading.Thread(target=scribble, args=[letter]) for letter in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        lines = path.read_text().splitlines()
        assert len(lines) == 800
        assert set(lines) == {"a" * 5000, "b" * 5000}

    def test_rotation_keeps_the_descriptor_and_loses_nothing(self, tmp_path: Path) -> None:
        path, moved = tmp_path / "a.log", tmp_path / "a.log.1"
        log = LogFile(standard=1)
        log.open(str(path))
        number = log.fileno()
        log.write("one")
        path.rename(moved)
        log.write("two")
        log.reopen()
        log.write("three")
        assert log.fileno() == number
        assert not os.get_inheritable(number)
        assert (moved.read_text(), path.read_text()) == ("one\ntwo\n", "three\n")

    def test_a_file_that_cannot_be_opened(self, tmp_path: Path) -> None:
        log = LogFile(standard=1)
        with pytest.raises(ConfigError, match=r"cannot write the log .*/no/a\.log: No such file"):
            log.open(str(tmp_path / "no/a.log"))

    def test_one_that_fails_says_so_once_and_raises_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = LogFile(standard=1)
        log.open("/dev/full")
        log.write("lost")
        log.write("lost")
        assert caplog.messages == ["log /dev/full: No space left on device"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_root_gives_it_to_the_user_of_the_workers(self, tmp_path: Path) -> None:
        path = tmp_path / "a.log"
        LogFile(standard=1).open(str(path), user=12345, group=23456)
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
        assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    @pytest.mark.parametrize("link", [os.symlink, os.link])
    def test_root_does_not_give_away_what_a_link_leads_to(
        self, tmp_path: Path, link: Callable[[Path, Path], None]
    ) -> None:
        secret, path = tmp_path / "secret", tmp_path / "a.log"
        secret.touch()
        link(secret, path)
        log = LogFile(standard=1)
        log.open(str(path), user=12345, group=23456)
        assert (secret.stat().st_uid, secret.stat().st_gid) == (0, 0)
        path.unlink()
        log.reopen()
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)

    def test_a_log_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "a.log").symlink_to(tmp_path / "elsewhere")
        log = LogFile(standard=1)
        log.open(str(tmp_path / "a.log"))
        log.write("line")
        assert (tmp_path / "elsewhere").read_text() == "line\n"


class TestErrorLog:
    def test_a_line_says_when_who_and_how_bad(self, logger: logging.Logger, tmp_path: Path) -> None:
        path = tmp_path / "error.log"
        setup_logs(Config(errorlog=str(path)))
        logger.info("listening on %s", "127.0.0.1:8000")
        logger.debug("not written")
        assert re.fullmatch(
            rf"\[\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{{4}}\] \[{os.getpid()}\] \[INFO\] "
            r"listening on 127\.0\.0\.1:8000\n",
            path.read_text(),
        )

    def test_a_message_is_one_line_and_a_traceback_keeps_its_lines(
        self, logger: logging.Logger, tmp_path: Path
    ) -> None:
        path = tmp_path / "error.log"
        setup_logs(Config(errorlog=str(path)))
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logger.exception("bad request: %s", "a\n[forged] \x1b[2J é")
        lines = path.read_text().splitlines()
        assert lines[0].endswith(r"[ERROR] bad request: a\x0a[forged] \x1b[2J é")
        assert lines[1] == "Traceback (most recent call last):"
        assert lines[-1] == "RuntimeError: broken"

    def test_an_exceptions_text_does_not_look_like_a_message(
        self, logger: logging.Logger, tmp_path: Path
    ) -> None:
        path = tmp_path / "error.log"
        setup_logs(Config(errorlog=str(path)))
        try:
            raise ValueError(
                "a\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\r[x]\x1b[2J\u2028é\tb"
            )
        except ValueError:
            logger.exception("failed")
        lines = path.read_text().splitlines()
        assert [line for line in lines if line.startswith("[")] == lines[:1]
        forged = r"  [2026-01-01 00:00:00 +0000] [1] [INFO] forged\x0d[x]\x1b[2J\x2028é" + "\tb"
        assert lines[-2:] == ["ValueError: a", forged]

    def test_set_up_again_it_follows_the_settings(
        self, logger: logging.Logger, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "1.log", tmp_path / "2.log"
        setup_logs(Config(errorlog=str(first)))
        number = error_stream()
        setup_logs(Config(errorlog=str(second), loglevel="error"))
        logger.info("not written")
        logger.error("written once")
        assert error_stream() == number
        assert first.read_text() == ""
        assert second.read_text().count("written once") == 1

    def test_reopening_makes_new_files(self, logger: logging.Logger, tmp_path: Path) -> None:
        error, access = tmp_path / "error.log", tmp_path / "access.log"
        setup_logs(Config(errorlog=str(error), accesslog=str(access)))
        for path in (error, access):
            path.rename(f"{path}.1")
        reopen_logs()
        logger.info("after")
        ACCESS.write("after too")
        assert "after" in error.read_text()
        assert access.read_text() == "after too\n"

    def test_one_that_cannot_be_reopened_is_written_on(
        self, logger: logging.Logger, tmp_path: Path
    ) -> None:
        error, access = tmp_path / "error.log", tmp_path / "logs/access.log"
        access.parent.mkdir()
        setup_logs(Config(errorlog=str(error), accesslog=str(access)))
        moved = access.parent.rename(tmp_path / "moved")
        reopen_logs()
        ACCESS.write("not lost")
        assert (moved / "access.log").read_text() == "not lost\n"
        assert "still writing to the old file" in error.read_text()

    def test_pythons_own_configuration_comes_last(self, logger: logging.Logger) -> None:
        stream = io.StringIO()
        handler = {"class": "logging.StreamHandler", "stream": stream}
        settings = {
            "handlers": {"mine": handler},
            "loggers": {"paceline.error": {"handlers": ["mine"], "level": "WARNING"}},
        }
        setup_logs(Config(logconfig_dict=settings))
        logger.info("not written")
        logger.warning("written")
        assert stream.getvalue() == "written\n"

    @pytest.mark.parametrize(
        "settings", [{"version": 2}, {"handlers": {"x": {"class": "no.Such"}}}, {"loggers": 7}]
    )
    def test_one_that_python_does_not_take(
        self, settings: dict[str, object], logger: logging.Logger
    ) -> None:
        with pytest.raises(ConfigError, match=r"^logconfig_dict: .") as caught:
            setup_logs(Config(logconfig_dict=settings))
        assert "\n" not in str(caught.value)


CAPTURE = """
import os, sys
from paceline.config import Config
from paceline.observe import reopen_logs, setup_logs
setup_logs(Config(errorlog="error.log", accesslog="-", capture_output=True))
print("one", flush=True)
os.rename("error.log", "error.log.1")
reopen_logs()
print("two")
os.system("echo three >&2")
from paceline.observe.log_file import ACCESS
ACCESS.write("access")
"""


def test_what_the_application_prints_is_captured(tmp_path: Path) -> None:
    package = Path(error_log.__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", CAPTURE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "error.log.1").read_text() == "one\n"
    assert sorted((tmp_path / "error.log").read_text().split()) == ["three", "two"]
    assert (ran.stdout, ran.stderr) == ("access\n", "")
