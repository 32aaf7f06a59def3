"""Settings from the environment, the secret key, `manage.py prepare`: in processes of their own."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from config import secret_key
from django.conf import settings

WEBAPP = settings.BASE_DIR

OWN_NAMES = ["localhost", "127.0.0.1", "[::1]"]
"""What health checks ask for, whatever ALLOWED_HOSTS says."""


class Project:
    """The Django project with directories of its own."""

    def __init__(self, place: Path) -> None:
        self.data, self.static = place / "data", place / "static"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=WEBAPP,
            env=kept | {"DATA_DIR": str(self.data), "STATIC_ROOT": str(self.static)} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **variables)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def setting(self, expression: str, **variables: str) -> object:
        code = f"import json; from django.conf import settings; print(json.dumps({expression}))"
        status, output, errors = self.run("shell", "-v0", "-c", code, **variables)
        assert status == 0, errors
        return json.loads(output)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_prepare_twice(project: Project) -> None:
    status, output, errors = project.run("prepare")
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0] == f"secret key: {project.data / 'secret_key'}"
    assert re.fullmatch(r"database: \d+ migrations applied", lines[1])
    assert lines[2] == f"static files: collected in {project.static}"
    key = (project.data / "secret_key").read_text()
    manifest = (project.static / "staticfiles.json").stat().st_mtime_ns

    status, output, errors = project.run("prepare")
    assert (status, errors) == (0, "")
    assert output.splitlines()[1:] == [
        "database: up to date",
        f"static files: up to date in {project.static}",
    ]
    assert (project.data / "secret_key").read_text() == key
    assert (project.static / "staticfiles.json").stat().st_mtime_ns == manifest


def test_a_server_that_loads_it_unprepared_is_told_what_to_run(project: Project) -> None:
    def load() -> str:
        status, _, errors = project.run("shell", "-v0", "-c", "import config.wsgi")
        assert status == 0, errors
        return errors.partition(" WARNING ")[2]

    said = load()
    assert said.startswith("config.wsgi: ")
    assert "`python manage.py prepare`" in said
    assert said.count("\n") == 1
    project.run("prepare")
    assert load() == ""
    (project.data / "prepare.lock").unlink()  # as with a new DATA_DIR beside old static files
    assert load() == said


def test_a_command_without_its_tables_says_whose_they_are(project: Project) -> None:
    words = ("createsuperuser", "--noinput", "--username", "a", "--email", "a@example.org")
    status, _, errors = project.run(*words, DJANGO_SUPERUSER_PASSWORD="secret")
    assert status == 1
    last = errors.splitlines()[-1]
    assert last.startswith("manage.py: error: no such table: auth_user: start the stack first")
    assert "Traceback" not in errors


def test_prepare_four_at_once(project: Project) -> None:
    processes = [project.start("prepare") for _ in range(4)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, outputs
    assert sum("migrations applied" in output for output, _ in outputs) == 1
    assert sum("collected in" in output for output, _ in outputs) == 1


def test_prepare_on_postgres(project: Project, postgres_url: str) -> None:
    status, output, errors = project.run("prepare", DATABASE_URL=postgres_url)
    assert (status, errors) == (0, "")
    assert "migrations applied" in output
    assert not (project.data / "db.sqlite3").exists()
    assert "up to date" in project.run("prepare", DATABASE_URL=postgres_url)[1]


def test_a_process_ends_with_its_pool(project: Project, postgres_url: str) -> None:
    code = "from guestbook.models import Entry; print(Entry.objects.count())"
    project.run("prepare", DATABASE_URL=postgres_url)
    assert project.run("shell", "-v0", "-c", code, DATABASE_URL=postgres_url) == (0, "0\n", "")


def test_prepare_without_its_database(project: Project) -> None:
    url = "postgres://ada:5e5ame@127.0.0.1:1/none"
    status, _, errors = project.run("prepare", DATABASE_URL=url)
    assert status == 1
    assert errors.startswith("CommandError: the database (DATABASE_URL) does not answer: ")
    assert "onnection refused" in errors
    assert errors.count("\n") == 1
    assert "5e5ame" not in errors


def test_new_static_files_are_collected(project: Project) -> None:
    project.run("prepare")
    (project.static / ".collected").write_text("an older version's")
    assert "static files: collected" in project.run("prepare")[1]


def test_the_secret_key(project: Project) -> None:
    first = project.setting("settings.SECRET_KEY")
    file = project.data / "secret_key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == first
    assert project.setting("settings.SECRET_KEY") == first
    assert isinstance(first, str)
    assert len(first) > 50


def test_starters_agree_on_one_key(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / str(attempt) / "secret_key"
        barrier = Barrier(8)

        def start(_: int, path: Path = path, barrier: Barrier = barrier) -> str:
            barrier.wait()
            return secret_key.read_or_make(path)

        with ThreadPoolExecutor(8) as threads:
            keys = set(threads.map(start, range(8)))
        assert keys == {path.read_text()}
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DEBUG": "yes"}, "DEBUG='yes': choose 0 or 1"),
        ({"SECURE_COOKIES": "on"}, "SECURE_COOKIES='on': choose 0 or 1"),
        ({"DATABASE_URL": "mysql://ada:5e5ame@db/x"}, "DATABASE_URL: write postgres://"),
        ({"DATABASE_URL": "5e5ame"}, "DATABASE_URL: write postgres://"),
        ({"DATABASE_URL": "postgres://ada:5e5ame@db:port/x"}, "DATABASE_URL: write postgres://"),
        (
            {"CSRF_TRUSTED_ORIGINS": "https://a.example, b.example"},
            "CSRF_TRUSTED_ORIGINS='b.example': write it with its scheme, as in https://b.example",
        ),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR: cannot keep a secret key there"),
    ],
)
def test_a_bad_value(project: Project, variables: dict[str, str], message: str) -> None:
    status, output, errors = project.run("prepare", **variables)
    assert (status, output) == (2, "")
    assert errors.startswith(f"manage.py: error: {message}")
    assert errors.count("\n") == 1
    assert "5e5ame" not in errors


def test_an_empty_variable_is_none(project: Project) -> None:
    names = ("DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "SECURE_COOKIES")
    empty = dict.fromkeys(names, "")
    assert project.setting("settings.ALLOWED_HOSTS", **empty) == OWN_NAMES
    assert project.setting("settings.DEBUG", **empty) is False


def test_values_from_the_environment(project: Project) -> None:
    variables = {
        "DEBUG": "1",
        "SECURE_COOKIES": "1",
        "ALLOWED_HOSTS": "a.example, b.example",
        "CSRF_TRUSTED_ORIGINS": "https://a.example:8443",
    }
    expression = (
        "[settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE,"
        " settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS]"
    )
    hosts, origins = [*OWN_NAMES, "a.example", "b.example"], ["https://a.example:8443"]
    assert project.setting(expression, **variables) == [True, True, True, hosts, origins]


def test_a_failure_is_on_stderr_with_its_traceback(project: Project) -> None:
    code = """
from django.test import Client
client = Client(raise_request_exception=False, headers={"host": "localhost"})
print(*(client.get(path).status_code for path in ("/workload/error/", "/nothing/")))
"""
    static = str(settings.STATIC_ROOT)
    status, output, errors = project.run("shell", "-v0", "-c", code, STATIC_ROOT=static)
    assert (status, output) == (0, "500 404\n")
    assert " ERROR django.request: Internal Server Error: /workload/error/\nTraceback" in errors
    assert errors.endswith("RuntimeError: /workload/error/ fails, as it was asked to\n")
    assert "/nothing/" not in errors


def test_the_models_have_their_migrations(project: Project) -> None:
    status, output, _ = project.run("makemigrations", "--check", "--dry-run")
    assert status == 0, output


def test_it_imports_no_other_room() -> None:
    sources = [*WEBAPP.glob("config/**/*.py"), *WEBAPP.glob("guestbook/**/*.py")]
    sources += WEBAPP.glob("workload/**/*.py")
    assert len(sources) > 20
    for source in sources:
        assert not re.search(r"^\s*(import|from) (paceline|lab|tiny)\b", source.read_text(), re.M)
