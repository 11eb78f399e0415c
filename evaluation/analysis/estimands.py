"""For whom a result speaks: the one list of estimands, their words and their check."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from common.words import nearest

DEFAULT_ESTIMAND = "raters_and_prompts"

ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {"raters_and_prompts": "effective", "raters": "by_rater", "prompts": "by_prompt", "votes": "independent"}
)
"""For whom an interval speaks, the widest claim first, and the interval that does."""
ESTIMAND_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "raters_and_prompts": "new raters and new prompts like these, with new images",
        "raters": "new raters like these, with these prompts and images",
        "prompts": "these raters, with new prompts like these and new images",
        "votes": "independent votes, as most published figures assume",
    }
)

POWERED_ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {
        "new_prompts": "new raters and new prompts like these, with new images",
        "these_prompts": "new raters, with all prompts of this suite and these images, rated or not",
    }
)
"""The same of prediction-powered rates, where every prompt is scored and some are rated."""


def check_estimand(estimand: str) -> None:
    """Nothing where `estimand` is one of `ESTIMANDS`.

    Raises:
        ValueError: it is not; the message has the nearest and all.
    """
    if estimand not in ESTIMANDS:
        hint = nearest(estimand, ESTIMANDS) or "."
        raise ValueError(f"Unknown estimand {estimand!r}{hint} Allowed are {', '.join(ESTIMANDS)}.")
