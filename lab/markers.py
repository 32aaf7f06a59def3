"""What is made stands in a page between two comments; what people wrote stays around it."""

from pathlib import Path

from lab.errors import LabError


def put(path: Path, name: str, content: str) -> None:
    """Puts text between the lines ``NAME: begin`` and ``NAME: end`` of a page.

    Raises LabError where it has no such lines, or cannot be written.
    """
    begin, end = lines_of(name)
    before, after = around(path, name)
    try:
        path.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}")
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None


def around(path: Path, name: str) -> tuple[str, str]:
    """What stands before these lines of a page, and behind them.

    Raises LabError where it has no such lines, or cannot be read.
    """
    begin, end = lines_of(name)
    try:
        before, found, rest = path.read_text().partition(begin)
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise LabError(f"{path} has no lines {begin} and {end} to write between")
    return before, after


def lines_of(name: str) -> tuple[str, str]:
    """The two comments."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
