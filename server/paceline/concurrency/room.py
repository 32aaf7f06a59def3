"""Which connections the adaptive model closes when it has reached its limit of them.

An idle connection does no work, so it must not keep a new client out.  Closed first are
connections on which nothing was ever sent, then those that have been idle for longest, then those
that have been sending a request's head for a while.  A connection whose request is being served,
or whose body is on its way, is never closed for this.  (nginx does the same with what it calls
reusable connections; Envoy shortens its timeouts as resources become scarce.)
"""

from collections.abc import Iterable

from paceline.conversation import Conversation
from paceline.service import Service

GRACE = 2.0  # seconds that every connection has, however many others wait ...
GRACE_OF_SILENT = 0.5  # ... except one on which nothing was ever sent
AT_ONCE = 32  # at most; should that not be enough, the next call closes more


def dispensable(
    conversations: Iterable[Conversation], service: Service, now: float
) -> list[Conversation]:
    """Return those to be closed: an eighth of all that may be, at least one, if there is any."""
    silent, idle, slow = [], [], []
    # A deadline before these was set more than GRACE ago: by an answer, or by a head's first bytes.
    kept = now + service.keep_alive - GRACE
    begun = now + service.timeouts.head - GRACE
    for each in conversations:
        if each.owned:
            continue
        if each.idle:
            if each.deadline == each.ready_at + service.timeouts.head:
                # Neither has changed since it was accepted: nothing was ever received.
                if each.ready_at < now - GRACE_OF_SILENT:
                    silent.append(each)
            # Both are asked: an answer may have been made long after ``ready_at``.
            elif each.ready_at < now - GRACE and each.deadline < max(kept, begun):
                idle.append(each)
        elif each.receives_head and each.deadline < begun:
            slow.append(each)
    idle.sort(key=lambda each: each.ready_at)
    slow.sort(key=lambda each: each.deadline)
    all_of_them = [*silent, *idle, *slow]
    return all_of_them[: max(1, min(AT_ONCE, len(all_of_them) // 8))]
