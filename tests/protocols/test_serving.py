"""What a study must bring for each protocol."""

import pytest

from evaluation import protocols
from evaluation.protocols.serving import needs, panel_shape, panel_size

NEEDS = {
    "drawbench": {"preference"},
    "coco-photorealism": {"reference", "controls", "known", "preference"},
    "coco-alignment": {"reference", "controls", "known"},
    "single-image": {"controls", "known"},
    "pairwise-open": {"preference"},
    "rank-k": set(),
    "questions": {"claims"},
    "words": set(),
}


@pytest.mark.parametrize("name", protocols.names())
def test_what_each_protocol_needs(name: str) -> None:
    assert needs(protocols.get(name)) == NEEDS[name]


def test_control_trials_of_our_making_need_no_file() -> None:
    own = protocols.load(
        b"based_on: drawbench\nname: own\ntitle: Own\ncontrols: {trials: 2, least_right: 1, kind: same}\n", "own.yaml"
    )
    assert needs(own) == {"controls", "preference"}


def test_a_panel_is_as_large_as_its_batches() -> None:
    shape = panel_shape(protocols.get("single-image"), n_prompts=50, n_generators=2, raters=5)
    size = panel_size(shape)
    assert (size.batches, size.places, size.trials) == (4, 20, 25 + 3)
