"""What a study must bring for a protocol, and how large its panels become.

Which prompts lack what, `services/studies/sets.py` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from evaluation.design import PanelShape
from evaluation.protocols.contract import Protocol
from evaluation.protocols.control_plan import APART, Counts
from evaluation.protocols.kinds import Choice, Claim

Need = Literal["reference", "claims", "controls", "known", "preference"]
"""`known`: control trials whose right answers the study brings."""


def panel_shape(
    protocol: Protocol, *, n_prompts: int, n_generators: int, raters: int, added: Counts | None = None
) -> PanelShape:
    """What a panel of `protocol` is designed for. `raters`: people who see each trial. `added`: control trials that the
    study adds to each session.
    """
    repeats, controls, reference = protocol.repeats, protocol.controls, protocol.shown.reference
    shape = PanelShape(
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
    if added is None:
        return shape
    again = added.repeats
    return replace(
        shape,
        repeats=again or shape.repeats,
        apart=max(1, min(APART, shortest_session(shape) - again + 1)) if again else shape.apart,
        controls=shape.controls + added.trials - again,
    )


def shortest_session(shape: PanelShape) -> int:
    """Trials of the rater who has fewest, without repeats and controls."""
    trials = shape.n_prompts * shape.trials_a_prompt
    return trials // (1 if shape.batch is None else max(1, -(-trials // shape.batch)))


def needs(protocol: Protocol) -> frozenset[Need]:
    """What a study must bring for `protocol` beside its runs, or may: the run of `reference` photographs; `claims`, of
    a file where the suite's attributes don't give them; `controls`, a file of control trials; and what it sets out to
    show where a question asks for a `preference`.
    """
    kinds = [question.answers for question in protocol.questions]
    found: set[Need] = set()
    if protocol.shown.reference != "none":
        found.add("reference")
    if any(isinstance(kind, Claim) for kind in kinds):
        found.add("claims")
    if protocol.controls is not None:
        found.add("controls")
        if protocol.controls.kind == "known":
            found.add("known")
    if any(isinstance(kind, Choice) and kind.preference for kind in kinds):
        found.add("preference")
    return frozenset(found)


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
