"""How many wrong annotations the label audit finds: objects are renamed at seeded places, then looked for.

    PYTHONPATH=. python tests/label_audit.py --data ../shared/data/nyuv2

An object is a connected piece of a class other than wall, floor and ceiling. Its new class is drawn evenly from all
others, or, with --plausible, from those that the frame holds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from deresunet.data.frame import Frame
from deresunet.data.readers import Reader, open_reader
from deresunet.evaluation.audit import Finding, audit
from deresunet.model import registry

# wall, floor, ceiling: not objects.
SURFACES = (1, 2, 22)
# Smallest object to rename, as a share of the frame's pixels.
SMALLEST = 0.01


@dataclass(frozen=True)
class Renamed:
    """An object given a wrong class: frame, mask bool (H, W), its true class and its wrong one, 1..37."""

    frame: str
    mask: np.ndarray
    true: int
    wrong: int


class RenamedReader:
    """A reader whose ground truth has objects under wrong names."""

    def __init__(self, reader: Reader, renamed: Sequence[Renamed]) -> None:
        self.reader, self.renamed = reader, renamed
        self.names, self.notices = reader.names, reader.notices

    def read(self, name: str) -> Frame:
        frame = self.reader.read(name)
        label = frame.label.copy()
        for one in self.renamed:
            if one.frame == name:
                label[one.mask] = one.wrong
        return replace(frame, label=label)


def rename_objects(reader: Reader, objects: int, frames: int, seed: int, plausible: bool = False) -> list[Renamed]:
    """Choose objects and their wrong classes, spread evenly over frames that have enough objects."""
    rng = np.random.default_rng(seed)
    chosen: list[Renamed] = []
    quota = [objects // frames + (k < objects % frames) for k in range(frames)]
    for name in rng.permutation(np.array(reader.names, dtype=object)):
        if not quota:
            break
        label = reader.read(name).label
        present = [int(value) for value in np.unique(label) if value > 0]
        masks = []
        for value in present:
            if value not in SURFACES:
                labelled, count = ndimage.label(label == value)
                masks += [(labelled == k, value) for k in range(1, count + 1)]
        masks = [(mask, value) for mask, value in masks if mask.sum() >= SMALLEST * label.size]
        if len(masks) < quota[0]:
            continue
        for k in rng.permutation(len(masks))[: quota.pop(0)]:
            mask, value = masks[k]
            others = [one for one in (present if plausible else range(1, 38)) if one != value]
            chosen.append(Renamed(name, mask, value, int(rng.choice(others))))
    return chosen


def found_by(findings: Sequence[Finding], renamed: Sequence[Renamed]) -> list[int | None]:
    """For each finding the renamed object that it is, by IoU of at least 0.5, or None."""
    matches: list[int | None] = []
    for one in findings:
        match = None
        for index, true in enumerate(renamed):
            if true.frame == one.frame and one.annotated == true.wrong:
                mask = one.mask(true.mask.shape)
                if (mask & true.mask).sum() >= 0.5 * (mask | true.mask).sum():
                    match = index
        matches.append(match)
    return matches


def main() -> None:
    """Rename, audit, count."""
    import deresunet  # noqa: PLC0415 - tests import the functions above without weights

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="folder with rgb/, depth/, label/ and test.txt")
    options.add_argument("--checkpoint", default=registry.BEST_MODEL, help="weights, or a model's name")
    options.add_argument("--objects", type=int, default=50)
    options.add_argument("--frames", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--plausible", action="store_true", help="wrong classes are of the same frame")
    options.add_argument("--limit", type=int, help="only the first so many frames")
    given = options.parse_args()
    reader = RenamedReader(open_reader("folder", given.data, "test"), [])
    reader.names = reader.names[: given.limit]
    renamed = rename_objects(reader, given.objects, given.frames, given.seed, given.plausible)
    result = audit(deresunet.load(given.checkpoint), RenamedReader(reader, renamed))
    first = found_by(result.findings[: given.objects], renamed)
    everywhere = found_by(result.findings, renamed)
    count = sum(match is not None for match in first)
    print(f"{len(renamed)} objects of {len({one.frame for one in renamed})} frames renamed, of {result.frames} frames")
    print(f"first {len(first)} findings: {count} are renamed objects (precision {count / max(len(first), 1):.0%})")
    print(
        f"found among the first {len(first)}: {len(set(first) - {None})}; among all {len(everywhere)} findings: "
        f"{len(set(everywhere) - {None})}"
    )


if __name__ == "__main__":
    main()
