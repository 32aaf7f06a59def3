"""What stops the lab, said for people."""


class LabError(Exception):
    """The lab cannot go on; the message says what happened and what to do.  Exit status 1."""
