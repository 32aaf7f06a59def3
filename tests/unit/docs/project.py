"""What there is in the repository: names by their syntax trees, files, addresses, settings."""

import ast
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from paceline.config import SETTINGS

from lab.console import ingest
from tests.unit.docs.pages import REPO

ROOTS = [REPO, REPO / "server/paceline", REPO / "webapp"]
SOURCES = ["server/paceline", "lab", "webapp"]
CASES = REPO / "tests/corpus"
VARIABLES = [REPO / ".env.example", REPO / "tests/services/requirements.py"]
NGINX = (REPO / "nginx/nginx.conf.template").read_text()


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for source in SOURCES:
        for path in (REPO / source).rglob("*.py"):
            yield path, ast.parse(path.read_text())


def defined(node: ast.AST, owner: str = "") -> Iterator[str]:
    """What a module or a class defines, dotted: Class, Class.method, Class.attribute."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name):
                yield f"{owner}{name}"
                yield from defined(child, f"{owner}{name}.")
            case ast.FunctionDef(name=name):
                yield f"{owner}{name}"
                yield from (f"{owner}{name}.{argument.arg}" for argument in child.args.args)
                yield from (f"{owner}{attribute}" for attribute in attributes(child))
            case ast.Name(id=name, ctx=ast.Store()):
                yield f"{owner}{name}"
            case _:
                yield from defined(child, owner)


def attributes(method: ast.FunctionDef) -> Iterator[str]:
    """What a method assigns to its object."""
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(defined(ast.parse(path.read_text())))


@cache
def dotted() -> frozenset[str]:
    """Every dotted name of the sources, and every end of it: a.b.c, b.c, c."""
    found = set()
    for path, _ in trees():
        module = ".".join(path.relative_to(REPO).with_suffix("").parts)
        for name in ("", *names_in(path)):
            parts = f"{module}.{name}".rstrip(".").split(".")
            found.update(".".join(parts[start:]) for start in range(len(parts)))
    return frozenset(found)


@cache
def texts() -> frozenset[str]:
    """Every string constant of the sources: keys of an environ, words, names of models."""
    constants = (node for _, tree in trees() for node in ast.walk(tree))
    return frozenset(
        node.value
        for node in constants
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def words() -> frozenset[str]:
    """What is a name without being Python's: settings, nginx's directives, entries of tables."""
    lines = re.sub(r"\$\{(?:HTTP|UWSGI)\}", "", NGINX).splitlines()
    directives = (line for line in lines if not line.lstrip().startswith("#"))
    servers = tomllib.loads((REPO / "lab/servers.toml").read_text())
    models = {model for server in servers.values() for model in server["concurrency"]}
    settings = {setting.name for setting in SETTINGS} | {setting.env for setting in SETTINGS}
    variables = re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", "".join(map(Path.read_text, VARIABLES)))
    nginx = re.findall(r"\w+", "\n".join(directives))
    return frozenset({*nginx, *servers, *models, *settings, *variables})


def has_name(name: str) -> bool:
    """Whether a name, dotted or not, of code, a setting, a case or a key, means something."""
    name = re.sub(r"\(.*\)", "", name)
    if (
        name in dotted() | words()
        or {name, name.lower()} & texts()
        or (CASES / f"{name}.toml").exists()
    ):
        return True
    try:
        module = "." in name or name in sys.stdlib_module_names
        return module and bool(pkgutil.resolve_name(name))
    except (ImportError, AttributeError, ValueError):
        return False


def has_file(path: str) -> bool:
    """Whether a path, from one of the roots, leads somewhere; `<room>` and `*` match anything."""
    pattern = re.sub(r"<\w+>", "*", path).rstrip("/")
    made = (REPO / ".gitignore").read_text().split()  # what a run makes, such as var/
    is_made = any(f"/{path}".startswith(each) for each in made if each.startswith("/"))
    return is_made or any(next(root.glob(pattern), None) for root in ROOTS)


@cache
def addresses() -> frozenset[str]:
    """The paths that applications and console answer, and those that nginx does; <name> in them."""
    found = {*re.findall(r"location (?:= |\^~ )?(/\S*)", NGINX), *ingest.TYPES}
    for _, tree in trees():
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Name(id="path" | "workload" as kind), args=[ast.Constant(value=v), *_]
                ):
                    found.add(f"/{v}" if kind == "path" else f"/workload/{v}/")
    return frozenset(re.sub(r"<\w+:", "<", each) for each in found)


def has_address(path: str) -> bool:
    """Whether a path, with or without a query, is answered; `…` stands for any end."""
    path = path.partition("?")[0]
    if path.endswith("…"):
        return any(each.startswith(path[:-1]) for each in addresses())
    return path in addresses()
