"""A study's design in rows: the comparisons that its trials show, and the places that raters take.

`evaluation.design.plan_panel` draws it; here it is put on runs, prompts and images. docs/protocols.md says how it is
balanced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from evaluation.design import DesignError, PanelPlan, PanelShape, derived_seed, plan_panel, rng_for
from evaluation.errors import InputError
from evaluation.models import Comparison, Place, Prompt, Study, StudyQuestion, StudyRun
from evaluation.protocols import CAPTION, Protocol
from evaluation.protocols.kinds import Choice
from evaluation.protocols.serving import panel_shape
from evaluation.services.studies.known import KnownControl, refuse_too_few

SetOf = Callable[[StudyRun, Prompt], list[str]]
"""The keys of the images that a run's set of a prompt shows."""

CONTROLS_AT_HAND = 4
"""Control trials that are made for each one that a session has: raters do not all get the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a study can show. `prompts`: in the suite's order. `study_runs`: in the study's order, the reference last.

    `claims`: by prompt's number. `known`: control trials that the study brings. `covered`: the keys of blurred images.
    """

    study: Study
    protocol: Protocol
    raters_per_panel: int
    prompts: Sequence[Prompt]
    study_runs: Sequence[StudyRun]
    claims: Mapping[int, Sequence[str]] = field(default_factory=dict)
    known: Sequence[KnownControl] = ()
    covered: frozenset[str] = frozenset()

    @property
    def generators(self) -> list[StudyRun]:
        """The runs that are compared."""
        return [each for each in self.study_runs if not each.is_reference]

    @property
    def reference(self) -> StudyRun | None:
        """The run of the reference photographs."""
        return next((each for each in self.study_runs if each.is_reference), None)


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


def design_make(shown: Shown, set_of: SetOf) -> dict[str, dict[str, int]]:
    """Make the comparisons and places of a study; by panel how many `raters` it has places for, how many `trials` one
    of them has at most, and how many `ratings` are wanted.

    Raises:
        InputError: the protocol can't be designed for so few runs or prompts.
    """
    counts = {}
    for panel, prompts in panels_of_prompts(shown).items():
        counts[panel] = _panel_make(shown, set_of, panel, prompts)
    return counts


def first_trials(shown: Shown, set_of: SetOf, *, at_most: int) -> list[tuple[Comparison, list[int]]]:
    """The first trials of the first rater, each with its members' places from the left; nothing is saved.

    Raises:
        InputError: as `design_make`.
    """
    panel, prompts = next(iter(panels_of_prompts(shown).items()))
    shape = _shape(shown, prompts)
    drawn = _Drawn(shown, set_of, panel, prompts, _planned(shape, shown.study.design_seed, panel))
    controls = list(_controls(shown, set_of, panel, prompts, shape.controls))
    showings = _showings(drawn, 0, drawn.trial, controls)
    return [(trial, order) for trial, order, _ in islice(showings, at_most)]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A panel's plan on the study's prompts and runs."""

    shown: Shown
    set_of: SetOf
    panel: str
    prompts: Sequence[Prompt]
    plan: PanelPlan

    def trial(self, number: int) -> Comparison:
        """The trial of this number in the plan, not saved."""
        trial = self.plan.trials[number]
        members = [*self.shown.generators, *([self.shown.reference] if self.shown.reference else [])]
        return _comparison(
            self.shown, self.set_of, self.prompts[trial.prompt], [members[each] for each in trial.generators]
        )


def _shape(shown: Shown, prompts: Sequence[Prompt]) -> PanelShape:
    return panel_shape(
        shown.protocol, n_prompts=len(prompts), n_generators=len(shown.generators), raters=shown.raters_per_panel
    )


def _panel_make(shown: Shown, set_of: SetOf, panel: str, prompts: Sequence[Prompt]) -> dict[str, int]:
    shape = _shape(shown, prompts)
    drawn = _Drawn(shown, set_of, panel, prompts, _planned(shape, shown.study.design_seed, panel))
    trials = Comparison.objects.bulk_create(map(drawn.trial, range(len(drawn.plan.trials))), batch_size=1000)
    controls = Comparison.objects.bulk_create(_controls(shown, set_of, panel, prompts, shape.controls))
    most = ratings = 0
    places = []
    for slot in range(len(drawn.plan.sessions)):
        showings = list(_showings(drawn, slot, trials.__getitem__, controls))
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
    drawn: _Drawn, slot: int, trial_at: Callable[[int], Comparison], controls: Sequence[Comparison]
) -> Iterator[tuple[Comparison, list[int], int]]:
    """The session of a place: each trial, its members' places from the left, and 1 where it is seen again."""
    session = drawn.plan.sessions[slot]
    rng = rng_for(drawn.shown.study.design_seed, "controls", drawn.panel, slot)
    given = iter(rng.sample(controls, sum(showing.trial is None for showing in session)))
    for showing in session:
        if showing.trial is None:
            control = next(given)
            order = list(range(len(control.members)))
            rng.shuffle(order)
            yield control, order, 0
        else:
            generators = drawn.plan.trials[showing.trial].generators
            order = [generators.index(each) for each in showing.order]
            yield trial_at(showing.trial), order, showing.repetition


def _planned(shape: PanelShape, seed: int, panel: str) -> PanelPlan:
    try:
        return plan_panel(shape, seed=seed, panel=panel)
    except DesignError as error:
        where = f"The panel {panel}" if panel else "The study"
        raise InputError(f"{where} can't be designed: {error}", field="protocol") from error


def _comparison(shown: Shown, set_of: SetOf, prompt: Prompt, members: Sequence[StudyRun]) -> Comparison:
    """The trial of a prompt that shows `members`."""
    claims = list(shown.claims.get(prompt.number, ()))
    asked = shown.protocol.asked(prompt.category, claims)
    guide = shown.reference if shown.protocol.shown.reference == "guide" else None
    sets = [set_of(each, prompt) for each in members]
    return Comparison(
        study=shown.study,
        prompt=prompt,
        category=prompt.category,
        members=[each.pk for each in members],
        sets=sets,
        covered=_covered(shown, sets),
        questions=[each.id for each in asked],
        claims=claims if any(each.claim for each in asked) else [],
        guide=set_of(guide, prompt)[0] if guide else "",
    )


def _covered(shown: Shown, sets: Sequence[Sequence[str]]) -> list[str]:
    """All images of a trial where one is to be blurred: a blur on one side would tell the generators apart."""
    keys = list(dict.fromkeys(key for each in sets for key in each))
    return keys if shown.covered.intersection(keys) else []


def _controls(shown: Shown, set_of: SetOf, panel: str, prompts: Sequence[Prompt], n: int) -> Iterator[Comparison]:
    """The panel's control trials, at least `n`."""
    declared = shown.protocol.controls
    if declared is None:
        return
    if declared.kind == "known":
        yield from _known(shown, set_of, panel, prompts, n)
        return
    rng = rng_for(shown.study.design_seed, "control trials", panel)
    generators = shown.generators
    choices = [(prompt, generator) for prompt in prompts for generator in generators]
    if declared.kind == "swapped" and len(prompts) < 2:
        raise InputError("Swapped control trials need two prompts in each panel.", field="protocol")
    if len(choices) < n:
        raise InputError(
            f"{n} control trials need as many sets of images in each panel; {panel or 'the study'} has {len(choices)}.",
            field="protocol",
        )
    for prompt, generator in rng.sample(choices, min(len(choices), n * CONTROLS_AT_HAND)):
        control = _comparison(shown, set_of, prompt, [generator, generator])
        control.control = declared.kind
        if declared.kind == "same":
            right = "indifferent"
        else:
            other = rng.choice([each for each in prompts if each.pk != prompt.pk])
            control.sets = [control.sets[0], set_of(generator, other)]
            control.covered = _covered(shown, control.sets)
            right = "a"
        control.expected = dict.fromkeys(_preferences(shown.protocol, control, right), right)
        if not control.expected:
            raise InputError(
                f"Control trials of kind {declared.kind} have no right answer under {shown.protocol.name}: no question "
                "asks for a preference that they decide.",
                field="protocol",
            )
        yield control


def _preferences(protocol: Protocol, control: Comparison, right: str) -> Iterator[str]:
    """The questions that a control trial decides: of a swapped one those about the prompt."""
    for name in control.questions:
        question = protocol.question(name)
        kind = question.answers
        if not isinstance(kind, Choice) or not kind.preference:
            continue
        if ("indifferent" in kind.ids) if right == "indifferent" else (CAPTION in question.text):
            yield name


def _known(shown: Shown, set_of: SetOf, panel: str, prompts: Sequence[Prompt], n: int) -> Iterator[Comparison]:
    by_id = {each.prompt_id: each for each in prompts}
    by_label = {each.label: each for each in shown.study_runs}
    mine = [each for each in shown.known if each.prompt_id in by_id]
    refuse_too_few(len(mine), n, panel)
    for each in mine:
        control = _comparison(shown, set_of, by_id[each.prompt_id], [by_label[label] for label in each.shown])
        control.control = "known"
        control.expected = dict(each.answers)
        yield control
