"""Pictures of an inspection."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.inspect.messages import captions
from demo.inspect.panels import (
    OVERLAYS,
    Look,
    depth_picture,
    error_picture,
    overlay_keys,
    panels,
    prediction_picture,
    truth_picture,
)
from demo.inspect.settings import Settings
from demo.inspect.updates import look_updates, picture_file
from demo.inspection import inspect, png
from deresunet.classes import PALETTE
from deresunet.visualization.colours import CLASS_KEYS, ERROR_KEYS


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("classes", [None, frozenset([5]), frozenset([1, 5])])
def test_every_overlay_has_the_frames_size_and_a_key(seen, overlay, classes):
    look = Look(0.7, classes, overlay)
    assert {picture.shape for picture in panels(seen, look)} == {(480, 640, 3)}
    for name in overlay_keys(look):
        assert name in captions(seen, look)[3]
    assert bool(overlay_keys(look)) == (overlay != "classes")


def test_confidence_is_bright_where_the_network_is_sure(seen):
    picture = prediction_picture(seen, Look(1.0, overlay="confidence")).astype(int)
    sure = np.unravel_index(seen.probabilities[0].argmax(), seen.label.shape)
    unsure = np.unravel_index(seen.probabilities[0].argmin(), seen.label.shape)
    assert picture[sure][1] > picture[unsure][1] + 50


def test_errors_are_painted_in_their_keys_colours(seen, room):
    wrong = (room.label > 0) & (room.label != seen.label)
    everywhere = error_picture(seen, Look(1.0))
    assert {tuple(pixel) for pixel in everywhere[wrong]} <= {*list(ERROR_KEYS.values())[1:]}
    chairs = error_picture(seen, Look(1.0, frozenset([5])))
    positive = (room.label == 5) & (seen.label == 5)
    assert {tuple(pixel) for pixel in chairs[positive]} == {CLASS_KEYS["true positive"]}
    assert next(iter(overlay_keys(Look(1.0, frozenset([5]), "errors")))) == "chair true positive"


def test_errors_without_ground_truth_say_so(bare):
    assert "need ground truth" in captions(bare, Look(overlay="errors"))[3]


def test_pictures_have_one_size_and_follow_opacity(seen, room):
    pictures = [
        depth_picture(seen),
        truth_picture(seen, Look(1.0)),
        prediction_picture(seen, Look(0.0)),
    ]
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    assert np.array_equal(pictures[1][room.label > 0], PALETTE[room.label][room.label > 0])
    assert np.array_equal(pictures[1][room.label == 0], room.rgb[room.label == 0]), "void shows the picture"
    assert np.array_equal(pictures[2], room.rgb)


def test_3d_boxes_are_drawn_over_rgb_when_asked_for(seen, bare):
    plain = panels(seen, Look())[0]
    assert np.array_equal(plain, seen.background)
    boxed = panels(seen, Look(boxes=True))[0]
    assert (boxed != plain).any(-1).sum() > 500
    assert np.array_equal(panels(bare, Look(boxes=True))[0], bare.background), "a frame without boxes has none"


def test_a_panels_file_is_light_and_looks_the_same(seen, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    picture = prediction_picture(seen, Look())
    file = Path(picture_file(seen.file_name, "prediction", picture, seen.frame_size))
    assert file.name == "0001_prediction_sunrgbd37.png"
    shown = np.asarray(Image.open(file)).astype(int)
    assert np.abs(shown - picture).max() <= 3
    assert file.stat().st_size < 0.7 * len(png(picture))
    assert Path(picture_file(seen.file_name, "rgb", seen.background, seen.frame_size)).name == "0001_rgb.jpg"


def test_a_panels_file_says_if_it_is_smaller_than_the_frame(predictor, noise_frame, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    seen = inspect(predictor, noise_frame(1500, 2000))
    files = [update.value for update in look_updates(seen, Settings("deresunet"), None)[:4]]
    assert [Path(file["path"]).name for file in files] == [
        "noise-2000x1500_rgb_1000x750.jpg",
        "noise-2000x1500_depth_1000x750.png",
        "noise-2000x1500_ground_truth_sunrgbd37_1000x750.png",
        "noise-2000x1500_prediction_sunrgbd37_1000x750.png",
    ]
