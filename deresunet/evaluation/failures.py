"""Frames that an evaluation could not use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deresunet.errors import InputError


@dataclass(frozen=True)
class Failure:
    """A frame that could not be read.

    Attributes:
        name: the frame.
        error: the error's message, with the file's path.
    """

    name: str
    error: str


def nothing_to_score(count: int, failed: Sequence[Failure]) -> InputError:
    """Error of a pass over `count` frames that scored none, with its cause: unread frames, else no ground truth."""
    if len(failed) == count:
        return InputError(f"None of the {count} frames could be used. {failed[0].error}")
    why = f" {len(failed)} could not be used, such as {failed[0].error}" if failed else ""
    return InputError(
        f"None of the {count} frames has ground truth. Evaluation needs label/ beside rgb/, or SUN RGB-D's "
        f"annotations.{why}"
    )
