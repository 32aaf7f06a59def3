"""Results of the bench: the list, each as a page with its plots, and as files to keep."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from lab.bench.results import Results
from lab.console.pages.shell import page
from lab.errors import LabError
from lab.report import page as report


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


def project() -> Mapping[str, str]:
    """The words of a project of one's own that the stack runs; empty for none."""
    return settings.ENVIRONMENT.project  # type: ignore[no-any-return]


def is_of_here(results: Results) -> bool:
    """Whether the same can be asked here again: of the lab's, or of the stack's own project."""
    return results.plan is not None and (results.plan.get("project") or {}) in ({}, project())


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


def result(request: HttpRequest, name: str) -> HttpResponse:
    """One result with its plots."""
    results = load(name)
    context = {
        "name": name,
        "content": report.body(results),
        "can_be_repeated": is_of_here(results),
    }
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
