"""What the servers do this moment, for people and for programs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from lab.console.collector import collector
from lab.console.pages import live, prometheus
from lab.console.pages.prometheus import Family
from lab.console.pages.reading import short
from lab.console.pages.shell import page
from lab.console.pages.units import duration, size

RESTING = {"leading": "leading (polls for all)", "idle": "idle"}
"""States in which a thread has nothing in hand, and what they are called."""

NAMED = 12
"""Threads that are named; of more in one state the number is enough."""

COUNTED = {
    "written": "Spans that were stored.",
    "dropped": "Spans that were lost: too many at once, or of one trace.",
    "rejected": "Spans that were malformed.",
    "forwarded": "Spans that were passed on.",
    "not_forwarded": "Spans that could not be passed on.",
}


def server(request: HttpRequest) -> HttpResponse:
    """Its page, which a script refreshes every second."""
    servers = [instance(each) for each in live.look(settings.ENVIRONMENT.telemetry)]
    return page(request, "server", "server", {"servers": servers})


def server_json(request: HttpRequest) -> JsonResponse:
    """The same for programs: a list of what each server says, or of its error."""
    return JsonResponse({"servers": live.look(settings.ENVIRONMENT.telemetry)})


def metrics(request: HttpRequest) -> HttpResponse:
    """The same for Prometheus, with the collector's own counters."""
    families = prometheus.of_servers(live.look(settings.ENVIRONMENT.telemetry))
    families += of_collector(collector().counts())
    return HttpResponse(prometheus.exposition(families), content_type=prometheus.CONTENT_TYPE)


def of_collector(counts: Mapping[str, int]) -> list[Family]:
    """Each counter as a family of its own."""
    return [
        Family(f"wsgilab_spans_{name}_total", "counter", told, [({}, float(counts[name]))])
        for name, told in COUNTED.items()
        if name in counts
    ]


def instance(told: Mapping[str, Any]) -> dict[str, Any]:
    """A server as its section shows it."""
    if "error" in told:
        return {"name": short(str(told["name"])), "error": short(str(told["error"]))}
    listed = live.workers(told)
    rate = told.get("requests_per_second")
    numbers = [
        (
            "requests a second",
            "—" if rate is None else f"{rate:.1f}" if rate < 100 else f"{rate:.0f}",
        ),
        ("in the queue", total(listed, "queue")),
        counted(total(listed, "connections"), "connection"),
        counted(total(listed, "requests"), "request", " so far"),
        counted(str(len(listed)), "worker"),
    ]
    return {
        "name": short(str(told["name"])),
        "title": short(f"paceline {told.get('version', '')}, {told.get('model', '?')}"),
        "numbers": numbers,
        "workers": [worker(each) for each in listed],
    }


def counted(number: str, one: str, more: str = "") -> tuple[str, str]:
    """What is below a number, and the number."""
    return f"{one if number == '1' else one + 's'}{more}", number


def total(workers: Sequence[Mapping[str, Any]], name: str) -> str:
    """Of all workers that tell."""
    told = [each[name] for each in workers if isinstance(each.get(name), int)]
    return f"{sum(told):,}" if told else "—"


def worker(told: Mapping[str, Any]) -> dict[str, Any]:
    """A worker, with those of its threads that have something in hand."""
    listed = live.threads(told)
    busy = [thread(each) for each in listed if state_of(each) not in RESTING]
    numbers = [
        ("requests", amount(told.get("requests"))),
        ("connections", amount(told.get("connections"))),
        ("queue", amount(told.get("queue"))),
        ("threads at most", amount(told.get("thread_limit"))),
        ("CPU", amount(told.get("cpu_seconds"), duration)),
        ("memory", amount(told.get("memory_bytes"), size)),
    ]
    return {
        "pid": short(str(told.get("pid", "?")), 20),
        "state": short(str(told.get("state", "")), 20),
        "numbers": [(what, value) for what, value in numbers if value],
        "busy": sorted(busy, key=lambda each: -each["order"]),
        "resting": [resting(listed, state) for state in RESTING if names_of(listed, state)],
    }


def names_of(threads: Sequence[Mapping[str, Any]], state: str) -> list[str]:
    """Those in one state."""
    return [short(str(each.get("name", "")), 40) for each in threads if state_of(each) == state]


def state_of(thread: Mapping[str, Any]) -> str:
    """What it does."""
    return str(thread.get("state", ""))


def resting(threads: Sequence[Mapping[str, Any]], state: str) -> tuple[str, str]:
    """A state, and who is in it."""
    found = names_of(threads, state)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return RESTING[state], f"{len(found)}: {', '.join(found[:NAMED])}{more}"


def amount(value: object, words: Callable[[float], str] = "{:,}".format) -> str:
    """A number for people; empty for what is none."""
    return words(value) if isinstance(value, int | float) else ""


def thread(told: Mapping[str, Any]) -> dict[str, Any]:
    """A thread that has something in hand."""
    seconds = told.get("seconds")
    known = isinstance(seconds, int | float)
    return {
        "name": short(str(told.get("name", "")), 40),
        "state": short(state_of(told), 20),
        "request": short(str(told.get("request") or "")),
        "without": "waits for its client",
        "seconds": duration(seconds) if known and seconds is not None else "",
        "order": seconds if known else 0.0,
    }
