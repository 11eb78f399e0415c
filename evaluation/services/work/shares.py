"""A long task, worked on share by share: what is claimed at a time, and looked at for what is missing, stays small."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from evaluation.services.work.items import ItemWork, Key, Left, work_on

Work = TypeVar("Work", bound=ItemWork[Any, Any])


def work_in_shares(
    open_work: Callable[[], Work | None], keys: Sequence[Key], *, at_once: Callable[[Work], int], seconds: float
) -> Left | None:
    """Do what is missing of `keys` for about `seconds`; what is left then, as `work_on`.

    `open_work`: the job as it is now, None when it has ended. `at_once`: how many keys of it are claimed at a time.
    """
    deadline, waiting, later = time.monotonic() + seconds, list(keys), list[Left]()
    while waiting:
        work = open_work()
        if work is None:
            return None
        n = at_once(work)
        some, waiting = waiting[:n], waiting[n:]
        left = work_on(work, some, seconds=max(0.0, deadline - time.monotonic()))
        if left is not None and left.after_s:
            later.append(left)
        elif left is not None:
            waiting = [*left.keys, *waiting]
        if time.monotonic() > deadline or (left is not None and left.is_over):
            break
    rest = [*waiting, *(key for each in later for key in each.keys)]
    if not rest:
        return None
    return Left(rest, 0.0 if waiting else min(each.after_s for each in later))
