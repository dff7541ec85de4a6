"""Two predictions of one frame."""

from dataclasses import replace

import numpy as np
import pytest

from demo.compare import comparison
from demo.inspection import inspect
from deresunet.classes import BUILT_IN
from deresunet.config import Preprocessing
from deresunet.inference.prediction import Prediction, Provenance
from deresunet.model.checkpoint import Checkpoint
from deresunet.visualization.overlays import comparison_codes

PROVENANCE = Provenance("theirs", "0" * 64, "onnx file", Preprocessing(), "", "cpu", "float32", "rgbd", "2.8")


def test_a_comparison_says_who_is_right_where(seen, without_depth, room):
    codes = comparison_codes(seen.label, without_depth.label, seen.truth)
    known = room.label > 0
    right_a, right_b = seen.label == room.label, without_depth.label == room.label
    assert np.array_equal(codes == 1, known & right_a & ~right_b)
    assert np.array_equal(codes == 2, known & right_b & ~right_a)
    assert (codes[known & right_a & right_b] == 0).all()
    table = comparison.class_table(seen, without_depth)
    wall = table[table["class"] == "wall"].iloc[0]
    assert wall["B - A"] == pytest.approx(100 * (without_depth.scores.iou[0] - seen.scores.iou[0]))
    said = comparison.summary(seen, without_depth)
    assert f"{100 * (codes == 1)[known].mean():.1f} %" in said
    assert ", RGB;" in said or ", RGB." in said


def test_a_comparison_without_ground_truth(bare):
    other = replace(bare, classes=np.roll(bare.classes, 1, axis=1))
    assert list(comparison.packed(bare, other)["layers"][-1]["outcomes"]) == ["A and B differ"]
    assert "predicted A %" in comparison.class_table(bare, other).columns


def test_weights_of_one_name_are_told_apart(seen):
    origin = {**seen.described["provenance"], "sha256": "abcdef" + "0" * 58}
    other = replace(seen, described={**seen.described, "provenance": origin})
    first, second = comparison.side_names(seen, other)
    assert first != second
    assert "(abcdef)" in second
    assert "(" not in comparison.side_names(seen, seen)[0]


def test_networks_of_other_classes_are_compared_over_both(seen, room):
    """One knows the 40 classes of NYU Depth v2, and is wrong about a strip of "other prop"."""
    nyu = BUILT_IN["nyu40"]

    class Theirs:
        checkpoint = Checkpoint({}, None, Preprocessing(), nyu, name="theirs")

        def __call__(self, frame, modality):
            label = np.where(frame.label == 0, 1, frame.label).astype(np.uint8)
            label[:40] = 40
            sure = np.full(label.shape, 0.9, np.float32)
            return Prediction(label, sure, label[None], sure[None], sure, 1.0, PROVENANCE, nyu)

    theirs = inspect(Theirs(), room)
    a, b = comparison.on_one_class_set(seen, theirs)
    assert a.class_set == b.class_set
    assert len(a.class_set) == 40
    other = a.class_set.label_of("otherprop")
    assert (b.label[:40] == other).all()
    assert np.array_equal(b.label[40:], theirs.label[40:])
    assert np.array_equal(a.label, seen.label)
    table = comparison.class_table(a, b)
    wall = table[table["class"] == "wall"].iloc[0]
    assert wall["IoU A %"] == pytest.approx(100 * seen.scores.iou[0])
    assert wall["IoU B %"] == pytest.approx(100 * theirs.scores.iou[0])
    assert comparison.packed(a, b)["names"][other] == "otherprop"
    assert all(one is seen for one in comparison.on_one_class_set(seen, seen))
