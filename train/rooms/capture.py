"""One frame as a sensor took it: what every layout is written from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from train.rooms.infrared import infrared
from train.rooms.inpainting import fill_depth
from train.rooms.picture import CAMERAS, take_picture
from train.rooms.scene import Camera, Scene, View
from train.rooms.sensor import SENSORS, measure_depth


@dataclass(frozen=True, eq=False)
class Capture:
    """A camera's frame of a scene, and the truth behind it.

    Attributes:
        scene: what was seen.
        camera: from where.
        instance: uint16 (H, W): object ids, 0 where there is nothing.
        label: uint8 (H, W): 0 = void, 1..37.
        exact: uint16 (H, W): true depth [mm], 0 where there is nothing.
        depth: uint16 (H, W): as the sensor measured it [mm], 0 where missing.
        rgb: uint8 (H, W, 3), sRGB.
        quality: of the JPEG that it is to be stored as, 1..100.
        view: its number among the room's frames, from 0.
    """

    scene: Scene
    camera: Camera
    instance: np.ndarray
    label: np.ndarray
    exact: np.ndarray
    depth: np.ndarray
    rgb: np.ndarray
    quality: int
    view: int = 0

    @cached_property
    def depth_bfx(self) -> np.ndarray:
        """uint16 (H, W): the depth as measured, in-painted and smoothed [mm]; made when a layout asks for it."""
        return fill_depth(self.depth, self.rgb)


def take(
    scene: Scene, camera: Camera, view: View, developed: np.ndarray, rng: np.random.Generator, number: int = 0
) -> Capture:
    """Have the camera's sensor take what it sees.

    Args:
        scene: what is seen.
        camera: from where, and with which sensor.
        view: what is there, without error.
        developed: uint8 (H, W, 3): its picture, sRGB, without the camera's errors.
        rng: where all chance comes from.
        number: which of the room's frames it is, from 0.
    """
    rgb, quality = take_picture(developed, CAMERAS[camera.sensor], rng)
    visible = np.bincount(view.instance.ravel(), minlength=len(scene.objects) + 1) > 0
    surfaces = infrared(scene, visible, rng)
    depth = measure_depth(
        view.depth,
        view.normal,
        surfaces.albedo[view.instance],
        surfaces.specular[view.instance],
        camera.intrinsics,
        SENSORS[camera.sensor],
        rng,
    )
    return Capture(
        scene=scene,
        camera=camera,
        instance=view.instance,
        label=view.label(scene),
        exact=np.clip(np.rint(view.depth * 1000.0), 0, 65_535).astype(np.uint16),
        depth=depth,
        rgb=rgb,
        quality=quality,
        view=number,
    )
