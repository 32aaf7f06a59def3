"""Nothing can be set that is not explained."""

from pathlib import Path

import paceline
import pytest
from paceline.config import SETTINGS
from paceline.settings.declare import Setting
from paceline.settings.help import help_text
from paceline.settings.reference import atoms_table, settings_tables, up_to_date

README = Path(paceline.__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text()


def test_the_tables_of_the_readme_are_in_step(readme: str) -> None:
    assert up_to_date(readme) == readme, f"run: python -m paceline.settings.reference {README}"
    assert settings_tables() in readme
    assert atoms_table() in readme


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_each_setting_is_explained(setting: Setting, readme: str) -> None:
    assert setting.summary.endswith(".")
    assert f"| `{setting.name}` |" in readme
    assert all(f"`{flag}`" in readme for flag in setting.flags)
    assert f"`${setting.env}`" in readme or not setting.env


@pytest.mark.parametrize("columns", [72, 80, 100, 200])
def test_help_shows_each_flag_and_its_text_within_the_terminal(columns: int) -> None:
    shown = help_text(SETTINGS, columns)
    words = shown.split()
    for setting in SETTINGS:
        for flag in setting.flags:
            assert flag in words or f"{flag}," in words
        if setting.flags:
            assert setting.summary in " ".join(words)
    options = shown[shown.index("\nWhere it listens:") : shown.index("\nOptions can")]
    assert max(map(len, options.splitlines())) <= min(columns, 100)


def test_help_begins_with_examples(readme: str) -> None:
    lines = help_text(SETTINGS, 100).splitlines()
    assert lines[0] == "usage: paceline APPLICATION [options]"
    assert sum(line.startswith("  paceline ") for line in lines[:10]) == 5


def test_flags_and_names_are_unique() -> None:
    flags = [flag for setting in SETTINGS for flag in setting.flags]
    assert len(flags) == len(set(flags))
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))
