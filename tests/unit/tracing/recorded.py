"""For the tests of Django's spans: programs that record themselves, in processes of their own.

What `instrument` changes stays changed, and Django takes its settings once, so that neither is for
the process of the tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.tracing.recording import CURRENT, Recording

REPO = Path(__file__).resolve().parents[3]


def run(program: str, directory: Path, **variables: str) -> dict[str, Any]:
    """What a program beside this file prints, which is JSON; it keeps its files in `directory`."""
    unset = {"DATABASE_URL", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_COOKIES"}
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    environ |= {"DATA_DIR": f"{directory}/data", "STATIC_ROOT": f"{directory}/static"}
    environ |= {"PYTHONPATH": os.pathsep.join([str(REPO), str(REPO / "webapp")])} | variables
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name(program)],
        env=environ,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"stderr": done.stderr}


def record(work: Callable[[], Any]) -> dict[str, Any]:
    """Calls `work` as a request that is recorded; says what was."""
    recording = Recording()
    token = CURRENT.set(recording)
    try:
        result = work()
    finally:
        CURRENT.reset(token)
    return {
        "result": result,
        "tree": tree(recording),
        "spans": [
            {
                "name": span.name,
                "seconds": span.end - span.start,
                "attributes": span.attributes or {},
                "error": span.error,
            }
            for span in recording.spans
        ],
        "attributes": recording.attributes,
        "open": [span.name for span in recording.spans if not span.end],
        "nested": nested(recording),
    }


def tree(recording: Recording) -> list[str]:
    """The name of each span, two spaces deeper than that of its parent."""
    depths = {-1: -1}
    for index, span in enumerate(recording.spans):
        depths[index] = depths[span.parent] + 1
    return ["  " * depths[index] + span.name for index, span in enumerate(recording.spans)]


def nested(recording: Recording) -> bool:
    """Whether each span has ended, within the time of its parent."""
    for span in recording.spans:
        outer = recording.spans[span.parent] if span.parent >= 0 else span
        if not outer.start <= span.start <= span.end <= outer.end:
            return False
    return True
