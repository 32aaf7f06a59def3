"""Call the application, send what it gives, and close it (PEP 3333, "Specification Details")."""

from collections.abc import Callable, Iterable
from typing import Any

from paceline.wsgi.environ import Environ
from paceline.wsgi.file_wrapper import FileWrapper
from paceline.wsgi.response import Answer

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def call(application: Application, environ: Environ, answer: Answer, sendfile: bool) -> None:
    """Run one request through the application.

    Raises whatever the application raises, ApplicationError where it breaks the rules, and
    Disconnected where the client went away; ``close()`` was called in each case.
    """
    result = application(environ, answer.start_response)
    kind = type(result)
    if (kind is list or kind is tuple) and len(result) == 1 and not answer.head_sent:  # type: ignore[arg-type]
        answer.send_whole(result[0])  # type: ignore[index]
        return  # neither has a close()
    try:
        if kind is FileWrapper and sendfile and _send_file(result, answer):  # type: ignore[arg-type]
            return
        for data in result:
            answer.write(data)
            if answer.wants_no_more:
                break
        answer.finish(cut=kind is FileWrapper)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _send_file(result: FileWrapper, answer: Answer) -> bool:
    part = None if answer.head_sent else result.regular_file()
    if part is None:
        return False
    answer.send_file(*part)
    return True
