"""What the tests of hostile clients share."""

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short name, since a Unix socket's path may be 107 bytes at most."""
    return tmp_path_factory.mktemp("s")
