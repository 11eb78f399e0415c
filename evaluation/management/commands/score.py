"""`manage.py score`: automatic scores of a run, from asking for them to a scores file."""

from __future__ import annotations

import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import connection
from tqdm import tqdm

from common.commands import parse_settings
from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import ConflictError, InputError
from evaluation.management.frechet import corrected_line, figures
from evaluation.metrics import registry
from evaluation.models import MetricRun, RunStatus
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.metrics import metric_run_of, scores_frame
from evaluation.selectors.runs import run_by_name
from evaluation.services.scoring.in_process import metric_work
from evaluation.services.scoring.reference import references_listed
from evaluation.services.scoring.request import metric_cancel, metric_request, metric_retry
from evaluation.services.work.queue import workers_answering

POLL_S = 0.5
PATIENCE_S = 4.0
HOW_TO_START = (
    "No worker responds, so nothing is being scored; the score waits in the queue. Start a worker in another terminal "
    "with ./dev worker, or score in this process with --here."
)


class Command(ProductCommand):
    """Score a run's images with a metric."""

    help = (
        "Score the images of a run with a metric. Workers do it; --wait shows the progress until it ends, and --here "
        "scores in this process instead, without a time limit. Requesting the same score again does not compute it "
        "again. Also: --cancel, --retry, --anew, --export FILE, and --list (with a run: its scores; without: all "
        "metrics and references)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", metavar="RUN", nargs="?", help="the run whose images are scored")
        parser.add_argument("--metric", metavar="NAME", help="the metric; --list names all")
        parser.add_argument(
            "--set",
            dest="parameters",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the metric; repeat for several",
        )
        parser.add_argument(
            "--reference", default="", metavar="NAME", help="a stored reference, or another run as run:NAME"
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="show the progress until it ends")
        where.add_argument("--here", "--inline", action="store_true", help="score in this process, without a worker")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--cancel", action="store_true", help="stop scoring; scores computed so far are kept")
        other.add_argument("--retry", action="store_true", help="score what failed, was stopped or was added later")
        other.add_argument("--anew", action="store_true", help="discard the numbers and score all images again")
        other.add_argument("--list", action="store_true", help="list metrics and references; with a run, its scores")
        parser.add_argument("--export", type=Path, metavar="FILE", help="write the scores of all images as CSV")

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["list"]:
            return self._listed(options["run"])
        for name in ("run", "metric"):
            if not options[name]:
                raise InputError(f"Name the {name}: score RUN --metric NAME. score --list names the metrics.")
        run, queue = run_by_name(options["run"]), not options["here"]
        if options["cancel"]:
            return _described(metric_cancel(metric_run=metric_run_of(run, options["metric"])))
        if options["retry"] or options["anew"]:
            found = metric_run_of(run, options["metric"])
            metric_run = metric_retry(metric_run=found, anew=options["anew"], queue=queue)
        else:
            metric_run = metric_request(
                run=run,
                metric=options["metric"],
                parameters=parse_settings(options["parameters"]),
                reference=options["reference"],
                operator=True,
                queue=queue,
            ).metric_run
        self._follow(metric_run, here=options["here"], wait=options["wait"])
        if options["export"]:
            _export(metric_run, options["export"])
        return _described(metric_run)

    def _follow(self, metric_run: MetricRun, *, here: bool, wait: bool) -> None:
        try:
            if here:
                _work_here(metric_run)
            elif wait:
                _wait(metric_run)
        except KeyboardInterrupt:
            state = "Workers continue with it" if wait else "Scoring has stopped"
            sys.stderr.write(f"\n{state}. To stop or continue it: --cancel or --retry.\n")
            raise
        metric_run.refresh_from_db()
        if metric_run.status == RunStatus.FAILED:
            raise InputError(f"{metric_run.metric} of {metric_run.run.name} failed: {metric_run.message}")
        if metric_run.under_way and not (here or wait):
            if metric_run.message:
                raise InputError(metric_run.message)
            if not workers_answering():
                self.stderr.write(HOW_TO_START)

    def _listed(self, name: str | None) -> Mapping[str, Any]:
        if name:
            run = run_by_name(name)
            scored = MetricRun.objects.select_related("run", "reference_run").filter(run=run)
            return {"run": run.name, "scores": [_described(each) for each in scored]}
        metrics = [
            {
                "metric": entry.name,
                "source": entry.source,
                "error": entry.error,
                **(
                    {
                        "summary": entry.spec.summary,
                        "kind": entry.spec.kind,
                        "better": entry.spec.better,
                        "needs_reference": entry.spec.needs_reference,
                        "parameters": [
                            {"name": each.name, "help": each.help, "default": each.default, "allowed": each.allowed}
                            for each in entry.spec.parameters
                        ],
                    }
                    if entry.spec
                    else {}
                ),
            }
            for entry in registry.entries()
        ]
        return {"metrics": metrics, "references": references_listed()}

    def describe(self, result: Mapping[str, Any]) -> str:
        if "metrics" in result:
            return _metrics_text(result)
        if "scores" in result:
            return "\n".join(map(_line, result["scores"])) or f"The run {result['run']} has no scores yet."
        return _line(result)


def _work_here(metric_run: MetricRun) -> None:
    """Score here, with a bar that another thread moves: a metric is one long call."""
    over = threading.Event()

    def show() -> None:
        try:
            with _bar(metric_run) as bar:
                while not over.wait(POLL_S):
                    _move(bar, metric_run.pk)
                _move(bar, metric_run.pk)
        finally:
            connection.close()

    shower = threading.Thread(target=show, daemon=True)
    shower.start()
    try:
        metric_work(metric_run=metric_run)
    finally:
        over.set()
        shower.join()


def _wait(metric_run: MetricRun) -> None:
    began, told = time.monotonic(), False
    with _bar(metric_run) as bar:
        while metric_run.under_way:
            _move(bar, metric_run.pk)
            if not told and metric_run.status == RunStatus.QUEUED and time.monotonic() - began > PATIENCE_S:
                told = True
                if not workers_answering():
                    bar.write(HOW_TO_START, file=sys.stderr)
            time.sleep(POLL_S)
            metric_run.refresh_from_db()
        _move(bar, metric_run.pk)


def _bar(metric_run: MetricRun) -> tqdm[Any]:
    return tqdm(
        total=metric_run.n_total, initial=metric_run.n_done, unit="image", desc=str(metric_run), file=sys.stderr
    )


def _move(bar: tqdm[Any], pk: int) -> None:
    row = MetricRun.objects.filter(pk=pk).values_list("n_done", "n_total").first()
    if row is not None:
        bar.total = row[1]
        bar.update(row[0] - bar.n)


def _export(metric_run: MetricRun, file: Path) -> None:
    if metric_run.under_way:
        raise ConflictError("Nothing can be exported yet: scoring is in progress. Use --wait or --here.")
    try:
        with file.open("xb") as out:
            out.write(ratings_csv(scores_frame([metric_run])))
    except FileExistsError as error:
        raise ConflictError(f"{file} already exists. Give another name.") from error
    except OSError as error:
        raise InputError(f"Can't write {file}: {error.strerror}. Give another place.") from error


def _described(metric_run: MetricRun) -> dict[str, Any]:
    return {
        "id": metric_run.pk,
        "run": metric_run.run.name,
        "metric": metric_run.metric,
        "kind": metric_run.kind,
        "better": metric_run.better,
        "parameters": metric_run.parameters,
        "reference": metric_run.reference,
        "status": metric_run.status,
        "message": metric_run.message,
        "done": metric_run.n_done,
        "total": metric_run.n_total,
        "label": metric_run.label,
        "result": metric_run.result,
        "provenance": metric_run.provenance,
        "code_version": metric_run.code_version,
        "images_hash": metric_run.images_hash,
    }


def _line(found: Mapping[str, Any]) -> str:
    against = f" against {found['reference']}" if found["reference"] else ""
    head = f"{found['label'] or found['metric']} of {found['run']}{against}: "
    result = found["result"]
    if found["status"] != RunStatus.DONE or result is None:
        message = f" ({found['message']})" if found["message"] else ""
        return f"{head}{found['status']}, {found['done']:,} of {counted(found['total'], 'image')}{message}"
    if found["kind"] == MetricRun.Kind.SET:
        return f"{head}{figures(result['value'])}{_corrected(result)}"
    lines = [f"{head}mean {_mean(result['overall'])}"]
    if len(result["categories"]) > 1:
        lines += [f"  {name}: {_mean(spread)}" for name, spread in sorted(result["categories"].items())]
    return "\n".join(lines)


def _corrected(result: Mapping[str, Any]) -> str:
    corrected = result.get("corrected")
    if not isinstance(corrected, dict) or "estimate" not in corrected:
        return ""
    return "\n" + corrected_line(*(corrected[key] for key in ("estimate", "low", "high", "level")))


def _mean(spread: Mapping[str, Any]) -> str:
    without = f", {spread['n_missing']:,} without a score" if spread["n_missing"] else ""
    if spread["mean"] is None:
        return f"none{without}"
    bounds = "" if spread["low"] is None else f" [{spread['low']:.4g}, {spread['high']:.4g}]"
    counts = f"{counted(spread['n'], 'image')} of {counted(spread['n_prompts'], 'prompt')}"
    return f"{spread['mean']:.4g}{bounds}, {counts}{without}"


def _metrics_text(result: Mapping[str, Any]) -> str:
    lines = []
    for each in result["metrics"]:
        if each["error"]:
            lines.append(f"{each['metric']} ({each['source']}) can't be used: {each['error']}")
            continue
        what = "a number for each image" if each["kind"] == "sample" else "one number for all images"
        more = ", against a reference" if each["needs_reference"] else ""
        lines.append(f"{each['metric']}: {each['summary']} ({what}{more}; {each['better']} is better)")
        lines += [f"    {one['name']}={one['default']}: {one['help']} ({one['allowed']})" for one in each["parameters"]]
    names = ", ".join(result["references"]) or "none stored (manage.py load_coco stores one)"
    return "\n".join([*lines, f"References: {names}; any other run as run:NAME."])
