"""The file that tells others which process to signal."""

import os
from pathlib import Path

from paceline.errors import ConfigError


class PidFile:
    """Holds the number of this process from write() to remove()."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PidFile) and self._path == other._path

    def write(self) -> None:
        """Replace a stale file; ConfigError where its process lives or it cannot be written."""
        owner = self._owner()
        if owner and owner != os.getpid() and _lives(owner):
            raise ConfigError(
                f"{self._path} belongs to process {owner}, which is running; stop that, "
                "or name another --pid (remove the file if that process is something else)"
            )
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            new.unlink(missing_ok=True)
            # Made here: a link that lies in wait in a folder of everybody's is not followed.
            with new.open("x") as file:
                file.write(f"{os.getpid()}\n")
            new.replace(self._path)
        except OSError as error:
            raise ConfigError(f"cannot write --pid {self._path}: {error.strerror}") from None

    def remove(self) -> None:
        """Remove the file unless another process has replaced it."""
        if self._owner() == os.getpid():
            self._path.unlink(missing_ok=True)

    def _owner(self) -> int:
        try:
            return max(0, int(self._path.read_text()))
        except (OSError, ValueError):
            return 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True
