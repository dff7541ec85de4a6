"""`predict` over folders, and `evaluate` on stored predictions and on two runs, as users type them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, halves, picture
from typer.testing import CliRunner, Result

import deresunet.cli.evaluate as evaluate_command
import deresunet.cli.predict as predict_command
from deresunet.cli import app
from deresunet.data.readers import open_reader

WALL, CHAIR, BAG = 1, 5, 37
COUNT = 6
COUNTED = ("--predictions", "a=label", "--prediction-labels", "1..37")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six frames in the folder layout; the network takes a pixel's class from red, other weights the class after."""
    networks = {None: RedReader(), "other.ckpt": RedReader("1" * 64, offset=1)}
    for module in (evaluate_command, predict_command):
        monkeypatch.setattr(module, "load", lambda checkpoint, *_: networks[checkpoint])
    root = tmp_path / "data"
    for folder in ("rgb", "depth", "label"):
        (root / folder).mkdir(parents=True)
    for k in range(COUNT):
        label = halves(WALL, CHAIR, (48, 64))
        label[: 4 * k] = WALL
        Image.fromarray(picture(WALL, CHAIR)).save(root / "rgb" / f"f{k}.png")
        Image.fromarray(np.full((48, 64), 2000, np.uint16)).save(root / "depth" / f"f{k}.png")
        Image.fromarray(label).save(root / "label" / f"f{k}.png")
    (root / "test.txt").write_text("".join(f"f{k}\n" for k in range(COUNT)))
    return root


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def evaluated(data: Path, *arguments: object) -> dict:
    out = data / "out.json"
    protocol = () if "--predictions" in arguments and "--compare" not in arguments else ("--protocol", "native")
    done = run("evaluate", "--data", data, "--dataset", "folder", *protocol, "--json", out, *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(out.read_text())


def test_predictions_of_the_network_score_as_the_network(data: Path) -> None:
    written = run("predict", "--data", data, "--dataset", "folder", "--out", data / "ours")
    assert written.exit_code == 0, written.output
    assert "6 label images written" in written.output
    network, stored = evaluated(data), evaluated(data, "--predictions", f"ours={data / 'ours'}")
    assert 0 < network["miou"] < 100
    for key in ("miou", "pixel_acc", "iou", "boundary_iou", "sources", "regions", "frames"):
        assert stored[key] == network[key], key
    assert stored["provenance"]["weights"] == "ours"
    assert "stored predictions of ours" in stored["protocol"]
    assert "logits" not in stored["protocol"]


def test_two_folders_give_a_folder_and_the_run_resumes(data: Path) -> None:
    command = ("predict", "--rgb", data / "rgb", "--depth", data / "depth", "--out", data / "ours", "--confidence")
    assert run(*command).exit_code == 0
    assert len(list((data / "ours" / "confidence").iterdir())) == COUNT
    (data / "ours" / "f3.png").unlink()
    again = run(*command)
    assert "Resumed: 5 frames were done already" in again.output
    assert "1 label images written" in again.output
    assert run(*command, "--modality", "rgb").exit_code == 2, "other settings"
    rgb_alone = run("predict", "--rgb", data / "rgb", "--out", data / "rgb-alone")
    assert rgb_alone.exit_code == 0, rgb_alone.output


@pytest.mark.parametrize("kind", ["rgb", "depth", "label"])
def test_frames_whose_files_changed_are_segmented_anew(data: Path, kind: str) -> None:
    """Same names, same sizes, other times or contents: of two mended files both are made again, and no other."""
    out = data / "ours"
    command = ("predict", "--data", data, "--dataset", "folder", "--out", out, "--confidence")
    assert run(*command).exit_code == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    Image.fromarray(picture(CHAIR, WALL)).save(data / "rgb" / "f1.png")
    for name in ("f1", "f4"):
        stat = (data / kind / f"{name}.png").stat()
        os.utime(data / kind / f"{name}.png", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    done = run(*command)
    assert "Resumed: 4 frames were done already" in done.output
    changed = {path.name for path in out.glob("*.png") if path.stat().st_mtime_ns != before[path.name]}
    assert changed == {"f1.png", "f4.png"}
    fresh = data / "fresh"
    assert run(*command[:-2], fresh, "--confidence").exit_code == 0
    for path in fresh.rglob("*.png"):
        assert np.array_equal(Image.open(path), Image.open(out / path.relative_to(fresh))), path
    (out / "confidence" / "f2.png").write_bytes(b"cut")
    assert "Resumed: 5 frames" in run(*command).output
    (data / "rgb" / "f5.png").rename(data / "rgb" / "f6.png")
    (data / "test.txt").write_text("f0\nf6\n")
    assert "Resumed: 1 frames" in run(*command).output


def test_predictions_of_other_code_are_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("predict", "--data", data, "--out", data / "ours")
    assert run(*command).exit_code == 0
    monkeypatch.setattr("deresunet.inference.prediction_writer.PREDICTIONS_VERSION", 0)
    refused = run(*command)
    assert (refused.exit_code, "other weights or settings" in refused.stderr) == (2, True)


def test_names_that_are_not_utf_8(data: Path) -> None:
    """Files from an old disk, in Windows-1252, and a list in UTF-8."""
    for kind in ("rgb", "depth", "label"):
        (data / kind / "f0.png").rename(data / kind / os.fsdecode(b"b\xfcro.png"))
    (data / "test.txt").write_text("büro\nf1\n")
    told = evaluated(data, "--report", data / "report")
    assert (told["frames"], told["modalities"]) == (2, {"rgbd": 2})
    assert "büro" in (data / "report" / "report.html").read_text() + (data / "report" / "frames.csv").read_text()
    folders = ("--rgb", data / "rgb", "--depth", data / "depth")
    assert run("predict", *folders, "--out", data / "ours").exit_code == 0
    assert (data / "ours" / "büro.png").is_file()


def test_two_folders_have_one_unit_and_say_what_looks_wrong(data: Path) -> None:
    """A close-up among rooms is no warning; a folder in 1/5000 m is one, and files that are not taken are said."""
    (data / "rgb" / "._f0.png").write_bytes(b"x")
    (data / "depth" / "notes.raw").write_bytes(b"x")
    Image.fromarray(np.full((48, 64), 401, np.uint16)).save(data / "depth" / "f5.png")
    command = ("predict", "--rgb", data / "rgb", "--depth", data / "depth", "--modality", "depth")
    done = run(*command, "--out", data / "near")
    assert done.exit_code == 0, done.output
    assert "depth: uint16, mm (6 frames)" in done.stderr
    assert done.stderr.count("warning: ") == 1
    assert "1 files in " in done.stderr
    assert "such as notes.raw" in done.stderr
    for k in range(COUNT):
        Image.fromarray(np.full((48, 64), 15001 + k, np.uint16)).save(data / "depth" / f"f{k}.png")
    done = run(*command, "--out", data / "far")
    assert "warning: depth: 6 of 6 frames, such as f0: " in done.stderr
    assert "--depth-unit tum" in done.stderr
    done = run(*command, "--out", data / "far", "--depth-unit", "tum")
    assert done.exit_code == 2, "labels of the wrong unit are not taken for those of the right one"
    assert "other weights or settings" in done.stderr
    done = run(*command, "--out", data / "right", "--depth-unit", "tum")
    assert "depth: uint16, tum (6 frames)" in done.stderr
    assert "warning: depth" not in done.stderr


def test_labels_mended_between_two_runs_give_the_right_score(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interrupted run and after a finished one, with the same --json as after a run without either."""
    calls = []

    class Interrupted(RedReader):
        def tensors(self, *inputs: object) -> object:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return super().tensors(*inputs)

    mended = data / "label" / "f1.png"
    right = mended.read_bytes()
    Image.fromarray(halves(CHAIR, WALL, (48, 64))).save(mended)
    with monkeypatch.context() as patched:
        patched.setattr(evaluate_command, "load", lambda *_: Interrupted())
        patched.setattr(evaluate_command, "notice_if_sideways", lambda *_: ())
        command = ("evaluate", "--data", data, "--dataset", "folder", "--protocol", "native")
        assert run(*command, "--json", data / "out.json").exit_code != 0
    assert '"f1"' in (data / ".out.json.resume.jsonl").read_text()
    wrong = mended.stat()
    mended.write_bytes(right)
    os.utime(mended, ns=(wrong.st_atime_ns, wrong.st_mtime_ns + 1))  # clocks of file systems are coarse
    scored = evaluated(data)
    (data / "out.json").unlink()
    assert scored["miou"] == evaluated(data)["miou"]
    Image.fromarray(halves(WALL, WALL, (48, 64))).save(data / "label" / "f2.png")
    again = evaluated(data)
    assert again["miou"] < scored["miou"]
    assert again["regions"]["place"] != scored["regions"]["place"]


def test_evaluate_says_what_looks_wrong_about_depth(data: Path) -> None:
    """Depth of all frames in 1/5000 m but one that has none, and a file of another name: stderr, JSON and report."""
    for path in (data / "depth").iterdir():
        Image.fromarray(np.full((48, 64), 15001, np.uint16)).save(path)
    (data / "depth" / "f5.png").rename(data / "depth" / "f5.raw")
    command = ("evaluate", "--data", data, "--dataset", "folder", "--protocol", "native")
    done = run(*command, "--json", data / "out.json", "--report", data / "report")
    assert done.exit_code == 0, done.output
    told = json.loads((data / "out.json").read_text())
    assert told["depth"]["encodings"] == {"uint16, mm": 5, "none": 1}
    assert (told["depth"]["frames_with_warnings"], told["depth"]["warnings"]) == (5, {"depth": 5})
    assert "depth: uint16, mm (5 frames); none (1 frames)" in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("warning: depth: ")]
    assert len(lines) == 1, "a line each kind"
    assert "5 of 6 frames, such as f0: Depth of 15" in lines[0]
    assert "--depth-unit tum" in lines[0]
    assert any("f5.raw" in notice for notice in told["notices"])
    page = (data / "report" / "report.html").read_text()
    assert "<h2>Input</h2>" in page
    assert "5 of 6 frames, such as f0: Depth of 15" in page
    assert "f5.raw" in page
    right = evaluated(data, "--depth-unit", "tum")
    assert (right["depth"]["encodings"], right["depth"]["warnings"]) == ({"uint16, tum": 5, "none": 1}, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "--rgb", "rgb", "--depth", "depth/f0.png"), "depth/f0.png is one file, and --rgb names 6"),
        (("predict", "--rgb", "rgb", "--depth", "empty"), "--depth 'empty/**' names no file"),
        (("predict", "--rgb", "rgb", "--label", "label/f0.png"), "--label has no effect on folders"),
        (("predict", "--rgb", "empty"), "names no file"),
        (("evaluate", "--root", ".", "--predictions", "half"), "expected NAME=DIR"),
        (("evaluate", "--root", ".", "--predictions", "half=empty"), "holds no predictions"),
        (("evaluate", "--root", ".", "--compare", "@grey", "@rgb"), "the modality is 'grey'"),
        # Options without an effect.
        (("predict", "--rgb", "rgb", "--toolbox", ".", "--void", "255"), "--toolbox, --void have no effect on"),
        (("predict", "--rgb", "rgb", "--depth-unit", "tum"), "--depth-unit has no effect without --depth"),
        (("predict", "--data", ".", "--toolbox", "."), "--toolbox has no effect on the folder layout"),
        (("predict", "--rgb", "rgb/f0.png", "--limit", "1", "--confidence"), "--limit, --confidence have no effect on"),
        (("predict", "--rgb", "rgb/f0.png", "--label-offset", "1"), "--label-offset has no effect without --label"),
        (("predict", "--rgb", "rgb/f0.png", "--depth-key", "z"), "--depth-key has no effect without --depth"),
        (("evaluate", "--root", ".", "--label-source", "polygons"), "--label-source has no effect on the folder"),
        (("evaluate", "--dataset", "rooms", "--depth-unit", "mm"), "--depth-unit has no effect on the sample rooms"),
        (("evaluate", "--root", ".", "--prediction-labels", "nyu40"), "has no effect without --predictions"),
        (
            ("evaluate", "--root", ".", *COUNTED, "--device", "cpu"),
            "--device has no effect with",
        ),
        (
            ("evaluate", "--root", ".", *COUNTED, "--protocol", "native"),
            "--protocol has no effect",
        ),
        (
            ("audit", "--root", ".", *COUNTED, "--head", "raw", "--out", "o"),
            "--head has no effect",
        ),
        (("export", "--checkpoint", "a.ckpt", "--head", "raw", "--out", "a.safetensors"), "--head has no effect on"),
        (("stats", "--root", ".", "--depth-source", "depth", "--out", "o"), "--depth-source has no effect on the"),
    ],
)
def test_bad_arguments(data: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str) -> None:
    monkeypatch.chdir(data)
    (data / "empty").mkdir()
    done = run(*arguments, *(("--out", data / "out") if arguments[0] == "predict" else ()))
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")


def test_two_runs_and_the_report_hold_the_same_numbers(data: Path) -> None:
    """The network against its own labels at half resolution, of which one is missing."""
    run("predict", "--data", data, "--dataset", "folder", "--out", data / "ours")
    (data / "half").mkdir()
    for path in sorted((data / "ours").glob("*.png"))[1:]:
        Image.open(path).resize((32, 24), Image.Resampling.NEAREST).save(data / "half" / path.name)
    stored = ("--predictions", f"ours={data / 'ours'}", "--predictions", f"half={data / 'half'}")
    options = ("--prediction-labels", "1..37", "--report", data / "report")
    both = evaluated(data, *stored, "--compare", "ours", "half", *options)
    assert (both["A"]["frames"], both["B"]["frames"]) == (6, 5)
    assert both["B"]["missing_predictions"] == ["f0"]
    assert both["B"]["resized_predictions"] == 5
    comparison = both["comparison"]
    assert comparison["frames"] == 5
    assert comparison["frames_left_out"] == {"A": 1, "B": 0}
    assert comparison["runs"] == {"A": "ours", "B": "half"}
    assert json.loads((data / "report" / "comparison.json").read_text()) == comparison
    page = (data / "report" / "comparison.html").read_text()
    assert f"{comparison['miou']['difference']:+.2f}" in page
    assert (data / "report" / "B" / "report.html").is_file()


def test_modalities_and_checkpoints_are_runs(data: Path) -> None:
    both = evaluated(data, "--compare", "@rgb", "other.ckpt@rgbd")
    assert both["A"]["protocol"].endswith("modality rgb")
    assert both["B"]["protocol"].endswith("modality rgbd")
    assert both["B"]["miou"] == 0.0
    assert both["comparison"]["miou"]["certain"]
    assert both["comparison"]["frames_lost"] == COUNT
    assert both["comparison"]["classes"]["chair"]["iou"][1] == 0.0


def test_two_folders_are_paired_as_the_folder_layout_pairs_them(tmp_path: Path) -> None:
    """Of two files of one name the same one is taken, and what operating systems leave is not."""
    for folder, files in (
        ("rgb", ("a.png", "a.jpg", "a.JPEG", "b.webp", "._b.jpg")),
        ("depth", ("a.npy", "a.tif", "a.png", "b.exr", "b.npz", ".b.png")),
    ):
        (tmp_path / folder).mkdir()
        for name in files:
            (tmp_path / folder / name).touch()
    folders = {"rgb": str(tmp_path / "rgb"), "depth": str(tmp_path / "depth")}
    paired, layout = open_reader(**folders), open_reader(root=tmp_path)
    assert paired.names == layout.names == ("a", "b")
    for name in paired.names:
        assert paired.files(name) == layout.files(name)


def test_rgb_alone_opens_no_depth(data: Path, tmp_path: Path) -> None:
    """A damaged depth file harms depth alone."""
    intact = evaluated(data, "--modality", "rgb")
    for path in (data / "depth").iterdir():
        path.write_bytes(b"broken")
    told = evaluated(data, "--modality", "rgb")
    assert (told["miou"], told["frames"]) == (intact["miou"], COUNT)
    assert any("Depth is not opened" in notice for notice in told["notices"])
    assert run("evaluate", "--data", data).exit_code == 2
    frame = (
        "predict",
        "--rgb",
        data / "rgb" / "f0.png",
        "--depth",
        data / "depth" / "f0.png",
        "--out",
        tmp_path / "one",
    )
    done = run(*frame, "--modality", "rgb")
    assert done.exit_code == 0, done.output
    assert "f0.png is not opened, since the modality is RGB" in done.stderr
    assert run(*frame).exit_code == 2
    done = run("predict", "--data", data, "--modality", "rgb", "--out", tmp_path / "all")
    assert done.exit_code == 0, done.output
