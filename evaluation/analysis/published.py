"""The page of the documentation on Imagen's published figures, written by the auditor.

``python -m evaluation.analysis.published`` prints it; a test holds docs/published-figures.md to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluation.analysis.audit import audit


@dataclass(frozen=True)
class Published:
    """A figure of Saharia et al. (2022), table 2, in percent, with what the paper tells of its ratings."""

    what: str
    estimate: float
    half_width: float
    n: int | None
    n_words: str
    levels: tuple[float, ...]
    ratings_per_image: int


CHOICE, SCALE = (0.0, 100.0), (0.0, 50.0, 100.0)
FIGURES = (
    Published("photorealism", 39.5, 0.75, 14600, "73 ratings of each of 200 images", CHOICE, 73),
    Published("photorealism, captions without people", 43.9, 1.01, None, "73 ratings of each image", CHOICE, 73),
    Published("alignment", 91.4, 0.44, 10200, "51 ratings of each of 200 images", SCALE, 51),
    Published("alignment of the reference photos", 91.9, 0.42, 10200, "51 ratings of each of 200", SCALE, 51),
    Published("alignment, captions without people", 92.1, 0.55, None, "51 ratings of each image", SCALE, 51),
    Published("alignment of the photos, without people", 92.2, 0.54, None, "51 ratings of each photo", SCALE, 51),
)

HEAD = """# What Imagen's published figures can be

Written by the auditor (`evaluation/analysis/audit.py`); do not edit by hand. `python -m evaluation.analysis.published`
prints this page, and a test holds it to that.

Saharia et al. (2022), table 2, print estimates "+-" something, without saying what. Each reading below takes that as a
multiple of a standard error of independent ratings and asks which spread of single ratings it would need, and whether
scores with that mean can have it. A choice of two (photorealism) has exactly one spread; yes, somewhat, no scored 100,
50, 0 (alignment) has a range. A design effect is the variance over that of independent ratings: above 1 would be an
allowance for raters or prompts that ratings share, below 1 leaves part of the spread out.
"""

TAIL = """## What follows

* No figure can be a standard error of independent ratings: alignment would need a spread of 44.4 where at most 28.0 is
  possible. As a standard error that allows for clusters it would need a design effect of 2.5 or more, and the paper
  mentions none.
* As 95 % intervals of pooled, independent ratings all of them fit, photorealism nearly: 0.75 is 5 % narrower than the
  0.793 that 14,600 independent choices give, as if some of the spread (between images, say) had been left out.
* 90 % would need nearly all alignment answers to be yes or no, hardly ever somewhat; 99 % is impossible.
* For captions without people, independent 95 % intervals ask for about 127 images at 73 ratings each.

So the intervals take ratings as independent. With raters and prompts shared as in such studies, intervals of that
kind cover far less than 95 % (see [statistics](statistics.md)); the honest ones are wider.
"""


def page() -> str:
    """The whole page, as Markdown."""
    parts = [HEAD]
    for figure in FIGURES:
        found = audit(figure.estimate, figure.half_width, n=figure.n, levels=figure.levels)
        parts.append(f"## {figure.estimate} +- {figure.half_width}: {figure.what}\n")
        parts.append(f"Known: {figure.n_words}.\n")
        lines = [f"* {sentence}" for sentence in found.in_words()]
        if figure.n is None:
            low, high = found.reading("95% interval").n_independent
            images = math.ceil(low / figure.ratings_per_image), math.floor(high / figure.ratings_per_image)
            lines.append(f"* 95 % of independent ratings would mean {images[0]} to {images[1]} images.")
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, TAIL])


if __name__ == "__main__":
    print(page(), end="")
