"""Which packages a project requires: the files that say so, copied out of it.

    python -m lab.project.requirements FOLDER

writes them into FOLDER, for the project that APP_PATH names, with a file ALL beside them for pip;
that one is empty where nothing is required.  Only what changes them changes their copies, so that
an edit elsewhere in the project installs nothing anew.
"""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from lab.serve import WordError

ALL = "all.txt"
NONE = "none"
TXT, TOML = "requirements.txt", "pyproject.toml"
INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)", re.M)
"""A further file, as pip reads it: https://pip.pypa.io/en/stable/reference/requirements-file-format/"""


def wanted(folder: Path, named: str) -> dict[str, str]:
    """The text of each file by its path within the project, the first for pip.

    ``named`` is the word APP_REQUIREMENTS.  Raises WordError.
    """
    if named == NONE:
        return {}
    if named and not (folder / named).is_file():
        raise WordError(f"APP_REQUIREMENTS={named}: there is no such file in {folder}")
    found = [name for name in (TXT, TOML) if (folder / name).is_file()]
    first = named or (found[0] if found else "")
    if not first:
        return {}
    if Path(first).suffix == ".toml":
        return {TXT: dependencies(folder / first)}
    files: dict[str, str] = {}
    add(files, folder.resolve(), first)
    return files


def add(files: dict[str, str], folder: Path, name: str) -> None:
    """Adds a file and those that it includes.  Raises WordError for one outside of the project."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise WordError(f"{name} is not in {folder}, which alone the lab is given")
    inside = str(path.relative_to(folder))
    if inside in files:
        return
    try:
        files[inside] = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WordError(f"{path}: cannot be read: {error}") from None
    for further in INCLUDED.findall(files[inside]):
        if "://" not in further:
            add(files, folder, str(path.parent / further))


def dependencies(path: Path) -> str:
    """What a pyproject.toml names, a line each.  Raises WordError where pip alone could tell."""
    try:
        project = tomllib.loads(path.read_text()).get("project", {})
    except (OSError, ValueError) as error:
        raise WordError(f"{path}: cannot be read: {error}") from None
    if "dependencies" in project.get("dynamic", ()) or not project:
        raise WordError(
            f"{path} does not say in [project] what is required: name a file that does by "
            f"APP_REQUIREMENTS, or say APP_REQUIREMENTS={NONE}"
        )
    return "".join(f"{line}\n" for line in project.get("dependencies", ()))


def write(files: Mapping[str, str], place: Path) -> None:
    """Writes them, and the file ALL, into a folder."""
    first = next(iter(files), "")
    empty = not first or not files[first].strip()
    for name, text in {**files, ALL: "" if empty else f"-r {first}\n"}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> None:
    """In the build of an image; exits with 2 where a word cannot be followed."""
    place, path = Path(sys.argv[1]), os.environ.get("APP_PATH", "")
    named = os.environ.get("APP_REQUIREMENTS", "")
    try:
        write(wanted(Path(path), named) if path else {}, place)
    except WordError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
