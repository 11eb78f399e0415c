"""What ppi-python's interval covers on the same studies: its formula (0.2.3), prompts as the independent units.

Written out rather than imported: the package wants numba and a downloader besides.
tests/analysis/test_prediction_powered.py holds ours against the same formula.
"""

from __future__ import annotations

import math

import numpy as np

from evaluation.analysis.powered_mean import RatedSuite

Z = 1.959963985


def peer_interval(suite: RatedSuite) -> tuple[float, float]:
    """Mean and half-width of ``ppi_mean_ci`` at 95 %: a rated prompt's mean rating, the first score as its prediction
    (on the ratings' scale, as the peer wants it), lambda by its own rule, clipped to 0 and 1.
    """
    y = np.bincount(suite.prompt, weights=suite.y) / np.bincount(suite.prompt)
    scores = np.concatenate([suite.scores[:, 0], suite.unrated_scores[:, 0]])
    predictions = np.tanh(scores - scores.mean())
    f, unrated = predictions[: len(y)], predictions[len(y) :]
    n, many = len(y), len(unrated)
    lam = float(np.clip(np.cov(y, f)[0, 1] / ((1 + n / many) * predictions.var()), 0, 1))
    mean = lam * unrated.mean() + (y - lam * f).mean()
    return float(mean), Z * math.sqrt(lam**2 * unrated.var() / many + (y - lam * f).var() / n)
