"""`manage.py fid`: the Frechet distance of a run to a reference, with all it depends on; two runs, paired."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.metrics.distances.companions import COMPANIONS
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from evaluation.services.scoring.fid import fid_paired, fid_score


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
            "--protocol", default=DEFAULT_PROTOCOL, metavar="NAME", help=f"{', '.join(PROTOCOLS)} ({DEFAULT_PROTOCOL})"
        )
        parser.add_argument(
            "--extractor",
            default="inception",
            metavar="NAME",
            help="inception (FID; default), efficientnet-lite0 (bundled), dinov2:FOLDER or clip:FOLDER (your files)",
        )
        parser.add_argument("--weights", type=Path, metavar="FILE", help="the extractor's weight file")
        parser.add_argument(
            "--without",
            default="",
            metavar="NAMES",
            help=f"measures to leave out, separated by commas: {', '.join(COMPANIONS)}; KID takes minutes for 30,000 "
            "images",
        )
        parser.add_argument("--device", metavar="NAME", help="cpu or cuda (default: a GPU if there is one)")
        parser.add_argument(
            "--workers", type=int, metavar="N", help="decoding processes (default: one per processor, up to 16)"
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["workers"] is not None and options["workers"] < 1:
            raise InputError(f"--workers must be 1 or more; got {options['workers']}.")
        given = {name: options[name] for name in ("protocol", "extractor", "weights", "device", "workers")}
        left_out = [name.strip() for name in options["without"].split(",") if name.strip()]
        unknown = set(left_out) - set(COMPANIONS)
        if unknown:
            raise InputError(f"--without: unknown measure {sorted(unknown)[0]!r}. Choose from {', '.join(COMPANIONS)}.")
        if options["other"] is None:
            if options["paired"]:
                raise InputError("The paired test needs two runs: fid RUN OTHER --reference NAME --paired.")
            return fid_score(
                run=options["run"],
                reference=options["reference"],
                wanted=[name for name in COMPANIONS if name not in left_out],
                progress=bars(),
                **given,
            )
        return fid_paired(
            run_a=options["run"], run_b=options["other"], reference=options["reference"], progress=bars(), **given
        )

    def describe(self, result: Mapping[str, Any]) -> str:
        return _paired_told(result) if "difference" in result else _told(result)


def _told(result: Mapping[str, Any]) -> str:
    extractor = f"{result['extractor']} ({result['extractor_sha256'][:8]})"
    lines = [
        f"{result['name']}: {result['value']:.6g}",
        f"  of {counted(result['n_1'], 'image')} against {result['n_2']:,}",
        f"  protocol {result['protocol']['name']}, extractor {extractor}",
    ]
    corrected = result["corrected"]
    if corrected is None:
        lines.append(f"  no corrected value: {result['corrected_why']}")
    else:
        lines.append(
            f"  corrected for the number of images: {corrected['estimate']:.6g}, {corrected['level'] * 100:.0f} % "
            f"interval {corrected['low']:.6g} to {corrected['high']:.6g}"
        )
    if result.get("kid"):
        lines.append(
            f"  {result['kid']['name']}: {result['kid']['value']:.6g}, standard error {result['kid']['se']:.2g}"
        )
    if result.get("precision_recall"):
        both = result["precision_recall"]
        lines.append(f"  precision {both['precision']:.3f}, recall {both['recall']:.3f} (k = {both['k']})")
    if result.get("influence"):
        dearest = ", ".join(f"{one['file']} ({one['share']:+.3g})" for one in result["influence"]["dearest"][:5])
        lines.append(f"  largest influence: {dearest}")
    lines += [f"  not as published: {text}" for text in result["deviations"]]
    lines += [f"  note: {warning}" for warning in result["warnings"]]
    if result["skipped"]:
        lines.append(f"  {counted(len(result['skipped']), 'file')} left out:")
        lines += [f"    {skip['file']}: {skip['why']}" for skip in result["skipped"][:20]]
        if len(result["skipped"]) > 20:
            lines.append(f"    and {len(result['skipped']) - 20:,} more; --format json lists all")
    return "\n".join(lines)


def _paired_told(result: Mapping[str, Any]) -> str:
    found = result["difference"]
    a, b = (_called(result[side]) for side in ("a", "b"))
    lines = [
        f"{result['name']}, paired on {counted(result['prompts'], 'prompt')}, protocol {result['protocol']['name']}"
    ]
    if found is None:
        return "\n".join([*lines, f"  no paired test: {result['difference_why']}"])
    lines.append(f"  {a} {found['distance_a']:.6g}, {b} {found['distance_b']:.6g}")
    lines.append(
        f"  {a} minus {b}, corrected: {found['estimate']:+.6g}, {found['level'] * 100:.0f} % interval "
        f"{found['low']:+.6g} to {found['high']:+.6g}, p = {found['p']:.3g}"
    )
    lines.append(f"  standard error {found['se']:.3g}; unpaired it would be {found['se_unpaired']:.3g}")
    nearer = "the test does not show which is nearer to the reference"
    if found["low"] > 0 or found["high"] < 0:
        nearer = f"{b if found['low'] > 0 else a} is nearer to the reference"
    return "\n".join([*lines, f"  {nearer}"])


def _called(side: Mapping[str, Any]) -> str:
    """What a side of the test is called: by its run, reference or folder."""
    return str(side.get("run") or side.get("name") or side.get("folder"))
