"""Primitives as `Mesh`: boxes, turned and swept bodies, smooth surfaces, flat outlines.

Every function gives vertices float32 [m], unit normals that face outwards and counter-clockwise faces. Texture
coordinates, where there are some, run as in OBJ files: (0, 0) is the lower left corner of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from train.rooms.scene import Mesh

_HARD = np.cos(np.radians(40.0))  # neighbours that turn more than this keep an edge between them


def _box_template() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Signs (24, 3), on which axis each vertex is on the face (24, 3), normals, uv, 12 plain and 44 bevelled faces."""
    signs, normals, uv = [], [], []
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        for side in (1, -1):
            for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = np.zeros(3)
                corner[axis], corner[b], corner[c] = side, u, v
                signs.append(corner)
                normals.append(np.eye(3)[axis] * side)
                x, y, z = corner
                uv.append(((x + 1) / 2, (z + 1) / 2) if axis == 1 else ((x + 1) / 2, (y + 1) / 2))
                if axis == 0:
                    uv[-1] = ((y + 1) / 2, (z + 1) / 2)
    signs, normals = np.array(signs), np.array(normals)
    on_face = np.abs(normals)
    points = signs * (1 - 0.3 * (1 - on_face))
    faces = [(4 * f + i, 4 * f + j, 4 * f + k) for f in range(6) for i, j, k in ((0, 1, 2), (0, 2, 3))]
    index = {(tuple(s), tuple(n)): i for i, (s, n) in enumerate(zip(signs, normals, strict=True))}
    corners = sorted({tuple(s) for s in signs})
    for corner in corners:
        faces.append(tuple(index[corner, tuple(np.eye(3)[a] * corner[a])] for a in range(3)))
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        for start in corners:
            if start[axis] < 0:
                end = tuple(-s if a == axis else s for a, s in enumerate(start))
                nb, nc = tuple(np.eye(3)[b] * start[b]), tuple(np.eye(3)[c] * start[c])
                quad = (index[start, nb], index[end, nb], index[end, nc], index[start, nc])
                faces += [(quad[0], quad[1], quad[2]), (quad[0], quad[2], quad[3])]
    turned = []
    for i, j, k in faces:
        outward = np.cross(points[j] - points[i], points[k] - points[i]) @ (points[i] + points[j] + points[k])
        turned.append((i, j, k) if outward > 0 else (i, k, j))
    return signs, on_face, normals, np.array(uv), np.array(turned[:12]), np.array(turned)


_SIGNS, _ON_FACE, _NORMALS, _UV, _PLAIN, _BEVELLED = _box_template()


def boxes(
    sizes: np.ndarray, centres: np.ndarray, rotations: np.ndarray | None = None, bevel: np.ndarray | float = 0.0
) -> Mesh:
    """Many boxes at once.

    Args:
        sizes: (N, 3) [m].
        centres: (N, 3) [m].
        rotations: (N, 3, 3) about the centres, or None.
        bevel: (N,) or one for all: width of the chamfer [m], at most 45 % of the shortest side. Its normals are
            those of the faces beside it, so that it shades as a round edge.
    """
    sizes, centres = np.asarray(sizes, float).reshape(-1, 3), np.asarray(centres, float).reshape(-1, 3)
    count = len(sizes)
    bevel = np.minimum(np.broadcast_to(bevel, count), 0.45 * sizes.min(1))
    inset = bevel[:, None, None] * (1 - _ON_FACE)
    vertices = _SIGNS * (sizes[:, None] / 2 - inset)
    normals = np.broadcast_to(_NORMALS, vertices.shape)
    if rotations is not None:
        vertices = np.einsum("nij,nkj->nki", rotations, vertices)
        normals = np.einsum("nij,nkj->nki", rotations, normals)
    vertices = vertices + centres[:, None]
    faces = _BEVELLED if (bevel > 0).any() else _PLAIN
    faces = (faces[None] + 24 * np.arange(count)[:, None, None]).reshape(-1, 3)
    return Mesh(
        vertices.reshape(-1, 3).astype(np.float32),
        np.ascontiguousarray(normals, dtype=np.float32).reshape(-1, 3),
        faces.astype(np.int32),
        np.tile(_UV, (count, 1)).astype(np.float32),
    )


def box(size: Sequence[float], centre: Sequence[float] = (0.0, 0.0, 0.0), bevel: float = 0.0) -> Mesh:
    """One box: `size` and `centre` (3,) [m]. Each face carries the whole picture, upright on the four sides."""
    return boxes(np.array([size]), np.array([centre]), bevel=bevel)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several; texture coordinates are kept if all have them."""
    if len(meshes) == 1:
        return meshes[0]
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    uv = None
    if all(mesh.uv is not None for mesh in meshes):
        uv = np.concatenate([mesh.uv for mesh in meshes if mesh.uv is not None])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]).astype(np.int32),
        uv,
    )


def rotation(turn: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """(3, 3): rolled about y, then tilted about x, then turned about z [rad]."""
    (a, b, c), (d, e, f) = np.cos([turn, tilt, roll]), np.sin([turn, tilt, roll])
    about_z = np.array([[a, -d, 0], [d, a, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, b, -e], [0, e, b]])
    about_y = np.array([[c, 0, f], [0, 1, 0], [-f, 0, c]])
    return about_z @ about_x @ about_y


def moved(
    mesh: Mesh, offset: Sequence[float] = (0.0, 0.0, 0.0), turn: np.ndarray | None = None, scale: object = None
) -> Mesh:
    """The mesh scaled (a number or (3,)), then rotated by `turn` (3, 3), then moved [m]."""
    vertices, normals, faces = mesh.vertices.astype(float), mesh.normals.astype(float), mesh.faces
    if scale is not None:
        factors = np.broadcast_to(np.asarray(scale, float), 3)
        vertices, normals = vertices * factors, normals / factors
        if np.prod(factors) < 0:
            faces = faces[:, ::-1]
        normals /= np.maximum(_length(normals), 1e-12)
    if turn is not None:
        vertices, normals = vertices @ np.asarray(turn).T, normals @ np.asarray(turn).T
    vertices = vertices + np.asarray(offset, float)
    return Mesh(
        vertices.astype(np.float32), normals.astype(np.float32), np.ascontiguousarray(faces, dtype=np.int32), mesh.uv
    )


@lru_cache(maxsize=256)
def _grid_faces(rows: int, columns: int) -> np.ndarray:
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    quad = np.stack([first, first + 1, first + columns + 1, first + columns], 1)
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]).astype(np.int32)
    faces.flags.writeable = False  # many meshes share it
    return faces


# Meshes are small: what np.cross, np.gradient and np.linalg.norm do about their arguments takes most of their time.
def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cross products of (.., 3)."""
    product = np.empty(np.broadcast_shapes(first.shape, second.shape), np.result_type(first, second))
    for axis in range(3):
        after, last = (axis + 1) % 3, (axis + 2) % 3
        product[..., axis] = first[..., after] * second[..., last] - first[..., last] * second[..., after]
    return product


def _slope(values: np.ndarray) -> np.ndarray:
    """Central differences along the first axis, one-sided ones at its ends."""
    slope = np.empty_like(values)
    slope[1:-1] = (values[2:] - values[:-2]) / 2.0
    slope[0], slope[-1] = values[1] - values[0], values[-1] - values[-2]
    return slope


def _length(vectors: np.ndarray) -> np.ndarray:
    """Lengths of (.., 3): (.., 1)."""
    return np.sqrt(np.add.reduce(vectors * vectors, axis=-1, keepdims=True))


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = _length(vectors)
    return np.where(length > 1e-12, vectors / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])


def sheet(points: np.ndarray, tiles: tuple[float, float] = (1.0, 1.0)) -> Mesh:
    """A smooth surface through a grid of points (rows, columns, 3); it faces columns x rows (right-handed)."""
    rows, columns = points.shape[:2]
    normals = _unit(_cross(_slope(points.swapaxes(0, 1)).swapaxes(0, 1), _slope(points)))
    v, u = np.mgrid[0 : tiles[1] : rows * 1j, 0 : tiles[0] : columns * 1j]
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        _grid_faces(rows, columns),
        np.stack([u, v], -1).reshape(-1, 2).astype(np.float32),
    )


def lathe(profile: Sequence[tuple[float, float]], around: int = 24) -> Mesh:
    """A body turned about z.

    Args:
        profile: (radius, z) [m] from the middle of the underside outwards, up, and back to the middle of the top;
            edges of more than 40 degrees stay sharp.
        around: number of sides.
    """
    line = np.array(profile, float)
    step = np.diff(line, axis=0)
    flat = _unit(np.stack([step[:, 1], np.zeros(len(step)), -step[:, 0]], 1))[:, [0, 2]]
    start, end = flat.copy(), flat.copy()
    smooth = np.einsum("ij,ij->i", flat[:-1], flat[1:]) > _HARD
    mean = flat[:-1] + flat[1:]
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    end[:-1][smooth], start[1:][smooth] = mean[smooth], mean[smooth]
    rings = np.stack([line[:-1], line[1:]], 1)  # (S, 2, 2)
    ring_normals = np.stack([start, end], 1)
    angle = np.linspace(0, 2 * np.pi, around + 1)
    direction = np.stack([np.cos(angle), np.sin(angle)], 1)

    def swept(values: np.ndarray) -> np.ndarray:  # (S, 2, 2) -> (S, 2, around + 1, 3)
        flat_part = values[:, :, None, :1] * direction
        upright = np.broadcast_to(values[:, :, None, 1:], (*flat_part.shape[:3], 1))
        return np.concatenate([flat_part, upright], -1)

    vertices, normals = swept(rings), swept(ring_normals)
    one = _grid_faces(2, around + 1)
    faces = (one[None] + (2 * (around + 1) * np.arange(len(step)))[:, None, None]).reshape(-1, 3)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(step, axis=1))])
    v = np.stack([length[:-1], length[1:]], 1) / max(length[-1], 1e-9)
    uv = np.empty((len(step), 2, around + 1, 2))
    uv[..., 0], uv[..., 1] = angle / (2 * np.pi), v[:, :, None]
    mesh = Mesh(
        vertices.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        faces.astype(np.int32),
        uv.reshape(-1, 2).astype(np.float32),
    )
    return _without_slivers(mesh)


def _without_slivers(mesh: Mesh) -> Mesh:
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    area = _length(_cross(b - a, c - a))[:, 0]
    return Mesh(mesh.vertices, mesh.normals, mesh.faces[area > 1e-10], mesh.uv)


def cylinder(radius: float, height: float, around: int = 16, top: float | None = None) -> Mesh:
    """Upright on z = 0, closed; `top` is the upper radius where it tapers [m]."""
    top = radius if top is None else top
    return lathe([(0, 0), (radius, 0), (top, height), (0, height)], around)


def tube(path: np.ndarray, radius: object, around: int = 10, rounded: bool = False) -> Mesh:
    """A round rod along a path.

    Args:
        path: (K, 3) [m].
        radius: one or (K,) [m].
        around: number of sides.
        rounded: half spheres at the ends, else flat discs.
    """
    path = np.asarray(path, float)
    radius = np.broadcast_to(np.asarray(radius, float), len(path)).copy()
    tangent = _unit(_slope(path))
    if rounded:
        angles = np.radians([90, 60, 30])
        first = [path[0] - tangent[0] * radius[0] * np.sin(a) for a in angles]
        last = [path[-1] + tangent[-1] * radius[-1] * np.sin(a) for a in angles[::-1]]
        radius = np.concatenate([radius[0] * np.cos(angles), radius, radius[-1] * np.cos(angles[::-1])])
        path = np.concatenate([first, path, last])
    else:
        path = np.concatenate([path[:1], path[:1], path, path[-1:], path[-1:]])
        radius = np.concatenate([[0], radius[:1], radius, radius[-1:], [0]])
    tangent = _unit(_slope(path)) if rounded else np.repeat(tangent, [3, *[1] * (len(tangent) - 2), 3], 0)
    side = _cross(tangent[0], np.array([0, 0, 1.0] if abs(tangent[0][2]) < 0.9 else [1.0, 0, 0]))
    sides = []
    for direction in tangent:  # parallel transport: the rod does not twist
        side = side - direction * (side @ direction)
        side = side / math.sqrt(side @ side)
        sides.append(side)
    sides = np.array(sides)
    others = _cross(tangent, sides)
    angle = np.linspace(0, 2 * np.pi, around + 1)
    outward = np.cos(angle)[None, :, None] * sides[:, None] + np.sin(angle)[None, :, None] * others[:, None]
    points = path[:, None] + radius[:, None, None] * outward
    slope = _slope(radius) / np.maximum(_length(_slope(path))[:, 0], 1e-9)
    if rounded:
        normals = _unit(outward - np.clip(slope, -4, 4)[:, None, None] * tangent[:, None])
    else:
        normals = outward.copy()
        normals[:2], normals[-2:] = -tangent[0], tangent[-1]
    length = np.concatenate([[0], np.cumsum(_length(np.diff(path, axis=0)))])
    uv = np.stack(np.broadcast_arrays(angle[None] / (2 * np.pi), length[:, None]), -1)
    faces = _grid_faces(len(path), around + 1)
    mesh = Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        faces,
        uv.reshape(-1, 2).astype(np.float32),
    )
    return _without_slivers(mesh)


@lru_cache(maxsize=64)
def ellipsoid(exponent: float = 1.0, across: float = 1.0, rows: int = 12, columns: int = 20) -> Mesh:
    """A unit superellipsoid (radius 1 along each axis) about the origin; exponents below 1 make it boxier.

    Barr 1981, "Superquadrics and angle-preserving transformations": `exponent` north to south, `across` around.
    """
    eta = np.linspace(-np.pi / 2, np.pi / 2, rows + 1)[:, None]
    omega = np.linspace(-np.pi, np.pi, columns + 1)[None]

    def power(value: np.ndarray, degree: float) -> np.ndarray:
        return np.sign(value) * np.abs(value) ** degree

    ce, se, co, so = np.cos(eta), np.sin(eta), np.cos(omega), np.sin(omega)
    ce = np.maximum(ce, 0)

    def surface(e: float, a: float) -> np.ndarray:
        return np.stack(
            np.broadcast_arrays(power(ce, e) * power(co, a), power(ce, e) * power(so, a), power(se, e) + 0 * omega), -1
        )

    points, normals = surface(exponent, across), _unit(surface(2 - exponent, 2 - across))
    uv = np.stack(np.broadcast_arrays((omega + np.pi) / (2 * np.pi), (eta + np.pi / 2) / np.pi), -1)
    mesh = Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        _grid_faces(rows + 1, columns + 1),
        uv.reshape(-1, 2).astype(np.float32),
    )
    return _without_slivers(mesh)


def extrude(outline: Sequence[tuple[float, float]], thickness: float) -> Mesh:
    """A flat piece from y = 0 to `thickness`: an outline (x, z) [m], counter-clockwise from -y and star-shaped."""
    line = np.array(outline, float)
    count, middle = len(line), line.mean(0)
    low = np.concatenate([line, [middle]])
    front = np.stack([low[:, 0], np.zeros(count + 1), low[:, 1]], 1)
    back = front + np.array([0.0, thickness, 0.0])
    ring = np.arange(count)
    following = (ring + 1) % count
    fan = np.stack([ring, following, np.full(count, count)], 1)
    edge = line[following] - line
    flat = _unit(np.stack([edge[:, 1], np.zeros(count), -edge[:, 0]], 1))
    before = np.roll(flat, 1, 0)
    smooth = np.einsum("ij,ij->i", flat, before) > _HARD
    mean = _unit(flat + before)
    start = np.where(smooth[:, None], mean, flat)
    end = np.where(smooth[following][:, None], mean[following], flat)
    sides = np.stack([front[ring], front[following], back[following], back[ring]], 1)
    side_normals = np.stack([start, end, end, start], 1)
    quads = 4 * ring[:, None] + np.array([0, 1, 2, 3])
    side_faces = np.concatenate([quads[:, [0, 2, 1]], quads[:, [0, 3, 2]]])
    spread = np.maximum(np.ptp(line, axis=0), 1e-9)
    uv = (low - line.min(0)) / spread
    facing = np.tile([0.0, -1.0, 0.0], (count + 1, 1))
    vertices = np.concatenate([front, back, sides.reshape(-1, 3)])
    normals = np.concatenate([facing, -facing, side_normals.reshape(-1, 3)])
    faces = np.concatenate([fan, fan[:, ::-1] + count + 1, side_faces + 2 * (count + 1)])
    uv = np.concatenate([uv, uv, np.repeat(uv[:count], 4, 0)])
    mesh = Mesh(vertices.astype(np.float32), normals.astype(np.float32), faces.astype(np.int32), uv.astype(np.float32))
    return _facing(mesh)


def _facing(mesh: Mesh) -> Mesh:
    """The mesh with every face wound so that it agrees with its vertices' normals."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    wrong = np.einsum("ij,ij->i", _cross(b - a, c - a), mesh.normals[mesh.faces].sum(1)) < 0
    faces = mesh.faces.copy()
    faces[wrong] = faces[wrong][:, ::-1]
    return Mesh(mesh.vertices, mesh.normals, faces, mesh.uv)


def rounded_outline(width: float, height: float, exponent: float = 4.0, count: int = 28) -> list[tuple[float, float]]:
    """A superellipse about the origin as an outline for `extrude`; `exponent` 2 is an ellipse, 8 nearly a box."""
    angle = np.arange(count) * 2 * np.pi / count
    x, z = (np.sign(f) * np.abs(f) ** (2 / exponent) for f in (np.cos(angle), np.sin(angle)))
    return [(float(a) * width / 2, float(b) * height / 2) for a, b in zip(x, z, strict=True)]
