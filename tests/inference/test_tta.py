"""Input size and test-time augmentation, on a real (tiny) network and on a stand-in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sunrgbd_archives import RedReader, halves, picture

from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.network import network_of
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import RawBatch, raw_batch
from deresunet.inference.tta import SUNRGBD_SIZE, Inference, parse_tta
from deresunet.model.checkpoint import Checkpoint
from deresunet.model.network import DeResUNet

WALL, CHAIR = 1, 5


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    """A network of the real kind, small and untrained, at 96x128."""
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="resnet18", skip_channels=(8, 8, 8, 8), bottleneck_channels=16, decoder_channels=(16, 16, 16, 16)
    )
    checkpoint = Checkpoint(
        state=DeResUNet(config).state_dict(),
        config=config,
        preprocessing=Preprocessing(network_pixels=96 * 128),
        training="none",
        metrics={},
        name="tiny",
        sha256="0" * 64,
        stored="float32",
    )
    return Predictor(
        network_of(checkpoint, "cpu", "eager")
    )  # in bfloat16, a view alone and one of a batch differ by rounding


@pytest.fixture
def noise() -> Frame:
    rng = np.random.default_rng(0)
    return Frame(
        rng.integers(0, 256, (96, 128, 3), dtype=np.uint8),
        rng.uniform(1, 5, (96, 128)).astype(np.float32),
        name="noise",
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, Inference()),
        ("flip", Inference(flip=True)),
        ("scales=0.75,1,1.25", Inference(scales=(0.75, 1.0, 1.25))),
        ("flip,scales=0.5,1", Inference(flip=True, scales=(0.5, 1.0))),
        ("scales=0.5, 1, flip", Inference(flip=True, scales=(0.5, 1.0))),
        ("scales=2", Inference(scales=(2.0,))),
    ],
)
def test_tta_as_written(written: str | None, expected: Inference) -> None:
    assert parse_tta(written) == expected


@pytest.mark.parametrize(
    "written", ["flop", "scales=", "scales=a", "1,2", "scales=0.1", "scales=9", "flip,1", "scales=nan", "scales=1,nan"]
)
def test_other_tta_is_refused(written: str) -> None:
    with pytest.raises(InputError):
        parse_tta(written)


def test_plain_inference_is_the_predictor_itself(tiny: Predictor, noise: Frame) -> None:
    plain = tiny.with_inference(Inference())(noise)
    assert np.array_equal(plain.label, tiny(noise).label)
    assert np.array_equal(plain.probabilities, tiny(noise).probabilities)


def test_fixed_size_of_the_same_size_changes_nothing(tiny: Predictor, noise: Frame) -> None:
    fixed = tiny.with_inference(Inference((96, 128)))(noise)
    assert np.array_equal(fixed.label, tiny(noise).label)


def test_network_sees_the_protocols_size_whatever_the_frames() -> None:
    sizes = []

    class Watched(RedReader):
        def tensors(self, batch: RawBatch, outputs: OutputSpec) -> tuple[torch.Tensor, ...]:
            sizes.append((tuple(batch.rgb.shape), tuple(batch.depth.shape)))
            return super().tensors(batch, outputs)

    for size in ((48, 64), (53, 73), (96, 64)):
        frame = Frame(picture(WALL, CHAIR, size), np.ones(size, np.float32))
        prediction = Watched().with_inference(Inference(SUNRGBD_SIZE))(frame)
        assert prediction.label.shape == prediction.confidence.shape == size
        assert prediction.classes.shape == (5, *size)
    assert set(sizes) == {((1, 3, 480, 640), (1, 1, 480, 640))}


def test_flip_and_scales_average_probabilities(tiny: Predictor, noise: Frame) -> None:
    """Worked out again, view by view."""
    noise = Frame(noise.rgb[:, :96].copy(), noise.depth[:, :96].copy())
    result = tiny.with_inference(Inference((96, 96), flip=True, scales=(0.67, 1.0)))(noise)
    mirrored = Frame(noise.rgb[:, ::-1].copy(), noise.depth[:, ::-1].copy())
    total = torch.zeros(1, 37, 96, 96)
    for frame in (noise, mirrored):
        for size in ((64, 64), (96, 96)):
            (logits,) = tiny.tensors(raw_batch([frame], tiny.checkpoint.preprocessing, size=size), OutputSpec())
            wide = torch.nn.functional.interpolate(logits, (96, 96), mode="bilinear", align_corners=False)
            total += (wide if frame is noise else wide.flip(-1)).softmax(1)
    assert np.mean(result.label == (total / 4).argmax(1)[0].numpy() + 1) > 0.999
    assert np.allclose(result.confidence, (total / 4).amax(1)[0].numpy(), atol=1e-4)


def test_flip_makes_the_result_symmetric(tiny: Predictor, noise: Frame) -> None:
    predictor = tiny.with_inference(Inference(flip=True))
    mirrored = Frame(noise.rgb[:, ::-1].copy(), noise.depth[:, ::-1].copy())
    assert np.allclose(predictor(noise).confidence, predictor(mirrored).confidence[:, ::-1], atol=1e-4)
    # Without it, the result of an untrained network is not.
    assert not np.allclose(tiny(noise).confidence, tiny(mirrored).confidence[:, ::-1], atol=1e-4)


def test_number_of_passes() -> None:
    reader = RedReader()
    frame = Frame(picture(WALL, CHAIR), name="a")
    reader.with_inference(Inference(SUNRGBD_SIZE, True, (0.5, 1.0, 1.5)))(frame)
    assert reader.calls == 6


def test_augmented_result_of_a_plain_picture_is_right() -> None:
    frame = Frame(picture(WALL, CHAIR), name="a")
    prediction = RedReader().with_inference(Inference(SUNRGBD_SIZE, True, (0.5, 1.0)))(frame)
    assert np.mean(prediction.label == halves(WALL, CHAIR)) > 0.96
    assert prediction.confidence.max() <= 1.0001


def test_absent_modality_is_refused() -> None:
    predictor = RedReader().with_inference(Inference(SUNRGBD_SIZE))
    with pytest.raises(InputError, match="has no depth"):
        predictor(Frame(picture(WALL, CHAIR)), "depth")
