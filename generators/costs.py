"""What images cost, where a service asks money for them: the keys of provenance, and a limit that is kept while
drawing.

All sums are US dollars, as the services' price lists have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.numbers import number_or_none
from common.words import counted
from generators.contract import GeneratorInfo

COST = "cost_usd"
"""Key of an `ImageResult`'s provenance: what this request cost, with or without an image."""


def cost_of(provenance: Mapping[str, object]) -> float:
    """What a request cost by its provenance; 0 where nothing is said."""
    said = number_or_none(provenance.get(COST))
    return max(0.0, float(said)) if said is not None else 0.0


def usd(amount: float) -> str:
    """A sum for people: "$12.30", "$0.25", "$0.0040"."""
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}".removesuffix("00")


def estimate_in_words(n_images: int, info: GeneratorInfo) -> str:
    """What `n_images` are expected to cost, "" where the generator names no price."""
    if info.image_usd is None or not n_images:
        return ""
    return f"{counted(n_images, 'image')} at about {usd(info.image_usd)} each: about {usd(n_images * info.image_usd)}"


@dataclass(slots=True)
class Purse:
    """A limit on what is spent. `limit`: dollars, None for none. `spent`: so far."""

    limit: float | None = None
    spent: float = 0.0

    def affordable(self, n_images: int, image_usd: float | None) -> int:
        """How many of `n_images` may be asked for at about `image_usd` each without passing the limit."""
        if self.limit is None:
            return n_images
        left = self.limit - self.spent
        if left <= 0:
            return 0
        if not image_usd:
            return n_images
        return min(n_images, int(left / image_usd + 1e-9))
