"""The suite that ships: categories and counts, attributes in step with the words, nobody else's prompts."""

import re
from collections import Counter

import pytest

from evaluation.suites import BUNDLED, bundled_suite, parse_scene, recognise
from evaluation.suites.identity import loose_key
from evaluation.suites.scene import scene_mismatches
from evaluation.suites.types import PromptData
from tests.suites.published import needs_published, published_rows

COUNTS = {
    "Reddit": 38, "Colors": 25, "Text": 21, "DALL-E": 20, "Descriptions": 20, "Positional": 20, "Counting": 19,
    "Conflicting": 10, "Gary Marcus et al.": 10, "Misspellings": 10, "Rare Words": 7,
}  # fmt: skip
PROMPTS = bundled_suite().prompts


def in_category(category: str) -> list[PromptData]:
    return [prompt for prompt in PROMPTS if prompt.category == category]


def test_has_drawbench_s_categories_and_counts_and_is_recognised() -> None:
    suite = bundled_suite()
    assert suite.categories == COUNTS
    known = recognise(suite)
    assert known is not None and known.name == "drawbench-cc0" and known.categories == COUNTS
    assert BUNDLED["drawbench-cc0"].with_name("LICENSE-CC0.txt").read_text().count("CC0") >= 2


def test_no_prompt_twice_not_even_with_other_marks_or_case() -> None:
    keys = Counter(loose_key(prompt.text) for prompt in PROMPTS)
    assert [key for key, n in keys.items() if n > 1] == []


@needs_published
def test_no_prompt_is_or_resembles_a_published_one() -> None:
    """Words in common over words in either: a rewording of a published row comes out at 0.6 and more."""

    def words(text: str) -> set[str]:
        return set(re.findall(r"\w+", text.lower()))

    published = [words(text) for text, _ in published_rows()]
    assert (
        max(len(own & row) / len(own | row) for own in map(words, (p.text for p in PROMPTS)) for row in published) < 0.5
    )


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: str(prompt.number))
def test_attributes_fit_the_schema_and_say_what_the_prompt_says(prompt: PromptData) -> None:
    scene = parse_scene(prompt.attributes)
    assert scene is not None
    assert scene_mismatches(prompt.text, scene) == []
    assert scene.objects or scene.text or scene.intended or scene.style


def test_each_category_can_be_checked_for_what_it_is_for() -> None:
    scenes = {prompt.number: scene for prompt in PROMPTS if (scene := parse_scene(prompt.attributes))}
    assert all(any(o.colour for o in scenes[p.number].objects) for p in in_category("Colors"))
    assert all(any(o.count for o in scenes[p.number].objects) for p in in_category("Counting"))
    assert all(scenes[p.number].relations for p in in_category("Positional"))
    assert all(len(scenes[p.number].text) == 1 for p in in_category("Text"))
    for category in ("Descriptions", "Misspellings", "Rare Words"):
        assert all(scenes[p.number].intended for p in in_category(category)), category
    for category in ("Conflicting", "DALL-E", "Gary Marcus et al."):
        assert all(scenes[p.number].objects for p in in_category(category)), category


def test_descriptions_do_not_give_the_thing_away() -> None:
    for prompt in in_category("Descriptions"):
        assert str(prompt.attributes["intended"]) not in prompt.text.lower().split()


def test_colours_are_swapped_between_the_same_things() -> None:
    """A model that only knows which words occur together draws both of a swapped pair alike."""
    bags = Counter(frozenset(re.findall(r"\w+", prompt.text.lower())) for prompt in in_category("Colors"))
    assert sum(n == 2 for n in bags.values()) >= 4


@pytest.mark.parametrize("name", BUNDLED)
def test_every_suite_that_ships_is_recognised_with_its_licence(name: str) -> None:
    suite = bundled_suite(name)
    known = recognise(suite)
    assert known is not None and (known.name, known.licence) == (name, "CC0-1.0")
    assert known.categories == Counter(prompt.category for prompt in suite.prompts)
