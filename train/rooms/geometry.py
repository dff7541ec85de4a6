"""A scene's triangles in one array in the world's frame, as a graphics card takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .scene import Mesh, Scene, Texture

VERTEX = np.dtype([("position", "3f4"), ("normal", "4f2"), ("pattern", "3f4"), ("colour", "4u1"), ("surface", "4f2")])
VERTEX_FORMAT = "3f 4f2 3f 4f1 4f2"
CLUSTER = 0.02  # [m] shadows take dense meshes with corners merged within such cells
DENSE = 400  # faces from which a mesh counts as dense


@dataclass(frozen=True, eq=False)
class Batch:
    """Consecutive faces that share a texture.

    Attributes:
        texture: or None.
        first, count: faces.
        opaque: False for glass, which is drawn last.
    """

    texture: Texture | None
    first: int
    count: int
    opaque: bool


@dataclass(frozen=True, eq=False)
class Triangles:
    """All triangles of a scene.

    Attributes:
        vertices: `VERTEX` (V,): position [m] and normal in the world's frame, texture coordinates ("box": position in
            the object's frame [m]; "uv": repetitions), the square root of the base colour, and roughness, metallic,
            emission, opacity.
        faces: uint32 (F, 3).
        owner: uint16 (F,): the object's id.
        batches: in the order of `faces`; those of glass come last.
    """

    vertices: np.ndarray
    faces: np.ndarray
    owner: np.ndarray
    batches: tuple[Batch, ...]

    def normals_towards(self, chosen: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """Unit normals of the faces `chosen` on the side of `eye` (3,), float32 (n, 3), world.

        Faces without area have (0, 0, 0).
        """
        corners = self.vertices["position"][self.faces[chosen]].astype(np.float64)  # (n, 3, 3)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal[np.einsum("nk,nk->n", normal, corners[:, 0] - eye) > 0] *= -1
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        return (normal / np.maximum(length, 1e-30)).astype(np.float32)


def gather(scene: Scene) -> Triangles:
    """The scene's parts in the world's frame, in batches by texture, glass last."""
    placed = [(part, thing) for thing in scene.objects for part in thing.parts if len(part.mesh.faces)]
    order: dict[str | None, int] = {None: 0}
    for part, _ in placed:
        texture = part.material.texture
        order.setdefault(texture.name if texture else None, len(order))

    def rank(entry):
        material = entry[0].material
        return material.opacity < 1, order[material.texture.name if material.texture else None]

    placed.sort(key=rank)  # stable: the scene's own order within a batch
    sizes = np.array([(len(part.mesh.vertices), len(part.mesh.faces)) for part, _ in placed]).reshape(-1, 2)
    vertex_starts, face_starts = np.cumsum(np.vstack([[[0, 0]], sizes]), axis=0).T
    vertices = np.zeros(vertex_starts[-1], VERTEX)
    faces = np.empty((face_starts[-1], 3), np.uint32)
    owner = np.empty(face_starts[-1], np.uint16)
    position, normal, pattern = (vertices[name] for name in ("position", "normal", "pattern"))
    for (part, thing), start, first, (count, count_faces) in zip(
        placed, vertex_starts[:-1], face_starts[:-1], sizes, strict=True
    ):
        mesh, material, here = part.mesh, part.material, slice(start, start + count)
        rotation = thing.pose[:3, :3]
        position[here] = mesh.vertices @ rotation.T + thing.pose[:3, 3]
        normal[here, :3] = mesh.normals @ rotation.T
        pattern[here] = _pattern(mesh, material.texture)
        vertices["colour"][here, :3] = np.rint(np.sqrt(np.clip(material.colour, 0, 1)) * 255)
        vertices["surface"][here] = material.roughness, material.metallic, material.emission, material.opacity
        faces[first : first + count_faces] = mesh.faces + np.uint32(start)
        owner[first : first + count_faces] = thing.id
    return Triangles(vertices, faces, owner, tuple(_batches(placed, face_starts)))


def _pattern(mesh: Mesh, texture: Texture | None) -> np.ndarray:
    if texture is None:
        return np.zeros((len(mesh.vertices), 3), np.float32)
    if texture.mapping == "uv" and mesh.uv is not None:
        return np.column_stack([mesh.uv, np.zeros(len(mesh.uv))])
    return mesh.vertices


def _batches(placed, face_starts):
    start = 0
    for index, (part, _) in enumerate(placed):
        material = part.material
        follower = placed[index + 1][0].material if index + 1 < len(placed) else None
        name = material.texture.name if material.texture else None
        if (
            follower is None
            or (follower.texture.name if follower.texture else None) != name
            or (follower.opacity < 1) != (material.opacity < 1)
        ):
            yield Batch(
                material.texture,
                int(face_starts[start]),
                int(face_starts[index + 1] - face_starts[start]),
                material.opacity >= 1,
            )
            start = index + 1


def coarse_faces(triangles: Triangles) -> np.ndarray:
    """Opaque faces for shadows, uint32 (n, 3); the corners of dense objects are merged in cells of `CLUSTER`."""
    opaque = [batch for batch in triangles.batches if batch.opaque]
    end = max((batch.first + batch.count for batch in opaque), default=0)
    faces, owner = triangles.faces[:end], triangles.owner[:end]
    dense = (np.bincount(owner, minlength=1) > DENSE)[owner]
    if not dense.any():
        return faces
    merged = faces[dense]
    used = np.zeros(len(triangles.vertices), bool)
    used[merged] = True
    chosen = np.flatnonzero(used)
    x, y, z = np.floor(triangles.vertices["position"][chosen].T * (1 / CLUSTER)).astype(np.int64) + 4096
    _, first, inverse = np.unique((x << 40) | (y << 20) | z, return_index=True, return_inverse=True)
    target = np.zeros(len(used), np.uint32)
    target[chosen] = chosen[first][inverse.reshape(-1)]
    merged = target[merged]
    a, b, c = merged.T
    return np.concatenate([faces[~dense], merged[(a != b) & (b != c) & (a != c)]])
