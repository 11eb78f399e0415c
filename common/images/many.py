"""Many files checked by several decoding children side by side, in the order in which they came.

One thread speaks with all of them. Each child has its next file while it decodes one, so it never waits for this
process, which meanwhile does something with what was decoded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.images.child import (
    START_SECONDS,
    Child,
    checked_of,
    died_of_it,
    read_file,
    took_too_long,
    wait,
)
from common.images.decode import DEFAULT_LIMITS, CheckedImage, ImageLimits, ImageProblem

AHEAD = 2
"""Files that a child has at most: the one that it decodes, and the next."""


def check_images(
    items: Iterable[tuple[str, bytes | Path]],
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    workers: int = 1,
    by_content: bool = False,
) -> Iterator[tuple[str, CheckedImage | ImageProblem]]:
    """Each item's name with its checked image or its problem, in the order of `items`.

    `items`: (name, bytes or path); the name's extension must tell the truth, unless `by_content`; a path must be a
    regular file, no link. Items are taken as they are needed, a few ahead, so an iterator over a large archive is fine.
    `workers`: decoding processes; each takes up to `limits.memory_bytes`.
    """
    lanes = [_Lane(limits) for _ in range(max(1, workers))]
    waiting: deque[_Job] = deque()
    coming = iter(items)
    more = True
    try:
        while True:
            while more and len(waiting) < AHEAD * len(lanes):
                if (item := next(coming, None)) is None:
                    more = False
                    break
                job = _Job(*item)
                waiting.append(job)
                _hand_out(job, lanes, limits, by_content=by_content)
            if not waiting:
                return
            _work_on(lanes, waiting[0])
            while waiting and (outcome := waiting[0].outcome) is not None:
                left = time.monotonic()
                yield waiting.popleft().name, outcome
                away = time.monotonic() - left
                for lane in lanes:
                    lane.due += away
                if more:
                    break  # the children have room for another
    finally:
        for lane in lanes:
            lane.close()


@dataclass(slots=True, eq=False)
class _Job:
    name: str
    source: bytes | Path
    outcome: CheckedImage | ImageProblem | None = None


class _Lane:
    """One child and the files that it has. `due`: when the first of them must be done (`time.monotonic`)."""

    def __init__(self, limits: ImageLimits) -> None:
        self.limits = limits
        self.child: Child | None = None
        self.jobs: deque[tuple[_Job, str, bytes]] = deque()
        self.due = 0.0

    def put(self, job: _Job, name: str, data: bytes) -> None:
        fresh = self.child is None
        self.child = self.child or Child(self.limits)
        if not self.jobs:
            self._begin(fresh=fresh)
        self.jobs.append((job, name, data))
        self.child.ask(name, data)

    def receive(self) -> None:
        """Take what has come; a child that died has died of the first of its files."""
        assert self.child is not None
        dead = False
        try:
            self.child.move()
        except (EOFError, OSError):
            dead = True
        try:
            while self.jobs and (answer := self.child.next_answer()) is not None:
                job, _, data = self.jobs[0]
                job.outcome = checked_of(answer, data)
                self.jobs.popleft()
                self._begin(fresh=False)
        except (ValueError, KeyError):
            dead = True
        if dead:
            self.give_up_first(died_of_it())

    def give_up_first(self, problem: ImageProblem) -> None:
        """Give the first file up, and the others to another child."""
        self.close()
        if not self.jobs:
            return
        self.jobs.popleft()[0].outcome = problem
        left, self.jobs = self.jobs, deque()
        for job in left:
            self.put(*job)

    def close(self) -> None:
        if self.child is not None:
            self.child.close()
        self.child = None

    def _begin(self, *, fresh: bool) -> None:
        self.due = time.monotonic() + self.limits.seconds + (START_SECONDS if fresh else 0.0)


def _hand_out(job: _Job, lanes: list[_Lane], limits: ImageLimits, *, by_content: bool) -> None:
    """Give a file to the child that has the fewest."""
    data = job.source if isinstance(job.source, bytes) else read_file(job.source, limits.max_bytes)
    job.source = b""
    if isinstance(data, ImageProblem):
        job.outcome = data
    else:
        min(lanes, key=lambda lane: len(lane.jobs)).put(job, "" if by_content else job.name, data)


def _work_on(lanes: list[_Lane], first: _Job) -> None:
    """Send and receive until the outcome of `first` is there."""
    while first.outcome is None:
        busy = {id(lane.child): lane for lane in lanes if lane.jobs and lane.child is not None}
        left = min(lane.due for lane in busy.values()) - time.monotonic()
        ready = wait([lane.child for lane in busy.values() if lane.child is not None], left)
        for child in ready:
            busy[id(child)].receive()
        now = time.monotonic()
        for lane in busy.values():
            if lane.jobs and lane.due < now and lane.child not in ready:
                lane.give_up_first(took_too_long(lane.limits))
