"""Words that the weights were never taught, from the folder's list to the image's provenance."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators.cascade.generator import BUNDLED, load_cascade
from generators.cascade.seen_words import WORDS, read_words, unseen_words, words_of, write_words
from generators.cascade.spec import SPEC
from generators.contract import GeneratorError, ImageRequest
from generators.prompt_notes import prompt_notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red colored car.", ["a", "red", "colored", "car"]),
        ("A dog's hat, a dog’s hat", ["a", "dog", "hat"]),
        ("A sign that says 'Deep Sea' or \"Penguin\".", ["a", "sign", "that", "says", "or"]),
        ("Two T-shirts and 3 cats", ["two", "t-shirts", "and", "cats"]),
        ("Ein grüner Apfel", ["ein", "grüner", "apfel"]),
        ("", []),
    ],
)
def test_words_are_what_is_said_and_not_what_is_to_be_written(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_word_of_two_parts_is_seen_where_both_are() -> None:
    assert unseen_words("A sky-blue blue-footed bird", frozenset({"a", "sky", "blue", "bird"})) == ["blue-footed"]


def test_words_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    assert read_words(tmp_path) is None
    assert write_words(tmp_path, ["A red car.", "a cat"]) == 4
    assert write_words(tmp_path, ["A dog"]) == 5
    assert read_words(tmp_path) == frozenset({"a", "car", "cat", "dog", "red"})
    (tmp_path / WORDS).write_bytes(b"\xff")
    with pytest.raises(GeneratorError, match=r"words\.txt"):
        read_words(tmp_path)


def test_both_bundled_cascades_say_what_they_know() -> None:
    plain, wider = read_words(BUNDLED), read_words(BUNDLED / "wider")
    assert plain is not None and wider is not None and plain < wider
    assert unseen_words("Two giraffes beside a red car", plain) == ["giraffes"]
    assert unseen_words("Two giraffes beside a red car", wider) == []
    assert unseen_words("A penguin riding a motorbike", wider) == ["riding", "motorbike"]


def test_an_image_says_which_words_were_never_seen() -> None:
    generator = load_cascade(SPEC.resolve({"steps": 1}), size=64, device="cpu")
    prompts = ("A penguin riding a car", "A red car")
    asked = [ImageRequest(str(n), f"{n:05d}", prompt, 0, 0) for n, prompt in enumerate(prompts)]
    strange, known = (result.provenance for result in generator.generate(asked))
    assert strange["prompt_words_unseen"] == "penguin, riding"
    assert prompt_notes(strange) == ["Not in the training's captions: penguin, riding."]
    assert prompt_notes(known) == []


def test_every_loss_of_a_prompt_is_told() -> None:
    told = prompt_notes({"prompt_text_cut": "and a cat", "prompt_tokens_unknown": 2, "seed": 7})
    assert len(told) == 2 and "“and a cat”" in told[0] and "2 pieces" in told[1]
