"""What lies on the graphics card: a scene's triangles and light, and the pictures that passes write and read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import moderngl
import numpy as np

from .geometry import VERTEX, VERTEX_FORMAT, coarse_faces, gather
from .illumination import Illumination
from .scene import Scene


class LoadedScene:
    """A scene's buffers on the card."""

    def __init__(
        self,
        context: moderngl.Context,
        scene: Scene,
        geometry: Mapping[str, moderngl.Program],
        glass: Mapping[str, moderngl.Program],
        shadow: moderngl.Program,
    ) -> None:
        self.scene = scene
        self.triangles = gather(scene)
        self._context = context
        self._vertices = context.buffer(self.triangles.vertices)
        self._faces = context.buffer(self.triangles.faces)
        self.geometry, self.glass = (
            {mapping: self._array(program) for mapping, program in programs.items()} for programs in (geometry, glass)
        )
        self._shadow_program = shadow
        self.light: Illumination | None = None
        self._held = [self._vertices, self._faces, *self.geometry.values(), *self.glass.values()]

    def _array(self, program: moderngl.Program) -> moderngl.VertexArray:
        """The vertices' attributes that a program uses: compilers drop what is not used."""
        names = VERTEX.names
        formats = [
            attribute if name in program else f"{VERTEX[name].itemsize}x"
            for name, attribute in zip(names, VERTEX_FORMAT.split(), strict=True)
        ]
        used = [name for name in names if name in program]
        return self._context.vertex_array(program, [(self._vertices, " ".join(formats), *used)], self._faces)

    @cached_property
    def shadow(self) -> moderngl.VertexArray:
        """Opaque triangles for shadow maps; those of dense meshes coarser."""
        faces = self._context.buffer(np.ascontiguousarray(coarse_faces(self.triangles)))
        skip = f"3f {VERTEX.itemsize - 12}x"
        array = self._context.vertex_array(self._shadow_program, [(self._vertices, skip, "position")], faces)
        self._held += [faces, array]
        return array

    def keep(self, light: Illumination) -> None:
        """Store the scene's light."""
        exchange = light.exchange
        self.light = light
        self.probes = _texture3d(self._context, exchange.probes)
        self.walls = _texture2d(self._context, exchange.walls)
        self._held += [self.probes, self.walls]

    def release(self) -> None:
        """Free the card's memory."""
        for item in self._held:
            item.release()


class Frames:
    """Pictures that passes of one size write and read."""

    def __init__(self, context: moderngl.Context, width: int, height: int) -> None:
        self.size = (width, height)
        half = ((width + 1) // 2, (height + 1) // 2)
        self.exact = context.texture(self.size, 2, dtype="f4")
        self.albedo = context.texture(self.size, 4)
        self.facing = context.texture(self.size, 4, dtype="f2")
        depth, kinds = context.depth_renderbuffer(self.size), context.depth_renderbuffer(self.size)
        self.rough_first, self.rough_rest = context.texture(half, 4), context.texture(half, 4)
        self.even_first, self.even_rest = context.texture(half, 4), context.texture(half, 4)
        self.picture, self.finished = (
            context.texture(self.size, 4, dtype="f2"),
            context.texture(self.size, 4, dtype="f2"),
        )
        for texture in (
            self.exact,
            self.albedo,
            self.facing,
            self.rough_first,
            self.rough_rest,
            self.even_first,
            self.even_rest,
        ):
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.picture.repeat_x = self.picture.repeat_y = False
        self.geometry = context.framebuffer([self.exact, self.albedo, self.facing], depth)
        self.rough = context.framebuffer([self.rough_first, self.rough_rest])
        self.even = context.framebuffer([self.even_first, self.even_rest])
        self.kinds = context.framebuffer(depth_attachment=kinds)
        self.shaded = context.framebuffer([self.picture], kinds)
        self.shaded.depth_mask = False
        self.shaded_over = context.framebuffer([self.picture], depth)
        self.final = context.framebuffer([self.finished])
        self._held = [value for value in vars(self).values() if hasattr(value, "release")] + [depth, kinds]

    def release(self) -> None:
        """Free the card's memory."""
        for item in self._held:
            item.release()


def _texture2d(context: moderngl.Context, values: np.ndarray) -> moderngl.Texture:
    """(6, n, n, 3) stacked along y."""
    data = _padded(values.reshape(-1, values.shape[2], 3))
    texture = context.texture(data.shape[1::-1], 4, data.tobytes(), dtype="f4")
    texture.repeat_x = texture.repeat_y = False
    texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
    return texture


def _texture3d(context: moderngl.Context, values: np.ndarray) -> moderngl.Texture3D:
    """(6, z, y, x, 3) stacked along z."""
    data = _padded(values.reshape(-1, *values.shape[2:]))
    texture = context.texture3d(data.shape[2::-1], 4, data.tobytes(), dtype="f4")
    texture.repeat_x = texture.repeat_y = texture.repeat_z = False
    texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
    return texture


def _padded(values: np.ndarray) -> np.ndarray:
    """Float32 (..., 3) as (..., 4): Mesa's renderer for CPUs reads a texel of four at once."""
    padded = np.ones((*values.shape[:-1], 4), np.float32)
    padded[..., :3] = values
    return padded
