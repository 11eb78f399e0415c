"""Results of ratings, under settings that are checked and code that is named."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import evaluation
from common.hashes import hash_of, sources_version
from common.words import nearest
from evaluation.analysis.agreed_prompts import agreed_prompts
from evaluation.analysis.answer_analysis import analyse_answers
from evaluation.analysis.answer_results import AnswerAnalysis
from evaluation.analysis.answers import main_answers, no_answers, validate_answers
from evaluation.analysis.displays import displays, displays_of_answers
from evaluation.analysis.early_looks import Arrivals, StoppingOutcome, early_looks
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.analysis.families import ALL, SEPARATE, Family
from evaluation.analysis.fragility import fragility_valid
from evaluation.analysis.frame import part_of, validate_ratings
from evaluation.analysis.refusals import refusals
from evaluation.analysis.repeats import seen_again, without_repeats
from evaluation.analysis.results import rounded
from evaluation.analysis.screening import AddedControls, Screening, screen, screen_added
from evaluation.analysis.sequential import StoppingRule
from evaluation.analysis.signs import SignRules, Signs, find_signs
from evaluation.analysis.summary import analyse_valid
from evaluation.analysis.summary_results import Analysis
from evaluation.analysis.tally import tally_ratings
from evaluation.errors import InputError
from evaluation.reports.automatic import Scores, automatic_scores
from evaluation.reports.collection import collection
from evaluation.reports.document import ReportDocument
from evaluation.reports.further import NOBODY, Further, Part, comments_of, overall_lines
from evaluation.reports.ratings_file import csv_sha256
from evaluation.reports.skips import Skips

LEVELS = (0.5, 0.999)
"""The lowest and the highest confidence level that can be asked for."""

DEFAULT_SETTINGS: Mapping[str, object] = {
    "estimand": DEFAULT_ESTIMAND,
    "level": 0.95,
    "include_simulated": True,
}
"""`estimand`: for whom the default interval speaks (`evaluation.analysis.estimates.ESTIMANDS`). `level`: confidence.
`include_simulated`: whether simulated ratings count; a report that has any says so on every page."""


@dataclass(frozen=True)
class Settings:
    """`DEFAULT_SETTINGS`, checked."""

    estimand: str = DEFAULT_ESTIMAND
    level: float = 0.95
    include_simulated: bool = True

    def to_dict(self) -> dict[str, object]:
        """As stored and shown."""
        return {"estimand": self.estimand, "level": self.level, "include_simulated": self.include_simulated}

    @property
    def hash(self) -> str:
        """SHA-256 of their canonical JSON."""
        return hash_of(self.to_dict(), spaced=True)


def settings_from(given: Mapping[str, object] | None) -> Settings:
    """Settings from what a caller gave, the defaults for the rest.

    Raises:
        InputError: an unknown setting (with the nearest), or a value that is not allowed.
    """
    given = given or {}
    for name in given:
        if name not in DEFAULT_SETTINGS:
            hint = nearest(name, DEFAULT_SETTINGS) or "."
            raise InputError(
                f'Unknown report setting "{name}"{hint} Allowed are {", ".join(DEFAULT_SETTINGS)}.', field=name
            )
    estimand = given.get("estimand", DEFAULT_ESTIMAND)
    if not isinstance(estimand, str) or estimand not in ESTIMANDS:
        hint = nearest(str(estimand), ESTIMANDS) or "."
        raise InputError(f'Unknown estimand "{estimand}"{hint} Allowed are {", ".join(ESTIMANDS)}.', field="estimand")
    level = given.get("level", 0.95)
    if isinstance(level, bool) or not isinstance(level, int | float) or not LEVELS[0] <= level <= LEVELS[1]:
        told = f"The confidence level is a number from {LEVELS[0]} to {LEVELS[1]}, as 0.95; got {level}."
        raise InputError(told, field="level")
    include = given.get("include_simulated", True)
    if not isinstance(include, bool):
        raise InputError(f"include_simulated is true or false; got {include!r}.", field="include_simulated")
    return Settings(estimand, float(level), include)


@dataclass(frozen=True)
class AnswersInput:
    """What a study has beside preferences with three answers. `frame`: of its other answers, in the form of their file;
    None where its protocol asks for none.

    `prompts`: texts by id, of `frame`'s prompts. `scales`: by question the values allowed. `least_right`, `rule`: the
    share of control trials that a rater must have right, None without any, and the rule in words. `added`: of control
    trials that the study added. `signs`, `set_size`, `asked`: for signs, the rules, images of a set and
    all questions in order. `reference`: what the
    photographs are called, empty without any. `nobody`: the captions that name nobody, where the suite says which name
    somebody.
    """

    frame: pd.DataFrame | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    least_right: float | None = None
    rule: str = ""
    reference: str = ""
    nobody: frozenset[str] = frozenset()
    added: AddedControls | None = None
    signs: SignRules | None = None
    set_size: int = 1
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportInput:
    """All that a report's results are made of, as read. `ratings`: in the ratings file's form.

    `rule`: the declared stopping rule, None without one; `arrivals`: who joined, None without a rule. `questions`: in
    the protocol's order. `scores`: None where no two compared runs have any alike. `family`: the primary comparisons.
    `categories`: those that the study shows, rated or not. `answers`: all that is no preference with three answers.
    `refused`: what the specification says of missing images, None without; `n_shown`: prompts that the study shows.
    `skipped`: the trials that were not rated, None where there are none.
    """

    ratings: pd.DataFrame
    questions: tuple[str, ...]
    rule: StoppingRule | None
    arrivals: Arrivals | None
    scores: Scores | None
    family: Family = SEPARATE
    categories: tuple[str, ...] = ()
    answers: AnswersInput = AnswersInput()
    refused: Mapping[str, Any] | None = None
    n_shown: int = 0
    skipped: Skips | None = None

    @property
    def rows(self) -> tuple[pd.DataFrame, ...]:
        """The ratings, and of the answers those that do not stand among them as well."""
        frame = self.answers.frame
        return (self.ratings,) if frame is None else (self.ratings, frame[~frame["question"].isin(self.questions)])

    @property
    def n_ratings(self) -> int:
        """How many answers of any kind there are."""
        return sum(map(len, self.rows))

    @property
    def n_simulated(self) -> int:
        """How many of them are by simulated raters."""
        return sum(int(each["simulated"].sum()) for each in self.rows)


@dataclass(frozen=True)
class Counted:
    """Validated frames, without repeats: of all raters, and of those that screening and declared signs keep. `again`:
    the ratings with repeats, as they were read.
    """

    ratings: pd.DataFrame
    answers: pd.DataFrame
    kept_ratings: pd.DataFrame
    kept_answers: pd.DataFrame
    screening: Screening | None
    again: pd.DataFrame
    signs: Signs | None = None

    @property
    def excluded(self) -> frozenset[str]:
        """The ids of the raters whom screening or declared signs leave out."""
        dropped = self.screening.dropped if self.screening else frozenset()
        return dropped | (self.signs.excluded if self.signs else frozenset())


def counted_of(ratings: pd.DataFrame, answers: AnswersInput) -> Counted:
    """Which ratings and answers count, by the declared screening."""
    valid = validate_ratings(ratings)
    others = validate_answers(no_answers() if answers.frame is None else answers.frame)
    screening = None
    if answers.least_right is not None:
        screening = screen(valid, others, answers.least_right, answers.rule)
    elif answers.added is not None:
        screening = screen_added(valid, others, answers.added)
    signs = None
    if answers.signs is not None:
        signs = find_signs(valid, others, answers.signs, set_size=answers.set_size, questions=answers.asked)
    whole = Counted(valid, others, valid, others, screening, ratings, signs)
    dropped = list(whole.excluded)
    if not dropped:
        return whole
    keep = ~valid["rater_id"].isin(dropped).to_numpy()
    kept = others[~others["rater_id"].isin(dropped).to_numpy()].reset_index(drop=True)
    return Counted(valid, others, part_of(valid, keep), kept, screening, ratings, signs)


def compute_report(given: ReportInput, settings: Settings) -> ReportDocument:
    """A study's report. The same input and settings give the same results."""
    counted = counted_of(given.ratings, given.answers)
    valid = counted.kept_ratings
    stopping = automatic = None
    if given.rule is not None and given.arrivals is not None and given.questions:
        looks, conditions = early_looks(
            counted.ratings, given.arrivals, given.questions, alpha=given.rule.alpha, rule=given.rule
        )
        stopping = StoppingOutcome(given.rule, len(given.arrivals.finished), looks, conditions)
    if given.scores is not None:
        automatic = automatic_scores(valid, given.scores, estimand=settings.estimand, level=settings.level)
    results = compute(valid, settings, given.family, declared=given.categories)
    answers = None
    if given.answers.frame is not None:
        answers = analysed_answers(counted.kept_answers, given.answers, settings)
    collected = collection(counted.ratings, given.rows[1:])
    fragile = None
    if len(valid) * len(results.comparisons) <= FRAGILITY_WORK:
        fragile = rounded(fragility_valid(valid, estimand=settings.estimand, level=settings.level))
    further = _further(given, counted, results, answers, settings)
    shown = displays(valid, estimand=settings.estimand, level=settings.level)
    shown = shown or displays_of_answers(main_answers(counted.kept_answers))
    refused = None
    if given.refused is not None:
        pairs = [(each.generator_a, each.generator_b, each.question, each.overall) for each in results.comparisons]
        refused = rounded(refusals(given.refused, pairs, n_shown=given.n_shown))
    shown = rounded(shown)
    agreed = agreed_prompts(tally_ratings(valid)) if len(valid) else ()
    return ReportDocument(
        results, collected, stopping, automatic, fragile, answers, further, shown, refused, given.skipped, agreed
    )


def analysed_answers(answers: pd.DataFrame, given: AnswersInput, settings: Settings) -> AnswerAnalysis:
    """Every measure of validated `answers`. `given`: the prompts' texts and the scales' values."""
    return analyse_answers(
        answers, prompts=given.prompts, scales=given.scales, estimand=settings.estimand, level=settings.level
    )


def _further(
    given: ReportInput, counted: Counted, results: Analysis, answers: AnswerAnalysis | None, settings: Settings
) -> Further | None:
    """None where the study has nothing of the kind, as under DrawBench's own protocol."""
    own = given.answers
    screened = own.least_right is not None or own.added is not None
    signed = counted.signs is not None and bool(counted.signs.raters)
    if own.frame is None and not (screened or signed or own.reference or own.nobody):
        return None

    def part(name: str, ratings: pd.DataFrame, others: pd.DataFrame, n: int) -> Part:
        of_pairs = compute(ratings, settings)
        of_others = None if own.frame is None else analysed_answers(others, own, settings)
        return Part(name, n, overall_lines(of_pairs, of_others, own.reference))

    unscreened = nobody = None
    excluded = len(counted.kept_ratings) < len(counted.ratings) or len(counted.kept_answers) < len(counted.answers)
    if excluded:
        n = len({*counted.ratings["rater_id"].astype(str), *counted.answers["rater_id"].astype(str)})
        unscreened = part("all raters", counted.ratings, counted.answers, n)
    if own.nobody:
        keep = counted.kept_ratings["prompt_id"].isin(list(own.nobody)).to_numpy()
        others = counted.kept_answers[counted.kept_answers["prompt_id"].isin(list(own.nobody)).to_numpy()]
        nobody = part(NOBODY, part_of(counted.kept_ratings, keep), others.reset_index(drop=True), len(own.nobody))
    once = without_repeats(counted.again)  # repeated preferences are the analysis' own
    comments, n_comments = comments_of(counted.kept_answers)
    files = {"ratings.csv": csv_sha256(given.ratings)}
    if own.frame is not None:
        files["answers.csv"] = csv_sha256(own.frame)
    return Further(
        files=files,
        reference=own.reference,
        lines=overall_lines(results, answers, own.reference),
        screening=counted.screening,
        unscreened=unscreened,
        nobody=nobody,
        retests=seen_again(once, counted.kept_answers, estimand=settings.estimand, level=settings.level),
        comments=comments,
        n_comments=n_comments,
        signs=counted.signs if signed else None,
    )


def compute(
    valid: pd.DataFrame,
    settings: Settings,
    family: Family = ALL,
    *,
    declared: Collection[str] = (),
    questions: Collection[str] = (),
    pairs: Collection[str] = (),
) -> Analysis:
    """Analyse validated ratings, to the digits that are kept: the page, the JSON and the terminal say the same.

    `declared`: the categories that the study shows, where some may have no rating yet. `questions`, `pairs` ("A,B"):
    only what is about these, see `Analysis.narrowed`; all where empty.

    Raises:
        InputError: a question or pair is not among the ratings.
    """
    found = analyse_valid(valid, estimand=settings.estimand, level=settings.level, family=family, declared=declared)
    names = {name for each in found.comparisons for name in (each.generator_a, each.generator_b)}
    try:
        return rounded(found.narrowed(questions, [pair_named(each, names) for each in pairs]))
    except ValueError as error:
        raise InputError(str(error)) from error


def pair_named(text: str, names: Collection[str]) -> tuple[str, str]:
    """The two names of "A,B"; where a name has a comma itself, the comma between two that there are."""
    parts = text.split(",")
    splits = [(",".join(parts[:at]).strip(), ",".join(parts[at:]).strip()) for at in range(1, len(parts))]
    if not any(first and second for first, second in splits):
        raise InputError(f'A pair is two names with a comma between, such as one,two; got "{text}".', field="pair")
    return next((each for each in splits if each[0] in names and each[1] in names), splits[0])


FRAGILITY_WORK = 100_000
"""Ratings times comparisons up to which a report tries how few would overturn its findings: about a second. Beyond,
`analyse --fragility` does."""

RESULT_SOURCES = ("analysis", "design", "reports", "services/reporting")
"""The folders of `evaluation` whose code results depend on. What only reads rows is not among them: a report's name has
the hash of what was read."""


@functools.cache
def code_version() -> str:
    """Names the code that results depend on, with git or without: see `results_version`."""
    return results_version(Path(str(evaluation.__file__)).parent)


def results_version(package: Path) -> str:
    """A version over the Python files in the `RESULT_SOURCES` of `package` (`evaluation`), nested ones too: it changes
    when, and only when, one of them does.
    """
    return f"analysis-{sources_version(*(package / folder for folder in RESULT_SOURCES))}"
