"""Steps that are planned so that a run, and its schedule, end with the time that it was given."""

from types import SimpleNamespace

import pytest

import train.timelimit
from train.timelimit import SAVING_S, TimeLimit


@pytest.mark.parametrize(("later_s", "validation_s"), [(0.2, 0.0), (0.2, 4.0), (0.1, 4.0), (0.5, 4.0)])
def test_steps_fill_the_time_and_the_plan_ends_with_it(monkeypatch, later_s, validation_s):
    """Steps of 0.2 s, that take longer or shorter from the middle on."""
    now = [100.0]
    monkeypatch.setattr(train.timelimit.time, "monotonic", lambda: now[0])
    data = SimpleNamespace(count=lambda part: 8, batch_size=4)
    trainer = SimpleNamespace(global_step=0, should_stop=False, datamodule=data, sanity_checking=False)
    module = SimpleNamespace(planned_steps=None)
    limit = TimeLimit(2.0)
    while not trainer.should_stop:
        assert now[0] < 300.0
        now[0] += 0.2 if now[0] < 150.0 else later_s
        trainer.global_step += 1
        limit.on_train_batch_end(trainer, module, None, None, 0)
        if trainer.global_step == 100 and validation_s:
            limit.on_validation_start(trainer, module)
            now[0] += validation_s
            limit.on_validation_end(trainer, module)
    left = 220.0 - SAVING_S - validation_s - now[0]
    assert left > -2 * later_s, "no step is begun that ends after the time"
    if later_s == 0.2:
        assert left < 3.0
        assert trainer.global_step == pytest.approx(module.planned_steps, abs=1)
