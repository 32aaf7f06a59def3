"""What a body is collected in: the same content however it came, and memory for what came."""

import errno
import os
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.wsgi.disk import PIECE, BodyFile, Disk
from paceline.wsgi.input import AHEAD, BodyStore

IN_MEMORY = 100
MEGABYTE = 1_000_000


@given(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=9),
    st.booleans(),
    st.integers(0, 50),
)
def test_the_content_is_what_was_written(pieces: list[bytes], said: bool, more: int) -> None:
    content = b"".join(pieces)
    disk = Disk()
    store = BodyStore(IN_MEMORY, disk, len(content) if said else 0)
    for piece in pieces:
        store.write(piece)
    assert store.length == len(content)
    with store.finish() as body:
        assert isinstance(body, BodyFile) == (len(content) > IN_MEMORY)
        assert body.read(len(content)) == content
        assert body.read() == b""
        body.write(b"x" * more)  # an application may: it is a file
        body.seek(0)
        assert body.read() == content + b"x" * more
    assert disk.used == 0


def on_disk(disk: Disk, size: int) -> IO[bytes]:
    """A body of so many bytes in a file."""
    store = BodyStore(IN_MEMORY, disk)
    store.write(b"x" * size)
    return store.finish()


def freed(disk: Disk) -> Iterator[int]:
    """Bytes that are still taken after each piece."""
    while disk.free_piece():
        yield disk.used


def test_a_large_file_is_freed_piece_by_piece() -> None:
    disk = Disk()
    disk.piecemeal = True
    body = on_disk(disk, 3 * PIECE - 1)
    body.seek(0, os.SEEK_END)
    body.write(b"x" * PIECE)  # of the application's, which are not counted
    descriptors = len(os.listdir("/proc/self/fd"))
    body.close()
    assert body.closed
    assert list(freed(disk)) == [3 * PIECE - 1, 2 * PIECE - 1, PIECE - 1, 0]
    assert len(os.listdir("/proc/self/fd")) == descriptors - 1


def test_what_is_left_over_is_freed_where_there_is_no_room() -> None:
    disk = Disk(3 * PIECE)
    disk.piecemeal = True
    on_disk(disk, 3 * PIECE).close()
    assert disk.used == 3 * PIECE
    with on_disk(disk, 2 * PIECE):
        assert disk.used == 3 * PIECE
        with pytest.raises(OSError, match="bodies take more than"):
            disk.take(PIECE + 1)


def test_without_a_descriptor_it_is_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def dup(descriptor: int) -> int:
        raise OSError(errno.EMFILE, "none left")

    disk = Disk()
    disk.piecemeal = True
    body = on_disk(disk, 2 * PIECE)
    monkeypatch.setattr(os, "dup", dup)
    body.close()
    assert (disk.used, list(disk.leftovers)) == (0, [])


def test_it_is_left_whole_to_whoever_asked_for_its_descriptor() -> None:
    disk = Disk()
    disk.piecemeal = True
    body = on_disk(disk, 2 * PIECE)
    theirs = os.dup(body.fileno())
    body.close()
    try:
        assert (disk.used, list(disk.leftovers)) == (0, [])
        assert os.fstat(theirs).st_size == 2 * PIECE
    finally:
        os.close(theirs)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def taken_while(store: BodyStore, piece: bytes, count: int) -> list[int]:
    """Bytes of memory that there are more after each of so many pieces."""
    before, _ = tracemalloc.get_traced_memory()
    taken = []
    for _ in range(count):
        store.write(piece)
        now, _ = tracemalloc.get_traced_memory()
        taken.append(now - before)
    return taken


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("expected", [MEGABYTE, 0])
def test_a_body_that_grows_is_seldom_moved(expected: int) -> None:
    store, piece = BodyStore(1 << 20, Disk(), expected), bytes(10_000)
    taken = taken_while(store, piece, MEGABYTE // len(piece))
    moves = sum(abs(now - before) > 1000 for before, now in pairwise(taken))
    assert moves <= 3


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("expected", [MEGABYTE, 10**15, 0])
def test_who_only_says_that_much_will_come_gets_little_memory(expected: int) -> None:
    store = BodyStore(1 << 20, Disk(), expected)
    taken = taken_while(store, b"x" * 100, 10)
    assert max(taken) < AHEAD * 1000 + 1000
