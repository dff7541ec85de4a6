"""Pictures that are not repeated: what is printed, painted or shown on a thing with coordinates of its own.

As in `textures.py`, a kind and a variant are always the same `Texture`; all are mapped by "uv".
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from train.rooms.scene import Texture
from train.rooms.textures import _seeded, noise

Colour = tuple[int, int, int]
# What publishers bind books in: dark blues and reds, black, white and cream, some loud ones.
COVERS = (
    (28, 40, 78),
    (132, 30, 34),
    (30, 30, 32),
    (238, 236, 230),
    (226, 212, 180),
    (34, 78, 58),
    (196, 84, 36),
    (222, 178, 54),
    (40, 112, 150),
    (96, 62, 42),
    (120, 124, 130),
    (176, 46, 60),
    (86, 46, 92),
    (206, 200, 190),
    (62, 70, 84),
    (150, 178, 196),
)
BOOKS = (8, 4)  # columns and rows of spines in the picture of the kind "books"


def _tint(rng: np.random.Generator, low: int = 20, high: int = 235) -> Colour:
    """A colour as prints have them: often muted, sometimes saturated."""
    base = rng.uniform(low, high)
    spread = rng.choice([10, 35, 80], p=[0.45, 0.4, 0.15])
    return tuple(int(np.clip(base + rng.uniform(-spread, spread), 0, 255)) for _ in range(3))  # type: ignore[return-value]


def _text(
    picture: np.ndarray, rng: np.random.Generator, box: tuple[int, int, int, int], step: int, ink: Colour
) -> None:
    """Lines of words, drawn as strokes: at a few pixels each that is what print looks like."""
    x0, y0, x1, y1 = box
    for y in range(y0, y1 - step // 2, step):
        x = x0
        stop = x1 if rng.random() < 0.8 else x0 + int((x1 - x0) * rng.uniform(0.3, 0.9))
        while x < stop:
            word = int(rng.uniform(1, 4) * step)
            cv2.rectangle(picture, (x, y), (min(x + word, stop), y + max(step // 3, 1)), ink, -1)
            x += word + max(step // 2, 2)


def _landscape(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    skies = ((120, 160, 205), (170, 190, 205), (205, 175, 150), (150, 155, 165), (95, 125, 170))
    sky = np.array(skies[int(rng.integers(5))], float) + rng.normal(0, 12, 3)
    low = np.minimum(sky + rng.uniform(10, 60), 245)
    ramp = np.linspace(0, 1, height)[:, None, None]
    picture = (sky * (1 - ramp) + low * ramp) * np.ones((1, width, 1))
    picture *= 1 - 0.15 * cv2.resize(noise(rng, 1, 12), (width, height))[..., None]
    x = np.arange(width)
    for depth in range(int(rng.integers(2, 5))):
        ridge = height * (0.45 + 0.14 * depth) + sum(
            height * rng.uniform(0.01, 0.09) * np.sin(2 * np.pi * x * rng.uniform(0.4, 3) / width + rng.uniform(0, 6))
            for _ in range(3)
        )
        ground = np.array([rng.uniform(30, 110), rng.uniform(50, 130), rng.uniform(30, 90)])
        picture[np.arange(height)[:, None] > ridge[None]] = ground * (1 - 0.15 * depth)
    picture += 22 * (cv2.resize(noise(rng, 10, 120), (width, height))[..., None] - 0.5)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _abstract(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    picture = np.full((height, width, 3), _tint(rng, 120, 240), np.uint8)
    for _ in range(int(rng.integers(4, 14))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        a, b = (int(v) for v in rng.integers(15, 120, 2))
        if rng.random() < 0.5:
            cv2.rectangle(picture, (x, y), (x + a, y + b), _tint(rng), -1)
        else:
            cv2.ellipse(
                picture, (x, y), (a // 2, b // 2), float(rng.uniform(0, 180)), 0, 360, _tint(rng), -1, cv2.LINE_AA
            )
    return picture


def _portrait(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    picture = np.full((height, width, 3), _tint(rng, 40, 190), np.uint8)
    middle, skin = width // 2, (205, 160, 130)
    hair = ((40, 30, 26), (84, 58, 40), (150, 112, 70), (60, 56, 54))[int(rng.integers(4))]
    if rng.random() < 0.4:
        skin = (125, 85, 60)
    cv2.ellipse(
        picture, (middle, height + height // 10), (width // 3, height // 3), 0, 0, 360, _tint(rng), -1, cv2.LINE_AA
    )
    cv2.ellipse(picture, (middle, int(height * 0.42)), (width // 5, height // 4), 0, 0, 360, hair, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (middle, int(height * 0.47)), (width // 6, height // 5), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(picture, (middle + side * width // 15, int(height * 0.45)), max(width // 60, 1), (30, 25, 25), -1)
    return picture


def _art(rng: np.random.Generator) -> np.ndarray:
    kind = rng.choice(["landscape", "landscape", "abstract", "portrait", "field"])
    if kind == "field":  # soft colour fields
        a, b, c = (np.array(_tint(rng), float) for _ in range(3))
        first, second = noise(rng, 1, 4)[..., None], noise(rng, 1, 9)[..., None]
        return np.clip(a * first + b * (1 - first) + (c - 128) * (second - 0.5), 0, 255).astype(np.uint8)
    return {"landscape": _landscape, "abstract": _abstract, "portrait": _portrait}[kind](rng, 256, 256)


def _poster(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((320, 224, 3), _tint(rng, 60, 250), np.uint8)
    inner = [_landscape, _abstract, _portrait][int(rng.integers(3))](rng, 190, 190)
    picture[60:250, 17:207] = inner
    ink = (20, 20, 25) if picture[0, 0].mean() > 120 else (240, 240, 235)
    cv2.rectangle(picture, (20, 18), (int(rng.integers(120, 204)), 44), ink, -1)
    _text(picture, rng, (20, 262, 204, 310), 9, ink)
    return picture


def _map(rng: np.random.Generator) -> np.ndarray:
    field = noise(rng, 1, 24)
    land = field > 0.5
    picture = np.where(land[..., None], (222, 205, 150), (150, 190, 215)).astype(np.uint8)
    picture[np.abs(field - 0.5) < 0.012] = (120, 100, 80)
    cells = np.floor(noise(rng, 2, 8) * 6).astype(int)
    tints = np.array([_tint(rng, 120, 220) for _ in range(7)])
    return np.where(land[..., None], picture * 0.4 + tints[cells] * 0.6, picture).astype(np.uint8)


def _page(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((256, 192, 3), 244, np.uint8)
    kind = rng.choice(["text", "text", "letter", "figure", "table", "notes"])
    ink = (70, 70, 78)
    if kind == "text":
        cv2.rectangle(picture, (20, 18), (int(rng.integers(90, 170)), 26), (40, 40, 45), -1)
        if rng.random() < 0.4:
            _text(picture, rng, (18, 38, 90, 240), 6, ink)
            _text(picture, rng, (102, 38, 174, 240), 6, ink)
        else:
            _text(picture, rng, (18, 38, 174, 240), 7, ink)
    elif kind == "letter":
        _text(picture, rng, (18, 20, 80, 50), 7, ink)
        _text(picture, rng, (18, 80, 174, 190), 7, ink)
    elif kind == "figure":
        picture[30:130, 24:168] = cv2.resize(_abstract(rng, 100, 144), (144, 100))
        _text(picture, rng, (18, 146, 174, 240), 7, ink)
    elif kind == "table":
        for y in range(30, 236, 14):
            cv2.line(picture, (18, y), (174, y), (150, 150, 155), 1)
            _text(picture, rng, (22, y + 4, 170, y + 12), 7, ink)
        for x in (18, 60, 110, 174):
            cv2.line(picture, (x, 30), (x, 226), (150, 150, 155), 1)
    else:
        picture[:] = rng.choice([(250, 240, 150), (245, 246, 240), (200, 225, 245)])
        _text(picture, rng, (18, 24, 174, 240), 16, (60, 70, 140))
    return picture


def _spines(rng: np.random.Generator) -> np.ndarray:
    columns, rows = BOOKS
    picture = np.zeros((512, 512, 3), np.uint8)
    wide, high = 512 // columns, 512 // rows
    for index in range(columns * rows):
        cell = picture[index // columns * high :, index % columns * wide :][:high, :wide]
        base = COVERS[int(rng.integers(len(COVERS)))]
        cover = tuple(
            int(np.clip(value + shift, 5, 250)) for value, shift in zip(base, rng.normal(0, 9, 3), strict=True)
        )
        cell[:] = cover
        ink = (235, 230, 215) if np.mean(cover) < 130 else (40, 35, 40)
        if rng.random() < 0.4:
            band, top = _tint(rng), int(rng.integers(8, 40))
            cell[top : top + int(rng.integers(10, 50))] = band
        if rng.random() < 0.5:
            cell[6:9] = ink
            cell[-10:-7] = ink
        left = int(rng.integers(18, 26))
        cell[int(rng.integers(20, 40)) : int(rng.integers(70, 100)), left : wide - left] = ink  # title, running down
        cell[high - 26 : high - 14, left : wide - left] = ink
        cell[:, :3] = np.array(cover) * 0.7
        cell[:, -3:] = np.array(cover) * 0.7
    picture[-high:, -wide:] = (232, 226, 208)  # the last cell is paper
    picture[-high::3, -wide:] = (214, 206, 186)
    return picture


def _screen(rng: np.random.Generator) -> np.ndarray:
    kind = rng.choice(["news", "film", "sport", "game"])
    picture = _landscape(rng, 144, 256)
    if kind == "news":
        picture[:, 80:176] = _portrait(rng, 144, 96)
        picture[112:136] = _tint(rng, 20, 160)
        _text(picture, rng, (12, 118, 200, 132), 8, (240, 240, 240))
    elif kind == "sport":
        picture[:] = (60, 130, 55)
        for x in range(0, 256, 32):
            picture[:, x : x + 16] = (70, 142, 62)
        cv2.rectangle(picture, (128, -20), (300, 160), (230, 235, 230), 1)
        for _ in range(14):
            x, y = int(rng.integers(10, 246)), int(rng.integers(30, 134))
            cv2.rectangle(picture, (x, y), (x + 4, y + 9), _tint(rng), -1)
    elif kind == "game":
        picture = cv2.resize(_abstract(rng, 72, 128), (256, 144))
    return picture


def _desktop(rng: np.random.Generator) -> np.ndarray:
    picture = _landscape(rng, 160, 256) if rng.random() < 0.4 else np.full((160, 256, 3), _tint(rng, 20, 120), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(0, 120)), int(rng.integers(0, 60))
        w, h = int(rng.integers(90, 150)), int(rng.integers(60, 100))
        dark = rng.random() < 0.35
        cv2.rectangle(picture, (x, y), (x + w, y + h), (38, 40, 46) if dark else (246, 246, 246), -1)
        cv2.rectangle(picture, (x, y), (x + w, y + 7), (70, 90, 130) if dark else (200, 205, 215), -1)
        _text(picture, rng, (x + 5, y + 12, x + w - 5, y + h - 2), 6, (140, 190, 140) if dark else (90, 90, 95))
    picture[-9:] = (35, 38, 46)
    return picture


def _calendar(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((288, 208, 3), 246, np.uint8)
    picture[8:140, 8:200] = _landscape(rng, 132, 192)
    cv2.rectangle(picture, (60, 148), (148, 162), (150, 40, 40), -1)
    for row in range(6):
        for column in range(7):
            x, y = 10 + column * 27, 172 + row * 19
            cv2.rectangle(picture, (x, y), (x + 25, y + 17), (190, 190, 195), 1)
            cv2.rectangle(picture, (x + 4, y + 4), (x + 10, y + 10), (60, 60, 70) if column < 5 else (190, 60, 60), -1)
    return picture


def _clock(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((192, 192, 3), 245 if rng.random() < 0.8 else 35, np.uint8)
    ink = (25, 25, 28) if picture[0, 0, 0] > 100 else (235, 235, 230)
    hours = rng.uniform(0, 12)
    for k in range(12):
        direction = np.array([np.sin(k * np.pi / 6), -np.cos(k * np.pi / 6)])
        start, end = (96 + direction * 70).astype(int), (96 + direction * 84).astype(int)
        cv2.line(picture, start.tolist(), end.tolist(), ink, 5, cv2.LINE_AA)
    for angle, length, width in ((hours / 12, 46, 7), (hours % 1, 68, 4)):
        tip = (96 + length * np.array([np.sin(2 * np.pi * angle), -np.cos(2 * np.pi * angle)])).astype(int)
        cv2.line(picture, (96, 96), tip.tolist(), ink, width, cv2.LINE_AA)
    return picture


def _keys(rng: np.random.Generator) -> np.ndarray:
    dark = rng.random() < 0.7
    picture = np.full((96, 288, 3), 22 if dark else 200, np.uint8)
    for row in range(5):
        for column in range(16):
            x, y = 6 + column * 17 + row * 2 % 5, 8 + row * 17
            cv2.rectangle(picture, (x, y), (x + 14, y + 14), (58, 58, 62) if dark else (240, 240, 240), -1)
    cv2.rectangle(picture, (80, 76), (180, 90), (58, 58, 62) if dark else (240, 240, 240), -1)
    return picture


def _rug(rng: np.random.Generator) -> np.ndarray:
    size = 384
    base, second, third = (np.array(_tint(rng, 50, 200)) for _ in range(3))
    picture = np.empty((size, size, 3))
    y, x = np.mgrid[:size, :size]
    border = np.minimum(np.minimum(x, y), np.minimum(size - 1 - x, size - 1 - y))
    kind = rng.choice(["oriental", "oriental", "stripes", "rings", "diamonds", "plain"])
    picture[:] = base
    if kind == "oriental":
        picture = np.where((border > 14)[..., None], second, base) * np.ones((size, size, 1))
        picture = np.where((border > 52)[..., None], base, picture)
        petals = np.sin(x * 2 * np.pi / 32) * np.sin(y * 2 * np.pi / 32) > 0.35
        picture = np.where((petals & (border > 4))[..., None], third, picture)
        medal = np.hypot((x - size / 2) / 90, (y - size / 2) / 120) + 0.12 * np.cos(
            8 * np.arctan2(y - size / 2, x - size / 2)
        )
        picture = np.where((medal < 1)[..., None], second, picture)
        picture = np.where((medal < 0.7)[..., None], third, picture)
    elif kind == "stripes":
        bands = np.array([_tint(rng, 50, 220) for _ in range(12)])
        picture = bands[y * 12 // size]
    elif kind == "rings":
        far = (np.hypot(x - size / 2, y - size / 2) // 28).astype(int) % 3
        picture = np.stack([base, second, third])[far]
    elif kind == "diamonds":
        cell = ((x + y) // 48 + (x - y + size) // 48) % 3
        picture = np.stack([base, second, third])[cell]
    picture = picture * (1 - 0.25 * cv2.resize(noise(rng, 30, 128), (size, size))[..., None])
    return np.clip(picture, 0, 255).astype(np.uint8)


def _carton(rng: np.random.Generator) -> np.ndarray:
    board = np.array(rng.choice([(176, 135, 90), (190, 150, 105), (160, 120, 78)]), float)
    picture = board * (1 - 0.12 * noise(rng, 1, 60)[..., None])
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    ink = _tint(rng, 20, 90)
    if rng.random() < 0.6:
        cv2.rectangle(picture, (30, 150), (int(rng.integers(90, 200)), 176), ink, -1)
        _text(picture, rng, (30, 190, 160, 236), 14, ink)
    if rng.random() < 0.5:
        cv2.rectangle(picture, (160, 40), (228, 100), (240, 240, 236), -1)
        _text(picture, rng, (166, 48, 222, 96), 9, (40, 40, 40))
    return picture


def _package(rng: np.random.Generator) -> np.ndarray:
    picture = np.full((192, 192, 3), _tint(rng, 40, 230), np.uint8)
    cv2.ellipse(picture, (96, 110), (int(rng.integers(30, 80)), int(rng.integers(20, 60))), 0, 0, 360, _tint(rng), -1)
    cv2.rectangle(picture, (20, 24), (int(rng.integers(110, 172)), 54), _tint(rng), -1)
    _text(picture, rng, (20, 160, 172, 184), 10, _tint(rng))
    return picture


_KINDS = {
    "art": _art,
    "poster": _poster,
    "map": _map,
    "page": _page,
    "books": _spines,
    "screen": _screen,
    "desktop": _desktop,
    "calendar": _calendar,
    "clock": _clock,
    "keys": _keys,
    "rug": _rug,
    "carton": _carton,
    "package": _package,
}


@lru_cache(maxsize=256)
def printed(kind: str, variant: int = 0) -> Texture:
    """The picture number `variant` of a kind: a key of the table above."""
    return Texture(f"{kind}-{variant}", _KINDS[kind](_seeded(f"{kind}-{variant}")), (1.0, 1.0), "uv")
