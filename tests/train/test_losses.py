"""Losses against their definitions, void, and classes that are not there."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from training_helpers import SMALL

from train import losses
from train.ema import Average, averaged_copy
from train.initialisation import icnr_, start_as_nearest
from train.metrics import PooledConfusion
from train.module import SegmentationModule
from train.optimisation import (
    FINAL_RATE,
    Optimisation,
    Plan,
    build_optimiser,
    build_schedule,
    cosine_rate,
    stable_rate,
    step_seed,
)


@pytest.fixture
def drawn():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 37, 16, 24, generator=generator)
    label = torch.randint(0, 38, (2, 16, 24), generator=generator).to(torch.uint8)
    return logits, label


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_by_its_definition(drawn, weighted):
    logits, label = drawn
    weight = torch.linspace(0.2, 3, 37) if weighted else None
    total = count = 0.0
    probabilities = logits.double().softmax(1)
    for b, y, x in np.ndindex(*label.shape):
        k = int(label[b, y, x]) - 1
        if k >= 0:
            counted = float(weight[k]) if weighted else 1.0
            total -= counted * float(probabilities[b, k, y, x].log())
            count += counted
    assert float(losses.cross_entropy(logits, label, weight)) == pytest.approx(total / count, rel=1e-5)


def test_void_neither_counts_nor_gives_gradients(drawn):
    logits, label = drawn
    logits.requires_grad_()
    losses.cross_entropy(logits, label).backward()
    assert not logits.grad.permute(0, 2, 3, 1)[label == 0].any()
    assert logits.grad.permute(0, 2, 3, 1)[label != 0].any(1).all()
    everything_void = losses.cross_entropy(logits, torch.zeros_like(label))
    assert float(everything_void) == 0.0


def test_auxiliary_takes_one_label_a_cell(drawn):
    _, label = drawn
    coarse = losses.subsample(label, (4, 6))
    assert coarse.shape == (2, 4, 6)
    assert torch.equal(coarse, label[:, 2::4, 2::4])
    logits = F.one_hot(losses.target(coarse).clamp(min=0), 37).permute(0, 3, 1, 2) * 100.0
    assert float(losses.auxiliary(logits, label)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 1.5, 4.0])
def test_distillation_by_its_definition(drawn, temperature):
    """The divergence of softened probabilities, times the squared temperature, over the network's own classes."""
    logits, _ = drawn
    same = F.avg_pool2d(logits, 4)
    assert float(losses.distillation(logits, same, temperature)) == pytest.approx(0.0, abs=1e-6)
    teacher = 3 * torch.randn(2, 40, 4, 6, generator=torch.Generator().manual_seed(1))
    total = 0.0
    for b, y, x in np.ndindex(2, 4, 6):
        wanted = (teacher[b, :37, y, x].double() / temperature).softmax(0)
        given = (same[b, :, y, x].double() / temperature).softmax(0)
        total += float((wanted * (wanted / given).log()).sum())
    expected = temperature**2 * total / (2 * 4 * 6)
    assert float(losses.distillation(logits, teacher, temperature)) == pytest.approx(expected, rel=1e-4)


def test_features_by_their_definition():
    teacher = torch.randn(2, 8, 6, 6)
    assert float(losses.features(teacher, teacher)) == pytest.approx(0.0, abs=1e-6)
    given = torch.randn(2, 8, 3, 3)
    brought = F.interpolate(given, (6, 6), mode="bilinear")
    cosine = (brought * teacher).sum(1) / brought.norm(dim=1) / teacher.norm(dim=1)
    apart = (brought - teacher).abs()
    smooth = torch.where(apart < 1, 0.5 * apart**2, apart - 0.5).mean()
    wanted = float((1 - cosine).mean() + 0.1 * smooth)
    assert float(losses.features(given, teacher)) == pytest.approx(wanted, rel=1e-5)


def test_log_depth_by_its_definition():
    """Factors count alike whatever the distance, where depth was measured."""
    estimate, depth = torch.tensor([[[[1.0, 9.0], [4.0, 0.5]]]]), torch.tensor([[[[2.0, 0.0], [4.0, 0.125]]]])
    assert float(losses.log_depth(estimate, depth)) == pytest.approx((np.log(2) + np.log(4)) / 3)
    assert float(losses.log_depth(estimate[..., :1, :1], depth[..., :1, :1])) == pytest.approx(np.log(2))
    assert float(losses.log_depth(estimate, torch.zeros_like(depth))) == 0.0


def test_class_weights():
    shares = np.zeros(37)
    shares[:4] = 0.64, 0.32, 0.04, 0.0
    weights = losses.class_weights(shares).numpy()
    assert weights[1] / weights[0] == pytest.approx(2**0.5, rel=1e-6)
    assert weights[2] / weights[0] == pytest.approx(4.0, rel=1e-6)
    assert (weights * shares).sum() == pytest.approx(1.0)
    assert (weights[3:] == weights[2]).all()  # absent classes count as the rarest that is there


def test_no_class_counts_without_bound():
    """A class of one pixel in ten million would count 3,162 times a wall's."""
    shares = np.zeros(37)
    shares[:2] = 1.0 - 1e-7, 1e-7
    weights = losses.class_weights(shares).numpy()
    assert weights[0] == pytest.approx(1.0, rel=1e-3)
    assert (weights[1:] == 8.0).all()


def test_pooled_confusion_counts_pixels():
    generator = np.random.default_rng(0)
    label = generator.integers(0, 38, (3, 20, 20))
    prediction = generator.integers(0, 37, (3, 20, 20))
    metric = PooledConfusion(37)
    for one_label, one_prediction in zip(label, prediction, strict=True):
        metric.update(torch.from_numpy(one_label).to(torch.uint8), torch.from_numpy(one_prediction), torch.tensor(2.0))
    matrix, loss = metric.result()
    wanted = np.zeros((37, 37), np.int64)
    np.add.at(wanted, (label[label > 0] - 1, prediction[label > 0]), 1)
    assert np.array_equal(matrix, wanted)
    assert loss == pytest.approx(2.0)


def test_average_by_its_definition():
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    copy = averaged_copy(network)
    average = Average(network, copy, decay=0.9)
    wanted = {name: tensor.clone() for name, tensor in copy.state_dict().items()}
    for step in range(30):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        network(torch.randn(8, 3))  # moves the statistics and the counter
        average.begin(step)
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            wanted[name] = decay * wanted[name] + (1 - decay) * tensor if tensor.is_floating_point() else tensor.clone()
    for name, tensor in copy.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name])
    assert int(copy[1].num_batches_tracked) == 30


@pytest.mark.parametrize("head", ["subpixel", "shuffle_conv"])
def test_icnr_starts_as_nearest_neighbour(head):
    torch.manual_seed(0)
    module = SegmentationModule(network=SMALL.__class__(**{**vars(SMALL), "head": head}), icnr=True)
    network = module.model.eval()
    with torch.no_grad():
        maps = network.maps(torch.randn(1, 3, 64, 64), torch.randn(1, 1, 64, 64))
        shuffled = [maps.bottleneck, *maps.decoder[:-1]]
        # A sub-pixel head has its own convolution before the shuffle; the other shuffles the decoder's last map.
        shuffled.append(network.head[0](maps.decoder[-1]) if head == "subpixel" else maps.decoder[-1])
    for maps_before in shuffled[1:]:
        up = F.pixel_shuffle(maps_before, 2)
        assert torch.equal(up, F.interpolate(up[..., ::2, ::2], scale_factor=2, mode="nearest"))
    if head == "subpixel":
        assert torch.equal(network.head(maps.decoder[-1]), F.pixel_shuffle(shuffled[-1], 2))


def test_icnr_keeps_the_first_of_each_cell():
    weight = torch.randn(8, 3, 1, 1)
    before = weight.clone()
    icnr_(weight)
    assert torch.equal(weight[:4], before[:1].expand(4, -1, -1, -1))
    assert torch.equal(weight[4:], before[4:5].expand(4, -1, -1, -1))


def test_start_as_nearest_touches_only_what_is_shuffled():
    torch.manual_seed(0)
    network = SegmentationModule(network=SMALL).model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start_as_nearest(network)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {
        "bottleneck.out.0.weight",
        *(f"decoder.{stage}.conv2.0.weight" for stage in range(3)),
        "head.0.weight",
        "head.0.bias",
    }


def test_learning_rate_goes_up_a_line_and_down_a_cosine():
    rates = [cosine_rate(step, 10, 110) for step in range(111)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx((1 + FINAL_RATE) / 2)
    assert rates[110] == pytest.approx(FINAL_RATE)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_stable_rate_stays_until_the_run_is_told_to_end():
    assert [stable_rate(step, 3, Plan()) for step in (0, 1, 2, 3, 1000)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    ending = Plan(steps=200, decay_from=100)
    rates = [stable_rate(step, 3, ending) for step in (99, 100, 150, 199, 200, 300)]
    assert rates == pytest.approx([1.0, 1.0, 0.5, 0.01, 0.0, 0.0])
    assert stable_rate(500, 3, Plan(steps=None, decay_from=100)) == 1.0, "told to end, and not yet measured"


def test_only_matrices_are_decayed_and_pretrained_parts_go_slower():
    module = SegmentationModule(network=SMALL)
    config = Optimisation(rate=1e-3, pretrained_rate=1e-4, weight_decay=0.1)
    optimiser = build_optimiser(config, module, ("model.rgb_encoder.", "model.depth_encoder."))
    of = {id(p): group for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in module.named_parameters():
        group = of.pop(id(parameter))
        assert group["lr"] == (1e-4 if "encoder" in name else 1e-3)
        assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)
    assert not of


def test_schedules_are_those_asked_for():
    module, plan = torch.nn.Linear(2, 2), Plan(steps=10, decay_from=6)

    def rates(**options):
        optimiser = build_optimiser(Optimisation(rate=0.5, **options), module)
        schedule, seen = build_schedule(Optimisation(rate=0.5, **options), optimiser, lambda: plan), []
        for _ in range(11):
            seen.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step(*([1.0] if options["schedule"] == "plateau" else []))
        return seen

    cosine, stable = (rates(schedule=one, warmup_steps=2) for one in ("cosine", "stable"))
    assert cosine == pytest.approx([0.5 * cosine_rate(step, 2, 10) for step in range(11)])
    assert stable == pytest.approx([0.5 * stable_rate(step, 2, plan) for step in range(11)])
    stalled = rates(schedule="plateau", plateau_factor=0.4, plateau_patience=3)
    assert stalled == pytest.approx([0.5] * 5 + [0.2] * 4 + [0.08] * 2)
    constant = Optimisation()
    assert build_schedule(constant, build_optimiser(constant, module), lambda: plan) is None
    assert isinstance(build_optimiser(constant, module), torch.optim.AdamW)
    assert not isinstance(build_optimiser(Optimisation("adam"), module), torch.optim.AdamW)


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0}, {"pretrained_rate": 0}, {"pretrained_rate": -1}, {"plateau_factor": 0}, {"plateau_factor": 1}],
)
def test_rates_are_checked(wrong):
    with pytest.raises(ValueError, match="above 0"):
        Optimisation(**wrong)


def test_steps_draw_apart():
    drawn = {step_seed(s, e, b, r) for s in range(3) for e in range(5) for b in range(20) for r in range(4)}
    assert len(drawn) == 3 * 5 * 20 * 4
