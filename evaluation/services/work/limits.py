"""Time: how many items fit into a batch, and whether the limit of the task rang meanwhile."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from billiard.pool import SIG_SOFT_TIMEOUT
from django.conf import settings

BATCH_SHARE = 0.1
"""Share of a task's longest time that one batch should take: the pace of the batch before says how many fit."""


@dataclass(slots=True)
class Pace:
    """How fast a generator or a metric is. `seconds_per_item`: of its last batch, None before its first."""

    seconds_per_item: float | None = None

    def batch_size(self, most: int) -> int:
        """As many as `most` and as fit a share of a task's time; one to learn the pace."""
        if self.seconds_per_item is None:
            return 1
        return max(1, min(most, self.fit_into(settings.TASK_SECONDS * BATCH_SHARE)))

    def fit_into(self, seconds: float) -> int:
        """How many items are done in so long; 0 before the first batch."""
        return 0 if self.seconds_per_item is None else int(seconds / max(self.seconds_per_item, 1e-6))

    @contextmanager
    def measured(self, n_items: int) -> Iterator[None]:
        """Learn the pace from a batch of `n_items`, unless it ends with an error."""
        began = time.monotonic()
        yield
        self.seconds_per_item = (time.monotonic() - began) / n_items


@dataclass(slots=True)
class SoftLimit:
    """Whether the task's limit on time rang. True also where a plug-in took the ringing for a fault of its own."""

    rang: bool = False


@contextmanager
def soft_limit_noted() -> Iterator[SoftLimit]:
    """Note within the block whether the limit rings; what Celery does then, it goes on doing."""
    limit = SoftLimit()
    before = signal.getsignal(SIG_SOFT_TIMEOUT) if SIG_SOFT_TIMEOUT else None
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield limit  # no worker's process: nothing rings here
        return
    ring = before

    def note(number: int, frame: FrameType | None) -> None:
        limit.rang = True
        ring(number, frame)

    signal.signal(SIG_SOFT_TIMEOUT, note)
    try:
        yield limit
    finally:
        signal.signal(SIG_SOFT_TIMEOUT, ring)
