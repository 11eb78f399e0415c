"""What a study can show, and one trial of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluation.models import Comparison, Prompt, Study, StudyRun
from evaluation.protocols import Protocol
from evaluation.protocols.control_plan import ControlPlan
from evaluation.services.studies.known import KnownControl

SetOf = Callable[[StudyRun, Prompt], list[str]]
"""The keys of the images that a run's set of a prompt shows."""

CopyOf = Callable[[list[str], int], list[str]]
"""Other keys of the same images: control trials share no address with a trial. The number tells apart two copies that
stand in one trial, which are encoded differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a study can show. `prompts`: in the suite's order. `study_runs`: in the study's order, the reference last.

    `claims`: by prompt's number. `known`: control trials that the study brings. `added`: those that it adds.
    `covered`: the keys of blurred images, as they stand in trials.
    """

    study: Study
    protocol: Protocol
    raters_per_panel: int
    prompts: Sequence[Prompt]
    study_runs: Sequence[StudyRun]
    claims: Mapping[int, Sequence[str]] = field(default_factory=dict)
    known: Sequence[KnownControl] = ()
    added: ControlPlan | None = None
    covered: frozenset[str] = frozenset()

    @property
    def generators(self) -> list[StudyRun]:
        """The runs that are compared."""
        return [each for each in self.study_runs if not each.is_reference]

    @property
    def reference(self) -> StudyRun | None:
        """The run of the reference photographs."""
        return next((each for each in self.study_runs if each.is_reference), None)


def comparison_of(shown: Shown, set_of: SetOf, prompt: Prompt, members: Sequence[StudyRun]) -> Comparison:
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
        covered=_all_keys(sets) if is_covered(shown, sets) else [],
        questions=[each.id for each in asked],
        claims=claims if any(each.claim for each in asked) else [],
        guide=set_of(guide, prompt)[0] if guide else "",
    )


def is_covered(shown: Shown, sets: Sequence[Sequence[str]]) -> bool:
    """Whether one image of these sets is to be blurred. Then all of the trial are: a blur on one side would tell the
    generators apart."""
    return any(key in shown.covered for each in sets for key in each)


def show_copies(trial: Comparison, sets: list[list[str]], *, covered: bool) -> None:
    """Let the trial show `sets`, which are copies. `covered`: whether the images behind them are to be blurred."""
    trial.sets = sets
    trial.covered = _all_keys(sets) if covered else []


def _all_keys(sets: Sequence[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(key for each in sets for key in each))
