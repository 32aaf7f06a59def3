"""Whether a client would rather have an answer gzipped, by what it says (RFC 9110, 12.5.3)."""

import pytest
from paceline.http.accept_encoding import wish


@pytest.mark.parametrize(
    ("field", "gzip", "identity"),
    [
        ("", False, True),
        ("gzip", True, True),
        ("GZip", True, True),
        ("x-gzip", True, True),
        ("gzip, deflate, br", True, True),
        ("br;q=1.0, gzip;q=0.2", True, True),
        ("deflate, br", False, True),
        ("gzip;q=0", False, True),
        ("gzip;q=0.000", False, True),
        ("gzip;q=0.001", True, True),
        ("gzip ; q=0", False, True),
        ("gzip;Q=0", False, True),
        # The client weighs it against no coding at all.
        ("gzip;q=0.5, identity", False, True),
        ("gzip;q=0.5, identity;q=0.5", True, True),
        ("gzip;q=0.4, identity;q=0.5", False, True),
        ("gzip, identity;q=0", True, False),
        ("gzip;q=0, identity;q=0", False, False),
        # The star stands for what is not named.
        ("*", True, True),
        ("*;q=0.5", True, True),
        ("*;q=0", False, False),
        ("gzip;q=0, *", False, True),
        ("gzip, *;q=0", True, False),
        ("gzip;q=0.5, *;q=1", False, True),
        ("identity, *;q=0", False, True),
        # Said twice: the client that refuses it is not given it.
        ("gzip, gzip;q=0", False, True),
        ("gzip, x-gzip;q=0", False, True),
        # What is not the grammar says nothing.
        ("gzip;q=2", False, True),
        ("gzip;q=1.001", False, True),
        ("gzip;q=-1", False, True),
        ("gzip;q=0.0001", False, True),
        ("gzip;q=", False, True),
        ("gzip;level=9", False, True),
        ("gzip deflate", False, True),
        ("notgzip", False, True),
        (";q=1,,gzip,", True, True),
    ],
)
def test_a_wish_is_read(field: str, gzip: bool, identity: bool) -> None:
    assert wish(field) == (gzip, identity)
