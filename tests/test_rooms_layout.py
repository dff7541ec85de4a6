"""Rooms hold together: nothing meets, nothing floats, ways are free, cameras see something, seeds repeat."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from rooms_standin import StandIn

from deresunet.classes import CLASSES
from deresunet.errors import InputError
from train.rooms import shape, statistics
from train.rooms.furnisher import Furnisher
from train.rooms.kinds import KINDS
from train.rooms.layout import furnish
from train.rooms.lighting import ambient, blackbody
from train.rooms.meshes import moved
from train.rooms.openings import Glazing, cut_openings
from train.rooms.placement import Box, Boxes, Plan, upright
from train.rooms.scene import Light, Material, Scene
from train.rooms.shape import Shape
from train.rooms.shell import SEAM, THICKNESS, Opening, outer_walls, wall_mesh
from train.rooms.viewpoint import LENSES, MIN_CLASSES, choose_view, see
from train.rooms.viewpoint import Boxes as ViewBoxes
from train.rooms.wishes import WISHES, draw_kind

LIBRARY = StandIn()
SEEDS = range(20)
SHELL = ("floor", "ceiling", "wall", "pillar", "partition", "hall wall", "hall floor", "hall ceiling")
INSIDE_WALLS = ("window", "door", "double_door", "glass_door")
TOLERANCE = 0.004


@functools.cache
def room(kind: str, seed: int) -> Scene:
    return furnish(seed, LIBRARY, kind)


def furniture(scene: Scene):
    return [thing for thing in scene.objects if thing.name not in SHELL]


def boxes_of_parts(scene: Scene):
    """Oriented boxes of all parts: centre (N, 3), rotation (N, 3, 3), half (N, 3), owner (N,); parts are boxes here."""
    centre, turn, half, owner = [], [], [], []
    for number, thing in enumerate(furniture(scene)):
        if thing.name in INSIDE_WALLS:
            continue
        for part in thing.parts:
            points = part.mesh.vertices.astype(float)
            # Leaning cushions are boxes about another axis: their bounds would be larger than they are.
            low, high = points.min(0), points.max(0)
            centre.append(thing.pose[:3, :3] @ ((low + high) / 2) + thing.pose[:3, 3])
            turn.append(thing.pose[:3, :3])
            half.append((high - low) / 2)
            owner.append(number)
    return np.array(centre), np.array(turn), np.array(half), np.array(owner)


def penetration(a, b):
    """How far two oriented boxes reach into each other along the axis that parts them best, by all 15 axes [m]."""
    (ca, ra, ha), (cb, rb, hb) = a, b
    axes = [*ra.T, *rb.T, *(np.cross(x, y) for x in ra.T for y in rb.T)]
    depth = np.inf
    for axis in axes:
        length = np.linalg.norm(axis)
        if length < 1e-6:
            continue
        reach = np.abs(axis @ ra) @ ha + np.abs(axis @ rb) @ hb
        depth = min(depth, (reach - abs(axis @ (cb - ca))) / length)
    return depth


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_room_furnishes(kind):
    for seed in SEEDS:
        scene = room(kind, seed)
        assert scene.kind == kind
        assert [thing.id for thing in scene.objects] == list(range(1, len(scene.objects) + 1))
        assert len(furniture(scene)) > 8
        assert scene.lights
        names = {thing.name for thing in scene.objects}
        assert all(names.intersection(group) for group in KINDS[kind].essential)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_intersects(kind):
    for seed in range(4):
        scene = room(kind, seed)
        names = [thing.name for thing in furniture(scene)]
        centre, turn, half, owner = boxes_of_parts(scene)
        reach = np.einsum("nij,nj->ni", np.abs(turn), half)
        for i in range(len(centre)):
            near = (np.abs(centre - centre[i]) < reach + reach[i]).all(1) & (owner > owner[i])
            for j in np.flatnonzero(near):
                depth = penetration((centre[i], turn[i], half[i]), (centre[j], turn[j], half[j]))
                assert depth < TOLERANCE, (seed, names[owner[i]], names[owner[j]], depth)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_leaves_the_room_or_stands_in_a_pillar(kind):
    for seed in SEEDS:
        scene = room(kind, seed)
        solid = Boxes()
        for thing in scene.objects:
            if thing.name in ("pillar", "partition"):
                low, high = (
                    np.min([part.mesh.vertices.min(0) for part in thing.parts[:1]], 0),
                    np.max([part.mesh.vertices.max(0) for part in thing.parts[:1]], 0),
                )
                middle, half = (low + high) / 2, (high - low) / 2
                solid.add(Box(float(middle[0]), float(middle[1]), 0.0, (half[0], half[1]), low[2], high[2]))
        for thing in furniture(scene):
            if thing.name in INSIDE_WALLS:
                continue
            centre, basis, half = thing.box
            reach = np.abs(basis.T) @ half
            assert (centre - reach > -TOLERANCE).all(), thing.name
            assert (centre + reach < np.array(scene.size) + TOLERANCE).all(), thing.name
            yaw = float(np.arctan2(basis[0, 1], basis[0, 0]))
            box = Box(*centre[:2], yaw, (half[0], half[1]), centre[2] - half[2], centre[2] + half[2])
            assert not solid.overlaps(box, slack=TOLERANCE).any(), thing.name


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_floats(kind):
    """Everything stands on the floor or on a part's upper side, has its back to a wall, or touches the ceiling."""
    for seed in range(6):
        scene = room(kind, seed)
        tops = [(np.zeros(3), np.eye(3), np.array([99.0, 99.0, 0.0]))]
        for thing in furniture(scene):
            for part in thing.parts:
                low, high = part.mesh.vertices.min(0).astype(float), part.mesh.vertices.max(0).astype(float)
                middle = thing.pose[:3, :3] @ [*(low + high)[:2] / 2, high[2]] + thing.pose[:3, 3]
                tops.append((middle, thing.pose[:3, :3], (high - low) / 2))
        for thing in furniture(scene):
            mounting = LIBRARY.table[thing.name][0]
            centre, basis, half = thing.box
            if mounting == "wall":
                if thing.name in INSIDE_WALLS:
                    continue
                back = (centre + basis[1] * half[1])[:2]
                gap = [abs(value) for value in (back[0], back[1], scene.size[0] - back[0], scene.size[1] - back[1])]
                for block in scene.objects:
                    if block.name in ("pillar", "partition"):
                        away, _, extent = block.box
                        gap.append(float(np.linalg.norm(np.maximum(np.abs(back - away[:2]) - extent[:2], 0))))
                # Curtains hang from a rod before the blinds.
                assert min(gap) < (0.16 if thing.name == "curtain" else 0.01), (seed, thing.name)
            elif mounting == "ceiling":
                assert abs(centre[2] + half[2] - scene.size[2]) < TOLERANCE, (seed, thing.name)
            else:
                bottom = centre[2] - half[2]
                carried = False
                for middle, turn, extent in tops:
                    if abs(middle[2] - bottom) < TOLERANCE:
                        local = turn.T @ (centre - middle)
                        carried |= bool((np.abs(local[:2]) < extent[:2] + TOLERANCE).all())
                assert carried or thing.name == "person_sitting", (seed, thing.name, bottom)


@pytest.mark.parametrize("kind", KINDS)
def test_doors_and_windows_are_free(kind):
    for seed in SEEDS:
        scene = room(kind, seed)
        others = [
            thing
            for thing in furniture(scene)
            if thing.name not in (*INSIDE_WALLS, "curtain", "blinds", "rug", "bath_mat")
        ]
        solid = Boxes()
        for thing in others:
            centre, basis, half = thing.box
            yaw = float(np.arctan2(basis[0, 1], basis[0, 0]))
            solid.add(Box(*centre[:2], yaw, (half[0], half[1]), centre[2] - half[2], centre[2] + half[2]))
        for thing in furniture(scene):
            if thing.name not in INSIDE_WALLS:
                continue
            centre, basis, half = thing.box
            yaw = float(np.arctan2(basis[0, 1], basis[0, 0]))
            low = centre[2] - half[2]
            # Before the wall's face: half a metre for whoever opens a door, nothing right before the glass.
            inwards = -basis[1, :2]
            wall = np.array(
                [
                    max(-c, 0) if n > 0 else max(c - s, 0)
                    for c, s, n in zip(centre[:2], scene.size[:2], inwards, strict=True)
                ]
            )
            depth = 0.5 if thing.name != "window" else 0.05
            middle = centre[:2] + inwards * (wall.max() + depth / 2 + 0.06)
            zone = Box(*middle, yaw, (half[0] - 0.05, depth / 2), low + 0.05, min(centre[2] + half[2] - 0.1, 1.9))
            hit = [others[n].name for n in np.flatnonzero(solid.overlaps(zone, slack=0.02))]
            assert not hit, (seed, thing.name, hit)


@pytest.mark.parametrize("kind", KINDS)
def test_cameras_stand_free_and_see_four_classes(kind):
    for seed in SEEDS:
        scene = room(kind, seed)
        camera = choose_view(scene, np.random.default_rng(seed))
        boxes = ViewBoxes.of(scene)
        position = camera.pose[:3, 3]
        assert boxes.distance(position).min() > 0.05
        assert (position > 0).all()
        assert (position < scene.size).all()
        sight = see(boxes, camera, 32, 24)
        assert sight.classes >= MIN_CLASSES, seed
        assert sight.clear, seed
        assert np.allclose(camera.pose[:3, :3] @ camera.pose[:3, :3].T, np.eye(3))
        assert 0.5 <= position[2] <= 2.0
        assert np.linalg.det(camera.pose[:3, :3]) > 0
        assert camera.pose[2, 1] < 0, "the picture's down is the room's down"


def test_a_chosen_sensor_is_kept():
    scene = room("bedroom", 0)
    for name, lens in LENSES.items():
        camera = choose_view(scene, np.random.default_rng(1), name)
        assert (camera.sensor, camera.width, camera.height) == (name, lens.width, lens.height)
        assert lens.focal[0] <= camera.intrinsics[0, 0] <= lens.focal[1]


def test_rays_meet_a_box_where_it_is():
    scene = room("bathroom", 1)
    boxes = ViewBoxes(
        np.array([[2.0, 0, 0], [4.0, 0, 0]], np.float32),
        np.stack([np.eye(3)] * 2).astype(np.float32),
        np.array([[0.5, 1, 1], [0.1, 9, 9]], np.float32),
        np.array([4, 1]),
    )
    rows, depth = boxes.cast(np.zeros(3), np.array([[1.0, 0, 0], [1.0, 0.9, 0], [-1.0, 0, 0], [1.0, 0.6, 0]]))
    assert rows.tolist() == [0, 1, -1, 0]
    assert depth[[0, 1, 3]] == pytest.approx([1.5, 3.9, 1.5], abs=1e-5)
    assert np.isinf(depth[2])
    assert len(ViewBoxes.of(scene).label) == len(scene.objects)


@pytest.mark.parametrize("kind", ["bedroom", "office", None])
def test_a_seed_gives_the_same_room_and_another_seed_another(kind):
    one, two, other = furnish(5, StandIn(), kind), furnish(5, StandIn(), kind), furnish(6, StandIn(), kind)
    assert one.size == two.size
    assert [(thing.id, thing.name, thing.label) for thing in one.objects] == [
        (thing.id, thing.name, thing.label) for thing in two.objects
    ]
    for a, b in zip(one.objects, two.objects, strict=True):
        assert np.array_equal(a.pose, b.pose)
        for p, q in zip(a.parts, b.parts, strict=True):
            assert np.array_equal(p.mesh.vertices, q.mesh.vertices)
            assert p.material.colour == q.material.colour
    for a, b in zip(one.lights, two.lights, strict=True):
        assert np.array_equal(a.pose, b.pose)
        assert a.power == b.power
    assert one.ambient == two.ambient
    cameras = [choose_view(scene, np.random.default_rng(3)) for scene in (one, two)]
    assert np.array_equal(cameras[0].pose, cameras[1].pose)
    assert np.array_equal(cameras[0].intrinsics, cameras[1].intrinsics)
    assert other.size != one.size


def test_unknown_rooms_and_classes_are_refused():
    with pytest.raises(InputError, match=r"spaceship.*bedroom"):
        furnish(0, LIBRARY, "spaceship")
    with pytest.raises(InputError, match="38"):
        furnish(0, LIBRARY, wanted=(38,))


def test_wanted_classes_are_brought_in():
    label = CLASSES.index("person") + 1
    plain = sum(any(thing.label == label for thing in room("bedroom", seed).objects) for seed in SEEDS)
    asked = sum(
        any(thing.label == label for thing in furnish(seed, LIBRARY, "bedroom", wanted=(label,)).objects)
        for seed in SEEDS
    )
    assert plain < 14
    assert asked >= 19


def test_wanted_classes_choose_the_room_that_has_them():
    toilet = CLASSES.index("toilet") + 1
    plain = sum(draw_kind(np.random.default_rng(seed)) == "bathroom" for seed in range(300))
    asked = sum(draw_kind(np.random.default_rng(seed), (toilet,)) == "bathroom" for seed in range(300))
    assert asked > 1.5 * plain > 0
    assert furnish(3, LIBRARY, wanted=(toilet,)).kind == draw_kind(np.random.default_rng(3), (toilet,))


def test_every_wish_is_granted_somewhere():
    for label, wish in WISHES.items():
        kinds = wish.kinds or ("bedroom",)
        scenes = (furnish(seed, LIBRARY, kinds[seed % len(kinds)], wanted=(label,)) for seed in range(8))
        assert any(thing.label == label for scene in scenes for thing in scene.objects), CLASSES[label - 1]


def test_boxes_overlap_as_their_axes_say():
    boxes = Boxes()
    boxes.add(Box(0.0, 0.0, 0.0, (1.0, 1.0), 0.0, 1.0))
    corner = np.sqrt(2.0)
    for box, expected in (
        (Box(1.5, 0.0, 0.0, (0.5, 0.5), 0.0, 1.0), False),  # touches
        (Box(1.45, 0.0, 0.0, (0.5, 0.5), 0.0, 1.0), True),
        (Box(0.0, 0.0, 0.0, (0.5, 0.5), 1.0, 2.0), False),  # stands on it
        (Box(1.0 + corner / 2 - 0.02, 0.0, np.pi / 4, (0.5, 0.5), 0.0, 1.0), True),
        (Box(1.0 + corner / 2 + 0.02, 0.0, np.pi / 4, (0.5, 0.5), 0.0, 1.0), False),
        # Their boxes along the axes overlap, they do not.
        (Box(1.5, 1.5, np.pi / 4, (0.5, 0.5), 0.0, 1.0), False),
    ):
        assert boxes.overlaps(box).tolist() == [expected], box


def test_boxes_overlap_where_their_rectangles_share_an_area():
    rng = np.random.default_rng(0)
    boxes, outlines = Boxes(), []
    for number in range(81):  # a few stand apart, most of those near by do not
        x, y, yaw, *half = (
            float(value) for value in (*rng.uniform(0, 3, 2), rng.uniform(-4, 4), *rng.uniform(0.1, 0.8, 2))
        )
        outlines.append(((x, y), (2 * half[0], 2 * half[1]), float(np.degrees(yaw))))
        if number < 80:
            boxes.add(Box(x, y, yaw, (half[0], half[1]), 0.0, 1.0))
    found = boxes.overlaps(Box(x, y, yaw, (half[0], half[1]), 0.5, 1.5), slack=0.0)
    shared = [cv2.rotatedRectangleIntersection(outlines[-1], outline)[0] != 0 for outline in outlines[:-1]]
    assert found.tolist() == shared
    assert 5 < sum(shared) < 75


def test_shapes_go_by_meshes_and_are_kept_within_a_bound():
    chair, other = (LIBRARY.build("chair", np.random.default_rng(seed)) for seed in (0, 1))
    painted = replace(chair, parts=tuple(replace(part, material=Material("paint")) for part in chair.parts))
    assert Shape.of(painted) is Shape.of(chair)
    assert Shape.of(other) is not Shape.of(chair)
    stretched = replace(chair, parts=tuple(replace(part, mesh=moved(part.mesh, scale=1.5)) for part in chair.parts))
    assert (np.array(Shape.of(stretched).filled.shape) > Shape.of(chair).filled.shape).all()
    assert shape._shape.cache_info().maxsize == shape.SHAPES


def test_a_plan_keeps_the_way_to_the_door():
    """A row of cabinets that would wall off half of the room ends before it does."""
    plan = Plan((4.0, 4.0, 2.5))
    plan.keep_free(Box(2.0, 0.4, 0.0, (0.5, 0.4), 0.0, 2.0), gate=True)
    model = LIBRARY.build("cabinet", np.random.default_rng(0))
    placed = [plan.put(model, "cabinet", 0.0, (0.45 + 0.92 * number, 2.0, 0.0), loose=True) for number in range(4)]
    assert [item is not None for item in placed] == [True, True, True, False]


def test_a_chair_goes_under_a_table_but_not_into_its_legs():
    plan = Plan((4.0, 4.0, 2.5))
    rng = np.random.default_rng(0)
    room_ = Furnisher("office", rng, LIBRARY, plan, outer_walls(4.0, 4.0), [])
    desk = plan.put(LIBRARY.build("desk", rng), "desk", 0.0, (2.0, 2.0, 0.0))
    chair = LIBRARY.build("chair", rng)
    turned = np.pi
    # Its seat under the top, its back before the edge.
    assert plan.put(chair, "chair", turned, (2.0, 1.45, 0.0), nested=(desk,), loose=True) is not None
    assert plan.put(chair, "chair", turned, (2.68, 1.5, 0.0), nested=(desk,), loose=True) is None
    assert plan.put(chair, "chair", turned, (2.55, 1.45, 0.0), loose=True) is None, "not nested: not under it"
    assert room_.seat(plan.placed[1]) is not None


def test_walls_are_cut_and_closed():
    """The face and the opening together have the wall's area; the reveal runs outwards."""
    wall = outer_walls(4.0, 3.0)[0]
    cut = Opening(0, 2.0, 1.0, 0.8, 2.0, "window", 0.2)
    mesh = wall_mesh(wall, 2.5, [cut])
    corners = mesh.vertices[mesh.faces].astype(float)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    face = np.abs(corners[:, :, 1] - 3.0).max(1) < 1e-6
    outer = np.abs(corners[:, :, 1] - 3.0 - THICKNESS).max(1) < 1e-6
    expected = (4.0 + 2 * THICKNESS) * (2.5 + 2 * THICKNESS) - 1.2
    assert area[face].sum() == pytest.approx(expected, abs=1e-4)
    assert area[outer].sum() == pytest.approx(expected, abs=1e-4)
    reveal = ~face & ~outer
    assert area[reveal].sum() == pytest.approx((0.2 + SEAM) * 2 * (1.0 + 1.2), abs=1e-4)
    assert corners[reveal, :, 1].max() == pytest.approx(3.2 + SEAM)
    assert (mesh.normals[mesh.faces[face, 0], 1] == -1).all()
    assert (mesh.normals[mesh.faces[outer, 0], 1] == 1).all()
    # From within the opening all reveals are seen from their front.
    middle = np.array([2.0, 3.1, 1.4])
    towards = np.einsum("fi,fi->f", mesh.normals[mesh.faces[:, 0]], middle - corners.mean(1))
    assert (towards[reveal] > 0).all()


def test_a_kitchen_has_one_worktop_and_a_room_one_kind_of_curtain():
    """The stand-in draws a colour for each piece; what belongs together is given that of the first."""
    several = 0
    for kind, name in (("kitchen", "base_unit"), ("living_room", "curtain")):
        for seed in range(6):
            pieces = [thing for thing in room(kind, seed).objects if thing.name == name]
            several += len(pieces) > 1
            assert len({thing.parts[0].material.colour for thing in pieces}) <= 1
    assert several > 4


def test_openings_stay_apart():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        walls = outer_walls(5.0, 4.0)
        cuts = cut_openings(rng, Glazing(windows=(1, 3), doors=(1, 2)), walls, [], 2.6)
        assert any(cut.kind != "window" for cut in cuts)
        for i, a in enumerate(cuts):
            assert a.width / 2 < a.u < walls[a.wall].length - a.width / 2
            assert a.high < 2.6
            for b in cuts[i + 1 :]:
                assert a.wall != b.wall or abs(a.u - b.u) > (a.width + b.width) / 2


def test_light_is_what_was_computed_by_hand():
    """A cube of 2 m, half of the light reflected: E = P 0.5 / (24 * 0.5) = P / 24."""
    light = Light(upright(0.0, (1.0, 1.0, 1.9)), (1.0, 1.0), (1.0, 0.5, 0.25), 24.0 * np.pi, "ceiling")
    assert ambient([light], (2.0, 2.0, 2.0), np.full(3, 0.5)) == pytest.approx((1.0, 0.5, 0.25))
    red, _, blue = blackbody(2700)
    assert red == 1.0
    assert blue < 0.4
    assert blackbody(6500) == pytest.approx((1.0, 1.0, 1.0))
    assert blackbody(10000)[2] == 1.0


def test_lamps_that_are_off_do_not_shine():
    """Emission is kept exactly where a light of that lamp is."""
    states = set()
    for seed in SEEDS:
        scene = room("bedroom", seed)
        for thing in scene.objects:
            if thing.name in ("table_lamp", "floor_lamp"):
                shines = thing.parts[0].material.emission > 0
                at = [
                    light
                    for light in scene.lights
                    if light.kind == "lamp" and np.linalg.norm(light.pose[:2, 3] - thing.pose[:2, 3]) < 0.01
                ]
                assert shines == bool(at), seed
                states.add(shines)
    assert states == {True, False}


def test_rooms_vary_in_shape_and_light():
    scenes = [room(kind, seed) for kind in ("bedroom", "living_room") for seed in SEEDS]
    names = [{thing.name for thing in scene.objects} for scene in scenes]
    assert any("pillar" in found or "partition" in found for found in names)
    assert any("hall floor" in found for found in names)
    brightest = [max(scene.ambient) for scene in scenes]
    assert max(brightest) > 3 * min(brightest)
    assert len({scene.sky.name for scene in scenes}) >= 4


def _labels(folder, values):
    folder.mkdir()
    for number, rows in enumerate(values):
        Image.fromarray(np.array(rows, np.uint8)).save(folder / f"{number}.png")


def test_shares_of_a_small_folder(tmp_path):
    """By hand: 12 pixels, 8 labelled: 4 wall, 3 bed, 1 bag; 40, 38 and 0 are void."""
    _labels(tmp_path / "label", [[[1, 1, 4], [4, 0, 38]], [[1, 1, 4], [37, 40, 0]]])
    counts = statistics.count_pixels(tmp_path / "label")
    assert counts[[0, 1, 4, 37]].tolist() == [4, 4, 3, 1]
    assert counts.sum() == 12
    meta = tmp_path / "meta.json"
    names = ["void", *(name.replace("_", " ") for name in CLASSES), "otherstructure", "otherfurniture", "otherprop"]
    pixels = [5, *([10] * 37), 1, 2, 3]
    meta.write_text(json.dumps({"classes40": names, "train_pixels40": pixels}))
    there = statistics.reference_pixels(meta)
    assert there.tolist() == [11, *([10] * 37)]
    rows = statistics.compare(counts, there)
    assert [row.name for row in rows[:2]] == ["wall", "floor"]
    assert (rows[0].here, rows[0].there, rows[0].ratio) == pytest.approx((0.5, 1 / 37, 18.5))
    assert (rows[3].here, rows[3].ratio) == pytest.approx((0.375, 13.875))
    assert rows[1].ratio == 0.0
    text = statistics.table(rows)
    assert "| wall | 50.00 | 2.70 | 18.50 |" in text
    assert len(text.splitlines()) == 39


def test_what_cannot_be_counted_is_refused(tmp_path):
    with pytest.raises(InputError, match="no labels"):
        statistics.count_pixels(tmp_path)
    meta = tmp_path / "meta.json"
    meta.write_text(json.dumps({"classes40": ["void"], "train_pixels40": [1]}))
    with pytest.raises(InputError, match="1 counts"):
        statistics.reference_pixels(meta)
    with pytest.raises(InputError, match="37"):
        statistics.lift(np.ones(3))


def test_the_sampler_lifts_rare_classes():
    rare, common = CLASSES.index("towel"), CLASSES.index("chair")
    shares = np.full(37, 1.0)
    shares[rare], shares[common] = 0.01, 10.0
    shares /= shares.sum()
    target = np.full(37, 1 / 37)
    chances = statistics.lift(shares, target)
    assert chances.sum() == pytest.approx(1.0)
    assert chances[CLASSES.index("wall")] == 0.0
    # (1 / 0.01) ** 0.5 = 10 times a class that is as wanted, and that (10 / 1) ** 0.5 times the common one; capped at 8
    # times the mean.
    assert chances[rare] / chances[CLASSES.index("books")] > 5
    assert chances[CLASSES.index("books")] / chances[common] == pytest.approx(np.sqrt(10))
    drawn = [statistics.wanted_classes(seed, shares, target) for seed in range(300)]
    assert sum(rare + 1 in found for found in drawn) > 4 * sum(common + 1 in found for found in drawn)
    assert drawn[7] == statistics.wanted_classes(7, shares, target)
    assert len(set(drawn)) > 200


def test_the_sampler_works_before_anything_was_rendered():
    drawn = [statistics.wanted_classes(seed) for seed in range(400)]
    counts = np.bincount([label for found in drawn for label in found], minlength=38)
    assert counts[CLASSES.index("lamp") + 1] > counts[CLASSES.index("cabinet") + 1]
    assert counts[1] == counts[2] == counts[22] == 0
    assert np.mean([len(found) for found in drawn]) == pytest.approx(4.0, abs=0.4)
