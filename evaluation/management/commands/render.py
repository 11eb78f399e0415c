"""`manage.py render`: a generation run, from asking for it to its manifest."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from common.commands import parse_settings
from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.models import GenerationRun, RunStatus
from evaluation.selectors.runs import RunProgress, gaps_in_words, run_by_name, run_gaps, run_progress, runs_progress
from evaluation.selectors.suites import suite_by_name
from evaluation.services.runs.draw import run_drawing
from evaluation.services.runs.estimate import run_estimate, run_pace_in_words
from evaluation.services.runs.export import run_export
from evaluation.services.runs.request import RunDraft, run_cancel, run_pause, run_render, run_resume, run_retry
from evaluation.services.runs.spending import budget_checked
from evaluation.services.work.items import work_here
from evaluation.services.work.queue import workers_answering
from evaluation.services.work.states import UNFINISHED
from generators.contract import GeneratorError
from generators.sizes import Size, read_size

POLL_S = 0.5
PATIENCE_S = 4.0
"""Seconds without a first sample after which --wait looks whether a worker is there at all."""

HOW_TO_START = (
    "No worker responds, so nothing is being rendered; the run waits in the queue. Start a worker in another terminal "
    "with ./dev worker, or render in this process with --here."
)


class Command(ProductCommand):
    """Render a suite with a generator."""

    help = (
        "Render a suite with a generator. Workers make the images; --wait shows the progress until the run ends, and "
        "--here renders in this process instead. Also: --pause, --cancel, --retry, --resume or --export a run, or "
        "--list all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--suite", metavar="NAME[@VERSION]", help="the suite whose prompts are rendered")
        parser.add_argument("--generator", metavar="NAME", help="the generator; python -m generators.list lists all")
        parser.add_argument(
            "--set",
            dest="parameters",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the generator, such as guidance=5; repeat for several",
        )
        parser.add_argument(
            "--size", metavar="WIDTHxHEIGHT", help="image size in pixels, or one number for a square (the generator's)"
        )
        parser.add_argument("--samples", type=int, default=1, help="images per prompt (default: 1; DrawBench shows 8)")
        parser.add_argument(
            "--seed", type=int, default=0, help="the run seed (default: 0); runs with the same seed are paired"
        )
        parser.add_argument("--name", default="", help="name of the run (default: generator and suite)")
        parser.add_argument(
            "--budget",
            metavar="USD",
            help="US dollars that the run may cost, where its generator asks for money; also with --resume and --retry",
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="show the progress until the run ends")
        where.add_argument("--here", action="store_true", help="render in this process, without a worker")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--cancel", metavar="RUN", help="stop a run; images made so far are kept")
        other.add_argument("--pause", metavar="RUN", help="leave a run for later; --resume goes on with it")
        other.add_argument("--retry", metavar="RUN", help="retry the failed samples of a run")
        other.add_argument("--resume", metavar="RUN", help="continue a run that was paused, cancelled, failed or lost")
        other.add_argument("--export", metavar="RUN", help="write a run's images and manifest to the folder --to")
        other.add_argument("--list", action="store_true", help="list the runs, newest first")

        parser.add_argument("--to", type=Path, metavar="FOLDER", help="with --export: a new or empty folder")
        parser.add_argument(
            "--watermark",
            default="",
            metavar="TEXT|LOGO",
            help="with --export: mark a corner of the copies (default: no mark)",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["list"]:
            runs = list(GenerationRun.objects.select_related("suite"))
            progress = runs_progress(runs)
            return {"runs": [_described(run, progress[run.pk]) for run in runs]}
        if options["export"]:
            if options["to"] is None:
                raise InputError("--export needs --to FOLDER: a new or empty folder for the images and their manifest.")
            run = run_by_name(options["export"])
            return _described(run_export(run=run, folder=options["to"], watermark=options["watermark"]))
        if options["watermark"]:
            raise InputError(
                "--watermark can only be used with --export: raters' images are never marked.", field="watermark"
            )
        if options["cancel"]:
            return _described(run_cancel(run=run_by_name(options["cancel"])))
        if options["pause"]:
            return _described(run_pause(run=run_by_name(options["pause"])))
        queue = not options["here"]
        if options["retry"]:
            run = run_retry(run=run_by_name(options["retry"]), queue=queue, budget_usd=options["budget"])
        elif options["resume"]:
            run = run_resume(run=run_by_name(options["resume"]), queue=queue, budget_usd=options["budget"])
        else:
            run = self._ask_for(options, queue)
        try:
            if options["here"]:
                self._draw_here(run)
            elif options["wait"]:
                self._wait(run)
        except KeyboardInterrupt:
            state = "Workers continue with the run" if options["wait"] else "The run has stopped"
            sys.stderr.write(f"\n{state}. To stop or continue it: manage.py render --cancel|--resume {run.name!r}\n")
            raise
        run.refresh_from_db()
        if run.status == RunStatus.FAILED:
            raise InputError(f"The run {run.name} failed: {run.message}")
        if not (options["here"] or options["wait"]):
            if run.message:
                raise InputError(run.message)
            if not workers_answering():
                self.stderr.write(HOW_TO_START)
        return _described(run)

    def _ask_for(self, options: Mapping[str, Any], queue: bool) -> GenerationRun:
        for name in ("suite", "generator"):
            if not options[name]:
                raise InputError(
                    f"--{name} is missing. render needs --suite NAME and --generator NAME (see render --help)."
                )
        draft = RunDraft(
            suite=suite_by_name(options["suite"]),
            generator=options["generator"],
            parameters=parse_settings(options["parameters"]),
            size=_size(options["size"]),
            samples_per_prompt=options["samples"],
            run_seed=options["seed"],
            name=options["name"],
            budget_usd=budget_checked(options["budget"]),
        )
        estimate = run_estimate(draft, operator=True)
        if estimate.expected_usd is not None:
            self.stderr.write(str(estimate))
        return run_render(draft, operator=True, queue=queue)

    def _draw_here(self, run: GenerationRun) -> None:
        with _bar(run) as bar:
            work_here(lambda: run_drawing(run.pk), report_progress=lambda: _show(bar, run))
            run.refresh_from_db()
            _show(bar, run)

    def _wait(self, run: GenerationRun) -> None:
        began, told = time.monotonic(), False
        with _bar(run) as bar:
            while True:
                run.refresh_from_db()
                progress = _show(bar, run)
                if run.status not in UNFINISHED:
                    return
                silent = run.status == RunStatus.QUEUED or not progress.samples_per_minute
                if silent and not told and time.monotonic() - began > PATIENCE_S:
                    told = True  # a worker that loads a large generator is silent too, and answers
                    if not workers_answering():
                        bar.write(HOW_TO_START, file=sys.stderr)
                time.sleep(POLL_S)

    def describe(self, result: Mapping[str, Any]) -> str:
        if "runs" not in result:
            return _line(result) + (f"\n  {result['gaps_told']}" if result["gaps_told"] else "")
        return "\n".join(map(_line, result["runs"])) or "There are no runs yet. See render --help."


def _size(given: str | None) -> Size | None:
    try:
        return read_size(given)
    except GeneratorError as error:
        raise InputError(f"--size: {error}", field="size") from error


def _bar(run: GenerationRun) -> tqdm[Any]:
    progress = run_progress(run)
    done = progress.made + progress.failed
    return tqdm(total=progress.expected, initial=done, unit="image", desc=run.name, file=sys.stderr)


def _show(bar: tqdm[Any], run: GenerationRun) -> RunProgress:
    progress = run_progress(run)
    bar.update(progress.made + progress.failed - bar.n)
    if progress.failed:
        bar.set_postfix(failed=progress.failed)
    return progress


def _described(run: GenerationRun, progress: RunProgress | None = None) -> dict[str, Any]:
    listed = progress is not None
    progress = progress or run_progress(run)
    gaps = [] if listed or run.status in UNFINISHED else run_gaps(run)
    return {
        "run": run.name,
        "suite": str(run.suite),
        "generator": run.generator,
        "parameters": run.parameters,
        "width": run.width,
        "height": run.height,
        "samples_per_prompt": run.samples_per_prompt,
        "seed": run.known_seed,
        "origin": run.origin,
        "status": run.status,
        "message": run.message,
        "expected": progress.expected,
        "made": progress.made,
        "failed": progress.failed,
        "samples_per_minute": progress.samples_per_minute,
        "seconds_left": progress.seconds_left,
        "pace": "; ".join(run_pace_in_words(run, progress)),
        "budget_usd": run.budget_usd,
        "spent_usd": run.spent_usd,
        "weights_fingerprint": run.weights_fingerprint,
        "gaps": [{"prompt_id": gap.prompt_id, "samples": list(gap.samples), "why": dict(gap.why)} for gap in gaps],
        "gaps_told": f"Missing: {gaps_in_words(gaps)}" if gaps else "",
    }


def _line(run: Mapping[str, Any]) -> str:
    failed = f", {run['failed']:,} failed" if run["failed"] else ""
    message = f" ({run['message']})" if run["message"] else ""
    pace = f"; {run['pace']}" if run["pace"] and run["pace"] != run["status"] else ""
    return (
        f"{run['run']}: {run['status']}, {run['made']:,} of {counted(run['expected'], 'image')}{failed}; "
        f"{run['generator']} on {run['suite']}{pace}{message}"
    )
