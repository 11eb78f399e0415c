"""What `analyse` finds, as a result: every comparison, overall and by category, with its JSON and its table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from common.words import nearest
from evaluation.analysis.agreement import Agreement
from evaluation.analysis.estimands import ESTIMAND_WORDS, ESTIMANDS
from evaluation.analysis.estimates import Interval, PreferenceRate, Width
from evaluation.analysis.families import SEPARATE, Family
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.results import VERSION, Document, NotebookTable, document, piecewise_json
from evaluation.analysis.retest import Retest
from evaluation.analysis.sides import NO_SIDES, SideBias
from evaluation.analysis.tally import Comparison

SCHEMA = "drawbench-analysis/1"


@dataclass(frozen=True)
class ComparisonResult:
    """The preference rates of one pair on one question, and how far raters agree (over all prompts as units).

    ``categories`` by name; ``not_rated``: those that the overall figure lacks, since nobody has rated them.
    ``widths``: what each choice of the estimand does to the overall net share's interval.
    """

    comparison: Comparison
    overall: PreferenceRate
    categories: Mapping[str, PreferenceRate]
    widths: tuple[Width, ...]
    agreement: tuple[Agreement, ...]
    not_rated: tuple[str, ...] = ()

    @property
    def generator_a(self) -> str:
        return self.comparison.generator_a

    @property
    def generator_b(self) -> str:
        return self.comparison.generator_b

    @property
    def question(self) -> str:
        return self.comparison.question

    def to_dict(self) -> dict[str, object]:
        """The contract's form of a comparison."""
        return {
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "question": self.question,
            "overall": self.overall.to_dict()
            | {"words": self.overall.words, "by_estimand": {each.estimand: each.to_dict() for each in self.widths}},
            "categories": {
                name: rate.to_dict() | {"p_holm": rate.p_holm, "words": rate.words}
                for name, rate in self.categories.items()
            },
            "agreement": [each.to_dict() for each in self.agreement],
            **({"categories_not_rated": list(self.not_rated)} if self.not_rated else {}),
        }

    def to_summary(self) -> dict[str, object]:
        """The overall figures with the default interval alone."""
        rate = self.overall
        own = rate.net.interval
        return {
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "question": self.question,
            "overall": {
                "n_ratings": rate.n_ratings,
                "n_raters": rate.n_raters,
                "n_prompts": rate.n_prompts,
                "shares": {choice: each.estimate for choice, each in rate.shares.items()},
                "net": {
                    "estimate": rate.net.estimate,
                    "default": rate.net.default,
                    "intervals": {rate.net.default: own.to_dict() if own else None},
                    **({} if own else {"why": {rate.net.default: rate.net.why.get(rate.net.default, "")}}),
                },
                "p_value": rate.p_value,
                **({"standing": rate.standing.to_dict()} if rate.standing else {}),
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], estimand: str, level: float) -> ComparisonResult:
        """The comparison from the contract's form."""
        rates = {
            name: PreferenceRate.from_dict(each, estimand, level) for name, each in sorted(data["categories"].items())
        }
        widths = data["overall"].get("by_estimand", {})
        return cls(
            Comparison(data["generator_a"], data["generator_b"], data["question"]),
            PreferenceRate.from_dict(data["overall"], estimand, level),
            MappingProxyType(rates),
            tuple(Width(name, widths[name]["half_width"]) for name in ESTIMANDS if name in widths),
            tuple(Agreement.from_dict(each) for each in data.get("agreement", ())),
            tuple(data.get("categories_not_rated", ())),
        )


@dataclass(frozen=True)
class Analysis(NotebookTable):
    """All comparisons of a frame, with what was asked (``estimand``, ``level``) and what the frame held.

    ``n_control`` ratings of control trials were left out of every rate; ``n_simulated`` of the ``n_ratings`` counted
    were given by simulated raters, and ``simulated`` says whether any were. ``agreement``: by question, over all
    prompts of all pairs. ``rankings``: Davidson's, by question, where there are three generators or more. ``family``:
    the primary pairs and questions. ``version``:
    of the methods.
    """

    comparisons: tuple[ComparisonResult, ...]
    estimand: str
    level: float
    n_ratings: int
    n_raters: int
    n_prompts: int
    n_control: int
    n_simulated: int
    agreement: Mapping[str, tuple[Agreement, ...]]
    rankings: tuple[Ranking, ...]
    side_bias: SideBias
    notes: tuple[str, ...]
    family: Family = SEPARATE
    version: str = VERSION
    retest: tuple[Retest, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether any rating was given by a simulated rater."""
        return self.n_simulated > 0

    @property
    def speaks_for(self) -> str:
        """For whom the default interval speaks, in words."""
        return ESTIMAND_WORDS[self.estimand]

    def to_dict(self) -> Document:
        """The ``drawbench-analysis/1`` document; plain values, the same for the same ratings in any order."""
        contents = self._contents()
        return document(contents | {"comparisons": [each.to_dict() for each in self.comparisons]})

    def _contents(self) -> dict[str, object]:
        """The document; of the comparisons, which may be thousands, an iterator."""
        return {
            "schema": SCHEMA,
            "simulated": self.simulated,
            "n_ratings": self.n_ratings,
            "n_raters": self.n_raters,
            "n_prompts": self.n_prompts,
            "n_control_excluded": self.n_control,
            "n_simulated": self.n_simulated,
            "level": self.level,
            "estimand": {"name": self.estimand, "means": self.speaks_for},
            "indifferent": "a share of its own; zero in the net share; left out of 'decided' alone",
            "version": self.version,
            "notes": list(self.notes),
            "family": self.family.to_dict() | {"n": self.family.size(each.comparison for each in self.comparisons)},
            "comparisons": (each.to_dict() for each in self.comparisons),
            "agreement": {name: [each.to_dict() for each in found] for name, found in self.agreement.items()},
            "rankings": [each.to_dict() for each in self.rankings],
            "side_bias": self.side_bias.to_dict(),
            **({"retest": [each.to_dict() for each in self.retest]} if self.retest else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Analysis:
        """The analysis from its document: ``from_dict(x.to_dict()) == rounded(x)``. Documents of earlier versions are
        read without what they lack: agreement, rankings, side bias, the effect in words.
        """
        estimand, level = data["estimand"]["name"], data["level"]
        side = data.get("side_bias")
        return cls(
            comparisons=tuple(ComparisonResult.from_dict(each, estimand, level) for each in data["comparisons"]),
            estimand=estimand,
            level=level,
            n_ratings=data["n_ratings"],
            n_raters=data["n_raters"],
            n_prompts=data["n_prompts"],
            n_control=data["n_control_excluded"],
            n_simulated=data["n_simulated"],
            agreement=MappingProxyType(
                {
                    question: tuple(Agreement.from_dict(each) for each in agreements)
                    for question, agreements in sorted(data.get("agreement", {}).items())
                }
            ),
            rankings=tuple(Ranking.from_dict(each) for each in data.get("rankings", ())),
            side_bias=SideBias(**side) if side else NO_SIDES,
            notes=tuple(data["notes"]),
            family=Family.from_dict(data["family"]) if "family" in data else SEPARATE,
            version=data.get("version", ""),
            retest=tuple(Retest.from_dict(each, level) for each in data.get("retest", ())),
        )

    def narrowed(self, questions: Collection[str] = (), pairs: Collection[tuple[str, str]] = ()) -> Analysis:
        """Only what is about ``questions`` and ``pairs`` (in any order of the two; all where empty). What is left says
        the same as before: adjustments stay those of the whole family.

        Raises:
            ValueError: a question or pair is not among the results; the message names the nearest and all.
        """
        there = list(dict.fromkeys(each.question for each in self.comparisons))
        met = list(dict.fromkeys((each.generator_a, each.generator_b) for each in self.comparisons))
        for question in questions:
            if question not in there:
                hint = nearest(question, there) or "."
                raise ValueError(
                    f"Unknown question {question!r}{hint} There are ratings of {', '.join(there) or 'none'}."
                )
        wanted = {(min(each), max(each)) for each in pairs}
        for pair in wanted - set(met):
            names = sorted({name for each in met for name in each})
            hints = (nearest(name, names) or "." for name in pair if name not in names)
            known = ", ".join(names) or "none"
            raise ValueError(f"No ratings compare {pair[0]} with {pair[1]}{next(hints, '.')} Generators: {known}.")
        kept = tuple(
            each
            for each in self.comparisons
            if (not questions or each.question in questions)
            and (not wanted or (each.generator_a, each.generator_b) in wanted)
        )
        return replace(
            self,
            comparisons=kept,
            agreement=MappingProxyType(
                {name: found for name, found in self.agreement.items() if not questions or name in questions}
            ),
            rankings=tuple(each for each in self.rankings if not questions or each.question in questions),
            retest=tuple(each for each in self.retest if not questions or each.question in questions),
        )

    def to_summary(self) -> Document:
        """``to_dict`` without categories, agreement and intervals other than the default: a few lines a comparison."""
        whole = replace(self, comparisons=(), agreement=MappingProxyType({})).to_dict()
        whole["family"]["n"] = self.family.size(each.comparison for each in self.comparisons)
        whole["comparisons"] = [document(each.to_summary()) for each in self.comparisons]
        return whole

    def to_json(self) -> str:
        """Canonical JSON of ``to_dict``: the same ratings give the same bytes."""
        return piecewise_json(self._contents())

    def to_frame(self) -> pd.DataFrame:
        """One row a comparison and category (None for overall): n, shares, net share, default and naive interval."""
        rows = []
        for each in self.comparisons:
            for category, rate in [(None, each.overall), *each.categories.items()]:
                naive = rate.net.intervals["independent"]
                rows.append(
                    {
                        "generator_a": each.comparison.generator_a,
                        "generator_b": each.comparison.generator_b,
                        "question": each.comparison.question,
                        "category": category,
                        "n_ratings": rate.n_ratings,
                        "n_raters": rate.n_raters,
                        "n_prompts": rate.n_prompts,
                        "share_a": rate.share("a"),
                        "share_indifferent": rate.share("indifferent"),
                        "share_b": rate.share("b"),
                        "net": rate.net.estimate,
                        "interval": rate.net.default,
                        "low": rate.net.interval.low if rate.net.interval else None,
                        "high": rate.net.interval.high if rate.net.interval else None,
                        "independent_low": naive.low if isinstance(naive, Interval) else None,
                        "independent_high": naive.high if isinstance(naive, Interval) else None,
                    }
                )
        return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = (
    *("generator_a", "generator_b", "question", "category", "n_ratings", "n_raters", "n_prompts"),
    *("share_a", "share_indifferent", "share_b", "net", "interval", "low", "high"),
    *("independent_low", "independent_high"),
)
