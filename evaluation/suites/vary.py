"""A prompt-variation suite: one subject under a grid of style, light and lens, to see what a modifier does."""

import itertools
from collections.abc import Sequence

from evaluation.suites.build import Row, build_suite
from evaluation.suites.types import NO_CATEGORY, JsonValue, SuiteData, SuiteError, fold

STYLES = ("photograph", "oil painting", "watercolour", "pencil drawing", "flat illustration", "3D render")
LIGHTS = ("soft daylight", "golden hour", "studio lighting", "candlelight", "neon lights at night")
LENSES = ("wide angle", "50 mm lens", "telephoto", "macro close-up", "fisheye")

MAX_CELLS = 2_000
MAX_MODIFIER_CHARACTERS = 200
MAX_SUBJECT_CHARACTERS = 1_000


def vary(
    subject: str,
    styles: Sequence[str] = STYLES,
    lights: Sequence[str] = LIGHTS,
    lenses: Sequence[str] = LENSES,
    *,
    name: str | None = None,
) -> SuiteData:
    """The suite "SUBJECT, STYLE, LIGHT, LENS" for every combination, lenses fastest.

    An empty list leaves its axis out; an empty text in a list is the subject without that modifier, to compare with.
    The category is the style (without styles the light, then the lens). Attributes: subject, style, light, lens.
    SuiteError for an empty subject, a modifier listed twice, or more than 2,000 prompts.
    """
    subject = fold(subject)
    if not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise SuiteError(
            f"The subject has {len(subject):,} characters; write 1 to {MAX_SUBJECT_CHARACTERS:,}, as in 'a hat'."
        )
    axes = {
        "style": _modifiers("styles", styles),
        "light": _modifiers("lights", lights),
        "lens": _modifiers("lenses", lenses),
    }
    axes = {axis: modifiers for axis, modifiers in axes.items() if modifiers}
    cells = 1
    for modifiers in axes.values():
        cells *= len(modifiers)
    if cells > MAX_CELLS:
        sizes = " x ".join(f"{len(modifiers)} {axis}" for axis, modifiers in axes.items())
        raise SuiteError(f"The grid has {cells:,} prompts ({sizes}); at most {MAX_CELLS:,} fit. Shorten a list.")
    rows = [_row(subject, dict(zip(axes, cell, strict=True))) for cell in itertools.product(*axes.values())]
    return build_suite(rows, name=name or f"vary: {subject}"[:100], source_format="made")


def _modifiers(axis: str, modifiers: Sequence[str]) -> list[str]:
    if isinstance(modifiers, str):
        raise SuiteError(f"{axis} is one text; give a list of texts.")
    folded = [fold(modifier) for modifier in modifiers]
    seen: set[str] = set()
    for modifier in folded:
        if len(modifier) > MAX_MODIFIER_CHARACTERS:
            raise SuiteError(f"{axis} has one of {len(modifier):,} characters; at most {MAX_MODIFIER_CHARACTERS} fit.")
        if modifier.casefold() in seen:
            raise SuiteError(f"{axis} has {modifier!r} twice. Each modifier stands once.")
        seen.add(modifier.casefold())
    return folded


def _row(subject: str, cell: dict[str, str]) -> Row:
    attributes: dict[str, JsonValue] = {"subject": subject, **cell}
    category = next(iter(cell.values()), NO_CATEGORY) or "no modifier"
    return Row(repr(cell), ", ".join([subject, *filter(None, cell.values())]), category, attributes)
