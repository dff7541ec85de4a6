"""The pooled confusion matrix of training: against the matrix of evaluation, and over two processes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing

from deresunet.evaluation.metrics import confusion_matrix
from train.metrics import PooledConfusionMatrix


def random_pair(seed: int, shape: tuple[int, int], classes: int = 37) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(low, classes + 1, shape, dtype=np.uint8) for low in (0, 1))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected equal shapes"):
        PooledConfusionMatrix(37).update(torch.ones(4), torch.ones(5))


def test_stateful_metric_adds_up_and_starts_anew() -> None:
    metric = PooledConfusionMatrix(37)
    pairs = [random_pair(seed, (9, 11)) for seed in range(3)]
    for truth, prediction in pairs:
        metric.update(torch.from_numpy(truth), torch.from_numpy(prediction))
    metric.update(torch.zeros(3, dtype=torch.uint8), torch.ones(3, dtype=torch.uint8))  # all void
    assert np.array_equal(metric.compute().numpy(), sum(confusion_matrix(*pair, 37) for pair in pairs)[:, :37])
    metric.reset()
    assert not metric.cells.any()


def _accumulate(rank: int, folder: str) -> None:
    """One of two processes: frames 0 and 2, or frame 1 (of another size) and none more."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    metric = PooledConfusionMatrix(37)
    for seed in range(rank, 3, 2):
        truth, prediction = random_pair(seed, (20 + seed, 30))
        metric.update(torch.from_numpy(truth), torch.from_numpy(prediction))
    np.save(Path(folder) / f"{rank}.npy", metric.compute().numpy())
    torch.distributed.destroy_process_group()


def test_two_processes_accumulate_one_matrix(tmp_path: Path) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.multiprocessing.start_processes(_accumulate, (str(tmp_path),), nprocs=2, start_method="spawn")
    expected = sum(confusion_matrix(*random_pair(seed, (20 + seed, 30)), 37) for seed in range(3))[:, :37]
    for rank in range(2):
        assert np.array_equal(np.load(tmp_path / f"{rank}.npy"), expected)
