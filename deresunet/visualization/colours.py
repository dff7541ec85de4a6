"""Every colour that is not a class's, and its one meaning; the classes' own are in `deresunet.classes`.

Outcomes are told apart by colour-blind people, too: Okabe and Ito 2008, https://jfly.uni-koeln.de/color/. They are
painted over grey pictures, never beside classes, so that no outcome is taken for a class of a similar colour.
"""

from __future__ import annotations

import matplotlib
import numpy as np

Colour = tuple[int, int, int]

# Outcome of a pixel over all classes.
CORRECT: Colour = (86, 180, 233)
WRONG_AT_BOUNDARY: Colour = (240, 228, 66)
WRONG: Colour = (213, 94, 0)
ERROR_KEYS: dict[str, Colour] = {
    "correct": CORRECT,
    "wrong at a class boundary": WRONG_AT_BOUNDARY,
    "wrong inside": WRONG,
}

# Outcome of a pixel for the classes of a filter.
TRUE_POSITIVE: Colour = (0, 114, 178)
FALSE_POSITIVE: Colour = (230, 159, 0)
FALSE_NEGATIVE: Colour = (204, 121, 167)
CLASS_KEYS: dict[str, Colour] = {
    "true positive": TRUE_POSITIVE,
    "false positive": FALSE_POSITIVE,
    "false negative": FALSE_NEGATIVE,
}

# Two predictions A and B of a pixel; where both are correct there is nothing to show.
ONLY_A_CORRECT: Colour = (0, 158, 115)
ONLY_B_CORRECT: Colour = (126, 60, 190)
BOTH_WRONG_DIFFERENT: Colour = (170, 160, 150)
BOTH_WRONG_ALIKE: Colour = (90, 84, 78)
COMPARISON_KEYS: dict[str, Colour] = {
    "only A correct": ONLY_A_CORRECT,
    "only B correct": ONLY_B_CORRECT,
    "both wrong, different classes": BOTH_WRONG_DIFFERENT,
    "both wrong, same class": BOTH_WRONG_ALIKE,
}
DIFFERENT: Colour = (250, 110, 220)
DIFFERENCE_KEYS: dict[str, Colour] = {"A and B differ": DIFFERENT}

# Where a sensor measured nothing; a 3D box whose object is none of the classes.
MISSING_DEPTH: Colour = (24, 24, 27)
NO_CLASS: Colour = (255, 255, 255)


def viridis(values: np.ndarray) -> np.ndarray:
    """Viridis colours uint8 (..., 3) of values float (...) in 0..1: even in lightness, readable by the colour-blind."""
    table = (255 * np.asarray(matplotlib.colormaps["viridis"](np.arange(256)))[:, :3]).round().astype(np.uint8)
    return table[(values * 255).astype(np.uint8)]


def hex_code(colour: Colour | np.ndarray) -> str:
    """A colour (red, green, blue) in 0..255 as CSS and matplotlib write it, such as #d55e00."""
    return "#" + bytes(int(channel) for channel in colour).hex()
