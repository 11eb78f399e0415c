"""Claims of a prompt against hand-made detections: relations, counts, colours, sharing, what can't be told."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from evaluation.metrics.prompts.claims import Claim, check_scene, claims_detail, share_of
from evaluation.metrics.prompts.detections import Detection, has_colour, share_out
from evaluation.metrics.prompts.relations import Box, related
from evaluation.suites.scene import SPATIAL_RELATIONS, Scene, parse_scene


def scene(objects: Sequence[object], relations: Sequence[object] = (), **rest: object) -> Scene:
    """A scene as a suite's attributes give it."""
    attributes: dict[str, Any] = {"schema": "scene/1", "objects": list(objects), "relations": list(relations), **rest}
    parsed = parse_scene(attributes)
    assert parsed is not None
    return parsed


def at(x: float, y: float, name: str = "cat", *colours: str, side: float = 0.1, score: float = 0.9) -> Detection:
    """A square thing with its middle at (x, y)."""
    return Detection(name, (x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, colours)


def verdicts(claims: Sequence[Claim]) -> dict[str, bool | None]:
    """What each claim came to, by its words."""
    found = {claim.text: claim.holds for claim in claims}
    assert len(found) == len(claims)
    return found


LEFT, RIGHT = (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6)
TOP, BOTTOM = (0.4, 0.1, 0.6, 0.3), (0.4, 0.6, 0.6, 0.9)
BIG, WITHIN = (0.2, 0.2, 0.8, 0.8), (0.4, 0.4, 0.6, 0.6)


@pytest.mark.parametrize(
    ("relation", "subject", "object_", "holds"),
    [
        ("left of", LEFT, RIGHT, True),
        ("left of", RIGHT, LEFT, False),
        ("left of", LEFT, LEFT, False),
        ("right of", RIGHT, LEFT, True),
        ("right of", LEFT, RIGHT, False),
        ("above", TOP, BOTTOM, True),
        ("above", BOTTOM, TOP, False),
        ("below", BOTTOM, TOP, True),
        ("below", TOP, BOTTOM, False),
        ("on", (0.4, 0.3, 0.6, 0.6), BOTTOM, True),  # touches
        ("on", (0.4, 0.5, 0.6, 0.7), BOTTOM, True),  # overlaps
        ("on", (0.4, 0.385, 0.6, 0.585), BOTTOM, True),  # a detector's edge away
        ("on", TOP, BOTTOM, False),  # above, far
        ("on", BOTTOM, (0.4, 0.3, 0.6, 0.6), False),  # touches from below
        ("on", (0.1, 0.3, 0.2, 0.6), BOTTOM, False),  # higher, but aside
        ("inside", WITHIN, BIG, True),
        ("inside", BIG, WITHIN, False),
        ("inside", (0.6, 0.4, 0.9, 0.5), BIG, True),  # two thirds of it
        ("inside", (0.7, 0.4, 1.0, 0.5), BIG, False),  # a third of it
        ("beside", LEFT, (0.4, 0.4, 0.6, 0.6), True),
        ("beside", (0.4, 0.4, 0.6, 0.6), LEFT, True),
        ("beside", LEFT, (0.8, 0.4, 1.0, 0.6), False),  # room for two between them
        ("beside", TOP, BOTTOM, False),
        ("beside", WITHIN, BIG, False),
        ("beside", LEFT, (0.4, 0.65, 0.6, 0.9), False),  # no common height
        ("around", BIG, WITHIN, True),
        ("around", WITHIN, BIG, False),
        ("around", BIG, (0.7, 0.4, 0.9, 0.6), False),
        ("around", BIG, BIG, False),
        ("larger than", BIG, WITHIN, True),
        ("larger than", WITHIN, BIG, False),
        ("smaller than", WITHIN, BIG, True),
        ("smaller than", BIG, BIG, False),
    ],
)
def test_each_relation_means_what_docs_suites_says(relation: str, subject: Box, object_: Box, holds: bool) -> None:
    assert related(relation, subject, object_) is holds


def test_in_front_and_behind_take_depth() -> None:
    near, far = (0.3, 0.3, 0.6, 0.6), (0.4, 0.4, 0.8, 0.8)
    assert related("in front of", near, far) is None and related("behind", near, far, 1.0, None) is None
    assert related("in front of", near, far, 1.0, 2.0) is True and related("behind", near, far, 1.0, 2.0) is False
    assert related("behind", far, near, 2.0, 1.0) is True
    assert related("in front of", near, (0.7, 0.7, 0.9, 0.9), 1.0, 2.0) is False  # they hide nothing of each other


def test_all_spatial_relations_of_the_schema_are_decided_or_said_to_take_depth() -> None:
    for relation in SPATIAL_RELATIONS:
        undecided = relation in ("in front of", "behind")
        assert (related(relation, LEFT, RIGHT) is None) == undecided


def test_objects_counts_and_colours() -> None:
    asked = scene([{"name": "apple", "count": 3, "color": "red"}, {"name": "box"}, {"name": "dog", "count": 0}])
    apples = [at(0.2 * i, 0.5, "apple", "red") for i in (1, 2, 3)]
    whole = check_scene(asked, [*apples, at(0.5, 0.9, "box", "brown")])
    assert verdicts(whole) == {
        "there is an apple": True,
        "exactly 3 apple": True,
        "apple is red": True,
        "there is a box": True,
        "no dog": True,
    }
    assert share_of(whole) == 1.0
    wrong = check_scene(asked, [apples[0], at(0.4, 0.5, "apple", "green"), at(0.1, 0.9, "dog")])
    assert verdicts(wrong) == {
        "there is an apple": True,
        "exactly 3 apple": False,
        "apple is red": False,
        "there is a box": False,
        "no dog": False,
    }
    assert share_of(wrong) == 0.2
    assert {claim.text: claim.seen for claim in wrong}["exactly 3 apple"] == "2 apple"
    assert share_of(check_scene(asked, [])) == 0.2  # only that there is no dog


def test_a_known_thing_that_is_missing_fails_its_claims_and_an_unknown_one_is_not_counted() -> None:
    asked = scene(
        [{"name": "lighthouse", "color": "red"}, {"name": "cat"}],
        [{"subject": 0, "relation": "left of", "object": 1}],
    )
    missing = check_scene(asked, [at(0.5, 0.5)])
    assert [claim.holds for claim in missing] == [False, False, True, False]
    unknown = check_scene(asked, [at(0.5, 0.5)], knows=lambda name: name == "cat")
    assert [claim.holds for claim in unknown] == [None, None, True, None]
    assert 'knows no "lighthouse"' in unknown[0].seen and 'knows no "lighthouse"' in unknown[3].seen
    assert share_of(unknown) == 1.0
    assert share_of(check_scene(asked, [], knows=lambda name: False)) is None


def test_a_swap_of_colours_is_seen() -> None:
    asked = scene([{"name": "hat", "color": "red"}, {"name": "hat", "color": "blue"}])
    both = check_scene(asked, [at(0.2, 0.5, "hat", "red"), at(0.8, 0.5, "hat", "blue")])
    assert [claim.holds for claim in both] == [True, True, True, True]
    twice = check_scene(asked, [at(0.2, 0.5, "hat", "red"), at(0.8, 0.5, "hat", "red", "pink")])
    # the second red hat belongs to the red entry, so nothing is left for the blue one
    assert [claim.holds for claim in twice] == [True, True, False, False]
    third = check_scene(asked, [at(0.2, 0.5, "hat", "red"), at(0.8, 0.5, "hat", "green")])
    assert [claim.holds for claim in third] == [True, True, True, False]  # a hat of the wrong colour is a hat


def shared(objects: Sequence[object], found: Sequence[Detection]) -> list[list[Detection]]:
    """Who got what, nothing twice."""
    owned = share_out(scene(objects).objects, found)
    everything = [id(one) for group in owned for one in group]
    assert len(everything) == len(set(everything))
    return owned


def test_entries_of_one_name_share_what_was_found() -> None:
    red, green, black = at(0.1, 0.5, "hat", "red"), at(0.4, 0.5, "hat", "green"), at(0.7, 0.5, "hat", "black", "red")
    one: dict[str, object] = {"name": "hat", "color": "red"}
    other: dict[str, object] = {"name": "hat", "color": "black"}
    assert shared([one, {"name": "hat"}], [red, green, black]) == [[red], [green, black]]
    assert shared([one, other], [black, green]) == [[green], [black]]
    dark = at(0.9, 0.5, "hat", "black", "red", score=0.5)
    assert shared([one, other], [black, dark]) == [[dark], [black]]  # the spare one's second colour will do
    assert shared([{**one, "count": 0}, {"name": "hat", "color": "green"}], [red, green]) == [[red], [green]]
    large, small = at(0.2, 0.5, "hat", side=0.3), at(0.7, 0.5, "hat", side=0.1)
    sizes = [{"name": "hat", "size": "small"}, {"name": "hat", "size": "large"}]
    assert shared(sizes, [large, small]) == [[small], [large]]
    three = [at(0.2 * i, 0.5, "hat", score=1 - 0.1 * i) for i in (1, 2, 3)]
    assert shared([{"name": "hat", "count": 2}, {"name": "hat"}], three) == [three[:2], three[2:]]
    assert shared([{"name": "cat"}], three) == [[]]


def test_sizes_are_beside_the_other_objects() -> None:
    asked = scene([{"name": "mouse", "size": "large"}, {"name": "cat", "size": "small"}])
    right = check_scene(asked, [at(0.3, 0.5, "mouse", side=0.4), at(0.8, 0.5, "cat")])
    assert verdicts(right)["mouse is large"] is True and verdicts(right)["cat is small"] is True
    wrong = check_scene(asked, [at(0.3, 0.5, "mouse"), at(0.8, 0.5, "cat", side=0.4)])
    assert verdicts(wrong)["mouse is large"] is False and verdicts(wrong)["cat is small"] is False
    alone = check_scene(scene([{"name": "mouse", "size": "large"}]), [at(0.3, 0.5, "mouse")])
    assert verdicts(alone)["mouse is large"] is None


def test_a_relation_of_several_holds_for_as_many_as_are_claimed() -> None:
    asked = scene([{"name": "cat", "count": 2}, {"name": "box"}], [{"subject": 0, "relation": "left of", "object": 1}])
    box = at(0.5, 0.5, "box")

    def holds(*places: float) -> bool | None:
        return check_scene(asked, [box, *(at(x, 0.5) for x in places)])[-1].holds

    assert holds(0.1, 0.2) is True and holds(0.1, 0.9) is False and holds(0.1, 0.2, 0.9) is True


def test_what_boxes_cannot_show_is_named_and_not_counted() -> None:
    asked = scene(
        [{"name": "cat", "shape": "round", "material": "glass", "pattern": "striped"}, {"name": "dog"}],
        [
            {"subject": 0, "relation": "chasing", "object": 1},
            {"subject": 0, "relation": "behind", "object": 1},
        ],
        text=["HELLO"],
        background="grass",
        style="oil painting",
        view="overhead",
    )
    claims = check_scene(asked, [at(0.2, 0.5), at(0.3, 0.5, "dog")])
    assert [claim.kind for claim in claims if claim.holds is None] == [
        "shape", "material", "pattern", "relation", "relation", "text", "background", "style", "view",
    ]  # fmt: skip
    assert all(claim.seen for claim in claims)
    assert share_of(claims) == 1.0


def test_a_colour_that_cannot_be_told_is_not_counted_and_metals_pass_as_their_colours() -> None:
    asked = scene([{"name": "ring", "color": "gold"}])
    assert verdicts(check_scene(asked, [at(0.5, 0.5, "ring")]))["ring is gold"] is None
    assert verdicts(check_scene(asked, [at(0.5, 0.5, "ring", "yellow")]))["ring is gold"] is True
    assert not has_colour(at(0.5, 0.5, "ring", "blue"), "gold") and has_colour(at(0, 0, "ring", "white"), "silver")


def test_the_detail_is_json_and_lists_every_claim() -> None:
    asked = scene([{"name": "cat", "count": 1}], style="oil painting")
    found = [at(0.01 * i, 0.5, score=i / 100) for i in range(60)]
    claims = check_scene(asked, found)
    detail = json.loads(json.dumps(claims_detail(claims, found), allow_nan=False))
    assert (detail["n_claims"], detail["n_hold"], detail["n_unchecked"], detail["n_found"]) == (2, 1, 1, 60)
    assert len(detail["found"]) == 40 and detail["found"][0]["score"] == 0.59
    assert detail["claims"][1] == {"kind": "count", "claim": "exactly 1 cat", "holds": False, "found": "60 cat"}


def test_every_scene_of_the_shipped_suite_can_be_checked() -> None:
    from evaluation.suites import read_suite

    suite = read_suite("fixtures/suites/drawbench-cc0.csv")
    knows: Callable[[str], bool] = lambda name: True  # noqa: E731
    checked = 0
    for prompt in suite.prompts:
        found = parse_scene(prompt.attributes)
        assert found is not None
        claims = check_scene(found, [], knows=knows)
        assert all(claim.holds is not True or claim.text.startswith("no ") for claim in claims)
        checked += share_of(claims) is not None
    assert checked == sum(1 for prompt in suite.prompts if prompt.attributes.get("objects"))
