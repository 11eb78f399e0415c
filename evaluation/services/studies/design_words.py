"""How a study's trials are made and balanced, in words for its specification."""

from __future__ import annotations

from evaluation.design import PanelShape


def design_in_words(shape: PanelShape) -> dict[str, object]:
    """How trials are made and balanced, in words."""
    if shape.whole_pairs:
        return {
            "pairs": "every pair of runs",
            "sides": "balanced table, curveball trades (evaluation.design.balanced_sides)",
            "order": "Williams squares (evaluation.design.balanced_orders)",
        }
    shown = "each run once" if shape.sets == 1 else f"{'balanced' if shape.balanced else 'every'} {shape.sets} of them"
    if shape.reference == "beside":
        shown = "each run beside the reference photograph"
    declared: dict[str, object] = {
        "trials": f"of each prompt {shown} (evaluation.design.combinations)",
        "places": "each generator equally often in each place, within rater and trial (evaluation.design.places)",
        "order": "Williams squares (evaluation.design.balanced_orders)",
    }
    if shape.batch is not None:
        declared["batches"] = f"at most {shape.batch} trials each (evaluation.design.batches)"
    return declared
