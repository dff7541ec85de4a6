"""People: clothed, standing or sitting; all that they wear is of the class person. They look towards -y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size
from train.rooms.materials import BLACKS, BLUES, BROWNS, GREYS, HAIRS, SKINS, WHITES, linear, pick
from train.rooms.scene import Material, Mesh, Model


@dataclass(frozen=True)
class _Looks:
    skin: Material
    hair: Material
    top: Material
    bottom: Material
    shoes: Material
    broad: float  # girth, 1 is usual
    long_hair: bool
    long_sleeves: bool
    skirt: bool


def _looks(rng: np.random.Generator) -> _Looks:
    woman = rng.random() < 0.5
    bottom = pick(rng, BLUES, BLACKS, GREYS[2:], BROWNS) if rng.random() < 0.85 else materials.cloth_colour(rng)
    return _Looks(
        materials.plain("skin", pick(rng, SKINS, jitter=6), 0.6),
        materials.plain("hair", pick(rng, HAIRS, jitter=8), 0.7),
        materials.cloth(rng),
        materials.Material("trousers", bottom, 0.9, texture=materials.pattern("denim", int(rng.integers(3)))),
        materials.plain("shoes", pick(rng, BLACKS, BROWNS, WHITES, GREYS), 0.5),
        float(rng.uniform(0.88, 1.25)),
        woman and rng.random() < 0.75,
        rng.random() < 0.65,
        woman and rng.random() < 0.2,
    )


def _limb(points: list[np.ndarray], radii: list[float]) -> Mesh:
    """A bent limb: a rounded tube through joints, its bends softened."""
    line = np.array(points)
    if len(line) == 3:
        t = np.linspace(0, 1, 9)
        knots = np.array([0, 0.5, 1.0])
        sharp = np.stack([np.interp(t, knots, line[:, k]) for k in range(3)], 1)
        bow = (1 - t)[:, None] ** 2 * line[0] + 2 * ((1 - t) * t)[:, None] * line[1] + (t**2)[:, None] * line[2]
        near = np.exp(-(((t - 0.5) / 0.13) ** 2))[:, None]
        return meshes.tube(sharp * (1 - 0.25 * near) + bow * 0.25 * near, np.interp(t, knots, radii), 12, True)
    return meshes.tube(line, np.array(radii), 12, True)


def _torso(hips: np.ndarray, up: np.ndarray, h: float, broad: float) -> Mesh:
    """From the crotch to the neck, along the unit vector `up` from the middle of the hips."""
    levels = [
        (-0.05, 0.04, 0.045), (-0.035, 0.085, 0.065), (0.0, 0.098, 0.074), (0.07, 0.088, 0.066), (0.12, 0.086, 0.064),
        (0.2, 0.101, 0.071), (0.27, 0.113, 0.067), (0.305, 0.108, 0.056), (0.328, 0.066, 0.042), (0.345, 0.036, 0.034),
    ]  # fmt: skip
    t = np.linspace(0, 2 * np.pi, 25)
    back = np.array([0.0, up[2], -up[1]])
    rows = []
    for along, wide, deep in levels:
        girth = broad if along < 0.27 else 1 + (broad - 1) * 0.4
        ring = np.outer(np.cos(t) * wide * h * girth, [1, 0, 0]) + np.outer(np.sin(t) * deep * h * girth, back)
        rows.append(hips + up * along * h + ring)
    return meshes.sheet(np.array(rows))


def _head(a: Assembly, rng: np.random.Generator, looks: _Looks, neck: np.ndarray, h: float) -> None:
    """Neck, head, hair and a face above the point `neck`; the head turned a little."""
    turn = meshes.rotation(turn=float(rng.normal(0, 0.35)), tilt=float(rng.uniform(-0.05, 0.3)))
    a.add(
        meshes.tube(np.array([neck - [0, 0, 0.02 * h], neck + np.array([0, -0.012, 0.05]) * h]), 0.03 * h, 12, True),
        looks.skin,
    )
    middle = neck + np.array([0, -0.015 * h, 0.093 * h])
    ball = meshes.ellipsoid(1.0, 1.0, 12, 20)

    def put(material: Material, at: tuple[float, float, float], scale: tuple[float, float, float]) -> None:
        a.add(ball, material, middle + turn @ (np.array(at) * h), turn=turn, scale=np.array(scale) * h)

    put(looks.skin, (0, 0, 0), (0.044, 0.054, 0.07))
    put(looks.hair, (0, 0.012, 0.014), (0.049, 0.055, 0.068))
    put(looks.hair, (0, -0.022, 0.05), (0.041, 0.032, 0.024))
    if looks.long_hair:
        put(looks.hair, (0, 0.03, -0.04), (0.052, 0.034, 0.09))
    put(looks.skin, (0, -0.056, -0.008), (0.007, 0.009, 0.013))
    dark, lips = materials.plain("eye", linear(30, 24, 22), 0.3), materials.plain("lips", linear(160, 88, 82), 0.5)
    for x in (-1, 1):
        put(dark, (x * 0.018, -0.0475, 0.006), (0.006, 0.004, 0.004))
        put(looks.hair, (x * 0.018, -0.049, 0.017), (0.009, 0.004, 0.002))
        put(looks.skin, (x * 0.045, 0.002, -0.005), (0.006, 0.012, 0.018))
    put(lips, (0, -0.048, -0.034), (0.013, 0.005, 0.004))


def _arm(a: Assembly, looks: _Looks, shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray, h: float) -> None:
    thin = 1 + (looks.broad - 1) * 0.6
    a.add(
        _limb([shoulder, elbow, wrist], [0.03 * h * thin, 0.024 * h * thin, 0.019 * h]),
        looks.top if looks.long_sleeves else looks.skin,
    )
    if not looks.long_sleeves:
        half = shoulder + (elbow - shoulder) * 0.6
        a.add(_limb([shoulder, half], [0.034 * h * thin, 0.033 * h * thin]), looks.top)
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    a.add(
        meshes.tube(np.array([wrist, wrist + along * 0.06 * h]), np.array([0.02 * h, 0.016 * h]), 10, True), looks.skin
    )


def _shoe(a: Assembly, looks: _Looks, ankle: np.ndarray, h: float, out: float) -> None:
    turn = meshes.rotation(turn=out)
    at = np.array([ankle[0], ankle[1], 0.0]) + turn @ np.array([0, -0.04 * h, 0.026 * h])
    a.add(meshes.ellipsoid(0.6, 0.8, 8, 16), looks.shoes, at, turn=turn, scale=np.array([0.028, 0.078, 0.026]) * h)


def person_standing(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Someone standing: arms down, on the hips, before the body or holding something up."""
    h = float(rng.uniform(1.52, 1.9)) if size[2] is None else float(size[2])
    a, looks = Assembly("person"), _looks(rng)
    hips = np.array([0.0, 0.0, 0.52 * h])
    lean = float(rng.normal(0, 0.04))
    up = np.array([0, np.sin(lean), np.cos(lean)])
    a.add(_torso(hips, up, h, looks.broad), looks.top)
    thick = 1 + (looks.broad - 1) * 0.8
    stride = float(rng.uniform(-0.09, 0.09))
    apart = float(rng.uniform(0.045, 0.085))
    for side in (-1, 1):
        hip = np.array([side * 0.052 * h, 0.0, 0.5 * h])
        ankle = np.array([side * apart * h, side * stride * h + 0.02 * h, 0.045 * h])
        knee = (hip + ankle) / 2 + np.array([0, -0.012 * h, 0.01 * h])
        bare = looks.skirt
        a.add(
            _limb([hip, knee, ankle], [0.056 * h * thick, 0.041 * h * thick, 0.027 * h if bare else 0.034 * h]),
            looks.skin if bare else looks.bottom,
        )
        _shoe(a, looks, ankle, h, side * float(rng.uniform(0, 0.4)))
    wide = 0.1 * h * looks.broad
    if looks.skirt:
        a.add(
            meshes.lathe([(wide * 1.45, 0.27 * h), (wide * 1.2, 0.42 * h), (wide * 0.98, 0.56 * h)], 24),
            looks.bottom,
            scale=(1, 0.8, 1),
        )
    else:
        a.add(
            meshes.lathe(
                [(wide * 0.8, 0.46 * h), (wide * 1.03, 0.5 * h), (wide * 1.0, 0.55 * h), (wide * 0.93, 0.57 * h)], 24
            ),
            looks.bottom,
            scale=(1, 0.77, 1),
        )
    for side in (-1, 1):
        shoulder = hips + up * 0.288 * h + np.array([side * 0.112 * h, 0, 0])
        pose = str(rng.choice(["down", "down", "hip", "front", "up"], p=[0.35, 0.25, 0.12, 0.2, 0.08]))
        elbow, wrist = {
            "down": ((0.035, 0.01, -0.17), (0.045, -0.02, -0.325)),
            "hip": ((0.1, 0.05, -0.15), (0.01, -0.02, -0.255)),
            "front": ((0.03, -0.03, -0.165), (-0.05, -0.15, -0.14)),
            "up": ((0.05, -0.06, -0.14), (0.03, -0.13, 0.0)),
        }[pose]
        flip = np.array([side, 1, 1]) * h
        _arm(a, looks, shoulder, shoulder + np.array(elbow) * flip, shoulder + np.array(wrist) * flip, h)
    _head(a, rng, looks, hips + up * 0.345 * h, h)
    return a.model("person standing", size=(size[0], size[1], h))


def person_sitting(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Someone on a seat 0.45 m high: the back of the hips is the back of the footprint; feet on the floor."""
    h = float(rng.uniform(1.52, 1.9))
    a, looks = Assembly("person"), _looks(rng)
    seat = 0.45
    hips = np.array([0.0, 0.0, seat + 0.055 * h])
    lean = float(rng.uniform(-0.25, 0.12))
    up = np.array([0, np.sin(lean), np.cos(lean)])
    a.add(_torso(hips, up, h, looks.broad), looks.top)
    thick = 1 + (looks.broad - 1) * 0.8
    spread = float(rng.uniform(0.0, 0.06))
    for side in (-1, 1):
        hip = hips + np.array([side * 0.052 * h, -0.01 * h, 0.0])
        knee = np.array([side * (0.06 + spread) * h, -0.27 * h, seat + 0.035 * h])
        ankle = np.array([side * (0.06 + spread * 0.8) * h, -0.27 * h + float(rng.uniform(-0.09, 0.06)) * h, 0.045 * h])
        a.add(_limb([hip, knee], [0.058 * h * thick, 0.044 * h * thick]), looks.bottom)
        a.add(_limb([knee, ankle], [0.044 * h * thick, 0.031 * h]), looks.skin if looks.skirt else looks.bottom)
        _shoe(a, looks, ankle, h, side * float(rng.uniform(0, 0.3)))
    a.add(
        meshes.ellipsoid(0.8, 0.8, 10, 20),
        looks.bottom,
        hips + np.array([0, -0.005, -0.01]) * h,
        scale=np.array([0.103, 0.085, 0.055]) * h * looks.broad,
    )
    pose = str(rng.choice(["lap", "table", "table", "reading"]))
    for side in (-1, 1):
        shoulder = hips + up * 0.288 * h + np.array([side * 0.112 * h, 0, 0])
        elbow, wrist = {
            "lap": ((0.04, -0.02, -0.17), (-0.03, -0.16, -0.2)),
            "table": ((0.05, -0.08, -0.155), (-0.01, -0.22, -0.12)),
            "reading": ((0.045, -0.07, -0.155), (-0.04, -0.19, -0.08)),
        }[pose]
        flip = np.array([side, 1, 1]) * h
        _arm(a, looks, shoulder, shoulder + np.array(elbow) * flip, shoulder + np.array(wrist) * flip, h)
    _head(a, rng, looks, hips + up * 0.345 * h, h)
    return a.model("person sitting", size=size)
