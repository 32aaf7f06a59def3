"""The documents, taken apart: names in backticks, links, blocks of code, tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

REPO = Path(__file__).resolve().parents[3]
DOCS = REPO / "docs"

PAGES = [*(REPO / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY"))]
PAGES += sorted(DOCS.glob("*.md"))
LINKING = [*PAGES, REPO / "server/README.md", REPO / "tests/corpus/README.md"]
PICTURES = sorted(DOCS.glob("*.svg"))

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def blocks(text: str) -> list[str]:
    """The lines of a page's blocks of code."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def names(page: Path) -> list[str]:
    """What stands in backticks, or is set as code in a picture; each once, in order."""
    if page.suffix == ".svg":
        elements = ElementTree.parse(page).iter()
        found = [e.text or "" for e in elements if "code" in e.get("class", "").split()]
    else:
        found = CODE.findall(prose(page.read_text()))
    return list(dict.fromkeys(found))


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text()), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Each table as rows of cells, the heading first."""
    lines = [*page.read_text().splitlines(), ""]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not set("".join(cells)) <= set("-: "):
                rows.append(cells)
        elif rows:
            yield rows
            rows = []


def table(page: Path, *heading: str) -> list[list[str]]:
    """The rows below a heading; the tables of one heading are taken together."""
    found = [row for each in tables(page) if each[0] == list(heading) for row in each[1:]]
    assert found, f"{page.name} has no table of {heading}"
    return found


def bare(cell: str) -> str:
    """A cell without its backticks."""
    return cell.replace("`", "")
