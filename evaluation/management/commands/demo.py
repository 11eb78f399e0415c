"""`manage.py demo`: the whole path once, ready to be looked at."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from tqdm import tqdm

from common.commands import FAILED
from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.models import GenerationRun, MetricRun, Rating, RunStatus
from evaluation.selectors.runs import run_progress
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from evaluation.services.demo import DemoSize, demo_begin, demo_finish, demo_ship, demo_ships

POLL_S = 0.5
STALLED_S = 180
"""Seconds without a new sample after which the demonstration says that no worker is at it."""
SCORES_STALLED_S = 90
"""Seconds without a new score after which it goes on without them."""


class Command(ProductCommand):
    """Prepare the demonstration; `./dev demo` starts what it needs and the web server after it."""

    help = (
        "Prepare the demonstration: open a study of two runs of the bundled cascade, whose images ship, with simulated "
        "ratings; then draw a third run, score all images automatically, compute the report and print the addresses. "
        "Continues where it was interrupted. Needs a worker (./dev demo starts one)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = DemoSize()
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="address of the web server")
        parser.add_argument("--per-category", type=int, default=default.per_category, help="prompts per category")
        parser.add_argument("--samples", type=int, default=default.samples, help="samples per prompt")
        parser.add_argument(
            "--size", type=int, default=default.size, choices=[64, 256, 1024], help="image size in pixels"
        )
        parts = parser.add_mutually_exclusive_group()
        parts.add_argument(
            "--begin",
            action="store_true",
            help="only open the study, if its images ship, which needs no worker; exit code 1 where they must be drawn",
        )
        parts.add_argument(
            "--draw-shipped",
            action="store_true",
            help="draw the images that ship anew, in this process, into fixtures/demo: after a change of the weights",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        for name in ("per_category", "samples"):
            if options[name] < 1:
                raise InputError(f"--{name.replace('_', '-')} must be 1 or more; got {options[name]}.")
        size = DemoSize(options["per_category"], options["samples"], options["size"])
        if options["draw_shipped"]:
            return {"shipped": [str(path) for path in demo_ship(size=size, say=self._say)]}
        if options["begin"] and not demo_ships(size):
            self.stderr.write("No images of this demonstration ship with DrawBench, so they are drawn first.")
            sys.exit(FAILED)
        demo = demo_begin(size=size, say=self._say, wait=self._wait)
        simulated = Rating.objects.filter(assignment__rater__study=demo.study, assignment__rater__simulated=True)
        if not options["begin"]:
            demo_finish(demo=demo, size=size, say=self._say, wait=self._wait, wait_scores=self._wait_scores)
        base = options["base_url"].rstrip("/")
        return {
            "rater": base + reverse("rater:join", args=[demo.invitation.key]),
            "researcher": base + sign_in_link_create(user=demo.researcher),
            "report": base + reverse("researcher:study-report", args=[demo.study.name]),
            "simulated_ratings": simulated.count(),
            "whole": not options["begin"],
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        if "shipped" in result:
            return "\n".join(result["shipped"])
        state = "The demonstration is ready." if result["whole"] else "The demonstration can be rated."
        return (
            f"\n{state}\n\n"
            f"  Rate as a rater:         {result['rater']}\n"
            f"  Sign in as researcher:   {result['researcher']}   (works once; `./dev demo` prints a new one)\n"
            f"  Read the report:         {result['report']}   (after signing in)\n\n"
            f"Its first {counted(result['simulated_ratings'], 'rating')} are SIMULATED and are marked wherever shown.\n"
        )

    def _say(self, line: str) -> None:
        self.stderr.write(line)

    def _wait(self, run: GenerationRun) -> None:
        """Show a run's progress until it ends. Raises `InputError` when nothing comes for a long time."""
        progress = run_progress(run)
        last_news = time.monotonic()
        with tqdm(total=progress.expected, initial=progress.made, unit="image", desc=f"  {run.name}") as bar:
            while True:
                run.refresh_from_db(fields=["status", "message"])
                progress = run_progress(run)
                if progress.made + progress.failed > bar.n:
                    last_news = time.monotonic()
                    bar.update(progress.made + progress.failed - bar.n)
                if run.status not in (RunStatus.QUEUED, RunStatus.RUNNING):
                    return
                if time.monotonic() - last_news > STALLED_S:
                    raise InputError(
                        f"The run {run.name} has made no image for {STALLED_S} s. Check that a worker is running "
                        "(./dev worker starts one) and read var/log/worker.log. Then ./dev demo continues from here."
                    )
                time.sleep(POLL_S)

    def _wait_scores(self, scores: Sequence[MetricRun]) -> None:
        """Show how far the scores are until they have ended, or nothing has come for a while."""
        last_news = time.monotonic()
        with tqdm(total=sum(each.n_total for each in scores), unit="image", desc="  scores") as bar:
            while True:
                for each in scores:
                    each.refresh_from_db(fields=["status", "n_done"])
                done = sum(each.n_done for each in scores)
                if done > bar.n:
                    last_news = time.monotonic()
                    bar.update(done - bar.n)
                if not any(each.under_way for each in scores) or time.monotonic() - last_news > SCORES_STALLED_S:
                    return
                time.sleep(POLL_S)
