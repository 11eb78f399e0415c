"""Token states of many captions, encoded once and kept in half precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.files import whole_file
from common.hashes import hash_of
from generators.cascade.blocks import TextStates
from generators.cascade.configs import TextConfig
from generators.cascade.text import load_encoder

CHUNK = 256


ROOM = 0.25
"""Share of a GPU's free memory that captions may take there."""


class CaptionCache:
    """Ragged token states: `tokens` (all tokens, width) float16, caption i from `starts[i]` to `starts[i + 1]`."""

    def __init__(self, tokens: NDArray[np.float16], starts: NDArray[np.int64]) -> None:
        self.tokens = tokens
        self.starts = starts
        self._there: tuple[Tensor, Tensor] | None = None

    def on(self, device: torch.device | str) -> CaptionCache:
        """The same with a copy on a GPU, where batches are put together then; unchanged where there is no room."""
        where = torch.device(device)
        if where.type == "cuda" and self.tokens.nbytes > ROOM * torch.cuda.mem_get_info(where)[0]:
            return self
        copy = CaptionCache(self.tokens, self.starts)
        copy._there = torch.from_numpy(self.tokens).to(where), torch.from_numpy(self.starts).to(where)
        return copy

    def subset(self, rows: Sequence[int]) -> CaptionCache:
        """The states of some captions alone, in that order."""
        pieces = [self.tokens[self.starts[row] : self.starts[row + 1]] for row in rows]
        starts = np.concatenate(([0], np.cumsum([len(piece) for piece in pieces])))
        return CaptionCache(np.concatenate(pieces), starts)

    def batch(self, rows: Sequence[int]) -> TextStates:
        """The states of some captions, float32, padded to the longest of them."""
        if self._there is not None:
            return _gathered(*self._there, rows)
        lengths = [int(self.starts[row + 1] - self.starts[row]) for row in rows]
        tokens = np.zeros((len(rows), max(lengths), self.tokens.shape[1]), dtype=np.float32)
        mask = np.zeros(tokens.shape[:2], dtype=bool)
        for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            tokens[index, :length] = self.tokens[self.starts[row] : self.starts[row] + length]
            mask[index, :length] = True
        return TextStates(torch.from_numpy(tokens), torch.from_numpy(mask))


def _gathered(tokens: Tensor, starts: Tensor, rows: Sequence[int]) -> TextStates:
    chosen = torch.tensor(rows, device=starts.device)
    first, lengths = starts[chosen], starts[chosen + 1] - starts[chosen]
    steps = torch.arange(int(lengths.max()), device=starts.device)
    mask = steps < lengths[:, None]
    states = tokens[(first[:, None] + steps).clamp(max=len(tokens) - 1)].float()
    return TextStates(states.masked_fill_(~mask[..., None], 0.0), mask)


def load_captions(
    captions: Sequence[str],
    config: TextConfig,
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
    *,
    device: torch.device | str = "cpu",
) -> CaptionCache:
    """The captions' states, from `folder` where they were encoded before, else encoded on `device` and written."""
    name = hash_of([config.encoder, config.max_tokens, config.quoted, list(captions)], spaced=True)[:16]
    path = folder / f"captions-{name}.npz"
    if path.is_file():
        with np.load(path) as held:
            return CaptionCache(held["tokens"], held["starts"])
    encoder = load_encoder(config, device=str(device), cached=False)
    pieces: list[NDArray[np.float16]] = []
    starts = [0]
    for first in range(0, len(captions), CHUNK):
        states = encoder.encode(captions[first : first + CHUNK]).states
        # To the CPU by the chunk: a hundred thousand captions one by one would wait for the GPU as often.
        for tokens, mask in zip(states.tokens.half().cpu().numpy(), states.mask.cpu().numpy(), strict=True):
            kept = tokens[mask]
            pieces.append(kept)
            starts.append(starts[-1] + len(kept))
        if first // CHUNK % 16 == 15 or first + CHUNK >= len(captions):
            report(f"captions encoded: {min(first + CHUNK, len(captions))} of {len(captions)}")
    cache = CaptionCache(np.concatenate(pieces), np.array(starts, dtype=np.int64))
    with whole_file(path) as file:
        np.savez(file, tokens=cache.tokens, starts=cache.starts)
    return cache
