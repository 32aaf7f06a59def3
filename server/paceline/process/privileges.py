"""What a worker gives up, and what binds it to its supervisor."""

import ctypes
import os
import pwd
import signal
import sys

from paceline.errors import ConfigError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def check_user(user: int | None, group: int | None) -> None:
    """ConfigError where this process could not become them, or would keep the group of root."""
    if ids(user, group) != (os.geteuid(), os.getegid()) and os.geteuid() != 0:
        raise ConfigError(
            "only root may change --user and --group; start as root, or leave them out "
            "and start as the user that the workers should be"
        )


def become(user: int | None, group: int | None) -> None:
    """Become `user` and `group` for good, with the groups of that user and no others."""
    uid, gid = ids(user, group)
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return
    try:
        os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        os.setgroups([gid])  # a number without a name has no groups of its own
    os.setgid(gid)
    os.setuid(uid)


def ids(user: int | None, group: int | None) -> tuple[int, int]:
    """The numbers meant: a user alone brings its own group, None is who we are; ConfigError."""
    uid = os.geteuid() if user is None else user
    if group is not None:
        return uid, group
    return uid, os.getegid() if uid == os.geteuid() else _own_group(uid)


def _own_group(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        raise ConfigError(
            f"--user {uid}: there is no such user here to tell its group; give --group too"
        ) from None


def die_with_parent(parent: int) -> None:
    """From now on the kernel kills this process when `parent` dies, however that happens.

    Linux only (prctl(2)); elsewhere the heartbeat notices.  A change of user undoes it, so
    it comes after.  Workers that outlive their supervisor would keep the port from the next
    one, with nobody to enforce a time limit or to replace them.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    exit_if_orphaned(parent)


def exit_if_orphaned(parent: int) -> None:
    """End this process at once when `parent` is no longer its parent."""
    if os.getppid() != parent:
        os._exit(1)
