"""Meshes and materials as Blender's data."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np

from .scene import Material, Mesh, Texture

CLEAR = 0.3  # roughness below which glass reflects as a mirror at grazing angles


def box_coordinates(mesh: Mesh) -> np.ndarray:
    """Texture coordinates [m] of each triangle's corners, projected along the axis nearest to its normal: (F, 3, 2).

    x and y for what lies level, y and z for what faces x, x and z for what faces y: as in shaders/pattern.glsl.
    """
    corners = mesh.vertices[mesh.faces]  # (F, 3, 3)
    x, y, z = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])).T
    level = z * 1.001 >= np.maximum(x, y)
    side = ~level & (x * 1.001 >= y)
    axes = np.where(level[:, None], [0, 1], np.where(side[:, None], [1, 2], [0, 2]))  # (F, 2)
    return np.take_along_axis(corners, axes[:, None, :], axis=2)


def build_mesh(mesh: Mesh, texture: Texture | None) -> bpy.types.Mesh:
    """A mesh with its normals, and texture coordinates in repetitions if it has a texture."""
    # Thinned models hold triangles with a corner twice: they cover nothing, and Blender crashes on their edges.
    a, b, c = mesh.faces.T
    triangles = mesh.faces[(a != b) & (b != c) & (c != a)]
    count, faces = len(mesh.vertices), len(triangles)
    data = bpy.data.meshes.new("mesh")
    data.vertices.add(count)
    data.vertices.foreach_set("co", np.ascontiguousarray(mesh.vertices, np.float32).ravel())
    data.loops.add(3 * faces)
    data.loops.foreach_set("vertex_index", np.ascontiguousarray(triangles, np.int32).ravel())
    data.polygons.add(faces)
    data.polygons.foreach_set("loop_start", np.arange(0, 3 * faces, 3, dtype=np.int32))
    data.polygons.foreach_set("use_smooth", np.ones(faces, bool))
    if texture is not None:
        if texture.mapping == "uv" and mesh.uv is not None:
            uv = mesh.uv[triangles]
        else:
            uv = box_coordinates(replace(mesh, faces=triangles)) / np.array(texture.metres)
        layer = data.uv_layers.new(name="pattern")
        layer.uv.foreach_set("vector", np.ascontiguousarray(uv, np.float32).ravel())
    data.update(calc_edges=True)
    data.normals_split_custom_set_from_vertices(mesh.normals.tolist())
    return data


def build_material(material: Material) -> bpy.types.Material:
    """A material as one Principled BSDF, see-through in part if its opacity is below 1."""
    data = bpy.data.materials.new(material.name)
    data.use_nodes = True
    tree = data.node_tree
    tree.nodes.clear()
    link = tree.links.new
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    surface = tree.nodes.new("ShaderNodeBsdfPrincipled")
    colour = (*material.colour, 1.0)
    inputs = surface.inputs
    inputs["Base Color"].default_value = inputs["Emission Color"].default_value = colour
    inputs["Roughness"].default_value = max(material.roughness, 0.02)
    inputs["Metallic"].default_value = material.metallic
    inputs["Emission Strength"].default_value = material.emission
    data.cycles.emission_sampling = "NONE"  # the scene's lights shine for it
    if material.texture is not None:
        picture = tree.nodes.new("ShaderNodeTexImage")
        picture.image = _image(material.texture)
        product = tree.nodes.new("ShaderNodeMix")
        product.data_type, product.blend_type = "RGBA", "MULTIPLY"
        product.inputs[0].default_value = 1.0
        product.inputs[7].default_value = colour
        link(picture.outputs["Color"], product.inputs[6])
        link(product.outputs[2], inputs["Base Color"])
        if material.emission:
            link(product.outputs[2], inputs["Emission Color"])
        if material.bump:
            bump = tree.nodes.new("ShaderNodeBump")
            bump.inputs["Distance"].default_value = material.bump
            link(picture.outputs["Color"], bump.inputs["Height"])
            link(bump.outputs["Normal"], inputs["Normal"])
    last = surface.outputs["BSDF"]
    if material.opacity < 1:
        clear, blend = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeMixShader")
        blend.inputs[0].default_value = material.opacity
        if material.roughness < CLEAR:
            fresnel, covered = tree.nodes.new("ShaderNodeFresnel"), tree.nodes.new("ShaderNodeMath")
            fresnel.inputs["IOR"].default_value = 1.3
            covered.operation, covered.use_clamp = "ADD", True
            covered.inputs[1].default_value = material.opacity
            link(fresnel.outputs[0], covered.inputs[0])
            link(covered.outputs[0], blend.inputs[0])
        link(clear.outputs[0], blend.inputs[1])
        link(last, blend.inputs[2])
        last = blend.outputs[0]
    link(last, output.inputs["Surface"])
    return data


def _image(texture: Texture) -> bpy.types.Image:
    """The texture as Blender's image; one for each name."""
    known = bpy.data.images.get(texture.name)
    if known is not None:
        return known
    height, width = texture.image.shape[:2]
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = texture.image[::-1, :, :3].astype(np.float32) / 255
    image = bpy.data.images.new(texture.name, width, height)
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    return image
