"""Plants in pots; SUN RGB-D has no class for them: void."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BEIGES, BLACKS, BROWNS, GREYS, WHITES, linear, pick
from train.rooms.scene import Mesh, Model


def _leaves(
    rng: np.random.Generator, roots: np.ndarray, length: float, wide: float, rise: tuple[float, float], bend: float
) -> Mesh:
    """Bent leaves from `roots` (N, 3), each a strip of four quads."""
    count, cells = len(roots), 5
    angle = rng.uniform(0, 2 * np.pi, count)
    slope = rng.uniform(*rise, count)
    size = length * rng.uniform(0.6, 1.0, count)
    t = np.linspace(0, 1, cells)
    out = t[None] * np.cos(slope)[:, None] + bend * 0.3 * t[None] ** 2
    up = t[None] * np.sin(slope)[:, None] - bend * t[None] ** 2 * 0.8
    width = wide * np.sin(np.pi * np.clip(t * 0.9 + 0.08, 0, 1)) ** 0.7
    forward = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1)
    side = np.stack([-np.sin(angle), np.cos(angle), np.zeros(count)], 1)
    middle = roots[:, None] + size[:, None, None] * (out[..., None] * forward[:, None] + up[..., None] * [0, 0, 1])
    half = (size[:, None] / length * width[None])[..., None] * side[:, None]
    strips = np.stack([middle + half, middle - half], 2)  # (N, cells, 2, 3)
    pieces = [meshes.sheet(strip) for strip in strips]
    return meshes.join(pieces)


def _pot(a: Assembly, rng: np.random.Generator, r: float, tall: float) -> None:
    ware = materials.plain(
        "pot",
        pick(rng, WHITES, BROWNS, GREYS, BLACKS, BEIGES, ((178, 98, 66), (160, 84, 58))),
        float(rng.uniform(0.2, 0.8)),
    )
    if rng.random() < 0.7:
        a.add(meshes.lathe([(0, 0), (r * 0.72, 0), (r, tall), (r * 0.92, tall), (r * 0.9, tall * 0.9)], 24), ware)
    else:
        a.box(ware, (2 * r, 2 * r, tall), (0, 0, tall / 2), bevel=0.01)
    earth = materials.plain("earth", linear(52, 38, 28), 1.0)
    a.add(meshes.cylinder(r * 0.88, 0.01, 20), earth, (0, 0, tall * 0.9 if r else 0))


def _green(rng: np.random.Generator) -> materials.Material:
    colour = pick(rng, ((58, 96, 48), (74, 116, 56), (44, 78, 44), (96, 130, 70), (70, 100, 60)))
    return materials.Material("leaf", colour, 0.5, texture=materials.pattern("leaf", int(rng.integers(3))))


def plant(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A plant on the floor: a bush, a palm or a small tree."""
    w, d, h = measure(size, rng, (0.45, 0.9), (0.45, 0.9), (0.7, 1.7))
    a = Assembly("void")
    r, tall = float(rng.uniform(0.13, 0.19)), float(rng.uniform(0.22, 0.36))
    _pot(a, rng, r, tall)
    green, style = _green(rng), str(rng.choice(["bush", "palm", "tree"]))
    if style == "palm":
        roots = np.tile([0.0, 0.0, tall], (26, 1)) + rng.normal(0, 0.03, (26, 3)) * [1, 1, 0]
        a.add(_leaves(rng, roots, (h - tall) * 1.05, 0.035, (0.7, 1.45), 0.35), green)
    elif style == "tree":
        trunk = np.array([[0, 0, tall * 0.8], [0.02, 0.01, h * 0.45], [-0.01, 0.02, h * 0.72]])
        a.add(meshes.tube(trunk, np.array([0.022, 0.016, 0.01]), 8), materials.plain("bark", pick(rng, BROWNS), 0.9))
        roots = rng.normal(0, 1, (110, 3))
        roots = roots / np.linalg.norm(roots, axis=1, keepdims=True) * rng.uniform(0.2, 1, (110, 1))
        roots = roots * [w * 0.36, d * 0.36, h * 0.2] + [0, 0, h * 0.76]
        a.add(_leaves(rng, roots, 0.15, 0.04, (-0.4, 0.9), 0.4), green)
    else:
        roots = np.stack(
            [rng.normal(0, 0.05, 60), rng.normal(0, 0.05, 60), tall + (h - tall) * rng.uniform(0, 0.7, 60)], 1
        )
        a.add(_leaves(rng, roots, min(w, d) * 0.6, 0.06, (0.1, 1.1), 0.5), green)
        for _ in range(5):
            tip = np.array([rng.normal(0, 0.05), rng.normal(0, 0.05), tall + (h - tall) * rng.uniform(0.5, 0.8)])
            a.add(meshes.tube(np.array([[0, 0, tall * 0.8], tip]), 0.006, 6), green)
    return a.model("plant", size=(w, d, h))


def small_plant(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A pot plant for a window sill."""
    w, d, h = measure(size, rng, (0.16, 0.32), (0.16, 0.32), (0.18, 0.42))
    a = Assembly("void")
    r, tall = min(w, d) * 0.28, h * 0.35
    _pot(a, rng, r, tall)
    roots = np.stack(
        [rng.normal(0, r * 0.3, 34), rng.normal(0, r * 0.3, 34), tall + (h - tall) * rng.uniform(0, 0.35, 34)], 1
    )
    a.add(_leaves(rng, roots, h * 0.55, h * 0.06, (0.3, 1.4), 0.4), _green(rng))
    return a.model("pot plant", "surface", size=(w, d, h))
