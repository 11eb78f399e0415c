"""Control trials as comparisons: of the kind that a protocol declares, and of the kinds that a study adds.

Nothing that a rater's page gets tells one from a trial: no address of an image stands in a control trial and elsewhere,
and the second set of a control trial that shows one set twice is encoded anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from evaluation.design import rng_for
from evaluation.errors import InputError
from evaluation.models import Comparison, Prompt, StudyRun
from evaluation.protocols import CAPTION, Protocol
from evaluation.protocols.control_fit import deciding
from evaluation.protocols.control_plan import Counts
from evaluation.protocols.kinds import Choice
from evaluation.services.studies.known import KnownControl, refuse_too_few
from evaluation.services.studies.shown_trials import (
    CopyOf,
    SetOf,
    Shown,
    comparison_of,
    is_covered,
    show_copies,
)

CONTROLS_AT_HAND = 4
"""Control trials that are made for each one that a session has: raters do not all get the same ones."""
DECLARED = "declared"
"""The pool of the control trials that the protocol declares."""
QUALIFY = "qualify"
"""What items of a qualification are, among comparisons."""
RIGHT = {"same": "indifferent", "swapped": "a"}
"""The right answer, of the members: a swapped trial's first shows the prompt."""


def wanted_of(counts: Counts, kind: str) -> int:
    """Control trials of a kind, as comparisons store it, in one session."""
    return {"same": counts.same, "swapped": counts.swapped, "known": counts.gold}[kind]


def again(trial: Comparison, copy_of: CopyOf) -> Comparison:
    """The trial as it is seen again, with other addresses of the same images."""
    trial.control = "repeat"
    show_copies(trial, [copy_of(keys, 0) for keys in trial.sets], covered=bool(trial.covered))
    return trial


def added_pools(
    shown: Shown, set_of: SetOf, copy_of: CopyOf, panel: str, prompts: Sequence[Prompt], counts: Counts
) -> dict[str, list[Comparison]]:
    """The control trials that a study adds to a panel, by kind; each is decided by one question."""
    pools: dict[str, list[Comparison]] = {}
    for kind in RIGHT:
        wanted = wanted_of(counts, kind)
        if wanted:
            rng = rng_for(shown.study.design_seed, "added control trials", kind, panel)
            choices = [(prompt, generator) for prompt in prompts for generator in shown.generators]
            rng.shuffle(choices)
            pool = [
                _bare(shown, set_of, copy_of, kind, prompts, prompt, generator, rng)
                for prompt, generator in choices[: wanted * CONTROLS_AT_HAND]
            ]
            for each in pool:
                questions = [name for name in each.questions if name in deciding(shown.protocol, kind)]
                each.expected = {rng.choice(questions): RIGHT[kind]} if questions else {}
            pools[kind] = pool
    if counts.gold:
        pools["known"] = list(_known(shown, set_of, copy_of, prompts))
    return pools


def qualification_items(
    shown: Shown, items: Sequence[KnownControl], set_of: SetOf, copy_of: CopyOf
) -> Iterator[Comparison]:
    """The items of a study's qualification, in their order."""
    for each in _of_file(shown, items, set_of, copy_of, shown.prompts):
        each.control = QUALIFY
        each.questions = list(each.expected)
        yield each


def declared_controls(
    shown: Shown, set_of: SetOf, copy_of: CopyOf, panel: str, prompts: Sequence[Prompt], n: int
) -> Iterator[Comparison]:
    """The control trials of a panel that the protocol declares, at least `n`."""
    declared = shown.protocol.controls
    if declared is None:
        return
    if declared.kind == "known":
        known = list(_known(shown, set_of, copy_of, prompts))
        refuse_too_few(len(known), n, panel)
        yield from known
        return
    rng = rng_for(shown.study.design_seed, "control trials", panel)
    choices = [(prompt, generator) for prompt in prompts for generator in shown.generators]
    if declared.kind == "swapped" and len(prompts) < 2:
        raise InputError("Swapped control trials need two prompts in each panel.", field="protocol")
    if len(choices) < n:
        raise InputError(
            f"{n} control trials need as many sets of images in each panel; {panel or 'the study'} has {len(choices)}.",
            field="protocol",
        )
    for prompt, generator in rng.sample(choices, min(len(choices), n * CONTROLS_AT_HAND)):
        control = _bare(shown, set_of, copy_of, declared.kind, prompts, prompt, generator, rng)
        right = RIGHT[declared.kind]
        control.expected = dict.fromkeys(_preferences(shown.protocol, control, right), right)
        if not control.expected:
            raise InputError(
                f"Control trials of kind {declared.kind} have no right answer under {shown.protocol.name}: no question "
                "asks for a preference that they decide.",
                field="protocol",
            )
        yield control


def _bare(
    shown: Shown,
    set_of: SetOf,
    copy_of: CopyOf,
    kind: str,
    prompts: Sequence[Prompt],
    prompt: Prompt,
    generator: StudyRun,
    rng: random.Random,
) -> Comparison:
    """A control trial of one set of images, without its right answer."""
    control = comparison_of(shown, set_of, prompt, [generator, generator])
    control.control = kind
    own = control.sets[0]
    if kind == "same":
        show_copies(control, [copy_of(own, 0), copy_of(own, 1)], covered=bool(control.covered))
        return control
    # a set of another size would tell the two apart
    others = [each for each in prompts if each.pk != prompt.pk and len(set_of(generator, each)) == len(own)]
    others = others or [each for each in prompts if each.pk != prompt.pk]
    other = set_of(generator, rng.choice(others))
    show_copies(control, [copy_of(own, 0), copy_of(other, 0)], covered=is_covered(shown, [own, other]))
    return control


def _preferences(protocol: Protocol, control: Comparison, right: str) -> Iterator[str]:
    """The questions that a control trial decides: of a swapped one those about the prompt."""
    for name in control.questions:
        question = protocol.question(name)
        kind = question.answers
        if not isinstance(kind, Choice) or not kind.preference:
            continue
        if ("indifferent" in kind.ids) if right == "indifferent" else (CAPTION in question.text):
            yield name


def _known(shown: Shown, set_of: SetOf, copy_of: CopyOf, prompts: Sequence[Prompt]) -> Iterator[Comparison]:
    yield from _of_file(shown, shown.known, set_of, copy_of, prompts)


def _of_file(
    shown: Shown, trials: Sequence[KnownControl], set_of: SetOf, copy_of: CopyOf, prompts: Sequence[Prompt]
) -> Iterator[Comparison]:
    by_id = {each.prompt_id: each for each in prompts}
    by_label = {each.label: each for each in shown.study_runs}
    for each in trials:
        if each.prompt_id in by_id:
            control = comparison_of(shown, set_of, by_id[each.prompt_id], [by_label[label] for label in each.shown])
            control.control = "known"
            # a label that stands twice shows one set twice
            seen: dict[str, int] = {}
            copies = []
            for label, keys in zip(each.shown, control.sets, strict=True):
                copies.append(copy_of(keys, seen.setdefault(label, 0)))
                seen[label] += 1
            show_copies(control, copies, covered=bool(control.covered))
            control.expected = dict(each.answers)
            yield control
