"""What is in a set of rooms: how often each class, sensor and type of room occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.classes import NUM_CLASSES, display_name
from deresunet.data.files import read_label
from train.rooms.statistics import class_shares, compare, table


def report(labels: Sequence[Path], described: Iterable[dict[str, Any]], reference: np.ndarray | None = None) -> str:
    """A page in Markdown.

    Args:
        labels: label images, uint8, 0..37.
        described: what each frame's description says.
        reference: int64 (38,): pixels by label of real frames to compare with, void first; or None.
    """
    pixels, frames = np.zeros(NUM_CLASSES + 1, np.int64), np.zeros(NUM_CLASSES + 1, np.int64)
    for path in labels:
        counts = np.bincount(read_label(path, "sunrgbd37").ravel(), minlength=NUM_CLASSES + 1)
        pixels += counts
        frames += counts > 0
    sensors: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    missing: dict[str, list[float]] = {}
    for frame in described:
        sensors[frame["sensor"]] += 1
        kinds[frame["room_type"]] += 1
        missing.setdefault(frame["sensor"], []).append(frame["missing_depth"])
    lines = [
        f"# {len(labels)} rooms",
        "",
        f"Pixels without a class: {100 * pixels[0] / pixels.sum():.1f} %.",
        "",
        "| sensor | frames | pixels without depth [%] |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {count} | {100 * np.mean(missing[name]):.1f} |" for name, count in sorted(sensors.items())),
        "",
        "| type of room | frames |",
        "| --- | ---: |",
        *(f"| {name} | {count} |" for name, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        "",
        "| class | labelled pixels [%] | frames with it [%] |",
        "| --- | ---: | ---: |",
        *(
            f"| {display_name(label)} | {100 * share:.2f} | {100 * frames[label] / len(labels):.1f} |"
            for label, share in enumerate(class_shares(pixels), 1)
        ),
    ]
    if reference is not None:
        lines += ["", "Beside real frames:", "", table(compare(pixels, reference)).rstrip()]
    return "\n".join(lines) + "\n"
