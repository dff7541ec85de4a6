"""Pictures of four of a frame: the frame, its ground truth, the prediction, and its outcomes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.downloads import handed_out_as
from deresunet.errors import InputError
from deresunet.evaluation.confusions import Confusion
from deresunet.evaluation.metrics import column_of
from deresunet.evaluation.report import label_of
from deresunet.evaluation.stratified import boundary
from deresunet.visualization.colours import CLASS_KEYS, ERROR_KEYS, TRUE_POSITIVE, WRONG, Colour
from deresunet.visualization.overlays import class_codes, error_codes
from deresunet.visualization.panels import sheet

# Longest side of each of the four [px].
_SIDE = 320

Focus = int | Confusion | None


def focus_codes(truth: np.ndarray, predicted: np.ndarray, focus: Focus) -> np.ndarray:
    """Outcomes of the pixels: errors, or those of a class or of a confusion.

    Args:
        truth: uint8 (H, W), 0 = void, 1..N.
        predicted: uint8 (H, W), 1..N; above and 0 is none of these classes.
        focus: None, a class 1..N, or a confusion.

    Returns:
        uint8 (H, W): 0 = nothing to show, k = the k-th entry of `focus_keys`.
    """
    if focus is None:
        return error_codes(truth, predicted, boundary(truth))
    if isinstance(focus, Confusion):
        columns = column_of(predicted, len(focus.classes))
        return ((truth == focus.truth) & (columns == focus.prediction - 1)).astype(np.uint8)
    return class_codes(truth, predicted, {focus})


def focus_keys(focus: Focus) -> dict[str, Colour]:
    """Meaning -> colour of the outcomes."""
    if isinstance(focus, Confusion):
        return {str(focus): TRUE_POSITIVE if focus.truth == focus.prediction else WRONG}
    return ERROR_KEYS if focus is None else CLASS_KEYS


def pictures(evaluations: Evaluations, run: Run, names: Sequence[str], focus: Focus = None) -> dict[str, str]:
    """Pictures of frames as files in Gradio's cache, drawn when first asked for.

    The network runs only for a frame whose prediction was not kept.

    Returns:
        Name of a frame -> path; those that can no longer be read are left out.
    """
    folder, segmenter = evaluations.run_folder(run), evaluations.segmenter(run)

    def drawn(name: str) -> bytes:
        frame = evaluations.reader(run).read(name)
        kept = folder.label(name)
        label, classes = label_of(frame, kept, segmenter, run.modality)
        if label is not kept:
            folder.keep_label(name, label)
        truth = np.zeros(frame.size, np.uint8) if frame.aligned_label is None else frame.aligned_label
        buffer = io.BytesIO()
        # Colours at full resolution, so that classes do not bleed.
        sheet(frame, label, focus_codes(truth, label, focus), focus_keys(focus), _SIDE, classes.palette).save(
            buffer, "JPEG", quality=88, subsampling=0
        )
        return buffer.getvalue()

    found = {}
    for name in names:
        identity = f"{folder.folder.name} {folder.finished_at}\n{focus!r}\n{name}".encode()
        try:
            found[name] = handed_out_as("frame.jpg", identity, lambda name=name: drawn(name))  # type: ignore[misc]
        except InputError:
            continue
    return found
