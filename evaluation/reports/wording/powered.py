"""Rankings from few ratings and many scores, and the alarm for scores, in words."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.analysis.powered_ranking import PoweredRanking
from evaluation.analysis.score_drift import ScoreDrift
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import level_text, points, signed
from evaluation.reports.wording.results import aligned


def powered_rankings_text(results: Sequence[PoweredRanking]) -> str:
    """Each question's ranking over all scored prompts."""
    text = [
        "Rankings from ratings and scores, over all scored prompts (the rated ones must be a random draw from them)"
    ]
    for each in results:
        size = f"{each.n_rated:,} of {each.n_prompts:,} prompts rated"
        text += ["", f"{question_name(each.question)}, {size}"]
        if each.why:
            text.append(f"There is no ranking: {each.why}.")
            continue
        rows = []
        for own in each.advantages:
            band = f"{own.rank_low} to {own.rank_high}" if own.rank_low != own.rank_high else f"{own.rank_low}"
            bounds = f"{points(max(own.low, -1.0))} to {points(min(own.high, 1.0))}"
            rows.append([own.generator, f"{own.rank}", band, points(own.advantage), bounds, points(own.classical)])
        header = ["", "rank", "rank set", "advantage", f"{level_text(each.level)} interval", "by ratings alone"]
        text += aligned(header, rows)
    if not results:
        text.append("There is none: no question has three generators or more.")
    return "\n".join([*text, "Advantage: the mean net share against the others, in percentage points."])


def drift_text(results: Sequence[ScoreDrift]) -> str:
    """Whether each score still agrees with people as it did."""
    text = [
        "Do the scores still agree with people as they did? (1: every vote goes with the score, 0: as many against it)"
    ]
    rows = []
    for each in results:
        said = "no alarm" if each.alarm_after is None else f"ALARM after {each.alarm_after:,} prompts"
        sizes = [f"{signed(each.before)} ({each.n_before:,})", f"{signed(each.now)} ({each.n_now:,})"]
        rows.append([f"{each.metric}, {each.question}", *sizes, signed(each.floor), signed(each.ceiling), said])
    text += aligned(["", "before (prompts)", "now", "at least before", "at most now", ""], rows)
    rate = level_text(results[0].alpha) if results else ""
    text.append(f"For a score that has not changed the alarm ever sounds with a chance of {rate} at most.")
    return "\n".join([*text, "Raters of another taste, or prompts of another kind, raise it as well."])
