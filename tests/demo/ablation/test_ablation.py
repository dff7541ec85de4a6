"""Modality ablation of one frame."""

import pytest

from demo.ablation import summary
from demo.ablation.summary import ModalityResult
from demo.data_set_metrics import Measured
from demo.inspection import inspect
from deresunet import Frame


def test_the_tables_add_up(seen, without_depth, depth_alone):
    found = {one.modality: ModalityResult.of(one) for one in (seen, without_depth, depth_alone)}
    table = summary.class_table(found)
    wall = table[table["class"] == "wall"].iloc[0]
    assert wall["RGB-D %"] == pytest.approx(100 * seen.scores.iou[0])
    assert wall["depth adds"] == pytest.approx(100 * (seen.scores.iou[0] - without_depth.scores.iou[0]))
    regions = summary.region_table(found)
    by_distance = regions[~regions["pixels"].str.startswith("depth ")]
    assert by_distance["share %"].sum() == pytest.approx(100)
    gain = 100 * (seen.scores.miou - without_depth.scores.miou)
    assert f"{abs(gain):.1f} points</b> of mIoU" in summary.ablation_summary(found)
    pixels = 100 * (seen.scores.pixel_acc - without_depth.scores.pixel_acc)
    assert f"{pixels:+.1f} points of pixel accuracy" in summary.ablation_summary(found)
    assert len(summary.ablation_pictures(seen.background, found, 0.5)) == 3


def test_the_three_predictions_are_shown_with_their_scores(seen, without_depth, depth_alone):
    found = {one.modality: ModalityResult.of(one) for one in (seen, without_depth, depth_alone)}
    value = summary.packed(seen, found)
    names = {layer["id"]: layer["name"] for layer in value["layers"]}
    for key, one in (("from_rgbd", seen), ("from_rgb", without_depth), ("from_depth", depth_alone)):
        assert f"{100 * one.scores.miou:.1f} %" in names[key]
        assert key in value["planes"]
    assert (value["layer"], value["wipe"]) == ("from_rgb", "from_rgbd")
    assert "only RGB-D correct" in value["layers"][-1]["outcomes"]
    assert "only RGB correct" in value["layers"][-1]["outcomes"]


def test_the_data_sets_figures_stand_beside_the_frames(seen, without_depth, depth_alone):
    found = {one.modality: ModalityResult.of(one) for one in (seen, without_depth, depth_alone)}
    said = summary.ablation_summary(found, Measured(rgbd=36.4, rgb=28.1, depth=40.0))
    assert "Over NYU Depth v2's 654 test frames, depth adds <b>8.3 points</b> of mIoU and RGB costs" in said
    assert "Over NYU" not in summary.ablation_summary(found)


def test_without_ground_truth_it_says_how_many_pixels_change(predictor, room):
    frame = Frame(rgb=room.rgb, depth=room.depth)
    found = {modality: ModalityResult.of(inspect(predictor, frame, modality)) for modality in summary.MODALITIES}
    changed = (found["rgbd"].label != found["rgb"].label).mean()
    assert f"{100 * changed:.1f} % of the pixels get another class" in summary.ablation_summary(found)
    assert len(summary.class_table(found)) == len(summary.region_table(found)) == 0
