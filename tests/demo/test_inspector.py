"""The inspector: what is run, kept, found and refused."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.downloads import handed_out
from demo.inspect import first_frame
from demo.inspect.messages import captions
from demo.inspector import REAL_SAMPLES, DatasetFrame, Inspector, Upload, samples
from demo.networks import Checkpoints, distinct_names
from deresunet import InputError
from deresunet.data.folder import SAMPLES_DIR
from deresunet.data.readers import open_reader


class CountingPredictor:
    """Counts how often the network runs."""

    def __init__(self, predictor):
        self.predictor, self.calls = predictor, 0

    def __getattr__(self, name):
        return getattr(self.predictor, name)

    def __call__(self, *args):
        self.calls += 1
        return self.predictor(*args)


@pytest.fixture
def inspector(small, rooms):
    return Inspector(CountingPredictor(small), {"sample rooms": rooms})


def sample(kind):
    return str(SAMPLES_DIR / kind / f"0002.{'jpg' if kind == 'rgb' else 'png'}")


def test_a_data_sets_frame_is_run_once_a_modality(inspector):
    origin = inspector.first()
    assert origin == DatasetFrame("sample rooms", "0000")
    first = inspector.open(origin)
    assert inspector.open(origin) is first
    assert inspector.predictor.calls == 1
    assert inspector.open(origin, "rgb").described["provenance"]["modality"] == "rgb"
    assert inspector.predictor.calls == 2


def test_a_frame_that_was_mended_on_disk_is_run_anew(predictor, tmp_path):
    """Its inspection, ablation and thumbnail are those of the files as they are now; other frames keep theirs."""
    for kind, suffix in (("rgb", "jpg"), ("depth", "png"), ("label", "png")):
        (tmp_path / kind).mkdir()
        for name in ("0002", "0003"):
            shutil.copy(SAMPLES_DIR / kind / f"{name}.{suffix}", tmp_path / kind)
    folder = Inspector(
        CountingPredictor(predictor), {"mine": open_reader(root=tmp_path, split="all", label_set="sunrgbd37")}
    )
    origin, other = (DatasetFrame("mine", name) for name in ("0002", "0003"))
    before, unchanged = folder.open(origin), folder.open(other)
    ablation, thumbnail = folder.kept_ablation(origin).get(), folder.thumbnails("mine", ["0002"])[0][0]
    assert folder.open(origin) is before
    label = tmp_path / "label" / "0002.png"
    Image.fromarray(np.roll(np.asarray(Image.open(label)), 40, axis=1)).save(label)
    os.utime(label, ns=(1, 1))  # clocks of file systems are coarse
    after = folder.open(origin)
    assert after.scores.miou != before.scores.miou
    assert folder.kept_ablation(origin).get() is not ablation
    assert folder.open(other) is unchanged
    rgb = tmp_path / "rgb" / "0002.jpg"
    Image.fromarray(255 - np.asarray(Image.open(rgb))).save(rgb, quality=90)
    os.utime(rgb, ns=(1, 1))
    assert folder.thumbnails("mine", ["0002"])[0][0] != thumbnail
    assert folder.open(origin) is not after


def test_uploads_are_read_decoded_and_run_once(inspector):
    upload = Upload(sample("rgb"), sample("depth"), sample("label"))
    one, two = inspector.open(upload), inspector.open(upload)
    assert one is two
    assert inspector.predictor.calls == 1
    assert one.depth_reading.unit == "mm"
    assert one.name == "0002", "an upload keeps its file's name"
    assert one.scores.miou > 0


def test_inspections_of_all_visitors_have_a_budget_and_come_back(inspector, monkeypatch):
    one = inspector.open(inspector.first()).nbytes
    monkeypatch.setattr("demo.inspector.INSPECTION_BYTES", int(2.5 * one))
    bounded = Inspector(inspector.predictor, inspector.readers)
    names = bounded.names("sample rooms")[:6]
    visitors = [bounded.kept(DatasetFrame("sample rooms", name)) for name in names]
    inspector.predictor.calls = 0
    seen = [visitor.get() for visitor in visitors]
    assert bounded._inspections.nbytes <= 2.5 * one
    assert inspector.predictor.calls == 6
    assert visitors[-1].get() is seen[-1]
    assert inspector.predictor.calls == 6, "the latest are kept"
    again = visitors[0].get()
    assert inspector.predictor.calls == 7, "the first went, and is run again for its visitor"
    assert np.array_equal(again.label, seen[0].label)


def test_an_upload_that_went_is_told_without_its_place(inspector, tmp_path):
    gone = Upload(str(tmp_path / "gone.png"))
    with pytest.raises(InputError, match=r"gone\.png is no longer here") as told:
        inspector.open(gone)
    assert str(tmp_path) not in str(told.value)


@pytest.mark.parametrize("kind", ["png", "npy"])
def test_a_frame_of_too_many_pixels_is_refused(inspector, tmp_path, kind):
    path = tmp_path / f"large.{kind}"
    depth = np.full((40, 50), 2000, np.uint16)
    if kind == "npy":
        np.save(path, depth.astype(np.float32) / 1000)
    else:
        Image.fromarray(depth).save(path)
    inspector.max_pixels = 1999
    with pytest.raises(InputError, match=r"50x40, 2,000 pixels; this page takes at most 1,999"):
        inspector.open(Upload(depth=str(path)))
    with pytest.raises(InputError, match=r"this page takes at most 1,999"):
        inspector.depth_card(None, str(path))
    assert inspector.predictor.calls == 0


def test_a_large_photograph_is_reduced_and_said_under_its_picture(inspector, tmp_path):
    Image.new("RGB", (640, 480), (90, 80, 70)).save(tmp_path / "IMG_0001.jpg")
    inspector.max_pixels = 100_000
    seen = inspector.open(Upload(str(tmp_path / "IMG_0001.jpg")))
    assert seen.label.shape == (240, 320)
    assert "IMG_0001.jpg, 640 x 480, was reduced to 320 x 240" in captions(seen)["rgb"]


def test_the_encoding_can_be_overruled(inspector):
    seen = inspector.open(Upload(sample("rgb"), sample("depth"), depth_unit="sunrgbd"))
    assert seen.depth_reading.unit == "sunrgbd"
    assert not seen.depth_reading.detected


def test_nothing_given_is_told(inspector):
    with pytest.raises(InputError, match="Give an RGB image, a depth file, or both"):
        inspector.open(Upload())


def test_the_depth_card_comes_before_the_network_runs(inspector, tmp_path):
    assert "640 x 480" in inspector.depth_card(sample("rgb"), sample("depth"))[0]
    assert inspector.depth_card(sample("rgb"), None) == ("", "")
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "colour.png")
    with pytest.raises(InputError, match="grey picture of depth in three channels"):
        inspector.depth_card(None, str(tmp_path / "colour.png"))
    assert inspector.predictor.calls == 0


def test_thumbnails_are_small_and_named(inspector):
    names = inspector.names("sample rooms")[:3]
    thumbnails = inspector.thumbnails("sample rooms", names)
    assert tuple(name for _, name in thumbnails) == names
    assert all(max(picture.size) <= 192 for picture, _ in thumbnails)
    with pytest.raises(InputError, match="sample rooms"):
        inspector.names("other")


@pytest.mark.slow
def test_the_first_frame_is_the_real_sample_on_which_depth_helps_most(predictor):
    """Other weights need `python -m demo.inspect.first_frame`, which measures them."""
    inspector, told = Inspector(predictor, samples()), first_frame.measured()
    assert inspector.first() == DatasetFrame(REAL_SAMPLES, told.first)
    assert told.weights == predictor.checkpoint.sha256
    assert set(told.rgbd) == set(told.rgb) == set(inspector.names(REAL_SAMPLES))
    with_depth, without = (
        inspector.open(DatasetFrame(REAL_SAMPLES, told.first), modality).scores.miou for modality in ("rgbd", "rgb")
    )
    assert told.rgbd[told.first] == pytest.approx(with_depth, abs=0.01)
    assert told.rgb[told.first] == pytest.approx(without, abs=0.01)
    note = told.note(told.first, told.weights, 0.5)
    assert "50.0 % mIoU with it" in note
    assert "Best of 7" in note
    assert not told.note(told.first, "ab" * 32, 0.5), "nothing is said of other weights"


def test_segment_gives_programs_what_predict_gives(inspector, small, rooms):
    label, told = inspector.segment(Upload(sample("rgb"), sample("depth"), sample("label")))
    expected = small(rooms.read("0002"))
    assert np.array_equal(label, expected.label)
    assert told["provenance"] == expected.provenance.as_dict()
    assert told["miou"] > 0


def test_checkpoints_of_one_file_name_are_told_apart(predictor):
    one, two = "/runs/a/checkpoints/last.ckpt", "/runs/b/checkpoints/last.ckpt"
    assert distinct_names([one, two, "best.ckpt"]) == {
        one: "a/checkpoints/last.ckpt",
        two: "b/checkpoints/last.ckpt",
        "best.ckpt": "best.ckpt",
    }
    assert distinct_names([one, one]) == {one: "last.ckpt"}, "the same file twice"
    assert distinct_names(["last.ckpt", one]) == {"last.ckpt": "last.ckpt", one: "checkpoints/last.ckpt"}
    assert distinct_names([one], taken=["last.ckpt"]) == {one: "checkpoints/last.ckpt"}
    bundled = predictor.checkpoint.name
    checkpoints = Checkpoints(predictor, [one, two, f"/mine/{bundled}"])
    theirs = ["a/checkpoints/last.ckpt", "b/checkpoints/last.ckpt", f"mine/{bundled}"]
    assert checkpoints.names == [bundled, *theirs, "dinov2_vits14_rgbd.safetensors"]
    assert checkpoints.get(bundled) is predictor


def test_the_same_file_is_handed_out_under_the_same_path(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = Path(handed_out("a.png", b"one"))
    os.utime(path.parent, (1, 1))  # an hour has passed
    assert handed_out("a.png", b"one") == str(path)
    assert path.parent.stat().st_mtime > 1, "it stays for another hour"
    assert handed_out("a.png", b"two") != str(path)
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]
    path.unlink()
    assert Path(handed_out("a.png", b"one")).read_bytes() == b"one"
    assert hashlib.sha256(b"one").hexdigest()[:16] not in str(path), "it cannot be guessed from the content"


def test_a_file_is_handed_out_while_another_request_deletes_old_ones(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old = [Path(handed_out("old.txt", bytes([k]))).parent for k in range(3)]
    for folder in old:
        os.utime(folder, (0, 0))
    listed = Path.iterdir

    def racing(folder):
        """Folders of which another request deletes one between the listing and the look at its age."""
        found = list(listed(folder))
        shutil.rmtree(old[0], ignore_errors=True)
        return iter(found)

    monkeypatch.setattr(Path, "iterdir", racing)
    path = Path(handed_out("new.txt", b"new"))
    monkeypatch.undo()
    assert path.read_bytes() == b"new"
    assert [folder.name for folder in path.parent.parent.iterdir()] == [path.parent.name], "the old ones are gone"
