"""The stopping rule that a study declares when it is made: what was given, checked against the study's own size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from common.words import counted, nearest
from evaluation.analysis.early_looks import fewest_to_decide
from evaluation.analysis.sequential import StoppingRule
from evaluation.errors import InputError

NAMES = tuple(each.name for each in fields(StoppingRule) if each.name != "method")
ALPHAS = (0.001, 0.5)
SHARES = (0.001, 0.999)
"""The least and the largest alpha; the same of margin and half-width."""

ALPHA_MEANS = "0.05 gives 95 % intervals"
SHARE_MEANS = "a fraction of the net share; 0.1 is ten points"

FEWEST = 5
"""Raters before the rule may stop, unless it says otherwise or the study has fewer places."""


def stopping_rule(given: Mapping[str, object], *, places: int, panels: int) -> StoppingRule:
    """The rule of `given`, in which every field may be absent or None; its sequence is that of `betting`.

    Args:
        given: fields of `StoppingRule`; `margin` and `half_width` are fractions of the net share, .1 being ten points.
        places: raters that the study has places for, over all panels; the default of `max_raters`.
        panels: how many panels there are: a look takes a rater of each.

    Raises:
        InputError: an unknown field, a value that is not allowed, or a rule that could never decide. Its field is
            `stopping_rule.` and the field's name.
    """
    for name in given:
        if name not in NAMES:
            hint = nearest(name, NAMES) or "."
            raise InputError(
                f'A stopping rule has no field "{name}"{hint} Fields: {", ".join(NAMES)}.', field="stopping_rule"
            )
    alpha = _fraction(given, "alpha", "The stopping rule's alpha", ALPHA_MEANS, ALPHAS)
    at_most = _raters(given, "max_raters", "The stopping rule's maximum of raters", places, places)
    at_least = _raters(given, "min_raters", "The stopping rule's minimum of raters", min(FEWEST, at_most), at_most)
    rule = StoppingRule(
        max_raters=at_most,
        min_raters=at_least,
        margin=_fraction(given, "margin", "The stopping rule's margin", SHARE_MEANS, SHARES),
        half_width=_fraction(given, "half_width", "The stopping rule's half-width", SHARE_MEANS, SHARES),
        alpha=0.05 if alpha is None else alpha,
    )
    fewest = fewest_to_decide(rule.alpha, rule.method, panels)
    if at_most < fewest:
        each = f" ({fewest // panels} for each of the {panels} panels)" if panels > 1 else ""
        raise InputError(
            f"This stopping rule could never decide: with alpha {rule.alpha:g} an interval can exclude zero from "
            f"{fewest} raters{each}, but the rule ends at {at_most}. Allow more raters, or declare no rule.",
            field="stopping_rule.max_raters",
        )
    return rule


def _raters(given: Mapping[str, object], name: str, what: str, default: int, most: int) -> int:
    value = given.get(name)
    if value is None:
        value = default
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= most:
        if most < 2:
            why = f"needs at least 2 raters, but the study has {counted(most, 'place')}; plan more raters"
        elif name == "max_raters":
            why = f"must be between 2 and {most}, the study's places over all panels; got {value}"
        else:
            why = f"must be between 2 and {most}, the rule's maximum; got {value}"
        raise InputError(f"{what} {why}.", field=f"stopping_rule.{name}")
    return value


def _fraction(
    given: Mapping[str, object], name: str, what: str, meaning: str, limits: tuple[float, float]
) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    least, most = limits
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError(
            f"{what} must be between {least:g} and {most:g} ({meaning}); got {value}.", field=f"stopping_rule.{name}"
        )
    return float(value)
