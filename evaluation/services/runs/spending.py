"""What a run costs, held to its budget: the price of a batch is put aside before it is asked for, and settled after.

A worker that is killed in between leaves what it put aside: the service may have been paid.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F

from common.numbers import number_or_none, shown
from evaluation.errors import InputError
from evaluation.models import GenerationRun
from evaluation.services.work.states import SpoiledError, locked
from generators.contract import GeneratorError
from generators.costs import Purse, usd
from generators.registry import expected_usd, get_spec

MAX_BUDGET_USD = 1_000_000.0


def budget_checked(value: object) -> float | None:
    """A budget in US dollars as it was given; None where none was.

    Raises:
        InputError: it is no amount above 0.
    """
    if value is None or value == "":
        return None
    amount = number_or_none(value)
    if amount is None or not 0 < amount <= MAX_BUDGET_USD:
        raise InputError(
            f"A budget is an amount above 0 and up to {MAX_BUDGET_USD:,.0f} US dollars; got {shown(value)}. Leave it "
            "empty for none.",
            field="budget_usd",
        )
    return float(amount)


def images_expected_usd(generator: str, parameters: Mapping[str, object], n_images: int) -> float | None:
    """What so many images are expected to cost in US dollars; None where the generator names no price.

    Raises:
        InputError: the parameters name something that is not there.
    """
    try:
        return expected_usd(get_spec(generator), parameters, n_images=n_images)
    except GeneratorError as error:
        raise InputError(str(error), field="parameters") from error


def run_expected_usd(run: GenerationRun, n_images: int) -> float | None:
    """What all of a run is expected to cost; None where its generator names no price, or is gone by now."""
    try:
        return images_expected_usd(run.generator, run.parameters, n_images)
    except InputError:
        return None


@transaction.atomic
def put_aside(run: GenerationRun, n_images: int, image_usd: float | None) -> tuple[int, float]:
    """How many of `n_images` the budget allows, and the dollars that are put aside for them.

    Raises:
        SpoiledError: it allows none.
    """
    if not GenerationRun.objects.filter(pk=run.pk, budget_usd__isnull=False).exists():
        return n_images, 0.0
    row = locked(run)
    if row.budget_usd is None:
        return n_images, 0.0
    n_allowed = Purse(row.budget_usd, row.spent_usd).affordable(n_images, image_usd)
    if not n_allowed:
        raise SpoiledError(
            f"The budget of {usd(row.budget_usd)} is spent: {usd(row.spent_usd)} so far. To go on, resume the run with "
            f'a higher one: on its page, or manage.py render --resume "{row.name}" --budget USD.'
        )
    aside = n_allowed * (image_usd or 0.0)
    row.spent_usd += aside
    row.save(update_fields=["spent_usd"])
    return n_allowed, aside


def settle(run: GenerationRun, *, aside: float, cost: float) -> None:
    """Count what a batch did cost instead of what was put aside for it."""
    if aside or cost:
        GenerationRun.objects.filter(pk=run.pk).update(spent_usd=F("spent_usd") - aside + cost)
