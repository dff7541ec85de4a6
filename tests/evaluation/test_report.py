"""The comparison of two sets of weights, the report's words and pictures, and the command as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sunrgbd_archives import RedReader, frame_files, frame_names, halves, picture, write_layout, write_toolbox
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
from deresunet.cli import app
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.evaluation.comparison import compare
from deresunet.evaluation.evaluator import Evaluation
from deresunet.evaluation.gallery import Gallery, extremes, strip
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.report import confused_pairs, confusion_figure, write_report
from deresunet.evaluation.stratified import FrameResult, frame_result, pool

WALL, CHAIR, SOFA = 1, 5, 6
NAMES = frame_names(12)


def result_of(name: str, share_right: float) -> FrameResult:
    """A frame of wall and chair, of whose rows a share is right and the rest a sofa."""
    label = halves(WALL, CHAIR, (40, 40))
    prediction = label.copy()
    prediction[round(40 * share_right) :] = SOFA
    return frame_result(Frame(np.zeros((40, 40, 3), np.uint8), label=label, name=name), prediction)


def evaluation(shares: list[float], names: list[str] | None = None) -> Evaluation:
    results = tuple(
        result_of(name, share)
        for name, share in zip(names or [str(k) for k in range(len(shares))], shares, strict=True)
    )
    matrix = pool(results).sum((0, 1, 2))
    return Evaluation(matrix, len(results), (), 0.1, "protocol", RedReader().provenance().as_dict(), results)


# Comparison


def test_difference_is_that_of_the_pooled_scores() -> None:
    a, b = evaluation([0.5, 0.6, 0.7]), evaluation([0.6, 0.6, 0.9])
    told = compare(a, b)
    assert told.miou.value == pytest.approx(scores(b.matrix).miou - scores(a.matrix).miou)
    assert told.pixel_acc.value == pytest.approx(0.1)
    assert (told.frames, told.draws, told.level) == (3, 2000, 0.95)


def test_a_clear_gain_is_certain_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.3, 0.7, 60)
    better = compare(evaluation(base.tolist()), evaluation((base + 0.1).tolist()))
    assert better.miou.certain
    assert 0.05 < better.miou.low < better.miou.value < better.miou.high < 0.15
    assert better.miou.share_above_zero == 1.0
    assert "better than A" in str(better)
    worse = compare(evaluation((base + 0.1).tolist()), evaluation(base.tolist()))
    assert worse.miou.high < 0
    assert "worse than A" in str(worse)
    noise = compare(evaluation(base.tolist()), evaluation((base + rng.permutation([0.2, -0.2] * 30)).tolist()))
    assert not noise.miou.certain
    assert noise.miou.low < 0 < noise.miou.high
    assert "no difference is shown" in str(noise)


def test_interval_has_the_width_that_theory_gives() -> None:
    """Pixel accuracy of frames of equal size is a mean over frames, so its interval is 1.96 standard errors."""
    rng = np.random.default_rng(1)
    first, second = (rng.integers(5, 36, 80) / 40 for _ in range(2))
    told = compare(evaluation(first.tolist()), evaluation(second.tolist()), draws=4000).pixel_acc
    error = (second - first).std() / np.sqrt(80)
    assert (told.high - told.low) == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_same_weights_have_no_difference_and_the_seed_fixes_the_rest() -> None:
    a, b = evaluation([0.5, 0.7, 0.4]), evaluation([0.6, 0.5, 0.5])
    same = compare(a, a).miou
    assert (same.value, same.low, same.high, same.certain) == (0.0, 0.0, 0.0, False)
    assert compare(a, b, seed=3) == compare(a, b, seed=3)
    assert compare(a, b, seed=3) != compare(a, b, seed=4)


def test_only_common_frames_are_compared() -> None:
    a, b = evaluation([0.5, 0.6], ["x", "y"]), evaluation([0.7, 0.1], ["x", "z"])
    told = compare(a, b)
    assert told.frames == 1
    assert told.pixel_acc.value == pytest.approx(0.2)
    with pytest.raises(InputError, match="no frame in common"):
        compare(a, evaluation([0.5], ["q"]))


# Words and pictures


def test_confused_pairs_in_words() -> None:
    matrix = np.zeros((37, 37), np.int64)
    matrix[4, 4], matrix[4, 5], matrix[0, 23], matrix[0, 0] = 60, 40, 10, 90
    assert confused_pairs(matrix) == [
        "chair is taken for sofa: 40.0% of its pixels (40), 80.0% of all errors",
        "wall is taken for refrigerator: 10.0% of its pixels (10), 20.0% of all errors",
    ]
    assert confused_pairs(matrix, 1) == confused_pairs(matrix)[:1]
    assert confused_pairs(np.diag(np.full(37, 5))) == ["nothing is confused"]


def test_confusion_picture_is_by_row() -> None:
    matrix = np.zeros((37, 37), np.int64)
    matrix[4, 4], matrix[4, 5] = 60, 40
    shown = confusion_figure(matrix).axes[0].images[0].get_array()
    assert float(shown[4, 5]) == pytest.approx(0.4)
    assert np.ma.getmaskarray(shown)[0].all() or np.isnan(np.asarray(shown)[0]).all()


def test_gallery_keeps_the_extremes_alone() -> None:
    gallery = Gallery(count=2)
    rng = np.random.default_rng(0)
    shares = rng.permutation(np.arange(2, 40, 4) / 40)
    results = []
    for k, share in enumerate(shares):
        label = halves(WALL, CHAIR, (40, 40))
        prediction = label.copy()
        prediction[round(40 * share) :] = SOFA
        frame = Frame(np.zeros((40, 40, 3), np.uint8), label=label, name=str(k))
        gallery.add(frame, prediction)
        results.append(frame_result(frame, prediction))
    void = Frame(np.zeros((40, 40, 3), np.uint8), label=np.zeros((40, 40), np.uint8), name="void")
    gallery.add(void, prediction)
    results.append(frame_result(void, prediction))
    worst, best = extremes(Evaluation(np.zeros((37, 37)), 11, (), 0.0, "", {}, tuple(results)), 2)
    order = np.argsort(shares)
    assert [one.name for one in worst] == [str(k) for k in order[:2]]
    assert [one.name for one in best] == [str(k) for k in order[::-1][:2]]
    kept = {name for name in [*map(str, range(10)), "void"] if gallery.prediction(name) is not None}
    assert kept == {one.name for one in (*worst, *best)}


def test_strip_shows_errors_in_red_and_void_in_black() -> None:
    label = halves(WALL, CHAIR, (40, 40))
    label[:10] = 0
    frame = Frame(np.full((40, 40, 3), 7, np.uint8), np.ones((40, 40), np.float32), label)
    shown = strip(frame, np.full((40, 40), WALL, np.uint8))
    assert shown.shape == (40, 5 * 40 + 4 * 4, 3)
    errors = shown[:, -40:]
    assert (errors[:10] == 0).all()
    assert (errors[10:, :20] == 255).all()
    assert (errors[10:, 20:] == (214, 57, 62)).all()


def test_report_of_a_data_set_without_cameras(tmp_path: Path) -> None:
    write_report(tmp_path, evaluation([0.5, 1.0]))
    text = (tmp_path / "report.md").read_text()
    assert "## Camera" not in text
    assert "| all frames | 75.00 | 75.00 | 75.00 | 75.00 |" in text
    assert "NaN" not in (tmp_path / "result.json").read_text()


# The command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve frames as unpacked, the half of them for testing; one of those is broken."""
    frames = {
        name: frame_files(name, picture(WALL, CHAIR), broken="corrupt png" if name == NAMES[2] else "")
        for name in NAMES
    }
    write_layout(tmp_path, frames)
    write_toolbox(tmp_path, NAMES, NAMES[::2], {name: halves(WALL, CHAIR) for name in NAMES})
    return tmp_path


def invoke(*arguments: object) -> object:
    return CliRunner().invoke(app, ["evaluate", "--dataset", "sunrgbd", "--protocol", "native", *map(str, arguments)])


def test_on_error(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_command, "load", lambda *_: RedReader())
    stopped = invoke("--root", data)
    assert stopped.exit_code == 2
    assert NAMES[2] in stopped.stderr
    done = invoke("--root", data, "--on-error", "skip", "--json", data / "out.json")
    assert done.exit_code == 0, done.output
    assert "1 frames could not be read" in done.output
    told = json.loads((data / "out.json").read_text())
    assert told["frames"] == 5
    assert [failure["name"] for failure in told["failed"]] == [NAMES[2]]
    assert str(data / "SUNRGBD" / NAMES[2]) in told["failed"][0]["error"]
    assert told["miou"] == 100.0
    assert not list(data.glob(".*journal*"))


def test_interrupted_command_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Interrupted(RedReader):
        def tensors(self, *inputs: object) -> object:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return super().tensors(*inputs)

    monkeypatch.setattr(evaluate_command, "load", lambda *_: Interrupted())
    options = ("--root", data, "--on-error", "skip", "--report", data / "report")
    assert invoke(*options).exit_code != 0
    assert (data / "report" / "journal.jsonl").is_file()
    done = invoke(*options)
    assert done.exit_code == 0, done.output
    assert "going on after 3 frames" in done.output
    # 3 + the one interrupted + 2, and 3 more for the pictures whose predictions were lost.
    assert len(calls) == 4 + 2 + 3 * 2
    assert json.loads((data / "report" / "result.json").read_text())["frames"] == 5
    assert len(list((data / "report" / "frames").iterdir())) == 10


def test_tta_and_modality_are_said(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_command, "load", lambda *_: RedReader())
    options = ("--root", data, "--split", "train", "--json", data / "out.json", "--limit", 2)
    done = invoke(*options, "--tta", "flip,scales=0.75,1", "--modality", "rgb", "--label-source", "polygons")
    assert done.exit_code == 0, done.output
    told = json.loads((data / "out.json").read_text())
    assert "test-time augmentation: mean probabilities of scales 0.75, 1 and their mirror images" in told["protocol"]
    assert told["protocol"].endswith("modality rgb")
    assert list(told["sources"]) == ["SUN RGB-D, label polygons, depth_bfx"]
    assert invoke(*options, "--tta", "rotate").exit_code == 2


def test_compare(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B takes everything for the class after: all wrong."""
    loaded = {"a.safetensors": RedReader("a" * 64), "b.safetensors": RedReader("b" * 64, offset=1)}
    monkeypatch.setattr(evaluate_command, "load", lambda checkpoint, *_: loaded[checkpoint])
    options = ("--root", data, "--on-error", "skip", "--json", data / "out.json", "--report", data / "report")
    done = invoke(*options, "--compare", "a.safetensors", "b.safetensors")
    assert done.exit_code == 0, done.output
    told = json.loads((data / "out.json").read_text())
    assert (told["A"]["miou"], told["B"]["miou"]) == (100.0, 0.0)
    assert told["A"]["provenance"]["sha256"] == "a" * 64
    assert told["comparison"]["miou"]["difference"] == -100.0
    assert told["comparison"]["miou"]["certain"] is True
    assert told["comparison"]["frames"] == 5
    assert "B is worse than A" in done.output
    for letter in "AB":
        assert (data / "report" / letter / "report.md").is_file()
    assert json.loads((data / "report" / "comparison.json").read_text()) == told["comparison"]
    refused = invoke(*options, "--compare", "a.safetensors", "b.safetensors", "--checkpoint", "a.safetensors")
    assert refused.exit_code == 2
    assert "leave out --checkpoint" in refused.stderr
