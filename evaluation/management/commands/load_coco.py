"""`manage.py load_coco`: COCO's captions as suites, its images as a reference."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.management.bars import bars
from evaluation.management.frechet import add_measure_options, listed_lines, measure_request
from evaluation.metrics.features.coco import DRAW
from evaluation.metrics.features.images import converted_record, skipped_record
from evaluation.services.suites.load_coco import CocoRequest, coco_load


class Command(ProductCommand):
    """Load COCO: check it, make its suites, and store it as a reference with statistics."""

    help = (
        "Load COCO from its caption file (captions_val2014.json) and its folder of images (val2014/): a suite of all "
        "captions, a suite of randomly drawn ones, and a reference for `fid RUN --reference coco-val2014`. Nothing is "
        "downloaded. Running it again changes nothing; after an interruption it continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("annotations", metavar="ANNOTATIONS", type=Path, help="captions_*.json")
        parser.add_argument("images", metavar="IMAGES_FOLDER", type=Path, help="the folder of its images")
        parser.add_argument(
            "--name",
            default="",
            help="name of the suite and reference (default: coco-val2014 for captions_val2014.json)",
        )
        parser.add_argument(
            "--captions", choices=["one", "all"], default="one", help="one caption per image (default), or all"
        )
        parser.add_argument(
            "--no-people",
            action="store_true",
            help="leave out images of people: by --instances, otherwise by words in captions",
        )
        parser.add_argument("--instances", type=Path, metavar="FILE", help="instances_*.json, for --no-people")
        parser.add_argument("--draw", type=int, default=DRAW, metavar="N", help=f"captions to draw (default: {DRAW:,})")
        parser.add_argument(
            "--no-statistics", action="store_true", help="compute the statistics only when first needed"
        )
        parser.add_argument(
            "--allow-missing", action="store_true", help="load the images that exist, even if some are missing"
        )
        parser.add_argument("--replace", action="store_true", help="replace another reference of this name")
        add_measure_options(parser)

    def run(self, **options: Any) -> Mapping[str, Any]:
        measure = measure_request(options)
        request = CocoRequest(
            annotations=options["annotations"],
            images=options["images"],
            name=options["name"],
            captions=options["captions"],
            no_people=options["no_people"],
            instances=options["instances"],
            draw=options["draw"],
            measure=None if options["no_statistics"] else measure,
            allow_missing=options["allow_missing"],
            replace=options["replace"],
        )
        loaded = coco_load(request, progress=bars())
        manifest = loaded.reference.manifest
        statistics = loaded.statistics
        return {
            "reference": loaded.reference.name,
            "created": loaded.is_new,
            "images": len(loaded.reference.hashes),
            "images_sha256": manifest["images"]["sha256"],
            "lists": manifest["lists"],
            "people": manifest["people"],
            "draw": manifest["draw"],
            "suites": [
                {"name": suite.name, "version": suite.version, "prompts": suite.prompts.count(), "created": new}
                for suite, new in zip(loaded.suites, loaded.suites_new, strict=True)
            ],
            "missing": manifest["missing"],
            "resized": manifest["resized"],
            "protocol": measure.protocol if statistics else None,
            "extractor": measure.extractor if statistics else None,
            "scored": statistics.total().count if statistics else None,
            "skipped": skipped_record(statistics.skipped) if statistics else [],
            "converted": converted_record(statistics.converted) if statistics else [],
            "notes": list(loaded.notes),
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        said = "Loaded" if result["created"] else "Already loaded:"
        lines = [f"{said} reference {result['reference']}: {counted(result['images'], 'image')}"]
        lines += [
            f"  suite {suite['name']}@{suite['version']}: {counted(suite['prompts'], 'prompt')}"
            for suite in result["suites"]
        ]
        draw = result["draw"]
        lines.append(
            f"  draw of {counted(draw['captions'], 'caption')}, list {result['lists']['draw.tsv'][:12]}: {draw['rule']}"
        )
        if result["people"]["filter"] != "none":
            people = result["people"]
            lines.append(
                f"  without people, by {people['filter']}: {counted(people['images_left_out'], 'image')} left out"
            )
        if result["scored"] is not None:
            lines.append(
                f"  statistics of {counted(result['scored'], 'image')}: {result['protocol']}, {result['extractor']}"
            )
        for key, what in (("missing", "missing"), ("skipped", "damaged")):
            files = [entry if isinstance(entry, str) else f"{entry['file']}: {entry['why']}" for entry in result[key]]
            if files:
                lines += [f"  {len(files):,} {what}:", *listed_lines(files)]
        return "\n".join([*lines, *(f"  Note: {note}" for note in result["notes"])])
