"""ScanNet's own label ids, which its exports hold, as NYU40's numbers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deresunet.data.labels import LabelFormat, read_stored_label
from deresunet.data.text_files import read_text
from deresunet.errors import InputError

# From ScanNet's download; its columns id and nyu40id map the one to the other.
MAPPING_FILE = "scannetv2-labels.combined.tsv"
NYU40 = 40
# Label files, evenly taken, whose values tell ids from NYU40's numbers, and folders above the scenes with the mapping.
FILES = 16
LEVELS = 3


@dataclass(frozen=True)
class ScanNetFormat(LabelFormat):
    """Label files of ScanNet's own ids.

    Attributes:
        nyu40: uint8 (N,): NYU40's number of each id.
    """

    nyu40: tuple[int, ...] = ()

    def decode(self, stored: np.ndarray, name: str) -> np.ndarray:
        """Labels uint8 (H, W) of ids (H, W). Raises `InputError` for one that the mapping lacks, as `LabelFormat`."""
        if stored.size and not 0 <= stored.min() <= stored.max() < len(self.nyu40):
            raise InputError(f"{name} has the id {stored.max()}; {MAPPING_FILE} knows up to {len(self.nyu40) - 1}.")
        return super().decode(np.array(self.nyu40, np.uint8)[stored], name)


def holds_ids(paths: Sequence[Path]) -> bool:
    """Whether label files hold ScanNet's ids: some of a few evenly taken ones count beyond NYU40."""
    for path in paths[:: max(-(-len(paths) // FILES), 1)]:
        try:
            stored = read_stored_label(path)
        except InputError:
            continue  # said when its frame is read
        values = np.unique(stored)
        if np.any((values > NYU40) & ~np.isin(values, (255, 65535))):
            return True
    return False


def format_of_ids(format: LabelFormat, root: Path) -> LabelFormat:
    """The format with ScanNet's ids in place of NYU40's numbers.

    Raises:
        InputError: the mapping is neither in the folder nor above it, or damaged.
    """
    root = root.resolve()
    places = [root, *root.parents[:LEVELS]]
    path = next((place / MAPPING_FILE for place in places if (place / MAPPING_FILE).is_file()), None)
    if path is None:
        raise InputError(
            f"The label files of {root} hold ScanNet's own ids. Put {MAPPING_FILE}, which comes with ScanNet's "
            f"download, into {root}, or give labels that are mapped to NYU40."
        )
    try:
        rows = list(csv.DictReader(read_text(path).splitlines(), delimiter="\t"))
        pairs = {int(row["id"]): int(row["nyu40id"] or 0) for row in rows}
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is no table with the columns id and nyu40id ({error}).") from error
    if not pairs or min(pairs) < 0 or max(pairs) > 65535:
        raise InputError(f"{path} has no ids, or others than 0..65535.")
    table = tuple(pairs.get(number, 0) for number in range(max(pairs) + 1))
    return ScanNetFormat(format.label_set, format.offset, format.void, format.class_set, nyu40=table)
