"""`manage.py fid`: the Frechet distance of a run to a reference, with all it depends on; two runs, paired."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.bars import bars
from evaluation.metrics.distances.companions import COMPANIONS
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, PROTOCOLS
from evaluation.services.scoring.fid import fid_paired, fid_score


class Command(ProductCommand):
    """Score a run that is there already against a reference; with two runs, test which one is nearer."""

    help = (
        "The Frechet distance of a run's images (uploaded or made here) to a reference's: a stored one (load_coco), "
        "another run's, or a folder's. Renders nothing. Called FID only with the extractor `inception`, whose weights "
        "you bring (metric_weights says how). With a second run: the paired test on the prompts that both have."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", metavar="RUN", help="a run's name (or run:NAME, folder:PATH)")
        parser.add_argument("other", metavar="OTHER", nargs="?", help="a second run: test which one is nearer")
        parser.add_argument("--reference", required=True, metavar="NAME|RUN|FOLDER", help="what to compare with")
        parser.add_argument("--paired", action="store_true", help="the paired test; what a second run means anyway")
        parser.add_argument(
            "--protocol", default=DEFAULT_PROTOCOL, metavar="NAME", help=f"{', '.join(PROTOCOLS)} ({DEFAULT_PROTOCOL})"
        )
        parser.add_argument(
            "--extractor",
            default="inception",
            metavar="NAME",
            help="inception (FID), efficientnet-lite0 (bundled), dinov2:FOLDER or clip:FOLDER (brought)",
        )
        parser.add_argument("--weights", type=Path, metavar="FILE", help="the extractor's weight file")
        parser.add_argument(
            "--without",
            default="",
            metavar="NAMES",
            help=f"companions to leave out, with commas: {', '.join(COMPANIONS)}; KID takes minutes for 30,000 images",
        )
        parser.add_argument("--device", metavar="NAME", help="cpu, cuda; a GPU where there is one, unless given")
        parser.add_argument("--workers", type=int, metavar="N", help="decoding processes; one a processor, up to 16")

    def run(self, **options: Any) -> Mapping[str, Any]:
        if options["workers"] is not None and options["workers"] < 1:
            raise InputError(f"--workers must be 1 or more, not {options['workers']}.")
        given = {name: options[name] for name in ("protocol", "extractor", "weights", "device", "workers")}
        left_out = [name.strip() for name in options["without"].split(",") if name.strip()]
        unknown = set(left_out) - set(COMPANIONS)
        if unknown:
            raise InputError(f"There is no companion {sorted(unknown)[0]!r}. There are: {', '.join(COMPANIONS)}.")
        if options["other"] is None:
            if options["paired"]:
                raise InputError("The paired test takes two runs: fid RUN OTHER --reference NAME --paired.")
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
        f"  of {result['n_1']:,} images against {result['n_2']:,}",
        f"  protocol {result['protocol']['name']}, extractor {extractor}",
    ]
    corrected = result["corrected"]
    if corrected is None:
        lines.append(f"  no corrected value: {result['corrected_why']}")
    else:
        lines.append(
            f"  corrected for the number of images: {corrected['estimate']:.6g}, {corrected['level']:.0%} interval "
            f"{corrected['low']:.6g} to {corrected['high']:.6g}"
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
        lines.append(f"  cost the most: {dearest}")
    lines += [f"  not as published: {text}" for text in result["deviations"]]
    lines += [f"  note: {warning}" for warning in result["warnings"]]
    if result["skipped"]:
        lines.append(f"  {len(result['skipped']):,} files were left out:")
        lines += [f"    {skip['file']}: {skip['why']}" for skip in result["skipped"][:20]]
        if len(result["skipped"]) > 20:
            lines.append(f"    and {len(result['skipped']) - 20:,} more; --format json lists all")
    return "\n".join(lines)


def _paired_told(result: Mapping[str, Any]) -> str:
    found = result["difference"]
    lines = [f"{result['name']}, paired on {result['prompts']:,} prompts, protocol {result['protocol']['name']}"]
    if found is None:
        return "\n".join([*lines, f"  no paired test: {result['difference_why']}"])
    lines.append(f"  A {found['distance_a']:.6g}, B {found['distance_b']:.6g}")
    lines.append(
        f"  A less B, corrected: {found['estimate']:+.6g}, {found['level']:.0%} interval {found['low']:+.6g} to "
        f"{found['high']:+.6g}, p = {found['p']:.3g}"
    )
    lines.append(f"  standard error {found['se']:.3g}; unpaired it would be {found['se_unpaired']:.3g}")
    nearer = "neither is shown to be nearer"
    if found["low"] > 0 or found["high"] < 0:
        nearer = "B is nearer to the reference" if found["low"] > 0 else "A is nearer to the reference"
    return "\n".join([*lines, f"  {nearer}"])
