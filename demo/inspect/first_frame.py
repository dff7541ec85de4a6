"""The frame that is shown on arrival: the real sample on which depth helps most, and what that is worth elsewhere.

`python -m demo.inspect.first_frame` measures the samples anew, which other weights need.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import deresunet
from demo.inspection import inspect
from deresunet.atomic import write_whole
from deresunet.data.folder import real_samples
from deresunet.evaluation.html import in_percent

_FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Measured:
    """MIoU of the real samples, 0..1.

    Attributes:
        weights: sha256 of the weights.
        rgbd: frame -> mIoU with depth.
        rgb: frame -> mIoU without it.
    """

    weights: str
    rgbd: dict[str, float]
    rgb: dict[str, float]

    @property
    def first(self) -> str:
        """The frame on which depth helps most."""
        return max(self.rgbd, key=lambda name: self.rgbd[name] - self.rgb[name])

    def note(self, frame: str, weights: str, miou: float) -> str:
        """Sentence on how the first frame, of this mIoU, compares with the others; "" for other frames and weights."""
        if frame != self.first or weights != self.weights:
            return ""
        median = statistics.median(self.rgbd.values())
        return (
            f"Shown first because depth helps most here: {in_percent(miou)} mIoU with it, "
            f"{in_percent(self.rgb[frame])} without. Best of {len(self.rgbd)}; median {in_percent(median)}."
        )


@cache
def measured() -> Measured:
    """The figures as they were measured last."""
    return Measured(**json.loads(_FILE.read_text()))


def measure() -> Measured:
    """Run the bundled weights on the real samples."""
    predictor, reader = deresunet.load(), real_samples()
    frames = {name: reader.read(name) for name in reader.names}

    def mious(modality: str) -> dict[str, float]:
        found = {name: inspect(predictor, frame, modality).scores for name, frame in frames.items()}  # type: ignore[arg-type]
        return {name: round(float(scored.miou), 6) for name, scored in found.items() if scored is not None}

    return Measured(predictor.checkpoint.sha256, mious("rgbd"), mious("rgb"))


if __name__ == "__main__":
    text = json.dumps(vars(measure()), indent=2) + "\n"
    write_whole(_FILE, lambda beside: beside.write_text(text))
