"""Quoted characters as token states of their own."""

import pytest
import torch

from generators.cascade.configs import MINILM
from generators.cascade.quoted import quoted_states, quoted_text
from generators.cascade.text import load_encoder


@pytest.mark.parametrize(
    ("prompt", "quoted"),
    [
        ("A sign that says 'Deep Learning'.", "Deep Learning"),
        ('"OPEN" written on a storefront', "OPEN"),
        ("“42” printed on a t-shirt", "42"),
        ("‘a’ beside 'b'", "a b"),
        ("a dog's hat in the cats' house", ""),
        ("it's the dog's 'Bone'", "Bone"),
        ("''", ""),
        ("a red car", ""),
    ],
)
def test_what_is_quoted(prompt: str, quoted: str) -> None:
    assert quoted_text(prompt) == quoted


def test_a_row_tells_the_character_and_its_place() -> None:
    same, turned = quoted_states("'ab'", 384, 9), quoted_states("'ba'", 384, 9)
    assert same.shape == (2, 384)
    assert torch.equal(same, quoted_states('"ab" on a cake', 384, 9))
    assert not torch.allclose(same[0], turned[1])  # the same letter elsewhere
    assert torch.allclose(same.sum(0), turned.sum(0), atol=1e-5)  # the same letters, the same places
    assert float(quoted_states("'" + "xyz" * 20 + "'", 384, 60).std()) == pytest.approx(1, abs=0.05)
    assert len(quoted_states("'abcdef'", 384, 4)) == 4
    assert torch.isfinite(quoted_states("'\N{SNOWMAN}é'", 384, 4)).all()


def test_states_follow_those_of_the_prompt() -> None:
    encoder = load_encoder(MINILM)
    prompts = ["a sign that says 'HI'", "a cat", "'x'"]
    both = encoder.encode(prompts).states
    for row, prompt in enumerate(prompts):
        alone = encoder.encode([prompt]).states
        length = int(both.mask[row].sum())
        assert bool(both.mask[row, :length].all())
        assert torch.allclose(both.tokens[row, :length], alone.tokens[0], atol=1e-4)
        assert not bool(both.tokens[row, length:].any())
    extra = quoted_states(prompts[0], MINILM.width, MINILM.quoted)
    length = int(both.mask[0].sum())
    assert torch.equal(both.tokens[0, length - 2 : length], extra)
