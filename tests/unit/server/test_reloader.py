"""--reload: which changes are seen."""

import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
from paceline.process import reloader
from paceline.process.reloader import Watch, files_behind


def change(path: Path) -> None:
    """Give a file another time, which is all that is looked at."""
    time = path.stat().st_mtime_ns - 1_000_000_000
    os.utime(path, ns=(time, time))


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module that is loaded."""
    path = tmp_path / "loaded.py"
    path.touch()
    module = ModuleType("loaded_for_test")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return path


def test_a_module_s_file(loaded: Path) -> None:
    watch = Watch()
    assert watch.changed() is None
    change(loaded)
    assert watch.changed() == str(loaded)
    assert watch.changed() is None


def test_a_module_that_is_loaded_later(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules.pop("loaded_for_test")
    watch = Watch()
    monkeypatch.setitem(sys.modules, "loaded_for_test", module)
    assert watch.changed() is None
    change(loaded)
    assert watch.changed() == str(loaded)


def test_a_file_that_is_away_for_a_moment(loaded: Path) -> None:
    watch = Watch()
    loaded.rename(loaded.with_suffix(".bak"))
    assert watch.changed() is None
    loaded.with_suffix(".bak").rename(loaded)
    assert watch.changed() is None
    change(loaded)
    assert watch.changed() == str(loaded)


def test_files_and_patterns_besides(tmp_path: Path) -> None:
    page = tmp_path / "templates/deep/page.html"
    page.parent.mkdir(parents=True)
    page.touch()
    other = tmp_path / "other.txt"
    watch = Watch([str(tmp_path / "templates/**/*.html"), str(other)])
    change(page)
    assert watch.changed() == str(page)
    other.touch()
    assert watch.changed() is None
    change(other)
    assert watch.changed() == str(other)


def test_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "what[is]this.py"
    path.touch()
    watch = Watch()
    watch.also([str(path)])
    change(path)
    assert watch.changed() == str(path)


def test_modules_without_a_file_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ModuleType("odd_for_test")
    odd.__file__ = None
    monkeypatch.setitem(sys.modules, "odd_for_test", odd)
    monkeypatch.setitem(sys.modules, "gone_for_test", None)
    assert Watch().changed() is None


def test_wait_looks_until_there_is_a_change(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloader, "INTERVAL", 0.001)
    beats = threading.Semaphore(0)
    watch = Watch()
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(watch.wait(beats.release)))
    thread.start()
    for _ in range(3):
        assert beats.acquire(timeout=10)
    assert not found
    change(loaded)
    thread.join(10)
    assert found == [str(loaded)]


class TestFilesBehind:
    def test_all_that_the_traceback_names(self) -> None:
        with pytest.raises(ZeroDivisionError) as caught:
            exec(compile("1 / 0", "application.py", "exec"))
        files = set(files_behind(caught.value))
        assert {"application.py", __file__, str(Path.cwd())} <= files

    def test_the_file_that_could_not_be_parsed(self) -> None:
        with pytest.raises(SyntaxError) as caught:
            compile("(", "unparsed.py", "exec")
        assert "unparsed.py" in files_behind(caught.value)

    def test_what_another_error_was_raised_from(self) -> None:
        with pytest.raises(RuntimeError) as caught:
            try:
                exec(compile("1 / 0", "cause.py", "exec"))
            except ZeroDivisionError as cause:
                raise RuntimeError from cause
        assert "cause.py" in files_behind(caught.value)
