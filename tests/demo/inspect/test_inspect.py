"""What Inspect, Compare and Share show, worked out from arrays whose answer is known."""

import io
import json
import struct
import zipfile
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from demo.ablation import summary as trial
from demo.ablation.summary import Verdict
from demo.compare import comparison as contest
from demo.inspect.messages import captions, confused
from demo.inspect.panels import (
    CLASS_KEYS,
    ERROR_KEYS,
    VIEWS,
    Look,
    error_codes,
    mark,
    panels,
    prediction_picture,
    view_keys,
)
from demo.inspect.pixel import pixel_card
from demo.inspection import inspect
from demo.link import Link, read_link, write_link
from demo.networks import Checkpoints
from demo.pointcloud.cloud import MAX_POINTS, back_project, box_segments, camera_intrinsics, to_glb, to_ply
from demo.pointcloud.exports import cloud_file, cloud_note
from demo.report.frame import Report
from deresunet import Frame, InputError
from deresunet.classes import DISPLAY_NAMES, PALETTE
from deresunet.evaluation.calibration import reliability
from deresunet.evaluation.metrics import scores
from deresunet.model import registry
from deresunet.model.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def seen(predictor, room):
    return inspect(predictor, room)


@pytest.fixture(scope="module")
def without_depth(predictor, room):
    return inspect(predictor, room, "rgb")


@pytest.fixture(scope="module")
def bare(predictor, room):
    return inspect(predictor, Frame(rgb=room.rgb, name="<i>bare</i>"))


def test_errors_are_told_by_place():
    truth = np.ones((20, 20), np.uint8)
    truth[:, 10:] = 2
    truth[0, 0] = 0
    label = truth.copy()
    label[5, 1] = 3  # far from the boundary between 9 and 10
    label[5, 9] = 3  # at it
    label[0, 0] = 1  # void
    codes = error_codes(truth, label, None, radius=5)
    assert (codes[5, 1], codes[5, 9], codes[0, 0], codes[10, 3]) == (3, 2, 0, 1)
    assert list(ERROR_KEYS)[codes[5, 1] - 1] == "wrong inside"


def test_one_class_is_found_missed_or_a_false_alarm():
    truth = np.array([[1, 1, 2, 0, 2]], np.uint8)
    label = np.array([[1, 2, 1, 1, 2]], np.uint8)
    codes = error_codes(truth, label, 1)
    assert codes.tolist() == [[1, 3, 2, 0, 0]]
    assert list(CLASS_KEYS) == ["found", "false alarm", "missed"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("only", [None, 5])
def test_every_view_has_the_frames_size_and_says_what_its_colours_mean(seen, view, only):
    look = Look(0.7, only, view)
    assert {picture.shape for picture in panels(seen, look)} == {(480, 640, 3)}
    for name in view_keys(look):
        assert name in captions(seen, look)[3]
    assert bool(view_keys(look)) == (view != "classes")


def test_confidence_is_bright_where_the_network_is_sure(seen):
    picture = prediction_picture(seen, Look(1.0, view="confidence")).astype(int)
    sure = np.unravel_index(seen.probabilities[0].argmax(), seen.label.shape)
    unsure = np.unravel_index(seen.probabilities[0].argmin(), seen.label.shape)
    assert picture[sure][1] > picture[unsure][1] + 50, "viridis' green grows with the value"


def test_right_and_wrong_without_ground_truth_say_so(bare):
    assert "need ground truth" in captions(bare, Look(view="errors"))[3]


def test_the_marker_is_a_ring_around_the_point():
    picture = mark(np.full((100, 100, 3), 128, np.uint8), (40, 60))
    rows, columns = np.nonzero((picture != 128).any(-1))
    assert (rows.mean(), columns.mean()) == pytest.approx((40, 60), abs=0.5)
    assert (picture[40, 60] == 128).all(), "what is marked stays visible"
    assert {0, 255} <= set(np.unique(picture))


def test_the_pixel_card_tells_what_the_arrays_hold(seen, predictor, room):
    row, column = 300, 200
    card = pixel_card(seen, (row, column))
    prediction = predictor(room)
    assert f"column {column}, row {row}" in card
    assert DISPLAY_NAMES[prediction.label[row, column] - 1] in card
    assert f"{room.depth[row, column]:.2f} m" in card
    assert f"{prediction.confidence[row, column]:.1%}" in card
    for label in prediction.classes[:, row, column]:
        assert DISPLAY_NAMES[label - 1] in card
    assert "Click any picture" in pixel_card(seen, None)


def test_confusions_name_both_classes(seen):
    said = confused(seen)
    matrix = seen.result.matrix().copy()
    np.fill_diagonal(matrix, 0)
    row, column = np.unravel_index(matrix.argmax(), matrix.shape)
    assert f"{DISPLAY_NAMES[row]} is taken for {DISPLAY_NAMES[column]}" in said


def test_reliability_by_hand():
    truth = np.array([1, 1, 1, 1, 0], np.uint8)
    label = np.array([1, 1, 1, 2, 1], np.uint8)
    told = reliability(truth, label, np.array([0.95, 1.0, 0.55, 0.52, 0.9], np.float32))
    assert told.pixels.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert told.accuracy[5] == 0.5
    assert told.accuracy[9] == 1.0
    assert told.confidence[9] == pytest.approx(0.975)
    assert told.expected_error == pytest.approx((2 * abs(0.535 - 0.5) + 2 * abs(0.975 - 1.0)) / 4)


def test_depth_on_trial_adds_up(seen, without_depth, predictor, room):
    found = {
        "rgbd": Verdict.of(seen),
        "rgb": Verdict.of(without_depth),
        "depth": Verdict.of(inspect(predictor, room, "depth")),
    }
    table = trial.class_changes(found).data
    wall = table[table["class"] == "wall"].iloc[0]
    assert wall["RGB + depth %"] == pytest.approx(100 * seen.scores.iou[0])
    assert wall["depth adds"] == pytest.approx(100 * (seen.scores.iou[0] - without_depth.scores.iou[0]))
    regions = trial.region_changes(found).data
    by_distance = regions[~regions["pixels"].str.startswith("depth ")]
    assert by_distance["share %"].sum() == pytest.approx(100)
    gain = 100 * (seen.scores.miou - without_depth.scores.miou)
    assert f"{abs(gain):.1f} points</b> of mIoU" in trial.trial_summary(found)
    pixels = 100 * (seen.scores.pixel_acc - without_depth.scores.pixel_acc)
    assert f"{pixels:+.1f} points of pixel accuracy" in trial.trial_summary(found)
    assert len(trial.trial_captions(found)) == len(trial.trial_pictures(seen.background, found, 0.5, None)) == 3


def test_points_come_back_to_their_pixels(room):
    cloud = back_project(room.depth, room.intrinsics)
    assert len(cloud.positions) == (room.depth > 0).sum()
    camera = cloud.positions * (1, -1, -1)
    projected = camera @ room.intrinsics.T
    assert np.allclose(projected[:, 0] / projected[:, 2], cloud.columns, atol=1e-2)
    assert np.allclose(projected[:, 1] / projected[:, 2], cloud.rows, atol=1e-2)


def test_many_points_are_thinned_evenly():
    cloud = back_project(np.ones((1200, 1280), np.float32), np.diag([600.0, 600.0, 1.0]))
    assert 0.2 * MAX_POINTS < len(cloud.positions) <= MAX_POINTS


def read_glb(content):
    magic, version, length = struct.unpack_from("<III", content)
    assert (magic, version, length) == (0x46546C67, 2, len(content))
    size, kind = struct.unpack_from("<II", content, 12)
    assert kind == 0x4E4F534A
    scene = json.loads(content[20 : 20 + size])
    buffer_size, buffer_kind = struct.unpack_from("<II", content, 20 + size)
    assert buffer_kind == 0x004E4942
    buffer = content[28 + size :]
    assert len(buffer) == buffer_size == scene["buffers"][0]["byteLength"]
    return scene, buffer


def test_the_glb_holds_points_and_boxes_and_is_small(seen, room):
    cloud = back_project(room.depth, room.intrinsics)
    lines = box_segments(room.boxes, None)
    content = to_glb(cloud, seen.background, lines)
    assert len(content) < 6e6
    scene, buffer = read_glb(content)
    points, edges = (mesh["primitives"][0] for mesh in scene["meshes"])
    assert (points["mode"], edges["mode"]) == (0, 1)
    accessor = scene["accessors"][points["attributes"]["POSITION"]]
    view = scene["bufferViews"][accessor["bufferView"]]
    stored = np.frombuffer(buffer, "<f4", accessor["count"] * 3, view["byteOffset"]).reshape(-1, 3)
    assert np.array_equal(stored, cloud.positions)
    assert np.allclose(accessor["min"], stored.min(0))
    assert scene["accessors"][edges["attributes"]["POSITION"]]["count"] == len(lines[0])
    assert len(lines[0]) % 24 == 0, "twelve edges of two ends a box"


def test_boxes_of_one_class_alone(room):
    chairs = [box for box in room.boxes if box.label == 5]
    ends, colours = box_segments(room.boxes, 5)
    assert len(ends) == 24 * len(chairs)
    assert (colours == PALETTE[5]).all()


def test_the_ply_reads_back(seen, room):
    cloud = back_project(room.depth, room.intrinsics)
    content = to_ply(cloud, seen.background, seen.label, seen.truth)
    header, body = content.split(b"end_header\n", 1)
    assert f"element vertex {len(cloud.positions)}".encode() in header
    kind = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), ("prediction", "u1"), ("ground_truth", "u1")])
    points = np.frombuffer(body, kind)
    assert np.array_equal(points["xyz"], cloud.positions)
    assert np.array_equal(points["rgb"], room.rgb[cloud.rows, cloud.columns])
    assert np.array_equal(points["prediction"], seen.label[cloud.rows, cloud.columns])


def test_3d_says_what_it_rests_on(seen, bare, predictor, room, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert "the camera's own intrinsics" in cloud_note(seen, "RGB", None)
    assert str(tmp_path) in cloud_file(seen, "right and wrong", None)
    with pytest.raises(InputError, match="has no depth"):
        cloud_file(bare, "RGB", None)
    unlabelled = inspect(predictor, Frame(rgb=room.rgb, depth=room.depth))
    assert "assumed field of view of 60 degrees" in cloud_note(unlabelled, "RGB", None)
    assert camera_intrinsics(unlabelled)[0][0, 0] == pytest.approx(320 / np.tan(np.pi / 6))
    with pytest.raises(InputError, match="no ground truth"):
        cloud_file(unlabelled, "ground truth", None)


def test_a_comparison_says_who_is_right_where(seen, without_depth, room):
    codes = contest.contest_codes(seen, without_depth)
    known = room.label > 0
    right_a, right_b = seen.label == room.label, without_depth.label == room.label
    assert np.array_equal(codes == 1, known & right_a & ~right_b)
    assert np.array_equal(codes == 2, known & right_b & ~right_a)
    assert (codes[known & right_a & right_b] == 0).all()
    table = contest.contest_table(seen, without_depth).data
    wall = table[table["class"] == "wall"].iloc[0]
    assert wall["B - A"] == pytest.approx(100 * (without_depth.scores.iou[0] - seen.scores.iou[0]))
    said = contest.contest_headline(seen, without_depth)
    assert f"{(codes == 1)[known].mean():.1%}" in said
    assert "RGB alone" in said


def test_a_comparison_without_ground_truth(bare):
    other = replace(bare, classes=np.roll(bare.classes, 1, axis=1))
    assert np.array_equal(contest.contest_codes(bare, other) == 1, bare.label != other.label)
    assert "share A %" in contest.contest_table(bare, other).data.columns


def test_checkpoints_are_loaded_when_asked_for_and_bounded(predictor, tmp_path):
    paths = []
    network = load_checkpoint(registry.entry(registry.DEFAULT_MODEL).checkpoint).build()
    for index in range(3):
        paths.append(str(tmp_path / f"weights{index}.safetensors"))
        save_checkpoint(paths[-1], network, precision="fp16")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    offered = Checkpoints(predictor, [*paths, str(broken)], "cpu")
    assert offered.names == ["deresunet_r50.safetensors", *(f"weights{k}.safetensors" for k in range(3)), broken.name]
    assert offered.get() is offered.get("deresunet_r50.safetensors") is predictor
    first = offered.get("weights0.safetensors")
    assert offered.get("weights0.safetensors") is first
    offered.get("weights1.safetensors")
    offered.get("weights2.safetensors")
    assert len(offered._loaded) == 2
    with pytest.raises(InputError, match="truncated"):
        offered.get(broken.name)
    with pytest.raises(InputError, match="there are deresunet_r50"):
        offered.get("other")
    with pytest.raises(InputError, match="truncated"):
        offered.add(str(broken))


def test_a_link_opens_what_it_was_made_from():
    here = Link("my set (test)", "a&b=c", "w.safetensors", "rgb", "errors", "shower curtain")
    address = write_link("https://host/app/?old=1", here)
    assert address.startswith("https://host/app/?")
    assert read_link(dict(parse_qsl(urlsplit(address).query))) == here
    assert read_link({}) == Link()
    with pytest.raises(InputError, match="expected one of rgbd, rgb, depth"):
        read_link({"given": "thermal"})
    with pytest.raises(InputError, match="class='<b>'"):
        read_link({"class": "<b>"})


def test_a_report_stands_alone(seen):
    page = Report(seen, 0.6).page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert page.count("data:image/png;base64,") == 7
    assert f"{100 * seen.scores.miou:.1f} %" in page
    assert "<script" not in page


def test_a_reports_names_are_escaped(bare):
    page = Report(bare, 0.6).page
    assert "<i>bare" not in page
    assert "&lt;i&gt;bare" in page


def test_a_zip_holds_all_and_its_numbers_agree(seen, room):
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        names = set(archive.namelist())
        assert {"report.html", "label.png", "prediction.json", "classes.csv", "points.ply"} <= names
        told = json.loads(archive.read("prediction.json"))
        rows = [line.split(",") for line in archive.read("classes.csv").decode().split()]
    assert told["miou"] == round(100 * seen.scores.miou, 4)
    header = rows[0]
    wall = dict(zip(header, next(row for row in rows if row[1] == "wall"), strict=True))
    assert float(wall["iou"]) == pytest.approx(100 * seen.scores.iou[0], abs=1e-4)
    assert int(wall["truth_pixels"]) == (room.label == 1).sum()


def test_numbers_of_the_page_are_those_of_the_command_line(seen, predictor, room):
    matrix = seen.result.matrix()
    assert scores(matrix).miou == seen.scores.miou
    assert seen.described["miou"] == round(100 * seen.scores.miou, 4)


def test_a_visitors_state_is_bounded(predictor):
    frame = Frame(
        rgb=np.zeros((4000, 4096, 3), np.uint8),
        depth=np.ones((4000, 4096), np.float32),
        label=np.ones((4000, 4096), np.uint8),
    )
    seen = inspect(predictor, frame)
    held = [seen.background, seen.depth, seen.truth, seen.classes, seen.probabilities, seen.entropy]
    assert sum(array.nbytes for array in held) < 64e6
    assert all(array.base is None for array in held), "nothing holds on to the frame's full arrays"
