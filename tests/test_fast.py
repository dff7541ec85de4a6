"""The fast paths: the same function, the choice among them, and what happens where one cannot be taken."""

import json
import logging
from collections import Counter

import numpy as np
import pytest
import torch
from networks import SMALL, noise, small_checkpoint, small_network
from typer.testing import CliRunner

import deresunet
from deresunet import InputError, Predictor
from deresunet.cli import app
from deresunet.data.folder import SAMPLES_DIR
from deresunet.fast import PATHS, build_path, choose_path, cudagraph, default_paths, paths, why_not
from deresunet.fast.folding import fold_batch_norm
from deresunet.fast.onednn import PackedConvolution, pack_convolutions

CPU = torch.device("cpu")
ON_CPU = [name for name in default_paths(CPU) if why_not(name, CPU) is None]
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
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
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


@pytest.mark.parametrize("name", [name for name in ON_CPU if name != "eager"])
def test_a_path_keeps_the_labels_of_a_room(exact, room, name):
    fast = deresunet.load(device="cpu", fast=name)
    assert (fast.path, fast.precision) == (name, PATHS[name].precision)
    got, expected = fast(room), exact(room)
    assert (got.label == expected.label).mean() >= 0.995
    assert np.abs(got.confidence - expected.confidence).mean() < 0.01
    assert got.provenance.execution == name
    assert got.provenance.precision == PATHS[name].precision


@pytest.mark.slow
def test_the_default_path_keeps_the_labels_of_all_rooms(exact, rooms):
    fast = deresunet.load(device="cpu")
    same = [(fast(rooms.read(name)).label == exact(rooms.read(name)).label).mean() for name in rooms.names]
    assert np.mean(same) >= 0.995
    assert min(same) >= 0.99


def test_off_is_the_network_itself():
    checkpoint = small_checkpoint()
    predictor = Predictor(checkpoint, "cpu", fast="off")
    inputs = noise(1, 96, 128)
    with torch.inference_mode():
        expected = checkpoint.build()(*inputs)
    assert (predictor.path, predictor.precision) == ("eager", "float32")
    assert torch.allclose(predictor.logits(*inputs), expected, atol=1e-5)


def test_auto_takes_the_first_path_there_is_and_says_so_in_one_line(caplog):
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(small_checkpoint(), "cpu")
    assert predictor.path == ON_CPU[0]
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert f"path {predictor.path} ({predictor.precision}) on cpu" in record.message


@needs_onednn
def test_without_bfloat16_it_stays_float32(monkeypatch, caplog):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(small_checkpoint(), "cpu")
    assert (predictor.path, predictor.precision) == ("onednn", "float32")
    (record,) = caplog.records
    assert "not onednn-bf16: this CPU has no bfloat16 arithmetic" in record.message
    with pytest.raises(InputError, match=r"no bfloat16 arithmetic. Expected one of eager, folded, onednn"):
        Predictor(small_checkpoint(), "cpu", fast="onednn-bf16")


def broken(model, device, size):
    raise NotImplementedError("no such operator\nand a long list")


def wrong(model, device, size):
    return lambda rgb, depth: model(rgb, torch.zeros_like(depth))


@pytest.mark.parametrize(("build", "said"), [(broken, "no such operator"), (wrong, "differ from eager's")])
def test_a_path_that_fails_or_errs_is_passed_over_with_one_warning(monkeypatch, caplog, build, said):
    for name in default_paths(CPU)[:-1]:
        monkeypatch.setitem(PATHS, name, paths._Recipe("float32", lambda device: None, build))
    caplog.set_level(logging.INFO, logger="deresunet")
    predictor = Predictor(small_checkpoint(), "cpu")
    assert predictor.path == "eager"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.count(said) == len(default_paths(CPU)) - 1
    assert "\n" not in record.message


@pytest.mark.parametrize(
    ("fast", "said"), [("on", "expected auto, off, or one of eager"), ("cuda-graph", "needs a CUDA device")]
)
def test_a_path_that_is_not_there_is_an_error(fast, said):
    with pytest.raises(InputError, match=said):
        choose_path(fast, small_network(), CPU)
    with pytest.raises(InputError):
        build_path("fastest", small_network(), CPU)


def test_warming_up_runs_the_network_at_the_size_of_the_frames_to_come(monkeypatch):
    predictor = Predictor(small_checkpoint(), "cpu")
    seen = []
    run = predictor._path.run
    spied = paths.FastPath("spied", "float32", lambda rgb, depth: seen.append(rgb.shape) or run(rgb, depth))
    monkeypatch.setattr(predictor, "_path", spied)
    predictor.warm_up()
    predictor.warm_up((600, 300))
    height, width = predictor.checkpoint.preprocessing.network_size(600, 300)
    assert seen == [(1, 3, 96, 128), (1, 3, height, width)]
    # On ZeroGPU there is no GPU to warm up before a request.
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    predictor.warm_up()
    assert len(seen) == 2


def test_on_a_gpu_the_graph_comes_first_and_on_a_lent_one_nothing_is_prepared(monkeypatch):
    assert default_paths(torch.device("cuda")) == ("cuda-graph", "folded-half", "eager-half")
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert default_paths(torch.device("cuda")) == ("eager-half",)
    assert default_paths(CPU)[-1] == "eager"


def test_the_commands_take_fast_and_tell_the_path(tmp_path):
    files = [f"--rgb={SAMPLES_DIR / 'rgb' / '0001.jpg'}", f"--depth={SAMPLES_DIR / 'depth' / '0001.png'}"]
    for fast, path in (("off", "eager"), ("auto", ON_CPU[0])):
        out = tmp_path / fast
        done = CliRunner().invoke(app, ["predict", *files, "--device=cpu", f"--fast={fast}", f"--out={out}"])
        assert done.exit_code == 0, done.output
        told = json.loads((out / "prediction.json").read_text())["provenance"]
        assert (told["execution"], told["precision"]) == (path, PATHS[path].precision)
    done = CliRunner().invoke(app, ["info", "--fast", "off"])
    assert json.loads(done.stdout)["cpu"] == {"path": "eager", "precision": "float32"}


class Recorded(cudagraph.GraphedNetwork):
    """Recording replaced by a note, for what does not depend on a GPU: the bounds and the way out."""

    def __init__(self, fails=False):
        super().__init__(lambda rgb, depth: rgb[:, :1] + depth, CPU)
        self.recorded, self.fails = [], fails

    def _record(self, rgb, depth):
        if self.fails:
            raise RuntimeError("CUDA error: out of memory\nlong story")
        self.recorded.append(tuple(rgb.shape))
        held = cudagraph._Recording(rgb, depth, torch.zeros_like(depth), graph=None)
        graph = type("Graph", (), {"replay": lambda _: held.logits.copy_(held.rgb[:, :1] + held.depth)})()
        return cudagraph._Recording(held.rgb, held.depth, held.logits, graph)


def test_a_graph_is_recorded_once_a_size_and_answers_are_the_callers_own():
    network = Recorded()
    first_inputs, second_inputs = noise(1, 32, 32), tuple(-x for x in noise(1, 32, 32))
    first = network(*first_inputs)
    second = network(*second_inputs)
    assert network.recorded == [(1, 3, 32, 32)]
    assert torch.equal(first, first_inputs[0][:, :1] + first_inputs[1]), "the second replay left the first alone"
    assert torch.equal(second, -first)


def test_graphs_are_bounded_and_the_longest_unused_goes_first():
    network = Recorded()
    sizes = [32 * (k + 1) for k in range(cudagraph.MAX_GRAPHS)]
    for width in sizes:
        network(*noise(1, 32, width))
    network(*noise(1, 32, sizes[0]))  # used again, so the second is now the oldest
    network(*noise(1, 64, 64))
    assert len(network._recordings) == cudagraph.MAX_GRAPHS
    network(*noise(1, 32, sizes[0]))
    assert network.recorded.count((1, 3, 32, sizes[0])) == 1
    network(*noise(1, 32, sizes[1]))
    assert network.recorded.count((1, 3, 32, sizes[1])) == 2


def test_a_size_that_cannot_be_recorded_runs_without_and_is_not_tried_again(caplog):
    network = Recorded(fails=True)
    inputs = noise(1, 32, 32)
    for _ in range(3):
        assert torch.equal(network(*inputs), inputs[0][:, :1] + inputs[1])
    (record,) = caplog.records
    assert record.message == "(1, 3, 32, 32) runs without a CUDA graph: CUDA error: out of memory"


def test_a_large_batch_is_not_recorded(monkeypatch):
    monkeypatch.setattr(cudagraph, "MAX_PIXELS", 32 * 32)
    network = Recorded()
    network(*noise(1, 32, 32))
    network(*noise(2, 32, 32))
    assert network.recorded == [(1, 3, 32, 32)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["folded-half", "cuda-graph"])
def test_a_path_on_a_gpu_keeps_the_labels(exact, rooms, name):
    fast = deresunet.load(device="cuda", fast=name)
    for room in map(rooms.read, rooms.names[:2]):
        assert (fast(room).label == exact(room).label).mean() >= 0.995
