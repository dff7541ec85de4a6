"""The sample rooms that come with the package: python -m train.rooms.bundle --out DIR.

They are chosen by rule, before anything is rendered, so nobody can pick those that a network does well on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

import cv2

from deresunet.atomic import write_bytes, write_text
from deresunet.errors import InputError
from train.rooms.assets import find_assets
from train.rooms.export import CREDITS_FILE
from train.rooms.make import cores, make_rooms
from train.rooms.maker import Options, Rooms
from train.rooms.sensor import SENSORS

ROOMS = 24
SAMPLES_PER_PIXEL = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose, render and put in place; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.rooms.bundle", description="Make the sample rooms that come with the package."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to, such as deresunet/samples")
    parser.add_argument("--work", type=Path, help="folder of the rendered rooms, kept to go on from (default: none)")
    parser.add_argument("--samples", type=int, default=SAMPLES_PER_PIXEL, help="light paths a pixel")
    parser.add_argument("--workers", type=int, default=cores(), help="processes")
    given = parser.parse_args(arguments)
    try:
        assets = find_assets()
        options = Options(samples=given.samples)
        from train.rooms.kinds import KINDS  # noqa: PLC0415 - with it come the furniture's modules

        rooms = Rooms(options, assets)
        seeds = choose(lambda seed: (rooms.kind(seed), rooms.sensor(seed)), KINDS, SENSORS, ROOMS)
        print(f"seeds {', '.join(map(str, seeds))}", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            work = given.work or Path(temporary) / "rooms"
            status = make_rooms(work, seeds, options, given.workers, assets)
            if not status:
                put_in_place(work, given.out)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status


def choose(
    what: Callable[[int], tuple[str, str]], kinds: Iterable[str], sensors: Iterable[str], rooms: int
) -> list[int]:
    """Seeds from 1 on whose rooms together show every type of room and every sensor.

    A seed is taken if its type came fewer times than an equal share rounded up, its sensor fewer than a third of the
    time, and enough places are left for the types and for the sensors that have not come yet.

    Args:
        what: type of room and sensor of a seed.
        kinds: all types.
        sensors: all sensors.
        rooms: how many to take.
    """
    absent = (set(kinds), set(sensors))
    came = (Counter[str](), Counter[str]())
    most = (-(-rooms // len(absent[0])), -(-rooms // 3))
    taken: list[int] = []
    for seed in count(1):
        left = rooms - len(taken)
        shown = what(seed)
        if any(
            counted[one] >= limit or (one not in missing and left <= len(missing))
            for one, counted, limit, missing in zip(shown, came, most, absent, strict=True)
        ):
            continue
        taken.append(seed)
        for one, counted, missing in zip(shown, came, absent, strict=True):
            missing.discard(one)
            counted[one] += 1
        if len(taken) == rooms:
            return taken
    raise AssertionError("seeds do not end")


def put_in_place(rooms: Path, out: Path) -> None:
    """Copy rendered rooms to `out`, numbered by sensor and seed, PNG as small as it gets; test.txt lists all."""
    described = {path.stem: json.loads(path.read_text()) for path in (rooms / "meta").glob("[0-9]*.json")}
    order = sorted(described, key=lambda name: (described[name]["sensor"], described[name]["seed"]))
    numbers = {name: f"{number:04d}" for number, name in enumerate(order)}
    for folder, suffix in (("rgb", ".jpg"), ("depth", ".png"), ("label", ".png"), ("meta", ".json")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for stale in (out / folder).iterdir():
            if stale.stem not in numbers.values():
                stale.unlink()
        for name, number in numbers.items():
            write_bytes(out / folder / f"{number}{suffix}", smallest(rooms / folder / f"{name}{suffix}"))
    write_text(out / CREDITS_FILE, (rooms / CREDITS_FILE).read_text())
    write_text(out / "test.txt", "".join(f"{number}\n" for number in numbers.values()))


def smallest(path: Path) -> bytes:
    """A file's content; PNG is compressed as much as it can be, without loss."""
    if path.suffix != ".png":
        return path.read_bytes()
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


if __name__ == "__main__":
    sys.exit(main())
