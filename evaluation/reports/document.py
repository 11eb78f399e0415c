"""The `drawbench-analysis/1` document, typed as far as reports read it; what older reports lack is not required."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from evaluation.reports.collection import CollectionDict


class IntervalDict(TypedDict):
    """An interval; `df` null means normal quantiles."""

    se: float
    df: float | None
    low: float
    high: float


class NetDict(TypedDict):
    """The net share A - B with its intervals; null ones have their reason in `why`."""

    estimate: float
    default: str
    intervals: dict[str, IntervalDict | None]
    why: NotRequired[dict[str, str]]


class ShareIntervalDict(TypedDict):
    """The default interval of one share."""

    default: str
    interval: IntervalDict | None


class DecidedDict(TypedDict):
    """A's share among decided answers alone; null where nobody decided."""

    n_ratings: int
    share_a: float | None
    interval: NotRequired[IntervalDict | None]
    sign_test_p: float | None


class WidthDict(TypedDict):
    """What one choice of the estimand makes of the net share's interval; `half_width` null where it has none."""

    means: str
    interval: str
    half_width: float | None


class EstimateDict(TypedDict):
    """The contract's ESTIMATE with the further keys that reports use.

    `words`: the effect in a sentence. `p_holm`: of a category, adjusted over all of its comparison.
    """

    n_ratings: int
    n_raters: int
    n_prompts: int
    shares: dict[str, float]
    net: NetDict
    stratified: NotRequired[bool]
    share_intervals: NotRequired[dict[str, ShareIntervalDict]]
    decided: NotRequired[DecidedDict]
    p_value: NotRequired[float | None]
    p_holm: NotRequired[float | None]
    words: NotRequired[str]
    by_estimand: NotRequired[dict[str, WidthDict]]


class AgreementDict(TypedDict):
    """A coefficient of agreement; null for the reason in `why`."""

    method: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    n_units: int
    n_values: int
    why: NotRequired[str]


class ScoreDict(TypedDict):
    """A generator's place in a ranking; `score`: log scale, mean zero over the generators."""

    generator: str
    score: float
    low: float | None
    high: float | None
    rank: int
    rank_low: int
    rank_high: int


class WinShareDict(TypedDict):
    """How often A was preferred to B, indifferent answers as half."""

    generator_a: str
    generator_b: str
    share: float


class RankingDict(TypedDict):
    """Generators ranked on a question, best first; no scores for the reason in `why`."""

    question: str
    model: str
    scores: list[ScoreDict]
    level: float
    win_shares: list[WinShareDict]
    notes: list[str]
    why: NotRequired[str]


class SideBiasDict(TypedDict):
    """How often the left set won among `n` decided answers with known sides."""

    share_left: float | None
    n: int
    low: float
    high: float


class ComparisonDict(TypedDict):
    """One pair on one question."""

    generator_a: str
    generator_b: str
    question: str
    overall: EstimateDict
    categories: dict[str, EstimateDict]


class EstimandDict(TypedDict):
    """For whom the default interval speaks."""

    name: str
    means: str


class StoppingBoundsDict(TypedDict):
    """An anytime-valid interval of a net share."""

    low: float
    high: float


class DecisionDict(TypedDict):
    """Whether a rule stops, after how many raters, and why."""

    stop: bool
    n: int
    reason: str


class StoppingLineDict(TypedDict):
    """One pair on one question after `n_raters` finished raters; no interval with too few, or where all are alike."""

    question: str
    generator_a: str
    generator_b: str
    n_raters: int
    net: float
    interval: StoppingBoundsDict | None
    decision: DecisionDict


class StoppingDict(TypedDict):
    """What the declared stopping rule came to. `stop`: whether it says so for every line."""

    rule: dict[str, object]
    n_raters: int
    stop: bool
    lines: list[StoppingLineDict]


class ScoredRunDict(TypedDict):
    """An automatic score of one compared run. `name`: what the scores file calls the metric; `label`: its full name.

    `mean`, `low`, `high`: over the images shown, with the interval for new prompts; null where they can't be had.
    """

    name: str
    label: str
    better: str
    generator: str
    metric_run: int
    parameters: dict[str, object]
    code_version: str
    images_hash: str
    n: int
    n_missing: int
    mean: float | None
    low: float | None
    high: float | None


class AutomaticDict(TypedDict):
    """Automatic scores of the compared runs: `drawbench-automatic/1`.

    `scores_sha256`: of the scores file (CSV). `against_people`: `drawbench-against-people/1`; null for the reason
    `why`.
    """

    schema: str
    scores_sha256: str
    scored: list[ScoredRunDict]
    against_people: dict[str, Any] | None
    why: str
    notes: list[str]


class Results(TypedDict):
    """The whole document; a report's own has `collection` beside it, `stopping_rule` where one was declared, and
    `automatic` where the compared runs have automatic scores.
    """

    schema: str
    simulated: bool
    n_ratings: int
    n_raters: int
    n_prompts: int
    n_control_excluded: int
    n_simulated: int
    level: float
    estimand: EstimandDict
    indifferent: str
    notes: list[str]
    comparisons: list[ComparisonDict]
    version: NotRequired[str]
    agreement: NotRequired[dict[str, list[AgreementDict]]]
    rankings: NotRequired[list[RankingDict]]
    side_bias: NotRequired[SideBiasDict]
    collection: NotRequired[CollectionDict]
    stopping_rule: NotRequired[StoppingDict]
    automatic: NotRequired[AutomaticDict]
