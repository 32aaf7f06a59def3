"""Programs are started without a shell, everywhere: nothing that comes in can become a command."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SOURCES = [path for room in ("server", "lab", "webapp") for path in (REPO / room).rglob("*.py")]

SHELLS = {
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"),
    *("asyncio.create_subprocess_shell", "platform.popen", "commands.getoutput"),
}
PROGRAMS = {"sh", "bash", "dash", "/bin/sh", "/bin/bash"}


def shells(tree: ast.AST) -> Iterator[str]:
    """Every call that starts a shell, and every shell's name in a list."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, keywords=keywords):
                if ast.unparse(function) in SHELLS:
                    yield ast.unparse(function)
                for word in keywords:
                    if word.arg == "shell" and ast.unparse(word.value) != "False":
                        yield ast.unparse(node)
            case ast.ImportFrom(module=module, names=names):
                yield from ({f"{module}.{name.name}" for name in names} & SHELLS)
            case ast.List(elts=[ast.Constant(value=name), *_]) if name in PROGRAMS:
                yield ast.unparse(node)


@pytest.mark.parametrize("room", ["server", "lab", "webapp"])
def test_no_program_is_started_by_a_shell(room: str) -> None:
    found = {
        str(path.relative_to(REPO)): calls
        for path in SOURCES
        if path.is_relative_to(REPO / room) and (calls := list(shells(ast.parse(path.read_text()))))
    }
    assert found == {}
    assert any(path.is_relative_to(REPO / room) for path in SOURCES)


@pytest.mark.parametrize(
    "source",
    [
        "os.system('ls')",
        "subprocess.run(command, shell=True)",
        "subprocess.Popen(command, shell=wanted)",
        "from os import popen",
        "subprocess.run(['sh', '-c', command])",
    ],
)
def test_a_shell_is_found(source: str) -> None:
    assert list(shells(ast.parse(source)))
