"""Compressed answers, in each model."""

import zlib
from collections.abc import Iterator

import pytest

from tests.contract.behaviour.client import get
from tests.contract.behaviour.serving import OF_EACH_MODEL, Serving, serving

WANTED = "Accept-Encoding: gzip, identity;q=0.5"


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def compressing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    place = tmp_path_factory.mktemp("s")
    (place / "page").write_bytes(b"a line of it\n" * 50_000)
    with serving(request.param, place, "--gzip") as server:
        yield server


def test_a_streamed_answer_stays_one(compressing: Serving) -> None:
    """The first piece can be read while the application makes the second."""
    token = compressing.token()
    with compressing.connect() as client:
        client.send(get(f"/yield_then_wait?token={token}", WANTED))
        status, _, fields = client.head()
        assert (status, fields["content-encoding"]) == (200, "gzip")
        unpacking = zlib.decompressobj(31)
        assert unpacking.decompress(client.chunk()) == b"at once"
        compressing.open_gate(token)
        rest = b"".join(iter(client.chunk, b""))
        assert unpacking.decompress(rest) == b" and later"
        assert unpacking.eof


@pytest.mark.parametrize("length", ["", "&length=650000"])
def test_a_file_is_compressed_for_who_wants_it(compressing: Serving, length: str) -> None:
    token = compressing.token()
    target = f"/raw/file?name=page&token={token}{length}"
    with compressing.connect() as client:
        packed = client.get(target, WANTED)
        assert zlib.decompress(packed.body, 31) == b"a line of it\n" * 50_000
        assert len(packed.body) < 65_000
    with compressing.connect() as client:
        plain = client.get(target)
    assert (plain.body, plain.fields["vary"]) == (b"a line of it\n" * 50_000, "Accept-Encoding")
    compressing.await_event(f"closed {token}", times=2)


def test_an_application_that_fails_in_the_midst_is_cut_off(compressing: Serving) -> None:
    with compressing.connect() as client:
        client.send(get(f"/fail?at=later&token={compressing.token()}", WANTED))
        status, _, _ = client.head()
        rest = client.rest()
    assert status == 200
    assert not rest.endswith(b"0\r\n\r\n")


def test_head_and_get_are_described_alike(compressing: Serving) -> None:
    with compressing.connect() as client:
        whole = client.ask(get("/raw/whole?size=5000", WANTED, method="GET")).fields
    with compressing.connect() as client:
        head = client.ask(get("/raw/whole?size=5000", WANTED, method="HEAD"), to_head=True).fields
    whole.pop("date"), head.pop("date")
    assert head == whole
