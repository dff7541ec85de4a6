"""Plane mirrors of a scene, and the camera that sees what one of them shows."""

from __future__ import annotations

import numpy as np

from .scene import Camera, Object, Part, Scene

POLISHED = 0.1  # roughness below which metal is a mirror
LEAST = 0.004  # part of the picture that a mirror fills at least to be worth a view of its own


def largest_mirror(scene: Scene, camera: Camera) -> np.ndarray | None:
    """Plane (a, b, c, d), a x + b y + c z + d = 0, of the mirror that fills most of the picture; or None.

    The normal (a, b, c) is a unit vector towards the camera; world [m].
    """
    best, most = None, LEAST * camera.width * camera.height
    for thing in scene.objects:
        for part in thing.parts:
            material = part.material
            if material.metallic >= 0.5 and material.roughness < POLISHED and len(part.mesh.faces):
                plane, corners = _plane(thing, part, camera.pose[:3, 3])
                if plane[:3] @ camera.pose[:3, 3] + plane[3] < 0.02:
                    continue
                extent = _extent(corners, camera)
                if extent > most:
                    best, most = plane, extent
    return best


def reflected_camera(camera: Camera, plane: np.ndarray) -> Camera:
    """Half the resolution, and the pose mirrored in the plane: each pixel sees what the mirror shows there."""
    reflection = np.eye(4)
    reflection[:3, :3] -= 2 * np.outer(plane[:3], plane[:3])
    reflection[:3, 3] = -2 * plane[3] * plane[:3]
    width, height = (camera.width + 1) // 2, (camera.height + 1) // 2
    intrinsics = np.array(camera.intrinsics, float)
    scale = np.array([width / camera.width, height / camera.height])
    intrinsics[:2, 2] += 0.5
    intrinsics[:2] *= scale[:, None]
    intrinsics[:2, 2] -= 0.5
    return Camera(camera.sensor, width, height, intrinsics, reflection @ camera.pose)


def _plane(thing: Object, part: Part, eye: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The foremost plane of most of the part's area, as the eye sees it, and its triangles' corners (n, 3)."""
    corners = part.mesh.vertices[part.mesh.faces].astype(float) @ thing.pose[:3, :3].T + thing.pose[:3, 3]
    doubled = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sizes = np.linalg.norm(doubled, axis=1)
    largest = int(np.argmax(sizes))
    normal = doubled[largest] / max(sizes[largest], 1e-12)
    if normal @ (eye - corners[largest, 0]) < 0:
        normal = -normal  # the thin box's other side, if it has one, is the side to see
    towards = (np.abs(doubled @ normal) > 0.95 * sizes) & (sizes > 0.05 * sizes[largest])
    heights = corners[:, 0] @ normal
    front = towards & (heights > heights[towards].max() - 0.002)
    points = corners[front].reshape(-1, 3)
    return np.array([*normal, -float(np.mean(points @ normal))]), points


def _extent(points: np.ndarray, camera: Camera) -> float:
    """Area of the points' bounds in the picture [px]."""
    local = (points - camera.pose[:3, 3]) @ camera.pose[:3, :3]
    local = local[local[:, 2] > 0.05]
    if not len(local):
        return 0.0
    pixels = (local / local[:, 2:]) @ np.asarray(camera.intrinsics).T
    limits = [camera.width, camera.height]
    low, high = np.clip(pixels[:, :2].min(0), 0, limits), np.clip(pixels[:, :2].max(0), 0, limits)
    return float(np.prod(high - low))
