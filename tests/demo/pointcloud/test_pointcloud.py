"""Point clouds: points, boxes and files."""

import json
import struct

import numpy as np
import pytest

from demo.inspection import inspect
from demo.pointcloud.cloud import MAX_POINTS, back_project, box_segments, camera_intrinsics, to_glb, to_ply
from demo.pointcloud.exports import cloud_file, cloud_note
from deresunet import Frame, InputError
from deresunet.classes import PALETTE
from deresunet.visualization.boxes import shown_boxes


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
    lines = box_segments(shown_boxes(room.boxes))
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
    ends, colours = box_segments(shown_boxes(room.boxes, {5}))
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
    assert str(tmp_path) in cloud_file(seen, "errors", None)
    with pytest.raises(InputError, match="has no depth"):
        cloud_file(bare, "RGB", None)
    unlabelled = inspect(predictor, Frame(rgb=room.rgb, depth=room.depth))
    assert "assumed field of view of 60 degrees" in cloud_note(unlabelled, "RGB", None)
    assert camera_intrinsics(unlabelled)[0][0, 0] == pytest.approx(320 / np.tan(np.pi / 6))
    with pytest.raises(InputError, match="no ground truth"):
        cloud_file(unlabelled, "ground truth", None)
