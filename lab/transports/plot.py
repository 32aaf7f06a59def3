"""The times of `lab transports` as a picture: SVG, light or dark as its reader has chosen."""

from collections.abc import Mapping

from lab.svg import NAMESPACE, Logarithmic, element, text
from lab.transports.measure import Results, Times
from lab.transports.show import duration

WIDTH, LEFT, RIGHT = 720, 70, 170
TOP, TITLE, ROW, GAP = 34, 26, 22, 20
STYLE = """
  svg { background: #ffffff; font: 13px system-ui, sans-serif; }
  text { fill: #1f2328; } .heading { font-weight: 600; }
  .quiet { fill: #59636e; } .grid { stroke: #d1d9e0; }
  .bar { fill: #0969da; } .whisker { stroke: #59636e; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; } .bar { fill: #4493f8; } .whisker { stroke: #9198a1; }
  }
"""
HEADING = "One request by each transport: median, and 99 of 100"


def plot(results: Results) -> str:
    """Bars to the median, lines to the 99th percentile, on one logarithmic scale."""
    every = [times for by_name in results.values() for times in by_name.values()]
    scale = Logarithmic.around(min(each.p50 for each in every), max(each.p99 for each in every))
    parts, y = list[str](), TOP
    for label, by_name in results.items():
        parts += panel(label, by_name, scale, y)
        y += TITLE + ROW * len(by_name) + GAP
    lines = [
        element("style", STYLE),
        text(HEADING, class_="heading", x=10, y=20),
        *grid(scale, TOP, y - GAP),
        *parts,
    ]
    return element(
        "svg",
        "\n".join(["", *lines, ""]),
        xmlns=NAMESPACE,
        viewBox=f"0 0 {WIDTH} {y}",
        role="img",
        aria_label="Time of a request by each transport",
    )


def place(scale: Logarithmic, seconds: float) -> float:
    """Where a time is, in pixels."""
    return round(LEFT + scale.share(seconds) * (WIDTH - LEFT - RIGHT), 1)


def grid(scale: Logarithmic, top: int, bottom: int) -> list[str]:
    """A line for each power of ten."""
    found = []
    for seconds in scale.decades():
        x, said = place(scale, seconds), duration(seconds).replace(".0", "")
        found.append(element("line", class_="grid", x1=x, x2=x, y1=top, y2=bottom))
        found.append(text(said, class_="quiet", x=x, y=bottom + 14, text_anchor="middle"))
    return found


def panel(label: str, by_name: Mapping[str, Times], scale: Logarithmic, y: int) -> list[str]:
    """The bars of one size."""
    parts = [text(label, class_="heading", x=10, y=y + 16)]
    for number, (name, times) in enumerate(by_name.items()):
        top = y + TITLE + number * ROW
        middle, end, last = top + ROW // 2 - 2, place(scale, times.p50), place(scale, times.p99)
        bar = {"x": LEFT, "y": top, "width": round(end - LEFT, 1), "height": ROW - 6, "rx": 2}
        said = f"{duration(times.p50)}, {duration(times.p99)}"
        parts += [
            text(name, x=LEFT - 8, y=middle + 4, text_anchor="end"),
            element("rect", class_="bar", **bar),
            element("line", class_="whisker", x1=end, x2=last, y1=middle, y2=middle),
            text(said, class_="quiet", x=WIDTH - RIGHT + 12, y=middle + 4),
        ]
    return parts
