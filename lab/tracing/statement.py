"""An SQL statement as a span says it: its first word, its text without what may be a secret.

Parameters are not in the text that Django gives; text literals in SQL that was written by hand
become ``?``.  Numbers stay, such as Django's own LIMIT 21.
"""

import re
from functools import lru_cache
from typing import Any

from lab.tracing.names import SQL, SQL_OPERATION, SQL_SYSTEM

SYSTEMS = {"oracle": "oracle.db", "microsoft": "microsoft.sql_server"}
"""Where OpenTelemetry's name of a database is not Django's ``vendor``."""

LONGEST = 4096
"""Characters of a statement that are kept: a bulk INSERT of Django's may have 100,000."""

# What may hold a quote that begins no literal (comments, identifiers) must be matched as well, else
# literals and what is between them change places.  A literal that was cut off ends with the text.
COMMENT = r"--[^\n]*|/\*.*?(?:\*/|\Z)"
LITERAL = r"'(?:''|[^'])*(?:'|\Z)"
IDENTIFIER = r'"[^"]*(?:"|\Z)'
STANDARD = re.compile(
    rf"""(?P<literal>
            (?<!\w)[eE]'(?:\\.|''|[^'\\])*(?:'|\Z)      # PostgreSQL's, with backslashes
          | {LITERAL}
          | \$(?P<tag>\w*)\$ .*? (?:\$(?P=tag)\$|\Z)    # PostgreSQL's, between dollars
        )
      | {COMMENT} | {IDENTIFIER}
    """,
    re.VERBOSE | re.DOTALL,
)
# To SQLite a name in quotes that no column has is a text: what something is compared to may be one.
# Django writes names there with their table's before them.
SQLITE = re.compile(
    rf"""(?P<literal>
            {LITERAL}
          | (?:(?<=[=<>])|(?<=[=<>]\ )|(?<=\bLIKE\ )) {IDENTIFIER} (?!\s*\.)
        )
      | {COMMENT} | {IDENTIFIER} | `[^`]*(?:`|\Z) | \[[^\]]*(?:\]|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
MYSQL = re.compile(
    r"""(?P<literal> '(?:\\.|''|[^'\\])*(?:'|\Z) | "(?:\\.|""|[^"\\])*(?:"|\Z) )
      | --(?:\s[^\n]*|\Z) | /\*(?!!).*?(?:\*/|\Z) | \#[^\n]* | `[^`]*(?:`|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
PATTERNS = {"mysql": MYSQL, "sqlite": SQLITE}
FIRST_WORD = re.compile(r"(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/|[\s(;])*(\w+)", re.DOTALL)


def describe(sql: object, vendor: str) -> tuple[str, dict[str, Any]]:
    """The name of a statement's span and its attributes, which the caller may add to."""
    if not isinstance(sql, str):  # psycopg's objects, which hold literals
        return "SQL", {SQL_SYSTEM: system(vendor)}
    name, attributes = remembered(sql if len(sql) <= LONGEST else sql[:LONGEST], vendor)
    return name, attributes.copy()


def system(vendor: str) -> str:
    """OpenTelemetry's name of a database, by Django's."""
    return SYSTEMS.get(vendor, vendor)


@lru_cache(maxsize=512)
def remembered(sql: str, vendor: str) -> tuple[str, dict[str, Any]]:
    """As ``describe``, with shared attributes.

    The same few texts come again and again, without their parameters; 4 MB at most are kept.
    """
    attributes = {SQL_SYSTEM: system(vendor), SQL: without_literals(sql, vendor)}
    word = FIRST_WORD.match(sql)
    if word is None:
        return "SQL", attributes
    operation = word[1].upper()
    return f"SQL {operation}", attributes | {SQL_OPERATION: operation}


def without_literals(sql: str, vendor: str) -> str:
    """The text with ``?`` for each text literal."""
    pattern = PATTERNS.get(vendor, STANDARD)
    return pattern.sub(lambda found: "?" if found["literal"] is not None else found[0], sql)
