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

The auditor (`evaluation/analysis/audit.py`) writes this page; do not edit it by hand.
`python -m evaluation.analysis.published` prints it, and a test compares the two.

Table 2 of Saharia et al. (2022) prints estimates "+-" a number, without saying what that number is. Each reading below
takes it as a multiple of a standard error of independent ratings. It then asks which spread single ratings would need,
and whether scores with that mean can have it.

* Photorealism is a choice of two, which has exactly one spread.
* Alignment scores yes, somewhat, no as 100, 50, 0, which allows a range of spreads.
* A design effect is the variance divided by that of independent ratings. Above 1, the interval allows for raters or
  prompts that ratings share. Below 1, it leaves out part of the spread.
"""

TAIL = """## Conclusions

* **Standard errors**: no figure can be a standard error of independent ratings. Alignment would need a spread of 44.4,
  but at most 28.0 is possible. A standard error that allows for clusters would need a design effect of 2.5 or more,
  and the paper mentions none.
* **95 % intervals** of pooled, independent ratings fit all figures, photorealism nearly. There, 0.75 is 5 % narrower
  than the 0.793 that 14,600 independent choices give, as if some of the spread (between images, say) had been left
  out.
* **90 % intervals** would need nearly all alignment answers to be yes or no, and hardly any to be somewhat.
* **99 % intervals** are impossible.
* **Captions without people**: independent 95 % intervals would mean about 127 images at 73 ratings each.

So the intervals take ratings as independent. Where ratings share raters and prompts, as in such studies, intervals of
this kind cover far less than 95 % ([Statistics](statistics.md#how-far-the-intervals-hold)). Honest intervals are wider.
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
            lines.append(f"* A 95 % interval of independent ratings would mean {images[0]} to {images[1]} images.")
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, TAIL])


if __name__ == "__main__":
    print(page(), end="")
