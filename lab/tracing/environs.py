"""WSGI environs → JSON in which what is secret is masked; fast, for the servers' sake.

By its names, of which most environs have the same ones in the same order, one is known to have
nothing to hide but in its URLs.
"""

from collections.abc import Mapping
from typing import Any

from lab.tracing.jsons import by_class, dumps
from lab.tracing.mask import is_secret_variable, mask_variable
from lab.tracing.secret_names import may_hold_secrets

KINDS = 256
"""Sets of names that are kept; each client has its own few."""

SHOWN = (bool, int, tuple, type(None))
"""Types of values that are shown, and not their class."""
NESTED = frozenset((dict, list, set, frozenset))
URL_SIGNS = "?", "&", ";", "#", "%", "://"

_kinds: dict[tuple[str, ...], bool] = {}
"""Whether an environ of these names has a value that is hidden because of its name."""


def environ_json(environ: Mapping[str, Any]) -> str:
    """As an object of texts and simple values; other objects by their class."""
    names = tuple(environ)
    secret = _kinds.get(names)
    if secret is None:
        secret = _kind(names)
    if not secret and NESTED.isdisjoint(map(type, environ.values())):
        text = dumps(environ)
        if not may_hold_parameters(text, environ):
            return text
    return dumps({name: mask_variable(name, shown(value)) for name, value in environ.items()})


def may_hold_parameters(text: str, environ: Mapping[str, Any]) -> bool:
    """Whether a URL in it may have something secret; a quick look."""
    has_urls = environ.get("QUERY_STRING") or max(map(text.find, URL_SIGNS)) >= 0
    return bool(has_urls) and may_hold_secrets(text.encode("ascii"))


def shown(value: Any) -> str:
    """A value as text; of an object its class."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) in SHOWN else by_class(value)


def _kind(names: tuple[str, ...]) -> bool:
    if len(_kinds) >= KINDS:
        _kinds.clear()
    secret = _kinds[names] = any(map(is_secret_variable, names))
    return secret
