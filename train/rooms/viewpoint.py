"""Where the camera stands, and which of SUN RGB-D's four it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np

from deresunet.classes import CLASSES, NUM_CLASSES
from train.rooms.scene import Camera, Scene, Sensor

NEAREST = 0.4  # distance of what is in the middle of the picture, at least [m]
ELBOW = 0.16  # free about the camera [m]
BODY = 0.2  # free about whoever holds it [m]
HEAD = 1.8  # height of whoever holds it [m]
CANDIDATES = 100
ROUGH, FINE = (12, 9), (32, 24)  # rays across and down
SHORTLIST = 5
MIN_CLASSES = 4
MIN_SHARE = 0.01  # of the picture, for a class to count as seen
WALL_BEHIND = 0.35  # what is in a reveal lies behind the wall's face by less [m]
PLAIN = (0, 1, 2, 22)  # void, wall, floor, ceiling
# What people point a camera at, and what gets into the picture by itself: factors on a class's worth. Set so that
# shares come near those of NYU Depth v2.
EMPHASIS = {
    **dict.fromkeys(("bed", "sofa", "counter", "television"), 2.2),
    **dict.fromkeys(("cabinet", "dresser", "pillow", "picture", "toilet", "bookshelf", "blinds"), 1.5),
    **dict.fromkeys(("books", "person", "desk", "box", "bag", "sink", "lamp"), 0.6),
}
_WORTH = np.array(
    [0.0 if label in PLAIN else EMPHASIS.get(("void", *CLASSES)[label], 1.0) for label in range(NUM_CLASSES + 1)]
)


@dataclass(frozen=True)
class Lens:
    """A camera's picture as SUN RGB-D stores it.

    Attributes:
        weight: SUN RGB-D's frames of it (Song et al. 2015, https://doi.org/10.1109/CVPR.2015.7298655).
        width, height: [px].
        focal: range of the focal length [px].
        shift: the principal point's offset from the middle, at most [px].
    """

    weight: float
    width: int
    height: int
    focal: tuple[float, float]
    shift: float


LENSES: dict[Sensor, Lens] = {
    "kv1": Lens(2003, 640, 480, (518.9, 575.0), 8.0),
    "kv2": Lens(3784, 730, 530, (528.0, 530.5), 6.0),
    "realsense": Lens(1159, 681, 531, (690.0, 696.0), 8.0),
    "xtion": Lens(3389, 640, 480, (567.0, 573.0), 6.0),
}


def intrinsics(lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """float64 (3, 3): one of that camera's make [px]."""
    focal = rng.uniform(*lens.focal)
    cx = (lens.width - 1) / 2 + rng.uniform(-lens.shift, lens.shift)
    cy = (lens.height - 1) / 2 + rng.uniform(-lens.shift, lens.shift)
    return np.array([[focal, 0.0, cx], [0.0, focal, cy], [0.0, 0.0, 1.0]])


def look(position: np.ndarray, heading: float, tilt: float, roll: float) -> np.ndarray:
    """Pose of a camera.

    Args:
        position: float (3,) [m].
        heading: of its axis on the plan, counter-clockwise from x [rad].
        tilt: downwards [rad].
        roll: about its axis [rad].

    Returns:
        float64 (4, 4): from x right, y down, z forward to the world.
    """
    forward = np.array([np.cos(heading) * np.cos(tilt), np.sin(heading) * np.cos(tilt), -np.sin(tilt)])
    right = np.array([np.sin(heading), -np.cos(heading), 0.0])
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = c * right + s * down, c * down - s * right, forward
    pose[:3, 3] = position
    return pose


@dataclass(frozen=True, eq=False)
class Boxes:
    """All objects' oriented boxes.

    Attributes:
        centre: float32 (N, 3).
        axes: float32 (N, 3, 3), rows.
        half: float32 (N, 3).
        label: int64 (N,).
    """

    centre: np.ndarray
    axes: np.ndarray
    half: np.ndarray
    label: np.ndarray

    @cached_property
    def lure(self) -> np.ndarray:
        """float64 (N,): how likely a camera is pointed at each; pieces of furniture, large ones more often."""
        chances = np.where(np.isin(self.label, PLAIN), 0.0, np.sort(self.half, 1)[:, 1:].prod(1).astype(float) + 1e-6)
        return chances / chances.sum()

    @cached_property
    def upright(self) -> Boxes:
        """Those that are in the way of somebody's body: neither things that stick out above nor what lies below."""
        low, high = self.centre[:, 2] - self.half[:, 2], self.centre[:, 2] + self.half[:, 2]
        tall = (low < HEAD - 0.4) & (high > 0.1)
        return Boxes(self.centre[tall], self.axes[tall], self.half[tall], self.label[tall])

    @classmethod
    def of(cls, scene: Scene) -> Boxes:
        """Those of a scene; flat ones get a millimetre."""
        boxes = [thing.box for thing in scene.objects]
        half = np.array([half for _, _, half in boxes], np.float32)
        centre = np.array([centre for centre, _, _ in boxes], np.float32)
        label = np.array([thing.label for thing in scene.objects])
        axes = np.array([basis for _, basis, _ in boxes], np.float32)
        return cls(centre, axes, np.maximum(half, 1e-3), label)

    def distance(self, point: np.ndarray) -> np.ndarray:
        """Float (N,): from a point to each box; 0 within."""
        local = np.einsum("nij,nj->ni", self.axes, point - self.centre)
        return np.linalg.norm(np.maximum(np.abs(local) - self.half, 0), axis=-1)

    def cast(self, origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first box on each ray.

        Args:
            origin: float (3,).
            rays: float (R, 3), any length; distances are in units of it.

        Returns:
            Number of the box, int64 (R,), -1 where there is none, and its distance, float32 (R,).
        """
        # What lies behind cannot be hit; neither can what is smaller than the gap between rays.
        reach = np.linalg.norm(self.half, axis=-1)
        middle = rays.mean(0)
        ahead = (self.centre - origin) @ middle.astype(np.float32) > -reach * np.linalg.norm(middle)
        rows = np.flatnonzero(ahead)
        axes, half = self.axes[rows], self.half[rows]
        start = np.einsum("nij,nj->ni", axes, (origin - self.centre[rows]).astype(np.float32))  # (N, 3)
        along = np.einsum("nij,rj->nir", axes, rays.astype(np.float32))  # (N, 3, R)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1.0 / np.where(np.abs(along) < 1e-9, np.float32(1e-9), along)
            middle_at = -start[:, :, None] * inverse
            spread = half[:, :, None] * np.abs(inverse)
        enter = (middle_at - spread).max(1)  # (N, R)
        leave = (middle_at + spread).min(1)
        depth = np.where((enter <= leave) & (leave > 0), np.maximum(enter, 0), np.float32(np.inf))
        # A wall's box fills its openings; what stands in them is behind its face.
        ranked = depth + np.where(self.label[rows] == 1, np.float32(WALL_BEHIND), np.float32(0))[:, None]
        first = ranked.argmin(0)
        found = depth[first, np.arange(len(rays))]
        return np.where(np.isfinite(found), rows[first], -1), found


def ray_grid(camera: Camera, across: int, down: int) -> np.ndarray:
    """float64 (across * down, 3): rays of planar length 1 through a grid of pixels, in the world."""
    u = (np.arange(across) + 0.5) * camera.width / across - 0.5
    v = (np.arange(down) + 0.5) * camera.height / down - 0.5
    grid = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
    local = np.c_[grid, np.ones(len(grid))] @ np.linalg.inv(camera.intrinsics).T
    return local @ camera.pose[:3, :3].T


@dataclass(frozen=True, eq=False)
class Sight:
    """What a camera sees of a scene's boxes.

    Attributes:
        shares: float64 (38,): of the picture, by label; void first.
        depth: float32 (down, across): planar [m], infinite where there is nothing.
    """

    shares: np.ndarray
    depth: np.ndarray

    @property
    def classes(self) -> int:
        """How many classes have a sensible share."""
        return int((self.shares[1:] >= MIN_SHARE).sum())

    @property
    def clear(self) -> bool:
        """Whether the middle of the picture is not too close to anything."""
        rows, columns = self.depth.shape
        middle = self.depth[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
        return bool(middle.min() > NEAREST)

    @property
    def usable(self) -> bool:
        """Whether a camera may stand there: enough classes, nothing in the way, no bare wall."""
        bare = self.shares[1] + self.shares[22]
        return self.clear and self.classes >= MIN_CLASSES and bare < 0.75

    def worth(self) -> float:
        """Higher for views that show much: many classes, none of them everything, rare ones above all."""
        near = float((self.depth < 0.9).mean())
        plain = self.shares[1] + self.shares[2] + self.shares[22]
        return float(_WORTH @ np.sqrt(self.shares) + 0.12 * self.classes - 2.0 * near - 2.0 * max(0.0, plain - 0.5))


def see(boxes: Boxes, camera: Camera, across: int, down: int) -> Sight:
    """Cast a grid of rays at the boxes."""
    rays = ray_grid(camera, across, down)
    rows, depth = boxes.cast(camera.pose[:3, 3], rays)
    label = np.where(rows >= 0, boxes.label[rows], 0)
    shares = np.bincount(label, minlength=NUM_CLASSES + 1) / len(label)
    return Sight(shares, depth.reshape(down, across))


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """One of SUN RGB-D's four sensors, as often as it has each."""
    names = get_args(Sensor)
    share = np.array([LENSES[name].weight for name in names])
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def choose_view(scene: Scene, rng: np.random.Generator, sensor: Sensor | None = None) -> Camera:
    """Stand a camera somewhere in a room, as a person who films it would hold it.

    Heights, tilts and fields of view are drawn from the ranges of SUN RGB-D. Of the places that show at least four
    classes, one of the better ones is taken, not always the best: a data set has dull frames, too.

    Args:
        scene: furnished.
        rng: source of randomness.
        sensor: the camera; drawn as SUN RGB-D has them if None.
    """
    sensor = draw_sensor(rng) if sensor is None else sensor
    lens = LENSES[sensor]
    matrix = intrinsics(lens, rng)
    boxes = Boxes.of(scene)
    rough: list[tuple[float, Camera]] = []
    for _ in range(4):
        poses = [pose for _ in range(CANDIDATES) if (pose := _stand(scene, boxes, rng)) is not None]
        for pose in poses:
            camera = Camera(sensor, lens.width, lens.height, matrix, pose)
            sight = see(boxes, camera, *ROUGH)
            # Noise keeps the choice from being the room's best view each time.
            rough.append((sight.worth() + rng.normal(0, 0.2), camera) if sight.clear else (-np.inf, camera))
        rough.sort(key=lambda item: -item[0])
        for _, camera in rough[:SHORTLIST]:
            if see(boxes, camera, *FINE).usable:
                return camera
        rough = rough[SHORTLIST:]
    # A room that shows four classes nowhere: the view with the most, as long as nothing is in the way.
    sights = [(see(boxes, camera, *FINE), camera) for _, camera in rough[:SHORTLIST]]
    sights.sort(key=lambda item: (-item[0].clear, -item[0].classes))
    return sights[0][1] if sights else Camera(sensor, lens.width, lens.height, matrix, _corner(scene))


def _stand(scene: Scene, boxes: Boxes, rng: np.random.Generator) -> np.ndarray | None:
    """A pose where somebody could stand, or None if the place that was drawn is taken."""
    x, y, z = scene.size
    draw = rng.random()
    margin = 0.15
    if draw < 0.35:  # with the back to a wall or in a door, the whole room before it
        place = np.array([rng.uniform(margin, x - margin), rng.uniform(margin, y - margin)])
        side, off = int(rng.integers(4)), rng.uniform(0.12, 0.4)
        place[side % 2] = off if side < 2 else (x, y)[side % 2] - off
    else:
        place = np.array([rng.uniform(margin, x - margin), rng.uniform(margin, y - margin)])
    height = float(np.clip(rng.normal(1.42, 0.2), 0.5, 2.0)) if rng.random() < 0.85 else rng.uniform(0.5, 2.0)
    height = min(height, z - 0.3)
    point = np.array([*place, height])
    if boxes.distance(point).min() < ELBOW - 0.05 or not _free_floor(boxes, place):
        return None
    if rng.random() < 0.45:
        target = np.array([rng.uniform(0.2, 0.8) * x, rng.uniform(0.2, 0.8) * y])
    else:  # at some piece of furniture
        target = boxes.centre[rng.choice(len(boxes.lure), p=boxes.lure), :2].astype(float)
    heading = float(np.arctan2(*(target - place)[::-1])) + rng.normal(0, 0.15)
    tilt = np.radians(np.clip(rng.normal(13, 9), -8, 40))
    return look(point, heading, float(tilt), float(np.radians(rng.normal(0, 1.6))))


def _free_floor(boxes: Boxes, place: np.ndarray) -> bool:
    """Whether somebody's body has its place between the furniture."""
    tall = boxes.upright
    local = np.einsum("nij,nj->ni", tall.axes[:, :2, :2], place - tall.centre[:, :2])
    away = np.linalg.norm(np.maximum(np.abs(local) - tall.half[:, :2], 0), axis=-1)
    return bool((away > np.where(tall.label == 1, ELBOW - 0.06, BODY)).all())


def _corner(scene: Scene) -> np.ndarray:
    x, y, _ = scene.size
    return look(np.array([0.3, 0.3, 1.5]), float(np.arctan2(y, x)), 0.25, 0.0)
