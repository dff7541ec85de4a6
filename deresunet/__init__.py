"""DeResUNet: semantic segmentation of indoor RGB-D frames into the 37 SUN RGB-D classes.

Typical use::

    import deresunet

    predictor = deresunet.load()
    frame = deresunet.read_frame(rgb="room.jpg", depth="room.png")
    prediction = predictor(frame)
    prediction.label  # uint8 (H, W), 1..37
"""

from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.files import read_frame
from deresunet.data.frame import Frame, OrientedBox
from deresunet.errors import InputError
from deresunet.predictor import Prediction, Predictor, load
from deresunet.registry import create_model, model_names

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
