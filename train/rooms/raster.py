"""The fast renderer: exact labels, depth and normals of a view, and its colours (moderngl over EGL).

One pass over the triangles keeps, for each pixel's centre, planar depth, face, base colour and normal; the colours come
from passes over the picture: rectangle lights with shadow maps from points spread over them, light exchanged by the
bare room (`radiosity.py`), ambient occlusion. Works on any OpenGL 3.3: Mesa's llvmpipe on one core, or a graphics card.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import moderngl
import numpy as np

from deresunet.errors import InputError

from .card import Frames, LoadedScene
from .geometry import Triangles
from .illumination import ATLAS, illuminate
from .mirrors import largest_mirror, reflected_camera
from .radiosity import mean_colour
from .scene import Camera, Scene, Texture, View

NEAR, FAR = 0.04, 120.0  # [m]
TEXTURE_BYTES = 192 * 2**20  # what the cache of textures may hold
LARGEST = 512  # [px], longer side of a texture on the card
FINEST = 400  # [px/m]; what repeats within less needs fewer pixels
MEANS = 4096  # textures whose mean colour is kept
MIRROR_GAP = 0.004  # [m], what lies so close before a mirror's plane is the mirror
SIZES = 12  # of pictures, for which the card keeps memory
CLIP_DISTANCE0 = 0x3000
MATTE = ("shade MATTE", "shade MATTE SUN")  # programs: file and names defined; the latter for sunlit rooms
GLOSSY = ("shade GLOSSY", "shade GLOSSY SUN")
SHADERS = Path(__file__).parent / "shaders"


class Rasteriser:
    """Renders views in one OpenGL context without a window; textures and the last scene stay on the card.

    Not for use from several threads. Raises InputError if no context can be made.
    """

    def __init__(self) -> None:
        try:
            self._context = moderngl.create_context(standalone=True, backend="egl")
        except Exception as error:
            raise InputError(
                f"no OpenGL context over EGL ({error}); Debian's libegl1 and libgl1-mesa-dri bring a renderer for CPUs"
            ) from error
        context = self._context
        self._geometry, self._glass = (
            {
                mapping: context.program(_source("geometry.vert"), _source(file, [mapping.upper()]))
                for mapping in ("plain", "box", "uv")
            }
            for file in ("geometry.frag", "glass.frag")
        )
        self._shadow = context.program(_source("shadow.vert"), _source("shadow.frag"))
        self._passes = {
            name: context.program(_source("screen.vert"), _source(f"{name.split()[0]}.frag", name.split()[1:]))
            for name in ("occlusion", "blur", "matte", *MATTE, *GLOSSY, "smooth")
        }
        corners = context.buffer(np.array([[-1, -1], [3, -1], [-1, 3]], np.float32))
        self._screens = {
            name: context.vertex_array(program, [(corners, "2f", "corner")]) for name, program in self._passes.items()
        }
        self._atlas = context.depth_texture(ATLAS)
        self._atlas.compare_func = "<="
        self._atlas.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._atlas_frame = context.framebuffer(depth_attachment=self._atlas)
        self._white = context.texture((1, 1), 3, b"\xff\xff\xff")
        self._textures: OrderedDict[str, moderngl.Texture] = OrderedDict()
        self._means: dict[str, np.ndarray] = {}
        self._frames: dict[tuple[int, int], Frames] = {}
        self._scene: LoadedScene | None = None

    @property
    def device(self) -> str:
        """The renderer's name, such as "llvmpipe (LLVM 15.0.6, 256 bits)"."""
        return self._context.info["GL_RENDERER"]

    def view(self, scene: Scene, camera: Camera, colour: bool) -> View:
        """What `camera` sees of `scene`; with `colour`, also its radiance.

        Raises:
            InputError: the scene has more objects than fit in uint16, or no triangles.
        """
        loaded = self._load(scene)
        plane = largest_mirror(scene, camera) if colour else None
        if plane is not None:
            behind = reflected_camera(camera, plane)
            reflection = self._frames_of(behind.width, behind.height)
            self._context.enable_direct(CLIP_DISTANCE0)
            self._nearest(loaded, reflection, behind, plane - [0, 0, 0, MIRROR_GAP])
            self._shade(loaded, reflection, behind)
            self._context.disable_direct(CLIP_DISTANCE0)
        frames = self._frames_of(camera.width, camera.height)
        self._nearest(loaded, frames, camera)
        radiance = None
        if colour:
            self._shade(loaded, frames, camera, None if plane is None else (plane, reflection.picture))
            radiance = self._finish(loaded, frames)
        frames.geometry.use()
        self._draw(loaded, loaded.geometry, opaque=False)
        exact = np.frombuffer(frames.exact.read(), np.float32).reshape(camera.height, camera.width, 2)
        return _measured(loaded.triangles, camera, exact, radiance)

    def _nearest(self, loaded: LoadedScene, frames: Frames, camera: Camera, clip: np.ndarray | None = None) -> None:
        """What is nearest at each pixel, glass apart; only what is before the plane `clip`."""
        uniforms = {
            "projection": _projection(camera).T.astype(np.float32).tobytes(),
            "eye": camera.pose[:3, 3].astype(np.float32).tobytes(),
            "forward": camera.pose[:3, 2].astype(np.float32).tobytes(),
            "clip": np.array((0, 0, 0, 1) if clip is None else clip, np.float32).tobytes(),
        }
        for program in (*self._geometry.values(), *self._glass.values()):
            _write(program, uniforms)
        frames.geometry.use()
        frames.geometry.clear(0, 0, 0, 0)
        self._draw(loaded, loaded.geometry, opaque=True)

    def _load(self, scene: Scene) -> LoadedScene:
        if self._scene is None or self._scene.scene is not scene:
            if self._scene is not None:
                self._scene.release()
                self._scene = None
            if len(scene.objects) > np.iinfo(np.uint16).max:
                raise InputError(f"a scene may have 65535 objects, this one has {len(scene.objects)}")
            if not any(len(part.mesh.faces) for thing in scene.objects for part in thing.parts):
                raise InputError("the scene has no triangles")
            self._scene = LoadedScene(self._context, scene, self._geometry, self._glass, self._shadow)
        return self._scene

    def _frames_of(self, width: int, height: int) -> Frames:
        if (width, height) not in self._frames:
            while len(self._frames) >= SIZES:
                self._frames.pop(next(iter(self._frames))).release()
            self._frames[width, height] = Frames(self._context, width, height)
        return self._frames[width, height]

    def _draw(
        self,
        loaded: LoadedScene,
        arrays: Mapping[str, moderngl.VertexArray],
        opaque: bool,
        blend: bool = False,
    ) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST | (moderngl.BLEND if blend else 0))
        for batch in loaded.triangles.batches:
            if batch.opaque != opaque:
                continue
            texture = batch.texture
            array = arrays[texture.mapping if texture else "plain"]
            program = array.program
            if texture is not None:
                self._upload(texture).use(0)
                program["image"] = 0
            if texture is not None and "repetitions" in program:
                program["repetitions"] = tuple(1 / side for side in texture.metres)
            if "first_face" in program:
                program["first_face"] = batch.first
            array.render(vertices=3 * batch.count, first=3 * batch.first)

    def _upload(self, texture: Texture) -> moderngl.Texture:
        held = self._textures.get(texture.name)
        if held is None:
            image = texture.image
            shrink = min(LARGEST, FINEST * max(texture.metres)) / max(image.shape[:2])
            if shrink < 1:
                height, width = (max(1, round(side * shrink)) for side in image.shape[:2])
                image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            image = np.ascontiguousarray(image[::-1, :, :3])  # v runs upwards
            held = self._context.texture(
                image.shape[1::-1],
                3,
                image.tobytes(),
                alignment=1,
                internal_format=0x8C41,  # GL_SRGB8
            )
            held.build_mipmaps()
            held.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            self._textures[texture.name] = held
            total = sum(4 * t.width * t.height * 4 // 3 for t in self._textures.values())
            while total > TEXTURE_BYTES and len(self._textures) > 1:
                _, oldest = self._textures.popitem(last=False)
                total -= 4 * oldest.width * oldest.height * 4 // 3
                oldest.release()
        self._textures.move_to_end(texture.name)
        return held

    def _shade(
        self,
        loaded: LoadedScene,
        frames: Frames,
        camera: Camera,
        mirror: tuple[np.ndarray, moderngl.Texture] | None = None,
    ) -> None:
        """Radiance of what is nearest, glass over it, into `frames.picture`; a mirror's plane shows its picture."""
        context = self._context
        if loaded.light is None:
            self._light(loaded)
        rays = camera.pose[:3, :3] @ np.linalg.inv(camera.intrinsics)
        shared = {
            "ray": rays.T.astype(np.float32).tobytes(),
            "eye": camera.pose[:3, 3].astype(np.float32).tobytes(),
            "size": np.array(frames.size, np.int32).tobytes(),
            "focal": np.float32(camera.intrinsics[0, 0]).tobytes(),
            **loaded.light.uniforms,
            "mirror_plane": np.array((0, 0, 0, 1) if mirror is None else mirror[0], np.float32).tobytes(),
        }
        textures = {
            "exact": frames.exact,
            "facing": frames.facing,
            "albedo": frames.albedo,
            "shadows": self._atlas,
            "probes": loaded.probes,
            "walls": loaded.walls,
            "reflection": self._white if mirror is None else mirror[1],
        }
        context.enable_only(moderngl.NOTHING)
        for name, target, inputs in (
            ("occlusion", frames.rough, {}),
            ("blur", frames.even, {"first": frames.rough_first, "rest": frames.rough_rest}),
        ):
            self._screen(name, target, shared, textures | inputs)
        # The depth test leaves pixels of the other kind before a shader runs; both programs draw at depth 0.5.
        context.enable_only(moderngl.DEPTH_TEST)
        inputs = {"first": frames.even_first, "rest": frames.even_rest}
        for compare, name, target in (
            ("1", "matte", frames.kinds),  # always
            (">", MATTE[loaded.light.sunlit], frames.shaded),
            ("<", GLOSSY[loaded.light.sunlit], frames.shaded),
        ):
            context.depth_func = compare
            self._screen(name, target, shared, textures | inputs)
        context.enable_only(moderngl.NOTHING)
        if any(not batch.opaque for batch in loaded.triangles.batches):
            frames.shaded_over.use()
            for program in self._glass.values():
                _bind(program, {"probes": (loaded.probes, 4), "walls": (loaded.walls, 5)})
                _write(program, {k: v for k, v in shared.items() if k != "eye"})
            frames.shaded_over.depth_mask = False
            context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
            self._draw(loaded, loaded.glass, opaque=False, blend=True)
            context.enable_only(moderngl.NOTHING)
            frames.shaded_over.depth_mask = True

    def _finish(self, loaded: LoadedScene, frames: Frames) -> np.ndarray:
        """The picture with smoothed edges, float32 (H, W, 3)."""
        context = self._context
        context.enable_only(moderngl.NOTHING)
        height, width = frames.size[::-1]
        self._screen(
            "smooth", frames.final, {"mid": np.float32(loaded.light.mid).tobytes()}, {"picture": frames.picture}
        )
        half = np.frombuffer(frames.finished.read(), np.float16).reshape(height, width, 4)
        return half[..., :3].astype(np.float32)

    def _screen(self, name: str, target: moderngl.Framebuffer, uniforms: dict, textures: dict) -> None:
        program = self._passes[name]
        target.use()
        _write(program, uniforms)
        _bind(program, {key: (texture, unit) for unit, (key, texture) in enumerate(textures.items())})
        self._screens[name].render()

    def _light(self, loaded: LoadedScene) -> None:
        """Shadow maps and light of a scene, once for all its views."""
        light = illuminate(loaded.scene, self._mean_colour)
        self._atlas_frame.use()
        self._atlas_frame.viewport = (0, 0, *self._atlas.size)
        self._atlas_frame.clear(depth=1.0)
        self._context.enable_only(moderngl.DEPTH_TEST)
        for viewport, projection in light.atlas:
            self._atlas_frame.viewport = viewport
            self._shadow["projection"].write(projection.T.astype(np.float32).tobytes())
            loaded.shadow.render()
        loaded.keep(light)

    def _mean_colour(self, texture: Texture) -> np.ndarray:
        if texture.name not in self._means:
            if len(self._means) > MEANS:
                self._means.clear()
            self._means[texture.name] = mean_colour(texture)
        return self._means[texture.name]


def _measured(triangles: Triangles, camera: Camera, exact: np.ndarray, colour: np.ndarray | None) -> View:
    """Instance, depth and normal from what the first pass kept: depth and face + 1 (0 = nothing), (H, W, 2)."""
    face = exact[..., 1].astype(np.int32)
    seen = np.zeros(len(triangles.faces) + 1, bool)
    seen[face.ravel()] = True
    seen[0] = False
    chosen = np.flatnonzero(seen)
    normals = np.zeros((len(seen), 3), np.float32)
    normals[chosen] = triangles.normals_towards(chosen - 1, camera.pose[:3, 3]) @ camera.pose[:3, :3].astype(np.float32)
    normal = np.take(normals, face, axis=0)  # (H, W, 3)
    instance = np.concatenate([np.zeros(1, np.uint16), triangles.owner])[face]
    return View(instance, np.ascontiguousarray(exact[..., 0]), normal, colour)


def _projection(camera: Camera) -> np.ndarray:
    """World, less the camera's position, to clip space; pixel centres at whole numbers, first row at the bottom."""
    (fx, skew, cx), (_, fy, cy), _ = np.asarray(camera.intrinsics, float)
    width, height = camera.width, camera.height
    clip = np.zeros((4, 4))
    clip[0, :3] = 2 * fx / width, 2 * skew / width, (2 * cx + 1) / width - 1
    clip[1, :3] = 0, 2 * fy / height, (2 * cy + 1) / height - 1
    clip[2, 2:] = (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    clip[3, 2] = 1
    clip[:, :3] = clip[:, :3] @ camera.pose[:3, :3].T
    return clip


def _source(name: str, defined: Sequence[str] = ()) -> str:
    """A shader with its `#include` lines replaced by those files, and with names defined for its `#ifdef` lines."""
    text = (SHADERS / name).read_text(encoding="utf-8")
    text = re.sub(r"^#include (\S+)$", lambda match: _source(match[1]), text, flags=re.MULTILINE)
    version, rest = text.split("\n", 1)
    return "\n".join([version, *(f"#define {name}" for name in defined), rest])


def _write(program: moderngl.Program, uniforms: Mapping[str, bytes]) -> None:
    """Set those uniforms that the program has: compilers drop what is not used."""
    for name, value in uniforms.items():
        if name in program:
            program[name].write(value)


def _bind(program: moderngl.Program, textures: Mapping[str, tuple[moderngl.Texture, int]]) -> None:
    for name, (texture, unit) in textures.items():
        if name in program:
            texture.use(unit)
            program[name] = unit
