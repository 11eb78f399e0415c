"""How far automatic scores agree with raters: per rating, per category and over prompts, beside the raters themselves.

For a comparison of A and B on a prompt, a score says A where its difference is above a threshold, B where it is below
the negative of it, and indifferent between. Every rating of the prompt is held against that one word:

* **accuracy**: the share of ratings that say the same, indifferent answers included (acc_eq of Deutsch, Foster and
  Freitag 2023, "Ties Matter"). The threshold is the one with the highest accuracy on the *other* prompts, so that a
  score gains nothing by being fitted to the ratings that it is held against.
* **decided**: the share of decided ratings on whose side the sign of the difference is; no difference counts half.
  0.5 is what a coin has. A secondary figure, as all that leave indifferent answers out.

A score is common to all raters of a prompt, and raters come back on many prompts: intervals are those of any mean, by
the one rule (``mean_scores``).
Beside them stand the raters: a rater against the majority of the others (``majority``), and against one other rater
(``another``), on the same ratings. A score cannot be expected to do better than the first.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.automatic_results import (
    AutomaticAgreement,
    ComparisonAgreement,
    Disagreement,
    MetricAgreement,
    MetricDifference,
    RaterAgreement,
)
from evaluation.analysis.automatic_scores import (
    image_sets,
    match_scores,
    metric_directions,
    score_differences,
    validate_automatic_scores,
)
from evaluation.analysis.classic import holm
from evaluation.analysis.columns import codes_of
from evaluation.analysis.crossed import (
    check_between,
)
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, check_estimand
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.mean_scores import Scores
from evaluation.analysis.rank_correlation import kendall_tau_b
from evaluation.analysis.rater_ceiling import agreement_of_raters
from evaluation.analysis.scale import NET_ENDS, SHARE_ENDS, Ends

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
FOLDS = 100  # up to so many prompts each is left out alone when the threshold is chosen
SHOWN = 20  # prompts of greatest disagreement that are listed


def automatic_agreement(
    ratings: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    aggregate: str = "mean",
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> AutomaticAgreement:
    """Hold every automatic score of ``scores`` against the ``ratings``, comparison by comparison.

    Args:
        ratings: in the form of the ratings file; control trials are left out.
        scores: in the form of the scores file (see ``automatic_scores``).
        aggregate: how the scores of an image set become one, a name of ``automatic_scores.AGGREGATES``.
        estimand, level: as for ``summary.analyse``.

    Raises:
        RatingsError: ratings or scores are not in their form, or do not belong together.
        ValueError: ``aggregate``, ``estimand`` or ``level`` is not one of those allowed.
    """
    ratings, scores = validate_ratings(ratings), validate_automatic_scores(scores)
    return automatic_agreement_valid(ratings, scores, aggregate=aggregate, estimand=estimand, level=level)


def automatic_agreement_valid(
    ratings: pd.DataFrame, scores: pd.DataFrame, *, aggregate: str, estimand: str, level: float
) -> AutomaticAgreement:
    """``automatic_agreement`` of frames that were validated, which are not checked again."""
    check_estimand(estimand)
    check_between(level, "confidence level")
    frame, notes = match_scores(ratings, scores)
    sets, directions = image_sets(scores, aggregate), metric_directions(scores)
    found = []
    keys = ["generator_a", "generator_b", "question"]
    for (first, second, question), part in frame.groupby(keys, observed=True, sort=True):
        table = score_differences(sets, directions, str(first), str(second))
        found.append(agreement_of_panel(part, table, (str(first), str(second), str(question)), estimand, level))
    simulated = int(frame["simulated"].sum())
    return AutomaticAgreement(tuple(found), aggregate, estimand, level, simulated, notes)


def agreement_of_panel(
    part: pd.DataFrame,
    table: pd.DataFrame,
    names: tuple[str, str, str] = ("a", "b", ""),
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> ComparisonAgreement:
    """One comparison: ``part`` holds its validated ratings, ``table`` the differences of scores
    (``score_differences``), ``names`` are A, B and the question.
    """
    return _Panel(part, table, estimand, level).agreement(*names)


class _Panel:
    """The ratings of one comparison, with what each score says of them."""

    def __init__(self, part: pd.DataFrame, table: pd.DataFrame, estimand: str, level: float) -> None:
        self.estimand, self.level = estimand, level
        self.answer = 1 - codes_of(part["choice"]).astype(np.int64)  # 1 for A, 0 for indifferent, -1 for B
        self.rater, self.category = (codes_of(part[name]).astype(np.int64) for name in ("rater_id", "category"))
        self.categories = [str(name) for name in part["category"].cat.categories]
        used, self.prompt = np.unique(codes_of(part["prompt_id"]), return_inverse=True)
        self.prompts = [str(part["prompt_id"].cat.categories[code]) for code in used]
        self.category_of = np.zeros(len(used), dtype=np.int64)
        self.category_of[self.prompt] = self.category
        self.counts = np.zeros((len(used), 3), dtype=np.int64)  # a, indifferent, b
        np.add.at(self.counts, (self.prompt, 1 - self.answer), 1)
        self.table = table.reindex(self.prompts)

    def agreement(self, first: str, second: str, question: str) -> ComparisonAgreement:
        metrics: list[MetricAgreement] = []
        hits: dict[str, tuple[Float, Float]] = {}
        worst: list[Disagreement] = []
        for name in self.table.columns:
            difference = self.table[name].to_numpy(dtype=float)
            scored = np.isfinite(difference)
            if not scored.any():
                continue
            threshold, said = self._words(difference)
            hits[name] = self._hits(difference, said)
            metrics += self._of_metric(str(name), difference, threshold, hits[name])
            worst += self._worst(str(name), difference)
        differences = self._differences(hits)
        return ComparisonAgreement(
            first, second, question, tuple(metrics), tuple(self._raters()), tuple(differences), tuple(worst)
        )

    def _parts(self) -> list[tuple[str | None, npt.NDArray[np.bool_]]]:
        """All ratings, and those of each category where there are several."""
        every: list[tuple[str | None, npt.NDArray[np.bool_]]] = [(None, np.ones(len(self.answer), dtype=bool))]
        return every + [(self.categories[code], self.category == code) for code in np.unique(self.category).tolist()]

    def _mean(self, values: Float, keep: npt.NDArray[np.bool_], ends: Ends = SHARE_ENDS) -> MeanEstimate | None:
        """The mean of the ratings' ``values`` that are kept and known."""
        keep = keep & np.isfinite(values)
        if not keep.any():
            return None
        known = Scores(values[keep], self.rater[keep], self.prompt[keep], self.category[keep])
        return known.mean(self.categories, self.estimand, self.level, ends).mean

    def _words(self, difference: Float) -> tuple[float, Float]:
        """The threshold by all prompts, and what the score says of each prompt (1, 0, -1; NaN without a score) by the
        threshold that is best on the other prompts. Of equally good thresholds the lowest.
        """
        scored = np.flatnonzero(np.isfinite(difference))
        order = scored[np.argsort(np.abs(difference[scored]), kind="stable")]
        size = np.abs(difference[order])
        sign = np.sign(difference[order]).astype(np.int64)
        counts = self.counts[order]
        as_tie, as_side = counts[:, 1], counts[np.arange(len(order)), 1 - sign]
        gain = np.concatenate([[0], np.cumsum(as_tie - as_side)])  # by how many of the smallest differences are ties
        allowed = np.concatenate([[True], size[1:] > size[:-1], [True]])  # equal differences go together
        best = int(np.flatnonzero(allowed)[np.argmax(gain[allowed])])
        groups = min(len(order), FOLDS)
        fold = np.random.default_rng(0).permutation(len(order)) % groups
        own = np.zeros((groups, len(order) + 1), dtype=np.int64)
        own[fold, np.arange(len(order)) + 1] = as_tie - as_side
        others = np.where(allowed, gain - np.cumsum(own, axis=1), np.iinfo(np.int64).min)
        tied = np.argmax(others, axis=1)[fold] > np.arange(len(order))
        said = np.full(len(difference), np.nan)
        said[order] = np.where(tied, 0, sign)
        return (0.0 if not best else float(size[best - 1])), said

    def _hits(self, difference: Float, said: Float) -> tuple[Float, Float]:
        """Of each rating, whether the score says the same: with indifferent answers, and among decided ones."""
        said, sign = said[self.prompt], np.sign(difference)[self.prompt]
        same = np.where(np.isnan(said), np.nan, said == self.answer)
        side = np.where(np.isnan(sign) | (self.answer == 0), np.nan, (1 + sign * self.answer) / 2)
        return same, side

    def _of_metric(
        self, name: str, difference: Float, threshold: float, hits: tuple[Float, Float]
    ) -> list[MetricAgreement]:
        found = []
        for category, keep in self._parts():
            rows = keep & np.isfinite(hits[0])
            accuracy = self._mean(hits[0], keep)
            if accuracy is None:
                continue
            prompts = np.unique(self.prompt[rows])
            totals = self.counts[prompts]
            net = (totals[:, 0] - totals[:, 2]) / totals.sum(axis=1)
            found.append(
                MetricAgreement(
                    metric=name,
                    category=category,
                    n_ratings=int(rows.sum()),
                    n_unscored=int(keep.sum() - rows.sum()),
                    n_raters=len(np.unique(self.rater[rows])),
                    n_prompts=len(prompts),
                    accuracy=accuracy,
                    constant=float(totals.sum(axis=0).max() / totals.sum()),
                    decided=self._mean(hits[1], keep),
                    threshold=threshold,
                    correlation=kendall_tau_b(difference[prompts], net, self.level),
                )
            )
        return found

    def _raters(self) -> list[RaterAgreement]:
        found = []
        for category, keep in self._parts():
            own = agreement_of_raters(1 - self.answer[keep], self.rater[keep], self.prompt[keep], self.level)
            found.append(RaterAgreement(category, int(keep.sum()), **own))
        return found

    def _differences(self, hits: dict[str, tuple[Float, Float]]) -> list[MetricDifference]:
        found = []
        for at, kind in enumerate(("accuracy", "decided")):
            family = []
            for first, second in combinations(hits, 2):
                values = hits[first][at] - hits[second][at]
                mean = self._mean(values, np.ones(len(values), dtype=bool), NET_ENDS)
                if mean is not None:
                    family.append((first, second, int(np.isfinite(values).sum()), mean))
            tested = [each[3].p_value for each in family]
            adjusted = iter(holm([p for p in tested if p is not None]))
            for (first, second, n, mean), p in zip(family, tested, strict=True):
                own = None if p is None else next(adjusted)
                found.append(MetricDifference(str(first), str(second), kind, n, mean, p, own))
        return found

    def _worst(self, name: str, difference: Float) -> list[Disagreement]:
        scored = np.flatnonzero(np.isfinite(difference))
        size = np.abs(difference[scored])
        upto = np.searchsorted(np.sort(size), size, side="right") / len(scored)
        rank = np.sign(difference[scored]) * upto
        totals = self.counts[scored]
        net = (totals[:, 0] - totals[:, 2]) / totals.sum(axis=1)
        weight = -net * rank
        found = []
        for at in np.argsort(-weight, kind="stable")[:SHOWN].tolist():
            if weight[at] <= 0:
                break
            code = int(scored[at])
            found.append(
                Disagreement(
                    metric=name,
                    prompt_id=self.prompts[code],
                    category=self.categories[self.category_of[code]],
                    n_ratings=int(totals[at].sum()),
                    net=float(net[at]),
                    difference=float(difference[code]),
                    rank=float(rank[at]),
                    weight=float(weight[at]),
                )
            )
        return found
