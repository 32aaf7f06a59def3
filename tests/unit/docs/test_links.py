"""Links between the documents lead to a file, and to a heading where they name one."""

from pathlib import Path

import pytest

from tests.unit.docs.pages import LINK, LINKING, REPO, anchors, prose

pages = pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(REPO)))


def links(page: Path) -> list[str]:
    found = LINK.findall(prose(page.read_text()))
    return [link for link in found if not link.startswith(("http://", "https://"))]


@pages
def test_links_lead_somewhere(page: Path):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_every_document_is_linked():
    linked = {(page.parent / link).resolve() for page in LINKING for link in links(page)}
    assert {*REPO.glob("docs/*"), REPO / "CONTRIBUTING.md", REPO / "server/README.md"} <= linked
