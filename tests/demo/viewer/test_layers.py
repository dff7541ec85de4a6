"""Layers of an inspection, as Python draws them."""

import numpy as np
import pytest

from demo.inspect.messages import captions
from demo.viewer.layers import TITLES, Look, draw, layer_keys, missing
from deresunet.classes import SUNRGBD37
from deresunet.visualization.colours import CLASS_KEYS, ERROR_KEYS


@pytest.mark.parametrize("layer", TITLES)
@pytest.mark.parametrize("classes", [None, frozenset([5]), frozenset([1, 5])])
def test_every_layer_has_the_frames_size_and_its_key(seen, layer, classes):
    assert draw(seen, layer, Look(0.7, classes)).shape == (480, 640, 3)
    for name in layer_keys(layer, Look(), SUNRGBD37):
        assert name in captions(seen)[layer]
    assert bool(layer_keys(layer, Look(), SUNRGBD37)) == (layer in ("errors", "confidence", "entropy"))


def test_confidence_is_bright_where_the_network_is_sure(seen):
    picture = draw(seen, "confidence", Look(1.0)).astype(int)
    sure = np.unravel_index(seen.probabilities[0].argmax(), seen.label.shape)
    unsure = np.unravel_index(seen.probabilities[0].argmin(), seen.label.shape)
    assert picture[sure][1] > picture[unsure][1] + 50


def test_errors_are_painted_in_their_keys_colours(seen, room):
    wrong = (room.label > 0) & (room.label != seen.label)
    everywhere = draw(seen, "errors", Look(1.0))
    assert {tuple(pixel) for pixel in everywhere[wrong]} <= {*list(ERROR_KEYS.values())[1:]}
    look = Look(1.0, frozenset([5]))
    positive = (room.label == 5) & (seen.label == 5)
    assert {tuple(pixel) for pixel in draw(seen, "errors", look)[positive]} == {CLASS_KEYS["true positive"]}
    assert next(iter(layer_keys("errors", look, SUNRGBD37))) == "chair true positive"


def test_a_layer_that_is_missing_says_why(bare, seen):
    assert "no ground truth" in missing(bare, "errors")
    assert "no ground truth" in captions(bare)["truth"]
    assert not any(missing(seen, layer) for layer in TITLES)


def test_pictures_follow_opacity(seen, room):
    truth = draw(seen, "truth", Look(1.0))
    assert np.array_equal(truth[room.label > 0], SUNRGBD37.palette[room.label][room.label > 0])
    assert np.array_equal(truth[room.label == 0], room.rgb[room.label == 0]), "void shows the picture"
    assert np.array_equal(draw(seen, "prediction", Look(0.0)), room.rgb)


def test_3d_boxes_are_drawn_over_rgb_when_asked_for(seen, bare):
    plain = draw(seen, "rgb")
    assert np.array_equal(plain, seen.background)
    assert (draw(seen, "rgb", Look(boxes=True)) != plain).any(-1).sum() > 500
    assert np.array_equal(draw(bare, "rgb", Look(boxes=True)), bare.background), "a frame without boxes has none"
