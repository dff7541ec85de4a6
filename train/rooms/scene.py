"""A room as the renderers take it: objects made of meshes and materials, lights, cameras.

Frames: the world is in metres, z up, the room is [0, X] x [0, Y] x [0, Z]. A model stands in its own frame with x to
its right, y towards its back, z up, the origin in the middle of its footprint on the floor (on the wall, back face at
y = 0, for what hangs there; below the ceiling at z = 0 for what hangs from it). Cameras are OpenCV's: x right, y down,
z forward, pixel centres at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

Mounting = Literal["floor", "wall", "ceiling", "surface"]
Sensor = Literal["kv1", "kv2", "realsense", "xtion"]


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner, (3,) each, of points (N, 3)."""
    columns = np.ascontiguousarray(points.T)  # NumPy takes 20 times as long over rows of three
    return columns.min(1), columns.max(1)


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture that repeats over a surface.

    Attributes:
        name: unique; renderers keep one copy for each name.
        image: uint8 (h, w, 3), sRGB; tiles without a seam where it repeats.
        metres: width and height that one repetition covers.
        mapping: "box": projected along the axis nearest to the surface's normal, in the object's own frame;
            "uv": by the mesh's own coordinates, where one unit is one repetition.
    """

    name: str
    image: np.ndarray
    metres: tuple[float, float] = (1.0, 1.0)
    mapping: Literal["box", "uv"] = "box"


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks; the subset of the metallic-roughness model that both renderers have.

    Attributes:
        name: for people.
        colour: base colour, linear RGB in 0..1; multiplies the texture.
        roughness: 0 (mirror) .. 1.
        metallic: 0 or 1.
        emission: radiance of the surface itself in units of `colour`; 0 for what does not shine.
        opacity: 1, or less for glass; labels and depth take a surface as opaque all the same.
        texture: or None.
        bump: depth of the texture's relief [m], 0 for none; photo quality only.
    """

    name: str
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    roughness: float = 0.6
    metallic: float = 0.0
    emission: float = 0.0
    opacity: float = 1.0
    texture: Texture | None = None
    bump: float = 0.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles. Vertices are not shared across hard edges, so a normal for each vertex is enough.

    Attributes:
        vertices: float32 (V, 3) [m].
        normals: float32 (V, 3), unit; they face outwards. Surfaces are seen from both sides.
        faces: int32 (F, 3), counter-clockwise from outside.
        uv: float32 (V, 2), or None.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uv: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One mesh of one material and one class.

    Attributes:
        mesh: in the model's frame.
        material: its look.
        label: 1..37, or 0 (void) for what is none of the classes.
    """

    mesh: Mesh
    material: Material
    label: int


@dataclass(frozen=True)
class Support:
    """A level surface that small things can stand on, in the model's frame.

    Attributes:
        low, high: corners (x, y) [m] of the rectangle.
        z: its height [m].
        room: free height above it [m].
    """

    low: tuple[float, float]
    high: tuple[float, float]
    z: float
    room: float = 0.6


@dataclass(frozen=True)
class Credit:
    """Where a model or a texture is from.

    Attributes:
        name: what its author calls it.
        licence: SPDX identifier: "CC0-1.0", "CC-BY-3.0", "Apache-2.0", or "MIT" for what is built here.
        creator: author, or "" for what is built here.
        source: package or page.
    """

    name: str
    licence: str
    creator: str = ""
    source: str = ""


@dataclass(frozen=True, eq=False)
class Model:
    """Furniture before it is placed; parts of several classes stay one piece (a bed and its pillows).

    Attributes:
        name: for people: "office chair".
        label: its main class, 0..37.
        parts: what it is made of.
        credit: author and licence.
        mounting: what it stands on or hangs from.
        clearance: free depth that its use needs in front of it [m].
        supports: surfaces for small things.
    """

    name: str
    label: int
    parts: tuple[Part, ...]
    credit: Credit
    mounting: Mounting = "floor"
    clearance: float = 0.0
    supports: tuple[Support, ...] = ()

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner, float64 (3,) each [m], in the model's frame."""
        corners = [extent(part.mesh.vertices) for part in self.parts]
        return np.min([low for low, _ in corners], 0).astype(float), np.max([high for _, high in corners], 0).astype(
            float
        )

    @property
    def size(self) -> np.ndarray:
        """Width, depth and height, float64 (3,) [m]."""
        low, high = self.bounds
        return high - low


@dataclass(frozen=True, eq=False)
class Object:
    """A placed thing of one class; a model of several classes becomes one object a class.

    Attributes:
        id: 1.. in the scene; what the instance picture holds.
        name: for people.
        label: 0..37; that of all its parts.
        parts: in the model's frame.
        pose: float64 (4, 4), rigid: from the model's frame to the world.
        credit: author and licence.
    """

    id: int
    name: str
    label: int
    parts: tuple[Part, ...]
    pose: np.ndarray
    credit: Credit

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Oriented box: centroid (3,), basis (3, 3) with the axes as rows, half extents (3,); world, metres."""
        low, high = extent(np.concatenate([part.mesh.vertices for part in self.parts]).astype(float))
        rotation, position = self.pose[:3, :3], self.pose[:3, 3]
        return rotation @ ((low + high) / 2) + position, rotation.T, (high - low) / 2


@dataclass(frozen=True)
class Light:
    """A rectangle that shines downwards its own -z; cameras do not see it.

    Attributes:
        pose: float64 (4, 4), to the world.
        size: width and height [m].
        colour: linear RGB, brightest channel 1.
        power: radiant flux [W].
        kind: "ceiling", "window" (daylight) or "lamp".
    """

    pose: np.ndarray
    size: tuple[float, float]
    colour: tuple[float, float, float]
    power: float
    kind: Literal["ceiling", "window", "lamp"]


@dataclass(frozen=True)
class Sky:
    """What shines and shows through the windows.

    Attributes:
        name: one of Blender's bundled CC0 skies: city, courtyard, forest, sunrise, night, sunset.
        rotation: about the vertical [rad].
        strength: factor on its radiance; near 0 at night.
        colour: its mean colour, linear RGB in 0..1, for renderers that have no pictures of skies.
        sun: unit vector (3,) from the room towards the sun, or None.
    """

    name: str
    rotation: float
    strength: float
    colour: tuple[float, float, float]
    sun: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """A room, furnished and lit.

    Attributes:
        seed: what it was made from.
        kind: SUN RGB-D's name of the type of room, such as "bedroom", "office", "kitchen".
        size: X, Y, Z of the room [m].
        objects: all that can be seen; ids 1..len(objects) in order.
        lights: within the room and in its windows.
        sky: outside.
        ambient: mean radiance that the room's surfaces exchange, linear RGB; a guess for the fast renderer.
    """

    seed: int
    kind: str
    size: tuple[float, float, float]
    objects: tuple[Object, ...]
    lights: tuple[Light, ...]
    sky: Sky
    ambient: tuple[float, float, float] = (0.3, 0.3, 0.3)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion.

    Attributes:
        sensor: which of SUN RGB-D's four it stands for.
        width, height: [px].
        intrinsics: float64 (3, 3) [px].
        pose: float64 (4, 4): from the camera's frame (x right, y down, z forward) to the world.
    """

    sensor: Sensor
    width: int
    height: int
    intrinsics: np.ndarray
    pose: np.ndarray


@dataclass(frozen=True, eq=False)
class View:
    """What a camera sees, without error.

    Attributes:
        instance: uint16 (H, W): the object's id at each pixel's centre; 0 where there is nothing.
        depth: float32 (H, W): planar depth [m]; 0 where there is nothing.
        normal: float32 (H, W, 3): unit normal of the triangle in the camera's frame, towards the camera.
        colour: float32 (H, W, 3): linear radiance; None before it was rendered.
    """

    instance: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    colour: np.ndarray | None = field(default=None)

    def label(self, scene: Scene) -> np.ndarray:
        """uint8 (H, W): 0 = void, 1..37."""
        table = np.array([0, *(thing.label for thing in scene.objects)], np.uint8)
        return table[self.instance]
