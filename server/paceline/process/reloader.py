"""--reload: notice that a file of the application has changed.

Files are asked for their modification time once a second.  That costs a few milliseconds
for a few thousand files and works where notifications do not: on network file systems and
in containers' mounted directories.
"""

import glob
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

INTERVAL = 1.0  # seconds


class Watch:
    """The files of all loaded modules, and what else is named."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """`extra` holds paths and patterns such as `templates/**/*.html`."""
        self._extra = tuple(extra)
        self._times: dict[str, int] = {}
        self.changed()

    def also(self, paths: Iterable[str]) -> None:
        """Watch these too, from their state of now on."""
        self._extra += tuple(glob.escape(path) for path in paths)
        self.changed()

    def changed(self) -> str | None:
        """A file that is not as it was at the last look, or None.

        One that is new to the watch counts as unchanged; so does one that is gone, since
        editors replace a file by removing it first.
        """
        found = None
        for path in self._paths():
            try:
                time_now = Path(path).stat().st_mtime_ns
            except OSError:
                continue
            if self._times.setdefault(path, time_now) != time_now:
                self._times[path] = time_now
                found = path
        return found

    def wait(self, between: Callable[[], None] = lambda: None) -> str:
        """Block until a file changes, and return it; `between` is called before each look."""
        while True:
            time.sleep(INTERVAL)
            between()
            if path := self.changed():
                return path

    def _paths(self) -> Iterator[str]:
        # A copy: the application's threads may be importing.
        for module in tuple(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str):
                yield path
        for pattern in self._extra:
            yield from glob.iglob(pattern, recursive=True)


def files_behind(error: BaseException | None) -> Iterator[str]:
    """The files whose change might mend what failed.

    A module that failed to import is not in `sys.modules`, so its file is taken from the
    traceback; a missing one may appear in the working directory.
    """
    yield str(Path.cwd())
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            yield frame.filename
        if isinstance(error, SyntaxError) and error.filename:
            yield error.filename
        error = error.__cause__ or error.__context__
