"""What applications do wrong, as data: a row of the table in docs/server-behavior.md each.

TOKEN in a target stands for a name of the test's own.  ``says`` is in the log, once.
"""

from dataclasses import dataclass
from urllib.parse import quote

FAILS = "500"
CUT = "a connection cut off"
WHOLE = "the whole answer, and the end of the connection"
PROMISED = "what was promised; the rest is dropped, the connection closed"
PARENTS = "the worker's answer alone; the child ends, with the status of its `sys.exit()` or 1"


@dataclass(frozen=True)
class Fault:
    """One request, and what comes of it."""

    row: str
    target: str
    gets: str
    says: str
    body: bytes = b""

    def __str__(self) -> str:
        return self.target


def _fail(row: str, gets: str, *places: str) -> list[Fault]:
    raises = [Fault(row, f"/fail?token=TOKEN&at={at}", gets, "Intended: TOKEN") for at in places]
    exits = [
        Fault(row, f"/fail?token=TOKEN&exit=1&at={at}", gets, "SystemExit: 3") for at in places
    ]
    return raises + exits


def _bad(row: str, says: str, *names: str) -> list[Fault]:
    return [Fault(row, f"/raw/bad?what={quote(name)}", FAILS, says) for name in names]


EARLY = "it raises, or calls `sys.exit()`, before the first byte of its answer was sent"
LATER = "it raises, or calls `sys.exit()`, later: in `write()`'s wake, in its iterator"
CLOSE = "it raises, or calls `sys.exit()`, in `close()`"
FIELD = (
    "a field with CR, LF, NUL or another control character, a name that is no token, a value that"
    " is no latin-1; two lengths, or one that is no number"
)
STATUS = "a status that is not three digits, a space, a phrase; a 1xx"
START = "`start_response` called twice without `exc_info`, or never"
TYPES = "a body that is None, or holds str in place of bytes"
STREAM = "str in place of bytes, later"
LATE = "`write()` after the end of its answer: it raises"
SHORT = "less than its Content-Length"
LONG = "more than its Content-Length"
FORK = "it forks, and the child raises, exits, returns or goes on with the answer"

FAULTS = [
    *_fail(EARLY, FAILS, "call", "started", "first"),
    Fault(EARLY, "/fail?token=TOKEN&at=group", FAILS, "BaseExceptionGroup: two"),
    *_fail(LATER, CUT, "written", "later"),
    *(Fault(CLOSE, each.target, WHOLE, each.says, b"begun") for each in _fail("", "", "close")),
    *_bad(FIELD, "ApplicationError", "value with a line", "value with LF", "value with CR"),
    *_bad(FIELD, "ApplicationError", "value with NUL", "name with a line", "name with a colon"),
    *_bad(FIELD, "ApplicationError", "value past latin-1", "value of bytes", "two lengths"),
    *_bad(FIELD, "ApplicationError", "length of text"),
    *_bad(STATUS, "ApplicationError", "status", "interim", "status with a line"),
    *_bad(START, "ApplicationError", "no start", "no start, no body", "started twice"),
    *_bad(TYPES, "ApplicationError", "text", "text in parts"),
    *_bad(TYPES, "TypeError", "none"),
    Fault(STREAM, "/raw/bad?what=text%20later", CUT, "ApplicationError: The body holds str"),
    Fault(LATE, "/raw/fail?at=write&token=TOKEN", WHOLE, "ApplicationError: write()", b"begun"),
    Fault(SHORT, "/raw/wrong_length?length=3&count=0&token=TOKEN", CUT, "3 bytes short"),
    Fault(SHORT, "/raw/wrong_length?length=3&count=2&token=TOKEN", CUT, "1 bytes short"),
    Fault(LONG, "/raw/wrong_length?length=3&count=9&token=TOKEN", PROMISED, "longer", b"xxx"),
]

FORKS = [
    Fault(FORK, "/raw/fork?token=TOKEN&child=raises", PARENTS, "Intended: TOKEN", b"exit status 1"),
    Fault(FORK, "/raw/fork?token=TOKEN&child=exits", PARENTS, "", b"exit status 7"),
    Fault(FORK, "/raw/fork?token=TOKEN&child=returns", PARENTS, "came back", b"exit status 1"),
    Fault(FORK, "/raw/fork?token=TOKEN&child=ends", PARENTS, "came back", b"exit status 1"),
    Fault(
        FORK, "/raw/fork?token=TOKEN&child=goes%20on", PARENTS, "came back", b"begun exit status 1"
    ),
]
