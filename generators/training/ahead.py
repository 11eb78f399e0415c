"""Batches prepared by other processes while the network is busy with the one before."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

from torch.utils.data import DataLoader, Dataset

from generators.training.data import Batch, Data, Prepared

FURTHEST = 1 << 40
"""Steps beyond any training's end."""


class _Steps(Dataset[Prepared]):
    def __init__(self, data: Data, rank: int, world: int) -> None:
        self._data, self._rank, self._world = data, rank, world

    def __getitem__(self, step: int) -> Prepared:
        return self._data.prepare(step, self._rank, self._world)


class Ahead:
    """A training set whose next batches are already under way; asked out of order, it starts over from there.

    Its processes prepare, this one finishes: no network runs in a forked process, and none touches a GPU.
    """

    def __init__(self, data: Data, workers: int) -> None:
        self._data = data
        self._workers = workers
        self._next = -1
        self._key = (-1, -1)
        self._batches: Iterator[Prepared] = iter(())

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """As `Data.prepare`, waiting for what another process has under way."""
        if step != self._next or (rank, world) != self._key:
            # Forked: a training set of gigabytes is shared, and need not be picklable.
            context = multiprocessing.get_context("fork") if "fork" in multiprocessing.get_all_start_methods() else None
            self._batches = iter(
                DataLoader(
                    _Steps(self._data, rank, world),
                    batch_size=None,
                    sampler=range(step, FURTHEST),
                    num_workers=self._workers,
                    collate_fn=_as_it_is,  # type: ignore[arg-type]  # without a batch size it gets one item, no list
                    multiprocessing_context=context,
                )
            )
            self._key = (rank, world)
        self._next = step + 1
        return next(self._batches)

    def finish(self, prepared: Prepared) -> Batch:
        """As `Data.finish`, in this process."""
        return self._data.finish(prepared)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`."""
        return self.finish(self.prepare(step, rank, world))


def _as_it_is(prepared: Prepared) -> Prepared:
    return prepared
