"""Suites that are made here: a grid of modifiers around one subject, and a part of another suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from common.words import counted
from evaluation.models import Suite
from evaluation.services.suites.save import suite_errors, suite_store
from evaluation.suites.selection import select
from evaluation.suites.types import PromptData, SuiteData
from evaluation.suites.vary import LENSES, LIGHTS, STYLES, vary


def suite_make_variation(
    *,
    subject: str,
    styles: Sequence[str] = STYLES,
    lights: Sequence[str] = LIGHTS,
    lenses: Sequence[str] = LENSES,
    name: str = "",
) -> Suite:
    """A suite of `subject` under every combination of the modifiers (`evaluation.suites.vary`); an empty list leaves
    its axis out. The same grid again gives the suite that is there.

    Raises:
        InputError: an empty subject, a repeated modifier, too many prompts, or a name that can't be used.
    """
    with suite_errors():
        data = vary(subject, styles, lights, lenses)
    return suite_store(data=data, name=name, source=f"made from the subject {subject!r}").suite


def suite_make_subset(*, suite: Suite, per_category: int, name: str = "") -> Suite:
    """A suite of at most `per_category` prompts of each category of `suite`, numbered anew: always the same ones.

    Raises:
        InputError: `per_category` is below 1, or a name that can't be used.
    """
    prompts = [
        PromptData(prompt.number, prompt.text, prompt.category, prompt.attributes)
        for prompt in suite.prompts.order_by("number")
    ]
    with suite_errors():
        chosen = [replace(prompt, number=number) for number, prompt in enumerate(select(prompts, per_category))]
    data = SuiteData(f"{suite.name}-{per_category}-a-category", tuple(chosen), "made")
    return suite_store(
        data=data,
        name=name,
        title=f"{suite.title or suite.name}: {per_category} per category",
        source=f"{counted(per_category, 'prompt')} per category of {suite}",
        licence=suite.licence,
    ).suite
