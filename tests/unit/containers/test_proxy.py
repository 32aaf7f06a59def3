"""The proxy's container by itself: what it may do, and how it follows the server's addresses."""

import pytest

from .conftest import HARDENED, docker, poll

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

WRITABLE = (
    "--tmpfs=/run/nginx:uid=10002,gid=10002,mode=700",
    "--tmpfs=/var/lib/wsgilab/tls:uid=10002,gid=10002,mode=700",
)

# What a server answers, in the words of the one program that this image has.
SERVER = """
    cd /tmp && printf 'pid /tmp/pid; error_log stderr; events {} http { access_log off;
    client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
    scgi_temp_path /tmp/d; uwsgi_temp_path /tmp/e;
    server { listen 8000; return 200 "%s"; } }' "$0" > nginx.conf
    exec nginx -c /tmp/nginx.conf -e stderr -g 'daemon off;'
"""


@pytest.fixture
def proxy(place: str, proxy_image: str) -> str:
    """A proxy's container, healthy, on a network with nothing else."""
    name = f"{place}-proxy"
    docker("run", "--detach", "--name", name, "--network", place, *HARDENED, *WRITABLE, proxy_image)
    health = ("inspect", "--format", "{{.State.Health.Status}}", name)
    assert poll(lambda: docker(*health) == "healthy"), docker("logs", name)
    return name


def start_server(place: str, image: str, says: str) -> str:
    name = f"{place}-{says}"
    on_network = ("--network", place, "--network-alias", "server")
    docker(
        "run", "--detach", "--name", name, *on_network, "--entrypoint=sh", image, "-c", SERVER, says
    )
    return name


def ask(proxy: str, host: str = "localhost") -> str:
    """What the proxy answers, asked from inside: the network has no way out."""
    request = rf"printf 'GET / HTTP/1.0\r\nHost: {host}\r\n\r\n' >&3 && cat <&3"
    script = f"exec 3<>/dev/tcp/127.0.0.1/8080; {request}"
    return docker("exec", proxy, "bash", "-c", script)


def test_it_runs_as_nobody_in_particular(proxy: str):
    status = docker("exec", proxy, "cat", "/proc/1/status")

    assert "Name:\tnginx" in status  # nginx itself gets Docker's signals
    assert "Uid:\t10002\t10002" in status
    assert "CapEff:\t0000000000000000" in status


def test_nginx_takes_the_configuration_without_a_warning(proxy: str):
    said = docker("exec", proxy, "nginx", "-t", "-c", "/run/nginx/nginx.conf", "-e", "stderr")

    assert "test is successful" in said
    assert "warn" not in said


def test_the_certificate_is_for_this_machine_and_its_key_for_nobody_else(proxy: str):
    tls = "/var/lib/wsgilab/tls"
    names = ("openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", f"{tls}/certificate.pem")

    assert "DNS:localhost" in docker("exec", proxy, *names)
    assert "IP Address:127.0.0.1" in docker("exec", proxy, *names)
    assert docker("exec", proxy, "stat", "-c", "%a", f"{tls}/key.pem") == "600"


def test_it_follows_the_servers_that_come_and_go(place: str, proxy: str, proxy_image: str):
    assert "502: the proxy got no answer" in ask(proxy)

    one = start_server(place, proxy_image, "one")
    assert poll(lambda: ask(proxy).endswith("one")), docker("logs", proxy)

    two = start_server(place, proxy_image, "two")
    both = {"one", "two"}
    assert poll(lambda: {ask(proxy)[-3:] for _ in range(8)} == both), docker("logs", proxy)

    docker("rm", "--force", one)
    assert poll(lambda: {ask(proxy)[-3:] for _ in range(8)} == {"two"}), docker("logs", proxy)

    docker("rm", "--force", two)
    assert poll(lambda: "502: the proxy got no answer" in ask(proxy)), docker("logs", proxy)


def test_a_server_of_the_profile_versus_that_does_not_run_is_said_and_nobody_else_asked(
    place: str, proxy_image: str
):
    name = f"{place}-proxy"
    run = ("run", "--detach", "--name", name, "--network", place, *HARDENED, *WRITABLE)
    docker(*run, "--env", "VERSUS=gunicorn", proxy_image)
    start_server(place, proxy_image, "one")

    assert poll(lambda: ask(name).endswith("one")), docker("logs", name)
    assert "docker compose --profile versus up" in ask(name, "gunicorn.localhost")


def test_it_stops_at_once_when_it_has_nothing_to_do(proxy: str):
    docker("stop", "--time", "10", proxy)

    assert docker("inspect", "--format", "{{.State.ExitCode}}", proxy) == "0"  # 137 were a kill


def test_an_unknown_transport_is_refused(place: str, proxy_image: str):
    name = f"{place}-proxy"
    run = ("run", "--name", name, *HARDENED, *WRITABLE, "--env", "TRANSPORT=pigeon", proxy_image)

    assert (
        docker(*run, check=False)
        == "proxy: TRANSPORT=pigeon: unknown; choose one of tcp, unix, uwsgi"
    )
    assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "2"
