"""Pictures of four of a frame: the frame, its ground truth, the prediction, and its outcomes."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image

from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Request
from demo.dataset.result import Confusion
from demo.downloads import kept
from deresunet.atomic import write_whole
from deresunet.classes import VOID, joined
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.evaluation.metrics import column_of
from deresunet.visualization.colours import CLASS_KEYS, TRUE_POSITIVE, WRONG, Colour
from deresunet.visualization.overlays import class_codes
from deresunet.visualization.panels import sheet

# About 40 kB each; the page shows at most 48 at a time.
_KEPT = 600

Focus = int | Confusion | None


def quartet(frame: Frame, label: np.ndarray, palette: np.ndarray, focus: Focus = None, side: int = 320) -> Image.Image:
    """The frame, its ground truth, the prediction, and the outcomes that `focus` asks for.

    Args:
        frame: frame with its ground truth.
        label: uint8 (H, W), in the classes of `joined` of network and ground truth.
        palette: uint8 (N + 1, 3), colours of those classes.
        focus: None for errors, a class for its outcomes, or a confusion for its pixels.
        side: longest side of each of the four [px], at most.
    """
    truth = np.zeros(frame.size, np.uint8) if frame.aligned_label is None else frame.aligned_label
    return sheet(frame, label, focus_codes(truth, label, focus), focus_keys(focus), side, palette)


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
        return ((truth != VOID) & (truth != predicted)).astype(np.uint8)
    if isinstance(focus, Confusion):
        columns = column_of(predicted, len(focus.classes))
        return ((truth == focus.truth) & (columns == focus.prediction - 1)).astype(np.uint8)
    return class_codes(truth, predicted, {focus})


def focus_keys(focus: Focus) -> dict[str, Colour]:
    """Meaning -> colour of the outcomes."""
    if focus is None:
        return {"errors": WRONG}
    if isinstance(focus, Confusion):
        return {str(focus): TRUE_POSITIVE if focus.truth == focus.prediction else WRONG}
    return CLASS_KEYS


class Pictures:
    """Quartets as files, made when first asked for.

    They lie in Gradio's cache, which lets go of them after an hour.

    Args:
        evaluations: where predictions are.
        folder: for the files; by default in Gradio's cache.
    """

    def __init__(self, evaluations: Evaluations, folder: Path | None = None) -> None:
        self.evaluations = evaluations
        self.folder = folder or Path(get_upload_folder()) / "dataset-frames"
        self._lock = threading.Lock()

    def files(self, request: Request, names: list[str], focus: Focus = None) -> list[Path | None]:
        """The pictures of frames, in order; None for a frame that can no longer be read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        run = self.evaluations.run_folder(request)
        key = f"{run.folder.name} {run.finished_at}"
        made: list[Path | None] = []
        for name in names:
            hashed = hashlib.sha256(f"{key}\n{focus!r}\n{name}".encode()).hexdigest()[:24]
            path = self.folder / f"{hashed}.jpg"
            if not kept(path):
                try:
                    write_jpeg(path, self.quartet(request, name, focus))
                except InputError:
                    made.append(None)
                    continue
            made.append(path)
        self._prune({path for path in made if path is not None})
        return made

    def quartet(self, request: Request, name: str, focus: Focus = None, side: int = 320) -> Image.Image:
        """The picture of one frame; the network runs only if its prediction was not kept.

        Raises:
            InputError: the frame cannot be read.
        """
        frame = self.evaluations.reader(request).read(name)
        run = self.evaluations.run_folder(request)
        segmenter = self.evaluations.segmenter(request)
        way = joined(segmenter.class_set, frame.class_set)
        label = run.label(name)
        if label is None or label.shape != frame.size:
            label = way.table[segmenter(frame, request.modality).label]
            run.keep_label(name, label)
        return quartet(frame, label, way.target.palette, focus, side)

    def _prune(self, shown: set[Path]) -> None:
        with self._lock:
            files = []
            for path in self.folder.glob("*.jpg"):
                try:
                    files.append((path.stat().st_mtime, path))
                except OSError:
                    continue  # Gradio's cache let go of it meanwhile
            for _, path in sorted(files)[: max(len(files) - _KEPT, 0)]:
                if path not in shown:
                    path.unlink(missing_ok=True)


def write_jpeg(path: Path, picture: Image.Image) -> None:
    """Write a picture with its colours at full resolution, so that classes do not bleed. Raises as `write_whole`."""
    write_whole(path, lambda beside: picture.save(beside, format="JPEG", quality=88, subsampling=0))
