"""A view's colours as a photograph: the same scene in Blender's Cycles.

Blender keeps one global state; it is emptied for each scene. Labels and depth come from `raster.py`; the pixel grids
agree to a small part of a pixel.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from deresunet.errors import InputError

from .blender import build_material, build_mesh
from .illumination import SUN_COLOUR, SUN_RADIANCE
from .scene import Camera, Light, Scene, Sky

SKIES = ("city", "courtyard", "forest", "sunrise", "night", "sunset")
SENSOR_WIDTH = 36.0  # [mm]
FAINT = 0.02  # sky strength under which it is not worth sampling through the windows


def photograph(scene: Scene, camera: Camera, samples: int, threads: int = 0) -> np.ndarray:
    """Path-traced and denoised radiance of a view.

    Args:
        scene: what to render.
        camera: from where; skew is not supported.
        samples: paths for each pixel, at most.
        threads: at most; 0 = one a core.

    Returns:
        float32 (H, W, 3), linear RGB, in the units of `Light.power` and `Sky.strength`.

    Raises:
        InputError: `samples` is below 1, or the sky's name is unknown.
    """
    if samples < 1:
        raise InputError(f"samples must be at least 1, not {samples}")
    if scene.sky.name not in SKIES:
        raise InputError(f"unknown sky {scene.sky.name!r}; there are {', '.join(SKIES)}")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage = bpy.context.scene
    _settings(stage, camera, samples, threads, scene.seed)
    _objects(stage, scene)
    for light in scene.lights:
        _rectangle(stage, light)
    _sky(stage, scene.sky, [light for light in scene.lights if light.kind == "window"])
    _camera(stage, camera)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "radiance.exr"
        stage.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(str(path))
        image.colorspace_settings.name = "Non-Color"
        pixels = np.empty(camera.height * camera.width * 4, np.float32)
        image.pixels.foreach_get(pixels)
    bpy.ops.wm.read_factory_settings(use_empty=True)  # gives the memory back
    return np.ascontiguousarray(pixels.reshape(camera.height, camera.width, 4)[::-1, :, :3])


def _settings(stage: bpy.types.Scene, camera: Camera, samples: int, threads: int, seed: int) -> None:
    render, cycles = stage.render, stage.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = camera.width, camera.height, 100
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    render.image_settings.color_mode = "RGB"
    render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        render.threads = threads
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = True
    cycles.adaptive_threshold = 0.03
    cycles.seed = seed % 2**31
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.max_bounces = 8
    cycles.diffuse_bounces = 5
    cycles.glossy_bounces = 4
    cycles.transparent_max_bounces = 16
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.blur_glossy = 1.0
    # Fireflies: paths of several bounces that end in a light; what the camera sees directly stays as bright as it is.
    cycles.sample_clamp_indirect = 8.0
    cycles.sample_clamp_direct = 60.0


def _objects(stage: bpy.types.Scene, scene: Scene) -> None:
    """Every part, placed; equal meshes of one material share their data."""
    materials: dict[int, bpy.types.Material] = {}
    meshes: dict[tuple[int, int], bpy.types.Mesh] = {}
    for thing in scene.objects:
        pose = Matrix(thing.pose.tolist())
        for part in thing.parts:
            if not len(part.mesh.faces):
                continue
            material = materials.get(id(part.material))
            if material is None:
                material = materials[id(part.material)] = build_material(part.material)
            key = id(part.mesh), id(part.material)
            if key not in meshes:
                meshes[key] = build_mesh(part.mesh, part.material.texture)
                meshes[key].materials.append(material)
            placed = bpy.data.objects.new(thing.name, meshes[key])
            placed.matrix_world = pose
            stage.collection.objects.link(placed)


def _rectangle(stage: bpy.types.Scene, light: Light, portal: bool = False) -> None:
    lamp = bpy.data.lights.new(light.kind, "AREA")
    lamp.shape = "RECTANGLE"
    lamp.size, lamp.size_y = light.size
    lamp.energy, lamp.color = light.power, light.colour
    lamp.cycles.is_portal = portal
    placed = bpy.data.objects.new(light.kind, lamp)
    placed.matrix_world = Matrix(light.pose.tolist())
    placed.visible_camera = False
    stage.collection.objects.link(placed)


def _sky(stage: bpy.types.Scene, sky: Sky, windows: list[Light]) -> None:
    world = bpy.data.worlds.new("sky")
    stage.world = world
    world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    output, background = tree.nodes.new("ShaderNodeOutputWorld"), tree.nodes.new("ShaderNodeBackground")
    picture = tree.nodes.new("ShaderNodeTexEnvironment")
    mapping, coordinates = tree.nodes.new("ShaderNodeMapping"), tree.nodes.new("ShaderNodeTexCoord")
    folder = Path(bpy.utils.system_resource("DATAFILES")) / "studiolights" / "world"
    picture.image = bpy.data.images.load(str(folder / f"{sky.name}.exr"))
    mapping.inputs["Rotation"].default_value[2] = sky.rotation
    background.inputs["Strength"].default_value = sky.strength
    tree.links.new(coordinates.outputs["Generated"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], picture.inputs["Vector"])
    tree.links.new(picture.outputs["Color"], background.inputs["Color"])
    tree.links.new(background.outputs["Background"], output.inputs["Surface"])
    world.cycles.sampling_method = "MANUAL" if sky.strength > FAINT else "NONE"
    world.cycles.sample_map_resolution = 256
    if sky.strength > FAINT:
        for window in windows:
            _rectangle(stage, window, portal=True)
    if sky.sun is not None and sky.sun[2] > 0:
        lamp = bpy.data.lights.new("sun", "SUN")
        lamp.energy = np.pi * SUN_RADIANCE * sky.strength
        lamp.color = SUN_COLOUR
        lamp.angle = np.radians(0.53)
        placed = bpy.data.objects.new("sun", lamp)
        z = np.asarray(sky.sun, float) / np.linalg.norm(sky.sun)
        x = np.cross([0, 1, 0], z) if abs(z[1]) < 0.9 else np.cross([1, 0, 0], z)
        x /= np.linalg.norm(x)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
        placed.matrix_world = Matrix(pose.tolist())
        stage.collection.objects.link(placed)


def _camera(stage: bpy.types.Scene, camera: Camera) -> None:
    """Blender's camera looks along -z, y up; its shifts are in widths of the picture."""
    (fx, _, cx), (_, fy, cy), _ = np.asarray(camera.intrinsics, float)
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.sensor_width = SENSOR_WIDTH
    lens.lens = fx * SENSOR_WIDTH / camera.width
    lens.shift_x = ((camera.width - 1) / 2 - cx) / camera.width
    lens.shift_y = (cy - (camera.height - 1) / 2) / camera.width * fx / fy
    lens.clip_start, lens.clip_end = 0.04, 500.0
    stage.render.pixel_aspect_x, stage.render.pixel_aspect_y = max(1.0, fy / fx), max(1.0, fx / fy)
    placed = bpy.data.objects.new("camera", lens)
    placed.matrix_world = Matrix((camera.pose @ np.diag([1.0, -1, -1, 1])).tolist())
    stage.collection.objects.link(placed)
    stage.camera = placed
