"""The backends: the same function, the choice among them, and what happens where one cannot run."""

import json
import logging
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import ROOT
from networks import SMALL, noise, small_checkpoint, small_network
from typer.testing import CliRunner

import deresunet
from deresunet import Frame, InputError, Predictor
from deresunet.cli import app
from deresunet.data.folder import SAMPLES_DIR
from deresunet.inference.backends import BACKENDS, build_backend, choose_backend, cudagraph, default_backends, why_not
from deresunet.inference.backends import registry as backends
from deresunet.inference.backends.branches import split_branches
from deresunet.inference.backends.cudnn import FusedConvolution, fuse_convolutions
from deresunet.inference.backends.folding import fold_batch_norm
from deresunet.inference.backends.onednn import PackedConvolution, pack_convolutions
from deresunet.inference.network import network_of
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import RawBatch
from deresunet.model.checkpoint import save_checkpoint

CPU = torch.device("cpu")
ON_CPU = [name for name in default_backends(CPU) if why_not(name, CPU) is None]
needs_onednn = pytest.mark.skipif(why_not("onednn", CPU) is not None, reason="needs PyTorch with oneDNN")


def relative_error(got, expected):
    return float((got.float() - expected).norm() / expected.norm())


@pytest.fixture(scope="module", params=["gated", "classic"])
def model(request):
    return small_network(request.param)


@torch.inference_mode()
def test_folding_keeps_the_function_and_leaves_the_network_alone(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded = fold_batch_norm(model)
    kinds = Counter(type(module) for module in folded.modules())
    assert kinds[torch.nn.BatchNorm2d] == kinds[torch.nn.Dropout2d] == 0
    assert kinds[torch.nn.Conv2d] == sum(isinstance(module, torch.nn.Conv2d) for module in model.modules())
    for inputs in (noise(2, 64, 96), noise(1, 96, 32)):
        assert relative_error(folded(*inputs), model(*inputs)) < 1e-5
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_network_in_training_cannot_be_folded():
    with pytest.raises(ValueError, match=r"eval\(\)"):
        fold_batch_norm(small_network().train())


@needs_onednn
@torch.inference_mode()
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (torch.float32, 1e-5),
        pytest.param(
            torch.bfloat16,
            3e-2,
            marks=pytest.mark.skipif(why_not("onednn-bf16", CPU) is not None, reason=str(why_not("onednn-bf16", CPU))),
        ),
    ],
)
def test_packed_convolutions_keep_the_function_at_any_size(model, dtype, tolerance):
    packed = pack_convolutions(fold_batch_norm(model), (64, 96), dtype)
    for inputs in (noise(1, 64, 96), noise(3, 128, 32)):
        logits = packed(*(x.to(dtype, memory_format=torch.channels_last) for x in inputs))
        expected = model(*inputs)
        assert logits.dtype == torch.float32, "the head's scores are not rounded"
        assert logits.shape == expected.shape
        assert relative_error(logits, expected) < tolerance
        # Rounding is there, or the test would compare float32 with itself.
        assert dtype == torch.float32 or relative_error(logits, expected) > 1e-5


@pytest.mark.skipif(why_not("onednn-bf16", CPU) is not None, reason=str(why_not("onednn-bf16", CPU)))
def test_maps_of_one_column_are_made_of_nothing_but_the_input():
    """In memory that glibc fills, where oneDNN's own convolution of such maps gives 1e10."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "import torch; from networks import noise, small_network\n"
        "from deresunet.inference.backends.folding import fold_batch_norm\n"
        "from deresunet.inference.backends.onednn import pack_convolutions\n"
        "model, inputs = small_network(), noise(2, 128, 32)\n"
        "with torch.inference_mode():\n"
        "    packed = pack_convolutions(fold_batch_norm(model), (64, 96), torch.bfloat16)\n"
        "    apart = packed(*(x.bfloat16() for x in inputs)) - model(*inputs)\n"
        "print(float(apart.abs().max()))"
    )
    filled = {**os.environ, "MALLOC_PERTURB_": "165"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=filled, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.1


@needs_onednn
@pytest.mark.parametrize("layout", SMALL)
def test_packing_takes_up_every_convolution_and_what_follows_it(layout):
    model = small_network(layout)
    packed = pack_convolutions(fold_batch_norm(model), (64, 96), torch.float32)
    kinds = Counter(type(module) for module in packed.modules())
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in model.modules())
    assert kinds[torch.nn.Conv2d] == kinds[torch.nn.ReLU] == 0
    assert kinds[PackedConvolution] == convolutions
    with_addition = [node for node in packed.graph.nodes if node.op == "call_module" and len(node.args) == 2]
    blocks = sum(len(stage) for encoder in (model.rgb_encoder, model.depth_encoder) for stage in stages_of(encoder))
    assert len(with_addition) == blocks, "each residual block's addition is in the convolution before it"


def stages_of(encoder):
    return encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4


@pytest.fixture(scope="module")
def expected(exact, room):
    return exact(room)


@pytest.mark.parametrize("name", [name for name in ON_CPU if name != "eager"])
def test_a_backend_keeps_the_labels_of_a_room(expected, room, name):
    fast = deresunet.load(device="cpu", backend=name)
    assert (fast.backend, fast.precision) == (name, BACKENDS[name].precision)
    got = fast(room)
    assert (got.label == expected.label).mean() >= 0.995
    assert np.abs(got.confidence - expected.confidence).mean() < 0.01
    assert got.provenance.backend == name
    assert got.provenance.precision == BACKENDS[name].precision


def test_the_default_backend_keeps_the_labels_of_rooms(bundled, exact, rooms):
    """One room in eight; over all of them docs/performance.md has the measurement."""
    frames = [rooms.read(name) for name in rooms.names[::8]]
    same = [(bundled(frame).label == exact(frame).label).mean() for frame in frames]
    assert np.mean(same) >= 0.995
    assert min(same) >= 0.985


def test_eager_with_raw_scores_is_the_network_itself():
    checkpoint = small_checkpoint()
    predictor = Predictor(network_of(checkpoint, "cpu", backend="eager", head="raw"))
    inputs = noise(1, 96, 128)
    with torch.inference_mode():
        expected = checkpoint.build()(*inputs)
    assert (predictor.backend, predictor.precision) == ("eager", "float32")
    assert torch.allclose(predictor.logits(*inputs), expected, atol=1e-5)


def test_auto_takes_the_first_path_there_is_and_says_so_in_one_line(caplog):
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(network_of(small_checkpoint(), "cpu"))
    assert predictor.backend == ON_CPU[0]
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert f"backend {predictor.backend} ({predictor.precision}) on cpu" in record.message


@needs_onednn
def test_without_bfloat16_it_stays_float32(monkeypatch, caplog):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(network_of(small_checkpoint(), "cpu"))
    assert (predictor.backend, predictor.precision) == ("onednn", "float32")
    (record,) = caplog.records
    assert "not onednn-bf16: this CPU has no bfloat16 arithmetic" in record.message
    with pytest.raises(InputError, match=r"no bfloat16 arithmetic. Expected auto or one of eager, folded, onednn"):
        Predictor(network_of(small_checkpoint(), "cpu", backend="onednn-bf16"))


def broken(model, device, size):
    raise NotImplementedError("no such operator\nand a long list")


def wrong(model, device, size):
    return backends._between(lambda rgb, depth: model(rgb, torch.zeros_like(depth)))


@pytest.mark.parametrize(("build", "said"), [(broken, "no such operator"), (wrong, "differ from eager's")])
def test_a_backend_that_fails_or_errs_is_passed_over_with_one_warning(monkeypatch, caplog, build, said):
    for name in default_backends(CPU)[:-1]:
        monkeypatch.setitem(BACKENDS, name, backends._Recipe("float32", lambda device: None, build))
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(network_of(small_checkpoint(), "cpu"))
    assert predictor.backend == "eager"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.count(said) == len(default_backends(CPU)) - 1
    assert "\n" not in record.message


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("on", "expected auto or one of eager"),
        ("onednn-bf", "Did you mean onednn-bf16?"),
        ("cuda-graph", "needs a CUDA device"),
    ],
)
def test_a_backend_that_is_not_there_is_an_error(wanted, said):
    with pytest.raises(InputError, match=said):
        choose_backend(wanted, small_network(), CPU)
    with pytest.raises(InputError):
        build_backend("fastest", small_network(), CPU)
    with pytest.raises(InputError, match="No backend is called"):
        build_backend("auto", small_network(), CPU)


@pytest.fixture
def prepared():
    """A function that gives a small network's predictor as if by a path, and the shapes that it is prepared for."""

    def spied(path, device=CPU):
        seen = []
        network = network_of(small_checkpoint(), "cpu", "eager")
        network.backend, network.device = path, device
        network.prepare = lambda batch, *_: seen.append(batch.rgb.shape)
        return Predictor(network), seen

    return spied


def test_warming_up_runs_the_network_at_the_size_of_the_frames_to_come(prepared, monkeypatch):
    predictor, seen = prepared("compiled")
    predictor.warm_up()
    predictor.warm_up((600, 300))
    height, width = predictor.checkpoint.preprocessing.network_size(600, 300)
    assert seen == [(1, 3, 96, 128), (1, 3, height, width)]
    # On ZeroGPU there is no GPU to warm up before a request.
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    predictor.warm_up()
    assert len(seen) == 2


@pytest.mark.parametrize("name", default_backends(CPU))
def test_a_cpu_pays_nothing_beforehand_and_another_device_does(prepared, name):
    predictor, seen = prepared(name)
    predictor.warm_up()
    assert not seen
    predictor, seen = prepared(name, torch.device("meta"))  # stands for any device that is no CPU
    predictor.warm_up()
    assert seen == [(1, 3, 96, 128)]


def test_on_a_gpu_the_graph_comes_first_and_on_a_lent_one_nothing_is_prepared(monkeypatch):
    assert default_backends(torch.device("cuda")) == ("compiled-graph", "cuda-graph", "folded-half", "eager-half")
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert default_backends(torch.device("cuda")) == ("eager-half",)
    assert default_backends(CPU)[-1] == "eager"


def test_the_commands_take_backend_and_tell_it(tmp_path):
    files = [f"--rgb={SAMPLES_DIR / 'rgb' / '0001.jpg'}", f"--depth={SAMPLES_DIR / 'depth' / '0001.png'}"]
    weights = tmp_path / "small.safetensors"
    save_checkpoint(weights, small_network(), small_checkpoint().preprocessing)
    command = ["predict", *files, "--checkpoint", str(weights), "--device=cpu"]
    for wanted, path in (("eager", "eager"), ("auto", ON_CPU[0])):
        out = tmp_path / wanted
        done = CliRunner().invoke(app, [*command, f"--backend={wanted}", f"--out={out}"])
        assert done.exit_code == 0, done.output
        told = json.loads((out / "prediction.json").read_text())["provenance"]
        assert (told["backend"], told["precision"]) == (path, BACKENDS[path].precision)
    done = CliRunner().invoke(app, ["info", "--backend", "eager"])
    assert json.loads(done.stdout)["cpu"] == {"backend": "eager", "precision": "float32"}


class Recorded(cudagraph.GraphedNetwork):
    """Recording replaced by a note, for what does not depend on a GPU: the bounds and the way out."""

    def __init__(self, fails=()):
        super().__init__(added, CPU, prepared=twice)
        self.recorded, self.fails = [], fails

    def _record(self, run, batch, units, outputs, choose_kernels):
        if run.__name__ in self.fails:
            raise RuntimeError("CUDA error: out of memory\nlong story")
        self.recorded.append((run.__name__, tuple(batch.rgb.shape), outputs.top_k))
        recorded = run(batch, units, outputs)
        graph = type("Graph", (), {"replay": lambda _: recorded[0].copy_(run(batch, units, outputs)[0])})()
        return cudagraph._Recording(batch, recorded, graph)


def added(batch, units, outputs):
    return (batch.rgb[:, :1] + batch.depth,)


def twice(batch, units, outputs):
    return (2 * (batch.rgb[:, :1] + batch.depth),)


def batch_of(frames, height, width, sign=1):
    rgb, depth = noise(frames, height, width)
    every = torch.ones(frames, dtype=torch.bool)
    return RawBatch(sign * rgb, sign * depth, every, every)


def test_a_graph_is_recorded_once_a_size_and_answers_are_the_callers_own():
    network = Recorded()
    one = batch_of(1, 32, 32)
    (first,) = network(one, None, OutputSpec())
    (second,) = network(batch_of(1, 32, 32, -1), None, OutputSpec())
    assert network.recorded == [("added", (1, 3, 32, 32), 0)]
    assert torch.equal(first, added(one, None, OutputSpec())[0]), "the second replay left the first alone"
    assert torch.equal(second, -first)
    network(one, None, OutputSpec(top_k=5))
    assert network.recorded[1:] == [("added", (1, 3, 32, 32), 5)], "other ends are another pass"


def test_what_was_prepared_is_taken_and_what_was_not_is_not_compiled_while_somebody_waits():
    network = Recorded()
    prepared, other = batch_of(1, 32, 32), batch_of(1, 32, 64)
    network.prepare(prepared, None, OutputSpec())
    assert torch.equal(network(prepared, None, OutputSpec())[0], twice(prepared, None, OutputSpec())[0])
    assert torch.equal(network(other, None, OutputSpec())[0], added(other, None, OutputSpec())[0])
    assert [name for name, *_ in network.recorded] == ["twice", "added"]


def test_what_cannot_be_prepared_is_recorded_as_any_other(caplog):
    network = Recorded(fails=["twice"])
    one = batch_of(1, 32, 32)
    network.prepare(one, None, OutputSpec())
    assert torch.equal(network(one, None, OutputSpec())[0], added(one, None, OutputSpec())[0])
    assert [name for name, *_ in network.recorded] == ["added"]
    assert len(caplog.records) == 1


def test_graphs_are_bounded_and_the_longest_unused_goes_first():
    network = Recorded()
    sizes = [32 * (k + 1) for k in range(cudagraph.MAX_GRAPHS)]
    for width in sizes:
        network(batch_of(1, 32, width), None, OutputSpec())
    network(batch_of(1, 32, sizes[0]), None, OutputSpec())  # used again, so the second is now the oldest
    network(batch_of(1, 64, 64), None, OutputSpec())
    assert len(network._recordings) == cudagraph.MAX_GRAPHS
    network(batch_of(1, 32, sizes[0]), None, OutputSpec())
    shapes = [shape for _, shape, _ in network.recorded]
    assert shapes.count((1, 3, 32, sizes[0])) == 1
    network(batch_of(1, 32, sizes[1]), None, OutputSpec())
    assert [shape for _, shape, _ in network.recorded].count((1, 3, 32, sizes[1])) == 2


def test_a_size_that_cannot_be_recorded_runs_without_and_is_not_tried_again(caplog):
    network = Recorded(fails=["added"])
    one = batch_of(1, 32, 32)
    for _ in range(3):
        assert torch.equal(network(one, None, OutputSpec())[0], added(one, None, OutputSpec())[0])
    (record,) = caplog.records
    assert record.message == "(1, 3, 32, 32) is not recorded as a CUDA graph: CUDA error: out of memory"


def test_a_large_batch_is_not_recorded(monkeypatch):
    monkeypatch.setattr(cudagraph, "MAX_PIXELS", 32 * 32)
    network = Recorded()
    for frames in (1, 2):
        network(batch_of(frames, 32, 32), None, OutputSpec())
    assert [shape for _, shape, _ in network.recorded] == [(1, 3, 32, 32)]


@torch.inference_mode()
@pytest.mark.parametrize("layout", SMALL)
def test_branches_and_what_joins_them_are_the_network(layout):
    folded = fold_batch_norm(small_network(layout))
    rgb, depth = noise(2, 64, 96)
    branches = split_branches(folded)
    whole = folded(rgb, depth)
    ran = Counter()
    for one in folded.modules():
        if isinstance(one, torch.nn.Conv2d):
            one.register_forward_hook(lambda module, *_: ran.update([module]))
    maps = branches.rgb(rgb)
    of_rgb = set(ran)
    maps += branches.depth(depth)
    of_depth = set(ran) - of_rgb
    # Each branch holds its encoder whole, and no convolution is run twice.
    encoder = sum(isinstance(one, torch.nn.Conv2d) for one in small_network(layout).rgb_encoder.modules())
    assert (len(of_rgb), len(of_depth)) == (encoder, encoder)
    assert torch.equal(branches.join(*maps), whole)
    assert set(ran.values()) == {1}
    assert len(ran) == sum(isinstance(one, torch.nn.Conv2d) for one in folded.modules())


def test_a_network_of_one_stream_has_no_branches():
    with pytest.raises(ValueError, match="expected two"):
        split_branches(torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1))))


@torch.inference_mode()
@pytest.mark.parametrize("layout", SMALL)
def test_fused_convolutions_keep_the_function(layout, monkeypatch):
    """With cuDNN's two operations done by others: which bias, addition and ReLU goes where is ours."""

    def conv_relu(x, weight, bias, *geometry):
        return torch.relu(torch.nn.functional.conv2d(x, weight, bias, *geometry))

    def conv_add_relu(x, weight, other, bias, *geometry):
        return torch.relu(torch.nn.functional.conv2d(x, weight, bias, *geometry) + other)

    calls = Counter()
    for operation in (conv_relu, conv_add_relu):

        def counted(*arguments, operation=operation):
            calls[operation.__name__] += 1
            return operation(*arguments)

        monkeypatch.setattr(torch.ops.deresunet, operation.__name__, counted)
    model = small_network(layout)
    fused = fuse_convolutions(fold_batch_norm(model), (64, 96)).float()
    inputs = noise(1, 64, 96)
    assert relative_error(fused(*inputs), model(*inputs)) < 2e-3, "weights are rounded to half precision, no more"
    blocks = sum(len(stage) for encoder in (model.rgb_encoder, model.depth_encoder) for stage in stages_of(encoder))
    assert calls["conv_add_relu"] == blocks
    without_bias = [one for one in fused.modules() if isinstance(one, FusedConvolution) and one.bias is None]
    assert len(without_bias) == 2 * (4 if layout == "bottleneck blocks" else 3), "one for each downsampling block"


def test_labels_alone_are_those_of_the_whole_prediction(bundled, room, noise_frame):
    for frame in (room, noise_frame(120, 90), noise_frame(64, 300)):
        assert np.array_equal(bundled.labels([frame])[0], bundled(frame).label)
    with pytest.raises(ValueError, match="expected one"):
        bundled.labels([room, noise_frame(64, 64)])


def test_frames_of_one_size_go_through_together(exact):
    predictor = Predictor(network_of(small_checkpoint(), "cpu", backend="eager"))
    generator = np.random.default_rng(0)
    frames = [
        Frame(
            rgb=generator.integers(0, 255, (96, 128, 3), np.uint8),
            depth=None if k == 1 else generator.uniform(1, 4, (96, 128)).astype(np.float32),
        )
        for k in range(3)
    ]
    together = predictor.labels(frames)
    alone = np.stack([predictor.labels([frame])[0] for frame in frames])
    assert (together == alone).mean() > 0.999


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["eager-half", "folded-half", "cuda-graph", "compiled-graph"])
def test_a_backend_on_a_gpu_keeps_the_labels(exact, rooms, name):
    fast = deresunet.load(device="cuda", backend=name)
    fast.warm_up()
    read = [rooms.read(one) for one in rooms.names[:4]]
    for room in read:
        prediction = fast(room)
        assert (prediction.label == exact(room).label).mean() >= 0.995
        assert np.abs(prediction.confidence - exact(room).confidence).mean() < 0.01
        assert np.array_equal(np.sort(prediction.probabilities, 0)[::-1], prediction.probabilities)
    alike = [room for room in read if room.size == read[0].size]
    together = fast.labels(alike)
    alone = np.stack([fast(room).label for room in alike])
    assert (together == alone).mean() >= 0.998
