"""Studies of the same runs side by side: how each orders them, and how far the orders agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.analysis.orders import Order, SideBySide, side_by_side
from evaluation.errors import ConflictError
from evaluation.models import Study, StudyStatus
from evaluation.reports.document import ReportDocument
from evaluation.reports.order_columns import orders_of
from evaluation.selectors.orders import run_names
from evaluation.services.reporting.make import report_make

SEED = 0
"""Of the draws of agreement; the same reports give the same numbers."""


def study_orders(studies: Sequence[Study]) -> SideBySide:
    """The orders of `studies` by their questions, as their ratings stand. Runs, not labels, tell generators apart.

    Raises:
        ConflictError: a study is a draft.
    """
    orders: list[Order] = []
    for study in studies:
        if study.status == StudyStatus.DRAFT:
            raise ConflictError(f"The study {study.name} is a draft, so nobody has rated in it. Open it first.")
        document = ReportDocument.from_dict(report_make(study=study).results)
        orders += orders_of(document, study.name, run_names(study))
    return side_by_side(orders, np.random.default_rng(SEED))
