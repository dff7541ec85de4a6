"""The values of the read-out at the cursor."""

import base64
import io
import re

import numpy as np
from PIL import Image

from demo.inspect.readout import readout


def test_the_hidden_picture_holds_class_confidence_depth_and_ground_truth(seen):
    shown = readout(seen)
    values = np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", shown)[1]))))
    height = values.shape[0] // 2
    label, truth = seen.label[::2, ::2], seen.truth[::2, ::2]
    assert np.array_equal(values[:height, :, 0], label)
    assert np.array_equal(values[height:, :, 0], truth)
    assert np.abs(values[:height, :, 1] / 255 - seen.probabilities[0, ::2, ::2].astype(float)).max() < 0.01
    depth = np.minimum(seen.depth[::2, ::2], 12.75)
    assert np.abs(values[:height, :, 2] * 0.05 - depth).max() < 0.026
    assert f'data-height="{seen.label.shape[0]}"' in shown


def test_without_depth_and_ground_truth_there_is_none(bare):
    assert 'data-truth="0"' in readout(bare)
