"""Daylight, lamps, and what the room's surfaces pass on between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from train.rooms.placement import Placed, upright
from train.rooms.scene import Light, Material, Model, Part, Sky
from train.rooms.shell import Opening, Wall

Colour = tuple[float, float, float]
CEILING_ROLES = ("ceiling_lamp", "ceiling_panel", "pendant")
LAMP_ROLES = ("table_lamp", "desk_lamp", "floor_lamp")
MIN_AMBIENT = 0.01


@dataclass(frozen=True)
class Hour:
    """A time of day and its weather.

    Attributes:
        weight: how often.
        sky: Blender's skies that look like it.
        strength: range of the factor on the sky's radiance.
        daylight: range of the flux through a square metre of window [W / m2].
        kelvin: range of daylight's colour temperature.
        elevation: range of the sun's height [rad], or None where there is none to be seen.
        lamps: how often the ceiling's lamps are on.
    """

    weight: float
    sky: tuple[str, ...]
    strength: tuple[float, float]
    daylight: tuple[float, float]
    kelvin: tuple[float, float]
    elevation: tuple[float, float] | None
    lamps: float


HOURS: dict[str, Hour] = {
    "noon": Hour(3, ("city", "courtyard", "forest"), (1.0, 2.5), (25, 60), (5500, 6500), (0.6, 1.1), 0.5),
    "overcast": Hour(3.5, ("courtyard", "forest", "city"), (0.6, 1.6), (12, 35), (6500, 8500), None, 0.75),
    "low sun": Hour(1.5, ("sunrise", "sunset"), (0.8, 1.8), (15, 40), (3800, 5200), (0.12, 0.5), 0.6),
    "dusk": Hour(1.0, ("sunset", "night"), (0.15, 0.5), (2, 8), (7500, 11000), None, 0.97),
    "night": Hour(2.0, ("night",), (0.02, 0.1), (0.1, 0.6), (9000, 12000), None, 1.0),
}


def blackbody(kelvin: float) -> Colour:
    """Linear RGB of a black body, brightest channel 1.

    Planck's law at 610, 550 and 465 nm, relative to 6500 K, which is white.
    """
    wavelength = np.array([610e-9, 550e-9, 465e-9])

    def radiance(temperature: float) -> np.ndarray:
        return 1.0 / (np.exp(0.014388 / (wavelength * temperature)) - 1.0)

    colour = radiance(kelvin) / radiance(6500.0)
    red, green, blue = (float(value) for value in colour / colour.max())
    return red, green, blue


@dataclass(frozen=True)
class Lighting:
    """How a room is lit.

    Attributes:
        sky: outside.
        lights: in the room.
        off: lamps that do not shine, by their place in the plan.
        ambient: see `Scene`.
    """

    sky: Sky
    lights: tuple[Light, ...]
    off: frozenset[int]
    ambient: Colour


def light_room(
    rng: np.random.Generator,
    size: tuple[float, float, float],
    placed: Sequence[Placed],
    openings: Sequence[Opening],
    walls: Sequence[Wall],
    albedo: np.ndarray,
) -> Lighting:
    """Draw the time of day and what is switched on.

    Args:
        rng: source of randomness.
        size: X, Y, Z of the room [m].
        placed: all furniture, lamps among it.
        openings: windows among them.
        walls: that the openings are in.
        albedo: float (3,), mean reflectance of the room's surfaces, linear RGB.
    """
    names = list(HOURS)
    share = np.array([HOURS[name].weight for name in names])
    hour = HOURS[names[int(rng.choice(len(names), p=share / share.sum()))]]
    daylight = blackbody(rng.uniform(*hour.kelvin))
    sun = None
    turn = rng.uniform(-np.pi, np.pi)
    if hour.elevation is not None:
        height = rng.uniform(*hour.elevation)
        sun = (float(np.cos(turn) * np.cos(height)), float(np.sin(turn) * np.cos(height)), float(np.sin(height)))
    strength = float(rng.uniform(*hour.strength))
    level = min(1.0, 0.25 + 0.35 * strength)
    sky = Sky(
        hour.sky[int(rng.integers(len(hour.sky)))],
        float(turn),
        strength,
        (level * daylight[0], level * daylight[1], level * daylight[2]) if strength > 0.12 else (0.01, 0.012, 0.02),
        sun,
    )
    lights: list[Light] = []
    flux = rng.uniform(*hour.daylight)
    windows = [opening for opening in openings if opening.kind == "window"]
    for opening in windows:
        lights.append(_window(opening, walls[opening.wall], flux, daylight))
    warm = blackbody(rng.choice([rng.uniform(2600, 3300), rng.uniform(3300, 4300), rng.uniform(4300, 6500)]))
    # A room without daylight is never left without lamps.
    dark = flux * sum(o.width * (o.high - o.low) for o in windows) < 0.8 * size[0] * size[1]
    fixtures = [n for n, thing in enumerate(placed) if thing.role in CEILING_ROLES]
    small = [n for n, thing in enumerate(placed) if thing.role in LAMP_ROLES]
    by_lamps = bool(len(small) > 1 and rng.random() < 0.3)
    above = bool(fixtures) and not by_lamps and (dark or rng.random() < hour.lamps)
    off: set[int] = set() if above else set(fixtures)
    total = rng.uniform(3.0, 9.0) * size[0] * size[1]
    if above:
        lights += [_below(placed[n], warm, total / len(fixtures)) for n in fixtures]
    for n in small:
        if rng.random() < (0.95 if dark and not above else 0.45):
            lights += _lamp(placed[n], blackbody(rng.uniform(2500, 3500)), float(rng.uniform(4.0, 14.0)))
        else:
            off.add(n)
    if dark and not above and len(small) == len([n for n in small if n in off]):
        # No lamp in sight shines: light falls in from one behind the camera's back, as from the next room.
        x, y, z = size
        lights.append(Light(_looking_down(x / 2, y / 2, z - 0.05), (0.5 * x, 0.5 * y), warm, float(total), "ceiling"))
    return Lighting(sky, tuple(lights), frozenset(off), ambient(lights, size, albedo))


def ambient(lights: Sequence[Light], size: tuple[float, float, float], albedo: np.ndarray) -> Colour:
    """Mean radiance that surfaces exchange, linear RGB [W / (sr m2)].

    A closed room of area A and mean reflectance rho that takes in the flux P holds the mean irradiance of reflected
    light E = P rho / (A (1 - rho)), as an integrating sphere does; a diffuse surface passes on E / pi.
    """
    x, y, z = size
    area = 2 * (x * y + x * z + y * z)
    flux = np.sum([light.power * np.array(light.colour) for light in lights], 0) if lights else np.zeros(3)
    rho = np.clip(albedo, 0.05, 0.85)
    red, green, blue = (float(v) for v in np.maximum(flux * rho / (area * (1 - rho)) / np.pi, MIN_AMBIENT))
    return red, green, blue


def _looking_down(x: float, y: float, z: float, yaw: float = 0.0) -> np.ndarray:
    return upright(yaw, (x, y, z))


def _window(opening: Opening, wall: Wall, flux: float, colour: Colour) -> Light:
    """Daylight just inside the glass, shining into the room."""
    x, y = wall.point(opening.u, 0.02)
    pose = np.eye(4)
    normal = np.array([*wall.normal, 0.0])
    pose[:3, 0] = (*wall.along, 0.0)
    pose[:3, 2] = -normal
    pose[:3, 1] = np.cross(pose[:3, 2], pose[:3, 0])
    height = opening.high - opening.low
    pose[:3, 3] = (x, y, opening.low + height / 2)
    return Light(pose, (opening.width, height), colour, float(flux * opening.width * height), "window")


def _below(lamp: Placed, colour: Colour, power: float) -> Light:
    half = lamp.box.half
    pose = _looking_down(lamp.box.x, lamp.box.y, lamp.box.low - 0.01, lamp.yaw)
    return Light(pose, (1.8 * half[0], 1.8 * half[1]), colour, float(power), "ceiling")


def _lamp(lamp: Placed, colour: Colour, power: float) -> list[Light]:
    """A lampshade: most of its light falls, some rises."""
    width = float(np.clip(min(lamp.box.half), 0.05, 0.15)) * 1.4
    height = lamp.box.high - lamp.box.low
    down = _looking_down(lamp.box.x, lamp.box.y, lamp.box.low + 0.62 * height)
    up = _looking_down(lamp.box.x, lamp.box.y, lamp.box.high + 0.01) @ np.diag([1.0, -1.0, -1.0, 1.0])
    return [
        Light(down, (width, width), colour, 0.6 * power, "lamp"),
        Light(up, (width, width), colour, 0.4 * power, "lamp"),
    ]


def switched_off(model: Model) -> Model:
    """The same lamp without emission."""

    def dull(material: Material) -> Material:
        return replace(material, emission=0.0) if material.emission > 0 else material

    parts = tuple(Part(part.mesh, dull(part.material), part.label) for part in model.parts)
    return replace(model, parts=parts)


def reflectance(material: Material) -> np.ndarray:
    """float64 (3,): mean linear RGB of a material, its texture's mean included."""
    colour = np.array(material.colour, float)
    if material.texture is not None:
        image = material.texture.image[::8, ::8].reshape(-1, 3) / 255.0
        # sRGB's curve, near enough for a mean.
        colour = colour * (image**2.2).mean(0)
    return colour
