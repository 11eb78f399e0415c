"""Sources of paper kits for tests, without a database: ratings by rule, and what a study of them would have locked."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd

from evaluation import protocols
from evaluation.analysis.answers import no_answers
from evaluation.reports.compute import AnswersInput, ReportInput, Settings, compute_report
from evaluation.reports.kit.source import KitSource
from evaluation.reports.ratings_file import input_hash, ratings_csv
from tests.reports.sample import ratings, three_generators

CROWD = {
    "platform": "prolific",
    "pay": "GBP 3.00 for 20 minutes",
    "approval": "Board of Somewhere, 2026-17",
    "retention": "ids are deleted after 30 days",
    "withdrawal": "none",
}


def specification(labels: list[str], protocol: str = "drawbench", **changes: Any) -> dict[str, Any]:
    """What a study of two panels of four raters and five prompts locks."""
    panels = [{"panel": name, "raters": 4, "prompts": 5, "trials": 5} for name in ("Colors", "Counting")]
    return {
        "study": "sample",
        "protocol": protocols.get(protocol).specification(),
        "departures": ["4 raters per panel, where the protocol has 25"],
        "suite": {"name": "small", "version_hash": "5" * 64, "content_hash": "c" * 64, "prompts": 10},
        "runs": [
            {
                "label": label,
                "run": label,
                "origin": "rendered",
                "generator": "test",
                "parameters": {"guidance": 2},
                "size": 64,
                "run_seed": 7,
                "weights_fingerprint": "f" * 64,
            }
            for label in labels
        ],
        "sets": {"size": 8, "missing": "refuse", "dropped": [], "smaller": {}},
        "panels": panels,
        "design": {
            "seed": 3,
            "pairs": "every pair of runs",
            "sides": "balanced table, curveball trades (evaluation.design.balanced_sides)",
            "order": "Williams squares (evaluation.design.balanced_orders)",
        },
        "display": {
            "largest_side": 256,
            "format": "WebP, lossless, without metadata",
            "resampling": "Lanczos to the common size",
            "width": 64,
            "height": 64,
        },
        "raters": {"consent": "You look at images.", "contact": "ada@example.org"},
        "comparisons": {"n": 10, "shown_sha256": "a" * 64},
    } | changes


@cache
def plain_source() -> KitSource:
    """The source of a report on three generators in two categories."""
    return source(three_generators())


def source(frame: pd.DataFrame, **changes: Any) -> KitSource:
    """The source of a report on `frame`."""
    labels = sorted({*frame["generator_a"], *frame["generator_b"]})
    given = ReportInput(ratings=frame, questions=("fidelity", "alignment"), rule=None, arrivals=None, scores=None)
    settings = Settings()
    fields: dict[str, Any] = {
        "study": "sample",
        "title": "A sample & more",
        "status": "closed",
        "specification": specification(labels),
        "specification_hash": "5" * 64,
        "opened_at": "2026-11-01T08:00:00+00:00",
        "report": 7,
        "as_of": "2026-11-02T08:00:00+00:00",
        "input_hash": input_hash(ratings_csv(frame)),
        "settings": settings.to_dict(),
        "code_version": "analysis-0123456789abcdef",
        "document": compute_report(given, settings),
        "ratings": frame,
        "answers": None,
    }
    return KitSource(**(fields | changes))


@cache
def answers_source() -> KitSource:
    """The source of a report on five-point scales of single images: no pair was ever compared."""
    rows = [
        {
            "rater_id": f"r{rater}",
            "prompt_id": f"{prompt:05d}",
            "category": "Colors" if prompt < 3 else "Counting",
            "question": question,
            "kind": "scale",
            "shown": f'["{generator}"]',
            "value": '"unable"' if (rater, prompt) == (0, 0) else str(1 + (rater + prompt + at + len(question)) % 5),
            "repetition": 0,
            "response_time_ms": 900 + 100 * rater,
            "control": False,
            "simulated": True,
        }
        for rater in range(4)
        for prompt in range(6)
        for at, generator in enumerate(("plain", "guided"))
        for question in ("alignment", "fidelity")
    ]
    frame = pd.concat([no_answers(), pd.DataFrame(rows)])[list(rows[0])].reset_index(drop=True)
    empty = ratings().iloc[:0]
    own = AnswersInput(frame=frame, scales=dict.fromkeys(("alignment", "fidelity"), (1.0, 2.0, 3.0, 4.0, 5.0)))
    given = ReportInput(ratings=empty, questions=(), rule=None, arrivals=None, scores=None, answers=own)
    settings = Settings()
    return source(
        ratings(),
        specification=specification(["plain", "guided"], "single-image"),
        document=compute_report(given, settings),
        ratings=empty,
        answers=frame,
    )
