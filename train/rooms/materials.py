"""Materials in the colours that rooms have: woods, whites, greys, blacks, beiges, and now and then a strong one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.rooms.prints import printed
from train.rooms.scene import Material, Texture
from train.rooms.textures import pattern

Colour = tuple[float, float, float]
VARIANTS = 3  # textures of a kind; renderers keep them all


def linear(red: float, green: float, blue: float) -> Colour:
    """From sRGB 0..255 to linear 0..1 (IEC 61966-2-1)."""
    value = np.array([red, green, blue]) / 255
    value = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(value[0]), float(value[1]), float(value[2])


WOODS = (
    (176, 128, 84), (198, 156, 109), (150, 98, 60), (110, 70, 44), (222, 190, 150), (92, 62, 45), (66, 45, 36),
    (190, 170, 145), (168, 112, 66), (130, 84, 52),
)  # fmt: skip
WHITES = ((240, 238, 232), (245, 245, 243), (232, 228, 218), (226, 226, 224))
GREYS = ((190, 190, 188), (150, 150, 150), (112, 112, 114), (82, 83, 86), (60, 60, 63))
BLACKS = ((30, 30, 32), (22, 22, 24), (42, 40, 40))
BEIGES = ((214, 198, 172), (196, 178, 150), (180, 160, 132), (222, 212, 192), (160, 138, 112))
BLUES = ((52, 68, 102), (70, 98, 140), (110, 140, 172), (36, 46, 70), (120, 132, 148))
REDS = ((140, 40, 40), (112, 34, 40), (170, 62, 50), (186, 96, 70), (150, 84, 84))
GREENS = ((74, 92, 66), (98, 116, 88), (52, 76, 62), (132, 142, 106), (60, 90, 50))
BROWNS = ((100, 72, 54), (78, 56, 44), (128, 96, 72), (66, 50, 42), (146, 112, 82))
BRIGHTS = ((206, 60, 44), (226, 170, 48), (40, 110, 180), (60, 140, 80), (214, 110, 50), (150, 60, 120), (40, 140, 150))
SKINS = (
    (236, 196, 170),
    (222, 178, 148),
    (198, 150, 118),
    (164, 116, 84),
    (122, 82, 58),
    (88, 58, 42),
    (240, 206, 184),
)
HAIRS = ((30, 24, 22), (52, 38, 30), (86, 60, 42), (150, 116, 74), (120, 110, 104), (186, 182, 176), (104, 52, 34))

_CLOTH = (BLUES, GREYS, BLACKS, WHITES, BEIGES, REDS, GREENS, BROWNS, BRIGHTS)
_CLOTH_SHARES = (0.18, 0.16, 0.13, 0.14, 0.11, 0.09, 0.07, 0.06, 0.06)
_UPHOLSTERY_SHARES = (0.12, 0.2, 0.12, 0.06, 0.17, 0.08, 0.07, 0.15, 0.03)


def pick(rng: np.random.Generator, *palettes: Sequence[tuple[int, int, int]], jitter: float = 10.0) -> Colour:
    """A colour of one of the palettes, each as likely as the next, a little changed; linear RGB."""
    palette = palettes[int(rng.integers(len(palettes)))]
    base = np.array(palette[int(rng.integers(len(palette)))], float)
    base = np.clip(base + rng.normal(0, jitter / 2) + rng.normal(0, jitter / 4, 3), 8, 250)
    return linear(*base)


def cloth_colour(rng: np.random.Generator, upholstery: bool = False) -> Colour:
    """A colour of clothes, or of chairs and sofas; linear RGB."""
    shares = _UPHOLSTERY_SHARES if upholstery else _CLOTH_SHARES
    return pick(rng, _CLOTH[int(rng.choice(len(_CLOTH), p=shares))])


def _variant(rng: np.random.Generator, kind: str, scale: float = 1.0, upright: bool = False) -> Texture:
    return pattern(kind, int(rng.integers(VARIANTS)), scale, upright)


def wood(rng: np.random.Generator, upright: bool = False, tone: Colour | None = None) -> Material:
    """Wood, its grain along x or upright."""
    tone = pick(rng, WOODS) if tone is None else tone
    return Material(
        "wood", tone, float(rng.uniform(0.35, 0.6)), texture=_variant(rng, "wood", 1.0, upright), bump=0.0002
    )


def lacquer(rng: np.random.Generator) -> Material:
    """Painted furniture: mostly white, else grey, black or a colour."""
    palette = (WHITES, WHITES, GREYS, BLACKS, BEIGES, BLUES, GREENS)[
        int(rng.choice(7, p=[0.34, 0.2, 0.14, 0.12, 0.1, 0.06, 0.04]))
    ]
    return Material("lacquer", pick(rng, palette, jitter=6), float(rng.uniform(0.25, 0.5)))


def board(rng: np.random.Generator, painted: float = 0.35, upright: bool = False) -> Material:
    """What furniture is built of: wood, or lacquer with probability `painted`."""
    return lacquer(rng) if rng.random() < painted else wood(rng, upright)


def fabric(rng: np.random.Generator, colour: Colour | None = None) -> Material:
    """Upholstery cloth."""
    colour = cloth_colour(rng, upholstery=True) if colour is None else colour
    kind = str(
        rng.choice(
            ["weave", "weave", "weave", "leather", "checks", "stripes", "fur"],
            p=[0.3, 0.25, 0.15, 0.18, 0.03, 0.05, 0.04],
        )
    )
    rough = 0.45 if kind == "leather" else 0.92
    return Material(kind, colour, rough, texture=_variant(rng, kind), bump=0.0004)


def cloth(rng: np.random.Generator, colour: Colour | None = None) -> Material:
    """What clothes are made of."""
    colour = cloth_colour(rng) if colour is None else colour
    kind = str(
        rng.choice(["weave", "denim", "stripes", "checks", "dots", "flowers"], p=[0.58, 0.12, 0.11, 0.1, 0.04, 0.05])
    )
    colour = linear(225, 225, 225) if kind == "flowers" else colour
    return Material("cloth", colour, 0.95, texture=_variant(rng, kind, 0.7), bump=0.0003)


def linen(rng: np.random.Generator) -> Material:
    """Sheets, pillowcases, blankets: light, sometimes patterned or strong."""
    palette = (WHITES, BEIGES, GREYS, BLUES, REDS, GREENS, BROWNS, BRIGHTS)[
        int(rng.choice(8, p=[0.34, 0.14, 0.12, 0.14, 0.08, 0.06, 0.07, 0.05]))
    ]
    kind = str(
        rng.choice(["weave", "stripes", "flowers", "checks", "damask", "dots"], p=[0.6, 0.1, 0.1, 0.07, 0.08, 0.05])
    )
    colour = linear(235, 232, 226) if kind == "flowers" else pick(rng, palette)
    return Material("linen", colour, 0.95, texture=_variant(rng, kind, 1.2), bump=0.0003)


def terry(rng: np.random.Generator) -> Material:
    """Towels."""
    palette = (WHITES, BEIGES, BLUES, GREYS, REDS, GREENS, BRIGHTS)[
        int(rng.choice(7, p=[0.3, 0.15, 0.18, 0.12, 0.1, 0.07, 0.08]))
    ]
    return Material("terry", pick(rng, palette), 0.98, texture=_variant(rng, "terry"), bump=0.001)


def curtain(rng: np.random.Generator) -> Material:
    """Curtains: beiges, whites and greys, now and then a colour."""
    palette = (WHITES, BEIGES, GREYS, BROWNS, BLUES, REDS, GREENS)[
        int(rng.choice(7, p=[0.22, 0.28, 0.16, 0.12, 0.09, 0.08, 0.05]))
    ]
    kind = str(rng.choice(["weave", "stripes", "damask", "flowers", "checks"], p=[0.68, 0.12, 0.1, 0.07, 0.03]))
    return Material("curtain", pick(rng, palette), 0.95, texture=_variant(rng, kind, 1.5), bump=0.0002)


def metal(rng: np.random.Generator, dark: float = 0.3) -> Material:
    """Brushed steel, brass, or black-coated metal with probability `dark`."""
    if rng.random() < dark:
        return Material("coated metal", pick(rng, BLACKS), 0.45)
    tone = linear(196, 164, 100) if rng.random() < 0.15 else linear(*([float(rng.uniform(170, 215))] * 3))
    return Material("metal", tone, float(rng.uniform(0.2, 0.45)), 1.0)


def chrome() -> Material:
    """Polished taps and rails."""
    return Material("chrome", linear(225, 226, 228), 0.12, 1.0)


def steel(rng: np.random.Generator) -> Material:
    """Appliances of brushed steel."""
    return Material("steel", linear(196, 197, 199), 0.35, 1.0, texture=_variant(rng, "brushed"))


def plastic(rng: np.random.Generator, *palettes: Sequence[tuple[int, int, int]]) -> Material:
    """Moulded plastic of one of the palettes."""
    return Material(
        "plastic", pick(rng, *(palettes or (BLACKS, GREYS, WHITES, BRIGHTS))), float(rng.uniform(0.3, 0.55))
    )


def porcelain() -> Material:
    """Toilets, basins and tubs."""
    return Material("porcelain", linear(243, 243, 240), 0.12)


def glass(tint: Colour = (0.9, 0.95, 0.95), opacity: float = 0.15) -> Material:
    """Panes, table tops and bottles."""
    return Material("glass", tint, 0.04, opacity=opacity)


def mirror() -> Material:
    """Silvered glass."""
    return Material("mirror", (0.9, 0.91, 0.91), 0.02, 1.0)


def shining(colour: Colour, strength: float) -> Material:
    """Lamp shades and tubes; `strength` 0 is a lamp that is off."""
    return Material("lamp shade", colour, 0.8, emission=strength)


def shade(rng: np.random.Generator, lit: bool | None = None) -> Material:
    """A lamp's shade of cloth, paper or glass; lit in two of three rooms unless told."""
    lit = rng.random() < 0.6 if lit is None else lit
    colour = pick(rng, ((250, 240, 215), (245, 236, 220), (248, 248, 244), (236, 214, 170)), WHITES, jitter=6)
    return shining(colour, float(rng.uniform(1.5, 4.0)) if lit else 0.0)


def cardboard(rng: np.random.Generator) -> Material:
    """Brown boxes with print on them."""
    return Material("cardboard", (1.0, 1.0, 1.0), 0.9, texture=printed("carton", int(rng.integers(6))))


def package(rng: np.random.Generator) -> Material:
    """Printed packages."""
    return Material("package", (1.0, 1.0, 1.0), 0.6, texture=printed("package", int(rng.integers(12))))


def page(rng: np.random.Generator) -> Material:
    """A sheet of paper with something on it."""
    return Material("paper", (1.0, 1.0, 1.0), 0.9, texture=printed("page", int(rng.integers(10))))


def art(rng: np.random.Generator, kind: str = "art", count: int = 24) -> Material:
    """What is in a picture's frame: "art", "poster" or "map"."""
    return Material(kind, (0.95, 0.95, 0.95), 0.6, texture=printed(kind, int(rng.integers(count))))


def screen(rng: np.random.Generator, kind: str = "screen", on: float = 0.5) -> Material:
    """A display: dark, or with a picture ("screen" or "desktop") with probability `on`."""
    if rng.random() >= on:
        return Material("dark screen", linear(14, 15, 17), 0.12)
    return Material("lit screen", (0.9, 0.9, 0.95), 0.2, emission=1.2, texture=printed(kind, int(rng.integers(10))))


def plain(name: str, colour: Colour, roughness: float = 0.6) -> Material:
    """One colour."""
    return Material(name, colour, roughness)


def shading_on(rng: np.random.Generator) -> Material:
    """A diffuser of an office's ceiling, nearly always lit."""
    return shining(linear(250, 250, 246), float(rng.uniform(2.5, 5.0)) if rng.random() < 0.85 else 0.0)
