"""Where an instance keeps what metrics need. Metrics are handed the folder of weights; the rest lies beside it."""

from __future__ import annotations

from pathlib import Path


def weights_in(instance: Path) -> Path:
    """The folder of the weights that users bring, in the folder of an instance."""
    return instance / "weights"


def statistics_beside(weights: Path) -> Path:
    """The folder of statistics kept by content, of the instance whose weights lie in `weights`."""
    return weights.parent / "statistics"
