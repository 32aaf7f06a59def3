"""The list of results, and a form that starts a bench and shows it live."""

import re
import shlex
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from lab import typed
from lab.bench import cli, comparison
from lab.bench.experiment import QUICK_ROUNDS, QUICK_SECONDS, Experiment
from lab.bench.measuring import facts
from lab.bench.results import Results
from lab.console.pages.bench_form import Given, command, planned
from lab.console.pages.bench_offer import NUMBERS, TIMES, Unrunnable, groups
from lab.console.pages.bench_results import folder, found, is_of_here, listed, load, project
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
        return shown(request, like(request.GET.get("like", "")))
    given = Given.sent(request.POST, project())
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        job = checked(given, name)
    except Unrunnable as error:
        return shown(request, given, str(error), 400)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    if not RUNNER.begin(job):
        return shown(request, given, "One runs already: wait for its end, or stop it.", 409)
    return HttpResponseRedirect(reverse("bench"))


def checked(given: Given, name: str) -> Job:
    """The job that does what was given.  Raises Unrunnable."""
    words = given.words()
    plan = planned(words)
    old = older(given.against) if given.against else None
    if reason := hindrance():
        raise Unrunnable(f"{reason}.")
    if old and (reasons := comparison.unlike(old.facts, facts(plan))):
        raise Unrunnable(
            f"{given.against} is of another machine, so nothing here can be compared with it: "
            f"{'; '.join(reasons)}."
        )
    to, against = folder() / f"{name}.json", found(given.against) if old else None
    contained = any(each.setup.contained for each in plan.candidates)
    return Job(name, command(words, to, against), given.against, contained)


def older(name: str) -> Results:
    """The result to compare with.  Raises Unrunnable."""
    try:
        return load(name)
    except Http404:
        raise Unrunnable(f"There is no result “{name[:40]}” to compare with.") from None


def like(name: str) -> Given:
    """A form filled in to measure again what a result has; as usual where there is no name.

    Raises Http404.
    """
    usual = Given(project=project())
    if not name:
        return usual
    results = load(name)
    if not is_of_here(results):
        return usual
    try:
        return Given.like(Experiment.read(results.plan, name), name, project())
    except LabError:
        return usual


def shown(request: HttpRequest, given: Given, problem: str = "", status: int = 200) -> HttpResponse:
    """The page, with what was given still in it."""
    context: dict[str, Any] = {
        "now": now(),
        "listed": [*listed()],
        "problem": problem,
        "hindrance": hindrance(),
        "first": shlex.quote(str(folder() / "first.json")),
        "groups": [(group, group.ticked(given.chosen(group))) for group in groups()],
        "numbers": [(number, given.number(number)) for number in (*NUMBERS, *TIMES)],
        "given": given,
        "quick_rounds": QUICK_ROUNDS,
        "quick_seconds": QUICK_SECONDS,
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
        "against": state.job.against,
        "command": f"{typed.lab()} {shlex.join(state.job.command[3:])}",
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
