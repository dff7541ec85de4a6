"""Steps that are planned so that a run, and its schedule, end with the time that it was given."""

import pytest
import pytorch_lightning as pl
import torch
from training_helpers import small_data, small_module, trainer

import train.timelimit
from deresunet.errors import InputError
from train.optimisation import FINAL_RATE, Optimisation
from train.timelimit import MEASURED_STEPS, SAVING_S, SETTLING_STEPS, TimeLimit


class Clock:
    """A clock that goes on only when a step or a validation says so."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(train.timelimit.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(train.timelimit, "VALIDATION_INTERVAL", 50)


class Steps(pl.Callback):
    """Has each step take its time on the clock, and writes down learning rates."""

    def __init__(self, clock, step_s, later_s=None, validation_s=0.0):
        self.clock, self.step_s, self.later_s, self.validation_s = clock, step_s, later_s or step_s, validation_s
        self.rates = []

    def on_train_batch_start(self, trainer, *_):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        self.clock.now += self.step_s if self.clock.now < 110.0 else self.later_s

    def on_validation_epoch_end(self, trainer, *_):
        self.clock.now += self.validation_s


def run_for(folder, clock, minutes, schedule="cosine", resume=None, finish=False, frozen=None, **steps):
    """A real run of a trainer on the smallest network, whose time is the clock's."""
    optimisation = Optimisation(rate=1e-3, schedule=schedule, warmup_steps=2)
    module = small_module(optimisation=optimisation, frozen=frozen)
    pace = Steps(clock, **steps)
    run = trainer(
        folder,
        max_epochs=-1,
        callbacks=[pace, TimeLimit(minutes, finish)],
        limit_val_batches=1,
        val_check_interval=50,
        check_val_every_n_epoch=None,
    )
    run.fit(module, datamodule=small_data(batch_size=2, limit=5, cache="ram"), ckpt_path=resume)
    run.save_checkpoint(folder / "last.ckpt")
    return module, run, pace


@pytest.mark.slow
@pytest.mark.parametrize(("later_s", "validation_s"), [(0.5, 0.0), (0.5, 2.0), (0.25, 2.0), (1.2, 2.0)])
def test_steps_fill_the_time_and_the_plan_ends_with_it(tmp_path, monkeypatch, later_s, validation_s):
    """Steps of half a second, that take longer or shorter from the middle on."""
    clock = Clock(monkeypatch)
    spared = ["rgb_encoder", "depth_encoder"]  # a step's real time is none of the clock's
    times = {"step_s": 0.5, "later_s": later_s, "validation_s": validation_s}
    module, run, pace = run_for(tmp_path, clock, 0.75, frozen=spared, **times)
    left = 145.0 - SAVING_S - clock.now
    assert left > -2 * later_s - validation_s, "no step is begun that ends after the time"
    if later_s == 0.5:
        assert left < 4.0
        assert run.global_step == pytest.approx(module.plan.steps, abs=1)
        assert pace.rates[-1] == pytest.approx(FINAL_RATE * 1e-3, rel=0.2)


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_plan_of_its_checkpoint(tmp_path, monkeypatch):
    """Without the plan, the rate would stand at its peak again until the first steps are timed."""
    clock = Clock(monkeypatch)
    first, run, pace = run_for(tmp_path, clock, 0.75, step_s=0.5)
    steps = run.global_step
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["deresunet"]["plan"]
    assert saved == {"steps": first.plan.steps, "decay_from": None}
    _, again, resumed = run_for(tmp_path, clock, 0.75, resume=tmp_path / "last.ckpt", step_s=0.5)
    unmeasured = resumed.rates[: SETTLING_STEPS + MEASURED_STEPS - 1]
    assert max(unmeasured) <= pace.rates[-1] * 1.01
    assert again.global_step > steps + SETTLING_STEPS


@pytest.mark.slow
def test_a_stable_rate_stays_over_resumptions_until_the_run_is_told_to_end(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    _, run, pace = run_for(tmp_path, clock, 0.5, "stable", step_s=0.5)
    assert pace.rates[2:] == [1e-3] * (len(pace.rates) - 2)
    last = tmp_path / "last.ckpt"
    _, run, pace = run_for(tmp_path, clock, 0.5, "stable", resume=last, step_s=0.5)
    assert set(pace.rates) == {1e-3}
    before = run.global_step
    module, run, pace = run_for(tmp_path, clock, 0.5, "stable", resume=last, finish=True, step_s=0.5)
    assert module.plan.decay_from == before
    assert pace.rates[0] == 1e-3
    assert pace.rates[-1] < 0.1e-3
    assert all(later <= earlier for earlier, later in zip(pace.rates, pace.rates[1:], strict=False))


def test_what_has_no_stable_rate_cannot_be_told_to_end(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"run\.minutes"):
        run_for(tmp_path, Clock(monkeypatch), 0.5, "cosine", finish=True, step_s=0.5)
