"""Handing work to the workers: tasks by name, and who is there to take them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from celery import current_app

from common.queues import ACCELERATOR, CPU, DEFAULT, NETWORK, QUEUES
from evaluation.models import GenerationRun
from evaluation.surroundings import BROKER_AWAY, BrokerAwayError
from generators.contract import GeneratorError
from generators.registry import devices_of, get_spec

log = logging.getLogger(__name__)

PUBLISH_RETRY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 0.5}

SILENT = (*BROKER_AWAY, OSError)
"""What asking the broker raises when it does not answer."""


def hand_on(task: str, *arguments: int | str | list[int], after_s: float = 0.0) -> None:
    """Put `evaluation.tasks.<task>` into the queue, to be begun in `after_s` seconds. For workers.

    Raises:
        BrokerAwayError: the broker does not answer.
    """
    name = f"evaluation.tasks.{task}"
    if name not in current_app.tasks:
        current_app.loader.import_default_modules()
    options: dict[str, Any] = {"countdown": after_s} if after_s else {}
    if (queue := _queue_of(task, arguments)) != DEFAULT:
        options["queue"] = queue
    try:
        # by the registered task, so that an eager application (tests, debugging) runs it here
        current_app.tasks[name].apply_async(args=list(arguments), retry=True, retry_policy=PUBLISH_RETRY, **options)
    except SILENT as error:
        raise BrokerAwayError(f"{task}{arguments!r} was not queued, the broker does not answer: {error}") from error


def run_queue(generator: str, parameters: Mapping[str, object]) -> str:
    """The queue of what a generator draws with these parameters: by the devices that it can use."""
    try:
        spec = get_spec(generator)
        devices = devices_of(spec, parameters)
    except GeneratorError:  # it is told where it would be loaded
        return DEFAULT
    if spec.waits or devices == ("network",):
        return NETWORK
    return CPU if set(devices) <= {"cpu"} else ACCELERATOR


def _queue_of(task: str, arguments: Sequence[Any]) -> str:
    if task.startswith("metric_score_"):
        return ACCELERATOR
    if task != "run_draw_prompts":
        return DEFAULT
    row = GenerationRun.objects.filter(pk=arguments[0]).values_list("generator", "parameters").first()
    return DEFAULT if row is None else run_queue(*row)


def hand_over(task: str, *arguments: int | str | list[int]) -> bool:
    """Put `evaluation.tasks.<task>` into the queue. False when the broker does not answer; nothing is raised then.

    Called when the transaction is committed: a worker must find the rows that the task is about.
    """
    try:
        hand_on(task, *arguments)
    except BrokerAwayError as error:
        log.warning("%s", error)
        return False
    return True


def workers_answering(*, seconds: float = 1.0, besides: str = "") -> list[str]:
    """The names of the workers that answer within `seconds`, but for `besides`. Empty when the broker is down too."""
    try:
        answers = current_app.control.inspect(timeout=seconds).ping() or {}
    except SILENT:
        return []
    return sorted(name for name in answers if name != besides)


def messages_waiting() -> int | None:
    """How many tasks the broker holds, handed out and not yet done ones included; None when it can't tell."""
    try:
        with current_app.connection_for_read() as connection:
            channel = connection.default_channel
            ready = 0
            for name in QUEUES:
                with suppress(connection.channel_errors):  # Valkey keeps no empty queue
                    ready += int(channel.queue_declare(name, passive=True).message_count)
            return ready + int(channel.client.hlen(channel.unacked_key))
    except (*SILENT, AttributeError) as error:
        log.debug("the broker's messages can't be counted: %s", error)
        return None
