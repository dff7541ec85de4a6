"""Recordings, and a validation split that never cuts one."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

# Captures of one camera that are closer in time than this are taken to show one place.
SESSION_GAP = timedelta(minutes=30)
# Three cameras on one rig went through the same rooms at the same time.
ALIGNED = ("kv2/align_kv2", "xtion/xtion_align_data", "realsense/shr")
VALIDATION_SHARE = 0.1
SEED = 0
_TIME = re.compile(r"(\d{4})[-_](\d{1,2})[-_](\d{1,2})[-_](\d{1,2})[-_](\d{1,2})[-_](\d{1,2})")
_NUMBER = re.compile(r"(\d+)$")


def sequences(parts: Mapping[str, str]) -> dict[str, str]:
    """The recording that each frame of SUN RGB-D belongs to.

    SUN3D's frames (xtion/sun3ddata/PLACE/SCAN/FRAME) name their place. Those named by date and time (kv2, realsense,
    xtion_align_data) form a recording as long as the camera's folder has no gap of half an hour; the three folders of
    the aligned cameras count as one. Those that are only numbered (NYU, B3DO) form one over consecutive numbers of
    one part: NYU's official split is by scene, and its scenes are numbered through, so such a run holds whole scenes.

    Args:
        parts: names, such as "kv1/b3dodata/img_0063", and the part of the official split of each ("" if unknown).
    """
    found: dict[str, str] = {}
    timed: dict[str, list[tuple[datetime, str]]] = {}
    numbered: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, part in parts.items():
        pieces = name.split("/")
        folder, last = "/".join(pieces[:-1]), pieces[-1]
        if len(pieces) == 5:
            found[name] = "/".join(pieces[:3])
        elif (time := _time(last)) is not None:
            timed.setdefault("aligned" if folder in ALIGNED else folder, []).append((time, name))
        elif (number := _NUMBER.search(last)) is not None:
            numbered.setdefault((folder, part), []).append((int(number[1]), name))
        else:
            found[name] = name
    for folder, captures in timed.items():
        before = None
        for time, name in sorted(captures):
            if before is None or time - before > SESSION_GAP:
                start = time
            found[name] = f"{folder}/{start:%Y-%m-%d_%H-%M-%S}"
            before = time
    for (folder, part), frames in numbered.items():
        previous = None
        for place, name in sorted(frames):
            if previous is None or place > previous + 1:
                first = place
            found[name] = f"{folder}/{part + '-' if part else ''}from-{first:04d}"
            previous = place
    return found


def carve_validation(
    sequence_of: Mapping[str, str], share: float = VALIDATION_SHARE, seed: int = SEED
) -> frozenset[str]:
    """About `share` of the frames, whole recordings only, drawn alike from each collection.

    Args:
        sequence_of: the training frames and the recording of each.
        share: of the frames that is wanted, 0..1.
        seed: of the draw; the same frames and seed give the same split, in whatever order they come.

    Returns:
        The names of the validation frames.
    """
    folders: dict[str, dict[str, list[str]]] = {}
    for name, sequence in sorted(sequence_of.items()):
        folders.setdefault(sequence.rpartition("/")[0], {}).setdefault(sequence, []).append(name)
    chosen: set[str] = set()
    wanted = 0.0
    for folder, recordings in sorted(folders.items()):
        order = sorted(recordings)
        random.Random(f"{seed}/{folder}").shuffle(order)
        # What one collection's recordings are too long for is left to the next.
        wanted += share * sum(map(len, recordings.values()))
        for sequence in order:
            with_it = len(chosen) + len(recordings[sequence])
            if len(chosen) < wanted and abs(with_it - wanted) < wanted - len(chosen):
                chosen.update(recordings[sequence])
    return frozenset(chosen)


def _time(written: str) -> datetime | None:
    match = _TIME.search(written)
    if match is None:
        return None
    try:
        return datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
