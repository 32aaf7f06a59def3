"""Whom the adaptive model asks to leave where there is no room for one more connection.

Idle connections are no load, so they never keep others out.  First go those on which nothing was
ever said, then those that have been idle for longest, then clients that have been at a head for a
while.  Whose request is served, or has a body under way, stays.  (Envoy shrinks time limits in the
same way where resources become scarce; nginx closes what it calls reusable connections.)
"""

from collections.abc import Iterable

from paceline.conversation import Conversation
from paceline.service import Service

GRACE = 2.0  # seconds that everybody has, however many wait ...
GRACE_OF_SILENT = 0.5  # ... but for those who connect and say nothing
AT_ONCE = 32  # more may be closed the next time, should it not have been enough


def dispensable(
    conversations: Iterable[Conversation], service: Service, now: float
) -> list[Conversation]:
    """Return whom to send away, of conversations that nobody owns."""
    silent, idle, slow = [], [], []
    kept = now + service.keep_alive - GRACE
    begun = now + service.timeouts.head - GRACE
    for each in conversations:
        if each.owned:
            continue
        if each.idle:
            if each.deadline == each.ready_at + service.timeouts.head:
                # Both are as they were when it was accepted.
                if each.ready_at < now - GRACE_OF_SILENT:
                    silent.append(each)
            # Its deadline tells when it was answered: perhaps long after ``ready_at``.
            elif each.ready_at < now - GRACE and each.deadline < max(kept, begun):
                idle.append(each)
        elif each.receives_head and each.deadline < begun:
            slow.append(each)
    idle.sort(key=lambda each: each.ready_at)
    slow.sort(key=lambda each: each.deadline)
    all_of_them = [*silent, *idle, *slow]
    return all_of_them[: max(1, min(AT_ONCE, len(all_of_them) // 8))]
