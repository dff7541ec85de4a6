"""Exports of label tools that hold no classes, refused by name with the export that does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from deresunet.errors import InputError


def refuse_other_exports(path: Path) -> None:
    """Refuse a label file that a tool wrote for something else, by its name; `InputError` with the right export."""
    brush = re.fullmatch(r"task-\d+-annotation-\d+-by-.*-tag-(.+)-\d+", path.stem)
    if brush is not None:
        raise InputError(
            f"{path.name} is a brush mask of Label Studio, which has a file for each class (this one: {brush[1]}). "
            "Write the masks of a task into one file of class numbers, and their names into classes.txt, one a line."
        )
    if re.search(r"_label_.*_instance(_colored)?$", path.stem):
        raise InputError(
            f"{path.name} is Segments.ai's export of instances. Export classes: export_dataset(dataset, "
            'export_format="semantic"), with the release\'s JSON beside.'
        )
    if "masks_human" in path.parts or path.parent.name == "masks_instances":
        raise InputError(
            f"{path.parent.name}/ is Supervisely's export for viewing. Give masks_machine/ of the same export, with "
            "obj_class_to_machine_color.json beside."
        )


def refuse_binary(values: np.ndarray, name: str) -> None:
    """Refuse a mask of 0 and 255 alone, or of False and True; `InputError` with what to give.

    Args:
        values: those that occur.
        name: of the file.
    """
    present = set(np.unique(values).tolist())
    if values.dtype == np.bool_ or present == {0, 255}:
        raise InputError(
            f"{name} is a binary mask: its only values are {'0 and 1' if values.dtype == np.bool_ else '0 and 255'}, "
            "which name no classes. Give class numbers: 0 for void, and 1..N in the order of the names in classes.txt."
        )
