"""How much the collector takes and keeps.  Bytes where nothing else is said."""

MAX_BODY = 4 << 20
"""Of a request, as it is sent: as OpenTelemetry's own collector takes by default."""
MAX_DECODED = 16 << 20
"""Of a request, once it is decompressed."""

MAX_WAITING = 64 << 20
"""What may wait to be written; past it a sender is told to come again."""

MAX_TRACE = 4 << 20
"""Of one trace, as it is kept.  More comes from a sender that uses one id again and again."""
MAX_TRACE_SPANS = 5_000

KEEP_TRACES = 50_000
KEEP_BYTES = 512 << 20
KEEP_SECONDS = 7 * 24 * 3600
"""Whichever is reached first; the oldest go."""
