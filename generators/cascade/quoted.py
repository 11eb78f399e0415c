"""Characters that a prompt quotes, as token states of their own beside the encoder's.

An encoder of word pieces does not know how a word is spelled, and a picture of a sign wants its letters. Liu et al.
2022 ("Character-aware models improve visual text rendering", arXiv 2212.10562) put ByT5's states beside T5's; here each
quoted character has a fixed code, the same for every cascade: nothing is learned in it, what it means is learned by the
stage.
"""

from __future__ import annotations

import re
from functools import lru_cache

import torch
from torch import Tensor

QUOTED = re.compile(r"(?<!\w)(?:'(?P<a>[^']+)'|\"(?P<b>[^\"]+)\"|‘(?P<c>[^’]+)’|“(?P<d>[^”]+)”)(?!\w)")
CHARACTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
OTHER = len(CHARACTERS)
PLACES = 64
"""Places from the beginning and from the end that have codes of their own."""


def quoted_text(prompt: str) -> str:
    """What stands in the prompt's quotation marks, several pieces with blanks between them; "" for nothing."""
    return " ".join(next(piece for piece in match.groups() if piece) for match in QUOTED.finditer(prompt))


def quoted_states(prompt: str, width: int, limit: int) -> Tensor:
    """One row for each of the first `limit` quoted characters, (n, width), values of unit variance.

    A row is the sum of four codes: the character, its place from the beginning, from the end, and how many there are.
    """
    text = quoted_text(prompt)[:limit]
    count = len(text)
    if not count:
        return torch.zeros(0, width)
    letters, first, last, lengths = _codes(width)
    places = torch.arange(count).clamp(max=PLACES - 1)
    numbers = torch.tensor([index if (index := CHARACTERS.find(letter)) >= 0 else OTHER for letter in text])
    rows = letters[numbers] + first[places] + last[places.flip(0)] + lengths[min(count, PLACES - 1)]
    return rows / 2


@lru_cache(maxsize=4)
def _codes(width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(62)
    draw = [torch.randn(rows, width, generator=random) for rows in (len(CHARACTERS) + 1, PLACES, PLACES, PLACES)]
    return draw[0], draw[1], draw[2], draw[3]
