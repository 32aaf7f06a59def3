"""Imports run one way: read from the sources, so that no forgotten import slips through.

Imports under `if TYPE_CHECKING` name types for annotations and do not count; imports inside
functions do.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]

# Paceline from the top down: a room may import what stands in lines below its own, and itself.
# Rooms of one line never import each other.
LAYERS = """
    __main__            settings.reference
    cli
    process             testing
    server
    concurrency
    health
    observed
    conversation
    ending
    sender
    service
    exchange            incoming            outgoing            application
    wsgi                transport
    http                config
    settings
    observe             limits              balance
    errors
"""

RANKS = {
    room: rank
    for rank, line in enumerate(reversed(LAYERS.strip().splitlines()))
    for room in line.split()
}

SANS_IO_NEVER_IMPORTS = {
    *("socket", "ssl", "select", "selectors", "asyncio", "threading", "queue", "multiprocessing"),
    *("time", "datetime", "logging", "os", "io", "signal"),
}


def modules(folder: str) -> dict[str, ast.Module]:
    """Every module below a folder of the repository, by its dotted name."""
    root = REPO / folder
    paths = root.rglob("*.py")
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): ast.parse(path.read_text())
        for path in paths
        if not {".venv", "build"} & set(path.parts)
    }


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted name of every module that may be imported when code of a tree runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from package import x` may mean a module x of the package, or a name in it.
            package = "." * node.level + (node.module or "")
            yield from (f"{package}.{alias.name}" for alias in node.names)
        yield from imports(node)


def room(name: str) -> str | None:
    """The room of LAYERS that a dotted name within paceline stands in; None for the package."""
    parts = name.split(".")
    for length in (2, 1):
        if ".".join(parts[:length]) in RANKS:
            return ".".join(parts[:length])
    assert parts[0] not in TOPS, f"{parts[0]} has no place in LAYERS yet"
    return None


PACELINE = modules("server/paceline")
TOPS = {name.split(".")[0] for name in PACELINE} - {"__init__"}


def test_every_room_of_paceline_is_there():
    assert {layer.split(".")[0] for layer in RANKS} == TOPS


@pytest.mark.parametrize("name", [name for name in PACELINE if name != "__init__"])
def test_inside_paceline_imports_run_downward(name: str):
    here = room(name)
    assert here is not None
    for imported in imports(PACELINE[name]):
        assert not imported.startswith("."), f"write {imported} absolute"
        package, _, rest = imported.partition(".")
        there = room(rest) if package == "paceline" else None
        if there not in (None, here):
            assert RANKS[there] < RANKS[here], f"{here} imports {imported}, which is not below it"


def test_paceline_needs_the_standard_library_alone():
    needed = {name.split(".")[0] for tree in PACELINE.values() for name in imports(tree)}
    assert needed <= sys.stdlib_module_names | {"paceline"}


def test_paceline_has_the_license_along_where_it_goes_alone():
    assert (REPO / "server/LICENSE").read_text() == (REPO / "LICENSE").read_text()


def test_the_package_itself_imports_nothing():
    assert list(imports(PACELINE["__init__"])) == []


@pytest.mark.parametrize("name", [name for name in PACELINE if name.startswith("http.")])
def test_http_is_sans_io(name: str):
    assert {imported.split(".")[0] for imported in imports(PACELINE[name])}.isdisjoint(
        SANS_IO_NEVER_IMPORTS
    )


@pytest.mark.parametrize(
    ("folder", "strangers"),
    [
        ("webapp", {"paceline", "lab", "tests"}),
        ("server/paceline", {"lab", "webapp", "tests", "config", "tiny", "guestbook"}),
        ("lab", {"webapp", "tests", "config", "tiny", "guestbook", "workload"}),
    ],
)
def test_rooms_of_the_repository_know_each_other_by_public_names_alone(
    folder: str, strangers: set[str]
):
    found = modules(folder)
    assert found
    for name, tree in found.items():
        known = {imported.split(".")[0] for imported in imports(tree)}
        assert known.isdisjoint(strangers), f"{folder}/{name} imports {known & strangers}"


def test_lab_serve_needs_the_standard_library_alone():
    tree = ast.parse((REPO / "lab/serve.py").read_text())
    assert {imported.split(".")[0] for imported in imports(tree)} <= sys.stdlib_module_names


def test_the_reader_of_imports_sees_them_all():
    source = (
        "import a.b\nfrom c import d\nfrom .sibling import k\n"
        "def f():\n    from e import g\n"
        "if TYPE_CHECKING:\n    import h\n"
        "try:\n    import i\nexcept ImportError:\n    import j\n"
    )
    assert list(imports(ast.parse(source))) == ["a.b", "c.d", ".sibling.k", "e.g", "i", "j"]
