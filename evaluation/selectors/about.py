"""What raters said about themselves, as columns of an export or an analysis."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.frame import RATER
from evaluation.analysis.groups import without_rare
from evaluation.models import RaterAbout, Study
from evaluation.selectors.crowd import declared_about
from evaluation.selectors.ratings import rater_pseudonym


def with_about(frame: pd.DataFrame, study: Study, *, exported: bool) -> pd.DataFrame:
    """`frame`, which has `rater_id`, with a column `rater_ID` for each question about the rater that `study` declares;
    empty where a rater would rather not say. `frame` itself where none is declared.

    Args:
        exported: whether it leaves the platform: then combinations of fewer than five raters are emptied
            (`evaluation.analysis.groups.without_rare`). An analysis holds back small groups by itself.
    """
    questions = declared_about(study.specification)
    if not questions:
        return frame
    rows = RaterAbout.objects.filter(rater__study=study).values_list("rater__key", "answers")
    said = {rater_pseudonym(str(key)): answers for key, answers in rows}
    described = frame.assign(
        **{
            f"{RATER}{each.id}": pd.Series(
                [said.get(rater, {}).get(each.id, "") for rater in frame["rater_id"]], index=frame.index, dtype=object
            )
            for each in questions
        }
    )
    if not exported or described.empty:
        return described
    return without_rare(described, [f"{RATER}{each.id}" for each in questions])
