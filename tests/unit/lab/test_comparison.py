"""docs/comparison.md as `lab report --comparison` makes it of a file of results."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from lab import markers
from lab.bench.results import Results
from lab.cli import main
from lab.errors import LabError
from lab.report import comparison
from tests.unit.docs.pages import DOCS, LINK

MEASURED = Path(__file__).with_name("measured.json")
BEGIN, END = markers.lines_of(comparison.NAME)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "which.md"
    page.write_text(f"# Before\n\n{BEGIN}\nof last year\n{END}\n\nAfter\n")
    return page


def test_only_what_stands_between_the_lines_is_replaced(page: Path):
    command = ["report", str(MEASURED), "--comparison", str(page)]
    assert CliRunner().invoke(main, command).exit_code == 0
    once = page.read_text()
    assert once.startswith(f"# Before\n\n{BEGIN}\n")
    assert once.endswith(f"\n{END}\n\nAfter\n")
    assert "of last year" not in once
    assert "| workload | Requests per second |" in once
    assert CliRunner().invoke(main, command).exit_code == 0
    assert page.read_text() == once


def test_each_picture_is_linked_says_what_it_shows_and_stands_alone(page: Path):
    written = comparison.write(page, Results.load(MEASURED))
    assert {path.name for path in written} == {*LINK.findall(page.read_text())}
    assert len(written) == 2
    for path in written:
        root = ElementTree.parse(path).getroot()
        title, description, style = [*root][:3]
        assert title.text and description.text and "paceline" in description.text
        assert "prefers-color-scheme" in str(style.text)


def test_pictures_leave_out_what_all_have_in_common(page: Path):
    measured = Results.load(MEASURED)
    measured.servers = [f"{name} 64c" for name in measured.servers]
    measured.runs = [replace(run, server=f"{run.server} 64c") for run in measured.runs]
    for path in (page, *comparison.write(page, measured)):
        assert "64c" not in path.read_text()
    target = "| hello | CPU per request: paceline ÷ granian | at most 1.25 x, aim 1 |"
    assert target in page.read_text()


def test_a_picture_of_what_is_no_more_measured_is_removed(page: Path):
    stale = page.with_name("which-gone.svg")
    stale.touch()
    other = page.with_name("other.svg")
    other.touch()
    comparison.write(page, Results.load(MEASURED))
    assert not stale.exists()
    assert other.exists()


def test_a_page_without_a_place_is_refused_and_nothing_is_written(tmp_path: Path):
    page = tmp_path / "README.md"
    page.write_text("# Nothing here\n")
    with pytest.raises(LabError, match="has no lines"):
        comparison.write(page, Results.load(MEASURED))
    assert [*tmp_path.iterdir()] == [page]


def test_the_page_of_the_lab_has_its_place():
    text = (DOCS / "comparison.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
