"""What a proxy says of the client it speaks for, and whom to believe it.

Anyone can send ``X-Forwarded-Proto: https``.  Only a trusted peer, one in
``forwarded_allow_ips``, decides anything by it; what others send is taken out of the environ,
since applications tend to believe it unasked.

    field                                   trusted peer                 any other peer
    names the scheme (X-Forwarded-Proto …)  decides wsgi.url_scheme      cleared
    any other X-Forwarded-*, PROXY_FIELDS   passes                       cleared
    SCRIPT_NAME, PATH_INFO                  overrides the environ's own  as the next line
    any other name with an underscore       as ``header_map`` says       as ``header_map`` says
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paceline.errors import BadRequest
from paceline.wsgi.keys import KEYS

log = logging.getLogger("paceline.error")

PROXY_FIELDS = frozenset({"forwarded", "x-real-ip"})
PROXY_PREFIX = "x-forwarded-"
"""How all others begin that proxies use: ``-for`` and ``-proto``, but also an authenticating
proxy's ``-user`` and ``-groups``, or ``-client-cert``."""


@dataclass
class Forwarding:
    """The policy of a worker: gunicorn's and waitress's settings of the same names.

    ``build`` looks into the two sets itself and calls a method only where a request has such a
    field, so that others do not pay for it.
    """

    secure_scheme_headers: Mapping[str, str] = field(
        default_factory=lambda: {
            "x-forwarded-protocol": "ssl",
            "x-forwarded-proto": "https",
            "x-forwarded-ssl": "on",
        }
    )
    """Fields that name the scheme, each with the value that means https; all in lower case."""
    forwarder_headers: frozenset[str] = frozenset({"script_name", "path_info"})
    """Names with an underscore that a trusted peer may set."""
    header_map: str = "drop"
    """Other fields with an underscore: drop, refuse, or dangerous (let them through)."""
    clear_untrusted_proxy_headers: bool = True
    """Whether the application never sees what an untrusted peer says as a proxy."""

    scheme_fields: frozenset[str] = field(init=False)
    """The names in ``secure_scheme_headers``."""
    cleared: frozenset[str] = field(init=False)
    """The names that only a trusted peer may use, beside those that begin with PROXY_PREFIX."""
    _warned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Derive the sets that each request is looked up in."""
        self.scheme_fields = frozenset(self.secure_scheme_headers)
        clears = self.clear_untrusted_proxy_headers
        self.cleared = PROXY_FIELDS | self.scheme_fields if clears else frozenset()

    def clears(self, name: str) -> bool:
        """Tell whether only a trusted peer may use a field of this name."""
        return bool(self.cleared) and (name in self.cleared or name.startswith(PROXY_PREFIX))

    def apply_scheme(self, environ: dict[str, Any], fields: Mapping[str, str]) -> None:
        """Set wsgi.url_scheme by a trusted peer's fields.  Raises BadRequest if they disagree."""
        said = ""
        for name, secure in self.secure_scheme_headers.items():
            if name in fields:
                scheme = "https" if fields[name].lower() == secure else "http"
                if said and scheme != said:
                    raise BadRequest("The proxy's fields contradict each other about the scheme.")
                said = scheme
        environ["wsgi.url_scheme"] = said

    def clear(self, environ: dict[str, Any], fields: Mapping[str, str], peer: str) -> None:
        """Take out what an untrusted peer says as a proxy; log it the first time that happens.

        The first time only: where it is the user's own proxy, each request has such fields.
        """
        names = [*filter(self.clears, fields)]
        for name in names:
            environ.pop(KEYS[name], None)
        if names and not self._warned:
            self._warned = True
            log.warning(
                "%s is not in forwarded_allow_ips, so the application does not see its %s; "
                "if it is your proxy, name it there (said once)",
                *(peer, ", ".join(sorted(names))),
            )

    def apply_underscored(
        self, environ: dict[str, Any], fields: Iterable[tuple[str, str]], trusted: bool
    ) -> None:
        """Treat fields with an underscore, whose environ key looks like another field's.

        ``X_Real-IP`` would become HTTP_X_REAL_IP too.  Raises BadRequest where they are refused.
        """
        for name, value in fields:
            if trusted and name in self.forwarder_headers:
                _override(environ, name.upper(), value)
            elif self.header_map == "refuse":
                raise BadRequest("A header field's name has an underscore.")
            elif self.header_map == "dangerous" and (
                trusted or not self.clears(name.replace("_", "-"))
            ):
                environ[KEYS[name]] = value


def _override(environ: dict[str, Any], key: str, value: str) -> None:
    """Set a CGI variable; a mount point (SCRIPT_NAME) moves from the path to there."""
    if key == "SCRIPT_NAME":
        path = environ["PATH_INFO"]
        rest = path[len(value) :]
        if not path.startswith(value) or (value and rest and not rest.startswith("/")):
            raise BadRequest("The path is not beneath the proxy's SCRIPT_NAME.")
        environ["PATH_INFO"] = rest
    environ[key] = value
