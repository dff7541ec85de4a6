"""The fast renderer against geometry that can be computed by hand, and the development of its pictures."""

import cv2
import numpy as np
import pytest

from train.rooms.scene import Camera, Credit, Light, Material, Mesh, Object, Part, Scene, Sky, Texture

pytest.importorskip("moderngl")

from deresunet.errors import InputError
from train.rooms.raster import Rasteriser

CREDIT = Credit("made for a test", "MIT")
GREY = Material("grey", (0.5, 0.5, 0.5), 0.9)
WIDTH, HEIGHT, FOCAL, CX, CY = 96, 72, 80.0, 45.3, 37.8


@pytest.fixture(scope="module")
def rasteriser():
    try:
        return Rasteriser()
    except InputError as error:
        pytest.skip(str(error))


def quad(a, b, c, d) -> Mesh:
    """A parallelogram's four corners, counter-clockwise from outside."""
    corners = np.array([a, b, c, d], float)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    normal /= np.linalg.norm(normal)
    return Mesh(
        corners.astype(np.float32),
        np.tile(normal, (4, 1)).astype(np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32),
    )


def box(low, high) -> Mesh:
    (x0, y0, z0), (x1, y1, z1) = low, high
    sides = [
        quad((x0, y0, z0), (x0, y1, z0), (x1, y1, z0), (x1, y0, z0)),
        quad((x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)),
        quad((x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)),
        quad((x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1)),
        quad((x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1)),
        quad((x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)),
    ]
    return Mesh(
        np.concatenate([side.vertices for side in sides]),
        np.concatenate([side.normals for side in sides]),
        np.concatenate([side.faces + 4 * k for k, side in enumerate(sides)]),
    )


def camera(eye=(0, 0, 0), at=(0, 1, 0), width=WIDTH, height=HEIGHT, focal=FOCAL) -> Camera:
    forward = np.subtract(at, eye) / np.linalg.norm(np.subtract(at, eye))
    right = np.cross(forward, [0, 0, 1] if abs(forward[2]) < 0.99 else [0, 1, 0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    scale = width / WIDTH
    intrinsics = np.array([[focal * scale, 0, CX * scale], [0, focal * scale * 1.02, CY * scale], [0, 0, 1]])
    return Camera("kv1", width, height, intrinsics, pose)


def scene(*meshes, materials=(), labels=(), lights=(), size=(4.0, 4.0, 2.6), sky=None, poses=()) -> Scene:
    objects = []
    for k, mesh in enumerate(meshes):
        label = labels[k] if k < len(labels) else 3
        material = materials[k] if k < len(materials) else GREY
        pose = poses[k] if k < len(poses) else np.eye(4)
        objects.append(Object(k + 1, f"thing {k}", label, (Part(mesh, material, label),), pose, CREDIT))
    return Scene(0, "office", size, tuple(objects), tuple(lights), sky or Sky("city", 0.0, 1.0, (0.5, 0.7, 1.0)))


def ceiling_light(x=2.0, y=2.0, z=2.5, power=40.0, side=0.3) -> Light:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return Light(pose, (side, side), (1.0, 1.0, 1.0), power, "ceiling")


def rays(view: Camera) -> np.ndarray:
    y, x = np.mgrid[: view.height, : view.width].astype(float)
    return np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(view.intrinsics).T  # (H, W, 3)


def analytic_depth(view: Camera, point, normal) -> np.ndarray:
    """Planar depth of the plane through `point`; negative behind the camera."""
    normal = np.asarray(normal, float)
    direction = rays(view) @ view.pose[:3, :3].T
    with np.errstate(divide="ignore"):
        return ((np.asarray(point) - view.pose[:3, 3]) @ normal) / (direction @ normal)


PLANES = {
    "floor": (quad((-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)), (0, 0, 0), (0, 0, 1)),
    "wall": (quad((-9, 4, -5), (9, 4, -5), (9, 4, 5), (-9, 4, 5)), (0, 4, 0), (0, 1, 0)),
    "tilted": (quad((-3, 2, -3), (3, 5, -3), (3, 5, 3), (-3, 2, 3)), (0, 3.5, 0), (-0.5, 1, 0)),
}


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize(("eye", "at"), [((0.1, 0, 1.4), (0.3, 3, 1.0)), ((-0.4, -1, 1.7), (0.5, 3, 0.2))])
def test_depth_is_the_planes(rasteriser, name, eye, at):
    mesh, point, normal = PLANES[name]
    view = camera(eye, at, 320, 240)
    seen = rasteriser.view(scene(mesh), view, colour=False)
    wanted = analytic_depth(view, point, normal)
    there = (seen.instance == 1) & (wanted < 9)
    assert there.mean() > 0.3
    assert np.abs(seen.depth - wanted)[there].max() < 1e-3
    assert seen.depth.dtype == np.float32
    assert seen.instance.dtype == np.uint16
    assert np.all(seen.depth[seen.instance == 0] == 0)


@pytest.mark.parametrize("name", PLANES)
def test_normals_face_the_camera(rasteriser, name):
    mesh, _, normal = PLANES[name]
    view = camera((0.1, 0, 1.4), (0.3, 3, 1.0))
    seen = rasteriser.view(scene(mesh), view, colour=False)
    there = seen.instance == 1
    wanted = view.pose[:3, :3].T @ (np.array(normal) / np.linalg.norm(normal))
    assert np.allclose(np.abs(seen.normal[there] @ wanted), 1, atol=1e-5)
    assert np.all(np.einsum("nk,nk->n", seen.normal[there], rays(view)[there]) < 0)
    assert np.all(seen.normal[~there] == 0)


def test_pixel_centres_are_whole_numbers(rasteriser):
    """A square that spans exact pixels fills those whose centres are inside, with an off-centre principal point."""
    view = camera()
    u0, u1, v0, v1, depth = 20.4, 60.6, 10.6, 50.4, 2.0
    scale = np.linalg.inv(view.intrinsics)
    corners = [view.pose[:3, :3] @ (depth * scale @ [u, v, 1]) for u, v in ((u0, v1), (u1, v1), (u1, v0), (u0, v0))]
    seen = rasteriser.view(scene(quad(*corners)), view, colour=False)
    wanted = np.zeros((HEIGHT, WIDTH), np.uint16)
    wanted[11:51, 21:61] = 1
    assert np.array_equal(seen.instance, wanted)


def test_instances_at_known_pixels_with_poses(rasteriser):
    view = camera((0, 0, 0), (0, 1, 0))
    pose = np.eye(4)
    pose[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    pose[:3, 3] = 0.6, 2.5, 0
    cube = box((-0.2, -0.2, -0.2), (0.2, 0.2, 0.2))
    moved = np.eye(4)
    moved[:3, 3] = -0.6, 2.0, 0.3
    made = scene(cube, cube, labels=(5, 7), poses=(pose, moved))
    seen = rasteriser.view(made, view, colour=False)
    for thing in made.objects:
        point = view.intrinsics @ (view.pose[:3, :3].T @ thing.pose[:3, 3])
        u, v = np.rint(point[:2] / point[2]).astype(int)
        assert seen.instance[v, u] == thing.id
        assert seen.label(made)[v, u] == thing.label
    assert set(np.unique(seen.instance)) == {0, 1, 2}


def test_label_edges_are_depth_edges(rasteriser):
    near, far = box((-0.5, 1.5, -0.4), (0.1, 1.9, 0.4)), box((-0.9, 3.0, -0.9), (0.9, 3.2, 0.9))
    seen = rasteriser.view(scene(near, far), camera(), colour=False)
    both = (seen.instance > 0)[:, 1:] & (seen.instance > 0)[:, :-1]
    labels = (seen.instance[:, 1:] != seen.instance[:, :-1]) & both
    depths = (np.abs(np.diff(seen.depth, axis=1)) > 0.5) & both
    assert labels.sum() > 20
    assert np.array_equal(labels, depths)


def test_seed_twice_is_equal_and_other_scenes_leave_no_trace(rasteriser):
    first = scene(box((0.5, 2, 0), (1.5, 3, 1)), PLANES["floor"][0], lights=[ceiling_light()])
    other = scene(PLANES["wall"][0], lights=[ceiling_light(1, 1)])
    view = camera((2, 0, 1.2), (1.4, 3, 0.4))
    once = rasteriser.view(first, view, colour=True)
    rasteriser.view(other, camera((2, 0, 1.2), (1.4, 3, 0.4), 48, 36), colour=True)
    twice = rasteriser.view(first, view, colour=True)
    for name in ("instance", "depth", "normal", "colour"):
        assert np.array_equal(getattr(once, name), getattr(twice, name)), name
    plain = rasteriser.view(first, view, colour=False)
    assert plain.colour is None
    assert np.array_equal(plain.instance, once.instance)
    assert np.array_equal(plain.depth, once.depth)


FLOOR = quad((0, 0, 0), (4, 0, 0), (4, 4, 0), (0, 4, 0))
ABOVE = camera((2, 2, 2.4), (2, 2, 0), 96, 72, 60.0)


def floor_at(view: Camera, colour: np.ndarray, x: float, y: float) -> float:
    point = view.intrinsics @ (view.pose[:3, :3].T @ (np.array([x, y, 0]) - view.pose[:3, 3]))
    u, v = np.rint(point[:2] / point[2]).astype(int)
    return float(colour[v - 1 : v + 2, u - 1 : u + 2].mean())


def test_a_light_nearer_is_brighter_and_power_is_linear(rasteriser):
    def lit(height, power=40.0):
        light = ceiling_light(z=height, power=power)
        return floor_at(ABOVE, rasteriser.view(scene(FLOOR, lights=[light]), ABOVE, colour=True).colour, 2, 2)

    assert lit(1.2) > 1.5 * lit(2.3)
    assert lit(2.3, 80.0) == pytest.approx(2 * lit(2.3), rel=0.02)


def test_irradiance_of_a_small_light_is_the_inverse_square_laws(rasteriser):
    """Radiance = albedo / pi * E, E = P / pi / d^2 below a small Lambertian rectangle, less the room's exchange."""
    dark = Material("dark", (0.5, 0.5, 0.5), 1.0)
    far = Light(ceiling_light(z=2.0, side=0.1).pose, (0.1, 0.1), (1.0, 1.0, 1.0), 10.0, "ceiling")
    huge = (400.0, 400.0, 400.0)  # nothing comes back from walls so far away
    view = rasteriser.view(scene(FLOOR, materials=[dark], lights=[far], size=huge), ABOVE, colour=True)
    wanted = 0.5 / np.pi * 10.0 / np.pi / 2.0**2
    assert floor_at(ABOVE, view.colour, 2, 2) == pytest.approx(wanted, rel=0.12)


def test_a_shadow_is_darker_than_what_surrounds_it(rasteriser):
    table = box((1.6, 1.6, 0.9), (2.4, 2.4, 0.95))
    light = ceiling_light(2.0, 2.0, 2.5)
    view = camera((2, -1.2, 1.4), (2, 2, 0.2), 192, 144, 80.0)
    shaded = rasteriser.view(scene(FLOOR, table, lights=[light]), view, colour=True).colour
    bare = rasteriser.view(scene(FLOOR, lights=[light]), view, colour=True).colour
    under, beside = ((2.0, 1.9), (3.3, 1.9))
    assert floor_at(view, shaded, *under) < 0.6 * floor_at(view, bare, *under)
    assert floor_at(view, shaded, *beside) == pytest.approx(floor_at(view, bare, *beside), rel=0.1)


def test_occluded_corner_has_less_ambient_light(rasteriser):
    """Without lights only ambient light is left: less of it where a wall meets the floor."""
    wall = quad((4, 3, 0), (0, 3, 0), (0, 3, 2), (4, 3, 2))
    made = scene(FLOOR, wall)
    view = camera((2, 0.6, 1.6), (2, 3, 0.2), 192, 144, 80.0)
    colour = rasteriser.view(made, view, colour=True).colour
    assert floor_at(view, colour, 2, 2.93) < 0.85 * floor_at(view, colour, 2, 1.8)


def test_glass_hides_nothing_in_colours_and_everything_in_labels(rasteriser):
    behind = quad((-3, 3, -3), (3, 3, -3), (3, 3, 3), (-3, 3, 3))
    red, glass = Material("red", (0.8, 0.05, 0.05), 0.9), Material("glass", (0.9, 0.9, 0.9), 0.5, opacity=0.1)
    pane = quad((-1, 2, -1), (1, 2, -1), (1, 2, 1), (-1, 2, 1))
    view = camera()
    seen = rasteriser.view(scene(pane, behind, materials=(glass, red)), view, colour=True)
    middle = HEIGHT // 2, WIDTH // 2
    assert seen.instance[middle] == 1
    assert seen.depth[middle] == pytest.approx(2, abs=1e-3)
    red_through, green_through, _ = seen.colour[middle]
    assert red_through > 2 * green_through
    solid = Material("solid", (0.9, 0.9, 0.9), 0.5)
    covered = rasteriser.view(scene(pane, behind, materials=(solid, red)), view, colour=True).colour[middle]
    assert covered[0] < 1.3 * covered[1]


def test_the_sky_is_seen_where_there_is_nothing(rasteriser):
    made = scene(FLOOR, sky=Sky("city", 0.0, 2.0, (0.2, 0.4, 0.8)))
    seen = rasteriser.view(made, camera((2, 0, 1), (2, 4, 1.9)), colour=True)
    empty = seen.instance == 0
    assert empty[:10].all()
    red, _, blue = seen.colour[:10].mean((0, 1))
    assert blue > 2 * red > 0


@pytest.mark.parametrize("sun", [None, (0.0, -0.6, 0.8)])
def test_rough_and_polished_surfaces_and_the_sky_fill_one_picture(rasteriser, sun):
    """Programs of their own draw them: what one surface is made of changes its own pixels alone."""
    sides = [quad((x, 1, 0), (x + 1, 1, 0), (x + 1, 3, 0), (x, 3, 0)) for x in (1, 2)]
    view, sky = camera((2, 0, 1), (2, 4, 0.6)), Sky("city", 0.0, 2.0, (0.2, 0.4, 0.8), sun)

    def made(*roughness):
        materials = [Material(f"{value}", (0.5, 0.5, 0.5), value) for value in roughness]
        return rasteriser.view(scene(*sides, materials=materials, sky=sky, lights=[ceiling_light()]), view, colour=True)

    rough, half = made(0.9, 0.9), made(0.9, 0.2)
    assert {0, 1, 2} == set(np.unique(half.instance))
    assert (half.colour.max(-1) > 0).all()
    inner = [cv2.erode((half.instance == k).astype(np.uint8), np.ones((9, 9))) > 0 for k in range(3)]
    assert (half.colour[inner[0]] == rough.colour[inner[0]]).all()
    assert (half.colour[inner[1]] == rough.colour[inner[1]]).all()
    assert (half.colour[inner[2]] != rough.colour[inner[2]]).any(-1).mean() > 0.9


def test_see_through_surfaces_mirror_lamps_unless_rough(rasteriser):
    """A lamp behind the camera is mirrored by what is see-through up to the roughness where opaque things stop, too."""
    pane = quad((1, 3, 0), (3, 3, 0), (3, 3, 2), (1, 3, 2))
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # it shines along y
    pose[:3, 3] = 2, 0.2, 1
    lamp = Light(pose, (0.6, 0.6), (1.0, 1.0, 1.0), 40.0, "lamp")

    def contrast(roughness):
        material = Material(f"pane {roughness}", (0.8, 0.8, 0.8), roughness, 1.0, opacity=0.8)
        colour = rasteriser.view(scene(pane, FLOOR, materials=[material], lights=[lamp]), view, colour=True).colour
        return colour[HEIGHT // 2, WIDTH // 2, 0] / colour[HEIGHT // 2, WIDTH // 2 + 24, 0]

    view = camera((2, 0.5, 1), (2, 3, 1))
    assert contrast(0.6) > 2 * contrast(0.7)


def stripes(mapping: str, metres=(0.5, 0.5)) -> Texture:
    """Left half black, right half white."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255
    return Texture(f"stripes {mapping} {metres}", image, metres, mapping)


def edges_on_floor(rasteriser, texture: Texture) -> int:
    plain = Material("striped", (0.9, 0.9, 0.9), 0.9, texture=texture)
    high = camera((2, 2, 2.4), (2, 2, 0), 384, 288, 50.0)
    seen = rasteriser.view(scene(FLOOR, materials=[plain], lights=[ceiling_light(side=1.0)]), high, colour=True)
    row = seen.colour[144, :, 0]
    inside = seen.instance[144] == 1
    inside[: np.argmax(inside) + 4] = False  # the floor's own edges
    inside[len(inside) - np.argmax(inside[::-1]) - 4 :] = False
    bright = (row > (row[inside].min() + row[inside].max()) / 2)[inside]
    return int(np.count_nonzero(bright[1:] != bright[:-1]))


def test_texture_repeats_every_so_many_metres(rasteriser):
    assert edges_on_floor(rasteriser, stripes("box", (0.5, 0.5))) == 2 * 8 - 1
    assert edges_on_floor(rasteriser, stripes("box", (1.0, 1.0))) == 2 * 4 - 1


def test_uv_spans_the_mesh_once(rasteriser):
    assert edges_on_floor(rasteriser, stripes("uv")) == 1


def test_uv_starts_at_the_pictures_lower_left(rasteriser):
    image = np.zeros((8, 8, 3), np.uint8)
    image[4:, :4] = 255, 0, 0  # lower left
    poster = Material("poster", (1.0, 1.0, 1.0), 0.9, texture=Texture("corner", image, (1, 1), "uv"))
    wall = quad((-1, 2, -1), (1, 2, -1), (1, 2, 1), (-1, 2, 1))
    colour = rasteriser.view(scene(wall, materials=[poster]), camera(), colour=True).colour[..., 0]
    assert colour[55, 25] > 5 * colour[20, 25]
    assert colour[55, 25] > 5 * colour[55, 65]


def test_a_scene_without_triangles_is_refused(rasteriser):
    with pytest.raises(InputError, match="no triangles"):
        rasteriser.view(scene(), camera(), colour=False)


def test_a_mirror_shows_what_stands_before_it(rasteriser):
    """The ray through each mirror pixel, reflected, meets the red wall behind the camera or the green one beside it."""
    silver = Material("silver", (0.95, 0.95, 0.95), 0.02, metallic=1.0)
    red, green = Material("red", (0.9, 0.02, 0.02), 0.9), Material("green", (0.02, 0.9, 0.02), 0.9)
    mirror = quad((1, 4, 0.5), (3, 4, 0.5), (3, 4, 2.0), (1, 4, 2.0))
    back = quad((0, 0, 0), (0, 0, 2.6), (2, 0, 2.6), (2, 0, 0))
    other = quad((2, 0, 0), (2, 0, 2.6), (4, 0, 2.6), (4, 0, 0))
    made = scene(mirror, back, other, materials=(silver, red, green), lights=[ceiling_light()])
    view = camera((2, 1, 1.2), (2, 4, 1.2))
    seen = rasteriser.view(made, view, colour=True)
    direction = rays(view) @ view.pose[:3, :3].T
    at = view.pose[:3, 3] + seen.depth[..., None] * direction
    with np.errstate(divide="ignore", invalid="ignore"):
        met = at + direction * [1, -1, 1] * (4 / direction[..., 1:2])  # where the reflected ray meets y = 0
    x, z = met[..., 0], met[..., 2]
    inner = (seen.instance == 1) & (np.abs(x - 2) > 0.15) & (x > 0.1) & (x < 3.9) & (z > 0.1) & (z < 2.5)
    assert inner.sum() > 300
    redder = seen.colour[..., 0] > seen.colour[..., 1]
    assert np.mean(redder[inner] == (x < 2)[inner]) > 0.98
