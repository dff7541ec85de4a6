"""Frames that an evaluation could not use."""

from __future__ import annotations

from collections.abc import Sequence

from deresunet.data.passes import Failure
from deresunet.errors import InputError


def coverage(scored: int, missing: Sequence[str], failed: Sequence[Failure]) -> str:
    """Sentence on the frames that are not in the scores, such as "105 of 109 frames: 4 have no prediction (0358, ...)".

    Args:
        scored: number of frames in the scores.
        missing: names of frames without a stored prediction.
        failed: frames that could not be used.

    Returns:
        The sentence without a full stop; "" where all frames are in the scores.
    """
    parts = []
    if missing:
        parts.append(f"{len(missing):,} {'has' if len(missing) == 1 else 'have'} no prediction ({_first(missing)})")
    if failed:
        parts.append(f"{len(failed):,} could not be used ({_first([one.name for one in failed])})")
    total = scored + len(missing) + len(failed)
    return f"{scored:,} of {total:,} frames: {', '.join(parts)}" if parts else ""


def _first(names: Sequence[str], count: int = 3) -> str:
    return ", ".join([*names[:count], *(["..."] if len(names) > count else [])])


def nothing_to_score(count: int, failed: Sequence[Failure]) -> InputError:
    """Error of a pass over `count` frames that scored none, with its cause: unread frames, else no ground truth."""
    if len(failed) == count:
        return InputError(f"None of the {count} frames could be used. {failed[0].error}")
    why = f" {len(failed)} could not be used, such as {failed[0].error}" if failed else ""
    return InputError(
        f"None of the {count} frames has ground truth. Evaluation needs label/ beside rgb/, or SUN RGB-D's "
        f"annotations.{why}"
    )
