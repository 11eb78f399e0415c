"""A study's design in rows: the comparisons that its trials show, and the places that raters take.

`evaluation.design.plan_panel` draws it; here it is put on runs, prompts and images. docs/protocols.md says how it is
balanced.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from evaluation.design import DesignError, PanelPlan, PanelShape, derived_seed, plan_panel, rng_for
from evaluation.errors import InputError
from evaluation.models import Comparison, Place, Prompt, Study, StudyQuestion
from evaluation.protocols import Protocol
from evaluation.protocols.control_fit import PanelControls
from evaluation.services.studies.control_trials import DECLARED, added_pools, again, declared_controls, wanted_of
from evaluation.services.studies.own_controls import gold_by_panel, panel_of_plan
from evaluation.services.studies.shown_trials import CopyOf, SetOf, Shown, comparison_of


def panels_of_prompts(shown: Shown) -> dict[str, list[Prompt]]:
    """The prompts of each panel, in the order in which the panels' first prompts come."""
    panels: dict[str, list[Prompt]] = {}
    for prompt in shown.prompts:
        panels.setdefault(prompt.category if shown.protocol.panels == "category" else "", []).append(prompt)
    return panels


def questions_make(study: Study, protocol: Protocol) -> None:
    """The rows against which the database holds answers."""
    StudyQuestion.objects.bulk_create(
        StudyQuestion(
            study=study,
            number=number,
            question=question.id,
            kind=question.answers.name,
            options=question.answers.to_dict(),
        )
        for number, question in enumerate(protocol.questions)
    )


def design_make(shown: Shown, set_of: SetOf, copy_of: CopyOf) -> dict[str, dict[str, int]]:
    """Make the comparisons and places of a study; by panel how many `raters` it has places for, how many `trials` one
    of them has at most, and how many `ratings` are wanted.

    Raises:
        InputError: the protocol can't be designed for so few runs or prompts.
    """
    counts = {}
    for panel, prompts in panels_of_prompts(shown).items():
        counts[panel] = _panel_make(_drawn(shown, set_of, copy_of, panel, prompts))
    return counts


def first_trials(shown: Shown, set_of: SetOf, *, at_most: int) -> list[tuple[Comparison, list[int]]]:
    """The first trials of the first rater, each with its members' places from the left; nothing is saved.

    Raises:
        InputError: as `design_make`.
    """
    panel, prompts = next(iter(panels_of_prompts(shown).items()))
    drawn = _drawn(shown, set_of, lambda keys, _: keys, panel, prompts)
    showings = _showings(drawn, 0, drawn.trial, drawn.trial, _pools(drawn))
    return [(trial, order) for trial, order, _ in islice(showings, at_most)]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A panel's plan on the study's prompts and runs. `own`: its share of the control trials that the study adds."""

    shown: Shown
    set_of: SetOf
    copy_of: CopyOf
    panel: str
    prompts: Sequence[Prompt]
    plan: PanelPlan
    own: PanelControls | None
    n_declared: int

    def trial(self, number: int) -> Comparison:
        """The trial of this number in the plan, not saved."""
        trial = self.plan.trials[number]
        members = [*self.shown.generators, *([self.shown.reference] if self.shown.reference else [])]
        return comparison_of(
            self.shown, self.set_of, self.prompts[trial.prompt], [members[each] for each in trial.generators]
        )


def _drawn(shown: Shown, set_of: SetOf, copy_of: CopyOf, panel: str, prompts: Sequence[Prompt]) -> _Drawn:
    shape, own = panel_of_plan(
        shown.added,
        shown.protocol,
        n_prompts=len(prompts),
        n_generators=len(shown.generators),
        raters=shown.raters_per_panel,
        gold=gold_by_panel(shown.known, prompts, shown.protocol)[panel],
    )
    plan = _planned(shape, shown.study.design_seed, panel)
    n_declared = shown.protocol.controls.trials if shown.protocol.controls else 0
    return _Drawn(shown, set_of, copy_of, panel, prompts, plan, own, n_declared)


def _panel_make(drawn: _Drawn) -> dict[str, int]:
    shown, panel = drawn.shown, drawn.panel
    trials = Comparison.objects.bulk_create(map(drawn.trial, range(len(drawn.plan.trials))), batch_size=1000)
    pools = {kind: Comparison.objects.bulk_create(each) for kind, each in _pools(drawn).items()}
    seen_again = {each.trial for session in drawn.plan.sessions for each in session if each.repetition}
    numbers = sorted(each for each in seen_again if each is not None)
    made = Comparison.objects.bulk_create([again(drawn.trial(each), drawn.copy_of) for each in numbers])
    repeats = dict(zip(numbers, made, strict=True))
    most = ratings = 0
    places = []
    for slot in range(len(drawn.plan.sessions)):
        showings = list(_showings(drawn, slot, trials.__getitem__, repeats.__getitem__, pools))
        most = max(most, len(showings))
        ratings += sum(len(trial.questions) for trial, *_ in showings)
        places.append(
            Place(
                study=shown.study,
                panel=panel,
                slot=slot,
                showings=[(trial.pk, order, repetition) for trial, order, repetition in showings],
                seed=derived_seed(shown.study.design_seed, "panel", panel),
            )
        )
    Place.objects.bulk_create(places, batch_size=500)
    return {"raters": len(places), "trials": most, "ratings": ratings}


def _showings(
    drawn: _Drawn,
    slot: int,
    trial_at: Callable[[int], Comparison],
    again_at: Callable[[int], Comparison],
    pools: Mapping[str, Sequence[Comparison]],
) -> Iterator[tuple[Comparison, list[int], int]]:
    """The session of a place: each trial, its members' places from the left, and 1 where it is seen again."""
    session = drawn.plan.sessions[slot]
    rng = rng_for(drawn.shown.study.design_seed, "controls", drawn.panel, slot)
    given = iter(_given(drawn, pools, rng))
    for showing in session:
        if showing.trial is None:
            control = next(given)
            order = list(range(len(control.members)))
            rng.shuffle(order)
            yield control, order, 0
        else:
            generators = drawn.plan.trials[showing.trial].generators
            order = [generators.index(each) for each in showing.order]
            yield (again_at if showing.repetition else trial_at)(showing.trial), order, showing.repetition


def _given(drawn: _Drawn, pools: Mapping[str, Sequence[Comparison]], rng: random.Random) -> list[Comparison]:
    """The control trials of one session, in the order in which they come."""
    if drawn.own is None:
        return rng.sample(pools[DECLARED], drawn.n_declared)
    given = [each for kind, pool in pools.items() for each in rng.sample(pool, wanted_of(drawn.own.counts, kind))]
    rng.shuffle(given)
    return given


def _pools(drawn: _Drawn) -> dict[str, list[Comparison]]:
    """The control trials that sessions of the panel are given from, by kind; not saved."""
    if drawn.own is not None:
        return added_pools(drawn.shown, drawn.set_of, drawn.copy_of, drawn.panel, drawn.prompts, drawn.own.counts)
    controls = declared_controls(drawn.shown, drawn.set_of, drawn.copy_of, drawn.panel, drawn.prompts, drawn.n_declared)
    return {DECLARED: list(controls)}


def _planned(shape: PanelShape, seed: int, panel: str) -> PanelPlan:
    try:
        return plan_panel(shape, seed=seed, panel=panel)
    except DesignError as error:
        where = f"The panel {panel}" if panel else "The study"
        raise InputError(f"{where} can't be designed: {error}", field="protocol") from error
