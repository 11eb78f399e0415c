"""`manage.py fid`: the Frechet distance of a run to a reference, with all it depends on; two runs, paired."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.management.frechet import (
    add_engine_option,
    add_measure_options,
    figures,
    frechet_lines,
    measure_request,
    remark_lines,
)
from evaluation.metrics.distances.companions import COMPANIONS
from evaluation.services.scoring.fid import FidPaired, FidResult, fid_paired, fid_score


class Command(ProductCommand):
    """Score a run that is there already against a reference; with two runs, test which one is nearer."""

    help = (
        "Compute the Frechet distance between an existing run's images and a reference: a stored one (load_coco), "
        "another run, or a folder. It is called FID only with the extractor `inception`, whose weights you provide "
        "(metric_weights says how). With a second run: a paired test of which run is nearer to the reference, on the "
        "prompts that both have."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", metavar="RUN", help="a run's name (or run:NAME, folder:PATH)")
        parser.add_argument("other", metavar="OTHER", nargs="?", help="a second run: test which one is nearer")
        parser.add_argument(
            "--reference",
            required=True,
            metavar="NAME|RUN|FOLDER",
            help="a stored reference, a run or a folder to compare with",
        )
        parser.add_argument("--paired", action="store_true", help="the paired test; implied by a second run")
        parser.add_argument(
            "--without",
            default="",
            metavar="NAMES",
            help=f"measures to leave out, separated by commas: {', '.join(COMPANIONS)}; KID takes minutes for 30,000 "
            "images",
        )
        add_measure_options(parser)
        add_engine_option(parser)

    def run(self, **options: Any) -> FidResult | FidPaired:
        request = measure_request(options)
        left_out = [name.strip() for name in options["without"].split(",") if name.strip()]
        unknown = set(left_out) - set(COMPANIONS)
        if unknown:
            raise InputError(f"--without: unknown measure {sorted(unknown)[0]!r}. Choose from {', '.join(COMPANIONS)}.")
        if options["engine"] and (options["other"] is not None or options["paired"]):
            raise InputError("--engine is for one run; a paired test of two runs has no second program.")
        if options["other"] is not None:
            return fid_paired(
                run_a=options["run"],
                run_b=options["other"],
                reference=options["reference"],
                request=request,
                progress=bars(),
            )
        if options["paired"]:
            raise InputError("The paired test needs two runs: fid RUN OTHER --reference NAME --paired.")
        return fid_score(
            run=options["run"],
            reference=options["reference"],
            request=request,
            wanted=[name for name in COMPANIONS if name not in left_out],
            engine=options["engine"],
            progress=bars(),
        )

    def describe(self, result: FidResult | FidPaired) -> str:
        return "\n".join(_paired_lines(result) if isinstance(result, FidPaired) else _lines(result))


def _lines(found: FidResult) -> list[str]:
    lines = frechet_lines(found.result)
    kid, both, influence = (found.companions.get(key) for key in ("kid", "precision_recall", "influence"))
    if kid:
        lines.append(f"  {kid['name']}: {figures(kid['value'])}, standard error {kid['se']:.2g}")
    if both:
        lines.append(f"  precision {both['precision']:.3f}, recall {both['recall']:.3f} (k = {both['k']})")
    if influence:
        largest = influence["dearest"][:5]
        shares = ", ".join(f"{one['file']} ({figures(one['share'], signed=True, digits=3)})" for one in largest)
        lines.append(f"  largest influence: {shares}")
    lines += [f"  not as published: {text}" for text in found.deviations]
    return lines + remark_lines(found.result)


def _paired_lines(found: FidPaired) -> list[str]:
    protocol = found.measure.protocol["name"]
    lines = [f"{found.measure.name}, paired on {counted(found.prompts, 'prompt')}, protocol {protocol}"]
    difference = found.difference
    if difference is None:
        return [*lines, f"  no paired test: {found.why}"]
    a, b = (run.side.name for run in found.runs)
    low, high = (figures(bound, signed=True) for bound in (difference.low, difference.high))
    verdict = "the test does not show which is nearer to the reference"
    if difference.low > 0 or difference.high < 0:
        verdict = f"{b if difference.low > 0 else a} is nearer to the reference"
    estimate, level = figures(difference.estimate, signed=True), f"{difference.level * 100:.0f} %"
    return [
        *lines,
        f"  {a} {difference.distance_a:.6g}, {b} {difference.distance_b:.6g}",
        f"  {a} minus {b}, corrected: {estimate}, {level} interval {low} to {high}, p = {difference.p:.3g}",
        f"  standard error {difference.se:.3g}; unpaired it would be {difference.se_unpaired:.3g}",
        f"  {verdict}",
    ]
