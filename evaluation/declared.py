"""What people declare of images that were made elsewhere: version, licence, parameters, seeds, how samples were chosen.

Nobody here can check it. It is kept with the run, locked with a study's specification, and printed by reports as a
declaration; what was not said stays unknown. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from common import limits
from evaluation.errors import InputError
from evaluation.intake import text_in

SELECTIONS: Mapping[str, str] = {
    "not_hand_picked": "declared: the first images that the generator made for each prompt, none chosen",
    "chosen_by_score": "declared: chosen among more images by a program",
    "hand_picked": "declared: chosen by people among more images",
}
"""How samples were chosen, and how reports say it."""

SELECTION_UNKNOWN = "unknown"
SELECTION_HERE = "drawn here, none chosen"

TEXTS: Mapping[str, tuple[str, int]] = {
    "version": ("the version of the generator", limits.GENERATOR),
    "licence": ("the licence of the images", limits.LICENCE),
    "seeds": ("the seeds", limits.REFERENCE),
}
DECLARED = (*TEXTS, "selection", "parameters")
"""All that can be declared."""
MAX_PARAMETERS = 100


def checked_declaration(given: Mapping[str, object]) -> dict[str, object]:
    """A declaration as it is kept: `version`, `licence`, `seeds` (texts), `selection` (of `SELECTIONS`), `parameters`
    (name -> text); what is empty is left out.

    Raises:
        InputError: a text that can't be kept, an unknown selection, or parameters that are none.
    """
    kept: dict[str, object] = {}
    for name, (what, most) in TEXTS.items():
        if text := text_in(str(given.get(name) or ""), name, what, most=most):
            kept[name] = text
    selection = str(given.get("selection") or "")
    if selection and selection not in SELECTIONS:
        raise InputError(
            f"selection must be one of {', '.join(SELECTIONS)}, or empty where it is unknown; got {selection[:40]!r}.",
            field="selection",
        )
    if selection:
        kept["selection"] = selection
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, Mapping) or len(parameters) > MAX_PARAMETERS:
        raise InputError(
            f"parameters must be at most {MAX_PARAMETERS} names with a value each, such as guidance and 7.5.",
            field="parameters",
        )
    named = {
        text_in(str(name), "parameters", "the name of a parameter", most=limits.METRIC, empty=False): text_in(
            str(value), "parameters", f"the parameter {str(name)[:40]}", most=limits.PARAMETER
        )
        for name, value in parameters.items()
    }
    if named:
        kept["parameters"] = named
    return kept


def parameters_of(lines: str | list[str]) -> dict[str, str]:
    """Parameters as people write them: `name=value`, one a line.

    Raises:
        InputError: a line without "=", or a name twice.
    """
    found: dict[str, str] = {}
    for line in lines.splitlines() if isinstance(lines, str) else lines:
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise InputError(
                f'"{line.strip()[:60]}" is no parameter. Write name=value, one per line.', field="parameters"
            )
        if name.strip() in found:
            raise InputError(f"The parameter {name.strip()[:60]} is given twice. Give it once.", field="parameters")
        found[name.strip()] = value.strip()
    return found


def selection_in_words(declared: Mapping[str, object], *, drawn_here: bool) -> str:
    """How a run's samples were chosen, for people."""
    if drawn_here:
        return SELECTION_HERE
    return SELECTIONS.get(str(declared.get("selection", "")), SELECTION_UNKNOWN)
