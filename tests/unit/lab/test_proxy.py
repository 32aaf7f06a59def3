"""nginx's configuration: the template with its variables replaced, and nothing else touched."""

import subprocess
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.stack import proxy
from lab.stack.certificate import ensure_certificate
from lab.stack.layout import Layout
from lab.stack.proxy import render
from lab.words import Words


def test_variables_are_replaced_and_nginx_keeps_its_own():
    template = 'listen ${LISTEN_HTTP}; proxy_set_header Host $host; map ${remote} "^a${2}$";'
    assert render(template, {"LISTEN_HTTP": "127.0.0.1:8080"}) == (
        'listen 127.0.0.1:8080; proxy_set_header Host $host; map ${remote} "^a${2}$";'
    )


def test_a_value_is_put_in_as_it_is():
    assert render("root ${STATIC_ROOT};", {"STATIC_ROOT": r"/a\1/${X}"}) == r"root /a\1/${X};"


def test_a_variable_without_a_value_is_an_error_that_names_it():
    with pytest.raises(LabError, match="needs a value for CACHE, ZONE"):
        render("${ZONE} ${CACHE} ${ZONE} ${KNOWN}", {"KNOWN": "1"})


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "unix:/run/server.sock"])
def test_nginx_accepts_what_becomes_of_the_template(tmp_path: Path, bind: str):
    layout = Layout(tmp_path)
    layout.make()
    tls = ensure_certificate(layout.tls)
    words = Words.read({"HTTP_PORT": "18080", "HTTPS_PORT": "18443"})
    configuration = proxy.write_configuration(words, layout, bind, tls)
    command = proxy.command(configuration, layout)
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr


def fake_nginx(folder: Path, version: str) -> Path:
    program = folder / "nginx"
    program.write_text(f"#!/bin/sh\necho 'nginx version: nginx/{version} (Ubuntu)' >&2\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [("1.24.0", False), ("1.25.0", False), ("1.25.1", True), ("1.26.3", True)],
)
def test_nginx_comes_from_path_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_taken: bool
):
    program = fake_nginx(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert (proxy.find_nginx() == str(program)) == is_taken


def test_no_nginx_at_all_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proxy, "find_program", lambda name: None)
    with pytest.raises(LabError, match=r"no nginx 1\.25\.1 or newer in PATH"):
        proxy.find_nginx()
