"""Photographs of Cycles: on the rasteriser's pixels, in the same units, without a trace of the scene before."""

import numpy as np
import pytest

pytest.importorskip("bpy")
pytest.importorskip("moderngl")

from test_rooms_render import (
    FLOOR,
    PLANES,
    box,
    camera,
    ceiling_light,
    floor_at,
    quad,
    rasteriser,  # noqa: F401 (a fixture)
    scene,
    stripes,
)

from deresunet.errors import InputError
from train.rooms.cycles import photograph
from train.rooms.scene import Camera, Light, Material, Mesh, Sky, Texture

NIGHT = Sky("night", 0.0, 0.0, (0.0, 0.0, 0.0))


def glowing(colour, strength=1.0) -> Material:
    return Material("glowing", colour, 1.0, emission=strength)


def finer(view: Camera, factor: int) -> Camera:
    """The same camera with `factor` x `factor` pixels for each."""
    intrinsics = view.intrinsics.copy()
    intrinsics[:2] *= factor
    intrinsics[:2, 2] += (factor - 1) / 2
    return Camera(view.sensor, factor * view.width, factor * view.height, intrinsics, view.pose)


@pytest.mark.parametrize("principal", [(47.5, 35.5), (40.3, 41.8), (55.0, 30.2)])
def test_pixels_are_the_rasterisers(rasteriser, principal):  # noqa: F811
    """The white boxes' area, and their centroid, agree with the labels to a fifth of a pixel."""
    view = camera((0.2, -0.1, 0.1), (0.1, 2, 0.05))
    view.intrinsics[:2, 2] = principal
    made = scene(
        box((-0.6, 2.0, -0.5), (0.0, 2.4, 0.1)),
        box((0.3, 2.6, 0.2), (0.8, 2.9, 0.7)),
        materials=[glowing((1.0, 1.0, 1.0))] * 2,
        sky=NIGHT,
    )
    white = np.clip(photograph(made, view, 16, threads=1)[..., 0], 0, 1)
    mask = (rasteriser.view(made, finer(view, 8), colour=False).instance > 0).astype(float)
    mask = mask.reshape(view.height, 8, view.width, 8).mean((1, 3))
    y, x = np.mgrid[: view.height, : view.width]
    for axis in (x, y):
        assert (white * axis).sum() / white.sum() == pytest.approx((mask * axis).sum() / mask.sum(), abs=0.2)
    assert white.sum() == pytest.approx(mask.sum(), rel=0.01)
    assert np.mean(np.abs(white - mask)) < 0.01


def test_radiance_is_that_of_the_rasteriser(rasteriser):  # noqa: F811
    """Below a small rectangle far from all walls: albedo / pi * P / (pi d^2)."""
    light = Light(ceiling_light(z=2.0, side=0.1).pose, (0.1, 0.1), (1.0, 1.0, 1.0), 10.0, "ceiling")
    dark = Material("dark", (0.5, 0.5, 0.5), 1.0)
    view = camera((2, 2, 2.4), (2, 2, 0), 96, 72, 60.0)
    made = scene(FLOOR, materials=[dark], lights=[light], size=(400.0, 400.0, 400.0), sky=NIGHT)
    wanted = 0.5 / np.pi * 10.0 / np.pi / 2.0**2
    found = floor_at(view, photograph(made, view, 32, threads=1), 2, 2)
    assert found == pytest.approx(wanted, rel=0.1)
    assert found == pytest.approx(floor_at(view, rasteriser.view(made, view, colour=True).colour, 2, 2), rel=0.15)


def test_textures_lie_as_the_rasteriser_lays_them(rasteriser):  # noqa: F811
    view = camera((2, 0.3, 1.6), (2, 2.2, 0), 192, 144)
    material = Material("striped", (0.9, 0.9, 0.9), 0.95, texture=stripes("box", (0.5, 0.5)))
    made = scene(FLOOR, materials=[material], lights=[ceiling_light(side=1.0)], sky=NIGHT)
    photo, fast = photograph(made, view, 16, threads=1)[..., 1], rasteriser.view(made, view, colour=True).colour[..., 1]
    there = rasteriser.view(made, view, colour=False).depth > 0
    assert np.corrcoef(photo[there], fast[there])[0, 1] > 0.9


def test_triangles_that_cover_nothing_do_no_harm():
    """A corner twice, as thinned models have it: Blender itself crashes on such a mesh."""
    from train.rooms.blender import build_mesh  # noqa: PLC0415

    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [2, 2, 3], [1, 3, 2], [3, 3, 3]], np.int32)
    mesh = Mesh(vertices, np.tile(np.float32([0, 0, 1]), (4, 1)), faces)
    built = build_mesh(mesh, Texture("grey", np.full((4, 4, 3), 128, np.uint8)))
    assert len(built.polygons) == 2
    assert len(built.uv_layers[0].uv) == 6


def test_scenes_leave_nothing_behind():
    view = camera(width=48, height=36)
    bright = scene(PLANES["wall"][0], materials=[glowing((1.0, 0.0, 0.0), 3.0)], sky=NIGHT)
    empty = scene(quad((-1, 9, -1), (-0.9, 9, -1), (-0.9, 9, -0.9), (-1, 9, -0.9)), sky=NIGHT)
    first = photograph(bright, view, 4, threads=1)
    assert first[18, 24, 0] == pytest.approx(3, rel=0.05)
    assert photograph(empty, view, 4, threads=1).max() < 0.01
    again = photograph(bright, view, 4, threads=1)
    assert np.allclose(first, again, atol=1e-3)


def test_glass_lets_what_is_behind_be_seen():
    pane = quad((-1, 2, -1), (1, 2, -1), (1, 2, 1), (-1, 2, 1))
    glass = Material("glass", (0.9, 0.9, 0.9), 0.02, opacity=0.1)
    made = scene(pane, PLANES["wall"][0], materials=[glass, glowing((1.0, 0.0, 0.0))], sky=NIGHT)
    assert photograph(made, camera(width=48, height=36), 16, threads=1)[18, 24, 0] == pytest.approx(0.87, abs=0.08)


def test_errors_name_what_is_known():
    with pytest.raises(InputError, match="samples"):
        photograph(scene(FLOOR), camera(), 0)
    with pytest.raises(InputError, match="courtyard"):
        photograph(scene(FLOOR, sky=Sky("mars", 0.0, 1.0, (1.0, 0.5, 0.3))), camera(), 1)
