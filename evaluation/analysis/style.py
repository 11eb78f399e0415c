"""How much of a preference goes with style: a decomposition beside the total, and no correction of it.

Style (brightness, saturation, sharpness, aspect, text in the image) is made by the generator. It stands between the
generator and the vote, so what goes with it belongs to the generator as much as the rest; the net share stays what it
is. For the votes y (+1, 0, -1) of pair q on prompts p, with x the difference of the two images' styles, each in units
of its own root mean square (a pair's order is arbitrary, and so are the signs),

    y = a_q + sum_k b_k x_k + error,     net_q = a_q + sum_k b_k mean_q(x_k),

by least squares with a constant a_q for each pair: b comes from how votes on one pair vary with style from prompt to
prompt, never from pairs that differ in style. The style part of a pair is sum_k b_k mean_q(x_k), the rest is a_q. Their
errors are two-way, over raters and prompts (Cameron, Gelbach and Miller 2011), from each vote's influence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.classic import two_sided_p
from evaluation.analysis.columns import RatingsError, codes_of, listed, main_ratings
from evaluation.analysis.crossed import check_between, quantile
from evaluation.analysis.frame import SET
from evaluation.analysis.results import Document, document
from evaluation.analysis.votes_columns import is_vote_heading
from evaluation.analysis.votes_files import open_votes

Float = npt.NDArray[np.float64]
ONE_PAIR = "There is one pair, so style is told only by how its votes vary with style from prompt to prompt."
SAID = (
    "Style is made by the generator: this says how much of a preference goes with it, and corrects nothing. Prompts"
    " whose images differ in style may differ in other ways too."
)


@dataclass(frozen=True)
class Part:
    """A part of a net share with its two-way interval; bounds are None where there is one rater or prompt."""

    estimate: float
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """What one ``unit`` more of a style adds to the net share (``slope``), all other styles alike. ``unit``: the root
    mean square of the differences between the images of a pair.
    """

    name: str
    unit: float
    slope: Part
    p_value: float | None


@dataclass(frozen=True)
class PairStyle:
    """One pair: ``net`` = ``style`` + ``rest``. ``by_style``: the style part by name. ``lead``: by how many units the
    first generator's images are ahead on average, by name.
    """

    generator_a: str
    generator_b: str
    n_votes: int
    net: Part
    style: Part
    rest: Part
    by_style: dict[str, Part]
    lead: dict[str, float]


@dataclass(frozen=True)
class StyleParts:
    """One question's decomposition. ``n_left_out``: votes on images without a style. ``notes``: what to bear in mind.
    ``why``: what forbids one.
    """

    question: str
    effects: tuple[Effect, ...]
    pairs: tuple[PairStyle, ...]
    n_left_out: int
    level: float
    notes: tuple[str, ...]
    why: str | None = None

    def to_dict(self) -> Document:
        return document(self.__dict__)


def read_styles(path: str | Path) -> pd.DataFrame:
    """Styles of images: columns ``prompt_id, generator`` (and ``set``), and a column of numbers for each style.

    Raises:
        RatingsError: a column is missing, a cell is no number, or an image stands twice.
    """
    file = open_votes(Path(path), is_vote_heading)
    key = [name for name in ("prompt_id", "generator", SET) if name in file.columns]
    styles = [name for name in file.columns if name not in key]
    if key[:2] != ["prompt_id", "generator"] or not styles:
        raise RatingsError(
            f"{file.source} must have the columns prompt_id, generator and one for each style; found are"
            f" {listed(file.columns)}."
        )
    rows = []
    for record in file.records:
        row: dict[str, object] = {name: record.cells.get(name, "").strip() for name in key}
        for name in styles:
            text = record.cells.get(name, "").strip().lower()
            text = {"true": "1", "yes": "1", "false": "0", "no": "0"}.get(text, text)
            value = pd.to_numeric(text.replace(",", ".") if file.comma_decimals else text, errors="coerce")
            if text and not np.isfinite(value):
                raise RatingsError(f"{file.source}, {record.place}, column {name}: {text!r} is no number.")
            row[name] = float(value)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[*key, *styles])
    again = np.flatnonzero(frame.duplicated(key).to_numpy())
    if len(again):
        place = file.records[int(again[0])].place
        raise RatingsError(f"{file.source}, {place}: this image stands twice. Give each prompt and generator one row.")
    return frame


def style_parts(
    valid: pd.DataFrame, styles: pd.DataFrame, *, names: Sequence[str] = (), level: float = 0.95
) -> tuple[StyleParts, ...]:
    """The decomposition of every question.

    Args:
        valid: validated ratings; control trials and repeats are left out.
        styles: as from ``read_styles``. names: which styles; all columns of numbers unless given.

    Raises:
        RatingsError: a style is not there.
    """
    check_between(level, "confidence level")
    key = [name for name in ("prompt_id", "generator", SET) if name in styles and (name != SET or SET in valid)]
    names = list(names) or [name for name in styles.columns if name not in ("prompt_id", "generator", SET)]
    missing = [name for name in names if name not in styles]
    if missing:
        raise RatingsError(f"There is no style {listed(missing)}; there are {listed(list(map(str, styles.columns)))}.")
    table = styles.astype(dict.fromkeys(key, str)).drop_duplicates(key).set_index(key)[list(names)].astype(float)
    frame = main_ratings(valid)
    sides = []
    for side in ("generator_a", "generator_b"):
        wanted = [frame[side if name == "generator" else name].astype(str) for name in key]
        sides.append(table.reindex(pd.MultiIndex.from_arrays(wanted)).to_numpy(dtype=float))
    x = sides[0] - sides[1]
    questions = frame["question"].astype(str).to_numpy()
    return tuple(
        _of_question(question, frame[questions == question], x[questions == question], list(map(str, names)), level)
        for question in sorted(set(questions))
    )


def _of_question(question: str, frame: pd.DataFrame, x: Float, names: list[str], level: float) -> StyleParts:
    known = np.isfinite(x).all(axis=1)
    frame, x, n_out = frame[known], x[known], int((~known).sum())

    def absent(why: str) -> StyleParts:
        return StyleParts(question, (), (), n_out, level, (SAID,), why)

    if not len(frame):
        return absent("no image that was voted on has a style")
    y = 1.0 - codes_of(frame["choice"])
    pair = np.unique(
        codes_of(frame["generator_a"]).astype(np.int64) * 2**20 + codes_of(frame["generator_b"]), return_inverse=True
    )[1]
    size = np.bincount(pair).astype(float)
    unit = np.sqrt((x**2).mean(axis=0))
    steady = [name for name, each in zip(names, unit, strict=True) if each < 1e-12]
    kept = unit >= 1e-12
    if not kept.any():
        return absent("no style differs between the images of a pair")
    x, unit, names = x[:, kept] / unit[kept], unit[kept], [name for name, yes in zip(names, kept, strict=True) if yes]
    mean_y = np.bincount(pair, weights=y) / size
    mean_x = np.stack([np.bincount(pair, weights=each) / size for each in x.T], axis=1)
    within = x - mean_x[pair]
    gram = within.T @ within
    if np.linalg.matrix_rank(gram, tol=1e-8 * len(x)) < len(names):
        return absent("within pairs the styles do not vary, or not apart from each other, so nothing tells their parts")
    inverse = np.linalg.inv(gram)
    slope = inverse @ (within.T @ (y - mean_y[pair]))
    residual = y - mean_y[pair] - within @ slope
    of_slope = (within * residual[:, None]) @ inverse  # (n, K): each vote's influence on the slopes
    errors = _Errors(codes_of(frame["rater_id"]), codes_of(frame["prompt_id"]), level)
    effects = []
    for at, name in enumerate(names):
        part = errors.part(float(slope[at]), of_slope[:, at])
        p = None if part.se is None else two_sided_p(part.estimate, part.se, errors.df)
        effects.append(Effect(name, float(unit[at]), part, p))
    pairs = []
    for q in range(len(size)):
        own = (pair == q) / size[q]
        of_mean = own[:, None] * (x - mean_x[q])
        by_name = of_slope * mean_x[q] + of_mean * slope
        of_net = own * (y - mean_y[q])
        first = frame.iloc[int(np.argmax(pair == q))]
        style = by_name.sum(axis=1)
        pairs.append(
            PairStyle(
                str(first["generator_a"]),
                str(first["generator_b"]),
                int(size[q]),
                errors.part(float(mean_y[q]), of_net),
                errors.part(float(slope @ mean_x[q]), style),
                errors.part(float(mean_y[q] - slope @ mean_x[q]), of_net - style),
                {name: errors.part(float(slope[at] * mean_x[q, at]), by_name[:, at]) for at, name in enumerate(names)},
                {name: float(mean_x[q, at]) for at, name in enumerate(names)},
            )
        )
    notes = [SAID, *([ONE_PAIR] if len(size) == 1 else [])]
    if steady:
        notes.append(f"Left out, since it is the same in both images of every pair: {listed(steady)}.")
    return StyleParts(question, tuple(effects), tuple(pairs), n_out, level, tuple(notes))


class _Errors:
    """Two-way errors of sums of votes' influences, over raters and prompts."""

    def __init__(
        self, rater: npt.NDArray[np.signedinteger], prompt: npt.NDArray[np.signedinteger], level: float
    ) -> None:
        self.clusters = [np.unique(each, return_inverse=True)[1] for each in (rater, prompt)]
        wide = self.clusters[0].astype(np.int64) * (int(self.clusters[1].max()) + 1) + self.clusters[1]
        self.clusters.append(np.unique(wide, return_inverse=True)[1])
        self.level = level
        self.df = min(int(each.max()) for each in self.clusters[:2])

    def part(self, estimate: float, influence: Float) -> Part:
        if self.df < 1:
            return Part(estimate, None, None, None)
        terms = []
        for cluster in self.clusters:
            n = int(cluster.max()) + 1
            terms.append(float((np.bincount(cluster, weights=influence) ** 2).sum()) * n / (n - 1))
        se = math.sqrt(max(terms[0] + terms[1] - terms[2], terms[0], terms[1]))
        half = quantile(self.level, self.df) * se
        return Part(estimate, se, estimate - half, estimate + half)
