"""Projects of one's own in the stack: a Flask application, a Django project, one that fails."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lab.stack.answers import to_bind, why_unhealthy
from lab.tracing.assembly import assemble
from lab.tracing.span import decode
from tests.e2e.stacks import NOTHING_SAID, containers
from tests.services.requirements import need
from tests.services.stack import REPO, Stack, eventually

APPS = REPO / "tests" / "apps"


def own(var: Path, name: str, wsgi: str, **words: str) -> Stack:
    """A stack for one of these projects."""
    return Stack(var, **{**NOTHING_SAID, "APP_WSGI": wsgi, "APP_PATH": str(APPS / name), **words})


@pytest.fixture(scope="module")
def flask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Behind gunicorn, of which the project requires another version."""
    place = tmp_path_factory.mktemp("flask") / "var"
    with own(place, "flask_app", "hello:app", SERVER="gunicorn", GREETING="Good day") as stack:
        up = stack.lab("up", "--detach")
        assert up.returncode == 0, up.stderr
        yield stack


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """As docs/your-app.md says it."""
    place = tmp_path_factory.mktemp("django") / "var"
    with Stack(place, **NOTHING_SAID) as stack:
        shop = "tests/apps/django_shop"
        options = ("--wsgi", "shop.wsgi:application", "--env-file", f"{shop}/shop.env")
        up = stack.lab("up", "--detach", "--app", shop, *options)
        assert up.returncode == 0, up.stderr
        yield stack


def test_flask_answers_what_it_requires_and_serves_its_own_static_files(flask: Stack):
    site = f"http://localhost:{flask.http}"
    assert requests.get(f"{site}/", timeout=10).text == "Good day from Flask\n"
    assert requests.post(f"{site}/sum", json=[1, 2, 3], timeout=10).json() == {"sum": 6}
    style = requests.get(f"{site}/static/style.css", timeout=10)
    assert style.text == (APPS / "flask_app" / "static" / "style.css").read_text()
    assert "inline" in style.headers["Content-Disposition"]  # as Flask has it, not nginx


def test_a_server_that_it_requires_does_not_stand_in_the_place_of_the_labs(flask: Stack):
    assert (
        "gunicorn is left out: the lab's own is used"
        in (flask.var / "log" / "stack.log").read_text()
    )


def test_a_project_without_a_health_path_is_up(flask: Stack):
    status = flask.lab("status")
    assert (status.returncode, status.stderr) == (0, "")
    assert f"hello:app of {APPS / 'flask_app'}" in status.stdout


def test_a_trace_of_flask_has_every_hop(flask: Stack):
    done = flask.lab("trace", "/", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    trace = assemble(decode(json.loads(done.stdout)))
    assert {node.span.hop for node in trace.walk()} == {"client", "proxy", "server", "application"}
    assert "WSGI hello" in [node.span.name for node in trace.walk()]


def test_django_is_traced_with_its_own_version_settings_and_middleware(django: Stack):
    answer = requests.get(f"http://localhost:{django.http}/prices/", timeout=10)
    assert answer.json()["prices"] == [1, 2]
    assert answer.json()["django"].startswith("5.1.")  # the lab has another
    assert answer.headers["X-Length"] == str(len(answer.content))

    done = django.lab("trace", "/prices/", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    names = [node.span.name for node in assemble(decode(json.loads(done.stdout))).walk()]
    assert {
        *("middleware shop.middleware.Counted", "view shop.views.prices", "SQL SELECT"),
        "middleware django.middleware.security.SecurityMiddleware",
    } <= set(names)


def test_what_it_computes_and_waits_for_is_told_path_by_path(django: Stack):
    done = django.lab("advise", "/prices/", "--seconds", "1", "--no-measure")
    assert re.search(r"^  /prices/ +\d+ ", done.stdout, re.MULTILINE), done.stderr


def test_what_it_keeps_lies_beside_the_guestbooks_data(django: Stack):
    assert (django.var / "data" / "project" / "shop.sqlite3").exists()
    assert not (APPS / "django_shop" / "shop.sqlite3").exists()


def test_one_that_fails_to_import_is_shown_with_its_traceback_and_nothing_is_left(tmp_path: Path):
    with own(tmp_path / "var", "broken", "wsgi:application") as stack:
        failed = stack.lab("up")
        assert failed.returncode == 1
        assert f'project | Traceback (most recent call last):\nproject |   File "{APPS}' in (
            failed.stdout
        )
        assert "\nproject | KeyError: 'SECRET'\n" in failed.stdout
        assert failed.stderr == "lab: project failed (exit status 1)\n"
        assert not (stack.var / "run" / "stack.json").exists()
        for port in (stack.http, stack.console):
            assert why_unhealthy(lambda port=port: to_bind(f"127.0.0.1:{port}"))


def test_requirements_that_nobody_has_end_it_in_one_line(tmp_path: Path):
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "requirements.txt").write_text("./nowhere-1.whl\n")
    with Stack(tmp_path / "var", **{**NOTHING_SAID, "APP_WSGI": "shop:app"}) as stack:
        failed = stack.lab("up", "--app", str(shop))
        assert failed.returncode == 1
        assert "pip     | ERROR: " in failed.stdout
        assert failed.stderr == (
            f"lab: pip cannot install what {shop} requires; above it says why\n"
        )


@pytest.mark.timeout(600)  # the first build fetches packages
def test_in_containers_the_same_by_words(tmp_path: Path):
    need("docker")
    shop = "tests/apps/django_shop"
    words = {"APP_PATH": shop, "APP_WSGI": "shop.wsgi:application"}
    with containers(tmp_path, {**words, "APP_ENV_FILE": f"{shop}/shop.env"}) as site:
        answer = requests.get(f"{site.http}/prices/", timeout=10)
        assert answer.json()["django"].startswith("5.1.")
        look = "test -f data/project/shop.sqlite3 && ! touch /srv/project/new 2>/dev/null && id -u"
        inside = ("exec", "-T", "--workdir", "/var/lib/wsgilab", "server", "sh", "-c", look)
        assert site.compose(*inside) == "10001"
        trace = trace_of(site.console, answer.headers["X-Request-ID"])
        assert "SQL SELECT" in trace and "shop.views.prices" in trace

        # Another, which cannot be loaded.
        with pytest.raises(AssertionError, match='service "prepare" didn\'t complete'):
            site.up(APP_PATH="tests/apps/broken", APP_WSGI="wsgi:application")
        said = site.compose("logs", "--no-color", "--no-log-prefix", "prepare")
        assert "KeyError: 'SECRET'" in said
        assert "lab: wsgi:application of /srv/project cannot be loaded" in said


def trace_of(console: str, trace_id: str) -> str:
    """The console's page of a trace, once it is whole."""
    page = f"{console}/traces/{trace_id}/"
    eventually(lambda: "SQL SELECT" in requests.get(page, timeout=10).text)
    return requests.get(page, timeout=10).text
