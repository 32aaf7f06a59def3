"""Results of the bench, and a form that starts one and shows it live."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from lab.bench import cli
from lab.bench.results import Results
from lab.console.pages.bench_form import (
    LATENCY,
    NUMBERS,
    ONLY,
    SERVERS,
    Given,
    Unrunnable,
    servers,
    ticked,
    workloads,
)
from lab.console.pages.shell import page
from lab.console.runner import RUNNER, Job
from lab.errors import LabError
from lab.report import page as report

SHOWN = 200
"""Lines of a bench that runs."""

PROGRESS = re.compile(r"\[(\d+)/(\d+)\b")
"""How a line of the bench begins that tells of a run."""


@dataclass(frozen=True)
class Listed:
    """A file of results; ``wrong`` where it holds none."""

    name: str
    date: str = ""
    servers: str = ""
    workloads: str = ""
    runs: int = 0
    void: int = 0
    wrong: str = ""


def folder() -> Path:
    """Where results are."""
    return Path(settings.ENVIRONMENT.bench)


def listed() -> Iterator[Listed]:
    """Every result, the latest first."""
    paths = [(path.stat().st_mtime_ns, path) for path in folder().glob("*.json")]
    for changed, path in sorted(paths, reverse=True):
        yield look(path, changed)


@lru_cache(maxsize=200)
def look(path: Path, changed: int) -> Listed:
    """What a file holds; it is read again when it has changed."""
    try:
        results = Results.load(path)
    except LabError as error:
        return Listed(path.stem, wrong=str(error))
    return Listed(
        path.stem,
        results.facts.get("date", ""),
        ", ".join(results.servers),
        ", ".join(results.cells()),
        len(results.runs),
        sum(run.void is not None for run in results.runs),
    )


def found(name: str) -> Path:
    """The file of a name in the list, and no other.  Raises Http404."""
    for path in folder().glob("*.json"):
        if path.stem == name:
            return path
    raise Http404


def load(name: str) -> Results:
    """Raises Http404, for what holds no results too."""
    try:
        return Results.load(found(name))
    except LabError as error:
        raise Http404 from error


def bench(request: HttpRequest) -> HttpResponse:
    """The list and the form; once that is sent, the bench that runs."""
    if request.method != "POST":
        return shown(request, Given())
    given = Given(
        request.POST.getlist(SERVERS),
        request.POST.getlist(ONLY),
        LATENCY in request.POST,
        {number.name: request.POST.get(number.name, "").strip() for number in NUMBERS},
    )
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        command = given.command(folder() / f"{name}.json")
    except Unrunnable as error:
        return shown(request, given, str(error), 400)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    if not RUNNER.begin(Job(name, command)):
        return shown(request, given, "One runs already: wait for its end, or stop it.", 409)
    return HttpResponseRedirect(reverse("bench"))


def shown(request: HttpRequest, given: Given, problem: str = "", status: int = 200) -> HttpResponse:
    """The page, with what was given still in it."""
    context: dict[str, Any] = {
        "now": now(),
        "listed": [*listed()],
        "problem": problem,
        "hindrance": hindrance(),
        "folder": folder(),
        "groups": (
            (SERVERS, "servers", ticked(servers(), given.servers)),
            (ONLY, "workloads", ticked(workloads(), given.only)),
        ),
        "numbers": [(number, given.number(number)) for number in NUMBERS],
        "latency": given.latency,
    }
    return page(request, "bench", "bench", context, status)


def hindrance() -> str:
    """Why no bench can run here, in words; empty where it can."""
    try:
        cli.require([])
    except LabError as error:
        return str(error)
    return ""


def now() -> dict[str, Any] | None:
    """The bench that runs, or the last that did; None where there was none."""
    state = RUNNER.state()
    if state.job is None:
        return None
    told = [match for line in state.lines if (match := PROGRESS.match(line))]
    done, total = map(int, told[-1].groups()) if told else (0, 0)
    return {
        "name": state.job.name,
        "command": " ".join(["lab", *state.job.command[3:]]),
        "lines": "\n".join(state.lines[-SHOWN:]),
        "running": state.running,
        "ended": state.ended,
        "done": done,
        "total": total,
        "has_results": (folder() / f"{state.job.name}.json").exists(),
    }


def stop(request: HttpRequest) -> HttpResponse:
    """Asks the bench that runs to end."""
    RUNNER.stop()
    return HttpResponseRedirect(reverse("bench"))


def result(request: HttpRequest, name: str) -> HttpResponse:
    """One result with its plots."""
    context = {"name": name, "content": report.body(load(name))}
    return page(request, "result", "bench", context)


def alone(request: HttpRequest, name: str) -> HttpResponse:
    """The same as a file to keep."""
    return kept(report.page(load(name)), "text/html", f"{name}.html")


def raw(request: HttpRequest, name: str) -> HttpResponse:
    """The file of the bench itself, with every run."""
    return kept(found(name).read_text(), "application/json", f"{name}.json")


def kept(content: str, kind: str, name: str) -> HttpResponse:
    """A file that a browser saves."""
    answer = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def style(request: HttpRequest) -> HttpResponse:
    """How the plots look."""
    answer = HttpResponse(report.style(), content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
