"""One visit that meets everything a server does for the guestbook: what each must be able to do."""

import hashlib
import re
from collections.abc import Iterator

from lab.serve import read_servers
from lab.tracing import names
from tests.e2e.asked import ask, named
from tests.e2e.stacks import SOFTWARE, Site
from tests.e2e.test_way import LIES
from tests.e2e.visitor import Visitor

SERVERS = read_servers()
PIECES, SIZE = 30, 10_000


def serves(site: Site) -> None:
    """Page, static file, form, chunked upload, stream, error, trace: raises AssertionError."""
    visitor = Visitor(site.https, site.certificate)
    page = visitor.sign_up()
    assert re.search(rf"<li>{SOFTWARE[site.server]}", page.text)
    [style] = re.findall(r'<link rel="stylesheet" href="(/static/[^"]+)"', page.text)[:1]
    assert "immutable" in visitor.get(style).headers["Cache-Control"]
    signed = visitor.sign("over TLS")  # Django compares the scheme with the form's Origin
    assert "Thank you for signing." in signed.text

    plain = Visitor(site.http)
    lied = plain.get("/inspect/", headers=LIES).json()
    assert lied["environ"].keys() == plain.get("/inspect/").json()["environ"].keys()
    assert not re.search(r"6\.6\.6\.6|evil\.example", str(lied))
    seen = plain.ask("POST", "/inspect/", data=pieces()).json()["body"]
    assert seen == {
        "length": PIECES * SIZE,
        "sha256": hashlib.sha256(b"".join(pieces())).hexdigest(),
    }
    streamed = plain.get(f"/workload/stream/?chunks={PIECES}&size={SIZE}&ms=1")
    assert len(streamed.content) == PIECES * SIZE
    assert plain.ask("HEAD", "/").headers["Content-Type"] == "text/html; charset=utf-8"
    assert plain.get("/workload/error/").status_code == 500
    assert plain.get("/").status_code == 200
    tells(site)


def pieces() -> Iterator[bytes]:
    """A body whose size is not known ahead, so it is sent in chunks."""
    yield from (bytes([number]) * SIZE for number in range(PIECES))


def tells(site: Site) -> None:
    """A trace has the application's spans in the server's, and says what the server cannot tell."""
    trace = ask(site, "/").trace()
    application = named(trace, r"WSGI config\.wsgi")
    assert "server" in {node.span.hop for node in application.ancestors()}
    assert named(trace, "SQL SELECT")
    if not SERVERS[site.server].traced:
        server = next(node for node in trace.walk() if node.span.hop == "server")
        assert "has no hooks" in str(server.span.attributes[names.UNKNOWN])
