"""The predictor: reference outputs, sizes, modalities, devices."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import deresunet
from deresunet import Frame, InputError
from deresunet.config import Preprocessing
from deresunet.data.readers import open_reader
from deresunet.errors import FrameWarning
from deresunet.inference.postprocessing import OutputSpec, to_frame_size
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import normalise_depth, raw_batch, to_tensors
from deresunet.inference.smoothing import smooth_logits

REFERENCE_LOGITS = 1e-4  # absolute, float32 on any CPU
GOLDEN_LOGITS = 2e-2  # stored as float16
FAST_AGREEMENT = 0.995  # share of pixels whose label the default path keeps


def logits_of(predictor, frame):
    return predictor.logits(*to_tensors(frame, predictor.checkpoint.preprocessing))[0].float().numpy()


@pytest.mark.parametrize("name", ["0001", "0582", "1129"])
def test_reference_logits_on_real_frames(raw, exact, bundled, shared, name):
    expected = np.load(shared / "reference" / "expected.npz")
    frame = open_reader(root=shared / "data" / "nyuv2", split="test").read(name)
    assert (bundled(frame).label == exact(frame).label).mean() >= FAST_AGREEMENT
    logits = logits_of(raw, frame)
    assert (logits.argmax(0) == expected[f"{name}_argmax"]).mean() >= 0.999
    assert np.abs(logits[:, ::8, ::8] - expected[f"{name}_logits_every_8"]).max() <= REFERENCE_LOGITS
    # The smooth head's scores are the raw ones, averaged and interpolated.
    smooth = smooth_logits(torch.from_numpy(logits)[None])[0].numpy()
    assert np.abs(logits_of(exact, frame) - smooth).max() <= REFERENCE_LOGITS


def test_golden_logits_on_a_sample_room(raw, room, request):
    golden = np.load(request.path.parent / "golden" / "room_0001.npz")
    logits = logits_of(raw, room)
    assert (logits.argmax(0) + 1 == golden["label"]).mean() >= 0.999
    logits = logits[:, ::8, ::8]
    assert np.abs(logits - golden["logits_every_8"].astype(np.float32)).max() <= GOLDEN_LOGITS


def test_golden_logits_of_the_vision_transformer(rooms, request):
    """The stored logits are the reference implementation's, every sixth row and eighth column of a quarter's size."""
    vit = deresunet.load("dinov2_vits14_rgbd", device="cpu", backend="eager")
    golden = np.load(request.path.parent / "golden" / "dinov2_rooms.npz")
    for name in golden.files:
        batch = raw_batch([rooms.read(name)], vit.checkpoint.preprocessing)
        (logits,) = vit.tensors(batch, OutputSpec())
        assert np.abs(logits[0, :, ::6, ::8].numpy() - golden[name]).max() <= REFERENCE_LOGITS
    assert vit.class_set.name == "nyu40"
    assert vit.provenance().architecture == "dinov2_vits14_rgbd"
    prediction = vit(rooms.read("0001"))
    assert prediction.class_set is vit.class_set
    assert prediction.label.max() <= 40


@pytest.mark.parametrize("size", [(32, 32), (45, 77), (32, 500), (480, 640), (530, 730), (1080, 1920)])
def test_a_prediction_has_the_frames_own_size(small, noise_frame, size):
    prediction = small(noise_frame(*size))
    assert prediction.label.shape == size
    assert prediction.label.dtype == np.uint8
    assert prediction.label.min() >= 1
    assert prediction.label.max() <= 37
    assert prediction.confidence.shape == size
    assert prediction.confidence.dtype == np.float32
    assert prediction.classes.shape == prediction.probabilities.shape == (5, *size)
    assert np.array_equal(prediction.classes[0], prediction.label)
    assert (np.diff(prediction.probabilities, axis=0) <= 0).all()
    assert prediction.probabilities.min() >= 0
    assert prediction.probabilities.sum(0).max() <= 1 + 1e-5
    assert prediction.latency_ms > 0


@pytest.mark.slow
def test_the_largest_size(small, noise_frame):
    prediction = small(noise_frame(4096, 4096))
    assert prediction.label.shape == (4096, 4096)


def test_the_network_runs_at_the_size_it_was_trained_at():
    preprocessing = Preprocessing()
    assert preprocessing.network_size(480, 640) == (480, 640)
    assert preprocessing.network_size(427, 561) == (480, 640)
    assert preprocessing.network_size(4096, 4096) == (544, 544)
    assert preprocessing.network_size(32, 32) == (544, 544)


def test_way_back_equals_softmax_of_the_resized_logits():
    logits = torch.randn(1, 37, 64, 96, generator=torch.Generator().manual_seed(0))
    labels, probabilities, entropy = to_frame_size(logits, (77, 101), 5)
    resized = torch.nn.functional.interpolate(logits, (77, 101), mode="bilinear", align_corners=False)
    expected = resized.softmax(1)[0]
    assert np.array_equal(labels[0], expected.argmax(0).numpy() + 1)
    taken = np.take_along_axis(expected.numpy(), labels.astype(np.int64) - 1, axis=0)
    assert np.allclose(probabilities, taken, atol=1e-5)
    by_definition = -(expected * expected.log()).sum(0) / np.log(37)
    assert np.allclose(entropy, by_definition, atol=1e-5)
    _, _, undecided = to_frame_size(torch.zeros(1, 37, 32, 32), (32, 32), 5)
    assert np.allclose(undecided, 1.0, atol=1e-5)


def test_normalised_depth_is_zero_where_missing_and_by_the_formula_elsewhere():
    depth = torch.tensor([[[[0.0, 2.8, 4.2, 1.4]]]])
    assert torch.allclose(normalise_depth(depth, Preprocessing()), torch.tensor([[[[0.0, 0.0, 1.0, -1.0]]]]))


def test_modalities_give_the_network_different_things(bundled, room):
    both = bundled(room)
    without_depth = bundled(room, "rgb")
    without_rgb = bundled(room, "depth")
    assert both.provenance.modality == "rgbd"
    assert (both.label == room.label)[room.label > 0].mean() > (without_rgb.label == room.label)[room.label > 0].mean()
    rgb_only = bundled(Frame(rgb=room.rgb, name="rgb only"))
    assert np.array_equal(rgb_only.label, without_depth.label), "absent depth and depth not asked for are the same"
    assert rgb_only.provenance.modality == "rgb"
    depth_only = bundled(Frame(rgb=None, depth=room.depth, name="depth only"))
    assert np.array_equal(depth_only.label, without_rgb.label)


def test_a_modality_that_is_not_there_is_an_error(small, noise_frame):
    with pytest.raises(InputError, match=r"This frame has no depth\. Add a depth file, or choose RGB"):
        small(noise_frame(64, 64, depth=None), "depth")
    with pytest.raises(ValueError, match="rgbd, rgb, depth"):
        small(noise_frame(64, 64), "thermal")


def test_threads_get_their_own_results(small, noise_frame):
    frames = [noise_frame(64 + 8 * k, 96) for k in range(8)]
    expected = [small(frame).label for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda frame: small(frame).label, frames))
    assert all(np.array_equal(a, b) for a, b in zip(expected, got, strict=True))


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match=r"not here; expected auto or one of .*cpu"):
        deresunet.load(device="warp")


def test_provenance_names_weights_and_hash(bundled):
    origin = bundled.provenance().as_dict()
    assert origin["weights"] == "deresunet_r50.safetensors"
    assert origin["architecture"] == "deresunet_r50"
    assert origin["device"] == "cpu"
    assert (origin["backend"], origin["precision"]) == (bundled.backend, bundled.precision)
    assert len(origin["sha256"]) == 64


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_on_cuda_keeps_the_label(bundled, room):
    on_cuda = deresunet.load(device="cuda")
    assert on_cuda.precision == "float16"
    assert (on_cuda(room).label == bundled(room).label).mean() > 0.995


def test_a_python_user_is_warned_of_depth_once_a_kind(small):
    predictor = Predictor(small.network)  # which has not warned yet
    metres = np.linspace(0.922, 4.279, 64 * 96, dtype=np.float32).reshape(64, 96)
    rgb = np.zeros((64, 96, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor(Frame(rgb, metres))
        predictor(Frame(rgb, metres * 1000), "rgb")
    frames = [Frame(rgb, metres * factor, name=name) for factor, name in ((1000, "desk"), (1010, "chair"))]
    with pytest.warns(FrameWarning) as warned:
        [predictor(frame) for frame in frames]
    (warning,) = warned
    assert warning.filename == __file__
    assert str(warning.message).startswith("desk: Depth of 956 to 4,245 m in metres (m) is not a room's")
    assert "--depth-unit mm" in str(warning.message)
    with pytest.warns(FrameWarning, match="No pixel has depth"):
        predictor(Frame(rgb, np.zeros_like(metres)))


def test_commands_say_what_looks_wrong_by_themselves(tmp_path):
    Image.fromarray(np.full((64, 96), 40003, np.uint16)).save(tmp_path / "depth.png")
    command = [sys.executable, "-m", "deresunet", "predict", "--depth", tmp_path / "depth.png", "--out", tmp_path]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert told.count("is not a room's") == 1
