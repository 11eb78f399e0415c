"""Precision and recall: cases that can be counted, and torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evaluation.metrics.distances.neighbours import precision_recall
from evaluation.metrics.errors import MetricError


def test_by_counting() -> None:
    """Real at 0, 1, 2, 10 with radii 1, 1, 1, 8; generated at 0.5, 5, 20, 21 with radii 4.5, 4.5, 1, 1."""
    real, generated = np.array([[0.0], [1.0], [2.0], [10.0]]), np.array([[0.5], [5.0], [20.0], [21.0]])
    found = precision_recall(generated, real, k=1)
    assert found.precision == 0.5  # 0.5 and 5
    assert found.recall == 0.75  # 0, 1, 2: within 4.5 of 0.5; 10 is 5 from 5


def test_alike_and_apart() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8))
    assert precision_recall(x, x) == precision_recall(x, x[::-1])
    assert (precision_recall(x, x).precision, precision_recall(x, x).recall) == (1.0, 1.0)
    assert precision_recall(x, x + 100).precision == 0.0
    collapsed = precision_recall(0.05 * x, rng.normal(size=(300, 8)))
    assert collapsed.precision > 0.95
    assert collapsed.recall < 0.2


def test_as_torch_fidelity() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    rng = np.random.default_rng(3)
    generated, real = rng.normal(size=(200, 6)), 1.3 * rng.normal(size=(180, 6))
    options = {"prc_neighborhood": 3, "prc_batch_size": 100, "save_cpu_ram": False, "verbose": False, "cuda": False}
    peer = prc_features_to_metric(torch.from_numpy(generated), torch.from_numpy(real), **options)
    found = precision_recall(generated, real)
    assert found.precision == pytest.approx(peer["precision"], abs=1e-7)
    assert found.recall == pytest.approx(peer["recall"], abs=1e-7)


def test_errors() -> None:
    with pytest.raises(MetricError, match="more than 3 images"):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
    with pytest.raises(MetricError, match="must have the shapes"):
        precision_recall(np.zeros((9, 2)), np.zeros((9, 3)))
