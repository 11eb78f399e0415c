"""What a report is made of beside ratings and answers, as JSON and back: so that a bundle's report is made again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd

from common.hashes import bytes_sha256
from evaluation.analysis.control_rule import ControlRule
from evaluation.analysis.early_looks import Arrival, Arrivals
from evaluation.analysis.families import Family
from evaluation.analysis.screening import AddedControls
from evaluation.analysis.sequential import StoppingRule
from evaluation.analysis.signs import SignRules
from evaluation.reports.automatic import ScoredBy, Scores
from evaluation.reports.compute import AnswersInput, ReportInput
from evaluation.reports.skips import Skips


def input_json(given: ReportInput, names: Mapping[str, str]) -> dict[str, Any]:
    """All of `given` but its frames. `names`: the bundle's names of raters, by those that `given` has."""
    own = given.answers
    return {
        "questions": list(given.questions),
        "rule": None if given.rule is None else given.rule.to_dict(),
        "arrivals": None
        if given.arrivals is None
        else {
            "joined": [[names[each.rater_id], each.panel, each.state] for each in given.arrivals.joined],
            "finished": [names[each] for each in given.arrivals.finished],
            "panels": dict(given.arrivals.panels),
        },
        "family": given.family.to_dict(),
        "categories": list(given.categories),
        "refused": given.refused,
        "n_shown": given.n_shown,
        "skipped": None if given.skipped is None else given.skipped.to_dict(),
        "scores": None
        if given.scores is None
        else {"notes": list(given.scores.notes), "scored": [_scored(each) for each in given.scores.scored]},
        "answers": {
            "prompts": dict(own.prompts),
            "scales": {name: list(values) for name, values in own.scales.items()},
            "least_right": own.least_right,
            "rule": own.rule,
            "reference": own.reference,
            "nobody": sorted(own.nobody),
            "added": None
            if own.added is None
            else {"rule": own.added.rule.to_dict(), "click": _pairs(own.added.click)},
            "signs": None if own.signs is None else own.signs.to_dict(),
            "set_size": own.set_size,
            "asked": list(own.asked),
        },
    }


def input_from(
    data: Mapping[str, Any], ratings: pd.DataFrame, answers: pd.DataFrame | None, scores_csv: bytes | None
) -> ReportInput:
    """The input from `input_json` and the bundle's files.

    Raises:
        KeyError, TypeError, ValueError: it is not in that form.
    """
    arrivals, scores, own, skipped = data["arrivals"], data["scores"], data["answers"], data["skipped"]
    added = own["added"]
    return ReportInput(
        ratings=ratings,
        questions=tuple(data["questions"]),
        rule=None if data["rule"] is None else StoppingRule.from_dict(data["rule"]),
        arrivals=None
        if arrivals is None
        else Arrivals(
            tuple(Arrival(*each) for each in arrivals["joined"]), tuple(arrivals["finished"]), arrivals["panels"]
        ),
        scores=None
        if scores is None or scores_csv is None
        else Scores(
            pd.read_csv(io.BytesIO(scores_csv), dtype={"prompt_id": str, "generator": str}, keep_default_na=False),
            bytes_sha256(scores_csv),
            tuple(ScoredBy(**{**each, "value_range": tuple(each["value_range"])}) for each in scores["scored"]),
            tuple(scores["notes"]),
        ),
        family=Family.from_dict(data["family"]),
        categories=tuple(data["categories"]),
        refused=data["refused"],
        n_shown=data["n_shown"],
        skipped=None if skipped is None else Skips.from_dict(skipped),
        answers=AnswersInput(
            frame=answers,
            prompts=own["prompts"],
            scales={name: tuple(map(float, values)) for name, values in own["scales"].items()},
            least_right=own["least_right"],
            rule=own["rule"],
            reference=own["reference"],
            nobody=frozenset(own["nobody"]),
            added=None
            if added is None
            else AddedControls(ControlRule(**added["rule"]), dict(map(tuple, added["click"]))),
            signs=None if own["signs"] is None else SignRules.from_dict(own["signs"]),
            set_size=own["set_size"],
            asked=tuple(own["asked"]),
        ),
    )


def _pairs(values: Mapping[str, float]) -> list[list[object]]:
    """A mapping whose order counts, which canonical JSON does not keep."""
    return [[name, value] for name, value in values.items()]


def _scored(each: ScoredBy) -> dict[str, Any]:
    return {**each.__dict__, "parameters": dict(each.parameters), "value_range": list(each.value_range)}
