"""The times of `lab transports` as a picture: SVG, light or dark as its reader has chosen."""

import math
from collections.abc import Mapping
from html import escape

from lab.transports.measure import Results, Times
from lab.transports.show import duration

WIDTH, LEFT, RIGHT = 720, 70, 170
TOP, TITLE, ROW, GAP = 34, 26, 22, 20
STYLE = """
  svg { background: #ffffff; font: 13px system-ui, sans-serif; }
  text { fill: #1f2328; } .quiet { fill: #59636e; } .grid { stroke: #d1d9e0; }
  .bar { fill: #0969da; } .whisker { stroke: #59636e; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; } .bar { fill: #4493f8; } .whisker { stroke: #9198a1; }
  }
"""


def plot(results: Results) -> str:
    """Bars to the median, lines to the 99th percentile, on one logarithmic scale."""
    every = [times for by_name in results.values() for times in by_name.values()]
    low = 10 ** math.floor(math.log10(min(times.p50 for times in every)))
    high = 10 ** math.ceil(math.log10(max(times.p99 for times in every)))
    scale = Scale(low, high)
    parts, y = [], TOP
    for label, by_name in results.items():
        parts += panel(label, by_name, scale, y)
        y += TITLE + ROW * len(by_name) + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"'
            f' aria-label="Time of a request by each transport">',
            f"<style>{STYLE}</style>",
            '<text x="10" y="20" font-weight="600">One request by each transport:'
            " median, and 99 of 100</text>",
            *scale.lines(TOP, y - GAP),
            *parts,
            "</svg>",
        ]
    )


class Scale:
    """Seconds → pixels, logarithmic."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._decades = math.log10(low), math.log10(high) - math.log10(low)

    def x(self, seconds: float) -> float:
        """Where a time is."""
        part = (math.log10(seconds) - self._low) / self._decades
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def lines(self, top: int, bottom: int) -> list[str]:
        """A line for each power of ten."""
        found = []
        for decade in range(round(self._decades) + 1):
            seconds = 10 ** (self._low + decade)
            x = self.x(seconds)
            found.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
            found.append(
                f'<text class="quiet" x="{x}" y="{bottom + 14}" text-anchor="middle">'
                f"{duration(seconds).replace('.0', '')}</text>"
            )
        return found


def panel(label: str, by_name: Mapping[str, Times], scale: Scale, y: int) -> list[str]:
    """The bars of one size."""
    parts = [f'<text x="10" y="{y + 16}" font-weight="600">{escape(label)}</text>']
    for number, (name, times) in enumerate(by_name.items()):
        top = y + TITLE + number * ROW
        middle, end = top + ROW // 2 - 2, scale.x(times.p50)
        parts += [
            f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="bar" x="{LEFT}" y="{top}" width="{round(end - LEFT, 1)}"'
            f' height="{ROW - 6}" rx="2"/>',
            f'<line class="whisker" x1="{end}" x2="{scale.x(times.p99)}" y1="{middle}"'
            f' y2="{middle}"/>',
            f'<text class="quiet" x="{WIDTH - RIGHT + 12}" y="{middle + 4}">'
            f"{duration(times.p50)}, {duration(times.p99)}</text>",
        ]
    return parts
