"""docs/metrics.md is true of the registry: every metric with its kind and direction, every parameter that it names."""

import re
from pathlib import Path

from evaluation.metrics import registry
from evaluation.metrics.prompts.clip_score import FORMS
from evaluation.metrics.prompts.detector import ANY_WORDS, SURE_ENOUGH
from evaluation.metrics.prompts.relations import ENCLOSED, TOUCH
from evaluation.metrics.prompts.text_checks import FORMS as TEXT_FORMS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def test_the_table_is_the_registry() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (each image|all images) \| (higher|lower) \| (.*) \|$", PAGE, re.MULTILINE)
    told = {
        name: (of == "each image", better, "reference" in takes or "as `frechet`" in takes)
        for name, of, better, takes in rows
    }
    specs = {name: registry.get_spec(name) for name in registry.BUILT_IN}
    assert told == {name: (spec.kind == "sample", spec.better, spec.needs_reference) for name, spec in specs.items()}


def test_the_settings_that_it_names_exist() -> None:
    parameters = {parameter.name for name in registry.BUILT_IN for parameter in registry.get_spec(name).parameters}
    named = set(re.findall(r"--set (\w+)", PAGE))
    assert named and named <= parameters
    for form in (*FORMS, TEXT_FORMS[1]):
        assert form in PAGE


def test_the_figures_that_code_holds_are_the_codes() -> None:
    assert f"Scores count from {SURE_ENOUGH[False]:g}, or {SURE_ENOUGH[True]:g} for any words" in PAGE.replace(
        "\n", " "
    )
    assert (
        f"Boxes touch within {TOUCH:.0%}".replace("%", " %") in PAGE
        and f"enclosed with {ENCLOSED:.0%}".replace("%", " %") in PAGE
    )
    assert {"owlvit", "owlv2", "grounding-dino"} <= set(ANY_WORDS)
