"""The byte-level T5 of our own: what it is given, and that its folder is read as any encoder's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generators.cascade.text import load_encoder
from generators.training import byte_t5
from generators.training.byte_t5 import BYTES, CONFIG, END, LONGEST, MARKS, corrupt, texts, train_byte_t5


@given(st.text(min_size=1, max_size=200), st.integers(0, 1000))
def test_spans_put_back_give_the_text(text: str, seed: int) -> None:
    made = corrupt(text, np.random.default_rng(seed))
    spans: dict[int, list[int]] = {}
    for token in made.wanted[:-1]:
        if token >= MARKS:
            spans[token] = []
            last = token
        else:
            spans[last].append(token)
    whole: list[int] = []
    for token in made.given[:-1]:
        whole += spans.pop(token) if token >= MARKS else [token]
    assert not spans
    assert bytes(token - BYTES for token in whole) == text.encode()[: LONGEST - 1]
    assert made.given[-1] == made.wanted[-1] == END


def test_about_a_fifth_is_cut_out_in_spans() -> None:
    rng = np.random.default_rng(0)
    made = [corrupt("a" * 100, rng) for _ in range(20)]
    assert {sum(token < MARKS for token in one.wanted) for one in made} == {21}  # twenty bytes and the end
    assert {sum(token >= MARKS for token in one.given) for one in made} == {4}
    with pytest.raises(ValueError, match="empty"):
        corrupt("", rng)


def test_texts_are_captions_and_definitions() -> None:
    found = texts(np.random.default_rng(0), ("cat", "dog", "apple"), 200)
    assert sum(byte_t5.CONCEPTS[name].gloss in found for name in ("cat", "dog", "apple")) >= 2
    assert sum(any(word in text.lower() for word in ("cat", "dog", "apple")) for text in found) > 100


def test_what_it_writes_is_read_as_any_encoder(tmp_path: Path) -> None:
    measured = train_byte_t5(tmp_path, ("cat", "dog"), minutes=1e-4, batch=2, layers=1, report=lambda line: None)
    assert measured["steps"] >= 1
    assert 0 <= measured["right"] <= 1
    encoder = load_encoder(CONFIG, folder=str(tmp_path), cached=False)
    states = encoder.encode(["a cat", "a sign"]).states
    assert states.tokens.shape == (2, 7, CONFIG.width)
    assert states.mask.sum(1).tolist() == [6, 7]
    assert torch.isfinite(states.tokens).all()


@pytest.mark.parametrize("wrong", [["--minutes", "0"], ["--batch", "0"]])
def test_the_command_refuses_no_budget(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert byte_t5.main(wrong) == 2
    assert "must be more than 0" in capsys.readouterr().err
