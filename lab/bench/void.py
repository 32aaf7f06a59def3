"""Why a run has no figures."""


class VoidError(Exception):
    """A run went wrong and counts for nothing; the message is the reason, for people."""
