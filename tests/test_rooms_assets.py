"""Furniture of the rendered rooms: every role, its measures, its meshes, its licence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from deresunet.classes import NUM_CLASSES
from deresunet.errors import InputError
from train.rooms import finishes, meshes, models, wavefront
from train.rooms.catalogued import Catalogued
from train.rooms.furniture.assembly import LABEL, Assembly
from train.rooms.library import BUILT_HERE, Library
from train.rooms.materials import chrome
from train.rooms.prints import printed
from train.rooms.scene import Mesh, Model
from train.rooms.textures import pattern

FURNITURE = Path("/usr/share/sweethome3d/furniture")
needs_furniture = pytest.mark.skipif(
    not (FURNITURE / "BlendSwap-CC-0.sh3f").is_file(), reason="Debian's sweethome3d-furniture is not installed"
)
SEEDS = (0, 1, 2, 3)
LONGEST = {"conference_table": 3.7, "curtain": 2.6, "bed": 2.5, "sofa": 2.6, "rug": 2.7, "whiteboard": 2.5}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def check(model: Model) -> None:
    low, high = model.bounds
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()
    for part in model.parts:
        mesh = part.mesh
        assert 0 <= part.label <= NUM_CLASSES
        assert mesh.vertices.dtype == mesh.normals.dtype == np.float32
        assert mesh.faces.dtype == np.int32
        assert mesh.vertices.shape == mesh.normals.shape
        assert len(mesh.faces)
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.vertices)
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)
        assert mesh.uv is None or mesh.uv.shape == (len(mesh.vertices), 2)
        assert all(0 <= channel <= 1 for channel in part.material.colour)
        assert 0 <= part.material.roughness <= 1
        assert 0 < part.material.opacity <= 1
        if part.material.texture is not None:
            assert part.material.texture.image.dtype == np.uint8
            assert part.material.texture.mapping == "box" or mesh.uv is not None
    np.testing.assert_allclose((low + high)[0] / 2, 0, atol=0.005)
    if model.mounting == "wall":
        assert high[1] == pytest.approx(0, abs=0.005)
        assert low[2] == pytest.approx(0, abs=0.005)
    elif model.mounting == "ceiling":
        assert high[2] == pytest.approx(0, abs=0.005)
    else:
        assert (low + high)[1] / 2 == pytest.approx(0, abs=0.005)
        assert low[2] == pytest.approx(0, abs=0.005)
    for support in model.supports:
        assert low[0] - 0.01 <= support.low[0] < support.high[0] <= high[0] + 0.01
        assert low[1] - 0.01 <= support.low[1] < support.high[1] <= high[1] + 0.01
        assert 0 < support.z <= high[2] + 0.01
        assert support.room > 0


@pytest.mark.parametrize("role", sorted(BUILT_HERE))
def test_every_role_builds_something_of_sensible_size(role):
    library = Library()
    for seed in SEEDS:
        model = library.build(role, rng(seed))
        check(model)
        assert sum(len(part.mesh.faces) for part in model.parts) < 30_000
        assert 0.02 < model.size.max() < LONGEST.get(role, 2.5), model.size
        assert model.label in {0, *(part.label for part in model.parts)}
        assert model.credit.licence == "MIT"


@pytest.mark.parametrize("role", sorted(BUILT_HERE))
def test_the_same_generator_gives_the_same_model(role):
    first, second = Library().build(role, rng(5)), Library().build(role, rng(5))
    assert first.name == second.name
    assert len(first.parts) == len(second.parts)
    for one, other in zip(first.parts, second.parts, strict=True):
        np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)
        np.testing.assert_array_equal(one.mesh.faces, other.mesh.faces)
        assert one.label == other.label
        assert one.material.colour == other.material.colour
        texture, same = one.material.texture, other.material.texture
        assert (texture is None and same is None) or (texture.name == same.name)


@pytest.mark.parametrize("role", sorted(BUILT_HERE))
def test_what_is_built_here_meets_the_size_asked_for(role):
    library = Library()
    for seed in SEEDS[:2]:
        wanted = library.build(role, rng(seed)).size * [1.06, 0.97, 1.04]
        model = library.build(role, rng(seed + 100), tuple(float(side) for side in wanted))
        np.testing.assert_allclose(model.size, wanted, atol=0.01)
        check(model)


def test_one_side_may_be_asked_for_alone():
    for role, axis, length in (("desk", 0, 1.33), ("window", 2, 1.21), ("door", 2, 2.08), ("curtain", 2, 2.4)):
        wanted = [None, None, None]
        wanted[axis] = length
        assert Library().build(role, rng(1), tuple(wanted)).size[axis] == pytest.approx(length, abs=0.01)


def test_all_classes_have_geometry_or_a_finish():
    library = Library()
    seen = {
        part.label for role in library.roles() for seed in range(8) for part in library.build(role, rng(seed)).parts
    }
    shell = {LABEL["wall"], LABEL["floor"], LABEL["ceiling"]}  # the room itself: materials alone
    assert seen | shell == set(range(NUM_CLASSES + 1))


@pytest.mark.parametrize(
    "role", ["desk", "dining_table", "coffee_table", "night_stand", "dresser", "bed", "sofa", "base_unit"]
)
def test_things_can_stand_on_it(role):
    for seed in SEEDS:
        assert Library().build(role, rng(seed)).supports


def test_a_table_carries_things_on_its_top():
    model = Library().build("dining_table", rng(3), (1.4, 0.8, 0.75))
    assert max(support.z for support in model.supports) == pytest.approx(0.75, abs=0.01)


def test_monitors_and_ovens_are_void():
    for role in ("monitor", "laptop", "keyboard"):
        assert {part.label for part in Library().build(role, rng()).parts} == {0}
    assert {part.label for part in Library().build("oven_unit", rng(1)).parts} <= {0, LABEL["counter"]}


def test_an_unknown_role_names_those_that_exist():
    with pytest.raises(InputError, match=r"No role 'sopha'.*sofa"):
        Library().build("sopha", rng())


@pytest.mark.parametrize("surface", finishes.SURFACES)
def test_finishes_are_drawn_for_every_kind_of_room(surface):
    names = set()
    for kind in ("bathroom", "kitchen", "office", "bedroom", "a room nobody named"):
        for seed in range(12):
            material = Library().finish(surface, kind, rng(seed))
            same = Library().finish(surface, kind, rng(seed))
            assert material.colour == same.colour
            assert material.name == same.name
            names.add(material.name)
    assert len(names) > 1
    with pytest.raises(InputError, match="No surface"):
        Library().finish("roof", "office", rng())


def volume(mesh: Mesh) -> float:
    """By the divergence theorem; positive where faces are counter-clockwise from outside."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


CLOSED = {
    "box": (meshes.box((1, 2, 3)), 6.0, 1e-6),
    "bevelled box": (meshes.box((1, 2, 3), (4, 5, 6), bevel=0.01), 6.0, 0.01),
    "cylinder": (meshes.cylinder(0.5, 2, 64), np.pi / 2, 0.01),
    "tube": (meshes.tube(np.array([[0, 0, 0], [0, 0, 1.0], [0, 0, 2.0]]), 0.1, 48), 0.02 * np.pi, 0.001),
    "rounded tube": (
        meshes.tube(np.array([[0, 0, 0], [0, 0, 1.0], [0, 0, 2.0]]), 0.1, 48, True),
        0.02 * np.pi + 4 / 3 * np.pi * 0.001,
        0.002,
    ),
    "ellipsoid": (meshes.moved(meshes.ellipsoid(rows=40, columns=60), scale=(1, 2, 0.5)), 4 / 3 * np.pi, 0.05),
    "disc": (meshes.extrude(meshes.rounded_outline(1, 1, 2.0, 64), 0.1), np.pi / 40, 0.001),
    "mirrored": (meshes.moved(meshes.box((1, 1, 1)), scale=(-1, 1, 1)), 1.0, 1e-6),
    "turned": (meshes.moved(meshes.box((1, 1, 1)), (1, 2, 3), meshes.rotation(0.3, 0.4, 0.5)), 1.0, 1e-5),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_meshes_face_outwards(name):
    mesh, expected, tolerance = CLOSED[name]
    assert volume(mesh) == pytest.approx(expected, abs=tolerance)
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), mesh.normals[mesh.faces].sum(1))
    assert (facing > 0).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_a_cylinder_keeps_the_edge_of_its_lid_and_a_ball_has_none():
    lid = meshes.cylinder(0.5, 1.0).normals
    assert (np.abs(lid[:, 2]) > 0.999).any()
    assert not ((np.abs(lid[:, 2]) > 0.1) & (np.abs(lid[:, 2]) < 0.9)).any()
    ball = meshes.ellipsoid()
    np.testing.assert_allclose(ball.normals, ball.vertices, atol=1e-5)


def test_a_box_shows_its_picture_upright_to_the_front():
    mesh = meshes.box((2, 0.1, 1))
    front = mesh.normals[:, 1] < -0.9
    assert mesh.uv is not None
    np.testing.assert_allclose(mesh.uv[front], mesh.vertices[front][:, [0, 2]] / [2, 1] + 0.5, atol=1e-6)


def test_textures_are_the_same_object_each_time_and_tile():
    assert pattern("wood", 1) is pattern("wood", 1)
    assert printed("art", 3) is printed("art", 3)
    assert pattern("wood", 1).name != pattern("wood", 1, upright=True).name
    image = pattern("plaster", 0).image.astype(int)
    seam, inside = np.abs(image[:, 0] - image[:, -1]).mean(), np.abs(np.diff(image, axis=1)).mean()
    assert seam < 2 * inside + 1


def test_an_assembly_stretches_its_supports_along():
    a = Assembly("table")
    a.box(chrome(), (1, 1, 1), (5, 5, 5))
    a.support((4.5, 4.5), (5.5, 5.5), 5.5)
    model = a.model("cube", size=(2.0, None, 3.0))
    np.testing.assert_allclose(model.size, [2, 1, 3], atol=1e-6)
    (support,) = model.supports
    np.testing.assert_allclose([*support.low, *support.high, support.z], [-1, -0.5, 1, 0.5, 3], atol=1e-6)


OBJ = """mtllib a.mtl
v 0 0 0
v 2 0 0
v 2 4 0
v 0 4 0
v 0 0 1
v 2 0 1
v 2 4 1
v 0 4 1
vt 0 0
vt 1 0
vt 1 1
usemtl wood
f 4/1 3/2 2/3 1
f 5 6 7 8
f 1 2 6 5
usemtl pillow case
f -6 -5 -1 -2
f 1 5 8 4
f 2 3 7 6
"""
MTL = "newmtl wood\nKd 0.5 0.25 0.1\nNs 96\nmap_Kd folder\\grain.jpg\nnewmtl pillow case\nKd 1 1 1\nd 0.3\n"


def test_obj_files_are_cut_into_triangles():
    model = wavefront.read_obj(OBJ)
    assert model.faces.shape == (12, 3)
    assert model.names == ("", "wood", "pillow case")
    assert (np.bincount(model.material) == [0, 6, 6]).all()
    assert model.uv.shape == (12, 3, 2)
    assert model.uv[0, 1].tolist() == [1, 0]
    looks = wavefront.read_mtl(MTL)
    assert looks["wood"].picture == "grain.jpg"
    assert looks["pillow case"].opacity == 0.3
    normals = wavefront.corner_normals(model)
    corner = model.positions[model.faces]
    flat = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, np.repeat(flat[:, None], 3, 1), atol=1e-9)  # a box keeps all its edges


def test_dense_models_are_thinned_and_keep_their_shape():
    ball = meshes.ellipsoid(rows=80, columns=120)
    count = len(ball.faces)
    flat, one = np.zeros((count, 3, 2)), np.zeros(count, int)
    dense = wavefront.Triangles(ball.vertices.astype(float), ball.faces.astype(int), flat, one, ("",))
    thin = wavefront.thinned(dense, 3000)
    assert 1500 < len(thin.faces) <= 3000
    np.testing.assert_allclose(np.linalg.norm(thin.positions[np.unique(thin.faces)], axis=1), 1, atol=0.03)
    assert wavefront.thinned(dense, 10**6) is dense


@pytest.fixture
def small_library(tmp_path):
    """A furniture library of three models, one with a licence file of its own that is not the library's."""
    text = "license=Public domain\n"
    with zipfile.ZipFile(tmp_path / "BlendSwap-CC-0.sh3f", "w") as archive:
        sizes = {"chair2": (40, 50, 90), "thonet": (50, 52, 75), "led_tv": (80, 14, 50)}
        for number, (key, size) in enumerate(sizes.items(), 1):
            text += f"model#{number}=/models/{key}/{key}.obj\nname#{number}={key.title()}\ncreator#{number}=Somebody\n"
            for name, side in zip(("width", "depth", "height"), size, strict=True):
                text += f"{name}#{number}={side}\n"
            archive.writestr(f"models/{key}/{key}.obj", OBJ)
            archive.writestr(f"models/{key}/{key}.mtl", MTL)
        archive.writestr("models/thonet/LICENSE.html", "Released under <b>Creative Commons Attribution 3.0</b>")
        archive.writestr("PluginFurnitureCatalog.properties", text)
    return tmp_path


def test_models_have_their_catalogue_size_and_their_own_licence(small_library):
    entries = models.catalogue(small_library / "BlendSwap-CC-0.sh3f")
    assert {key: entry.credit.licence for key, entry in entries.items()} == {
        "chair2": "CC0-1.0",
        "thonet": "CC-BY-3.0",
        "led_tv": "CC0-1.0",
    }
    assert entries["thonet"].credit.creator == "Somebody"
    catalogued = Catalogued(small_library, ("CC0-1.0",))
    assert [use.key for use, _ in catalogued.candidates("chair")] == ["chair2"]
    both = Catalogued(small_library, ("CC0-1.0", "CC-BY-3.0"))
    assert [use.key for use, _ in both.candidates("chair")] == ["chair2", "thonet"]
    ((use, entry),) = catalogued.candidates("chair", (0.42, None, None))
    for size, expected in (((None, None, None), (0.4, 0.5, 0.9)), ((0.42, None, None), (0.42, 0.5, 0.9))):
        model = catalogued.build(use, entry, rng(), size)
        check(model)
        np.testing.assert_allclose(model.size, expected, atol=1e-3)
    assert catalogued.candidates("chair", (0.8, None, None)) == []


def test_what_was_parsed_is_read_again_from_the_cache(small_library, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own cache"))
    entry = models.catalogue(small_library / "BlendSwap-CC-0.sh3f")["led_tv"]
    models.pieces.cache_clear()
    first = models.pieces(entry, 1000)
    assert len(list((tmp_path / "own cache" / "deresunet" / "rooms").glob("*.npz"))) == 1
    models.pieces.cache_clear()
    monkeypatch.setattr(models, "_parse", lambda *_: pytest.fail("parsed again"))
    for one, other in zip(first, models.pieces(entry, 1000), strict=True):
        np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)
        assert one.material == other.material or one.material.name == other.material.name


def test_a_file_that_is_no_library_is_refused(tmp_path):
    (tmp_path / "BlendSwap-CC-0.sh3f").write_text("no zip")
    with pytest.raises(InputError, match="sweethome3d-furniture"):
        Library(tmp_path)


@needs_furniture
def test_debians_library_is_filtered_by_each_models_own_licence():
    free = Catalogued(FURNITURE, ("CC0-1.0",))
    assert not any(use.key.startswith("winchester") for use, _ in free.candidates("sofa") + free.candidates("armchair"))
    paid = Catalogued(FURNITURE, ("CC0-1.0", "CC-BY-3.0"))
    credits = {use.key: entry.credit for use, entry in paid.candidates("sofa")}
    assert credits["winchesterSofa"].licence == "CC-BY-3.0"
    assert credits["winchesterSofa"].creator
    assert credits["couch"].licence == "CC0-1.0"


@needs_furniture
@pytest.mark.parametrize("role", ["bed", "chair", "desk", "sink_unit", "towel_rail", "toilet"])
def test_debians_models_stand_where_they_should(role):
    catalogued = Catalogued(FURNITURE, ("CC0-1.0",))
    use, entry = catalogued.candidates(role)[0]
    model = catalogued.build(use, entry, rng())
    check(model)
    np.testing.assert_allclose(model.size, entry.size, atol=0.03)
    assert sum(len(part.mesh.faces) for part in model.parts) <= use.most
    labels = {part.label for part in model.parts}
    expected = {"bed": {"bed", "pillow"}, "sink_unit": {"cabinet", "counter", "sink"}, "towel_rail": {"towel", "void"}}
    assert labels == {LABEL[name] for name in expected.get(role, {use.label})}
