"""Everything that paceline raises on purpose.

    PacelineError
    ├── ConfigError             a setting that cannot be used; the command line exits with 2
    ├── ApplicationLoadError    the application could not be imported or is not callable
    ├── ApplicationError        the application broke the rules of PEP 3333
    ├── Disconnected            the client went away; nobody is left to answer
    └── RequestError            a request that gets its answer from the server itself
        ├── BadRequest              400
        ├── RequestTimeout          408
        ├── ContentTooLarge         413
        ├── URITooLong              414
        ├── ExpectationFailed       417
        ├── FieldsTooLarge          431
        ├── NotImplementedByServer  501
        ├── ServiceUnavailable      503
        └── VersionNotSupported     505

Each RequestError carries its own status, so no second place maps one to the other.
"""


class PacelineError(Exception):
    """The root: catch it to catch all that is raised on purpose."""


class ConfigError(PacelineError):
    """A setting that cannot be used; its text is one line that says what to do."""


class ApplicationLoadError(PacelineError):
    """The application could not be imported, or what was named is not callable."""


class ApplicationError(PacelineError):
    """The application broke PEP 3333; the client gets 500 if nothing was sent yet."""


class Disconnected(PacelineError):
    """The client closed, reset, or stopped taking its answer."""


class RequestError(PacelineError):
    """A request that the server answers itself and whose connection it then closes.

    The text goes to the log and, since it says nothing about the server, to the client.
    """

    status = "400 Bad Request"


class BadRequest(RequestError):
    """Not HTTP by RFC 9112, or not to be understood in only one way."""


class RequestTimeout(RequestError):
    """A head or body that did not arrive in its time."""

    status = "408 Request Timeout"


class ContentTooLarge(RequestError):
    """A body past ``Limits.request_body``."""

    status = "413 Content Too Large"


class URITooLong(RequestError):
    """A request line past ``Limits.request_line``."""

    status = "414 URI Too Long"


class ExpectationFailed(RequestError):
    """An ``Expect`` other than ``100-continue`` (RFC 9110, 10.1.1)."""

    status = "417 Expectation Failed"


class FieldsTooLarge(RequestError):
    """Too many fields, or one that is too long (RFC 6585, 5)."""

    status = "431 Request Header Fields Too Large"


class NotImplementedByServer(RequestError):
    """A transfer coding that this server does not know (RFC 9112, 6.1)."""

    status = "501 Not Implemented"


class ServiceUnavailable(RequestError):
    """No room for one more at this moment."""

    status = "503 Service Unavailable"


class VersionNotSupported(RequestError):
    """A version of HTTP other than 1.0 and 1.1 (RFC 9110, 15.6.6)."""

    status = "505 HTTP Version Not Supported"
