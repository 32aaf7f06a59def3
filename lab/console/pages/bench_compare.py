"""Two results beside each other: how many times the old figure each new one is, and the noise."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from lab.bench import comparison
from lab.bench.comparison import BETTER, TIE, UNKNOWN, Change
from lab.bench.results import Results
from lab.bench.workloads import summary_of
from lab.console.pages.bench_results import listed, load
from lab.console.pages.reading import short
from lab.console.pages.shell import page
from lab.svg import element, percent

OLD, NEW = "old", "new"

SHOWN = ("date", "commit", "load", "beware")
"""Facts that stand above the figures."""

LEAST, MOST = 1.1, 4.0
"""How far the scale of ratios reaches, at least and at most; what lies further is at its end."""

HEIGHT = 22
"""Pixels of a picture in the table."""


def compare(request: HttpRequest) -> HttpResponse:
    """``old`` and ``new`` by their names in the list; else a form to choose them."""
    names = {each: request.GET.get(each, "").strip() for each in (OLD, NEW)}
    found, problems = chosen(names)
    context: dict[str, Any] = {
        "names": names,
        "problems": problems,
        "found": {which: side(names[which], each) for which, each in found.items()},
        "choices": [each for each in listed() if not each.wrong],
    }
    if len(found) == len(names):
        context |= compared(found[OLD], found[NEW])
    return page(request, "bench_compare", "bench", context, 404 if problems else 200)


def side(name: str, results: Results) -> dict[str, Any]:
    """One of both, as it is named and on what it was made."""
    facts = [(each, results.facts[each]) for each in SHOWN if each in results.facts]
    return {"name": name, "facts": facts}


def chosen(names: Mapping[str, str]) -> tuple[dict[str, Results], list[str]]:
    """Those of the names that there are, and what is wrong with the others, for people."""
    found: dict[str, Results] = {}
    problems = []
    for which, name in names.items():
        try:
            found |= {which: load(name)} if name else {}
        except Http404:
            problems.append(f"There is no result “{short(name, 64)}”.")
    return found, problems


def compared(old: Results, new: Results) -> dict[str, Any]:
    """What the page shows of the two; no figures where they are of unlike machines."""
    if old == new:
        return {"same": True}
    if unlike := comparison.unlike(old.facts, new.facts):
        return {"unlike": unlike}
    changes = [*comparison.changes(old, new)]
    scale = Scale.around(changes)
    lines = [Line(each, scale) for each in changes]
    return {
        "workloads": [
            (name, summary_of(name), [line for line in lines if line.change.workload == name])
            for name in dict.fromkeys(each.workload for each in changes)
        ],
        "scale": scale,
        "differences": comparison.differences(old.facts, new.facts),
        "notes": [*comparison.notes(old, new)],
    }


@dataclass(frozen=True)
class Scale:
    """Ratios from 1 ÷ ``most`` to ``most``, logarithmic: 1 is in the middle."""

    most: float

    @classmethod
    def around(cls, changes: Iterable[Change]) -> "Scale":
        """Wide enough for the ratios, within bounds."""
        needed = (max(each.ratio, 1 / each.ratio) if each.ratio else MOST for each in changes)
        return cls(min(MOST, max([LEAST, *needed])))

    def share(self, ratio: float) -> float:
        """Where a ratio is, from 0 to 1."""
        low = 1 / self.most
        return 0.5 + math.log(min(self.most, max(low, ratio))) / math.log(self.most) / 2

    @property
    def ends(self) -> tuple[str, str, str]:
        """Both, with the middle between them, for people."""
        return f"{1 / self.most:.2f}", "1", f"{self.most:.2f}"


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    change: Change
    scale: Scale

    @property
    def words(self) -> Iterable[tuple[str, str]]:
        """Old, new and their ratio, by how the cells are called."""
        return zip((OLD, NEW, "by"), self.change.words(), strict=True)

    @property
    def kind(self) -> str:
        """``better``, ``worse``, or empty where nobody can tell."""
        if self.change.verdict in (TIE, UNKNOWN):
            return ""
        return "better" if self.change.verdict in BETTER else "worse"

    @property
    def picture(self) -> str:
        """The ratio on its scale, as markup: a dot, over the noise around 1."""
        return element("svg", "".join(self._parts()), class_="ratio", height=HEIGHT)

    def _parts(self) -> Iterator[str]:
        share, noise, middle = self.scale.share, self.change.noise or 0, HEIGHT / 2
        yield element("line", class_="track", x1=0, x2="100%", y1=middle, y2=middle)
        left, right = share(1 - noise), share(1 + noise)
        size = {"x": percent(left), "width": percent(right - left), "y": 3, "height": HEIGHT - 6}
        yield element("rect", class_="noise", **size)
        yield element("line", class_="one", x1="50%", x2="50%", y1=0, y2=HEIGHT)
        place = {"cx": percent(share(self.change.ratio)), "cy": middle, "r": 4.5}
        yield element("circle", class_=f"now {self.kind}".rstrip(), **place)
