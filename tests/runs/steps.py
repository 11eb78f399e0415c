"""Steps that the tests of runs share: asking for a run, drawing it, the command."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoCaptureOnCommitCallbacks

from evaluation.models import GenerationRun, Suite
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.request import RunDraft, run_render
from evaluation.services.work.deaths import Deaths
from generators.sizes import square

MakeSuite = Callable[..., Suite]
_NEVER_ENDED: list[object] = []
"""Blocks that are entered and not left: let go of, they would end."""

Capture = DjangoCaptureOnCommitCallbacks


def ask(suite: Suite, **changes: object) -> GenerationRun:
    """A run that nobody draws yet."""
    settings: dict[str, Any] = {"parameters": {}, "size": square(16), "samples_per_prompt": 2, **changes}
    return run_render(RunDraft(suite=suite, generator="testpaint", **settings), operator=True, queue=False)


def draw(run: GenerationRun) -> GenerationRun:
    """Draw it here until nothing is left, waiting for nothing."""
    for _ in range(10):
        for prompts in run_draw.run_chunks(run):
            run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60)
        drawing = run_draw.run_drawing(run.pk)
        if drawing is None or drawing.finish():
            break
    run.refresh_from_db()
    return run


def command(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command("render", *arguments, "--format", "json", stdout=out)
    result = json.loads(out.getvalue())
    assert isinstance(result, dict)
    return result


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("render", *arguments)
    assert error.value.returncode == 2
    return str(error.value)


def die_over(deaths: Deaths[Any], things: Collection[object]) -> None:
    """Begin these and never come to an end, as a process that is killed leaves its count."""
    block = deaths.counted(things)
    block.__enter__()
    _NEVER_ENDED.append(block)
