"""What one protocol does otherwise than another stands in words."""

import dataclasses

import pytest

from evaluation import protocols
from evaluation.protocols.control_plan import ControlPlan, Counts
from evaluation.protocols.parts import Controls, Repeats

DRAWBENCH = protocols.get("drawbench")


@pytest.mark.parametrize("name", protocols.names())
def test_a_protocol_does_not_depart_from_itself(name: str) -> None:
    protocol = protocols.get(name)
    renamed = dataclasses.replace(protocol, name="other", title="Other", source="Other")
    assert protocols.departures(protocol, renamed) == ()


def test_every_field_that_changes_how_raters_are_asked_is_seen() -> None:
    """Walks over the fields: whoever adds one finds it here."""
    changed: dict[str, object] = {
        "set_size": 4,
        "panels": "all",
        "raters_per_panel": 5,
        "screening": "by hand",
        "left_open": {"sides": "as they come"},
        "shown": protocols.Shown(prompt="hidden"),
        "batch": 20,
        "repeats": Repeats(2, 5),
        "controls": Controls(3, 0.8),
        "added_controls": ControlPlan(Counts(same=3)),
        "stopping": _rule(),
        "category_questions": {"Colors": ("fidelity",)},
        "instructions": "Take your time.",
        "language": "de",
        "translations": {"fr": {}},
        "version": "2",
        "questions": DRAWBENCH.questions[:1],
    }
    names = {"name", "title", "source", "based_on"}
    assert {each.name for each in dataclasses.fields(DRAWBENCH)} == set(changed) | names
    for name, value in changed.items():
        own = dataclasses.replace(DRAWBENCH, name="own", **{name: value})  # type: ignore[arg-type]
        assert protocols.departures(DRAWBENCH, own), name


def _rule() -> object:
    from evaluation.analysis import StoppingRule

    return StoppingRule(25)


def test_the_words() -> None:
    lines = protocols.departures(DRAWBENCH, protocols.get("pairwise-open"))
    assert "images per set: 1, where drawbench has 8" in lines
    assert "shown, combinations: balanced, where drawbench has every" in lines
    assert "question fidelity: left out" in lines
    assert any(line.startswith("question preference: added, ") for line in lines)
    ranks = protocols.get("rank-k")
    assert "control trials: trials 5, least right 0.8, kind known, place among, where rank-k has none" in (
        protocols.departures(ranks, protocols.get("coco-alignment"))
    )
