"""Checkpoints that nobody vouches for: refused in words, before they take memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

from deresunet import InputError, ModelConfig
from deresunet.config import Preprocessing, to_json
from deresunet.model.checkpoint import load_checkpoint
from deresunet.model.validation import expected_shapes

CONFIG = ModelConfig(
    backbone="resnet18", skip_channels=(8, 8, 8, 8), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
)
EXPECTED = expected_shapes(CONFIG)
WEIGHT = "depth_encoder.conv1.weight"


def described(**changes):
    return {**json.loads(to_json(CONFIG)), **changes}


def prepared(**changes):
    return {**json.loads(to_json(Preprocessing())), **changes}


def safetensors(path, config=None, preprocessing=None, tensors=None, **metadata):
    config = described() if config is None else config
    preprocessing = prepared() if preprocessing is None else preprocessing
    texts = {key: one if isinstance(one, str) else json.dumps(one) for key, one in metadata.items()}
    for key, one in (("config", config), ("preprocessing", preprocessing)):
        texts[key] = one if isinstance(one, str) else json.dumps(one)
    save_file(names() if tensors is None else tensors, path, texts)


def names(**changes):
    """One number for each tensor of the network: enough for checks that come before the values."""
    tensors = {name: torch.zeros(1, dtype=one.dtype) for name, one in EXPECTED.items()}
    return {name: one for name, one in {**tensors, **changes}.items() if one is not None}


def whole(**changes):
    return {**{name: torch.ones(one.shape, dtype=one.dtype) for name, one in EXPECTED.items()}, **changes}


def virtual(**changes):
    """The network's own shapes, each in a storage of one number."""
    tensors = {name: torch.ones((), dtype=one.dtype).expand(one.shape) for name, one in EXPECTED.items()}
    return {**tensors, **changes}


def lightning(path, state=None, config=None, preprocessing=None, **changes):
    entry = {
        "config": described() if config is None else config,
        "preprocessing": prepared() if preprocessing is None else preprocessing,
        **changes,
    }
    state = virtual() if state is None else state
    torch.save({"state_dict": {f"model.{name}": one for name, one in state.items()}, "deresunet": entry}, path)


def compressed(path):
    """A ZIP of a few kilobytes whose member unpacks to 200 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(200_000_000))


def patched(**fields):
    return lambda path: safetensors(path, config=described(**fields))


def preprocessed(**fields):
    return lambda path: safetensors(path, preprocessing=prepared(**fields))


def overlapping():
    shape = EXPECTED[WEIGHT].shape
    return torch.zeros(EXPECTED[WEIGHT].numel()).as_strided(shape, (1, 1, 1, 1))


HOSTILE = {
    "backbone of another kind": (patched(backbone=["resnet50"]), "backbone"),
    "backbone unknown": (patched(backbone="../../etc/passwd"), "expected one of resnet18"),
    "classes without number": (patched(num_classes=10**9), "expected int from 1"),
    "classes as text": (patched(num_classes="37"), "expected int"),
    "classes as truth": (patched(num_classes=True), "expected int"),
    "bottleneck of 10^9": (patched(bottleneck_channels=10**9), "expected int from 1 to 8192"),
    "bottleneck as fraction": (patched(bottleneck_channels=32.5), "expected int"),
    "bottleneck negative": (patched(bottleneck_channels=-4), "expected int"),
    "decoder of 10^12": (patched(decoder_channels=[10**12, 4, 4, 4]), "expected int"),
    "decoder of many": (patched(decoder_channels=[4] * 10000), "short list"),
    "decoder as text": (patched(decoder_channels="4444"), "short list"),
    "skips of 10^9": (patched(skip_channels=[10**9] * 4), "expected int"),
    "widest that fields allow": (
        patched(fusion="concat", skip_channels=[8192] * 4, bottleneck_channels=8192, decoder_channels=[8192] * 4),
        "expected at most 300 M",
    ),
    "dropout NaN": (lambda path: safetensors(path, config=to_json(CONFIG).replace("0.1", "NaN")), "dropout is nan"),
    "bias as number": (patched(conv_bias=3), "expected true or false"),
    "field unknown": (patched(__class__="x"), "has no __class__"),
    "config a list": (lambda path: safetensors(path, config="[1, 2]"), "expected an object"),
    "config no JSON": (lambda path: safetensors(path, config="{"), "cannot be used"),
    "config nested": (lambda path: safetensors(path, config="[" * 50_000), "nested too deeply"),
    "config of megabytes": (lambda path: safetensors(path, config=" " * 10**6 + "{}"), "expected at most 100,000"),
    "number of many digits": (
        lambda path: safetensors(path, config=f'{{"num_classes": {"9" * 9999}}}'),
        "cannot be used",
    ),
    "pixels of 10^12": (preprocessed(network_pixels=10**12), "expected int from 1 to"),
    "pixels as text": (preprocessed(network_pixels="big"), "expected int"),
    "cells of 10^9": (preprocessed(multiple_of=10**9), "expected int from 1 to 1024"),
    "cells of none": (preprocessed(multiple_of=0), "expected int from 1"),
    "deviation infinite": (preprocessed(depth_std_m=float("inf")), "depth_std_m is inf"),
    "deviation zero": (preprocessed(rgb_std=[0, 0, 0]), "deviations must be positive"),
    "mean NaN": (preprocessed(rgb_mean=[float("nan")] * 3), "rgb_mean is nan"),
    "mean of two": (preprocessed(rgb_mean=[0.5, 0.5]), "three values"),
    "tensor missing": (
        lambda path: safetensors(path, tensors=names(**{WEIGHT: None})),
        f"lacks 1 tensors, such as {WEIGHT}",
    ),
    "tensor too many": (lambda path: safetensors(path, tensors=names(extra=torch.zeros(1))), "such as extra"),
    "tensor of another shape": (safetensors, r"is \(1,\), expected"),
    "tensor of integers": (
        lambda path: safetensors(path, tensors={**whole(), WEIGHT: torch.ones(EXPECTED[WEIGHT].shape).int()}),
        "expected real numbers",
    ),
    "int8 without scale": (
        lambda path: safetensors(path, tensors={**whole(), WEIGHT: torch.ones(EXPECTED[WEIGHT].shape).to(torch.int8)}),
        "without a scale",
    ),
    "weight NaN": (
        lambda path: safetensors(path, tensors=whole(**{WEIGHT: torch.full(EXPECTED[WEIGHT].shape, torch.nan)})),
        "holds NaN or infinity",
    ),
    "variance negative": (
        lambda path: safetensors(path, tensors=whole(**{"rgb_encoder.bn1.running_var": -torch.ones(64)})),
        "negative variance",
    ),
    "class names a number": (
        lambda path: safetensors(path, tensors=whole(), classes="7"),
        "A class set is a int; expected an object",
    ),
    "metrics a list": (lambda path: safetensors(path, tensors=whole(), metrics="[1]"), "metrics is no JSON object"),
}
HOSTILE_LIGHTNING = {
    "tensors expanded": (lightning, "is expanded or overlaps"),
    "tensor overlapping": (lambda path: lightning(path, {WEIGHT: overlapping()}), "is expanded or overlaps"),
    "tensor complex": (
        lambda path: lightning(path, {**whole(), WEIGHT: torch.zeros(EXPECTED[WEIGHT].shape, dtype=torch.complex64)}),
        "complex64; expected real",
    ),
    "tensor sparse": (lambda path: lightning(path, {WEIGHT: torch.zeros(3, 3).to_sparse()}), "not a plain tensor"),
    "tensor without memory": (lambda path: lightning(path, {WEIGHT: torch.zeros(3, device="meta")}), "not a plain"),
    "tensor a text": (lambda path: lightning(path, {WEIGHT: "weights"}), "expected a tensor"),
    "config a list": (lambda path: lightning(path, config=[1]), "expected an object"),
    "config of 10^9": (lambda path: lightning(path, whole(), described(bottleneck_channels=10**9)), "expected int"),
    "metrics of tensors": (
        lambda path: lightning(path, whole(), metrics={"miou": torch.zeros(3)}),
        "more than numbers and texts",
    ),
    "training no text": (lambda path: lightning(path, whole(), training=[1]), "training is no text"),
    "compressed": (compressed, "is compressed"),
    "not a ZIP": (lambda path: path.write_bytes(b"\x80\x02" + b"(" * 100_000), "cannot be read without running code"),
}
CASES = [(name, ".safetensors", *case) for name, case in HOSTILE.items()] + [
    (name, ".ckpt", *case) for name, case in HOSTILE_LIGHTNING.items()
]


@pytest.mark.parametrize(("suffix", "write", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_checkpoint_is_refused_in_words(tmp_path, suffix, write, said):
    path = tmp_path / f"visitors{suffix}"
    write(path)
    with pytest.raises(InputError, match=said) as refused:
        load_checkpoint(path)
    message = str(refused.value)
    assert message.startswith("visitors.")
    assert len(message) < 600
    assert str(tmp_path) not in message


def test_a_file_of_terabytes_is_not_opened(tmp_path):
    for suffix in (".safetensors", ".ckpt"):
        path = tmp_path / f"visitors{suffix}"
        path.touch()
        os.truncate(path, 10**13)  # sparse: it takes no space
        with pytest.raises(InputError, match="expected at most 6 GB"):
            load_checkpoint(path)


# What follows loads each file of a folder, and prints how many were refused and the most memory that one took [MB].
REFUSED = """
import pathlib, re, sys
import deresunet
from deresunet.model.checkpoint import load_checkpoint

def memory(field):
    return int(re.search(field + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1000

most, refused = 0, 0
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    start = memory("VmRSS")
    try:
        load_checkpoint(path)
    except deresunet.InputError:
        refused += 1
    most = max(most, memory("VmHWM") - start)
print(refused, most)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("cases", [pytest.param([], id="worst"), pytest.param(CASES, id="all", marks=pytest.mark.soak)])
def test_refusing_takes_little_memory(cases, tmp_path, capsys):
    """The worst: what unpacks, what is expanded, what describes a network without bounds, and what is large itself."""
    compressed(tmp_path / "compressed.ckpt")
    lightning(tmp_path / "expanded.ckpt", {WEIGHT: torch.zeros(1).expand(10**6, 10**4)})
    lightning(tmp_path / "beside.ckpt", {**virtual(), "more": torch.zeros(10**8, dtype=torch.int8)})
    HOSTILE["widest that fields allow"][0](tmp_path / "widest.safetensors")
    safetensors(tmp_path / "large.safetensors", tensors={"weight": torch.zeros(10**8, dtype=torch.int8)})
    for number, (_, suffix, write, _) in enumerate(cases):
        write(tmp_path / f"case {number}{suffix}")
    count = len(list(tmp_path.iterdir()))
    command = [sys.executable, "-c", REFUSED, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused, most = done.stdout.split()
    with capsys.disabled():
        if cases:
            print(f"\n{count} hostile checkpoints: {refused} refused in words, none over {float(most):.0f} MB")
    assert int(refused) == count
    assert float(most) < 500
