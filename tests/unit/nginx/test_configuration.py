"""The template as nginx reads it, and what a container's entrypoint makes of it."""

import re
import subprocess
from pathlib import Path

import pytest

from lab.stack import proxy

from .conftest import Setup

ENTRYPOINT = proxy.TEMPLATE.with_name("entrypoint")


def check(setup: Setup) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*setup.command, "-t"], capture_output=True, text=True, check=False)


def test_nginx_takes_it_without_a_warning(tmp_path: Path):
    done = check(Setup.make(tmp_path, "127.0.0.1:8000"))

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_nginx_takes_a_unix_socket(tmp_path: Path):
    done = check(Setup.make(tmp_path, f"unix:{tmp_path}/server.sock"))

    assert done.returncode == 0, done.stderr


def test_the_entrypoint_replaces_every_variable_of_the_template():
    listed = re.search(r"envsubst '([^']*)'", ENTRYPOINT.read_text())

    assert listed
    assert set(proxy.VARIABLE.findall(listed[1])) == set(
        proxy.VARIABLE.findall(proxy.TEMPLATE.read_text())
    )


def test_a_location_cancels_no_field_that_is_set_for_all():
    """nginx takes proxy_set_header and add_header from one level only."""
    text = proxy.TEMPLATE.read_text()
    server = text[text.index("\n    server {") :]

    assert "proxy_set_header" not in server
    assert "add_header" not in server


def test_every_error_page_of_the_template_is_there():
    named = re.findall(r"error_page \d+ /\.errors/(\S+);", proxy.TEMPLATE.read_text())

    assert sorted(named) == sorted(path.name for path in proxy.ERROR_PAGES.glob("*.html"))


@pytest.mark.parametrize(
    "said",
    [
        "proxy_http_version 1.1;",
        "proxy_set_header Connection $connection_to_server;",
        "keepalive 32;",
    ],
)
def test_connections_to_the_server_are_kept_by_every_nginx(said: str):
    """From 1.29.7 on they are by default, so that a new nginx cannot tell whether it is said."""
    assert said in proxy.TEMPLATE.read_text()
