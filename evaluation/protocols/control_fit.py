"""Whether a protocol can have the control trials of a plan, which questions decide them, and what they attain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from common.words import counted
from evaluation.analysis.control_rule import POWER, Attained, attained, controls_needed
from evaluation.protocols.contract import Protocol
from evaluation.protocols.control_plan import ControlPlan, Counts
from evaluation.protocols.errors import PlanError
from evaluation.protocols.kinds import Choice, Claim, Kind, Ranking, Scale
from evaluation.protocols.parts import CAPTION


def chance_of(kind: Kind, sets: int) -> float | None:
    """The chance that two answers at random are the same, or one the right one; None where answers are too many."""
    if kind.closed:
        return 1 / len(kind.closed_ids)
    if isinstance(kind, Scale):
        return 1 / (len(kind.steps) + (kind.unable is not None))
    if isinstance(kind, Ranking):
        return 1 / (sets * (sets - 1)) if kind.order == "best-worst" else 1 / math.factorial(sets)
    return None


def chances(protocol: Protocol) -> dict[str, float]:
    """The chance of a random click to be right, by question, of those that can decide a control trial."""
    found = {each.id: chance_of(each.answers, protocol.shown.sets) for each in protocol.questions}
    return {name: chance for name, chance in found.items() if chance is not None}


def deciding(protocol: Protocol, kind: str) -> tuple[str, ...]:
    """The questions that can decide a control trial of a kind (`same`, `swapped`, `repeat`), in their order."""
    found = []
    for each in protocol.questions:
        pair = isinstance(each.answers, Choice) and each.answers.preference
        if kind == "same":
            fits = pair and "indifferent" in each.answers.closed_ids
        elif kind == "swapped":
            fits = pair and CAPTION in each.text
        else:
            fits = not isinstance(each.answers, Claim) and chance_of(each.answers, protocol.shown.sets) is not None
        if fits:
            found.append(each.id)
    return tuple(found)


def check_plan(plan: ControlPlan, protocol: Protocol) -> None:
    """Raise PlanError unless a study under `protocol` can have the control trials of `plan`."""
    counts, name = plan.counts, protocol.name
    pairs = protocol.shown.sets == 2 and protocol.shown.reference in ("none", "guide")
    if (counts.same or counts.swapped) and not pairs:
        raise PlanError(
            "same" if counts.same else "swapped",
            f"The protocol {name} does not compare two sets of generated images, so a set can't stand beside itself or "
            "one of another prompt. Use repeated or gold trials.",
        )
    if counts.same and not deciding(protocol, "same"):
        raise PlanError(
            "same",
            f'The protocol {name} forces a choice: of the same set twice no answer is right. Use a protocol with "I am '
            'indifferent", or controls of another kind.',
        )
    if counts.swapped and not deciding(protocol, "swapped"):
        raise PlanError(
            "swapped",
            f"No question of {name} asks which set shows the prompt better, so a set of another prompt is not wrong. "
            "Use controls of another kind.",
        )
    if counts.repeats and not deciding(protocol, "repeat"):
        raise PlanError("repeats", f"No question of {name} has answers that can be the same twice. Leave repeats out.")
    if counts.repeats and protocol.repeats is not None:
        raise PlanError("repeats", f"The protocol {name} has repeated trials of its own. Leave yours out.")
    for question, chance in chances(protocol).items():
        if chance >= plan.rule.honest:
            raise PlanError(
                "honest",
                f"A random click passes {chance * 100:.0f} % of control trials on {question}; the pass rate of honest "
                "raters must be above that.",
            )


@dataclass(frozen=True, slots=True)
class PanelControls:
    """What a session of a panel has. `attained`: by that; `asked`: whether it has all that the plan asks for."""

    counts: Counts
    attained: Attained
    asked: bool


def panel_controls(
    plan: ControlPlan, protocol: Protocol, *, n_prompts: int, n_generators: int, session: int, gold: int
) -> PanelControls:
    """What a session of one panel can have of `plan`.

    Args:
        session: trials of the shortest session, without controls.
        gold: gold trials that there are for the panel.
    """
    sets = n_prompts * n_generators
    asked = plan.counts
    counts = Counts(
        same=min(asked.same, sets),
        swapped=min(asked.swapped, sets) if n_prompts > 1 else 0,
        repeats=min(asked.repeats, session),
        gold=min(asked.gold, gold),
    )
    return PanelControls(counts, attained(plan.rule, list(_chances(counts, protocol))), counts == asked)


def _chances(counts: Counts, protocol: Protocol) -> Iterator[float]:
    """Of each control trial; where several questions may decide it, the easiest."""
    of = chances(protocol)
    for kind, n in (("same", counts.same), ("swapped", counts.swapped), ("repeat", counts.repeats)):
        if n:
            yield from [max(of[each] for each in deciding(protocol, kind))] * n
    if counts.gold:
        yield from [max(of.values())] * counts.gold


def power_text(plan: ControlPlan, protocol: Protocol | None, *, none: bool = False) -> str:
    """What the plan attains and how many it would take, in a few sentences.

    `protocol`: None for three answers. `none`: of the plan only the rule counts; no number is chosen yet.
    """
    each = 1 / 3
    if protocol is not None:
        kinds = [kind for kind in ("same", "repeat") if deciding(protocol, kind)]
        of = chances(protocol)
        each = max((of[name] for kind in kinds for name in deciding(protocol, kind)), default=1 / 3)
    needed = controls_needed(plan.rule, each)
    if none:
        return (
            f"To exclude {POWER * 100:g} % of raters who click at random and at most "
            f"{plan.rule.false_exclusion * 100:g} % of honest ones, a session needs "
            f"{needed or 'more than 500'} control trials, if honest raters pass "
            f"{plan.rule.honest * 100:g} % of them and random clicks {each * 100:.0f} %."
        )
    clicks = [each] * plan.counts.trials if protocol is None else list(_chances(plan.counts, protocol))
    power = attained(plan.rule, clicks)
    told = (
        f"{counted(plan.counts.trials, 'control trial')} in each session: of those who click at random "
        f"{power.power * 100:.0f} % are told, of honest ones {power.false_exclusion * 100:.1f} % wrongly, if these "
        f"pass {plan.rule.honest * 100:g} % and clicks {each * 100:.0f} %."
    )
    if needed is None:
        return told + f" No number up to 500 tells {POWER * 100:g} %."
    more = "" if power.power >= POWER else f" A power of {POWER * 100:g} % takes {needed}."
    return told + more
