"""The comparison of two runs, the report, and the command as a whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sunrgbd_archives import RedReader, frame_files, frame_names, halves, picture, write_layout, write_toolbox
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
from deresunet.classes import SUNRGBD37
from deresunet.cli import app
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.evaluation.bootstrap import confusion_rows, score_intervals
from deresunet.evaluation.comparison import compare
from deresunet.evaluation.comparison_page import run_table
from deresunet.evaluation.confusions import HeatMap, confused_pairs, heat_map, shift_map
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.report import ExtremeFrames, extremes, write_report
from deresunet.evaluation.stratified import FrameResult, frame_result, pool
from deresunet.visualization.colours import CORRECT, WRONG
from deresunet.visualization.panels import frame_row

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
    matrix = pool(results, 37).sum((0, 1, 2))
    return Evaluation(matrix, len(results), (), 0.1, "protocol", RedReader().provenance().as_dict(), results)


# Comparison


def test_difference_is_that_of_the_pooled_scores() -> None:
    a, b = evaluation([0.5, 0.6, 0.7]), evaluation([0.6, 0.6, 0.9])
    found = compare(a, b)
    assert found.differences.miou.value == pytest.approx(scores(b.matrix).miou - scores(a.matrix).miou)
    assert found.differences.pixel_acc.value == pytest.approx(0.1)
    for label in (WALL, CHAIR):
        expected = scores(b.matrix).iou[label - 1] - scores(a.matrix).iou[label - 1]
        assert found.differences.iou[label - 1].value == pytest.approx(expected)
    assert np.isnan(found.differences.iou[SOFA - 1].value), "no ground truth"
    assert (found.differences.units, found.differences.draws, found.differences.level) == (3, 2000, 0.95)
    assert np.isnan(found.differences.miou.low), "three frames are too few for an interval"
    assert "too few frames" in str(found)


def test_a_clear_gain_is_certain_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.3, 0.7, 60)
    better = compare(evaluation(base.tolist()), evaluation((base + 0.1).tolist()))
    gain = better.differences.miou
    assert gain.certain
    assert 0.05 < gain.low < gain.value < gain.high < 0.15
    assert gain.share_above_zero == 1.0
    assert "better than A" in str(better)
    worse = compare(evaluation((base + 0.1).tolist()), evaluation(base.tolist()))
    assert worse.differences.miou.high < 0
    assert "worse than A" in str(worse)
    noise = compare(evaluation(base.tolist()), evaluation((base + rng.permutation([0.2, -0.2] * 30)).tolist()))
    assert not noise.differences.miou.certain
    assert noise.differences.miou.low < 0 < noise.differences.miou.high
    assert "no significant difference" in str(noise)


def test_interval_has_the_width_that_theory_gives() -> None:
    """Pixel accuracy of frames of equal size is a mean over frames, so its interval is 1.96 standard errors."""
    rng = np.random.default_rng(1)
    first, second = (rng.integers(5, 36, 80) / 40 for _ in range(2))
    found = compare(evaluation(first.tolist()), evaluation(second.tolist()), draws=4000).differences.pixel_acc
    error = (second - first).std() / np.sqrt(80)
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_intervals_are_those_of_resampling_one_frame_after_the_other() -> None:
    """Scores and class IoU of each draw, computed from the matrices without sparse rows or batches."""
    shares = np.random.default_rng(2).uniform(0.2, 1.0, (2, 7))
    runs = [evaluation(each.tolist()) for each in shares]
    found = compare(*runs, draws=50)
    rng = np.random.default_rng(0)
    drawn = []
    for counts in rng.multinomial(7, np.full(7, 1 / 7), size=50):
        a, b = (
            scores(sum(count * one.matrix() for count, one in zip(counts, run.results, strict=True))) for run in runs
        )
        drawn.append((b.miou - a.miou, b.iou[CHAIR - 1] - a.iou[CHAIR - 1]))
    for difference, values in zip(
        (found.differences.miou, found.differences.iou[CHAIR - 1]), np.transpose(drawn), strict=True
    ):
        assert (difference.low, difference.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    own = score_intervals(confusion_rows(runs[0].results, 37))
    assert own.iou[CHAIR - 1].low < own.iou[CHAIR - 1].value < own.iou[CHAIR - 1].high
    assert own.iou[CHAIR - 1].value == runs[0].scores.iou[CHAIR - 1]


def test_recordings_are_drawn_whole_where_they_are_known() -> None:
    """Six recordings of ten like frames each: drawn frame by frame, the interval would be too narrow."""
    shares = np.repeat([0.2, 0.4, 0.5, 0.6, 0.8, 0.9], 10).tolist()
    alone = evaluation(shares)
    grouped = replace(
        alone, results=tuple(replace(one, sequence=f"room {k // 10}") for k, one in enumerate(alone.results))
    )
    by_frame, by_recording = alone.intervals, grouped.intervals
    assert (by_frame.unit, by_frame.units) == ("frames", 60)
    assert (by_recording.unit, by_recording.units) == ("recordings", 6)
    assert by_recording.pixel_acc.value == pytest.approx(by_frame.pixel_acc.value)
    widths = [one.pixel_acc.high - one.pixel_acc.low for one in (by_frame, by_recording)]
    assert widths[1] > 2.5 * widths[0]  # of like frames, the square root of ten
    assert "over 6 recordings" in by_recording.method
    assert "too narrow" not in by_recording.method
    assert "too narrow" in by_frame.method
    assert grouped.as_dict()["intervals"]["method"] == by_recording.method
    found = compare(grouped, grouped)
    assert (found.differences.unit, found.differences.units) == ("recordings", 6)
    assert "bootstrap over recordings" in found.as_dict()["method"]
    one_room = replace(alone, results=tuple(replace(one, sequence="room") for one in alone.results))
    assert "Fewer than 5 recordings" in one_room.intervals.method
    half_known = replace(alone, results=(*grouped.results[:30], *alone.results[30:]))
    assert half_known.intervals.units == 3 + 30, "a frame of no known recording is drawn alone"


def test_all_runs_stand_in_one_table_the_best_first() -> None:
    runs = {name: evaluation([share] * 6) for name, share in (("weak", 0.4), ("strong", 0.9), ("usual", 0.6))}
    rows = run_table(runs)
    assert rows["run"].tolist() == ["strong", "usual", "weak"]
    best = runs["strong"].intervals
    assert rows.iloc[0]["mIoU %"] == pytest.approx(100 * best.miou.value)
    assert rows.iloc[0]["mIoU from"] == pytest.approx(100 * best.miou.low)
    assert np.isnan(rows.iloc[0]["ECE %"]), "no confidence"


def test_same_weights_have_no_difference_and_the_seed_fixes_the_rest() -> None:
    a, b = evaluation([0.5, 0.7, 0.4, 0.2, 0.3]), evaluation([0.6, 0.5, 0.5, 0.1, 0.3])
    same = compare(a, a).differences.miou
    assert (same.value, same.low, same.high, same.certain) == (0.0, 0.0, 0.0, False)
    once, again, other = (compare(a, b, seed=seed).differences.miou for seed in (3, 3, 4))
    assert once == again != other


def test_frames_won_and_lost_and_the_confusions_that_changed() -> None:
    a, b = evaluation([0.5, 0.7, 0.4, 0.2, 0.3]), evaluation([0.6, 0.5, 0.9, 0.2, 0.2])
    found = compare(a, b, ("first", "second"))
    assert [one.name for one in found.won] == ["2", "0"]
    assert [one.name for one in found.lost] == ["1", "4"]
    assert found.tied == 1
    nearly = compare(a, evaluation([0.5, 0.7, 0.4, 0.2, 0.3 + 1e-9]))
    assert (nearly.won, nearly.lost, nearly.tied) == ([], [], 5), "below 0.1 points a frame is tied"
    assert np.array_equal(found.confusion_difference, b.matrix - a.matrix)
    shift = found.confusion_shift
    assert shift[CHAIR - 1, SOFA - 1] == pytest.approx(-0.3 / 5)
    assert np.isnan(shift[SOFA - 1]).all()
    described = found.as_dict()
    assert (described["frames_won"], described["frames_lost"], described["runs"]["B"]) == (2, 2, "second")
    assert set(described["classes"]) == {"wall", "chair", "sofa"}
    assert described["classes"]["chair"]["recall"] == [pytest.approx(42.0), pytest.approx(48.0)]
    assert described["classes"]["chair"]["precision"] == [100.0, 100.0]
    json.dumps(described, allow_nan=False)


def test_only_common_frames_are_compared() -> None:
    a, b = evaluation([0.5, 0.6], ["x", "y"]), evaluation([0.7, 0.1], ["x", "z"])
    found = compare(a, b)
    assert [one.name for one in found.frames] == ["x"]
    assert (found.only_a, found.only_b) == (1, 1)
    assert found.differences.pixel_acc.value == pytest.approx(0.2)
    with pytest.raises(InputError, match="no frame in common"):
        compare(a, evaluation([0.5], ["q"]))


def test_frames_of_another_ground_truth_are_refused() -> None:
    label = halves(CHAIR, WALL, (40, 40))
    label[:5] = SOFA
    other = frame_result(Frame(np.zeros((40, 40, 3), np.uint8), label=label, name="0"), label)
    with pytest.raises(InputError, match="another ground truth"):
        compare(evaluation([0.5]), Evaluation(other.matrix(), 1, (), 0.1, "", {}, (other,)))


# Words and pictures


def test_confused_pairs_in_words() -> None:
    matrix = np.zeros((37, 38), np.int64)
    matrix[4, 4], matrix[4, 5], matrix[0, 23], matrix[0, 0] = 60, 40, 10, 90
    assert confused_pairs(matrix, SUNRGBD37) == [
        "chair → sofa: 40.0 % of its pixels (40), 80.0 % of all errors",
        "wall → refrigerator: 10.0 % of its pixels (10), 20.0 % of all errors",
    ]
    assert confused_pairs(matrix, SUNRGBD37, 1) == confused_pairs(matrix, SUNRGBD37)[:1]
    assert confused_pairs(np.diag(np.full(37, 5)), SUNRGBD37) == ["no confusions"]


def test_confusion_picture_is_by_row() -> None:
    matrix = np.zeros((37, 38), np.int64)
    matrix[4, 4], matrix[4, 5], matrix[5, 5] = 60, 40, 1000
    layout, shown = HeatMap.of(matrix, SUNRGBD37), np.asarray(heat_map(matrix, SUNRGBD37))
    assert (layout.rows, layout.columns) == ((CHAIR, SOFA), (CHAIR, SOFA))

    def corner(row: int, column: int) -> list[int]:  # beside the number
        return shown[layout.top + row * layout.cell + 5, layout.left + column * layout.cell + 5].tolist()

    assert corner(0, 1)[:3] == list(WRONG)
    assert corner(0, 1)[3] == pytest.approx(255 * np.sqrt(0.4), abs=2)
    assert corner(1, 1) == [*CORRECT, 255]
    assert corner(1, 0)[3] == 0


def test_a_change_is_blue_where_it_is_better() -> None:
    shift = np.full((37, 38), np.nan)
    shift[4, [4, 5]], shift[5, [4, 5]] = [0.2, -0.2], [0.1, -0.1]
    both = np.zeros((37, 38), np.int64)
    both[4:6, 4:6] = 50
    layout, shown = HeatMap.of(both, SUNRGBD37), np.asarray(shift_map(shift, both, SUNRGBD37))
    step = np.arange(2) * layout.cell
    colours = shown[np.ix_(layout.top + 5 + step, layout.left + 5 + step)]
    assert [[tuple(one[:3]) == CORRECT for one in row] for row in colours.tolist()] == [[True, True], [False, False]]
    assert (colours[0, :, 3] > colours[1, :, 3]).all(), "a deeper colour is a larger change"


def test_predictions_of_the_extremes_alone_are_kept() -> None:
    kept = ExtremeFrames(None, None, "rgbd", count=2)
    rng = np.random.default_rng(0)
    shares = rng.permutation(np.arange(2, 40, 4) / 40)
    results = []
    for k, share in enumerate(shares):
        label = halves(WALL, CHAIR, (40, 40))
        prediction = label.copy()
        prediction[round(40 * share) :] = SOFA
        frame = Frame(np.zeros((40, 40, 3), np.uint8), label=label, name=str(k))
        kept.add(frame, prediction)
        results.append(frame_result(frame, prediction))
    void = Frame(np.zeros((40, 40, 3), np.uint8), label=np.zeros((40, 40), np.uint8), name="void")
    kept.add(void, prediction)
    results.append(frame_result(void, prediction))
    worst, best = extremes(Evaluation(np.zeros((37, 37)), 11, (), 0.0, "", {}, tuple(results)), 2)
    order = np.argsort(shares)
    assert [one.name for one in worst] == [str(k) for k in order[:2]]
    assert [one.name for one in best] == [str(k) for k in order[::-1][:2]]
    names = {name for name in [*map(str, range(10)), "void"] if kept.prediction(name) is not None}
    assert names == {one.name for one in (*worst, *best)}


def test_a_row_shows_errors_in_colour_and_void_in_black() -> None:
    label = halves(WALL, CHAIR, (40, 40))
    label[:10] = 0
    rgb, depth = np.full((40, 40, 3), 7, np.uint8), np.ones((40, 40), np.float32)
    row = frame_row(rgb, depth, label, np.full((40, 40), WALL, np.uint8), SUNRGBD37, errors=True)
    assert row.shape == (40, 5 * 40 + 4 * 4, 3)
    errors = row[:, -40:]
    assert (errors[:10] == 0).all()
    assert (errors[10:, :20] == 255).all()
    assert len(np.unique(errors[10:, 20:].reshape(-1, 3), axis=0)) == 1
    assert (errors[10, 30] != errors[10, 0]).any()
    assert frame_row(rgb, None, label, None, SUNRGBD37).shape == (40, 2 * 40 + 4, 3)


def test_report_of_a_data_set_without_sensors(tmp_path: Path) -> None:
    pictures = {"0": np.full((40, 60, 3), 9, np.uint8), "1": None}
    page = write_report(
        tmp_path, evaluation([0.5, 1.0]), pictures.get, title="<b>rooms</b>", sections=["<h2>More</h2>"]
    )
    text = page.read_text()
    assert "<b>rooms</b>" not in text
    assert "&lt;b&gt;rooms&lt;/b&gt;" in text
    assert "By sensor" not in text
    assert "<b>75.00 %</b><span>mIoU over 2 classes</span>" in text
    assert "too few for a confidence interval" in text
    assert "<h2>More</h2>" in text
    assert text.count("<figure>") == 2, "a frame that cannot be drawn is left out of the worst and of the best"
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["best_02_0.png", "worst_01_0.png"]
    assert not re.search(r'<(?!a )[^>]* (src|href)="(?!data:)', text), "nothing is fetched"
    assert "NaN" not in (tmp_path / "result.json").read_text()
    told = json.loads((tmp_path / "result.json").read_text())
    assert told["f1"][CHAIR - 1] == pytest.approx(100 * 2 * 0.75 / 1.75, abs=1e-3)
    assert 0 < told["boundary_miou"] < 100


def test_intervals_are_in_the_report(tmp_path: Path) -> None:
    text = write_report(tmp_path, evaluation([0.5, 1.0, 0.6, 0.7, 0.8]), lambda name: None).read_text()
    assert '<div class="interval">' in text
    assert "95 % bootstrap confidence interval" in text


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
    assert "5 of 6 frames: 1 could not be used" in done.output
    told = json.loads((data / "out.json").read_text())
    assert told["frames"] == 5
    assert told["coverage"].startswith("5 of 6 frames: 1 could not be used (")
    assert [failure["name"] for failure in told["failed"]] == [NAMES[2]]
    assert str(data / "SUNRGBD" / NAMES[2]) in told["failed"][0]["error"]
    assert told["miou"] == 100.0
    assert not list(data.glob(".*resume*"))


def test_interrupted_command_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Interrupted(RedReader):
        def tensors(self, *inputs: object) -> object:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return super().tensors(*inputs)

    monkeypatch.setattr(evaluate_command, "load", lambda *_: Interrupted())
    monkeypatch.setattr(evaluate_command, "notice_if_sideways", lambda *_: ())
    options = ("--root", data, "--on-error", "skip", "--report", data / "report")
    assert invoke(*options).exit_code != 0
    assert (data / "report" / "resume.jsonl").is_file()
    done = invoke(*options)
    assert done.exit_code == 0, done.output
    assert "Resuming after 3 frames" in done.output
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
    assert list(told["sources"]) == ["SUN RGB-D, label polygons, no depth"]
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
    assert told["comparison"]["miou"]["low"] is None
    assert "bootstrap over recordings" in told["comparison"]["method"]
    assert told["comparison"]["frames"] == 5
    assert "too few recordings for an interval" in done.output
    for letter in "AB":
        assert (data / "report" / letter / "report.html").is_file()
    assert json.loads((data / "report" / "comparison.json").read_text()) == told["comparison"]
    refused = invoke(*options, "--compare", "a.safetensors", "b.safetensors", "--checkpoint", "a.safetensors")
    assert refused.exit_code == 2
    assert "Leave out --checkpoint" in refused.stderr
