from collections.abc import Iterator

import pytest

from tests.unit.console.running import Console


@pytest.fixture(scope="package")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One for all tests that do it no harm."""
    with Console(tmp_path_factory.mktemp("console")) as running:
        yield running
