"""What a report's results can't say, by rule: each rule looks at what was declared and counted, never at who leads.

A rule has a code and, where it applies, a sentence that says what is limited and by what. So no report is without its
limitations, and none is written by whoever likes the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.words import counted
from evaluation.analysis.cautions import SMALL
from evaluation.analysis.estimates import CONFIRMATORY
from evaluation.declared import SELECTION_HERE, selection_in_words
from evaluation.reports.document import ReportDocument
from evaluation.reports.wording.numbers import percent_sign

MANY_LEFT = 0.2
"""Of the people who joined: from that share on, those who stayed may differ from those who did not."""
NAMED = 5
FEW_RATERS = 10
"""Raters below which an interval for new raters rests on a handful of tastes."""


@dataclass(frozen=True)
class Limitation:
    """A rule that applies: its code, and what it means here."""

    code: str
    words: str


@dataclass(frozen=True)
class Limits:
    """What the rules look at. `n_ratings`, `n_simulated`: answers of any kind. `joined`, `left`: people who joined and
    who left without finishing; zeros where nobody but simulated raters took part.
    """

    document: ReportDocument
    specification: Mapping[str, Any]
    n_ratings: int
    n_simulated: int
    joined: int = 0
    left: int = 0

    @property
    def n_raters(self) -> int:
        """Raters of preferences, or of any answers where there are none."""
        collected = self.document.collection
        return self.document.analysis.n_raters or (collected.n_raters if collected else 0)


def limitations(given: Limits) -> tuple[Limitation, ...]:
    """The rules that apply, in their order; none to a report without ratings."""
    if not given.n_ratings:
        return ()
    return tuple(Limitation(code, words) for code, rule in RULES.items() if (words := rule(given)))


def _simulated(given: Limits) -> str:
    if not given.n_simulated:
        return ""
    share = "All" if given.n_simulated == given.n_ratings else percent_sign(given.n_simulated / given.n_ratings)
    return f"{share} of the ratings are simulated. They say nothing about the generators."


def _few_raters(given: Limits) -> str:
    if given.n_raters >= FEW_RATERS:
        return ""
    return f"{counted(given.n_raters, 'rater')} took part. So few say little of what other people would prefer."


def _few_prompts(given: Limits) -> str:
    n = given.document.analysis.n_prompts
    if not given.document.analysis.comparisons or n >= SMALL:
        return ""
    return f"Results rest on {counted(n, 'prompt')}, too few to say how others would come out."


def _one_prompt(given: Limits) -> str:
    names = sorted(
        {
            name
            for each in given.document.analysis.comparisons
            for name, rate in each.categories.items()
            if rate.n_prompts == 1
        }
    )
    if not names:
        return ""
    return f"{_listed(names)}: one prompt each. Results there may be about that prompt and not about its category."


def _unrated(given: Limits) -> str:
    names = sorted({name for each in given.document.analysis.comparisons for name in each.not_rated})
    return f"Not rated: {_listed(names)}. Overall figures speak for the other categories alone." if names else ""


def _one_set(given: Limits) -> str:
    if not given.document.analysis.comparisons:
        return ""
    return (
        "Each run shows one image set per prompt. That cannot separate prompt difficulty from unlucky images: the "
        "results are about these images."
    )


def _displays(given: Limits) -> str:
    shown = given.document.displays
    if shown is None or not shown.n_known:
        return "On what displays raters saw the images was not recorded."
    if shown.n_known < shown.n_answers:
        return f"How wide images were shown is known of {shown.n_known:,} of {counted(shown.n_answers, 'answer')}."
    return ""


def _small_displays(given: Limits) -> str:
    shown = given.document.displays
    if shown is None or not shown.n_small:
        return ""
    return (
        f"{percent_sign(shown.n_small / shown.n_answers)} of the answers were given on images under {shown.small} CSS "
        "pixels wide, where fine differences can't be seen."
    )


def _controls(given: Limits) -> str:
    further = given.document.further
    if further is not None and further.screening is not None:
        return ""
    return "There were no control trials. Raters who clicked without looking are among the results."


def _selection(given: Limits) -> str:
    known = {
        str(run.get("label", "")): selection_in_words(
            run.get("declared", {}), drawn_here=run.get("origin") != "uploaded"
        )
        for run in given.specification.get("runs", ())
    }
    picked = [name for name, run in _declared(given).items() if run in ("hand_picked", "chosen_by_score")]
    unknown = [name for name, words in known.items() if words != SELECTION_HERE and not _declared(given).get(name)]
    said = []
    if picked:
        said.append(f"{_listed(picked)}: the samples were chosen among more. They show these generators at their best.")
    if unknown:
        said.append(f"{_listed(unknown)}: how the samples were chosen is not known.")
    return " ".join(said)


def _declared(given: Limits) -> dict[str, str]:
    return {
        str(run.get("label", "")): str(run.get("declared", {}).get("selection", ""))
        for run in given.specification.get("runs", ())
    }


def _language(given: Limits) -> str:
    language = given.specification.get("suite", {}).get("language", "")
    if not language:
        return "The language of the prompts is not declared."
    return f"All prompts are in one language ({language}). The results say nothing about prompts in others."


def _people(given: Limits) -> str:
    raters = given.specification.get("raters", {})
    if given.n_simulated == given.n_ratings:
        return ""
    if not raters.get("crowd") and not raters.get("about"):
        return "Who the raters are was not declared: neither how they were recruited and paid, nor anything about them."
    if not raters.get("about"):
        return "Raters were asked nothing about themselves, so whom they stand for is not known."
    return ""


def _left(given: Limits) -> str:
    if not given.joined or given.left < MANY_LEFT * given.joined:
        return ""
    return (
        f"{given.left:,} of {counted(given.joined, 'person,people')} who joined left without finishing. Those who "
        "stayed may differ from them."
    )


def _skipped(given: Limits) -> str:
    return "Some trials were skipped, and rates speak for the others." if given.document.skipped is not None else ""


def _refused(given: Limits) -> str:
    refused = given.document.refusals
    if refused is None or not any(each.missing for each in refused.rates):
        return ""
    return "Some images are missing. Prompts without them were left out of the rates."


def _shared(given: Limits) -> str:
    if not given.specification.get("shared_images"):
        return ""
    return "Some runs share images, which raters then compared with themselves."


def _departures(given: Limits) -> str:
    if not given.specification.get("departures"):
        return ""
    return "The study departs from its protocol, so its figures can't simply stand beside others of that protocol."


def _exploratory(given: Limits) -> str:
    standings = [each.overall.standing for each in given.document.analysis.comparisons]
    if not standings or any(each is not None and each.role == CONFIRMATORY for each in standings):
        return "" if given.document.analysis.family.declared or not standings else _undeclared()
    return "No comparison was declared beforehand for what is reported here. All results are exploratory."


def _undeclared() -> str:
    return "No comparison was declared beforehand as primary, so the results invite another look, with new ratings."


def _too_few(given: Limits) -> str:
    pairs = given.document.analysis.comparisons
    n = sum(bool(each.overall.too_few) or each.overall.net.interval is None for each in pairs)
    if not n:
        return ""
    return f"Of {counted(len(pairs), 'comparison')}, {n:,} {'has' if n == 1 else 'have'} no interval that says much."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


RULES: Mapping[str, Callable[[Limits], str]] = {
    "simulated": _simulated,
    "few_raters": _few_raters,
    "few_prompts": _few_prompts,
    "one_prompt_a_category": _one_prompt,
    "categories_not_rated": _unrated,
    "too_few_for_intervals": _too_few,
    "one_image_set": _one_set,
    "samples_chosen": _selection,
    "images_missing": _refused,
    "shared_images": _shared,
    "language": _language,
    "displays_unknown": _displays,
    "small_displays": _small_displays,
    "no_controls": _controls,
    "raters_unknown": _people,
    "raters_left": _left,
    "trials_skipped": _skipped,
    "departures": _departures,
    "not_declared": _exploratory,
}
