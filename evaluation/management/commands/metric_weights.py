"""`manage.py metric_weights`: which weight files the distances need, whether they are here, and installing one."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.command import ProductCommand
from evaluation.metrics.features.brought_extractors import BROUGHT
from evaluation.metrics.features.extractors import EXTRACTORS, found_weights, install_weights
from evaluation.services.store.places import weight_folders


class Command(ProductCommand):
    """Tell and check the weights of feature extractors; install one that the user brings."""

    help = (
        "List which weight file each feature extractor needs: its hash, its place and whether it is installed. "
        "--install FILE checks your file by its hash and installs it. Nothing is downloaded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--install", type=Path, metavar="FILE", help="a weight file to check and install")

    def run(self, **options: Any) -> Mapping[str, Any]:
        folders = weight_folders()
        installed = None
        if options["install"] is not None:
            info, place = install_weights(options["install"], folders[0])
            installed = {"extractor": info.name, "file": str(place), "sha256": info.sha256}
        extractors = []
        for info in EXTRACTORS.values():
            path, right = found_weights(info, folders)
            extractors.append(
                {
                    "extractor": info.name,
                    "called": info.label,
                    "files": list(info.files),
                    "sha256": info.sha256,
                    "how": info.how,
                    "goes_to": str(folders[0] / info.files[0]),
                    "found": None if path is None else str(path),
                    "right": right,
                }
            )
        brought = [
            {"extractor": f"{kind}:FOLDER", "goes_to": str(folders[0] / "FOLDER"), "example": wanted.example}
            for kind, wanted in BROUGHT.items()
        ]
        return {"installed": installed, "extractors": extractors, "brought": brought}

    def describe(self, result: Mapping[str, Any]) -> str:
        lines = []
        if result["installed"]:
            lines.append(f"Installed the weights of {result['installed']['extractor']}: {result['installed']['file']}")
        for one in result["extractors"]:
            lines.append(f"{one['extractor']} ({one['called']})")
            if one["right"]:
                lines.append(f"  installed: {one['found']}")
                continue
            if one["found"]:
                lines.append(f"  {one['found']} is the wrong file: its SHA-256 must be {one['sha256']}")
            lines += [
                f"  file {' or '.join(one['files'])}",
                f"  SHA-256 {one['sha256']}",
                f"  {one['how']}",
                f"  goes to {one['goes_to']}, or: manage.py metric_weights --install FILE",
            ]
        lines += [f"{one['extractor']}: {one['example']}, at {one['goes_to']}" for one in result["brought"]]
        return "\n".join(lines)
