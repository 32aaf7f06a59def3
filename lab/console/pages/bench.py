"""The list of results, and a form that starts one and shows it live."""

import re
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from lab.bench import cli
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
from lab.console.pages.bench_results import folder, listed
from lab.console.pages.shell import page
from lab.console.runner import RUNNER, Job
from lab.errors import LabError

SHOWN = 200
"""Lines of a bench that runs."""

PROGRESS = re.compile(r"\[(\d+)/(\d+)\b")
"""How a line of the bench begins that tells of a run."""


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
