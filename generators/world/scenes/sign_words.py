"""What is written on signs: words of one to ten characters, two or three now and then, numbers, letters by chance."""

from __future__ import annotations

from pathlib import Path

from generators.world.scenes.phrases import Chance

MAX_CHARACTERS = 10
"""Of one word; so it fills one line."""

WORDS = tuple(Path(__file__).with_name("sign_words.txt").read_text(encoding="utf-8").split())
"""Common English words; those that fall to `held_out_text` are never drawn in training."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def sign_text(chance: Chance) -> str:
    """Words as signs have them: OPEN, Good Day, 42, or letters by chance, so that spelling must be looked at."""
    draw = chance.rng.random()
    if draw < 0.12:
        length = 1 + chance.below(6)
        return "".join(chance.one(LETTERS) for _ in range(length))
    if draw < 0.18:
        return str(chance.below(10 ** (1 + chance.below(4))))
    number = 1 if draw < 0.75 else 2 if draw < 0.95 else 3
    words = [chance.one(WORDS) for _ in range(number)]
    style = chance.rng.random()
    if style < 0.45:
        return " ".join(words).upper()
    if style < 0.85:
        return " ".join(word.capitalize() for word in words)
    return " ".join(words)
