"""The rules of RFC 9110 and RFC 9112 that the parsers share, each under its ABNF."""

import re

# Any number of them in one go: taken away one by one, they would be copied as often.
EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")

# token = 1*tchar                                             RFC 9110, 5.6.2
# tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`"
#       / "|" / "~" / DIGIT / ALPHA
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# field-value   = *field-content                              RFC 9110, 5.5
# field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
# field-vchar   = VCHAR / obs-text
# So every control character but HTAB is forbidden, CR and LF among them.  ``str.isprintable`` is
# faster and true for nothing forbidden; this decides where it is false.
CONTROL = re.compile(r"[\x00-\x08\x0A-\x1F\x7F]")

# OWS = *( SP / HTAB )                                        RFC 9110, 5.6.3
OWS = " \t"

# Host = uri-host [ ":" port ]                                RFC 9110, 7.2; RFC 3986, 3.2.2
# It may be empty where the target has no authority (RFC 9112, 3.2), but no port stands by itself.
HOST = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]"  # IPv6address in brackets, which ``ipaddress`` looks at
    r"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)"  # IPv4address / reg-name
    r"(?::[0-9]*)?"
    r"|"
)

# absolute-form = absolute-URI                                RFC 9112, 3.2.2
# Only http and https lead to an origin server, and userinfo must not come (RFC 9110, 4.2.4).
ABSOLUTE_FORM = re.compile(r"https?://([^/?@]+)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE)

# pct-encoded = "%" HEXDIG HEXDIG                             RFC 3986, 2.1
# Where a path has another "%", programs differ in what they take it for.
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

# HTTP-version = "HTTP" "/" DIGIT "." DIGIT                   RFC 9112, 2.3
HTTP_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")

# Content-Length = 1*DIGIT                                    RFC 9110, 8.6
# Eighteen digits stay below 2^63: no counter on the way can wrap.
CONTENT_LENGTH = re.compile(r"[0-9]{1,18}")

# chunk      = chunk-size [ chunk-ext ] CRLF chunk-data CRLF  RFC 9112, 7.1
# chunk-size = 1*HEXDIG
# chunk-ext  = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
_EXT_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # nosec B105  # a token of RFC 9110, no password
_EXT_QUOTED = r'"(?:[\t \x21\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t \x21-\x7E\x80-\xFF])*"'
CHUNK_SIZE = re.compile(
    (
        r"([0-9A-Fa-f]{1,15})"
        rf"(?:[ \t]*;[ \t]*{_EXT_TOKEN}(?:[ \t]*=[ \t]*(?:{_EXT_TOKEN}|{_EXT_QUOTED}))?)*"
    ).encode("latin-1")
)
# The end of a chunk and the beginning of one without extensions.
PLAIN_JOINT = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")

# status-line = HTTP-version SP status-code SP [ reason-phrase ]     RFC 9112, 4
# PEP 3333 asks applications for the code, one space, and a phrase without controls.
STATUS = re.compile(r"([1-9][0-9]{2}) ([\t\x20-\x7E\x80-\xFF]*)")
