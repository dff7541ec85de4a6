"""Predictions of the sample rooms made beforehand, for when there is no GPU to make them.

`python -m demo.stored` makes them anew, with the bundled weights. A room's label lies in `predictions/` as it is, its
confidence and entropy in `LEVELS` steps, since the noise in their lower bits would be most of the files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deresunet.atomic import write_json, write_png
from deresunet.config import Preprocessing, from_mapping
from deresunet.data.folder import SAMPLES_DIR, sample_rooms
from deresunet.data.frame import Frame
from deresunet.predictor import Prediction, Predictor, Provenance, load
from deresunet.preprocessing import Modality, PixelScores

PREDICTIONS_DIR = Path(__file__).parent / "predictions"
LEVELS = 16
MODALITY: Modality = "rgbd"


class StoredPredictions:
    """Predictions of sample rooms as they were written by `write_predictions`; none where nothing was.

    Args:
        root: the folder that they lie in.
    """

    def __init__(self, root: Path = PREDICTIONS_DIR) -> None:
        self._root = root
        index = root / "index.json"
        told: dict[str, Any] = json.loads(index.read_text()) if index.is_file() else {"frames": {}}
        self._frames: dict[str, dict[str, Any]] = told["frames"]
        self._provenance = None if not self._frames else _provenance(told["provenance"])

    def find(self, frame: Frame, modality: Modality, sha256: str) -> Prediction | None:
        """What weights of that hash said of `frame`, or None where that is not stored.

        Name and source are not enough to know a room by, since a data set may use the same; its depth, which is
        lossless, has to be the same, too.
        """
        stored = self._frames.get(frame.name)
        if self._provenance is None or stored is None or frame.source != SAMPLES_DIR.name:
            return None
        if (modality, sha256) != (MODALITY, self._provenance.sha256) or stored["depth"] != _fingerprint(frame):
            return None
        label = _read_png(self._root / f"{frame.name}.label.png")
        confidence, entropy = (
            _read_png(self._root / f"{frame.name}.{kind}.png").astype(np.float32) / (LEVELS - 1)
            for kind in ("confidence", "entropy")
        )
        scores = PixelScores(label[None], confidence[None], entropy)
        return Prediction.of(scores, stored["latency_ms"], self._provenance)


def write_predictions(predictor: Predictor, root: Path = PREDICTIONS_DIR, limit: int | None = None) -> None:
    """Segment the sample rooms, or the first `limit` of them, and store what comes out under `root`.

    Raises:
        InputError: `root` cannot be written to.
    """
    rooms = sample_rooms()
    frames = {}
    for name in rooms.names[:limit]:
        frame = rooms.read(name)
        prediction = predictor(frame, MODALITY)
        write_png(root / f"{name}.label.png", prediction.label)
        for kind, ratio in (("confidence", prediction.confidence), ("entropy", prediction.entropy)):
            write_png(root / f"{name}.{kind}.png", np.round(ratio * (LEVELS - 1)).astype(np.uint8))
        frames[name] = {"depth": _fingerprint(frame), "latency_ms": round(prediction.latency_ms, 1)}
    # Last, so that no index speaks of predictions that are not there.
    write_json(root / "index.json", {"provenance": predictor.provenance(MODALITY).as_dict(), "frames": frames})


def _provenance(told: dict[str, Any]) -> Provenance:
    preprocessing = from_mapping(Preprocessing, told["preprocessing"])
    return replace(Provenance(**{**told, "preprocessing": preprocessing}), stored=True)


def _fingerprint(frame: Frame) -> str:
    return hashlib.sha256(b"" if frame.depth is None else np.ascontiguousarray(frame.depth).tobytes()).hexdigest()


def _read_png(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Store the sample rooms' predictions anew.")
    parser.add_argument("--device", default="cpu", help="auto, cpu, mps, cuda or cuda:N (default: cpu)")
    # In full precision, whatever this machine would do faster.
    write_predictions(load(device=parser.parse_args().device, fast="off"))
