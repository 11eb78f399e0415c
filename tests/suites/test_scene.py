"""The attributes' schema: what it refuses, and what its check against the words finds."""

import pytest

from evaluation.suites import Scene, SuiteError, parse_scene
from evaluation.suites.scene import SceneObject, SceneRelation, scene_mismatches
from evaluation.suites.types import JsonValue


def test_scene_is_read() -> None:
    scene = parse_scene(
        {
            "schema": "scene/1",
            "objects": [
                {"name": "apple", "count": 3, "color": "red"},
                {"name": "box", "size": "large", "material": "glass"},
            ],
            "relations": [{"subject": 0, "relation": "left of", "object": 1}],
            "text": ["HELLO"],
            "background": "grass",
        }
    )
    assert scene == Scene(
        objects=(SceneObject("apple", 3, "red"), SceneObject("box", size="large", material="glass")),
        relations=(SceneRelation(0, "left of", 1),),
        text=("HELLO",),
        background="grass",
    )


def test_attributes_of_another_kind_are_no_scene() -> None:
    assert parse_scene({}) is None
    assert parse_scene({"schema": "mine", "objects": 3}) is None
    assert parse_scene({"objects": 3}) is None


def with_scene(**fields: JsonValue) -> dict[str, JsonValue]:
    return {"schema": "scene/1", **fields}


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"schema": "scene/2"}, "this version reads 'scene/1'"),
        (with_scene(object=[]), "field 'object'; did you mean \"objects\""),
        (with_scene(objects={}), "objects is {}; it is a list"),
        (with_scene(objects=["apple"]), r"objects\[0\] is 'apple'; it is an object"),
        (with_scene(objects=[{}]), r"objects\[0\].name is None"),
        (with_scene(objects=[{"name": " "}]), "not empty"),
        (with_scene(objects=[{"name": "a", "count": 21}]), "from 0 to 20"),
        (with_scene(objects=[{"name": "a", "count": True}]), "count is True"),
        (with_scene(objects=[{"name": "a", "colour": "red"}]), 'did you mean "color"'),
        (with_scene(objects=[{"name": "a", "color": "gray"}]), 'did you mean "grey"'),
        (with_scene(objects=[{"name": "a", "size": "tiny"}]), "one of: small, large"),
        (
            with_scene(objects=[{"name": "a"}], relations=[{"subject": 0, "relation": "on", "object": 1}]),
            "object is 1.*0 to 0",
        ),
        (with_scene(objects=[{"name": "a"}], relations=[{"subject": 0, "relation": "on", "object": 0}]), "to itself"),
        (
            with_scene(
                objects=[{"name": "a"}, {"name": "b"}], relations=[{"subject": 0, "relation": "left", "object": 1}]
            ),
            'did you mean "left of"',
        ),
        (with_scene(text="HELLO"), "text is 'HELLO'; it is a list"),
        (with_scene(style=3), "style is 3"),
    ],
)
def test_scene_refuses(attributes: dict[str, JsonValue], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        parse_scene(attributes)


def related(first: str, relation: str, second: str) -> dict[str, JsonValue]:
    return with_scene(
        objects=[{"name": first}, {"name": second}], relations=[{"subject": 0, "relation": relation, "object": 1}]
    )


@pytest.mark.parametrize(
    ("text", "attributes", "missing"),
    [
        ("Three red apples.", with_scene(objects=[{"name": "apple", "count": 3, "color": "red"}]), 0),
        ("Two red apples.", with_scene(objects=[{"name": "apple", "count": 3, "color": "green"}]), 2),
        ("Mice and leaves.", with_scene(objects=[{"name": "mouse"}, {"name": "leaf"}]), 0),
        ("Cherries, snowmen, boxes.", with_scene(objects=[{"name": n} for n in ("cherry", "snowman", "box")]), 0),
        ("A pineapple.", with_scene(objects=[{"name": "apple"}]), 1),
        ("A room with no chair.", with_scene(objects=[{"name": "chair", "count": 0}]), 0),
        ("A gray hat.", with_scene(objects=[{"name": "hat", "color": "grey"}]), 0),
        ("A wooden, star-shaped box.", with_scene(objects=[{"name": "box", "material": "wood", "shape": "star"}]), 0),
        ("A box.", with_scene(objects=[{"name": "box", "material": "wood", "shape": "star", "size": "large"}]), 3),
        ("A hat to the left of a box.", related("hat", "left of", "box"), 0),
        ("A hat and a box.", related("hat", "left of", "box"), 1),
        ("A dog that wears a hat.", related("dog", "wearing", "hat"), 0),
        ("A dog eats a hat.", related("dog", "chasing", "hat"), 1),
        ('A sign: "OPEN".', with_scene(text=["OPEN"]), 0),
        ("A sign: OPEN.", with_scene(text=["OPEN"]), 1),
        ("A fox in oil.", with_scene(style="oil painting"), 1),
        ("Pnigeun.", with_scene(objects=[{"name": "penguin"}], intended="penguin"), 0),
    ],
)
def test_words_and_scene_are_compared(text: str, attributes: dict[str, JsonValue], missing: int) -> None:
    scene = parse_scene(attributes)
    assert scene is not None
    assert len(scene_mismatches(text, scene)) == missing
