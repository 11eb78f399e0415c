"""What a study must have to serve a protocol, what is missing where it can't, and how large its panels become."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from common.words import counted, prompt_name
from evaluation.design import PanelShape
from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Claim
from evaluation.suites.types import PromptData

LackKind = Literal["generators", "samples", "reference", "claims", "category"]
MOST_NAMED = 5
"""Prompts that a message names; it says how many more there are."""


def panel_shape(protocol: Protocol, *, n_prompts: int, n_generators: int, raters: int) -> PanelShape:
    """What a panel of `protocol` is designed for. `raters`: people who see each trial."""
    repeats, controls, reference = protocol.repeats, protocol.controls, protocol.shown.reference
    return PanelShape(
        n_prompts=n_prompts,
        n_generators=n_generators,
        raters=raters,
        sets=protocol.shown.sets,
        reference="none" if reference == "guide" else reference,
        balanced=protocol.shown.combinations == "balanced",
        batch=protocol.batch,
        repeats=repeats.trials if repeats else 0,
        apart=repeats.apart if repeats else 1,
        controls=controls.trials if controls else 0,
        controls_first=controls is not None and controls.place == "first",
    )


@dataclass(frozen=True, slots=True)
class Material:
    """What a study has. `samples`: by run's label, images of each prompt by number. `references`: prompts with a
    reference photograph. `claims`: by prompt.
    """

    prompts: Sequence[PromptData]
    samples: Mapping[str, Mapping[int, int]]
    references: Collection[int] = ()
    claims: Mapping[int, Sequence[object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that the protocol needs and that is missing. `run`: whose; "" for all. `message`: it and what to do."""

    kind: LackKind
    message: str
    prompts: tuple[int, ...] = ()
    run: str = ""


def lacks(protocol: Protocol, material: Material) -> tuple[Lack, ...]:
    """Everything that keeps `material` from serving `protocol`; empty where it can."""
    return tuple(_lacks(protocol, material))


def _lacks(protocol: Protocol, material: Material) -> Iterator[Lack]:
    shown = protocol.shown
    needed = shown.sets - (shown.reference == "beside")
    if len(material.samples) < needed:
        runs = counted(len(material.samples), "run")
        yield Lack(
            "generators", f"A trial of {protocol.name} shows {needed} of the runs; there {_are(runs)}. Choose more."
        )
    for run, samples in material.samples.items():
        few = tuple(prompt.number for prompt in material.prompts if samples.get(prompt.number, 0) < protocol.set_size)
        if few:
            images = counted(protocol.set_size, "image")
            message = f"The run {run} has fewer than {images} of {_named(few)}. Render them, or show smaller sets."
            yield Lack("samples", message, few, run)
    if shown.reference != "none":
        bare = tuple(prompt.number for prompt in material.prompts if prompt.number not in material.references)
        if bare:
            message = f"There is no reference photograph of {_named(bare)}. Bring them, or leave these prompts out."
            yield Lack("reference", message, bare)
    yield from _questions(protocol, material)


def _questions(protocol: Protocol, material: Material) -> Iterator[Lack]:
    """Prompts without claims where claims are asked, and prompts that are asked nothing."""
    silent, nothing = [], []
    for prompt in material.prompts:
        asked = protocol.asked(prompt.category, ["a claim"])
        if not asked:
            nothing.append(prompt.number)
        elif any(isinstance(each.question.answers, Claim) for each in asked) and not material.claims.get(prompt.number):
            silent.append(prompt.number)
    if silent:
        message = f"There are no claims of {_named(tuple(silent))}. Give a file of claims, or leave these prompts out."
        yield Lack("claims", message, tuple(silent))
    if nothing:
        yield Lack("category", f"No question is asked about {_named(tuple(nothing))}.", tuple(nothing))


def _named(numbers: tuple[int, ...]) -> str:
    names = ", ".join(prompt_name(number) for number in numbers[:MOST_NAMED])
    more = f" and {len(numbers) - MOST_NAMED:,} more" if len(numbers) > MOST_NAMED else ""
    return f"{counted(len(numbers), 'prompt')} ({names}{more})"


def _are(runs: str) -> str:
    return f"{'is' if runs.startswith('1 ') else 'are'} {runs}"


@dataclass(frozen=True, slots=True)
class PanelSize:
    """How large a panel becomes. `batches`: its trials are shared out over so many. `places`: raters in all.
    `trials`: of one rater, at most.
    """

    batches: int
    places: int
    trials: int


def panel_size(shape: PanelShape) -> PanelSize:
    """The size of a panel's design, without drawing it."""
    trials = shape.n_prompts * shape.trials_a_prompt
    batches = 1 if shape.batch is None else max(1, -(-trials // shape.batch))
    return PanelSize(batches, batches * shape.raters, -(-trials // batches) + shape.repeats + shape.controls)
