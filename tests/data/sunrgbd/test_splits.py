"""Recordings from names, and validation splits that never cut one."""

from __future__ import annotations

import random

from recordings import recordings_cut

from deresunet.data.sunrgbd.splits import carve_validation, sequences


def test_places_of_sun3d() -> None:
    names = ("xtion/sun3ddata/home_ac/scan_1/0000001-1", "xtion/sun3ddata/home_ac/scan_2/0000009-7")
    found = sequences(dict.fromkeys(names, "train"))
    assert set(found.values()) == {"xtion/sun3ddata/home_ac"}


def test_sessions_end_with_a_gap_of_half_an_hour() -> None:
    names = [f"realsense/lg/2014_10_24-{time}-1311000073" for time in ("09_14_34", "09_40_00", "10_05_00", "10_40_00")]
    found = sequences(dict.fromkeys(names, ""))
    assert found[names[0]] == found[names[1]] == found[names[2]] == "realsense/lg/2014-10-24_09-14-34"
    assert found[names[3]] == "realsense/lg/2014-10-24_10-40-00"


def test_cameras_on_one_rig_share_their_recording() -> None:
    names = (
        "kv2/align_kv2/2014-12-18_11-31-54_260595134347",
        "xtion/xtion_align_data/2014_12_18_11_31_55",
        "realsense/shr/2014_12_18-11_33_49-1311000073",
    )
    assert len(set(sequences(dict.fromkeys(names, "train")).values())) == 1


def test_numbered_frames_run_on_within_a_part() -> None:
    parts = {f"kv1/NYUdata/NYU{number:04d}": "train" if number in (3, 4, 5, 9) else "test" for number in range(1, 11)}
    found = sequences(parts)
    assert {found[f"kv1/NYUdata/NYU{number:04d}"] for number in (3, 4, 5)} == {"kv1/NYUdata/train-from-0003"}
    assert found["kv1/NYUdata/NYU0006"] == found["kv1/NYUdata/NYU0008"] == "kv1/NYUdata/test-from-0006"
    assert found["kv1/NYUdata/NYU0009"] != found["kv1/NYUdata/NYU0010"]


def test_a_name_without_number_or_time_is_its_own_recording() -> None:
    assert sequences({"kv1/other/room": ""}) == {"kv1/other/room": "kv1/other/room"}


def test_validation_is_about_a_tenth_and_whole() -> None:
    sequence_of = {f"kv2/a/{s}/{k}": f"kv2/a/{s:03d}" for s in range(60) for k in range(1 + s % 7)}
    chosen = carve_validation(sequence_of)
    assert 0.07 < len(chosen) / len(sequence_of) < 0.13
    assert recordings_cut(sequence_of, chosen) == []
    several = next(name for name in sorted(chosen) if int(sequence_of[name][-3:]) % 7)  # of more than one frame
    assert recordings_cut(sequence_of, chosen - {several}) != []


def test_validation_does_not_depend_on_the_order_but_on_the_seed() -> None:
    sequence_of = {f"kv2/a/{s}-{k}": f"kv2/a/{s:03d}" for s in range(80) for k in range(3)}
    shuffled = list(sequence_of.items())
    random.Random(1).shuffle(shuffled)
    assert carve_validation(sequence_of) == carve_validation(dict(shuffled))
    assert carve_validation(sequence_of) != carve_validation(sequence_of, seed=1)


def test_nothing_to_carve_from() -> None:
    assert carve_validation({}) == frozenset()
