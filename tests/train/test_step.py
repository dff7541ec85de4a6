"""A whole step by itself is Lightning's step: clipping, average, schedule; as a CUDA graph it is the eager one."""

import pytest
import torch
from training_helpers import SMALL, small_data, small_module, trainer

from deresunet.errors import InputError
from train.data.augmentation import Augmentation
from train.ema import Average, averaged_copy
from train.module import SegmentationModule
from train.optimisation import Optimisation, build_optimiser
from train.step import WholeStep

OPTIMISATION = Optimisation(rate=2e-3, weight_decay=0.01, schedule="cosine", warmup_steps=2, clip_norm=0.5)


def weights_after(folder, epochs=1, resume=None, **options):
    module = small_module(optimisation=OPTIMISATION, ema_decay=0.9, auxiliary_weight=0.2, **options)
    run = trainer(folder, max_epochs=epochs)
    run.fit(module, datamodule=small_data(batch_size=2), ckpt_path=resume)
    assert run.global_step == 4 * epochs
    run.save_checkpoint(folder / "run.ckpt")
    return module.state_dict(), run


def assert_close(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=1e-5, atol=1e-6, msg=name)


def test_whole_step_is_lightnings_step(tmp_path):
    """The same weights, average, metrics and learning rate, whichever of the two changes them."""
    (tmp_path / "whole").mkdir()
    automatic, run = weights_after(tmp_path)
    whole, other = weights_after(tmp_path / "whole", cuda_graph=True)
    assert_close(automatic, whole)
    for name in ("lr", "train/loss", "train/miou", "train/loss_auxiliary"):
        assert float(run.callback_metrics[name]) == pytest.approx(float(other.callback_metrics[name]), rel=1e-5)


def test_whole_step_is_resumed(tmp_path):
    unbroken, _ = weights_after(tmp_path, epochs=2, cuda_graph=True)
    (tmp_path / "half").mkdir()
    module = small_module(optimisation=OPTIMISATION, ema_decay=0.9, auxiliary_weight=0.2, cuda_graph=True)
    run = trainer(tmp_path / "half", max_epochs=2, limit_train_batches=4, max_steps=4)
    module.plan.steps = 8  # the schedule is that of the whole run
    run.fit(module, datamodule=small_data(batch_size=2))
    run.save_checkpoint(tmp_path / "half.ckpt")
    resumed = small_module(optimisation=OPTIMISATION, ema_decay=0.9, auxiliary_weight=0.2, cuda_graph=True)
    trainer(tmp_path / "half", max_epochs=2).fit(
        resumed, datamodule=small_data(batch_size=2), ckpt_path=tmp_path / "half.ckpt"
    )
    assert_close(unbroken, resumed.state_dict())


def test_accumulation_and_scaled_gradients_are_refused(tmp_path):
    module = small_module(cuda_graph=True)
    run = trainer(tmp_path, max_epochs=1)
    module.trainer = run
    run.strategy._precision_plugin.precision = "16-mixed"
    with pytest.raises(InputError, match="bf16-mixed or 32-true"):
        module._make_whole_step()


def batches(count, device):
    data = small_data(batch_size=2, augmentation=Augmentation(missing_depth=0.2, missing_rgb=0.2))
    data.setup("fit")
    drawn = []
    for epoch in range(-(-count // 4)):
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)
        drawn += list(loader)
    return data, [
        batch._make(part.to(device) if isinstance(part, torch.Tensor) else part for part in batch)
        for batch in drawn[:count]
    ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_recorded_step_is_the_eager_one(precision):
    device = torch.device("cuda")
    data, drawn = batches(12, device)
    results = {}
    for way in ("eager", "graph"):
        config = SMALL.__class__(**{**vars(SMALL), "dropout": 0.0})
        torch.manual_seed(0)
        module = SegmentationModule(network=config, auxiliary_weight=0.2)
        module.preprocessing = data.preprocessing
        module.to(device).train()
        optimiser = build_optimiser(OPTIMISATION, module)
        copy = averaged_copy(module.model)

        def losses_of(batch, module=module):
            with torch.autocast("cuda", precision or torch.float32, enabled=precision is not None):
                return module.step(batch)

        step = WholeStep(losses_of, optimiser, Average(module.model, copy, 0.9), 0.5)
        losses = []
        for number, batch in enumerate(drawn):
            result = step(batch, number) if way == "graph" else eager(step, batch, number)
            losses.append(float(result.loss))
        assert bool(step._recorded) == (way == "graph")
        results[way] = losses, {name: tensor.float().cpu() for name, tensor in copy.state_dict().items()}
    tolerance = 1e-4 if precision is None else 3e-2
    assert results["eager"][0] == pytest.approx(results["graph"][0], rel=tolerance)
    for name, tensor in results["eager"][1].items():
        torch.testing.assert_close(tensor, results["graph"][1][name], rtol=tolerance, atol=tolerance, msg=name)


def eager(step, batch, number):
    step.average.begin(number)
    return step.eager(batch)
