"""Two folders to a Frechet distance with all that it depends on: the use case behind `manage.py frechet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor, ExtractorInfo
from evaluation.metrics.features.extractors import extractor_by_name, load_extractor
from evaluation.metrics.features.images import Listing, list_images
from evaluation.metrics.features.jackknife import GROUPS, corrected_distance, why_not
from evaluation.metrics.features.moments import Moments, distance
from evaluation.metrics.features.pipeline import FolderStatistics, folder_statistics
from evaluation.metrics.features.protocols import DEFAULT_PROTOCOL, Protocol, protocol_by_name

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
) -> dict[str, Any]:
    """The Frechet distance between two folders, in the form of the contract (docs/fid.md), ready for JSON.

    Raises:
        MetricError: a name that does not exist, a folder without images, weights that are missing or wrong, fewer than
            two images that can be scored.
    """
    chosen = protocol_by_name(protocol)
    extractor_by_name(extractor, weight_folders)
    # Before the network is loaded: a wrong folder is told at once.
    listings = list_images(folder_1), list_images(folder_2)
    loaded = load_extractor(extractor, weights, folders=weight_folders, device=device)
    found = score_listings(*listings, loaded, chosen, workers=workers, cache=cache, progress=progress)
    return found.result


@dataclass(frozen=True)
class Scored:
    """`result`: the contract's form. `first`, `second`: the statistics it was computed from."""

    result: dict[str, Any]
    first: FolderStatistics
    second: FolderStatistics


def score_listings(
    first: Listing,
    second: Listing,
    extractor: Extractor,
    protocol: Protocol,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    keep_features: bool = False,
    progress: FolderProgress | None = None,
) -> Scored:
    """The Frechet distance between two lists of images, in the form of the contract.

    `keep_features`: keep them in the cache, for what needs more than moments.

    Raises:
        MetricError: fewer than two images that can be scored on a side, or files that change meanwhile.
    """

    def statistics(listing: Listing) -> FolderStatistics:
        def show(done: int, total: int) -> None:
            if progress is not None:
                progress(listing.folder, done, total)

        made = folder_statistics(
            listing,
            extractor,
            protocol,
            groups=GROUPS,
            workers=workers,
            cache=cache,
            keep_features=keep_features,
            progress=show,
        )
        check_count(listing.folder, made)
        return made

    made_1 = statistics(first)
    made_2 = made_1 if _same(first, second) else statistics(second)
    totals = made_1.total(), made_2.total()
    value = distance(*totals)
    corrected, why = _corrected(made_1, made_2, value)
    info = extractor.info
    result = {
        "schema": SCHEMA,
        "name": info.label,
        "value": value,
        "n_1": totals[0].count,
        "n_2": totals[1].count,
        "extractor": info.name,
        "extractor_sha256": info.sha256,
        "features": info.features,
        "protocol": protocol.manifest(network_size=info.input_size),
        "corrected": corrected,
        **({"corrected_why": why} if why else {}),
        "images_sha256_1": made_1.images_sha256,
        "images_sha256_2": made_2.images_sha256,
        "skipped": [
            {"file": _name(folder, skip.file), "why": _text(skip.why)}
            for folder, made in _both(first.folder, made_1, second.folder, made_2)
            for skip in made.skipped
        ],
        "converted": [
            {"file": _name(folder, file), "how": how}
            for folder, made in _both(first.folder, made_1, second.folder, made_2)
            for file, how in made.converted
        ],
        "warnings": _warnings(info, totals),
        "computed_with": _versions(extractor.device.type),
    }
    return Scored(result, made_1, made_2)


def _same(first: Listing, second: Listing) -> bool:
    return (
        first.places is second.places is None
        and first.folder.resolve() == second.folder.resolve()
        and first.files == second.files
    )


def _corrected(first: FolderStatistics, second: FolderStatistics, value: float) -> tuple[dict[str, object] | None, str]:
    if first is second or first.images_sha256 == second.images_sha256:
        return None, "both folders hold the same images; there is nothing to draw conclusions from"
    why = why_not(first.groups, second.groups)
    if why:
        return None, why
    return asdict(corrected_distance(first.groups, second.groups, raw=value)), ""


def check_count(folder: Path, made: FolderStatistics) -> None:
    """Raises `MetricError` where fewer than two images were scored; says why."""
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
