"""What the pages look like, as far as a program can see it."""

import re
from pathlib import Path

import pytest

import lab.console.pages
from lab.console.pages.waterfall import DEEPEST
from tests.unit.webapp.test_style import luminance

PAGES = Path(lab.console.pages.__file__).parent
SHEET = (PAGES / "static/console/base.css").read_text()
HOPS = ("client", "proxy", "server", "application", "other")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *(
            (text, back, 4.5)
            for text in ("text", "muted", "accent", "danger", "warn", *HOPS)
            for back in ("ground", "surface")
        ),
        *((text, back, 4.5) for text in ("text",) for back in ("added", "changed", "dropped")),
        *(("surface", hop, 4.5) for hop in HOPS),
        ("on-accent", "accent", 4.5),
        ("on-danger", "danger", 4.5),
        ("surface", "text", 4.5),
        ("field", "ground", 3),
        ("field", "surface", 3),
    ],
)
def test_contrast(scheme: int, front: str, back: str, least: float):
    """WCAG AA: 4.5 for text, 3 for bars and the edge of a field."""
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", SHEET.split("@media")[scheme]))
    darker, lighter = sorted(luminance(colours[name]) for name in (front, back))
    assert (lighter + 0.05) / (darker + 0.05) >= least


def test_nothing_is_from_another_host_or_inline():
    files = [file for file in PAGES.rglob("*") if file.suffix in (".html", ".css", ".js", ".svg")]
    assert len(files) > 20
    for file in files:
        text = file.read_text()
        assert not re.search(r"(src|href|import|url\()[=\s(\"']*(https?:)?//", text), file
        if file.suffix == ".html":
            assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src)", text)


def test_every_level_is_indented():
    sheet = (PAGES / "static/console/waterfall.css").read_text()
    assert {int(n) for n in re.findall(r'data-level="(\d+)"', sheet)} == {*range(1, DEEPEST + 1)}
