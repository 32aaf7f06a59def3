"""The lock files: everything pinned and hashed, one version everywhere, no machine named."""

import re
from pathlib import Path

import pytest

from lab.install import lock as locks
from lab.install import main
from lab.serve import read_servers

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements"
EXTRAS = {lock for each in read_servers().values() if each.build_packages for lock in locks(each)}
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
PIN = re.compile(r"^([a-z0-9-]+)==([0-9][\w.]*)(?: ; [^\\]+)? \\$", re.MULTILINE)

ALONE = {"atheris"}
"""In no other lock: it has wheels for few machines."""


def pins(lock: Path) -> dict[str, str]:
    return dict(PIN.findall(lock.read_text()))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
class TestLock:
    def test_every_line_is_a_pin_a_hash_or_a_comment(self, lock: Path):
        known = re.compile(rf"{PIN.pattern}|^    --hash=sha256:[0-9a-f]{{64}}( \\)?$|^ +#", re.M)
        assert [line for line in lock.read_text().splitlines() if not known.search(line)] == []

    def test_every_pin_has_a_hash(self, lock: Path):
        for entry in re.split(r"^(?=[a-z])", lock.read_text(), flags=re.M)[1:]:
            assert "--hash=sha256:" in entry, entry.splitlines()[0]

    def test_it_holds_the_versions_of_dev(self, lock: Path):
        everything = pins(REQUIREMENTS / "dev.txt")
        shared = {name: pin for name, pin in pins(lock).items() if name in everything}
        assert shared.items() <= everything.items()
        alone = pins(lock).keys() - shared.keys() - {*ALONE}
        assert not alone or lock.stem in EXTRAS | {"locust"}


def test_the_locks_that_installs_use_are_there():
    others = {"dev", "lab", "webapp", "console", "fuzz", "locust", "server-tests"}
    assert {lock.stem for lock in LOCKS} == others | {*main(["locks"])}


def test_django_is_the_long_term_release():
    assert pins(REQUIREMENTS / "webapp.txt")["django"].startswith("5.2.")
