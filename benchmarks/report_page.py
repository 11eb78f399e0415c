"""How long the page of a report of many ratings takes to open, and how large it is.

    python -m benchmarks.report_page [--ratings 1000000] [--generators 10]

It takes the instance that DRAWBENCH_VAR names, whose database must run, and leaves nothing there: all is made in a
transaction that is taken back. The report is stored before, as it is after its first request. Timed are the server's
part (queries and rendering; processor time beside it) and the whole in Chromium (`DRAWBENCH_CHROMIUM`, see
tests/chromium.py), from the address to the event `load` of a page that knows nothing yet: with styles, scripts, figures
and images, all of which this process serves.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Sequence
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
import pandas as pd

from common.commands import refuse_repeated

CATEGORIES, PROMPTS = 11, 200
LOADED = "performance.getEntriesByType('navigation')[0].loadEventStart"
"""Milliseconds since the page was asked for."""
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


def measured(n: int, generators: int, *, browser: bool = True) -> str:
    """Make the report, open its page, take all back; the figures in a line."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
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
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.create_user(f"benchmark-{n}"))
        client.get("/studies/")  # what a process does once, at its first page
        address = f"/reports/{report.pk}/"
        seconds, processor, size, queries = [], [], 0, 0
        for _ in range(OPENED):
            began, used = time.perf_counter(), time.process_time()
            with CaptureQueriesContext(connection) as captured:
                answer = client.get(address)
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
            assert answer.status_code == 200, answer.status_code
            size, queries = len(answer.content), len(captured)
        cookie = settings.SESSION_COOKIE_NAME
        opened = in_chromium((cookie, client.cookies[cookie].value), address) if browser else []
        transaction.set_rollback(True)
    told = (
        f"{len(frame):,} ratings of {generators} generators, computed once in {computed:.1f} s: the server answers in "
        f"{spread(seconds)}, of processor time {spread(processor)}, {queries} queries, {size / 1000:.0f} kB"
    )
    return f"{told}; open in Chromium after {spread(opened)}" if opened else told


def in_chromium(cookie: tuple[str, str], address: str) -> list[float]:
    """Seconds from the address to the event `load`, each time in a page without a cache. `cookie`: of who is signed in.

    Chromium is driven by a process of its own; this one serves it, for only its connection sees the transaction.
    """
    from django.core.signals import request_finished, request_started
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # the transaction would end with the first answer
    spawned = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[list[float]] = spawned.Queue()
    with make_server("localhost", 0, get_wsgi_application(), handler_class=Quiet) as server:
        server.timeout = 0.05
        site = f"http://localhost:{server.server_port}"
        process = spawned.Process(target=_opened, args=(site, cookie, f"{site}{address}", queue))
        process.start()
        while process.is_alive():
            server.handle_request()
    return queue.get(timeout=5)


class Quiet(WSGIRequestHandler):
    """Writes no line a request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _opened(site: str, cookie: tuple[str, str], address: str, queue: multiprocessing.Queue[list[float]]) -> None:
    from playwright.sync_api import sync_playwright

    from tests.chromium import FLAGS, prepare

    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=prepare(), args=FLAGS)
        for _ in range(OPENED):
            context = browser.new_context()
            context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": site}])
            page = context.new_page()
            answer = page.goto(address, wait_until="load")
            assert answer is not None and answer.status == 200 and page.url == address, page.url
            seconds.append(page.evaluate(LOADED) / 1000)
            context.close()
        browser.close()
    queue.put(seconds)


def spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--generators", type=int, default=10)
    parser.add_argument("--without-chromium", action="store_true", help="time the server's part alone")
    given = refuse_repeated(parser).parse_args(argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
    import django

    django.setup()
    print(measured(given.ratings, given.generators, browser=not given.without_chromium))


if __name__ == "__main__":
    main(sys.argv[1:])
