"""Numbers and details of automatic scores, for templates."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from evaluation.reports.wording.scores import facts as told_facts
from evaluation.reports.wording.scores import figures_text

register = template.Library()


@register.filter
def figures(value: float | None, digits: int = 3) -> str:
    """Three significant figures: `.29374` -> "0.294", `-12345.6` -> "−12,346"; nothing for None."""
    return figures_text(value, digits)


@register.filter
def facts(detail: Mapping[str, object]) -> list[tuple[str, str]]:
    """(name, value) of all that a detail holds."""
    return told_facts(detail)
