"""The memory of this process stays in it: no core dump, and no look into it by its neighbours.

It holds unmasked results, endpoint tokens and keys, and a dump of it would lie on a disk for years.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid() -> None:
    """Let nothing write a core dump of this process, whatever its environment allows.

    A limit of zero is not enough on Linux, where a program that the kernel pipes dumps to is given
    them all the same: there the process is made undumpable, too. With that, other processes of the
    same user can no longer read its memory and its environment. Programs started from here may dump
    again, but for the limit. Best effort: a kernel that refuses is no reason not to start.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
