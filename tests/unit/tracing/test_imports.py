"""Changing modules as they are imported: real modules, in a folder of their own."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lab.tracing.imports import Finder, replace, when_imported


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a module that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if not isinstance(f, Finder)])
    written = []

    def write_module(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        importlib.invalidate_caches()

    yield write_module
    for name in written:
        sys.modules.pop(name, None)


def double(module: ModuleType) -> None:
    replace(module, "answer", lambda plain: lambda: 2 * plain())


def test_a_module_is_changed_when_it_has_been_imported(write: Callable[[str, str], None]):
    write("deep_thought", "def answer():\n    return 21\n")
    when_imported("deep_thought", double)
    assert "deep_thought" not in sys.modules
    assert importlib.import_module("deep_thought").answer() == 42


def test_a_module_that_is_there_is_changed_at_once_and_only_once(
    write: Callable[[str, str], None],
):
    write("deep_thought", "def answer():\n    return 21\n")
    module = importlib.import_module("deep_thought")
    when_imported("deep_thought", double)
    when_imported("deep_thought", double)
    assert module.answer() == 42
    assert module.answer.__name__ == "answer"


def test_an_action_that_fails_is_said_and_the_import_goes_on(
    write: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
):
    write("deep_thought", "def answer():\n    return 21\n")
    when_imported("deep_thought", lambda module: module.no_such_thing)
    assert importlib.import_module("deep_thought").answer() == 21
    assert capsys.readouterr().err.startswith("lab: deep_thought is not traced: AttributeError(")


def test_a_module_that_fails_itself_or_is_missing_fails_as_ever(
    write: Callable[[str, str], None],
):
    write("deep_thought", "raise RuntimeError('it thinks')\n")
    when_imported("deep_thought", double)
    when_imported("no_such_module", double)
    with pytest.raises(RuntimeError, match="it thinks"):
        importlib.import_module("deep_thought")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("no_such_module")


def test_a_module_keeps_its_source(write: Callable[[str, str], None]):
    write("deep_thought", "answer = 42\n")
    when_imported("deep_thought", double)
    loader = importlib.import_module("deep_thought").__loader__
    assert loader.get_source("deep_thought") == "answer = 42\n"


def test_what_is_not_there_is_not_replaced():
    owner = SimpleNamespace()
    replace(owner, "answer", lambda plain: plain)
    assert vars(owner) == {}
