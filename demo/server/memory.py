"""Memory that the C library keeps."""

from __future__ import annotations

import ctypes
import os
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h


def share_arena() -> None:
    """Let all threads allocate from one arena of glibc; call it before threads start.

    Each of a server's threads would have an arena of its own, which keeps what the largest frame took there. Does
    nothing with other C libraries, and where MALLOC_ARENA_MAX is set.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
