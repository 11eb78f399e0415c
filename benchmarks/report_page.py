"""How long the page of a report of many ratings takes to open, and how large it is.

python -m benchmarks.report_page [--ratings 1000000] [--generators 10]

It takes the instance that DRAWBENCH_VAR names, whose database must run, and leaves nothing there: all is made in a
transaction that is taken back. Reading and rendering are timed, as a browser would wait for them; the report is stored
before, as it is after its first request.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

import numpy as np
import pandas as pd

from common.commands import refuse_repeated

CATEGORIES, PROMPTS = 11, 200
OPENED = 5


def ratings_of(n: int, generators: int, seed: int = 0) -> pd.DataFrame:
    """At least `n` ratings: every pair and two questions on 200 prompts, by as many raters as that takes."""
    labels = [f"generator {at:02d}" for at in range(generators)]
    pairs = [(a, b) for at, a in enumerate(labels) for b in labels[at + 1 :]]
    raters = max(1, round(n / (len(pairs) * 2 * PROMPTS)))
    pair, question, prompt, rater = (
        axis.ravel() for axis in np.indices((len(pairs), 2, PROMPTS, raters), dtype=np.int32)
    )
    rng = np.random.default_rng(seed)
    names = np.array([f"{at:05d}" for at in range(PROMPTS)])
    return pd.DataFrame(
        {
            "rater_id": np.array([f"r{at}" for at in range(raters)])[rater],
            "prompt_id": names[prompt],
            "category": np.array([f"category {at}" for at in range(CATEGORIES)])[prompt % CATEGORIES],
            "generator_a": np.array([a for a, _ in pairs])[pair],
            "generator_b": np.array([b for _, b in pairs])[pair],
            "question": np.array(["alignment", "fidelity"])[question],
            "choice": np.array(["a", "indifferent", "b"])[rng.choice(3, len(pair), p=[0.45, 0.2, 0.35])],
            "response_time_ms": rng.integers(800, 20_000, len(pair)),
            "position": prompt,
            "a_shown_left": rng.random(len(pair)) < 0.5,
            "control": False,
            "simulated": False,
        }
    )


def measured(n: int, generators: int) -> str:
    """Make the report, open its page, take all back; the figures in a line."""
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone

    from benchmarks._report_study import a_study
    from evaluation.analysis.frame import validate_ratings
    from evaluation.models import Report
    from evaluation.reports.compute import ReportInput, Settings, compute_report

    frame = ratings_of(n, generators)
    with transaction.atomic():
        study = a_study(sorted({*frame["generator_a"], *frame["generator_b"]}), CATEGORIES)
        began = time.perf_counter()
        given = ReportInput(validate_ratings(frame), ("alignment", "fidelity"), None, None, None)
        results = compute_report(given, Settings()).to_dict()
        computed = time.perf_counter() - began
        report = Report.objects.create(
            study=study,
            as_of=timezone.now(),
            input_hash=f"{n:064d}",
            settings=Settings().to_dict(),
            settings_hash="0" * 64,
            code_version="benchmark",
            results=results,
            n_ratings=len(frame),
        )
        client = Client()
        client.force_login(User.objects.create_user(f"benchmark-{n}"))
        client.get("/studies/")  # what a process does once, at its first page
        seconds, size = [], 0
        for _ in range(OPENED):
            began = time.perf_counter()
            answer = client.get(f"/reports/{report.pk}/")
            seconds.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.status_code
            size = len(answer.content)
        transaction.set_rollback(True)
    return (
        f"{len(frame):,} ratings of {generators} generators, computed once in {computed:.1f} s: the page opens in "
        f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), {size / 1000:.0f} kB"
    )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--generators", type=int, default=10)
    given = refuse_repeated(parser).parse_args(argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
    import django

    django.setup()
    print(measured(given.ratings, given.generators))


if __name__ == "__main__":
    main(sys.argv[1:])
