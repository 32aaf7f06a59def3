"""What the pages look like, as far as a program can see it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders


def test_pages_take_nothing_from_other_hosts() -> None:
    templates = list(settings.BASE_DIR.glob("*/templates/**/*.html"))
    assert len(templates) > 8
    for file in [*templates, *settings.BASE_DIR.glob("*/static/**/*.css")]:
        assert not re.search(r"(https?:)?//[\w.]+\.\w", file.read_text()), file


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of #rrggbb."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


TEXTS = ("text", "muted", "accent", "danger")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *((text, back, 4.5) for text in TEXTS for back in ("ground", "surface")),
        ("on-accent", "accent", 4.5),
        ("on-danger", "danger", 4.5),
        ("text", "notice", 4.5),
        ("field", "ground", 3),
        ("field", "surface", 3),
    ],
)
def test_contrast(scheme: int, front: str, back: str, least: float) -> None:
    """WCAG AA: 4.5 for text, 3 for the edge of a field."""
    sheet = Path(finders.find("guestbook/style.css")).read_text()
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", sheet.split("@media")[scheme]))
    darker, lighter = sorted(luminance(colours[name]) for name in (front, back))
    assert (lighter + 0.05) / (darker + 0.05) >= least
