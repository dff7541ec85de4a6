"""InputError, the one error that a user's input can cause; and full disks, which become one."""

from __future__ import annotations

import errno
from collections.abc import Sequence

# The disk, or the user's share of it, is full, or the file larger than it may be.
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(ValueError):
    """Input of the user that cannot be used.

    The message says what was got, what was expected and what to do; the page and the command line show it as it
    stands.
    """


class FrameWarning(UserWarning):
    """Warning of a frame that looks wrong, such as depth in an implausible unit, and what to do.

    Commands and the page show these by themselves, and ignore the category.
    """


def first_line(error: BaseException) -> str:
    """First line of an error's message, or its name if it says nothing (as `EOFError` of an empty file)."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def input_error(error: BaseException | None) -> InputError | None:
    """The `InputError` that an error is or came from, or that tells of the full disk it came from; otherwise None.

    What a constructor raises, the parser of train's command line wraps into an error of its own.
    """
    full = None
    while error is not None and not isinstance(error, InputError):
        if full is None and is_full_disk(error):
            full = error
        error = error.__cause__ or error.__context__
    if error is None and isinstance(full, OSError):
        place = f"{full.filename} cannot be written" if full.filename else "The results cannot be written"
        return InputError(f"{place} ({full.strerror}). Free some space or give another place.")
    return error


def is_full_disk(error: BaseException) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in FULL_DISK


def refuse(options: Sequence[str], where: str) -> None:
    """Refuse options that were given and have no effect; an `InputError` if there is one.

    Args:
        options: those that were given.
        where: when they have none, such as "with --predictions".
    """
    if options:
        raise InputError(f"{', '.join(options)} {'has' if len(options) == 1 else 'have'} no effect {where}.")
