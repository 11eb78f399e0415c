"""Plans of studies: the size of a study under its protocol, and pilots by a study's or a file's ratings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from common.numbers import whole_or_none
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.pilot import PilotReading, read_pilot
from evaluation.analysis.study_plan import StudyPlan, Work, plan_study, shared
from evaluation.design import PanelShape
from evaluation.errors import InputError
from evaluation.models import Study, Suite
from evaluation.protocols import MOST_RATERS, Protocol
from evaluation.protocols.effort import trial_seconds
from evaluation.protocols.serving import needs, panel_shape, panel_size
from evaluation.selectors.imported import imported_by_name, votes_of
from evaluation.selectors.own_protocols import protocol_of
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_by_name

MOST_PROMPTS = 100_000
MOST_GENERATORS = 100
MOST_SECONDS = 3600
MOST_PAY = 1_000_000
MOST_SET = 64
MOST_CATEGORIES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAsked:
    """A study to plan.

    `prompts`: by category. `raters`, `set_size`: the protocol's when None. `seconds`: that a trial takes; a pilot's
    own, or else by what it shows and asks, when None. `pay`: an hour, in any currency. `width`: the half-width wanted
    of the net share's interval, a fraction.
    """

    protocol: Protocol
    prompts: Mapping[str, int]
    generators: int = 2
    raters: int | None = None
    set_size: int | None = None
    seconds: float | None = None
    pay: float | None = None
    width: float | None = None
    pilot: PilotReading | None = None


def study_plan(asked: PlanAsked) -> StudyPlan:
    """The plan of what is asked for.

    Raises:
        InputError: a number is out of its range, or the protocol's trials show more runs than there are.
    """
    protocol = asked.protocol
    raters = asked.raters if asked.raters is not None else protocol.raters_per_panel
    set_size = asked.set_size if asked.set_size is not None else protocol.set_size
    _check("raters", raters, 1, MOST_RATERS)
    _check("generators", asked.generators, 1, MOST_GENERATORS)
    _check("set_size", set_size, 1, MOST_SET)
    _check("seconds", asked.seconds, 0.1, MOST_SECONDS)
    _check("pay", asked.pay, 0, MOST_PAY)
    _check("width", asked.width, 0.001, 0.99)
    if not asked.prompts:
        raise InputError("A plan needs one prompt or more.", field="prompts")
    for count in (*asked.prompts.values(), sum(asked.prompts.values())):
        _check("prompts", count, 1, MOST_PROMPTS)
    panels = asked.prompts if protocol.panels == "category" else {"": sum(asked.prompts.values())}
    shapes = {
        name: panel_shape(protocol, n_prompts=n, n_generators=asked.generators, raters=raters)
        for name, n in panels.items()
    }
    if min(each.trials_a_prompt for each in shapes.values()) < 1:
        raise InputError(
            f"A trial of {protocol.name} shows {protocol.shown.sets} runs, so a study needs as many; there "
            f"{'is' if asked.generators == 1 else 'are'} {asked.generators}. Add runs, or choose another protocol.",
            field="generators",
        )
    sizes = {name: panel_size(shape) for name, shape in shapes.items()}
    trials = sum(
        raters * shape.n_prompts * shape.trials_a_prompt + sizes[name].places * (shape.repeats + shape.controls)
        for name, shape in shapes.items()
    )
    pilot_seconds = asked.pilot.seconds if asked.pilot is not None else None
    shown_and_asked = trial_seconds(protocol, set_size=set_size)
    seconds = next(each for each in (asked.seconds, pilot_seconds, shown_and_asked) if each is not None)
    work = Work(
        raters=sum(each.places for each in sizes.values()),
        trials=trials,
        trials_a_rater=max(each.trials for each in sizes.values()),
        questions=len(protocol.questions),
        seconds=seconds,
        pay=asked.pay,
    )
    prompts = None
    if "preference" in needs(protocol):
        prompts = {name: _of_one_pair(shape, sizes[name].batches) for name, shape in shapes.items()}
    return plan_study(raters, prompts, work, wanted=asked.width, pilot=asked.pilot)


def _of_one_pair(shape: PanelShape, batches: int) -> list[int]:
    """Prompts that show one pair, in each batch: all, but where only a balanced choice of the pairs is shown."""
    share = 1.0
    if shape.reference != "beside" and shape.n_generators > 1:
        share = math.comb(shape.sets, 2) * shape.trials_a_prompt / math.comb(shape.n_generators, 2)
    total = max(1, min(shape.n_prompts, int(shape.n_prompts * share)))
    return shared([1] * min(batches, total), total)


def suite_prompts(suite: Suite) -> dict[str, int]:
    """The number of prompts of each category, in the suite's order. One query."""
    found: dict[str, int] = {}
    for category in suite.prompts.order_by("number").values_list("category", flat=True):
        found[category] = found.get(category, 0) + 1
    return found


def pilot_named(name: str) -> PilotReading:
    """What the ratings of a study, or imported votes, say for a plan.

    Raises:
        InputError: there is no such study, or its ratings are too few.
    """
    imported = imported_by_name(name)
    try:
        if imported is not None:
            votes = votes_of(imported)
            if votes.kind != "ratings":
                raise InputError(f"{name} holds {votes.kind}; a pilot holds ratings of pairs.", field="pilot")
            return read_pilot(votes.frame)
        return read_pilot(validate_ratings(ratings_frame(study_by_name(name))))
    except RatingsError as error:
        raise InputError(f"{name}: {error}", field="pilot") from error
    except InputError as error:
        error.field = "pilot"
        raise


def _check(field: str, value: float | None, least: float, most: float) -> None:
    """A number of a plan within its range."""
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        raise InputError(
            f"{NAMES[field]} must be between {least:g} and {most:,g}; got {value:g}.",
            field=field,
        )


NAMES = {
    "raters": "The number of raters per trial",
    "generators": "The number of runs",
    "set_size": "The number of images per set",
    "seconds": "The seconds that a trial takes",
    "pay": "The pay per hour",
    "width": "The half-width wanted",
    "prompts": "The number of prompts",
}
"""How errors call each number."""


def plan_of_study(study: Study) -> PlanAsked:
    """What a study declares, to be planned."""
    protocol = protocol_of(study)
    declared = study.specification
    prompts = {panel["panel"]: panel["prompts"] for panel in declared["panels"]}
    first = declared["panels"][0]
    return PlanAsked(
        protocol=protocol,
        prompts=prompts,
        generators=len(declared["runs"]),
        raters=first.get("raters_per_batch", first["raters"]),
        set_size=declared["sets"]["size"],
    )


def prompts_read(text: str) -> dict[str, int]:
    """`"12, 20"`: so many prompts in each category.

    Raises:
        InputError: it is no list of whole numbers.
    """
    counts = [whole_or_none(part) for part in text.replace(";", ",").split(",") if part.strip()]
    if not counts or None in counts or len(counts) > MOST_CATEGORIES:
        raise InputError(
            f'"{text[:60]}" is not the number of prompts of each category. Give whole numbers with commas between, '
            "such as 12 or 20,20,12.",
            field="prompts",
        )
    return {("" if len(counts) == 1 else f"category {at}"): count or 0 for at, count in enumerate(counts, start=1)}
