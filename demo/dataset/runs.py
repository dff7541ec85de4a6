"""The two runs over a data set that are compared first, and the click on a frame of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from demo.dataset.progress import Run

# Lets a click on a frame's name reach the page, which no component of Gradio's does for HTML.
PICK_FRAME = """element.addEventListener('click', (event) => {
    const picked = event.target.closest('[data-frame]');
    if (picked) trigger('select', { index: 0, value: picked.dataset.frame });
});"""


def preselected(finished: Sequence[Run], a: Run | None = None, b: Run | None = None) -> tuple[Run | None, Run | None]:
    """Run A and run B to compare first: RGB and RGB-D of the same weights, or the two latest, the older one as A.

    Args:
        finished: runs over one data set, the latest first.
        a: run that a visitor chose as A, which stays; or None.
        b: run that a visitor chose as B, which stays; or None.

    Returns:
        Both runs; None where there is none left to choose.
    """
    pair = next(
        ((rgb, rgbd) for rgb, rgbd in map(_with_and_without_depth, finished) if rgb in finished and rgbd in finished),
        tuple(finished[:2][::-1]),
    )
    a = a or next((one for one in (*pair, *finished) if one != b), None)
    return a, b or next((one for one in (*pair[::-1], *finished) if one != a), None)


def _with_and_without_depth(run: Run) -> tuple[Run, Run]:
    return replace(run, modality="rgb"), replace(run, modality="rgbd")
