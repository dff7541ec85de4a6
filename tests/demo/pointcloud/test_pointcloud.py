"""Surfaces: vertices, faces, boxes and files."""

import io
import json
import struct

import numpy as np
import pytest
import trimesh

from demo.inspection import inspect
from demo.pointcloud.exports import surface_file, surface_note
from demo.pointcloud.surface import MAX_VERTICES, back_project, box_lines, camera_intrinsics, to_glb, to_ply
from demo.viewer.layers import Look
from deresunet import Frame, InputError
from deresunet.classes import SUNRGBD37
from deresunet.visualization.boxes import shown_boxes

PINHOLE = np.array([[600.0, 0, 32], [0, 600.0, 24], [0, 0, 1]])


def test_vertices_come_back_to_their_pixels(room):
    surface = back_project(room.depth, room.intrinsics)
    assert len(surface.positions) == (room.depth > 0).sum()
    camera = surface.positions * (1, -1, -1)
    projected = camera @ room.intrinsics.T
    assert np.allclose(projected[:, 0] / projected[:, 2], surface.columns, atol=1e-2)
    assert np.allclose(projected[:, 1] / projected[:, 2], surface.rows, atol=1e-2)


def test_a_large_map_is_thinned_evenly():
    surface = back_project(np.ones((1200, 1280), np.float32), np.diag([600.0, 600.0, 1.0]), MAX_VERTICES)
    assert 0.2 * MAX_VERTICES < len(surface.positions) <= MAX_VERTICES
    assert len(np.unique(np.diff(np.unique(surface.rows)))) == 1


def test_a_wall_is_whole_and_a_jump_is_cut():
    depth = np.full((48, 64), 2.0, np.float32)
    whole = back_project(depth, PINHOLE)
    assert len(whole.faces) == 2 * 47 * 63
    depth[:, 32:] = 3.0
    cut = back_project(depth, PINHOLE)
    assert len(cut.faces) == 2 * 47 * 62, "no triangle from one to the other"
    ends = cut.positions[cut.faces][..., 2]
    assert (ends.max(1) - ends.min(1) < 0.1).all()


def test_missing_pixels_leave_a_hole():
    depth = np.full((48, 64), 2.0, np.float32)
    depth[10, 10] = 0
    surface = back_project(depth, PINHOLE)
    assert len(surface.positions) == 48 * 64 - 1
    assert len(surface.faces) == 2 * 47 * 63 - 6, "six triangles meet in a vertex"
    assert surface.faces.max() < len(surface.positions)


def test_faces_look_at_the_camera():
    surface = back_project(np.full((4, 4), 2.0, np.float32), PINHOLE)
    normals = surface.mesh(np.zeros((4, 4, 3), np.uint8)).face_normals
    assert (normals[:, 2] > 0.9).all()


def read_glb(content):
    magic, version, length = struct.unpack_from("<III", content)
    assert (magic, version, length) == (0x46546C67, 2, len(content))
    size, kind = struct.unpack_from("<II", content, 12)
    assert kind == 0x4E4F534A
    return json.loads(content[20 : 20 + size])


def test_the_glb_holds_surface_and_boxes_unlit_and_is_small(seen, room):
    surface = back_project(room.depth, room.intrinsics, MAX_VERTICES)
    content = to_glb(surface, seen.background, box_lines(shown_boxes(room.boxes), SUNRGBD37.palette))
    assert len(content) < 6e6
    scene = read_glb(content)
    mesh, edges = (one["primitives"][0] for one in scene["meshes"])
    assert (mesh["mode"], edges["mode"]) == (4, 1)
    assert "KHR_materials_unlit" in scene["materials"][mesh["material"]]["extensions"]
    assert "COLOR_0" in mesh["attributes"]
    scene = trimesh.load(io.BytesIO(content), file_type="glb", process=False)
    (read,) = (one for one in scene.dump() if isinstance(one, trimesh.Trimesh))
    assert np.allclose(read.vertices, surface.positions)
    assert np.array_equal(read.faces, surface.faces)


def test_boxes_of_one_class_alone(room):
    chairs = [box for box in room.boxes if box.label == 5]
    lines = box_lines(shown_boxes(room.boxes, {5}), SUNRGBD37.palette)
    assert len(lines.entities) == 12 * len(chairs)
    assert (np.array([entity.color[:3] for entity in lines.entities]) == SUNRGBD37.palette[5]).all()
    assert box_lines([], SUNRGBD37.palette) is None


def test_the_ply_reads_back(seen, room):
    surface = back_project(room.depth, room.intrinsics)
    read = trimesh.load(
        io.BytesIO(to_ply(surface, seen.background, seen.label, seen.truth)), file_type="ply", process=False
    )
    at = surface.rows, surface.columns
    assert np.array_equal(read.vertices.astype(np.float32), surface.positions)
    assert np.array_equal(read.visual.vertex_colors[:, :3], room.rgb[at])
    stored = read.metadata["_ply_raw"]["vertex"]["data"]
    assert np.array_equal(stored["prediction"].ravel(), seen.label[at])
    assert np.array_equal(stored["ground_truth"].ravel(), seen.truth[at])


def test_3d_says_what_it_rests_on(seen, bare, predictor, room, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert "the camera's own intrinsics" in surface_note(seen, "RGB", Look())
    path, distance = surface_file(seen, "errors", Look())
    assert str(tmp_path) in path
    assert 1 < distance < 20
    with pytest.raises(InputError, match="has no depth"):
        surface_file(bare, "RGB", Look())
    unlabelled = inspect(predictor, Frame(rgb=room.rgb, depth=room.depth))
    assert "assumed field of view of 60 degrees" in surface_note(unlabelled, "RGB", Look())
    assert camera_intrinsics(unlabelled)[0][0, 0] == pytest.approx(320 / np.tan(np.pi / 6))
    with pytest.raises(InputError, match="no ground truth"):
        surface_file(unlabelled, "ground truth", Look())
