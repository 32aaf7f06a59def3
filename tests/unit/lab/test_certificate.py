"""The certificate: one that clients accept for this machine's names, kept until it is too old."""

import socket
import ssl
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from lab.stack import certificate


def handshake(tls: tuple[Path, Path], name: str) -> str | None:
    """Connects as a client that trusts this certificate alone; the protocol spoken."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*tls)
    client = ssl.create_default_context(cafile=str(tls[0]))
    near, far = socket.socketpair()

    def answer() -> None:
        with far, suppress(OSError):  # a client that refuses us raises too, and that is looked at
            server.wrap_socket(far, server_side=True).close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with near, client.wrap_socket(near, server_hostname=name) as connection:
            return connection.version()
    finally:
        thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_clients_accept_it_for_every_name_of_this_machine(tmp_path: Path, name: str):
    assert handshake(certificate.ensure_certificate(tmp_path), name) == "TLSv1.3"


def test_clients_refuse_it_for_other_names(tmp_path: Path):
    with pytest.raises(ssl.SSLCertVerificationError, match="example"):
        handshake(certificate.ensure_certificate(tmp_path), "example.org")


def test_it_is_made_once(tmp_path: Path):
    first = [path.read_bytes() for path in certificate.ensure_certificate(tmp_path)]
    assert [path.read_bytes() for path in certificate.ensure_certificate(tmp_path)] == first


def test_only_its_owner_can_read_the_key(tmp_path: Path):
    _, key = certificate.ensure_certificate(tmp_path)
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("broken", ["certificate.pem", "key.pem"])
def test_it_is_made_anew_where_half_of_it_is_missing(tmp_path: Path, broken: str):
    certificate.ensure_certificate(tmp_path)
    (tmp_path / broken).unlink()
    assert handshake(certificate.ensure_certificate(tmp_path), "localhost")


def test_it_is_made_anew_before_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(certificate, "LIFE", timedelta(days=6))
    old = certificate.ensure_certificate(tmp_path)[0].read_bytes()
    monkeypatch.undo()
    new = certificate.ensure_certificate(tmp_path)[0].read_bytes()
    assert new != old
    assert certificate.ensure_certificate(tmp_path)[0].read_bytes() == new
