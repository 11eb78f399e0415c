"""Refused images: how often each generator gave none, and what its rates are if that counts as a loss.

A prompt of which a generator gave no image is rated by nobody. Leaving it out (``excluded``) rewards a generator that
refuses what it would draw badly; counting it as lost (``loss``) punishes one that refuses for good reasons. A study
declares which it is beforehand, or prints both as the ends of a range (``bounds``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.results import Document, document

POLICIES: Mapping[str, str] = MappingProxyType(
    {
        "excluded": "a prompt that a generator gave no image for is left out",
        "loss": "a generator loses each prompt that it gave no image for and the other did",
        "bounds": "both: left out, and counted as lost, as the two ends of a range",
    }
)


@dataclass(frozen=True)
class RefusalRate:
    """What one generator was asked for and gave. ``wanted``, ``missing``: images; ``kinds``: of the missing ones, how
    many for which reason, as far as that is known (``refused``, ``filtered``, ``crash`` ...).
    """

    generator: str
    wanted: int
    missing: int
    kinds: Mapping[str, int]

    @property
    def rate(self) -> float:
        """The share of images that are missing, 0 to 1."""
        return self.missing / self.wanted if self.wanted else 0.0


@dataclass(frozen=True)
class Rates:
    """Shares of ratings, and their net share."""

    a: float
    indifferent: float
    b: float
    net: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class WithRefusals:
    """One pair and question with refused prompts left out and counted as lost.

    ``n_shown``: prompts that the study shows. ``n_a``, ``n_b``, ``n_both``: prompts left out since the first alone, the
    second alone, or both gave too few images; under ``loss`` the last are indifferent. ``excluded``, ``loss``: the
    shares of a, indifferent and b, and ``net``, a less b; ``low``, ``high``: of the default interval, the refused
    prompts taken as fixed; None without one.
    """

    generator_a: str
    generator_b: str
    question: str
    n_shown: int
    n_a: int
    n_b: int
    n_both: int
    excluded: Rates
    loss: Rates

    @property
    def ends(self) -> tuple[float, float]:
        """The net share under the two policies, the lower first."""
        low, high = sorted((self.excluded.net, self.loss.net))
        return low, high


@dataclass(frozen=True)
class Refusals:
    """``policy``: a key of ``POLICIES``, "" where none was declared. One rate a generator; one ``WithRefusals`` for
    each pair and question of which a prompt was left out.
    """

    policy: str
    rates: tuple[RefusalRate, ...]
    comparisons: tuple[WithRefusals, ...]

    def to_dict(self) -> Document:
        rates = [
            {
                "generator": each.generator,
                "wanted": each.wanted,
                "missing": each.missing,
                "kinds": dict(each.kinds),
                "rate": each.rate,
            }
            for each in self.rates
        ]
        pairs = [asdict(each) for each in self.comparisons]
        return document({"policy": self.policy, "generators": rates, "comparisons": pairs})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Refusals:
        """From ``to_dict``."""
        rates = tuple(
            RefusalRate(each["generator"], each["wanted"], each["missing"], each["kinds"])
            for each in data["generators"]
        )
        pairs = tuple(
            WithRefusals(**{**each, "excluded": Rates(**each["excluded"]), "loss": Rates(**each["loss"])})
            for each in data["comparisons"]
        )
        return cls(data["policy"], rates, pairs)


def with_refusals(
    rate: PreferenceRate,
    *,
    pair: tuple[str, str],
    question: str,
    n_shown: int,
    lacking: Mapping[str, Sequence[str]],
) -> WithRefusals:
    """One comparison under both policies.

    Each refused prompt weighs as much as a prompt that the study shows, and all of it goes to the other generator. The
    interval shrinks by the share of prompts that were rated: what a refused prompt counts is known, not estimated.

    Args:
        rate: over the rated prompts.
        pair: the generators a and b.
        n_shown: prompts that the study shows, 1 or more.
        lacking: by prompt that was left out, the generators that gave too few images.
    """
    first, second = pair
    sides = [(first in each, second in each) for each in lacking.values()]
    n_a, n_b = sides.count((True, False)), sides.count((False, True))
    n_both = sides.count((True, True))
    total = n_shown + n_a + n_b + n_both
    interval = rate.net.interval
    excluded = Rates(
        rate.share("a"),
        rate.share("indifferent"),
        rate.share("b"),
        rate.net.estimate,
        interval.low if interval else None,
        interval.high if interval else None,
    )

    def moved(value: float, by: int) -> float:
        return (n_shown * value + by) / total

    loss = Rates(
        moved(excluded.a, n_b),
        moved(excluded.indifferent, n_both),
        moved(excluded.b, n_a),
        moved(excluded.net, n_b - n_a),
        None if excluded.low is None else moved(excluded.low, n_b - n_a),
        None if excluded.high is None else moved(excluded.high, n_b - n_a),
    )
    return WithRefusals(first, second, question, n_shown, n_a, n_b, n_both, excluded, loss)


def refusals(
    declared: Mapping[str, Any], comparisons: Sequence[tuple[str, str, str, PreferenceRate]], *, n_shown: int
) -> Refusals:
    """Refusal rates, and each comparison under both policies where a prompt of it was left out.

    Args:
        declared: ``policy``; ``runs``, each with ``label``, ``wanted``, ``missing`` and ``kinds``; ``lacking``, by
            prompt the labels of the runs that gave too few images.
        comparisons: (generator a, generator b, question, rate).
    """
    rates = tuple(
        RefusalRate(each["label"], each["wanted"], each["missing"], each["kinds"]) for each in declared["runs"]
    )
    found = [
        with_refusals(rate, pair=(a, b), question=question, n_shown=n_shown, lacking=declared["lacking"])
        for a, b, question, rate in comparisons
    ]
    concerned = tuple(each for each in found if each.n_a + each.n_b + each.n_both)
    return Refusals(declared["policy"], rates, concerned)
