"""SVG by hand: elements, scales, and panels that a page holds or that make up a picture.

A panel's places are in per cent across and in pixels down, so it follows the width that it gets
while its letters keep their size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

NAMESPACE = "http://www.w3.org/2000/svg"


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """One element; ``content`` is markup, and of attributes ``stroke_width`` is stroke-width."""
    said = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>"


def text(words: str, **attributes: object) -> str:
    """Letters; ``words`` are escaped."""
    return element("text", escape(words), **attributes)


def percent(share: float) -> str:
    """A place across, for a share from 0 to 1."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


@dataclass(frozen=True)
class Linear:
    """Values from 0 to ``high`` → shares from 0 to 1."""

    high: float

    def share(self, value: float) -> float:
        """Where a value is."""
        return value / self.high if self.high > 0 else 0.0


@dataclass(frozen=True)
class Logarithmic:
    """Values between two powers of ten → shares from 0 to 1."""

    low: int
    high: int
    """The exponents of ten at the two ends."""

    @classmethod
    def around(cls, least: float, most: float) -> "Logarithmic":
        """From the power of ten below to the one above; both above 0."""
        low = math.floor(math.log10(least))
        return cls(low, max(low + 1, math.ceil(math.log10(most))))

    def share(self, value: float) -> float:
        """Where a value is."""
        return (math.log10(value) - self.low) / (self.high - self.low)

    def decades(self) -> list[float]:
        """Every power of ten, both ends too."""
        return [10.0**exponent for exponent in range(self.low, self.high + 1)]


@dataclass(frozen=True)
class Panel:
    """One plot: what it is and shows, in words, and its markup, ``height`` pixels high."""

    title: str
    description: str
    content: str
    height: int

    def inline(self, identifier: str) -> str:
        """As an element of a page, as wide as its place; the identifier is the page's only one."""
        title, description = f"{identifier}-title", f"{identifier}-desc"
        return element(
            "svg",
            self._words(title, description) + self.content,
            class_="plot",
            role="img",
            aria_labelledby=f"{title} {description}",
            width="100%",
            height=self.height,
        )

    def _words(self, title: str, description: str) -> str:
        said = element("title", escape(self.title), id=title)
        return said + element("desc", escape(self.description), id=description)


HEADING, GAP = 26, 28
"""Pixels: of a panel's title in a picture, and between panels."""


def picture(
    title: str, description: str, rows: Sequence[Sequence[Panel]], style: str, width: int = 860
) -> str:
    """A file of its own: panels in rows, each under its title.  ``style`` is CSS."""
    parts, y = [], 44
    for row in rows:
        each = (width - GAP * (len(row) + 1)) / max(1, len(row))
        for number, panel in enumerate(row):
            x = round(GAP + number * (each + GAP), 1)
            parts.append(text(panel.title, class_="heading", x=x, y=y + 14))
            size = {"x": x, "y": y + HEADING, "width": round(each, 1), "height": panel.height}
            parts.append(element("svg", panel.content, **size))
        y += HEADING + max(panel.height for panel in row) + GAP
    return element(
        "svg",
        "\n".join(
            [
                element("title", escape(title), id="title"),
                element("desc", escape(description), id="desc"),
                element("style", style),
                element("rect", class_="ground", width="100%", height="100%"),
                text(title, class_="heading", x=GAP, y=28),
                *parts,
            ]
        ),
        xmlns=NAMESPACE,
        viewBox=f"0 0 {width} {y}",
        class_="plot",
        role="img",
        aria_labelledby="title desc",
    )
