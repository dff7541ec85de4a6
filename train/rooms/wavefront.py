"""Reading Wavefront OBJ files with their MTL, and thinning what is too dense to be drawn often."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_CREASE = np.cos(np.radians(48.0))
_MOST_FACES = 24  # around one vertex that its normals are averaged over


@dataclass(frozen=True)
class Look:
    """A material of an MTL file.

    Attributes:
        colour: Kd, as it stands in the file (sRGB), 0..1.
        opacity: d, or 1 - Tr.
        shine: Ns, Phong's exponent.
        picture: file name of map_Kd, or "".
    """

    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    opacity: float = 1.0
    shine: float = 10.0
    picture: str = ""


@dataclass(frozen=True, eq=False)
class Triangles:
    """A model as triangles that share positions.

    Attributes:
        positions: float64 (V, 3).
        faces: int64 (F, 3), into positions.
        uv: float64 (F, 3, 2), a coordinate for each corner; 0 where there is none.
        material: int64 (F,), into names.
        names: of the materials.
    """

    positions: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    names: tuple[str, ...]


def read_mtl(text: str) -> dict[str, Look]:
    """The materials of an MTL file by name."""
    looks: dict[str, dict] = {}
    current: dict = {}
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        key, rest = words[0], words[1:]
        if key == "newmtl":
            current = looks.setdefault(" ".join(rest), {})
        elif key == "Kd" and len(rest) >= 3:
            current["colour"] = tuple(min(max(float(value), 0.0), 1.0) for value in rest[:3])
        elif key == "d" and rest:
            current["opacity"] = float(rest[-1])
        elif key == "Tr" and rest:
            current["opacity"] = 1 - float(rest[-1])
        elif key == "Ns" and rest:
            current["shine"] = float(rest[0])
        elif key == "map_Kd" and rest:
            current["picture"] = re.split(r"[\\/]", rest[-1])[-1]
    return {name: Look(**values) for name, values in looks.items()}


def read_obj(text: str) -> Triangles:
    """The faces of an OBJ file, cut into triangles; normals and lines are passed over."""
    positions, coordinates = [], [(0.0, 0.0)]
    corners, sizes, materials = [], [], []
    names: dict[str, int] = {}
    material = names.setdefault("", 0)
    for line in text.splitlines():
        if line.startswith("v "):
            positions.append(line.split()[1:4])
        elif line.startswith("vt "):
            coordinates.append(tuple(line.split()[1:3]))
        elif line.startswith("f "):
            words = line.split()[1:]
            corners += words
            sizes.append(len(words))
            materials.append(material)
        elif line.startswith("usemtl"):
            material = names.setdefault(line[6:].strip(), len(names))
    count = len(positions)
    pairs = np.array([_indices(word, count, len(coordinates)) for word in corners], np.int64).reshape(-1, 2)
    size = np.array(sizes, np.int64)
    first = np.concatenate([[0], np.cumsum(size)[:-1]]) if len(size) else size
    faces, owners = [], []
    for step in range(1, int(size.max(initial=2)) - 1):  # fans, all polygons' n-th triangles at once
        has = size > step + 1
        start = first[has]
        faces.append(np.stack([start, start + step, start + step + 1], 1))
        owners.append(np.flatnonzero(has))
    triangle = np.concatenate(faces) if faces else np.zeros((0, 3), np.int64)
    owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    order = np.argsort(owner, kind="stable")
    triangle, owner = triangle[order], owner[order]
    return Triangles(
        np.array(positions, float).reshape(-1, 3),
        pairs[triangle, 0],
        np.array(coordinates, float)[pairs[triangle, 1]],
        np.array(materials, np.int64)[owner],
        tuple(names),
    )


def _indices(word: str, positions: int, coordinates: int) -> tuple[int, int]:
    """0-based position, and coordinate (0 is none); OBJ counts from 1, or back from the end."""
    parts = word.split("/")
    v = int(parts[0])
    t = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    return (v - 1 if v > 0 else positions + v), (t if t >= 0 else coordinates + t)


def thinned(model: Triangles, most: int) -> Triangles:
    """The model with at most about `most` triangles, by vertex clustering on a grid.

    Rossignac and Borrel 1993, "Multi-resolution 3D approximations for rendering complex scenes"; the cell is the
    smallest that reaches the number, within a tenth of an octave.
    """
    if len(model.faces) <= most:
        return model
    low = model.positions.min(0)
    extent = float(np.ptp(model.positions, axis=0).max())
    best = model
    small, large = np.log2(extent / 600), np.log2(extent / 8)
    while large - small > 0.1:
        middle = (small + large) / 2
        best_try = _clustered(model, low, 2.0**middle)
        if len(best_try.faces) <= most:
            best, large = best_try, middle
        else:
            small = middle
    return best if best is not model else _clustered(model, low, 2.0**large)


def _clustered(model: Triangles, low: np.ndarray, cell: float) -> Triangles:
    grid = np.floor((model.positions - low) / cell).astype(np.int64)
    span = grid.max(0) + 1
    key = (grid[:, 0] * span[1] + grid[:, 1]) * span[2] + grid[:, 2]
    _, cluster = np.unique(key, return_inverse=True)
    cluster = cluster.reshape(-1)
    count = np.bincount(cluster)
    mean = np.stack([np.bincount(cluster, model.positions[:, k]) / count for k in range(3)], 1)
    faces = cluster[model.faces]
    kept = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    sides = np.sort(faces[kept], 1)
    _, unique = np.unique(np.column_stack([sides, model.material[kept]]), axis=0, return_index=True)
    index = np.flatnonzero(kept)[np.sort(unique)]
    return Triangles(mean, faces[index], model.uv[index], model.material[index], model.names)


def corner_normals(model: Triangles) -> np.ndarray:
    """Unit normals float64 (F, 3, 3) of the corners: means over the faces there that turn less than 48 degrees.

    Positions that coincide count as one, so that seams of texture or material do not show.
    """
    a, b, c = (model.positions[model.faces[:, i]] for i in range(3))
    area = np.cross(b - a, c - a)
    length = np.linalg.norm(area, axis=1, keepdims=True)
    flat = np.where(length > 0, area / np.maximum(length, 1e-300), [0.0, 0.0, 1.0])
    extent = max(float(np.ptp(model.positions, axis=0).max()), 1e-9)
    _, place = np.unique(np.rint(model.positions / (extent * 2e-5)).astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1)[model.faces].ravel()  # (3 F,)
    order = np.argsort(place, kind="stable")
    sorted_place = place[order]
    start = np.searchsorted(sorted_place, np.arange(place.max() + 1))
    rank = np.arange(len(place)) - start[sorted_place]
    table = np.full((place.max() + 1, _MOST_FACES), -1, np.int64)
    near = rank < _MOST_FACES
    table[sorted_place[near], rank[near]] = order[near] // 3
    owner = np.repeat(np.arange(len(model.faces)), 3)
    result = np.empty((len(owner), 3))
    for low in range(0, len(owner), 65536):
        part = slice(low, low + 65536)
        others = table[place[part]]
        normals = flat[others]
        alike = np.einsum("ijk,ik->ij", normals, flat[owner[part]]) > _CREASE
        weight = np.where(alike & (others >= 0), length[others, 0], 0.0)
        total = np.einsum("ij,ijk->ik", weight, normals)
        size = np.linalg.norm(total, axis=1, keepdims=True)
        result[part] = np.where(size > 0, total / np.maximum(size, 1e-300), flat[owner[part]])
    return result.reshape(-1, 3, 3)
