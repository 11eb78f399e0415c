"""Two folders to a Frechet distance with all that it depends on: the use case behind `manage.py frechet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from evaluation.metrics.errors import MetricError
from evaluation.metrics.extractors import ExtractorInfo, extractor_by_name, load_extractor
from evaluation.metrics.images import list_images
from evaluation.metrics.jackknife import GROUPS, corrected_distance, why_not
from evaluation.metrics.moments import Moments, distance
from evaluation.metrics.pipeline import FolderStatistics, folder_statistics
from evaluation.metrics.protocols import DEFAULT_PROTOCOL, protocol_by_name

SCHEMA = "drawbench-frechet/1"

FolderProgress = Callable[[Path, int, int], None]
"""Called with the folder, its files done, and its files in all."""


def score_folders(
    folder_1: Path,
    folder_2: Path,
    *,
    extractor: str,
    protocol: str = DEFAULT_PROTOCOL,
    weights: Path | None = None,
    weight_folders: Sequence[Path] = (),
    device: str | None = None,
    workers: int | None = None,
    cache: Path | None = None,
    progress: FolderProgress | None = None,
) -> dict[str, object]:
    """The Frechet distance between two folders, in the form of the contract (docs/fid.md), ready for JSON.

    Raises:
        MetricError: a name that does not exist, a folder without images, weights that are missing or wrong, fewer than
            two images that can be scored.
    """
    chosen = protocol_by_name(protocol)
    extractor_by_name(extractor)
    for folder in (folder_1, folder_2):
        list_images(folder)  # before the network is loaded: a wrong folder is told at once
    loaded = load_extractor(extractor, weights, folders=weight_folders, device=device)

    def statistics(folder: Path) -> FolderStatistics:
        def show(done: int, total: int) -> None:
            if progress is not None:
                progress(folder, done, total)

        made = folder_statistics(folder, loaded, chosen, groups=GROUPS, workers=workers, cache=cache, progress=show)
        _check_count(folder, made)
        return made

    first = statistics(folder_1)
    second = first if folder_1.resolve() == folder_2.resolve() else statistics(folder_2)
    totals = first.total(), second.total()
    value = distance(*totals)
    corrected, why = _corrected(first, second, value)
    return {
        "schema": SCHEMA,
        "name": loaded.info.label,
        "value": value,
        "n_1": totals[0].count,
        "n_2": totals[1].count,
        "extractor": loaded.info.name,
        "extractor_sha256": loaded.info.sha256,
        "features": loaded.info.features,
        "protocol": chosen.manifest(network_size=loaded.info.input_size),
        "corrected": corrected,
        **({"corrected_why": why} if why else {}),
        "images_sha256_1": first.images_sha256,
        "images_sha256_2": second.images_sha256,
        "skipped": [
            {"file": _name(folder, skip.file), "why": _text(skip.why)}
            for folder, made in _both(folder_1, first, folder_2, second)
            for skip in made.skipped
        ],
        "converted": [
            {"file": _name(folder, file), "how": how}
            for folder, made in _both(folder_1, first, folder_2, second)
            for file, how in made.converted
        ],
        "warnings": _warnings(loaded.info, totals),
        "computed_with": _versions(loaded.device.type),
    }


def _corrected(first: FolderStatistics, second: FolderStatistics, value: float) -> tuple[dict[str, object] | None, str]:
    if first is second or first.images_sha256 == second.images_sha256:
        return None, "both folders hold the same images; there is nothing to draw conclusions from"
    why = why_not(first.groups, second.groups)
    if why:
        return None, why
    return asdict(corrected_distance(first.groups, second.groups, raw=value)), ""


def _check_count(folder: Path, made: FolderStatistics) -> None:
    scored = made.total().count
    if scored >= 2:
        return
    reasons = "; ".join(f"{skip.file}: {skip.why}" for skip in made.skipped[:3])
    raise MetricError(
        f"{folder} holds {scored or 'no'} image{'s' if scored != 1 else ''} that can be scored, and a distance takes "
        f"two or more{f' ({reasons})' if reasons else ''}. A value to report takes thousands."
    )


def _warnings(info: ExtractorInfo, totals: tuple[Moments, Moments]) -> list[str]:
    fewest = min(total.count for total in totals)
    if fewest <= info.features:
        return [
            (
                f"{fewest} images for {info.features} features: the value is exact for these images, and much larger "
                f"than more images of the same kind would give. Compare it only with values of as many images."
            )
        ]
    return []


def _both(
    folder_1: Path, first: FolderStatistics, folder_2: Path, second: FolderStatistics
) -> list[tuple[Path, FolderStatistics]]:
    return [(folder_1, first)] if first is second else [(folder_1, first), (folder_2, second)]


def _versions(device: str) -> dict[str, str]:
    import numpy
    import PIL
    import torch

    return {"device": device, "torch": torch.__version__, "pillow": PIL.__version__, "numpy": numpy.__version__}


def _name(folder: Path, file: str) -> str:
    return _text(str(folder / file))


def _text(text: str) -> str:
    """File names that are no UTF-8, written so that they can be printed."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
