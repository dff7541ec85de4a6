"""DeResUNet: semantic segmentation of indoor RGB-D frames.

Typical use::

    import deresunet

    predictor = deresunet.load()
    frame = deresunet.read_frame(rgb="room.jpg", depth="room.png")
    prediction = predictor(frame)
    prediction.label  # uint8 (H, W), 1..N of prediction.class_set
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deresunet.config import ModelConfig, Preprocessing
    from deresunet.data.files import read_frame
    from deresunet.data.frame import Frame, OrientedBox
    from deresunet.errors import InputError
    from deresunet.inference.prediction import Prediction
    from deresunet.inference.predictor import Predictor, load
    from deresunet.model.registry import create_model, model_names

__version__ = "0.1.0"

__all__ = [
    "Frame",
    "InputError",
    "ModelConfig",
    "OrientedBox",
    "Prediction",
    "Predictor",
    "Preprocessing",
    "create_model",
    "load",
    "model_names",
    "read_frame",
]

# Imported when they are first asked for: torch alone takes seconds and half a gigabyte, and what only handles data
# (`stats`) does without it.
_HOMES = {
    "Frame": "deresunet.data.frame",
    "InputError": "deresunet.errors",
    "ModelConfig": "deresunet.config",
    "OrientedBox": "deresunet.data.frame",
    "Prediction": "deresunet.inference.prediction",
    "Predictor": "deresunet.inference.predictor",
    "Preprocessing": "deresunet.config",
    "create_model": "deresunet.model.registry",
    "load": "deresunet.inference.predictor",
    "model_names": "deresunet.model.registry",
    "read_frame": "deresunet.data.files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
