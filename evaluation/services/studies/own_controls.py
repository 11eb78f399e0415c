"""Control trials that a study adds: what was asked for, checked, and what each panel gets of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from common.words import nearest
from evaluation.analysis.signs import SIGNS, SignRules
from evaluation.design import PanelShape
from evaluation.errors import InputError
from evaluation.models import Prompt
from evaluation.protocols import Protocol
from evaluation.protocols.control_fit import PanelControls, chances, check_plan, panel_controls
from evaluation.protocols.control_plan import ControlPlan
from evaluation.protocols.errors import PlanError
from evaluation.protocols.serving import panel_shape, shortest_session
from evaluation.services.studies.known import KnownControl

FIELD = "added_controls"
"""How drafts, pages and the API call it."""


def plan_asked(given: Mapping[str, object] | None, protocol: Protocol, *, file: bool) -> ControlPlan | None:
    """The plan of `given`, or else the protocol's; None where none is asked for.

    Args:
        file: whether a file of gold trials is there that the protocol itself does not ask for.

    Raises:
        InputError: it can't be had under `protocol`; or it and the file don't fit each other.
    """
    declared = protocol.added_controls
    if given is None and declared is None:
        return None
    try:
        plan = declared if given is None else ControlPlan.from_dict(given)
        assert plan is not None
        if not plan.counts.trials:  # as a study says that it has none, whatever its protocol declares
            return None
        if protocol.controls is not None:
            raise PlanError(
                "same",
                f"The protocol {protocol.name} has control trials of its own. Leave these out, or hold the study "
                "without the protocol's.",
            )
        if plan.counts.gold and not file:
            raise PlanError("gold", "Gold trials need a file of control trials. Give one, or leave gold trials out.")
        check_plan(plan, protocol)
    except PlanError as error:
        raise InputError(error.message, field=f"{FIELD}.{error.part}") from error
    return plan


def sign_rules(exclude: Sequence[str]) -> SignRules:
    """The rules by which a study shows signs, and the ones that exclude. Raises InputError for one that is none."""
    for name in exclude:
        if name not in SIGNS:
            hint = nearest(name, SIGNS) or "."
            raise InputError(f'There is no sign "{name}"{hint} Signs: {", ".join(SIGNS)}.', field="signs_exclude")
    return SignRules(exclude=tuple(each for each in SIGNS if each in exclude))


def gold_by_panel(known: Sequence[KnownControl], prompts: Sequence[Prompt], protocol: Protocol) -> Counter[str]:
    """How many gold trials each panel has."""
    panels = {each.prompt_id: each.category if protocol.panels == "category" else "" for each in prompts}
    return Counter(panels[each.prompt_id] for each in known if each.prompt_id in panels)


def refuse_unscorable(known: Sequence[KnownControl], protocol: Protocol) -> None:
    """Raise InputError where a gold trial asks what a random click could not be right about with a known chance."""
    scorable = chances(protocol)
    for each in known:
        for question in each.answers:
            if question not in scorable:
                raise InputError(
                    f"The question {question} can't decide a gold trial: its answers are too many to say how often a "
                    f"random click is right. Questions that can: {', '.join(scorable) or 'none'}.",
                    field="controls",
                )


def panel_of_plan(
    plan: ControlPlan | None, protocol: Protocol, *, n_prompts: int, n_generators: int, raters: int, gold: int
) -> tuple[PanelShape, PanelControls | None]:
    """What a panel is designed for, and its share of the plan."""
    bare = panel_shape(protocol, n_prompts=n_prompts, n_generators=n_generators, raters=raters)
    if plan is None:
        return bare, None
    own = panel_controls(
        plan,
        protocol,
        n_prompts=n_prompts,
        n_generators=n_generators,
        session=shortest_session(bare),
        gold=gold,
    )
    return panel_shape(protocol, n_prompts=n_prompts, n_generators=n_generators, raters=raters, added=own.counts), own


def declared_plan(specification: Mapping[str, Any]) -> ControlPlan | None:
    """The plan that a specification holds."""
    declared = specification.get("controls", {}).get("added")
    return None if declared is None else ControlPlan.from_dict({**declared["asked"], **declared["rule"]})


def added_specified(plan: ControlPlan, protocol: Protocol, panels: Mapping[str, PanelControls]) -> dict[str, object]:
    """The plan as a specification has it."""
    return {
        "asked": plan.counts.to_dict(),
        "rule": plan.rule.to_dict(),
        "in_words": plan.rule.words(),
        "chances": [list(each) for each in chances(protocol).items()],  # JSONB keeps no order of keys
        "panels": [
            {
                "panel": panel,
                **each.counts.to_dict(),
                "power": round(each.attained.power, 4),
                "false_exclusion": round(each.attained.false_exclusion, 4),
                "least_right": each.attained.least,
            }
            for panel, each in panels.items()
        ],
    }
