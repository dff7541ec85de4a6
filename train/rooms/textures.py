"""Seamless pictures of what rooms are made of, each from its name alone.

Most are nearly white and only darken the material's colour, so that few pictures serve many colours. A name is
"pattern" or "pattern-variant"; the same name is always the same `Texture` object.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import cv2
import numpy as np

from train.rooms.scene import Texture

_SIZE = 256


def _seeded(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def noise(rng: np.random.Generator, low: float, high: float, stretch: float = 1.0, size: int = _SIZE) -> np.ndarray:
    """float64 (size, size) in 0..1: periodic noise of `low` to `high` waves across, stretched along x."""
    fy = np.fft.fftfreq(size)[:, None] * size
    fx = np.fft.rfftfreq(size)[None] * size * stretch
    frequency = np.hypot(fx, fy)
    spectrum = np.where((frequency >= low) & (frequency <= high), 1 / np.maximum(frequency, 1), 0)
    phase = rng.normal(size=spectrum.shape) + 1j * rng.normal(size=spectrum.shape)
    picture = np.fft.irfft2(spectrum * phase, (size, size))
    return np.clip(0.5 + picture / (5 * picture.std() + 1e-9), 0, 1)


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None], 3, 2)


def _grid(rows: int, columns: int, joint: int, shift: bool, size: int = _SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Which cell each pixel is in, int (size, size), and where the joints are, bool."""
    y, x = np.mgrid[:size, :size]
    row = y * rows // size
    offset = (row % 2) * (size // columns // 2) if shift else 0
    column = ((x + offset) % size) * columns // size
    in_x = (x + offset) % (size // columns) < joint
    in_y = y % (size // rows) < joint
    return row * columns + column, in_x | in_y


def _wood(rng: np.random.Generator) -> np.ndarray:
    fine, broad = noise(rng, 4, 120, 16), noise(rng, 1, 7, 10)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (broad * rng.uniform(3, 5) + fine * 0.6))
    return _grey(1 - 0.18 * fine - 0.08 * rings**2 - 0.07 * broad)


def _planks(rng: np.random.Generator) -> np.ndarray:
    rows = int(rng.choice([6, 8, 10]))
    size = 480
    cells, joints = _grid(rows, 1, 1, False, size)
    y, x = np.mgrid[:size, :size]
    ends = rng.integers(0, size, rows)[y * rows // size]
    cells = cells * 2 + ((x - ends) % size > size // 2)
    grain = np.stack([np.roll(noise(rng, 3, 200, 16, size), rng.integers(size), 1) for _ in range(2)])
    tone = rng.uniform(0.72, 1.0, cells.max() + 1)[cells]
    joint = joints | ((x - ends) % (size // 2) < 1)
    picture = tone * (
        1 - 0.28 * grain[cells % 2][..., 0] if grain.ndim == 4 else 1 - 0.28 * np.where(cells % 2, *grain)
    )
    return _grey(np.where(joint, picture * 0.45, picture))


def _parquet(rng: np.random.Generator) -> np.ndarray:
    size, block = 400, 100
    y, x = np.mgrid[:size, :size]
    across = ((y // block) + (x // block)) % 2 == 0
    strip = np.where(across, (x % block) // 20, (y % block) // 20)
    cell = ((y // block) * 4 + x // block) * 5 + strip
    grain = noise(rng, 3, 160, 12, size)
    picture = rng.uniform(0.74, 1, 80)[cell] * (1 - 0.2 * np.where(across, grain.T, grain))
    joint = np.where(across, x % 20 == 0, y % 20 == 0) | (x % block == 0) | (y % block == 0)
    return _grey(np.where(joint, picture * 0.55, picture))


def _tiles(rng: np.random.Generator) -> np.ndarray:
    cells, joints = _grid(4, 4, 3, False)
    tone = rng.uniform(0.9, 1, 16)[cells] * (1 - 0.1 * noise(rng, 1, 12))
    return _grey(np.where(joints, rng.uniform(0.5, 0.75), tone))


def _subway(rng: np.random.Generator) -> np.ndarray:
    cells, joints = _grid(8, 4, 2, True)
    return _grey(np.where(joints, rng.uniform(0.6, 0.8), rng.uniform(0.93, 1, 32)[cells]))


def _checker(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_SIZE, :_SIZE]
    dark = ((x // 64) + (y // 64)) % 2 == 0
    joint = (x % 64 < 2) | (y % 64 < 2)
    marble = 1 - 0.14 * noise(rng, 2, 30)
    return _grey(np.where(joint, 0.55, np.where(dark, rng.uniform(0.2, 0.6), 0.98) * marble))


def _marble(rng: np.random.Generator) -> np.ndarray:
    veins = np.abs(noise(rng, 1, 40) - 0.5)
    return _grey(0.98 - 0.3 * np.exp(-((veins / 0.02) ** 2)) - 0.1 * noise(rng, 1, 8))


def _speckle(rng: np.random.Generator) -> np.ndarray:
    spots = noise(rng, 20, 90)
    return _grey(np.where(spots > 0.68, 0.62, np.where(spots < 0.3, 0.78, 0.95)) - 0.05 * noise(rng, 60, 128))


def _concrete(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.98 - 0.22 * noise(rng, 1, 20) - 0.14 * noise(rng, 20, 128))


def _plaster(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.99 - 0.05 * noise(rng, 1, 5) - 0.05 * noise(rng, 30, 128))


def _carpet(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.98 - 0.3 * noise(rng, 30, 128) - 0.08 * noise(rng, 1, 6))


def _weave(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_SIZE, :_SIZE]
    thread = 0.5 + 0.25 * np.sin(2 * np.pi * x / 8) + 0.25 * np.sin(2 * np.pi * y / 8)
    return _grey(0.99 - 0.12 * thread - 0.16 * noise(rng, 10, 128) - 0.05 * noise(rng, 1, 6))


def _leather(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.97 - 0.16 * np.abs(noise(rng, 24, 70) - 0.5) - 0.1 * noise(rng, 1, 10))


def _terry(rng: np.random.Generator) -> np.ndarray:
    picture = 0.97 - 0.25 * noise(rng, 40, 128)
    picture[20:26] *= 0.8
    picture[32:35] *= 0.85
    return _grey(picture)


def _stripes(rng: np.random.Generator) -> np.ndarray:
    x = np.arange(_SIZE)
    count = int(rng.choice([4, 8, 12]))
    band = ((x * count / _SIZE) % 1) < rng.uniform(0.25, 0.6)
    values = np.where(band, rng.uniform(0.35, 0.75), 1.0)[None] * np.ones((_SIZE, 1))
    values = values if rng.random() < 0.5 else values.T
    return _grey(values * (1 - 0.1 * noise(rng, 20, 128)))


def _checks(rng: np.random.Generator) -> np.ndarray:
    x = np.arange(_SIZE) // 32 % 2
    dark = rng.uniform(0.4, 0.7)
    values = np.where(x, dark, 1.0)[None] * np.where(x, dark, 1.0)[:, None]
    return _grey(values * (1 - 0.1 * noise(rng, 20, 128)))


def _denim(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_SIZE, :_SIZE]
    return _grey(0.85 + 0.1 * np.sin(2 * np.pi * (x + y) / 8) - 0.3 * noise(rng, 2, 100))


def _dots(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:_SIZE, :_SIZE]
    far = np.hypot((x + (y // 32 % 2) * 16) % 32 - 16, y % 32 - 16)
    return _grey(np.where(far < rng.uniform(5, 9), rng.uniform(0.4, 0.7), 1) * (1 - 0.08 * noise(rng, 20, 128)))


def _flowers(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((_SIZE, _SIZE, 3), 245, np.uint8)
    tints = [tuple(int(v) for v in rng.integers(90, 200) + rng.integers(-40, 41, 3)) for _ in range(3)]
    for _ in range(26):
        x, y, size = (int(v) for v in (*rng.integers(0, _SIZE, 2), rng.integers(6, 18)))
        tint = tints[int(rng.integers(3))]
        for dx in (-_SIZE, 0, _SIZE):
            for dy in (-_SIZE, 0, _SIZE):
                for k in range(5):
                    turn = k * 1.257
                    at = (int(x + dx + size * 0.8 * np.cos(turn)), int(y + dy + size * 0.8 * np.sin(turn)))
                    cv2.circle(picture, at, int(size * 0.55), tint, -1, cv2.LINE_AA)
                cv2.circle(picture, (x + dx, y + dy), int(size * 0.4), (225, 205, 120), -1, cv2.LINE_AA)
    return picture


def _damask(rng: np.random.Generator) -> np.ndarray:
    """A motif of leaves about a stem, in rows that are set off by a half; faint, as wallpapers have it."""
    size = 64
    y, x = np.mgrid[:size, :size] / size * 2 - 1
    angle, far = np.arctan2(y, x), np.hypot(x * rng.uniform(1.0, 1.4), y)
    petals = int(rng.choice([4, 6, 8]))
    edge = 0.42 + 0.22 * np.cos(petals * angle) + 0.1 * np.cos(2 * petals * angle)
    motif = ((far < edge) & (far > edge * 0.55)) | (far < 0.16)
    tone = np.where(motif, rng.uniform(0.84, 0.92), 0.98)
    pair = np.concatenate([np.tile(tone, (1, 4)), np.tile(np.roll(tone, size // 2, 1), (1, 4))])
    return _grey(np.tile(pair, (2, 1)) - 0.03 * noise(rng, 20, 128))


def _bands(rng: np.random.Generator) -> np.ndarray:
    """Faint vertical stripes of wallpaper."""
    count = int(rng.choice([4, 6, 8]))
    band = ((np.arange(_SIZE) * count / _SIZE) % 1) < rng.uniform(0.3, 0.6)
    values = np.where(band, rng.uniform(0.86, 0.93), 0.98)[None] * np.ones((_SIZE, 1))
    return _grey(values - 0.03 * noise(rng, 20, 128))


def _brick(rng: np.random.Generator) -> np.ndarray:
    cells, joints = _grid(8, 4, 4, True)
    tone = rng.uniform(0.6, 1, 32)[cells] * (1 - 0.25 * noise(rng, 8, 128))
    return _grey(np.where(joints, 0.88 - 0.1 * noise(rng, 20, 128), tone))


def _panel_ceiling(rng: np.random.Generator) -> np.ndarray:
    cells, joints = _grid(2, 2, 3, False)
    holes = noise(rng, 30, 128) > 0.72
    return _grey(np.where(joints, 0.75, np.where(holes, 0.72, 0.97 - 0.0 * cells)))


def _fur(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.98 - 0.5 * noise(rng, 8, 128, 3))


def _brushed(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.98 - 0.06 * noise(rng, 4, 128, 40))


def _leaf(rng: np.random.Generator) -> np.ndarray:
    return _grey(0.95 - 0.35 * noise(rng, 3, 40, 0.3))


_PATTERNS = {
    "wood": (_wood, (0.9, 0.9)),
    "planks": (_planks, (1.9, 1.3)),
    "parquet": (_parquet, (1.6, 1.6)),
    "tiles": (_tiles, (1.4, 1.4)),
    "subway": (_subway, (0.8, 0.8)),
    "checker": (_checker, (1.3, 1.3)),
    "marble": (_marble, (1.2, 1.2)),
    "speckle": (_speckle, (0.6, 0.6)),
    "concrete": (_concrete, (1.8, 1.8)),
    "plaster": (_plaster, (1.6, 1.6)),
    "carpet": (_carpet, (0.9, 0.9)),
    "weave": (_weave, (0.3, 0.3)),
    "leather": (_leather, (0.35, 0.35)),
    "terry": (_terry, (0.35, 0.35)),
    "stripes": (_stripes, (0.4, 0.4)),
    "checks": (_checks, (0.35, 0.35)),
    "denim": (_denim, (0.3, 0.3)),
    "dots": (_dots, (0.4, 0.4)),
    "flowers": (_flowers, (0.6, 0.6)),
    "damask": (_damask, (0.5, 0.5)),
    "bands": (_bands, (0.5, 0.5)),
    "brick": (_brick, (1.0, 0.6)),
    "panels": (_panel_ceiling, (1.2, 1.2)),
    "fur": (_fur, (0.4, 0.4)),
    "brushed": (_brushed, (0.5, 0.5)),
    "leaf": (_leaf, (0.2, 0.2)),
}


@lru_cache(maxsize=256)
def pattern(kind: str, variant: int = 0, scale: float = 1.0, upright: bool = False) -> Texture:
    """The texture of a kind of surface, mapped by "box".

    Args:
        kind: a key of the table above: "wood", "weave", "brick", ...
        variant: which one of its kind.
        scale: factor on the size of one repetition.
        upright: turned by a quarter (the grain of a door).
    """
    make, metres = _PATTERNS[kind]
    image = make(_seeded(f"{kind}-{variant}"))
    if upright:
        image, metres = np.ascontiguousarray(image.transpose(1, 0, 2)), metres[::-1]
    name = f"{kind}-{variant}-{scale:g}" + ("-upright" if upright else "")
    return Texture(name, image, (metres[0] * scale, metres[1] * scale))
