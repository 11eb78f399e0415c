"""Automatic scores against people, as rows that the report's tables and figure share (`document.AutomaticDict`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.reports.document import AutomaticDict, ScoredRunDict
from evaluation.reports.results import Bounds, question_name

ESTIMAND_NAMES = {"these_prompts": "all prompts of this suite", "new_prompts": "new prompts like these"}
SHOWN = 3
"""Prompts of greatest disagreement that a report shows with their images, a score."""


@dataclass(frozen=True)
class Share:
    """A share in fractions with its interval, or none of one."""

    estimate: float
    bounds: Bounds | None

    @property
    def cut(self) -> Bounds | None:
        """The interval within what a share of ratings can be; with few raters or prompts, t intervals reach beyond."""
        own = self.bounds
        return own and Bounds(own.method, max(own.low, 0.0), min(own.high, 1.0))

    @property
    def says_nothing(self) -> bool:
        """Whether the interval reaches over every value that a share can have."""
        return self.bounds is not None and self.bounds.low <= 0 and self.bounds.high >= 1


@dataclass(frozen=True)
class AgreementRow:
    """One score against the raters, overall (`category` empty) or in a category.

    `accuracy`: ratings that say the same, `constant`: what the best unchanging answer would have, `decided`: decided
    ratings on its side. `tau`: rank correlation over prompts, with (low, high).
    """

    metric: str
    category: str
    n_ratings: int
    n_prompts: int
    accuracy: Share
    constant: float
    decided: Share | None
    tau: float | None
    tau_bounds: tuple[float, float] | None


@dataclass(frozen=True)
class DisagreementRow:
    """A prompt on which a score takes the other side than the raters. `net`: theirs, for A. `difference`: of the score
    (turned so that more is better), for A.
    """

    metric: str
    prompt_id: str
    category: str
    n_ratings: int
    net: float
    difference: float


@dataclass(frozen=True)
class PoweredRow:
    """The net share for one estimand: from ratings alone and from ratings with scores. `why`: why there is none."""

    category: str
    estimand: str
    n_rated: int
    n_prompts: int
    powered: Share | None
    classical: Share | None
    width_ratio: float | None
    why: str


@dataclass(frozen=True)
class AgainstPeople:
    """One pair on one question. `majority`, `another`: raters against the majority of the others, and one of them."""

    generator_a: str
    generator_b: str
    question: str
    rows: tuple[AgreementRow, ...]
    majority: Share | None
    another: Share | None
    disagreements: tuple[DisagreementRow, ...]
    powered: tuple[PoweredRow, ...]
    notes: tuple[str, ...]

    @property
    def question_name(self) -> str:
        """The question in readers' words."""
        return question_name(self.question)

    @property
    def overall(self) -> tuple[AgreementRow, ...]:
        """A row a score, over all ratings."""
        return tuple(row for row in self.rows if not row.category)

    @property
    def categories(self) -> tuple[AgreementRow, ...]:
        """The rows of categories."""
        return tuple(row for row in self.rows if row.category)


def scored_runs(section: AutomaticDict) -> list[tuple[ScoredRunDict, list[ScoredRunDict]]]:
    """(one of its runs, all its runs) of each metric, in the order in which they came."""
    found: dict[str, list[ScoredRunDict]] = {}
    for each in section["scored"]:
        found.setdefault(each["name"], []).append(each)
    return [(runs[0], runs) for runs in found.values()]


def against_people_rows(section: AutomaticDict) -> tuple[AgainstPeople, ...]:
    """What the section says of each pair and question."""
    found = section["against_people"]
    if found is None:
        return ()
    powered = {_key(each): each for each in found["powered"]["comparisons"]}
    return tuple(_comparison(each, powered.get(_key(each))) for each in found["agreement"])


def agreement_description(table: AgainstPeople) -> str:
    """What the figure of `table` shows, for those who don't see it."""
    told = [
        f"{row.metric} {row.accuracy.estimate * 100:.1f} %"
        + (f" ({row.accuracy.cut.low * 100:.1f} to {row.accuracy.cut.high * 100:.1f})" if row.accuracy.cut else "")
        for row in table.overall
    ]
    raters = (
        f" Raters with the majority of the others: {table.majority.estimate * 100:.1f} %." if table.majority else ""
    )
    return f"{table.question_name}: share of ratings that say what the score says. {'; '.join(told)}.{raters}"


def _comparison(found: Mapping[str, Any], powered: Mapping[str, Any] | None) -> AgainstPeople:
    raters: Mapping[str, Any] = next((each for each in found["raters"] if each["category"] is None), {})
    shown: dict[str, int] = {}
    disagreements = []
    for each in found["disagreements"]:
        shown[each["metric"]] = shown.get(each["metric"], 0) + 1
        if shown[each["metric"]] <= SHOWN:
            names = ("metric", "prompt_id", "category", "n_ratings", "net", "difference")
            disagreements.append(DisagreementRow(**{name: each[name] for name in names}))
    return AgainstPeople(
        generator_a=found["generator_a"],
        generator_b=found["generator_b"],
        question=found["question"],
        rows=tuple(map(_row, found["metrics"])),
        majority=_share(raters.get("majority")),
        another=_share(raters.get("another")),
        disagreements=tuple(disagreements),
        powered=tuple(_powered(powered)) if powered else (),
        notes=tuple(powered["notes"]) if powered else (),
    )


def _row(found: Mapping[str, Any]) -> AgreementRow:
    tau = found["correlation"]
    accuracy = _share(found["accuracy"])
    assert accuracy is not None  # the analysis lists only scores that have one
    return AgreementRow(
        metric=found["metric"],
        category=found["category"] or "",
        n_ratings=found["n_ratings"],
        n_prompts=found["n_prompts"],
        accuracy=accuracy,
        constant=found["constant"],
        decided=_share(found["decided"]),
        tau=tau["value"],
        tau_bounds=None if tau["low"] is None else (tau["low"], tau["high"]),
    )


def _powered(found: Mapping[str, Any]) -> list[PoweredRow]:
    rows = []
    for category, each in [("", found["overall"]), *found["categories"].items()]:
        for estimand, name in ESTIMAND_NAMES.items():
            rows.append(
                PoweredRow(
                    category=category,
                    estimand=name,
                    n_rated=each["n_rated"],
                    n_prompts=each["n_prompts"],
                    powered=_rate(each["powered"], estimand),
                    classical=_rate(each["classical"], estimand),
                    width_ratio=each["width_ratio"].get(estimand),
                    why=each.get("why", ""),
                )
            )
    return rows


def _share(found: Mapping[str, Any] | None) -> Share | None:
    """Of a mean with its intervals, by the default one."""
    if found is None:
        return None
    interval = found["intervals"].get(found["default"])
    return Share(found["estimate"], interval and Bounds(found["default"], interval["low"], interval["high"]))


def _rate(found: Mapping[str, Any] | None, estimand: str) -> Share | None:
    if found is None:
        return None
    interval = found["intervals"][estimand]["satterthwaite"]
    return Share(found["estimate"], interval and Bounds("satterthwaite", interval["low"], interval["high"]))


def _key(found: Mapping[str, Any]) -> tuple[str, str, str]:
    return found["generator_a"], found["generator_b"], found["question"]
