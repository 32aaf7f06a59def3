"""From a name to an application, and what is said where that fails."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paceline.application import load_application
from paceline.errors import ApplicationLoadError

MODULE = """
def application(environ, start_response): ...
def other(environ, start_response): ...
class place:
    class inner:
        app = application
def make(name="none", *, flag=False):
    def made(environ, start_response): ...
    made.made_from = (name, flag)
    return made
def make_nothing(): ...
def make_trouble(): raise KeyError("trouble")
number = 5
_hidden = application
"""

Make = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes a module that nothing else has imported, and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(source: str = MODULE, name: str = "sample_site") -> str:
        path = Path(f"{name.replace('.', '/')}.py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        return name

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def failure(name: str) -> ApplicationLoadError:
    with pytest.raises(ApplicationLoadError) as caught:
        load_application(name)
    assert "\n" not in str(caught.value)
    return caught.value


class TestFound:
    @pytest.mark.parametrize(
        ("expression", "found"),
        [
            ("", "application"),
            (":application", "application"),
            (":", "application"),
            (":other", "other"),
            (":place.inner.app", "application"),
        ],
    )
    def test_an_attribute(self, module: Make, expression: str, found: str) -> None:
        application = load_application(module() + expression)
        assert application is getattr(sys.modules["sample_site"], found)

    @pytest.mark.parametrize(
        ("call", "made_from"),
        [
            ("make()", ("none", False)),
            ("make('prod')", ("prod", False)),
            ("make(name=['a', 1], flag=True)", (["a", 1], True)),
        ],
    )
    def test_what_a_factory_makes(
        self, module: Make, call: str, made_from: tuple[object, ...]
    ) -> None:
        assert load_application(f"{module()}:{call}").made_from == made_from  # type: ignore

    def test_in_a_package(self, module: Make) -> None:
        assert callable(load_application(module(name="some_package.web") + ":other"))

    def test_in_a_file_that_came_after_somebody_looked(self, module: Make) -> None:
        module("", name="something_else")
        assert "loaded_later" in str(failure("loaded_later"))
        # The directory's time may be the same as before: the import system must look again.
        stat = Path().stat()
        module(name="loaded_later")
        os.utime(".", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert callable(load_application("loaded_later"))


class TestWrongName:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("", "names no module"),
            (":application", "names no module"),
            (".relative", "names no module"),
            ("no_such_module", "no module 'no_such_module' in "),
            ("no_such.module:app", "no module 'no_such.module': there is no 'no_such' in "),
            ("sample_site.inner", "no module 'sample_site.inner'"),
            ("sample_site.py", "name its module: sample_site:application"),
            ("./sample_site.py:other", "name its module: sample_site:other"),
            ("pack/age.py:other", "name its module: pack.age:other"),
            ("../other/site.py", "name its module: site:application --chdir ../other"),
            ("sample_site:applicaton", "has no 'applicaton'; it has application, make, "),
            ("sample_site:place.outer", "sample_site.place has no 'outer'; it has inner"),
            ("sample_site:number", "sample_site.number is an int, not a WSGI application"),
            ("sample_site:number.real.bad", "sample_site.number.real has no 'bad'"),
            ("sample_site:make_nothing()", "make_nothing() is a NoneType, not a WSGI"),
            ("sample_site:number()", "sample_site.number is an int: it cannot be called"),
            ("sample_site:make(1, 2)", "too many positional arguments"),
            ("sample_site:make(size=1)", "unexpected keyword argument 'size'"),
            ("sample_site:make(open('x'))", "cannot read"),
            ("sample_site:make(**{})", "cannot read"),
            ("sample_site:make()()", "cannot read"),
            ("sample_site:1 + 1", "cannot read"),
            ("sample_site:app:app", "cannot read"),
        ],
    )
    def test_one_line_says_what_to_do(self, module: Make, name: str, said: str) -> None:
        module()
        for path in (Path("pack/age.py"), Path("../other/site.py")):
            path.parent.mkdir(exist_ok=True)
            path.touch()
        error = failure(name)
        assert said in str(error)
        assert error.__cause__ is None

    def test_hidden_names_are_not_offered(self, module: Make) -> None:
        assert "_hidden" not in str(failure(module() + ":no"))


class TestBroken:
    @pytest.mark.parametrize(
        ("source", "cause", "said"),
        [
            ("1 / 0", ZeroDivisionError, "ZeroDivisionError: division by zero"),
            ("def", SyntaxError, "SyntaxError: invalid syntax"),
            ("import no_such_module", ModuleNotFoundError, "No module named 'no_such_module'"),
            ("from os import no_such", ImportError, "ImportError: cannot import name"),
            ("import sys; sys.exit(7)", SystemExit, "it called sys.exit(7)"),
            ("raise ValueError('a\\nb')", ValueError, "ValueError: a"),
            ("raise ValueError", ValueError, "failed: ValueError"),
        ],
    )
    def test_the_cause_comes_with_its_traceback(
        self, module: Make, source: str, cause: type[BaseException], said: str
    ) -> None:
        error = failure(module(source))
        assert str(error).startswith("importing sample_site failed: ")
        assert said in str(error)
        assert type(error.__cause__) is cause
        frames = error.__cause__.__traceback__
        # The application's own frames: where it stands in this server is no help to anybody.
        assert frames is None or frames.tb_frame.f_code.co_filename.endswith("sample_site.py")
        assert frames or cause is SyntaxError

    def test_so_does_a_factory_s(self, module: Make) -> None:
        error = failure(module() + ":make_trouble()")
        assert str(error) == "make_trouble() failed: KeyError: 'trouble'"
        assert isinstance(error.__cause__, KeyError)
