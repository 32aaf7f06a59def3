"""Work of known kinds and amounts, for measuring the server in front of it.

The bounds stand beside each view; the page /workload/ lists them.
"""

import time
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from guestbook.models import Entry

from .parameters import BadParameterError, Whole
from .registry import workload, workloads

MAX_STREAM_MS = 60_000


def burn(ms: float) -> None:
    """Computes until this thread has used `ms` milliseconds of CPU.

    By the thread's own clock, on which time spent waiting for the GIL or for a core does not count:
    the work is the same however many do it at once.
    """
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        sum(range(1000))  # some 10 µs, and the GIL held, as ordinary Python code has it


def wait(ms: float) -> None:
    time.sleep(ms / 1000)


def timed(work: Callable[[], object]) -> JsonResponse:
    """Does `work` and answers with what it took: on the clock, and of this thread's CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    return JsonResponse({"wall_ms": round(wall * 1000, 3), "cpu_ms": round(cpu * 1000, 3)})


@workload("io", ms=Whole(20, 10_000, "milliseconds to wait"))
def wait_only(ms: int) -> JsonResponse:
    """Waits, and leaves the CPU to others."""
    return timed(lambda: wait(ms))


@workload("cpu", ms=Whole(5, 5_000, "milliseconds of CPU time to use"))
def compute(ms: int) -> JsonResponse:
    """Computes, and leaves the CPU to nobody."""
    return timed(lambda: burn(ms))


@workload(
    "mixed",
    cpu_ms=Whole(2, 5_000, "milliseconds of CPU time to use"),
    io_ms=Whole(20, 10_000, "milliseconds to wait"),
)
def compute_and_wait(cpu_ms: int, io_ms: int) -> JsonResponse:
    """Computes, waits, computes: half before and half after, as a view does around its query."""
    return timed(lambda: (burn(cpu_ms / 2), wait(io_ms), burn(cpu_ms / 2)))


@workload("db", queries=Whole(5, 200, "queries to make, one after the other"))
def query(queries: int) -> JsonResponse:
    """Asks the database for the newest ten entries, again and again."""
    return timed(lambda: [list(Entry.objects.newest_first()[:10]) for _ in range(queries)])


@workload(
    "stream",
    chunks=Whole(10, 1_000, "pieces to send"),
    size=Whole(1_000, 65_536, "bytes in each"),
    ms=Whole(10, 10_000, "milliseconds to wait before each"),
)
def send_pieces(chunks: int, size: int, ms: int) -> StreamingHttpResponse:
    """Sends its answer in pieces, with no length known before. One minute in all at most."""
    if chunks * ms > MAX_STREAM_MS:
        raise BadParameterError(
            f"chunks times ms must be at most {MAX_STREAM_MS}, not {chunks * ms}"
        )

    def pieces() -> Iterator[bytes]:
        for _ in range(chunks):
            wait(ms)
            yield b"x" * size

    response = StreamingHttpResponse(pieces(), content_type="application/octet-stream")
    response["X-Accel-Buffering"] = "no"  # nginx: send each piece on as it comes
    return response


@workload("bytes", n=Whole(100_000, 16_777_216, "bytes to send"))
def send_bytes(n: int) -> HttpResponse:
    """Sends an answer of a given length at once."""
    return HttpResponse(b"x" * n, content_type="application/octet-stream")


@workload("json")
def hello_json() -> JsonResponse:
    """Sends a small JSON document: what Django and its middleware cost by themselves."""
    return JsonResponse({"message": "Hello, world", "numbers": [1, 2, 3]})


@workload("error")
def fail() -> HttpResponse:
    """Fails, for the 500 page and the traceback in the log."""
    raise RuntimeError("/workload/error/ fails, as it was asked to")


@csrf_exempt  # it only reads; another method gets its 405, not a 403
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "workload/index.html", {"workloads": workloads})


@csrf_exempt  # it only reads; another method gets its 405, not a 403
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """That this process answers; no word about the database, which no restart of it would heal."""
    return HttpResponse("ok", content_type="text/plain")
