"""Evaluation of frames in memory: counts by hand, regions, failures, resumption, reading ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from networks import small_checkpoint
from sunrgbd_archives import RedReader, halves, picture

from deresunet.classes import SUNRGBD37
from deresunet.data.frame import Frame
from deresunet.data.label_checks import SHIFT_FRAMES
from deresunet.data.labels import LabelFormat
from deresunet.data.passes import prefetch
from deresunet.errors import InputError
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.evaluator import describe_protocol, evaluate
from deresunet.evaluation.metrics import confusion_matrix
from deresunet.evaluation.resume import ResumeFile
from deresunet.evaluation.stratified import DEPTH_RANGES, boundary, frame_result, pool
from deresunet.inference.batching import batched_by_size
from deresunet.inference.network import network_of
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import usable_modality
from deresunet.inference.stored_predictions import MissingPredictionError
from deresunet.inference.tta import SUNRGBD_SIZE, Inference

WALL, CHAIR, SOFA = 1, 5, 6
SIZES = [(48, 64), (64, 96), (96, 64)]


class Frames:
    """A reader of frames in memory; an error stands for a frame that cannot be read."""

    def __init__(self, frames: dict[str, Frame | InputError]) -> None:
        self.frames = frames
        self.reads: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.frames)

    def read(self, name: str) -> Frame:
        self.reads.append(name)
        frame = self.frames[name]
        if isinstance(frame, InputError):
            raise frame
        return frame


class Oracle:
    """Predicts `truth` by the frame's name, or what is a sofa everywhere."""

    usual_batch, protocol, class_set = 1, "truth by name", SUNRGBD37

    def __init__(self, truth: dict[str, np.ndarray] | None = None) -> None:
        self.truth = truth or {}
        self.calls: list[str] = []

    def predictions(self, frames: list[Frame], modality: str = "rgbd", top_k: int = 5) -> list[Prediction]:
        return [self(one, modality) for one in frames]

    def modality_of(self, frame: Frame, wanted: str = "rgbd") -> str:
        return usable_modality(frame, wanted)

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def __call__(self, frame: Frame, modality: str = "rgbd") -> Prediction:
        self.calls.append(frame.name)
        label = self.truth.get(frame.name, np.full(frame.size, SOFA, np.uint8))
        flat = np.ones(frame.size, np.float32)
        scores = PixelScores(np.stack([label] * 5), np.stack([flat] * 5), flat)
        return Prediction.of(scores, 1.0, self.provenance(modality))

    def provenance(self, modality: str = "rgbd") -> object:
        return RedReader().provenance(modality)


def frame(name: str, size: tuple[int, int] = (48, 64), label: np.ndarray | None = None, **more: object) -> Frame:
    return Frame(rgb=np.zeros((*size, 3), np.uint8), label=label, name=name, **more)


@pytest.fixture
def frames() -> Frames:
    """Of three sizes and two cameras; one is all void, one has no ground truth."""
    made = {
        f"f{k}": frame(f"f{k}", size, halves(WALL, CHAIR, size), sensor=["kv1", "kv2"][k % 2], scene="office")
        for k, size in enumerate(SIZES)
    }
    made["void"] = frame("void", label=np.zeros((48, 64), np.uint8), sensor="kv1")
    made["unlabelled"] = frame("unlabelled", sensor="kv2")
    return Frames(made)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_pooled_over_frames_of_different_sizes(frames: Frames, workers: int) -> None:
    """f0 and f1 are right, f2 is a sofa: the pixels count, not the frames."""
    right = {f"f{k}": halves(WALL, CHAIR, SIZES[k]) for k in range(2)}
    result = evaluate(Oracle(right), frames, workers=workers)
    half = [height * width // 2 for height, width in SIZES]
    iou = (half[0] + half[1]) / sum(half)
    told = result.as_dict()
    assert told["iou"][WALL - 1] == told["iou"][CHAIR - 1] == pytest.approx(100 * iou, abs=1e-3)
    assert told["iou"][SOFA - 1] == 0.0
    assert told["miou"] == pytest.approx(100 * iou, abs=1e-3)
    assert (told["frames"], told["unlabelled"], told["failed"]) == (4, ["unlabelled"], [])
    assert {name: group["frames"] for name, group in told["sensors"].items()} == {"kv1": 3, "kv2": 1}
    assert told["sensors"]["kv2"]["miou"] == 100.0
    assert told["scenes"]["office"]["pixels"] == 2 * sum(half)
    assert [one.name for one in result.results] == ["f0", "f1", "f2", "void"]
    assert told["protocol"] == f"{describe_protocol(Oracle(), SUNRGBD37)}; modality rgbd"


@pytest.mark.parametrize("batch", [1, 2, 3, 16])
def test_frames_go_in_batches_of_one_size_and_nothing_else_changes(frames: Frames, batch: int) -> None:
    for k in range(5):
        frames.frames[f"g{k}"] = frame(f"g{k}", SIZES[k % 2], halves(WALL, CHAIR, SIZES[k % 2]))
    seen: list[list[str]] = []

    class Noted(Oracle):
        def predictions(self, given: list[Frame], modality: str = "rgbd", top_k: int = 5) -> list[Prediction]:
            assert len({one.size for one in given}) == 1
            seen.append([one.name for one in given])
            return super().predictions(given, modality, top_k)

    alone, together = evaluate(Oracle(), frames), evaluate(Noted(), frames, batch=batch)
    # f0, void, g0, g2 and g4 are of one size, f1, g1 and g3 of another, f2 alone of its own.
    assert sorted(map(len, seen)) == {1: [1] * 9, 2: [1, 1, 1, 2, 2, 2], 3: [1, 2, 3, 3], 16: [1, 3, 5]}[batch]
    assert np.array_equal(alone.matrix, together.matrix)
    assert [one.name for one in alone.results] == [one.name for one in together.results]


def test_a_prediction_that_is_missing_costs_its_own_frame_alone(frames: Frames) -> None:
    class Stored(Oracle):
        def __call__(self, frame: Frame, modality: str = "rgbd") -> Prediction:
            if frame.name == "f0":
                raise MissingPredictionError("f0.png is not there.")
            return super().__call__(frame, modality)

    alone, together = evaluate(Stored(), frames), evaluate(Stored(), frames, batch=4)
    assert alone.missing == together.missing == ("f0",)
    assert np.array_equal(alone.matrix, together.matrix)


def test_a_fixed_input_size_puts_frames_of_all_sizes_into_one_batch(frames: Frames) -> None:
    seen: list[int] = []

    class Noted(Predictor):
        def predictions(self, given: list[Frame], modality: str = "rgbd", top_k: int = 5) -> list[Prediction]:
            seen.append(len(given))
            return super().predictions(given, modality, top_k)

    network = network_of(small_checkpoint(), "cpu")
    together = evaluate(Noted(network, Inference((64, 96))), frames, batch=8)
    assert seen == [4], "of three sizes"
    assert np.array_equal(together.matrix, evaluate(Predictor(network, Inference((64, 96))), frames, batch=1).matrix)


def test_few_frames_wait_for_their_like() -> None:
    taken = []

    def feed() -> Iterator[tuple[str, Frame]]:
        for k in range(40):
            taken.append(k)
            yield str(k), frame(str(k), (32 + k, 64))

    groups = batched_by_size(feed(), 4, lambda height, width: (height, width))
    assert [name for name, _ in next(groups)] == ["0"]
    assert len(taken) == 8, "twice a batch"
    assert sum(map(len, groups)) == 39


def test_limit_and_progress(frames: Frames) -> None:
    seen = []
    evaluate(
        Oracle(), frames, limit=2, on_frame=lambda done, one, _, matrix: seen.append((done, one.name, matrix.sum()))
    )
    assert seen == [(1, "f0", 48 * 64), (2, "f1", 48 * 64 + 64 * 96)]


def test_no_ground_truth_at_all() -> None:
    with pytest.raises(InputError, match="None of the 2 frames has ground truth"):
        evaluate(Oracle(), Frames({"a": frame("a"), "b": frame("b")}))


def test_empty_list_of_frames() -> None:
    with pytest.raises(InputError, match="The split has no frames"):
        evaluate(Oracle(), Frames({}))


def test_broken_frames_stop_or_are_listed(frames: Frames) -> None:
    frames.frames["broken"] = InputError("/data/broken/depth.png: damaged")
    with pytest.raises(InputError, match="/data/broken"):
        evaluate(Oracle(), frames)
    result = evaluate(Oracle(), frames, on_error="skip")
    assert result.as_dict()["failed"] == [{"name": "broken", "error": "/data/broken/depth.png: damaged"}]
    assert result.frames == 4


def test_only_broken_frames_say_so() -> None:
    with pytest.raises(InputError, match=r"None of the 1 frames could be used\. /data/a"):
        evaluate(Oracle(), Frames({"a": InputError("/data/a: damaged")}), on_error="skip")


def test_modality_that_a_frame_lacks_is_a_failure_of_that_frame(frames: Frames) -> None:
    frames.frames = {
        "with": Frame(picture(1, 5), np.ones((48, 64), np.float32), halves(1, 5), name="with"),
        "f0": frames.frames["f0"],
    }
    result = evaluate(RedReader().with_inference(Inference(SUNRGBD_SIZE)), frames, "depth", on_error="skip")
    assert [failure.name for failure in result.failed] == ["f0"]


# Regions


def test_regions_are_a_partition_and_by_hand() -> None:
    depth = np.full((48, 64), 2.5, np.float32)
    depth[:12], depth[12:24] = 0, 7.0
    measured = np.ones((48, 64), bool)
    measured[:, :8] = False
    one = frame("a", label=halves(WALL, CHAIR), depth=depth, measured=measured)
    prediction = np.full((48, 64), WALL, np.uint8)
    result = frame_result(one, prediction)
    assert np.array_equal(result.matrix(), confusion_matrix(one.label, prediction, 37))
    total = pool([result], 37)
    assert total.sum() == 48 * 64
    by_depth = total.sum((1, 2))
    assert {DEPTH_RANGES[k]: int(by_depth[k].sum()) for k in np.flatnonzero(by_depth.sum((1, 2)))} == {
        "2 to 3 m": 24 * 64,
        "over 6 m": 12 * 64,
        "no depth": 12 * 64,
    }
    assert total.sum((0, 2, 3, 4)).tolist() == [48 * 56, 48 * 8]
    assert total.sum((0, 1, 3, 4)).tolist() == [48 * 10, 48 * 54]
    assert total.sum((0, 1))[0, CHAIR - 1, WALL - 1] == 48 * 5  # the chair's side of the boundary


@pytest.mark.parametrize(
    ("metres", "name"),
    [
        (0.5, "0 to 1 m"),
        (1.0, "1 to 2 m"),
        (3.999, "3 to 4 m"),
        (4.0, "4 to 6 m"),
        (6.0, "over 6 m"),
        (0.0, "no depth"),
    ],
)
def test_ends_of_the_depth_ranges(metres: float, name: str) -> None:
    one = frame("a", label=halves(WALL, CHAIR), depth=np.full((48, 64), metres, np.float32))
    counted = pool([frame_result(one, halves(WALL, CHAIR))], 37).sum((1, 2, 3, 4))
    assert DEPTH_RANGES[int(np.flatnonzero(counted)[0])] == name
    assert np.count_nonzero(counted) == 1


def test_frame_without_depth() -> None:
    counted = pool([frame_result(frame("a", label=halves(WALL, CHAIR)), halves(WALL, CHAIR))], 37)
    assert counted[-1, 1].sum() == 48 * 64


def test_boundary_by_hand() -> None:
    label = np.zeros((20, 30), np.uint8)
    label[:, :10], label[:, 15:] = WALL, CHAIR
    # Void between the two: nearer than the radius to another class's pixel, not to void.
    assert not boundary(label, 5).any()
    at = boundary(label, 6)
    assert np.flatnonzero(at.any(0)).tolist() == [9, 15]
    assert at[:, 9].all()
    assert not boundary(np.zeros((9, 9), np.uint8)).any()
    assert not boundary(np.full((9, 9), 3, np.uint8)).any()


def test_a_result_survives_json() -> None:
    rng = np.random.default_rng(0)
    one = frame("a/b", label=rng.integers(0, 38, (48, 64), dtype=np.uint8), scene="office")
    result = frame_result(one, rng.integers(1, 38, (48, 64), dtype=np.uint8), 0.25)
    again = type(result).from_json(result.as_json())
    assert np.array_equal(again.matrix(), result.matrix())
    assert (again.name, again.scene, again.seconds) == ("a/b", "office", 0.25)


def test_result_needs_ground_truth_of_the_same_size() -> None:
    with pytest.raises(ValueError, match="expected ground truth"):
        frame_result(frame("a"), halves(WALL, CHAIR))
    with pytest.raises(ValueError, match="expected ground truth"):
        frame_result(frame("a", label=halves(WALL, CHAIR)), np.ones((4, 4), np.uint8))


# Resumption


def run_with(
    path: Path, frames: Frames, oracle: Oracle, subject: str = "x", stop_after: int | None = None
) -> Evaluation:
    def interrupt(done: int, *_: object) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    with ResumeFile(path, {"weights": subject}) as resume:
        return evaluate(oracle, frames, on_frame=interrupt, workers=0, resume=resume)


def test_a_frame_counts_as_done_when_its_label_is_kept(frames: Frames, tmp_path: Path) -> None:
    path, oracle, kept = tmp_path / "resume.jsonl", Oracle(), []

    def keep(name: str, label: np.ndarray) -> None:
        if name == "f1" and name not in kept:
            kept.append(name)
            raise KeyboardInterrupt
        kept.append(name)

    for _ in range(2):
        with suppress(KeyboardInterrupt), ResumeFile(path, {"weights": "x"}) as resume:
            evaluate(oracle, frames, keep_label=keep, workers=0, resume=resume)
    assert kept == ["f0", "f1", "f1", "f2", "void"]


def test_interrupted_evaluation_goes_on(frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "resume.jsonl"
    whole = evaluate(Oracle(), frames)
    oracle = Oracle()
    with pytest.raises(KeyboardInterrupt):
        run_with(path, frames, oracle, stop_after=2)
    path.write_bytes(path.read_bytes() + b'{"result": {"na')  # cut short by the interruption
    result = run_with(path, frames, oracle)
    assert oracle.calls == ["f0", "f1", "f2", "void"], "each frame once"
    assert np.array_equal(result.matrix, whole.matrix)
    told, expected = result.as_dict(), whole.as_dict()
    for key in set(told) - {"seconds_per_frame"}:
        assert told[key] == expected[key], key
    # And once more: nothing is left to do.
    frames.reads.clear()
    assert run_with(path, frames, Oracle()).as_dict()["miou"] == expected["miou"]
    assert frames.reads == []


def test_journal_of_another_evaluation_is_begun_anew(frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "resume.jsonl"
    run_with(path, frames, Oracle())
    oracle = Oracle()
    run_with(path, frames, oracle, subject="other weights")
    assert len(oracle.calls) == 4
    assert path.read_text().count('"subject"') == 1


def test_failures_are_tried_again(frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "resume.jsonl"
    mended = frames.frames["f2"]
    frames.frames["f2"] = InputError("/data/f2: damaged")
    with pytest.raises(InputError):
        run_with(path, frames, Oracle())
    frames.frames["f2"] = mended
    assert run_with(path, frames, Oracle()).frames == 4


def test_journal_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        ResumeFile(tmp_path / "absent" / "resume.jsonl", {})


def test_frames_without_ground_truth_are_looked_up_at_once_however_many(tmp_path: Path) -> None:
    compared = 0

    class Name(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    with ResumeFile(tmp_path / "resume.jsonl", {}) as resume:
        for k in range(500):
            resume.add_unlabelled(f"f{k}")
    with ResumeFile(tmp_path / "resume.jsonl", {}) as resume:
        assert resume.resumed == 500
        assert all(Name(f"f{k}") in resume for k in range(500))
        assert Name("g") not in resume
    assert compared <= 1000


# Reading ahead


def test_frames_come_in_order_and_few_are_held() -> None:
    alive, most, lock = 0, 0, threading.Lock()

    class Item:
        def __init__(self, name: str) -> None:
            nonlocal alive, most
            self.name = name
            with lock:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= 1

    def read(name: str) -> Item:
        time.sleep(0.001 * (int(name) % 3))
        return Item(name)

    names = [str(k) for k in range(40)]
    seen = []
    for name, item in prefetch(names, read, workers=3):
        assert isinstance(item, Item)
        assert item.name == name
        seen.append(name)
        del item
    assert seen == names
    assert most <= 3 * 2 + 1


def test_the_network_does_not_wait_for_decoding() -> None:
    """Ten frames of 20 ms of reading and 20 ms of work take little more than the work."""

    def read(name: str) -> str:
        time.sleep(0.02)
        return name

    def busy(workers: int) -> float:
        start = time.perf_counter()
        for _ in prefetch([str(k) for k in range(20)], read, workers):
            time.sleep(0.02)
        return time.perf_counter() - start

    assert busy(2) < 0.8 * busy(0)


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_come_in_their_place_and_others_are_raised(workers: int) -> None:
    def read(name: str) -> str:
        if name == "b":
            raise InputError("b is broken")
        if name == "z":
            raise ZeroDivisionError
        return name

    told = [item if isinstance(item, str) else str(item) for _, item in prefetch("abc", read, workers)]
    assert told == ["a", "b is broken", "c"]
    with pytest.raises(ZeroDivisionError):
        list(prefetch("abz", read, workers))


def test_protocol_in_words() -> None:
    tiny = Predictor(network_of(small_checkpoint(pixels=96 * 128), "cpu", "eager"))
    assert describe_protocol(tiny, SUNRGBD37).startswith(
        "single scale, about 12,288 network pixels at the frame's aspect ratio (96x128 for 4:3), sub-pixel scores"
    )
    raw = Predictor(network_of(small_checkpoint(pixels=480 * 640), "cpu", "eager", head="raw"))
    assert describe_protocol(raw, SUNRGBD37).startswith(
        "single scale, about 307,200 network pixels at the frame's aspect ratio (480x640 for 4:3), logits bilinear"
    )
    assert "input 480x640" in describe_protocol(tiny.with_inference(Inference(SUNRGBD_SIZE)), SUNRGBD37)
    augmented = describe_protocol(
        tiny.with_inference(Inference(SUNRGBD_SIZE, flip=True, scales=(0.75, 1.25))), SUNRGBD37
    )
    assert "test-time augmentation" in augmented
    assert "0.75, 1.25 and their mirror images" in augmented


@pytest.mark.parametrize("moved", [1, -1])
@pytest.mark.parametrize("count", [3, 8])
def test_labels_that_fit_when_they_are_moved_by_one_are_refused_resumed_or_not(
    tmp_path: Path, moved: int, count: int
) -> None:
    truth = np.repeat(np.arange(2, 10, dtype=np.uint8), 6)[:, None].repeat(64, 1)
    made = {f"f{k}": frame(f"f{k}", label=np.roll(truth, k, 0) - np.uint8(moved % 256)) for k in range(count)}
    predictor = Oracle({name: np.roll(truth, k, 0) for k, name in enumerate(made)})
    path = tmp_path / "resume.jsonl"
    for _ in range(2):  # the second finds the first one's results
        with pytest.raises(InputError, match=f"--label-offset {moved}"), ResumeFile(path, {}) as resume:
            evaluate(predictor, Frames(made), workers=0, resume=resume)
    assert 1 < len(path.read_text().splitlines()) <= SHIFT_FRAMES, "a run left results, and stopped before its end"
    told = Frames(made)
    told.labels = LabelFormat("sunrgbd37", 0)  # as they are, says the user
    assert evaluate(predictor, told, workers=0).scores.pixel_acc < 0.2


def test_labels_that_fit_as_they_are_pass(tmp_path: Path) -> None:
    truth = np.repeat(np.arange(2, 10, dtype=np.uint8), 6)[:, None].repeat(64, 1)
    made = {f"f{k}": frame(f"f{k}", label=truth) for k in range(6)}
    predictor = Oracle(dict.fromkeys(made, truth))
    assert evaluate(predictor, Frames(made)).scores.pixel_acc == 1.0
