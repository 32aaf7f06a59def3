"""Accept-Encoding: whether a client would rather have an answer gzipped (RFC 9110, 12.5.3)."""

import re
from functools import lru_cache
from typing import NamedTuple

# Accept-Encoding = #( codings [ OWS ";" OWS "q=" qvalue ] )                  RFC 9110, 12.4.2
# qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
_QVALUE = r"(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)"
_MEMBER = re.compile(rf"[ \t]*([!#$%&'*+\-.^_`|~0-9a-z]+)(?:[ \t]*;[ \t]*q={_QVALUE})?[ \t]*")
_ALIASES = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3


class Wish(NamedTuple):
    """What a client wants."""

    gzip: bool
    """Gzip is welcome, and no less than no coding at all."""
    identity: bool
    """No coding at all would do."""


@lru_cache(maxsize=256)
def wish(field: str) -> Wish:
    """Read the field's value, empty where there is none.

    A member that is not the grammar is passed over: what is not understood is not sent.
    """
    weights: dict[str, float] = {}
    for member in field.lower().split(","):
        match = _MEMBER.fullmatch(member)
        if match:
            coding, weight = _ALIASES.get(match[1], match[1]), float(match[2] or 1)
            weights[coding] = min(weight, weights.get(coding, 1.0))
    others = weights.get("*")
    gzip = weights.get("gzip", others or 0.0)
    identity = weights.get("identity", others)
    return Wish(gzip > 0 and gzip >= (identity or 0.0), identity != 0.0)
