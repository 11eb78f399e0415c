"""What a task does with an error: one ladder for all of them, so that each task says only what is its own."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded

from common.plugins import describe
from evaluation.services.work.drawing import LOOK_AGAIN_S, DrawingComesError
from evaluation.services.work.items import AGAIN_AFTER_S
from evaluation.services.work.queue import hand_on
from evaluation.surroundings import BROKER_AWAY, DATABASE_AWAY, BrokerAwayError, no_room

log = logging.getLogger(__name__)

FAULT = "The program failed: {}. The worker's log has the details."
FAULT_AGAIN_S = 5.0
NO_ROOM = "A disk of the server is full. What was made so far is kept. Make room, then try again."

SURROUNDINGS_AWAY = (*DATABASE_AWAY, *BROKER_AWAY, BrokerAwayError)

PATIENCE: dict[str, Any] = {
    "autoretry_for": SURROUNDINGS_AWAY,
    "retry_backoff": 2,
    "retry_backoff_max": 60,
    "max_retries": 20,
}
"""A task whose surroundings are away comes back by itself, in seconds at first and then in minutes."""


def work_task(
    *,
    failed: Callable[[int, str], None],
    too_long: Callable[[int], str] | None = None,
    fault_retries: int = 0,
    name: str = "",
    **options: Any,
) -> Callable[[Callable[..., None]], Task]:
    """Make a function a task. Its first argument is a row's primary key; what goes wrong becomes that row's message.

    The ladder, from the top:

    - the database or the broker is away: the task comes back by itself;
    - a disk is full: people are told, since it does not pass by itself;
    - torch is not installed, and comes: the same task goes on a little later;
    - its time is over: `too_long` says what people are told; where there is none, the same task goes on a little later;
    - anything else is a fault of the program: it is tried again `fault_retries` times, and then people are told.

    `failed`: keeps what people are told, given the key and the message. `options`: Celery's.
    """
    if name:
        options["name"] = name

    def decorate(function: Callable[..., None]) -> Task:
        @functools.wraps(function)
        def climb(self: Task, pk: int, *arguments: Any) -> None:
            try:
                function(pk, *arguments)
            except SURROUNDINGS_AWAY as error:
                if no_room(error) is None:
                    raise
                log.exception("%s%r", self.name, (pk, *arguments))
                failed(pk, NO_ROOM)
            except DrawingComesError:
                hand_on(self.name.rpartition(".")[2], pk, *arguments, after_s=LOOK_AGAIN_S)
            except SoftTimeLimitExceeded:
                if too_long is None:
                    hand_on(self.name.rpartition(".")[2], pk, *arguments, after_s=AGAIN_AFTER_S)
                else:
                    failed(pk, too_long(pk))
            except Exception as error:
                log.exception("%s%r", self.name, (pk, *arguments))
                if no_room(error) is not None:
                    failed(pk, NO_ROOM)
                    return
                if self.request.retries < fault_retries:
                    raise self.retry(exc=error, countdown=FAULT_AGAIN_S) from error
                failed(pk, FAULT.format(describe(error)))

        task: Task = shared_task(bind=True, **PATIENCE, **options)(climb)
        return task

    return decorate
