"""Parts of a study that the API takes as objects of their own: its stopping rule, control trials, and crowd."""

from __future__ import annotations

from common import limits
from evaluation.api.fields import Choice, Flag, Input, Number, Whole, Words
from evaluation.protocols import MOST_RATERS
from evaluation.protocols.control_plan import FALSE_EXCLUSION, HONEST, MOST_OF_A_KIND
from evaluation.recruiting import PLATFORMS
from evaluation.services.studies.stopping_rule import ALPHA_MEANS, ALPHAS, SHARE_MEANS, SHARES


def _control_trials(help_text: str) -> Whole:
    return Whole(
        required=False, allow_null=True, min_value=0, max_value=MOST_OF_A_KIND, help_text=f"{help_text}; a session's"
    )


class StoppingRuleInput(Input):
    """When a study may end early; every field is optional. The live board and the results show its recommendation."""

    max_raters = Whole(
        required=False,
        allow_null=True,
        min_value=2,
        max_value=MOST_RATERS,
        help_text="Stop at this many finished raters in any case; default: all places of the study",
    )
    min_raters = Whole(
        required=False,
        allow_null=True,
        min_value=2,
        max_value=MOST_RATERS,
        help_text="Don't stop before this many have finished; default: 5",
    )
    margin = Number(
        required=False,
        allow_null=True,
        min_value=SHARES[0],
        max_value=SHARES[1],
        meaning=SHARE_MEANS,
        help_text="Also stop once the whole interval is within ± this; 0.1 is ten points",
    )
    half_width = Number(
        required=False,
        allow_null=True,
        min_value=SHARES[0],
        max_value=SHARES[1],
        meaning=SHARE_MEANS,
        help_text="Also stop once the interval is no wider than ± this",
    )
    alpha = Number(
        required=False,
        allow_null=True,
        min_value=ALPHAS[0],
        max_value=ALPHAS[1],
        meaning=ALPHA_MEANS,
        help_text="The intervals have level 1 − alpha; default: 0.05",
    )


class AddedControlsInput(Input):
    """Control trials of the study's own images; every field is optional."""

    same = _control_trials("One set on both sides, so that indifferent is right")
    swapped = _control_trials("A set beside one of the same generator for another prompt")
    repeats = _control_trials("Trials seen again with their sides turned round")
    gold = _control_trials("Trials of `controls_file`")
    honest = Number(
        required=False,
        allow_null=True,
        min_value=HONEST[0],
        max_value=HONEST[1],
        meaning="a share of the control trials",
        help_text="What honest raters pass; default: 0.6",
    )
    false_exclusion = Number(
        required=False,
        allow_null=True,
        min_value=FALSE_EXCLUSION[0],
        max_value=FALSE_EXCLUSION[1],
        meaning="a share of the honest raters",
        help_text="Honest raters that are excluded at most; default: 0.02",
    )
    exclude = Flag(required=False, allow_null=True, help_text="False: nobody is excluded, only reported; default: true")


def _terms(help_text: str) -> Words:
    return Words(
        required=False, allow_blank=True, lines=True, max_length=limits.TERMS, help_text=f"{help_text}, or none"
    )


class CrowdInput(Input):
    """What a study for a recruitment site declares; raters are told it, and its report prints it."""

    platform = Choice(tuple(PLATFORMS), required=False, help_text="The recruitment site")
    approval = _terms("Which board has approved the study")
    pay = Words(
        required=False,
        allow_blank=True,
        max_length=limits.TERMS,
        help_text="What each rater who finishes gets, such as 2.50 GBP, or none",
    )
    retention = _terms("How long participants' ids are kept")
    withdrawal = _terms("How raters withdraw, and until when")
