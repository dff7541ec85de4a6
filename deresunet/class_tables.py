"""Built-in class sets as data: names, colours, and tables from one set to another; and the choice of more colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Name as SUN RGB-D spells it, and a colour. Colours were chosen greedily, each the farthest in OKLab from those
# before it, the classes that fill most pixels first, so that neighbours in a room are told apart.
SUNRGBD37 = {
    "wall": "#8ea8c4",
    "floor": "#b08054",
    "cabinet": "#1f4ea0",
    "bed": "#ffb703",
    "chair": "#d6393e",
    "sofa": "#7d46cd",
    "table": "#2a9d57",
    "door": "#7bff86",
    "window": "#60c8ff",
    "bookshelf": "#184f2e",
    "picture": "#652e44",
    "counter": "#dee918",
    "blinds": "#65187b",
    "desk": "#c891ff",
    "shelves": "#704f18",
    "curtain": "#a71886",
    "dresser": "#2e7b86",
    "pillow": "#4f86ff",
    "mirror": "#916591",
    "floor_mat": "#ff7b2e",
    "clothes": "#ffb29c",
    "ceiling": "#e2d8ec",
    "books": "#a7c886",
    "refridgerator": "#ffb2f4",
    "television": "#4418a7",
    "paper": "#4f7018",
    "towel": "#d35ac8",
    "shower_curtain": "#18d386",
    "box": "#7bbd18",
    "whiteboard": "#657bbd",
    "person": "#ff78aa",
    "night_stand": "#919118",
    "toilet": "#39bdb2",
    "sink": "#911818",
    "lamp": "#18f4de",
    "bathtub": "#c891a7",
    "bag": "#444f65",
}
NYU40 = (*SUNRGBD37, "otherstructure", "otherfurniture", "otherprop")
# The 13 classes of Couprie et al. 2013 (https://arxiv.org/abs/1301.3572), and the one that each of NYU's 40 belongs to
# (class13Mapping.mat, distributed with the data set's splits).
NYU13 = (
    *("bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table", "tv", "wall"),
    "window",
)
NYU40_TO_13 = (
    *(12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5),
    *(7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7),
)
# ScanNet's benchmark, in its order (https://kaldir.vc.in.tum.de/scannet_benchmark/documentation).
SCANNET20 = (
    *("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture", "counter"),
    *("desk", "curtain", "refrigerator", "shower curtain", "toilet", "sink", "bathtub", "otherfurniture"),
)
# ADE20K's scene parsing benchmark, first name of each entry of its objectInfo150.txt
# (https://github.com/CSAILVision/sceneparsing).
ADE20K150 = (
    *("wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane", "grass", "cabinet"),
    *("sidewalk", "person", "earth", "door", "table", "mountain", "plant", "curtain", "chair", "car", "water"),
    *("painting", "sofa", "shelf", "house", "sea", "mirror", "rug", "field", "armchair", "seat", "fence", "desk"),
    *("rock", "wardrobe", "lamp", "bathtub", "railing", "cushion", "base", "box", "column", "signboard"),
    *("chest of drawers", "counter", "sand", "sink", "skyscraper", "fireplace", "refrigerator", "grandstand", "path"),
    *("stairs", "runway", "case", "pool table", "pillow", "screen door", "stairway", "river", "bridge", "bookcase"),
    *("blind", "coffee table", "toilet", "flower", "book", "hill", "bench", "countertop", "stove", "palm"),
    *("kitchen island", "computer", "swivel chair", "boat", "bar", "arcade machine", "hovel", "bus", "towel", "light"),
    *("truck", "tower", "chandelier", "awning", "streetlight", "booth", "television receiver", "airplane"),
    *("dirt track", "apparel", "pole", "land", "bannister", "escalator", "ottoman", "bottle", "buffet", "poster"),
    *("stage", "van", "ship", "fountain", "conveyer belt", "canopy", "washer", "plaything", "swimming pool", "stool"),
    *("barrel", "basket", "waterfall", "tent", "bag", "minibike", "cradle", "oven", "ball", "food", "step", "tank"),
    *("trade name", "microwave", "pot", "animal", "bicycle", "lake", "dishwasher", "screen", "blanket", "sculpture"),
    *("hood", "sconce", "vase", "traffic light", "tray", "ashcan", "fan", "pier", "crt screen", "plate", "monitor"),
    *("bulletin board", "shower", "radiator", "glass", "clock", "flag"),
)
# Classes of ADE20K that are one of SUN RGB-D's and NYU's under another name.
ADE20K_AS_NYU = {
    "windowpane": "window",
    "painting": "picture",
    "poster": "picture",
    "shelf": "shelves",
    "rug": "floor_mat",
    "armchair": "chair",
    "swivel chair": "chair",
    "wardrobe": "cabinet",
    "cushion": "pillow",
    "chest of drawers": "dresser",
    "screen door": "door",
    "bookcase": "bookshelf",
    "blind": "blinds",
    "coffee table": "table",
    "book": "books",
    "countertop": "counter",
    "television receiver": "television",
    "apparel": "clothes",
}
# What each set's protocol is called in results.
TITLES = {
    "sunrgbd37": "SUN RGB-D, 37 classes",
    "nyu40": "NYU Depth v2, 40 classes",
    "nyu13": "NYU Depth v2, 13 classes",
    "scannet20": "ScanNet, 20 classes",
    "ade20k150": "ADE20K, 150 classes",
}


def counterparts(source: tuple[str, ...], target: tuple[str, ...]) -> dict[str, str]:
    """Target's name by `key` of source's, "" for none, where a table knows better than the names themselves do."""
    nyu = (tuple(SUNRGBD37), NYU40)
    if source in nyu and target == NYU13:
        return {key(name): NYU13[to - 1] for name, to in zip(source, NYU40_TO_13, strict=False)}
    if source == NYU13 and target in nyu:
        single = {to: name for name, to in zip(NYU40, NYU40_TO_13, strict=True) if NYU40_TO_13.count(to) == 1}
        return {key(name): single.get(to, "") for to, name in enumerate(NYU13, 1)}
    if source == ADE20K150 and target in nyu:
        return {key(name): to for name, to in ADE20K_AS_NYU.items()}
    if source in nyu and target == ADE20K150:  # the first of several, unless there is one of the same name
        there = set(map(key, ADE20K150))
        return {key(to): name for name, to in reversed(ADE20K_AS_NYU.items()) if key(to) not in there}
    return {}


def key(name: str) -> str:
    """Key that all spellings of a name share: letters and digits in lower case, SUN RGB-D's own spelling mended."""
    key = "".join(letter for letter in name.casefold() if letter.isalnum()) or name
    return {"refridgerator": "refrigerator", "tv": "television"}.get(key, key)


def choose_colours(names: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """The given colours, and for "" SUN RGB-D's of that name or else the farthest from all before it in OKLab."""
    own = {key(name): colour for name, colour in SUNRGBD37.items()}
    chosen = [colour.lower() or own.get(key(name), "") for name, colour in zip(names, given, strict=True)]
    if all(chosen):
        return tuple(chosen)
    levels = np.linspace(24, 255, 12).round()
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    taken = [colour for colour in chosen if colour]
    # Black is void and white is paper.
    fixed = np.array([[0, 0, 0], [255, 255, 255], *(list(bytes.fromhex(colour[1:])) for colour in taken)])
    lab = _oklab(grid)
    distance = np.linalg.norm(lab[:, None] - _oklab(fixed)[None], axis=-1).min(1)
    for place, colour in enumerate(chosen):
        if not colour:
            farthest = int(distance.argmax())
            chosen[place] = "#" + bytes(grid[farthest].astype(np.uint8)).hex()
            distance = np.minimum(distance, np.linalg.norm(lab - lab[farthest], axis=-1))
    return tuple(chosen)


def _oklab(rgb: np.ndarray) -> np.ndarray:
    """float64 (N, 3): OKLab of sRGB 0..255 (B. Ottosson 2020, https://bottosson.github.io/posts/oklab/)."""
    scaled = rgb / 255.0
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(linear @ to_lms.T) @ to_lab.T
