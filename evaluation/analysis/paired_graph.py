"""Who met whom, who beat whom: whether a ranking exists, and what is done where its scores would be infinite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csgraph

from evaluation.analysis.paired_models import Rows


def groups(rows: Rows) -> list[npt.NDArray[np.intp]]:
    """Groups of generators that are linked by comparisons."""
    n = rows.n_generators
    graph = coo_array((np.ones(len(rows.first)), (rows.first, rows.second)), shape=(n, n))
    number, labels = csgraph.connected_components(graph, directed=False) if n else (0, np.zeros(0))
    return [np.flatnonzero(labels == group) for group in range(number)]


def apart(names: list[str], linked: list[npt.NDArray[np.intp]]) -> str:
    """Says which groups were never compared with each other."""
    said = " and ".join("{" + ", ".join(names[at] for at in group) + "}" for group in linked)
    return f"the groups {said} were never compared with each other; rank each alone, or add comparisons between them"


def separated(rows: Rows) -> bool:
    """Whether no finite maximum exists: some group was never preferred to (or tied with) the rest (Ford 1957)."""
    n = rows.n_generators
    beats = np.concatenate([rows.counts[:, 0] + rows.counts[:, 1], rows.counts[:, 2] + rows.counts[:, 1]]) > 0
    source, target = np.concatenate([rows.first, rows.second]), np.concatenate([rows.second, rows.first])
    graph = coo_array((np.ones(int(beats.sum())), (source[beats], target[beats])), shape=(n, n))
    return bool(csgraph.connected_components(graph, directed=True, connection="strong")[0] > 1)


def with_half_wins(rows: Rows) -> Rows:
    """The rows with half a win and half a loss added to each: every maximum is then finite."""
    counts = rows.counts + np.array([0.5, 0.0, 0.5])
    return Rows(rows.n_generators, rows.first, rows.second, rows.side, counts, rows.with_bias)
