"""A project of one's own: what names it, what it requires, what it gets, whether it loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.environment import environment
from lab.project.local import given
from lab.project.packages import leave_out_servers, normalized
from lab.project.requirements import ALL, wanted, write
from lab.serve import Choice, WordError, read_servers
from tests.services.stack import REPO

APPS = REPO / "tests" / "apps"
BROKEN = {"APP_PATH": str(APPS / "broken"), "APP_WSGI": "wsgi:application"}


# --- The words ------------------------------------------------------------------------------------


def test_its_folder_and_callable_are_served_in_place_of_the_labs_own():
    choice = Choice.from_words({**BROKEN, "SERVER": "gunicorn"})
    assert choice.folder == APPS / "broken"
    assert choice.command("127.0.0.1:80")[:2] == ["gunicorn", "wsgi:application"]
    assert str(choice.project) == f"wsgi:application of {APPS / 'broken'}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"APP_PATH": "/nowhere"}, "APP_PATH=/nowhere: there is no such folder"),
        ({"APP_PATH": __file__}, f"APP_PATH={__file__}: there is no such folder"),
        (
            {"APP_WSGI": ""},
            f"APP_PATH={APPS / 'broken'}: what of it is served? By APP_WSGI (--wsgi) write "
            "module:callable, as in shop.wsgi:application",
        ),
        ({"APP_WSGI": "a"}, "APP_WSGI=a: write module:callable, as in shop.wsgi:application"),
        (
            {"APP_WSGI": "a:make()"},
            "APP_WSGI=a:make(): write module:callable, as in shop.wsgi:application",
        ),
        (
            {"APP_PATH": ""},
            "APP_WSGI=wsgi:application: of which project? Name its folder by APP_PATH",
        ),
        (
            {"APP_PATH": str(REPO)},
            f"APP_PATH={REPO}: has a module `lab`, which would hide the lab's own",
        ),
    ],
)
def test_what_names_no_project_is_refused_in_one_line(words: dict[str, str], message: str):
    with pytest.raises(WordError) as refused:
        Choice.from_words({**BROKEN, **words})
    assert str(refused.value) == message


def test_app_may_be_a_folder_and_whoever_speaks_last_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "shop").mkdir()
    (tmp_path / "here").mkdir()
    dotenv = tmp_path / ".env"
    dotenv.write_text("APP=shop\nAPP_WSGI=shop:app\nAPP_ENV_FILE=shop/env\n")
    monkeypatch.chdir(tmp_path / "here")
    for name in ("APP", "APP_PATH", "APP_WSGI", "APP_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    words = environment({}, dotenv)
    assert (words["APP"], words["APP_PATH"]) == ("", str(tmp_path / "shop"))
    assert words["APP_ENV_FILE"] == str(tmp_path / "shop" / "env")

    words = environment({"APP": "../other", "APP_WSGI": "b:c"}, dotenv)
    assert (words["APP_PATH"], words["APP_WSGI"]) == (str(tmp_path / "other"), "b:c")

    monkeypatch.setenv("APP", "tiny")
    words = environment({"APP": None}, dotenv)
    assert (words["APP"], words["APP_PATH"], words["APP_WSGI"]) == ("tiny", "", "")


# --- What it requires -----------------------------------------------------------------------------


def project(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_requirements_are_copied_with_the_files_they_include(tmp_path: Path):
    shop = project(
        tmp_path,
        requirements_txt="-r more/base.txt\n--constraint=pins.txt\n-rlast.txt\n-r https://a/b\n",
        more__base_txt="flask\n-c ../pins.txt\n",
        pins_txt="flask==3\n",
        last_txt="",
        pyproject_toml="no TOML",
    )
    found = wanted(shop, "")
    assert [*found] == ["requirements.txt", "more/base.txt", "pins.txt", "last.txt"]
    write(found, tmp_path / "copy")
    assert (tmp_path / "copy" / ALL).read_text() == "-r requirements.txt\n"
    assert (tmp_path / "copy" / "more" / "base.txt").read_text() == found["more/base.txt"]


def test_a_pyproject_says_what_is_required(tmp_path: Path):
    shop = project(tmp_path, pyproject_toml='[project]\ndependencies = ["a>1", "b[c]"]\n')
    assert wanted(shop, "") == {"requirements.txt": "a>1\nb[c]\n"}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, ""),
        ({"requirements_txt": "flask"}, "none"),
        ({"requirements_txt": " \n"}, ""),
        ({"pyproject_toml": '[project]\nname = "a"\n'}, ""),
    ],
)
def test_where_nothing_is_required_nothing_is_installed(
    tmp_path: Path, files: dict[str, str], named: str
):
    write(wanted(project(tmp_path, **files), named), tmp_path / "copy")
    assert (tmp_path / "copy" / ALL).read_text() == ""


@pytest.mark.parametrize(
    ("files", "named", "message"),
    [
        ({}, "all.txt", r"^APP_REQUIREMENTS=all.txt: there is no such file in "),
        ({"requirements_txt": "-r none.txt"}, "", r"none\.txt: cannot be read: "),
        ({"requirements_txt": "-r ../b.txt"}, "", r"b\.txt is not in .* which alone the lab is"),
        ({"pyproject_toml": "nothing"}, "", r"pyproject\.toml: cannot be read: "),
        ({"pyproject_toml": "[tool.a]\n"}, "", r"name a file that does by APP_REQUIREMENTS"),
        (
            {"pyproject_toml": '[project]\ndynamic = ["dependencies"]\n'},
            "",
            r"name a file that does by APP_REQUIREMENTS",
        ),
    ],
)
def test_what_does_not_say_it_is_refused_in_one_line(
    tmp_path: Path, files: dict[str, str], named: str, message: str
):
    with pytest.raises(WordError, match=message) as refused:
        wanted(project(tmp_path, **files), named)
    assert "\n" not in str(refused.value)


def test_the_servers_are_left_out_of_its_packages(tmp_path: Path):
    for name in ("gunicorn", "pyuWSGI", "flask"):
        module = normalized(name)
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").touch()
        info = tmp_path / f"{module}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        said = f"{module}/__init__.py,,\n{info.name}/METADATA,,\n../../bin/{module},,\n"
        (info / "RECORD").write_text(said)
    assert leave_out_servers(tmp_path) == ["gunicorn", "pyuWSGI"]
    assert {path.name for path in tmp_path.iterdir()} == {"flask", "flask-1.dist-info"}
    assert "gevent" not in {normalized(name) for name in read_servers()}


# --- What it gets ---------------------------------------------------------------------------------


def test_its_file_of_variables_changes_no_word_but_the_applications(tmp_path: Path):
    file = tmp_path / "env"
    file.write_text("# mine\nKEY='a $b'\nexport EMPTY=\nSERVER=x\nDATABASE_URL=sqlite:///y\n")
    words = {"APP_ENV_FILE": str(file), "SERVER": "paceline", "DATABASE_URL": "x", "KEY": "shell"}
    assert given(words) == {"KEY": "a $b", "EMPTY": "", "DATABASE_URL": "sqlite:///y"}
    with pytest.raises(WordError, match=r"^APP_ENV_FILE=/nowhere: there is no such file"):
        given({"APP_ENV_FILE": "/nowhere"})


# --- Whether it loads -----------------------------------------------------------------------------


def check(folder: Path, wsgi: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab.project.check"],
        cwd=REPO,
        env={**os.environ, "APP_PATH": str(folder), "APP_WSGI": wsgi, "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_traceback_begins_in_the_project():
    done = check(APPS / "broken", "wsgi:application")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].startswith(f'  File "{APPS / "broken" / "wsgi.py"}", line 8')
    assert lines[-2:] == [
        "KeyError: 'SECRET'",
        f"lab: wsgi:application of {APPS / 'broken'} cannot be loaded",
    ]


@pytest.mark.parametrize(
    ("source", "wsgi", "status", "last"),
    [
        ("", "nothing:app", 2, "APP_WSGI=nothing:app: there is no module nothing in {}"),
        ("", "shop.no:app", 2, "APP_WSGI=shop.no:app: there is no module shop.no in {}"),
        (
            "",
            "shop.py:app",
            2,
            "APP_WSGI=shop.py:app: there is no module shop.py in {}; name it without .py",
        ),
        ("app = 1", "shop:app", 2, "APP_WSGI=shop:app: {}/src/shop.py has no callable app"),
        (
            "app = print",
            "shop:ap",
            2,
            "APP_WSGI=shop:ap: {}/src/shop.py has no callable ap; did you mean app?",
        ),
        ("import shopping", "shop:app", 1, "shop:app of {} cannot be loaded"),
        ("raise SystemExit(0)", "shop:app", 1, "shop:app of {} cannot be loaded"),
        ("def app(: pass", "shop:app", 1, "shop:app of {} cannot be loaded"),
        # It finds neither the lab's words that are empty, nor an end of a thread of its own.
        (
            "import os, threading\nassert 'DATABASE_URL' not in os.environ\n"
            "threading.Thread(target=threading.Event().wait).start()\ndef app(): pass",
            "shop:app",
            0,
            None,
        ),
    ],
)
def test_what_is_wrong_is_said_last(
    tmp_path: Path, source: str, wsgi: str, status: int, last: str | None
):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "shop.py").write_text(source)
    done = check(tmp_path, wsgi)
    assert done.returncode == status, done.stderr
    assert done.stderr.splitlines()[-1:] == ([f"lab: {last.format(tmp_path)}"] if last else [])
