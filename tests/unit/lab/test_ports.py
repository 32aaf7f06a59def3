"""Ports: what is taken is noticed before anything starts, and said with who holds it."""

import os
import socket
import sys
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.stack import ports


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_taken_port_is_said_by_word_with_its_holder_and_a_free_one(
    family: socket.AddressFamily, host: str
):
    with socket.create_server((host, 0), family=family) as other:
        port = other.getsockname()[1]
        with pytest.raises(LabError) as refused:
            ports.require_free({"HTTPS_PORT": port})
    message = str(refused.value)
    assert message.startswith(f"HTTPS_PORT={port} is taken by ")
    suggested = int(message.rpartition("HTTPS_PORT=")[2])
    assert suggested > port
    ports.require_free({"HTTPS_PORT": suggested})
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in message


def test_a_port_whose_last_connection_has_just_closed_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first is left in TIME_WAIT
        client.close()
    ports.require_free({"HTTP_PORT": port})


def test_a_free_port_can_be_listened_on():
    with socket.create_server(("127.0.0.1", ports.free_port())):
        pass


def test_free_ports_are_all_different():
    assert len(set(ports.free_ports(500))) == 500


def test_no_free_port_can_become_a_client_s_own():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(ports.free_ports(500)) < first


def test_nobody_holds_a_free_port():
    assert ports.holder(ports.free_port()) is None
