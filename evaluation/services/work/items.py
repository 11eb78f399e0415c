"""The machine that runs and scores share: a few items of a job, done by a worker, and handed on when time is up.

    keys (rows to claim) -> claimed (ours alone) -> items still missing of them -> batches -> kept, each by itself

What is missing is always asked of the database; a key is claimed (`locks`) while its items are worked on; each batch is
kept in a transaction of its own, while the next is under way, and small ones together. So a task may be handed out
again at any moment, at the same time, or after a kill: nothing comes twice, and a kill loses two batches at most, or
a few very short ones. An item that killed its worker, failed, or took longer than a task may goes alone after the
others; one that killed its worker `DEATHS` times is given up.

A kind of work (`runs.draw`, `scoring.score`) says what differs: `ItemWork`.
"""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from evaluation.models import GenerationRun, MetricRun
from evaluation.services.work.deaths import ALONE_DEATHS, DEATHS, Deaths
from evaluation.services.work.limits import Pace, SoftLimit, soft_limit_noted
from evaluation.services.work.states import Job, SpoiledError, finish, is_wanted, job_name, spoil

log = logging.getLogger(__name__)

MAX_TASKS = 1_000
"""A job is cut into no more tasks than that."""

AGAIN_AFTER_S = 5.0
"""Seconds after which a task goes on that met its limit on time outside of a batch: loading, storing."""

HERE_S = 60.0
"""Seconds of work between two looks for more, where this process does all of it."""

CLAIMED_S = 0.5
"""Seconds until it looks again for what another process holds."""

WANTED_EVERY_S = 0.1
"""Seconds between two looks whether the job is still wanted: batches that take longer are each preceded by one."""

MOST_COUNTED = 8
"""So many shorter ones at most are counted together (`deaths`): if one kills its worker, all of them go alone next."""

Key = int
Item = TypeVar("Item", bound=Key | tuple[Key, int])


@dataclass(frozen=True, slots=True)
class Left:
    """What a task leaves for another: `keys` to claim, not before `after_s` seconds from now.

    `is_over`: the limit on the task's time rang; it must leave off.
    """

    keys: list[Key]
    after_s: float = 0.0
    is_over: bool = field(default=False, compare=False)


class ItemWork(ABC, Generic[Job, Item]):
    """One job as the machine works on it. `name`: of its counts, such as "run:7". `row`: the job as it was read.

    An item is a key that is claimed, or a pair of one and a number. `endings`: the errors that end the whole job with
    their message.
    """

    endings: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, row: Job) -> None:
        self.row: Job = row
        self.name = job_name(row)

    @abstractmethod
    def missing(self, keys: Sequence[Key] | None = None) -> list[Item]:
        """What is still to be done of these keys, or of all of the job, in order."""

    @abstractmethod
    def chunks(self) -> list[list[Key]]:
        """What is still to be done, as the keys of each task."""

    @abstractmethod
    def claim(self, keys: Sequence[Key]) -> AbstractContextManager[list[Key]]:
        """Those of the keys that nobody else works on; they are ours until the block ends."""

    def is_wanted(self) -> bool:
        """Whether it has neither ended nor been stopped meanwhile."""
        return is_wanted(self.row)

    def more(self) -> list[Item]:
        """Further items, after those of the keys that a task was given: their keys join the list that `claim` gave."""
        return []

    @abstractmethod
    def load(self) -> Pace:
        """Load what does the work, or find it loaded."""

    @abstractmethod
    def unload(self) -> None:
        """Let go of what is loaded: it was torn out of its work."""

    @abstractmethod
    def start(self) -> None:
        """Mark the job as under way, and hold it to what made its first results."""

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """How many items it likes at once."""

    @property
    @abstractmethod
    def loading_kills(self) -> str:
        """What to tell people when loading killed its worker `ALONE_DEATHS` times."""

    def failed_before(self, items: Collection[Item]) -> Collection[Item]:
        """Those of the items that failed in an earlier try."""
        return ()

    @abstractmethod
    def do(self, batch: Sequence[Item], limit: SoftLimit) -> Mapping[Item, float]:
        """Do the batch and keep what comes of it, or leave that under way (`keep_rest`).

        Returns the items to be tried again, with the seconds until then.

        Raises:
            SoftTimeLimitExceeded: the task's time is over; what was not kept is still missing.
        """

    def keep_rest(self) -> None:
        """Keep what `do` left under way, such as files that are still being written. Called when a task leaves off."""

    @abstractmethod
    def too_long(self, item: Item) -> Mapping[Item, float]:
        """Keep that an item took longer than a task may, alone. Returns what `do` does."""

    @abstractmethod
    def give_up(self, items: Collection[Item]) -> None:
        """Keep that these killed their worker too often."""

    @abstractmethod
    def outcome(self, row: Job) -> str | None:
        """As `states.finish` takes it."""

    def finish(self) -> bool:
        """End the job if nothing is left; True when it has ended."""
        return finish(self.row, self.outcome)


def cut(keys: Sequence[Key], per_task: int) -> list[list[Key]]:
    """`keys` in tasks of `per_task`, or of more where that would make more than `MAX_TASKS`."""
    per_task = max(1, per_task, -(-len(keys) // MAX_TASKS))
    return [list(keys[start : start + per_task]) for start in range(0, len(keys), per_task)]


def work_on(work: ItemWork[Job, Item], keys: Sequence[Key], *, seconds: float) -> Left | None:
    """Do what is missing of `keys`, for about `seconds`.

    Returns what is left when the time is up or a failure asks for patience. A job that can't go on (nothing to load,
    another than before, a full disk) ends as failed with its message; one that has all it needs ends as done.
    """
    deadline = time.monotonic() + seconds
    endings: tuple[type[Exception], ...] = (SpoiledError, *work.endings)
    claimed: list[Key] = []
    try:
        while True:
            with work.claim(keys) as claimed:
                left = _work_on_claimed(work, claimed, deadline)
            if left is not None:
                return left
            # a retry may have been asked for while the keys were claimed, and its own task turned away
            if not claimed or not work.is_wanted() or not work.missing(claimed):
                break
    except SoftTimeLimitExceeded:  # outside of a batch: loading, storing
        work.unload()
        return Left(sorted({*keys, *claimed}), AGAIN_AFTER_S, is_over=True)
    except endings as error:
        spoil(type(work.row), work.row.pk, str(error))
        return None
    work.finish()
    return None


def work_alone(
    row: GenerationRun | MetricRun,
    item: str,
    claim: AbstractContextManager[Sequence[Key]],
    do: Callable[[], None],
    *,
    killed: str,
) -> bool:
    """Do an `item` of a job that goes alone: the one thing that `claim` takes. False where another process has it.

    Raises:
        SpoiledError: it killed its worker `ALONE_DEATHS` times; `killed` is the message.
    """
    deaths: Deaths[str] = Deaths(job_name(row))
    with claim as claimed:
        if not claimed:
            return False
        if deaths.of([item])[item] >= ALONE_DEATHS:
            deaths.forget([item])  # an end with a message is no death: whoever asks again begins anew
            raise SpoiledError(killed)
        with deaths.counted([item], too_long_counts=False):
            do()
    return True


def work_here(
    open_work: Callable[[], ItemWork[Job, Item] | None], report_progress: Callable[[], object] = lambda: None
) -> None:
    """Do all that is missing in this process until the job has ended; what another process holds is waited for.

    `open_work`: the job as it is now, None when it has ended. `report_progress`: called after each task's share.
    """
    while (work := open_work()) is not None and not work.finish():
        pauses = []
        for keys in work.chunks():
            left = work_on(work, keys, seconds=HERE_S)
            if left is not None:
                pauses.append(left.after_s)
            report_progress()
        if work.is_wanted() and work.missing():
            time.sleep(max(pauses, default=CLAIMED_S))


def _work_on_claimed(work: ItemWork[Job, Item], claimed: Sequence[Key], deadline: float) -> Left | None:
    deaths: Deaths[Item] = Deaths(work.name)
    items = _survivors(work, work.missing(claimed) if claimed else [], deaths) or _survivors(work, work.more(), deaths)
    if not items:
        return None
    pace = _load(work, claimed)
    work.start()
    try:
        return _do_all(work, items, deaths, pace, deadline)
    finally:
        deaths.forget_ended()
        work.keep_rest()


def _survivors(work: ItemWork[Job, Item], items: Sequence[Item], deaths: Deaths[Item]) -> dict[Item, int]:
    """The items that are not given up, each with the count of its deaths."""
    counts = deaths.of(items) if items else {}
    lost = [item for item in items if counts[item] >= DEATHS]
    if lost:
        work.give_up(lost)
        deaths.forget(lost)  # whoever asks again begins anew
    return {item: n for item, n in counts.items() if n < DEATHS}


def _do_all(
    work: ItemWork[Job, Item], items: Mapping[Item, int], deaths: Deaths[Item], pace: Pace, deadline: float
) -> Left | None:
    """Do the items in batches, until they are done, the time is up, or the job is not wanted any more.

    `items`: each with the count of its deaths.
    """
    together: list[Item] = []
    alone: list[Item] = []
    again: dict[Item, float] = {}
    looked = -math.inf
    while items or together or alone:
        if items:
            # what failed or killed before goes last and alone: if it does again, it harms no other
            marked = {item for item in items if items[item]} | set(work.failed_before(items))
            together += [item for item in items if item not in marked]
            alone += [item for item in items if item in marked]
            items = {}
        if time.monotonic() - looked >= WANTED_EVERY_S:
            if not work.is_wanted():
                return None
            looked = time.monotonic()
        n_at_once = pace.batch_size(work.batch_size)
        begun = together[: n_at_once * _batches_counted(pace, n_at_once)] or alone[:1]
        if together:
            together = together[len(begun) :]
        else:
            alone = alone[1:]
        waiting: list[Item] = begun
        try:
            with soft_limit_noted() as limit, deaths.counted(begun, more_follow=True):
                while waiting:
                    batch = waiting[:n_at_once]
                    with pace.measured(len(batch)):
                        again.update(work.do(batch, limit))
                    waiting = waiting[len(batch) :]
        except SoftTimeLimitExceeded:
            work.unload()
            if len(begun) == 1:
                again.update(work.too_long(begun[0]))
                deaths.forget(begun)
                waiting = []
            left = _left([*waiting, *together, *alone], again)
            return None if left is None else replace(left, is_over=True)
        if time.monotonic() > deadline:
            return _left([*together, *alone], again)
        if not together and not alone:
            items = _survivors(work, work.more(), deaths)
    return _left([], again)


def _batches_counted(pace: Pace, n_at_once: int) -> int:
    """How many batches are counted as begun together, between two looks whether the job is wanted: one that is long."""
    return max(1, min(MOST_COUNTED, pace.fit_into(WANTED_EVERY_S) // n_at_once))


def _left(items: Sequence[Item], again: Mapping[Item, float]) -> Left | None:
    """What a task leaves: at once where something was not begun, and else when a failure may have passed."""
    keys = sorted({item if isinstance(item, int) else item[0] for item in (*items, *again)})
    if not keys:
        return None
    return Left(keys) if items else Left(keys, min(max(again.values()), settings.TASK_SECONDS))


def _load(work: ItemWork[Job, Item], claimed: Sequence[Key]) -> Pace:
    """Load what does the work. Loading is counted for the keys that are claimed: other workers may load meanwhile.

    Raises:
        SpoiledError: it was begun often and never came to an end.
    """
    loading: Deaths[Key] = Deaths(f"{work.name}:loading")
    if max(loading.of(claimed).values()) >= ALONE_DEATHS:
        loading.begin_anew()  # an end with a message is no death: whoever asks again begins anew
        raise SpoiledError(work.loading_kills)
    with loading.counted(claimed):
        return work.load()
