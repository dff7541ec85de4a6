"""A furnished room of boxes, and what a camera sees of it, worked out ray by ray: no GL, no furniture."""

from __future__ import annotations

import numpy as np

from train.rooms.capture import Capture, take
from train.rooms.export import part_of
from train.rooms.scene import Camera, Credit, Material, Mesh, Object, Part, Scene, Sensor, Sky, View

INTRINSICS = np.array([[519.0, 0, 319.5], [0, 519.0, 239.5], [0, 0, 1]])
OWN = Credit("box", "MIT")
ROOM = (4.0, 5.0, 2.6)
# Corner k takes axis i's positive end where bit i of k is set; faces look outwards.
_QUADS = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))

SENSORS: tuple[Sensor, ...] = ("kv1", "kv2", "realsense", "xtion")


def first_of(part: str) -> int:
    """The first seed that falls into a part."""
    return next(seed for seed in range(1000) if part_of(seed) == part)


# One room of each part, and as many sensors as there are.
SEEDS = (first_of("train"), first_of("val"), first_of("test"), first_of("train") + 1000)


def box_mesh(size: tuple[float, float, float]) -> Mesh:
    """A box that stands on the origin."""
    corners = np.array([[k & 1, k >> 1 & 1, k >> 2 & 1] for k in range(8)]) - [0.5, 0.5, 0.0]
    corners = (corners * size)[np.array(_QUADS)]  # (6, 4, 3): vertices are not shared across edges
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    faces = np.arange(24).reshape(6, 4)[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    return Mesh(
        vertices=corners.reshape(-1, 3).astype(np.float32),
        normals=np.repeat(normals, 4, 0).astype(np.float32),
        faces=faces.astype(np.int32),
    )


def placed(
    number: int,
    name: str,
    label: int,
    size: tuple[float, float, float],
    at: tuple[float, float, float],
    turn: float = 0.0,
    material: Material | None = None,
    credit: Credit = OWN,
) -> Object:
    """A box whose bottom's middle is at `at`, turned about the vertical [rad]."""
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    pose[:3, 3] = at
    part = Part(box_mesh(size), material or Material("plain"), label)
    return Object(number, name, label, (part,), pose, credit)


def furnished(seed: int = 0) -> Scene:
    """A room of 4 m by 5 m: a table with a box on it, a chair in front, a picture, a window, a void bin, a rug."""
    rng = np.random.default_rng(seed)
    x, y, z = ROOM
    shift = float(rng.uniform(-0.2, 0.2))
    couch = Credit("couch", "CC-BY-3.0", "A. Maker", "a library")
    objects = (
        placed(1, "floor", 2, (x, y, 0.1), (x / 2, y / 2, -0.1)),
        placed(2, "ceiling", 22, (x, y, 0.1), (x / 2, y / 2, z)),
        placed(3, "wall", 1, (x, 0.1, z), (x / 2, y + 0.05, 0)),
        placed(4, "wall", 1, (0.1, y, z), (-0.05, y / 2, 0)),
        placed(5, "wall", 1, (0.1, y, z), (x + 0.05, y / 2, 0)),
        placed(6, "wall", 1, (x, 0.1, z), (x / 2, -0.05, 0)),
        placed(7, "dining table", 7, (1.2, 0.8, 0.75), (2.0 + shift, 3.4, 0), turn=0.3),
        placed(8, "carton", 29, (0.4, 0.3, 0.3), (2.1 + shift, 3.4, 0.75), turn=0.7),
        placed(9, "chair", 5, (0.45, 0.45, 0.9), (1.3, 2.6, 0), turn=-0.4, credit=couch),
        placed(10, "picture", 11, (0.8, 0.03, 0.6), (1.2, y - 0.02, 1.5)),
        placed(11, "window", 9, (0.9, 0.03, 1.0), (3.1, y - 0.02, 1.0)),
        placed(12, "bin", 0, (0.3, 0.3, 0.4), (3.3, 3.6, 0)),
        placed(13, "rug", 20, (2.2, 1.4, 0.01), (2.0, 3.0, 0), turn=0.1),
        placed(14, "night stand", 32, (0.4, 0.4, 0.5), (0.4, 4.4, 0)),
    )
    return Scene(seed, "bedroom", ROOM, objects, (), Sky("city", 0.0, 1.0, (0.5, 0.6, 0.8)))


def standing_camera(sensor: Sensor = "kv1", scale: float = 0.5, tilt: float = 0.25) -> Camera:
    """A camera at 1.4 m that looks across the room, `tilt` [rad] down."""
    forward = np.array([0.05, np.cos(tilt), -np.sin(tilt)])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = [1.9, 0.4, 1.4]
    width, height = round(640 * scale), round(480 * scale)
    intrinsics = INTRINSICS * scale
    intrinsics[:2, 2] = [(width - 1) / 2, (height - 1) / 2]
    intrinsics[2, 2] = 1.0
    return Camera(sensor, width, height, intrinsics, pose)


def seen(scene: Scene, camera: Camera) -> View:
    """What the camera sees of a scene of boxes: the nearest of all that each pixel's ray meets."""
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera.intrinsics).T  # z is 1: depth along the axis
    rays = rays @ camera.pose[:3, :3].T
    depth = np.full(u.shape, np.inf)
    instance = np.zeros(u.shape, np.uint16)
    normal = np.zeros((*u.shape, 3))
    for thing in scene.objects:
        centre, basis, half = thing.box
        origin, along = basis @ (camera.pose[:3, 3] - centre), rays @ basis.T
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.stack([(-half - origin) / along, (half - origin) / along])  # (2, H, W, 3)
        enter, leave = sides.min(0), sides.max(0)
        axis = enter.argmax(-1)
        first = enter.max(-1)
        hit = (first < leave.min(-1)) & (first > 0.01) & (first < depth)
        depth[hit], instance[hit] = first[hit], thing.id
        facing = np.eye(3)[axis] * -np.sign(np.take_along_axis(along, axis[..., None], -1))
        normal[hit] = (facing @ basis @ camera.pose[:3, :3])[hit]
    return View(
        instance=instance,
        depth=np.where(np.isfinite(depth), depth, 0).astype(np.float32),
        normal=normal.astype(np.float32),
    )


def painted(scene: Scene, view: View) -> np.ndarray:
    """uint8 (H, W, 3): a picture with a colour for each object, darker where a surface looks away."""
    colours = np.random.default_rng(5).integers(60, 250, (len(scene.objects) + 1, 3))
    shade = 0.4 + 0.6 * np.clip(-view.normal[..., 2], 0, 1)
    return (colours[view.instance] * shade[..., None]).astype(np.uint8)


def captured(seed: int, sensor: Sensor = "kv1", scene: Scene | None = None, tilt: float = 0.25) -> Capture:
    """A frame of half the usual size, of `scene` or the furnished room of a seed."""
    scene = scene or furnished(seed)
    camera = standing_camera(sensor, 0.5, tilt)
    view = seen(scene, camera)
    return take(scene, camera, view, painted(scene, view), np.random.default_rng(seed))


def one_of_each_part() -> list[Capture]:
    """A frame of each of `SEEDS`, each by another sensor."""
    return [captured(seed, sensor) for seed, sensor in zip(SEEDS, SENSORS, strict=True)]
