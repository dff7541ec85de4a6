"""Evaluation of a data set from the page: runs, results, plots, pictures, reports. No browser."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sunrgbd_archives import RedReader, halves, picture
from synthetic_dataset import BED, CHAIR, COUNT, ODD_NAME, SIZE, WALL, KnownPredictor, SyntheticReader

import demo.dataset.evaluations
import deresunet
from demo.dataset import messages
from demo.dataset.choice import BEST, Choice
from demo.dataset.evaluations import Evaluations
from demo.dataset.pictures import focus_codes, focus_keys, pictures
from demo.dataset.plots import Scatter, scatter
from demo.dataset.progress import Run, duration
from demo.dataset.result import DatasetResult
from demo.dataset.runs import preselected
from demo.dataset.sections import Sections
from demo.dataset.store import EvaluationStore
from demo.deploy import zerogpu
from demo.networks import Checkpoints
from demo.report.dataset import write_dataset_report
from deresunet import InputError
from deresunet.classes import SUNRGBD37
from deresunet.cli.app import shown
from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.fingerprint import contents_fingerprint
from deresunet.data.folder import SAMPLES_DIR
from deresunet.data.readers import open_reader
from deresunet.evaluation import report_page
from deresunet.evaluation.bootstrap import DRAWS, MIN_UNITS, confusion_rows, score_intervals
from deresunet.evaluation.boundary_iou import boundary_miou
from deresunet.evaluation.confusions import Confusion, HeatMap, heat_map, most_confused
from deresunet.evaluation.evaluator import evaluate
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.stratified import boundary
from deresunet.inference.network import network_of
from deresunet.inference.postprocessing import PixelScores
from deresunet.model.checkpoint import Checkpoint
from deresunet.model.network import DeResUNet
from deresunet.visualization.colours import CORRECT, WRONG

REQUEST = Run("synthetic")
RGBD, RGB, DEPTH = (Run("synthetic", modality) for modality in ("rgbd", "rgb", "depth"))
OTHER = Run("synthetic", "rgbd", "other")


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def finished(evaluations, request=REQUEST, visitor="ann", anew=False) -> DatasetResult:
    evaluations.start(request, visitor, anew)
    wait_for(lambda: evaluations.progress(request, visitor).state not in ("waiting", "running"), 60)
    assert evaluations.progress(request, visitor).state == "done", evaluations.progress(request, visitor)
    return evaluations.result(request)


@pytest.fixture
def reader():
    return SyntheticReader()


@pytest.fixture
def make(reader, tmp_path):
    """A function that makes evaluations over the synthetic data set in one folder, as a restarted server would."""

    def make(seconds=0.0, readers=None, **options):
        predictor = KnownPredictor(reader, seconds, **options)
        return Evaluations(Checkpoints(predictor), readers or {"synthetic": reader}, tmp_path / "evaluations")

    return make


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> DatasetResult:
    reader = SyntheticReader()
    evaluations = Evaluations(
        Checkpoints(KnownPredictor(reader)), {"synthetic": reader}, tmp_path_factory.mktemp("known")
    )
    return finished(evaluations)


# Numbers


def test_numbers_equal_the_command_lines_to_the_last_digit_shown(tmp_path):
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="resnet18", skip_channels=(8, 8, 8, 8), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
    )
    small = deresunet.Predictor(
        network_of(Checkpoint(DeResUNet(config).state_dict(), config, Preprocessing(), name="small"), "cpu")
    )
    root = tmp_path / "rooms"
    root.mkdir()
    for folder in ("rgb", "depth", "label"):
        (root / folder).symlink_to(SAMPLES_DIR / folder)
    (root / "test.txt").write_text("\n".join(f"{k:04d}" for k in range(3)))
    rooms = open_reader(root=root, split="test", label_set="sunrgbd37", depth_unit="mm")
    expected = evaluate(small, rooms, "rgb")
    found = finished(Evaluations(Checkpoints(small), {"rooms": rooms}, tmp_path / "runs"), Run("rooms", "rgb"))

    assert np.array_equal(found.evaluation.matrix, expected.matrix)
    different = {"seconds_per_frame"}
    described, wanted = found.evaluation.as_dict(), expected.as_dict()
    assert {key: described[key] for key in described.keys() - different} == {
        key: wanted[key] for key in wanted.keys() - different
    }
    headline = report_page.headline(found.evaluation)
    for key in ("miou", "pixel_acc", "mean_acc", "boundary_miou"):
        assert f"<b>{shown(wanted[key]).strip()} %</b>" in headline, key
    for name, scored in wanted["regions"]["place"].items():
        miou, accuracy = shown(scored["miou"]).strip(), shown(scored["pixel_acc"]).strip()
        assert f"{name.capitalize()}: mIoU {miou} %, pixel accuracy {accuracy} %" in headline
    bars = report_page.class_bars(found.evaluation)
    for name, iou in zip(SUNRGBD37.display_names, wanted["iou"], strict=True):
        assert f"<span>{name}</span>" in bars
        assert f"<span>{shown(iou).strip()}</span>" in bars.split(f"<span>{name}</span>")[1].split("</div>")[0], name


def test_the_interval_is_that_of_a_plain_bootstrap(result):
    matrices = np.stack([frame.matrix() for frame in result.frames])
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS // 100):
        for weights in rng.multinomial(len(matrices), np.full(len(matrices), 1 / len(matrices)), size=100):
            one = scores(np.tensordot(weights, matrices, 1))
            drawn.append((one.miou, one.pixel_acc))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = result.part(result.choose()).intervals
    assert (found.miou.value, found.pixel_acc.value) == (
        scores(matrices.sum(0)).miou,
        scores(matrices.sum(0)).pixel_acc,
    )
    assert np.allclose([found.miou.low, found.pixel_acc.low], low)
    assert np.allclose([found.miou.high, found.pixel_acc.high], high)
    assert found.miou.low < found.miou.value < found.miou.high


def test_few_frames_have_no_interval(result):
    found = score_intervals(confusion_rows(result.frames[: MIN_UNITS - 1], 37))
    assert found.miou.value > 0
    assert np.isnan([found.miou.low, found.miou.high]).all()
    assert "too few for a confidence interval" in report_page.headline(result.part(np.arange(2)))
    assert np.isnan(score_intervals(confusion_rows([], 37)).miou.value)


def test_frames_are_chosen_by_sensor_and_scene(result):
    assert result.groups("sensor") == {"kv1": 7, "kv2": 7}
    assert result.groups("scene") == {"bedroom": 5, "office": 9}
    assert result.choose().tolist() == list(range(COUNT))
    assert result.choose("kv2").tolist() == list(range(1, COUNT, 2))
    assert result.choose("kv2", "bedroom").tolist() == [3, 9]
    chosen = result.choose(scene="bedroom")
    assert np.array_equal(result.matrix(chosen), sum(result.frames[k].matrix() for k in chosen))
    assert result.part(chosen).frames_with[[WALL - 1, BED - 1, CHAIR - 1]].tolist() == [5, 5, 5]
    assert result.part(result.choose(scene="office")).frames_with[BED - 1] == 0
    places = result.part(chosen).stratified()["place"]
    assert list(places) == ["boundary", "interior"]
    assert np.array_equal(places["boundary"] + places["interior"], result.matrix(chosen))
    near = sum(boundary(frame.label).sum() for frame in map(SyntheticReader().read, SyntheticReader().names[::3]))
    assert places["boundary"].sum() == near
    assert np.array_equal(result.part(chosen).boundary, sum(result.frames[k].boundary for k in chosen))
    assert np.isnan(boundary_miou(result.part(chosen[:0]).boundary))


def test_traits_are_shares_of_the_labelled_pixels(result):
    everything = result.choose()
    assert np.allclose(result.shares["missing"], np.arange(COUNT) / SIZE[1])
    reader = SyntheticReader()
    for index, frame in enumerate(map(reader.read, reader.names)):
        known = frame.label != 0
        assert result.shares["far"][index] == pytest.approx((frame.depth[known] >= 3).mean())
        assert result.shares["boundary"][index] == pytest.approx(boundary(frame.label)[known].mean())
    assert result.first_property == "missing"
    told_of_it = result.correlation(everything, "missing", CHAIR)
    assert told_of_it == "Frames with more pixels without measured depth score lower (Spearman -1.00 over 14 frames)."
    assert "Too few frames" in result.correlation(np.arange(3), "missing")
    assert result.correlation(np.arange(1), "missing").startswith("There are no pixels without measured depth")


def test_frames_are_ranked_by_their_own_score_or_a_classs(result):
    everything = result.choose()
    ious = [scores(frame.matrix()).iou[CHAIR - 1] for frame in result.frames]
    assert np.allclose(result.class_iou(everything, CHAIR), ious)
    assert ious[0] == 1
    worst = result.ranked(everything, CHAIR)
    assert [frame.name for frame in worst] == [frame.name for frame in result.frames][::-1]
    assert worst[-1].caption == "IoU of chair 100.0 %"
    best = result.ranked(everything, worst=False)
    assert best[0].value == max(scores(frame.matrix()).miou for frame in result.frames)
    # A frame without a bed is not bad at beds, whatever its false alarms.
    beds = result.ranked(everything, BED)
    have = [frame for frame in result.frames if frame.matrix()[BED - 1].any()]
    assert 0 < len(have) < len(result.frames)
    assert {listed.name for listed in beds} == {frame.name for frame in have}
    assert [listed.value for listed in beds] == sorted(scores(frame.matrix()).iou[BED - 1] for frame in have)
    assert len(result.ranked(result.choose(), SUNRGBD37.names.index("toilet") + 1)) == 0


def test_a_cell_leads_to_the_frames_with_most_of_it(result):
    everything = result.choose()
    cell = Confusion(CHAIR, BED, SUNRGBD37)
    listed = result.confused(everything, cell)
    assert [frame.name for frame in listed] == [frame.name for frame in result.frames][:0:-1]
    assert listed[0].caption == f"{100 * 13 / 20:.0f} % of its chair, {13 * 20:,} px"
    taken, chairs = 20 * sum(range(COUNT)), 400 * COUNT
    assert f"{100 * taken / chairs:.1f} % of the pixels of chair are predicted as bed" in result.describe(
        everything, cell
    )
    assert "100.0 % of all errors" in result.describe(everything, cell)
    assert "predicted correctly" in result.describe(everything, Confusion(WALL, WALL, SUNRGBD37))
    assert "no bed in their ground truth" in result.describe(
        result.choose(scene="office"), Confusion(BED, BED, SUNRGBD37)
    )
    assert most_confused(result.matrix(everything), SUNRGBD37) == [(cell, taken)]
    (_, nothing), (words, value) = messages.confusion_choices(result.matrix(everything), SUNRGBD37)
    assert messages.chosen_confusion(value, SUNRGBD37) == cell
    assert messages.chosen_confusion(nothing, SUNRGBD37) is None
    assert words.startswith("chair predicted as bed: ")


# Runs


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "worst first by mIoU"),
        ({"only": "chair", "order": BEST}, "best first by IoU of chair"),
        ({"only": "chair", "pair": f"{CHAIR},{BED}"}, "most chair predicted as bed first"),
    ],
)
def test_the_order_of_a_list_is_named(settings, expected):
    assert Choice(REQUEST, SUNRGBD37, **settings).order_name == expected


def test_a_cancelled_run_goes_on_where_it_was(make, result):
    first = make(seconds=0.02)
    first.start(REQUEST, "ann")
    wait_for(lambda: first.progress(REQUEST, "ann").done >= 3)
    running = first.progress(REQUEST, "ann")
    assert running.state == "running"
    assert running.following
    assert 0 < running.miou <= 1
    assert 0 < running.seconds_left < 60
    first.cancel(REQUEST, "ann")
    wait_for(lambda: first.progress(REQUEST, "ann").state not in ("waiting", "running"))
    stopped = first.progress(REQUEST, "ann")
    assert stopped.state == "partial"
    assert 3 <= stopped.done < COUNT
    with pytest.raises(InputError, match="not finished"):
        first.result(REQUEST)

    second = make()  # as after a restart of the server
    assert second.progress(REQUEST).done == stopped.done
    found = finished(second)
    ran = first.checkpoints.get().ran + second.checkpoints.get().ran
    assert len(first.checkpoints.get().ran) == stopped.done
    assert sorted(ran) == sorted(found.frames[k].name for k in range(COUNT)), "no frame ran twice"
    assert np.array_equal(found.evaluation.matrix, result.evaluation.matrix)
    assert [frame.name for frame in found.frames] == [frame.name for frame in result.frames]


def test_a_finished_evaluation_is_kept_by_weights_data_and_modality(make, reader):
    found = finished(make())
    again = make()
    assert again.progress(REQUEST).state == "done"
    assert np.array_equal(again.result(REQUEST).evaluation.matrix, found.evaluation.matrix)
    again.start(REQUEST, "ann")
    assert again.checkpoints.get().ran == [], "the network did not run"
    assert again.progress(Run("synthetic", "rgb")).state == "new"
    assert make(sha256="cd" * 32).progress(REQUEST).state == "new"
    other = SyntheticReader(count=COUNT - 1)
    assert contents_fingerprint(other) != contents_fingerprint(reader)
    assert make(readers={"synthetic": other}).progress(REQUEST).state == "new"
    assert finished(again, anew=True)
    assert len(again.checkpoints.get().ran) == COUNT


def test_frames_that_look_turned_are_said_with_the_result_and_after_a_restart(make, reader, monkeypatch):
    said = "The frames look turned; pass --rotate 90."
    asked = []
    monkeypatch.setattr(
        "demo.dataset.evaluations.notice_if_sideways", lambda *given: asked.append(given[1].names) or (said,)
    )
    first = make()
    assert said in finished(first).evaluation.notices
    assert asked == [reader.names]
    again = make()
    assert said in again.result(REQUEST).evaluation.notices
    assert asked == [reader.names], "the network did not run again"
    shown = Sections(again).run(REQUEST, again.progress(REQUEST))
    assert said in shown[0]


def test_a_label_that_was_mended_is_scored_anew(tmp_path, monkeypatch):
    """A finished run is not the answer any more, in memory or on disk, once a file of its data set is written anew."""
    monkeypatch.setattr("demo.dataset.evaluations.FINGERPRINT_SECONDS", 0.0)
    for kind in ("rgb", "label"):
        (tmp_path / kind).mkdir()
    for name in "abc":
        Image.fromarray(picture(1, CHAIR)).save(tmp_path / "rgb" / f"{name}.png")
        Image.fromarray(halves(1, CHAIR, (48, 64))).save(tmp_path / "label" / f"{name}.png")
    Image.fromarray(halves(CHAIR, 1, (48, 64))).save(tmp_path / "label" / "b.png")
    folder = open_reader(root=tmp_path, split="all", label_set="sunrgbd37")
    request = Run("folder", "rgb")
    evaluations = Evaluations(Checkpoints(RedReader()), {"folder": folder}, tmp_path / "runs")
    assert finished(evaluations, request).evaluation.scores.miou < 1
    shutil.copy(tmp_path / "label" / "a.png", tmp_path / "label" / "b.png")
    os.utime(tmp_path / "label" / "b.png", ns=(1, 1))  # clocks of file systems are coarse
    restarted = Evaluations(Checkpoints(RedReader()), {"folder": folder}, tmp_path / "runs")
    for one in (evaluations, restarted):
        assert one.progress(request).state == "new"
    assert finished(evaluations, request).evaluation.scores.miou == 1


def test_runs_of_several_weights_are_kept_apart_and_listed(reader, tmp_path):
    first, other = KnownPredictor(reader), KnownPredictor(reader, sha256="cd" * 32)
    checkpoints = Checkpoints(first, named={"other": other})
    evaluations = Evaluations(checkpoints, {"synthetic": reader}, tmp_path)
    assert evaluations.finished("synthetic") == []
    requests = [evaluations.run("synthetic", "rgbd", name) for name in (checkpoints.first_name, "other")]
    assert requests == [Run("synthetic"), Run("synthetic", "rgbd", "other")]
    for request in requests:
        finished(evaluations, request)
    assert (len(first.ran), len(other.ran)) == (COUNT, COUNT)
    again = Evaluations(checkpoints, {"synthetic": reader}, tmp_path)
    assert again.finished("synthetic") == requests[::-1], "the latest first"
    assert [again.name(request) for request in requests] == [
        f"{checkpoints.first_name}, RGB-D",
        "other, RGB-D",
    ]
    assert again.result(requests[1]).evaluation.provenance["sha256"] == "cd" * 32
    without = Evaluations(Checkpoints(first), {"synthetic": reader}, tmp_path)
    assert without.finished("synthetic") == requests[:1], "those of networks that are not on offer are left out"


@pytest.mark.parametrize(
    ("latest_first", "chosen", "expected"),
    [
        ((), (None, None), (None, None)),
        ((RGBD,), (None, None), (RGBD, None)),
        ((RGB, RGBD), (None, None), (RGB, RGBD)),
        ((OTHER, RGBD, DEPTH, RGB), (None, None), (RGB, RGBD)),
        ((OTHER, DEPTH, RGB), (None, None), (DEPTH, OTHER)),
        ((RGB, RGBD), (RGBD, None), (RGBD, RGB)),
        ((RGB, RGBD), (None, RGB), (RGBD, RGB)),
        ((DEPTH, RGB, RGBD), (RGBD, DEPTH), (RGBD, DEPTH)),
    ],
)
def test_the_runs_to_compare_first_tell_what_depth_adds(latest_first, chosen, expected):
    assert preselected(latest_first, *chosen) == expected


def test_on_zerogpu_a_data_set_is_evaluated_frame_by_frame(reader, tmp_path):
    class Worker(KnownPredictor):
        """Gets frames' arrays alone, and tells each by its picture."""

        __call__, predictions = deresunet.Predictor.__call__, deresunet.Predictor.predictions

        def segment(self, images, modality, inference, top_k):
            assert top_k == 1
            frames = [reader.read(name) for name in reader.names]
            seen = [next(one for one in frames if np.array_equal(one.rgb, rgb)) for rgb, _ in images]
            predicted = [KnownPredictor.__call__(self, one, modality) for one in seen]
            found = [PixelScores(one.classes, one.probabilities, one.entropy) for one in predicted]
            return found, 1.0, self.provenance(modality)

    predictor, lent = Worker(reader), []

    def gpu(duration):
        def decorate(task):
            def run(*args):
                lent.append(duration(*args))
                return task(*args)

            return run

        return decorate

    evaluations = Evaluations(Checkpoints(zerogpu.lend(predictor, gpu)), {"synthetic": reader}, tmp_path)
    found = finished(evaluations)
    assert found.evaluation.frames == COUNT
    assert len(lent) == COUNT
    assert found.evaluation.provenance == predictor.provenance().as_dict()
    assert evaluations.progress(REQUEST).state == "done"


def test_a_second_visitor_follows_and_another_request_is_told_what_runs(make, monkeypatch):
    evaluations = make(seconds=0.03)
    evaluations.start(REQUEST, "ann")
    assert not evaluations.progress(REQUEST, "bob").following
    evaluations.start(REQUEST, "bob")
    assert evaluations.progress(REQUEST, "bob").following
    other = Run("synthetic", "depth")
    evaluations.start(other, "eve")
    waiting = evaluations.progress(other, "eve")
    assert (waiting.state, waiting.following, waiting.done) == ("waiting", True, 0)
    assert re.fullmatch(r"synthetic, RGB-D: \d+ of 14 frames.*", waiting.elsewhere)
    assert "this one starts by itself" in messages.status(other, waiting)
    evaluations.cancel(other, "eve")
    assert evaluations.progress(other, "eve").state == "new", "it never ran"
    evaluations.cancel(REQUEST, "eve")
    evaluations.cancel(REQUEST, "ann")
    assert not evaluations.progress(REQUEST, "bob").stopping, "bob still follows it"
    wait_for(lambda: evaluations.progress(REQUEST, "bob").state == "done")
    assert len(evaluations.checkpoints.get().ran) == COUNT, "both got one run"

    evaluations.checkpoints.get().seconds = 0.1
    evaluations.start(other, "eve")
    wait_for(lambda: evaluations.progress(other, "eve").done >= 1)
    monkeypatch.setattr(demo.dataset.evaluations, "UNWATCHED_S", 0.0)
    evaluations.start(Run("synthetic", "rgb"), "bob")
    wait_for(lambda: evaluations.progress(Run("synthetic", "rgb"), "bob").state == "done")
    assert 0 < evaluations.progress(other).done < COUNT, "what nobody looks at makes room"


def test_an_evaluation_and_a_visitors_frame_take_turns(make, reader):
    evaluations = make(seconds=0.05)
    evaluations.start(REQUEST, "ann")
    wait_for(lambda: evaluations.progress(REQUEST, "ann").done >= 1)
    frame = reader.read(reader.names[0])
    for _ in range(3):
        before = evaluations.progress(REQUEST, "ann").done
        evaluations.checkpoints.get()(frame)
        assert evaluations.progress(REQUEST, "ann").done - before <= 2, "the visitor waited for a frame, not the split"
    assert evaluations.progress(REQUEST, "ann").state == "running"
    evaluations.cancel(REQUEST, "ann")
    wait_for(lambda: evaluations.progress(REQUEST, "ann").state == "partial")


def test_visitors_who_ask_at_once_start_one_run(make):
    evaluations = make(seconds=0.02)
    visitors = [threading.Thread(target=evaluations.start, args=(REQUEST, f"visitor {k}")) for k in range(12)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    wait_for(lambda: evaluations.progress(REQUEST).state == "done")
    assert len(evaluations.checkpoints.get().ran) == COUNT


def test_what_cannot_be_read_is_left_out_and_told_without_the_servers_paths(make):
    broken = SyntheticReader(broken="kv2/0005")
    evaluations = make(readers={"synthetic": broken})
    evaluations.checkpoints.get()._reader = broken
    found = finished(evaluations)
    assert found.evaluation.frames == COUNT - 1
    line = report_page.left_out(found.evaluation)
    assert "kv2/0005.png is cut short" in line
    assert "/srv" not in line


def test_a_run_that_fails_says_why(make, reader, monkeypatch):
    evaluations = make()
    with pytest.raises(InputError, match=r"There is no data set 'other'\. Choose one of: synthetic"):
        evaluations.start(Run("other"), "ann")
    whole = reader.read
    monkeypatch.setattr(reader, "read", lambda name: deresunet.Frame(rgb=whole(name).rgb, name=name))
    evaluations.start(REQUEST, "ann")
    wait_for(lambda: evaluations.progress(REQUEST, "ann").state not in ("waiting", "running"))
    assert "None of the 14 frames has ground truth" in evaluations.progress(REQUEST).failure
    evaluations.checkpoints.get().ran = None  # a mistake in the program, not of the visitor
    monkeypatch.setattr(reader, "read", whole)
    evaluations.start(Run("synthetic", "rgb"), "ann")
    wait_for(lambda: evaluations.progress(Run("synthetic", "rgb")).state not in ("waiting", "running"))
    assert "AttributeError" in evaluations.progress(Run("synthetic", "rgb")).failure


def test_a_full_disk_is_told_without_its_place(make, tmp_path, monkeypatch):
    def full(folder, name, label):
        raise InputError(f"{folder.folder}/labels/x.png cannot be written (No space left on device).")

    monkeypatch.setattr("demo.dataset.store.RunFolder.keep_label", full)
    evaluations = make()
    evaluations.start(REQUEST, "ann")
    wait_for(lambda: evaluations.progress(REQUEST, "ann").state not in ("waiting", "running"))
    failure = evaluations.progress(REQUEST, "ann").failure
    assert "cannot be written (No space left on device)" in failure
    assert str(tmp_path) not in failure


def test_the_folder_is_bounded_and_held_by_one_server(tmp_path):
    store = EvaluationStore(tmp_path, limit_bytes=200_000)
    places = [store.run_folder({"k": k}) for k in range(3)]
    rng = np.random.default_rng(0)
    for place in places:
        place.keep_label("a/b", rng.integers(1, 38, (300, 300), dtype=np.uint8))  # about 90 kB
        store.make_room(place)
        time.sleep(0.02)
    assert places[0].label("a/b") is None, "used longest ago"
    assert places[2].label("a/b") is not None
    assert places[1].label("a/b") is not None
    with places[2].held(), pytest.raises(InputError, match="Another server"), store.run_folder({"k": 2}).held():
        pass


def test_durations_are_for_people():
    assert [duration(s) for s in (0.2, 40, 200, 5400, 3900 * 2)] == ["1 s", "40 s", "3 min", "1 h 30 min", "2 h 10 min"]


# Plots and pictures


def test_clicks_find_the_cells_and_points_that_are_drawn(result):
    everything = result.choose()
    matrix = result.matrix(everything)
    layout, plain = HeatMap.of(matrix, SUNRGBD37), np.asarray(heat_map(matrix, SUNRGBD37))
    framed = np.asarray(heat_map(matrix, SUNRGBD37, CHAIR, Confusion(CHAIR, BED, SUNRGBD37)))
    assert layout.size == plain.shape[1::-1]
    x, y = layout.centre(Confusion(CHAIR, BED, SUNRGBD37))
    assert framed[y, x - layout.cell // 2].tolist() == [30, 41, 59, 255], "a dark frame around the cell"
    assert np.array_equal(np.asarray(heat_map(matrix, SUNRGBD37)), plain), "frames are drawn on a copy"
    assert layout.rows == (1, 2, BED, CHAIR)
    for truth in layout.rows:
        for prediction in layout.columns:
            x, y = layout.centre(Confusion(truth, prediction, SUNRGBD37))
            assert layout.at(x, y) == Confusion(truth, prediction, SUNRGBD37)
            corner = plain[y - layout.cell // 2 + 6, x - layout.cell // 2 + 6]  # beside the number
            share = matrix[truth - 1, prediction - 1] / matrix[truth - 1].sum()
            if share > 0.05:
                assert np.abs(corner[:3].astype(int) - (CORRECT if truth == prediction else WRONG)).max() <= 4
            assert abs(corner[3] / 255 - np.sqrt(share)) < 0.02
    assert layout.at(3, 3) is None
    assert layout.at(layout.size[0] - 2, 200) is None

    for label in (None, CHAIR):
        dots, points = (
            Scatter.of(result, everything, "missing", label),
            np.asarray(scatter(result, everything, "missing", label)),
        )
        assert points.shape[1::-1] == Scatter.SIZE
        for index, (x, y) in zip(dots.indices, dots.points, strict=True):
            assert dots.at(x, y) == index
            red, green, blue, alpha = points[round(y), round(x)].astype(int)
            assert alpha > 150, "a point is drawn there"
            assert max(red, green, blue) - min(red, green, blue) > 60, "in a camera's colour"
        assert dots.at(Scatter.SIZE[0] - 1, 1) is None
    nothing = np.array([], np.int64)
    assert Scatter.of(result, nothing, "far").at(100, 100) is None
    assert scatter(result, nothing, "far").size == Scatter.SIZE
    assert heat_map(result.matrix(nothing), SUNRGBD37).size == HeatMap.of(result.matrix(nothing), SUNRGBD37).size


def test_outcomes_follow_the_focus():
    truth = np.array([[CHAIR, CHAIR, WALL, WALL, 0]], np.uint8)
    predicted = np.array([[CHAIR, BED, CHAIR, WALL, CHAIR]], np.uint8)

    def outcomes(focus):
        names = ["", *focus_keys(focus)]
        return [names[code] for code in focus_codes(truth, predicted, focus)[0]]

    assert outcomes(None) == ["correct", *["wrong at a class boundary"] * 2, "correct", ""]
    assert outcomes(CHAIR) == ["true positive", "false negative", "false positive", "", ""]
    assert outcomes(Confusion(CHAIR, BED, SUNRGBD37)) == ["", str(Confusion(CHAIR, BED, SUNRGBD37)), "", "", ""]
    assert outcomes(Confusion(CHAIR, CHAIR, SUNRGBD37))[1:] == ["", "", "", ""]


def test_pictures_come_from_what_was_kept(make, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    evaluations = make()
    found = finished(evaluations)
    names = [frame.name for frame in found.frames][:4]
    files = pictures(evaluations, REQUEST, names, CHAIR)
    assert list(files) == names
    assert len(set(files.values())) == 4
    assert Image.open(files[names[0]]).size == (2 * SIZE[1] + 6, 2 * SIZE[0] + 6)
    written = Path(files[names[0]]).stat().st_ino
    assert pictures(evaluations, REQUEST, names, CHAIR) == files
    assert Path(files[names[0]]).stat().st_ino == written, "drawn once"
    assert len(evaluations.checkpoints.get().ran) == COUNT, "the network did not run again"
    evaluations.run_folder(REQUEST)._label_path(names[0]).unlink()
    assert pictures(evaluations, REQUEST, names[:1]) != {names[0]: files[names[0]]}, "errors are another picture"
    assert evaluations.checkpoints.get().ran[COUNT:] == names[:1], "only what was not kept runs again"
    monkeypatch.setattr(evaluations.readers["synthetic"], "_broken", names[1])
    assert list(pictures(evaluations, REQUEST, names[:2], BED)) == names[:1]


# Reports


def test_the_report_can_be_handed_to_someone_who_has_none_of_this(reader, tmp_path):
    source = "<script>alert(1)</script>"
    evaluations = Evaluations(Checkpoints(KnownPredictor(reader)), {source: reader}, tmp_path / "runs")
    request = Run(source)
    found = finished(evaluations, request)
    (tmp_path / "out").mkdir()
    page, archive = write_dataset_report(evaluations, request, tmp_path / "out")
    assert sorted((tmp_path / "out").iterdir()) == sorted([page, archive]), "nothing is left beside them"

    written = archive.stat().st_ino
    assert write_dataset_report(evaluations, request, tmp_path / "out") == (page, archive)
    assert archive.stat().st_ino == written, "made once"

    text = page.read_text()
    assert "<script" not in text
    assert "<b>bold</b>" not in text
    assert "&lt;b&gt;bold" in text
    assert "<i>known" not in text
    assert "made &lt;up&gt;" in text
    assert not re.search(r"(src|url)\W{1,3}http|<link|<script", text), "nothing is fetched"
    assert text.count('src="data:image/') == text.count("<img ")
    assert text.count("<figure>") == 24
    assert f"{100 * found.evaluation.scores.miou:.2f} %" in text
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        names = {name.split("/", 1)[1] for name in packed.namelist()}
        assert {"report.html", "result.json", "frames.csv", "classes.csv", "confusion.csv", "confusion.png"} <= names
        assert sum(name.startswith("frames/worst_") for name in names) == 12
        assert all(".." not in name and "<" not in name and not name.startswith("/") for name in packed.namelist())
        top = packed.namelist()[0].split("/")[0]
        assert json.loads(packed.read(f"{top}/result.json"))["miou"] == found.evaluation.as_dict()["miou"]
        rows = list(csv.DictReader(io.StringIO(packed.read(f"{top}/frames.csv").decode())))
        assert [row["name"] for row in rows] == list(reader.names)
        assert ODD_NAME in [row["name"] for row in rows]
        assert not any(b"/srv/" in packed.read(name) for name in packed.namelist())


def test_an_unfinished_evaluation_has_no_report(make, tmp_path):
    evaluations = make()
    with pytest.raises(InputError, match="not finished"):
        write_dataset_report(evaluations, REQUEST, tmp_path)
    assert list(tmp_path.iterdir()) == []


# Words


@pytest.mark.parametrize(
    ("seconds", "wanted"), [(0.0, "not evaluated yet"), (0.05, "0 of 14 frames")], ids=["new", "running"]
)
def test_the_state_of_a_run_is_told(make, seconds, wanted):
    evaluations = make(seconds)
    if seconds:
        evaluations.start(REQUEST, "ann")
    progress = evaluations.progress(REQUEST, "ann")
    assert wanted in messages.status(REQUEST, progress)
    if seconds:
        stranger = messages.status(REQUEST, evaluations.progress(REQUEST, "bob"))
        assert "It runs for another page, or for this one before it was reloaded" in stranger
        assert 'role="progressbar"' in stranger
        wait_for(lambda: evaluations.progress(REQUEST, "ann").done >= 1)
        evaluations.cancel(REQUEST, "ann")
        wait_for(lambda: evaluations.progress(REQUEST, "ann").state not in ("waiting", "running"))
        assert "Interrupted" in messages.status(REQUEST, evaluations.progress(REQUEST, "ann"))
    assert "&lt;b&gt;" in messages.status(Run("<b>"), progress)
