"""Whatever a user's file holds, it is read, refused in words, or skipped: never a traceback."""

from __future__ import annotations

import contextlib
import json
import shutil

import numpy as np
import pytest
from hostile_files import FILES, VALUES, damaged, generated, json_of, write_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunrgbd_archives import RedReader, frame_files, halves, picture, write_layout, write_toolbox
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
import deresunet.cli.predict as predict_command
from deresunet import Frame, InputError, read_frame
from deresunet.cli import app
from deresunet.data.readers import open_reader
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.inference.stored_predictions import DESCRIPTION_FILE, StoredPredictor

FRAME = "kv1/b3dodata/img_0001"


def bounded(examples):
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def network():
    """The command line's network takes a pixel's class from red."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (evaluate_command, predict_command):
            patch.setattr(module, "load", lambda *_: RedReader())
        yield


def check(frame: Frame) -> None:
    assert frame.depth is None or (np.isfinite(frame.depth).all() and (frame.depth >= 0).all())
    assert frame.label is None or frame.label.max() <= 37
    assert json.dumps(None if frame.depth_reading is None else frame.depth_reading.as_dict(), allow_nan=False)


def run(*arguments) -> int:
    done = CliRunner().invoke(app, [str(argument) for argument in (*arguments, "--workers", 0)])
    assert done.exit_code in (0, 2), done.output
    if done.exit_code:
        assert isinstance(done.exception, SystemExit)
        assert "Error: " in done.stderr
    return done.exit_code


@bounded(300)
@given(file=st.one_of(damaged(), generated))
def test_reading(place, file):
    write_folder(place, *file)
    with contextlib.suppress(InputError):
        reader = open_reader(root=place, split="test")
        for name in reader.names:
            "".join(map(str, vars(reader.describe(name)).values())).encode()  # for a terminal or a file
            check(reader.read(name))
    paths = [next((path for path in (place / kind).glob("a.*")), None) for kind in ("rgb", "depth", "label")]
    with contextlib.suppress(InputError):
        check(read_frame(*paths))


@bounded(60)
@given(file=st.one_of(damaged(), generated))
def test_evaluation(place, network, file):
    """Of two frames one is whole: with its list, the result is there whatever the other one holds."""
    write_folder(place, *file)
    out = place / "out.json"
    out.unlink(missing_ok=True)
    data = ("--data", place, "--dataset", "folder", "--protocol", "native")
    status = run("evaluate", *data, "--on-error", "skip", "--json", out)
    if status == 0:
        told = json.loads(out.read_text())
        assert told["frames"] + len(told["failed"]) + len(told["unlabelled"]) in (1, 2)
    assert status == 0 or file[0] == "test.txt"


@bounded(60)
@given(file=st.one_of(damaged(), generated))
def test_prediction_of_one_frame(place, network, file):
    write_folder(place, *file)
    options = [f"--{kind}={next((place / kind).glob('a.*'))}" for kind in ("rgb", "depth", "label")]
    run_one = CliRunner().invoke(app, ["predict", *options, "--out", str(place / "out")])
    assert run_one.exit_code in (0, 2), run_one.output
    assert run_one.exit_code == 0 or run_one.stderr.splitlines()[-1].startswith("Error: ")


@bounded(40)
@given(file=st.one_of(damaged(), generated), folders=st.booleans())
def test_prediction_of_folders(place, network, file, folders):
    write_folder(place, *file)
    shutil.rmtree(place / "labels", ignore_errors=True)
    data = ("--rgb", place / "rgb", "--depth", place / "depth") if folders else ("--data", place)
    if run("predict", *data, "--on-error", "skip", "--out", place / "labels") == 0:
        assert (place / "labels" / "b.png").is_file() or file[0] == "test.txt"


@bounded(40)
@given(content=st.one_of(json_of(["labels", "version", "provenance"]), st.binary(max_size=30)))
def test_a_description_of_predictions(place, network, content):
    write_folder(place, "test.txt", b"b")
    folder = place / "described"
    folder.mkdir(exist_ok=True)
    (folder / "b.png").write_bytes(FILES["label/a.png"])
    (folder / DESCRIPTION_FILE).write_bytes(content)
    with contextlib.suppress(InputError):
        StoredPredictor("ours", folder)
    assert run("predict", "--data", place, "--out", folder) == 2, "predictions of other settings are never resumed"


@pytest.fixture(scope="module")
def sunrgbd(tmp_path_factory):
    root = tmp_path_factory.mktemp("sunrgbd")
    write_layout(root, {FRAME: frame_files(FRAME, picture(1, 5))})
    write_toolbox(root, [FRAME], [FRAME], {FRAME: halves(1, 5)})
    return root / "SUNRGBD"


SIDE = ("annotation2Dfinal/index.json", "annotation3Dfinal/index.json", "intrinsics.txt", "scene.txt")
WHOLE = frame_files(FRAME, picture(1, 5))
ANNOTATION = json_of(["frames", "objects", "extrinsics", "polygon", "name"]) | st.builds(
    lambda polygon, index: json.dumps(
        {"frames": [{"polygon": [{"x": polygon, "y": [0, 9, 9], "object": index}]}], "objects": [{"name": "bed"}]}
    ).encode(),
    VALUES,
    VALUES,
)


@bounded(80)
@given(file=st.one_of(damaged({name: WHOLE[name] for name in SIDE}), st.tuples(st.sampled_from(SIDE), ANNOTATION)))
@pytest.mark.parametrize("source", ["seglabel", "polygons"])
def test_side_files_of_sunrgbd_cost_no_pixel(sunrgbd, source, file):
    name, content = file
    folder = sunrgbd / FRAME
    (folder / name).write_bytes(content)
    try:
        frame = SunRgbdReader(sunrgbd, "test", source).read(FRAME)
    finally:
        (folder / name).write_bytes(WHOLE[name])
    check(frame)
    assert frame.rgb.shape == (48, 64, 3)
    assert (frame.depth > 0).all()
    assert source == "polygons" or frame.label is not None
    "".join(frame.warnings).encode()
