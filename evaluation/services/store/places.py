"""Where this server keeps what is the platform's own: each folder's address is built here and nowhere else.

Files that are served or moved into the image store lie in `MEDIA_ROOT`, all else in the instance's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from drawbench.shown import SHOWN_FOLDER
from evaluation.metrics.places import statistics_beside, weights_in


def weight_folders() -> Sequence[Path]:
    """Where weights that users bring are looked for; the first is where they are installed."""
    return (weights_in(settings.VAR),)


def statistics_folder() -> Path:
    """Where image statistics and features are kept by content."""
    return statistics_beside(weight_folders()[0])


def references_folder() -> Path:
    """Where references are kept, a folder each (`evaluation.metrics.features.references`)."""
    return Path(settings.VAR) / "references"


def images_folder() -> Path:
    """The image store (`images`)."""
    return Path(settings.MEDIA_ROOT) / "images"


def shown_folder() -> Path:
    """Images by the names that raters know them by (`shown`), on the image store's disk."""
    return Path(settings.MEDIA_ROOT) / SHOWN_FOLDER


def thumbnails_folder() -> Path:
    """Small versions of stored images, which can be removed at any time."""
    return Path(settings.MEDIA_ROOT) / "thumbnails"


def uploads_folder() -> Path:
    """What is received of uploads until it is stored; on the image store's disk, so that files move by their names."""
    return Path(settings.MEDIA_ROOT) / "uploads"


def incoming_folder() -> Path:
    """Files that come in parts; on the image store's disk, too, so that a whole one moves by its name."""
    return Path(settings.MEDIA_ROOT) / "incoming"


def drawn_to_ship(name: str) -> Path:
    """Where images are kept that are being drawn to ship, by the name of their run (`runs.shipped`)."""
    return Path(settings.VAR) / "shipped" / name


def study_figures(name: str) -> Path:
    """Where the paper's figures of a study that comes with the program are drawn, by its name."""
    return Path(settings.VAR) / "figures" / name


def accelerated_address(path: Path) -> str:
    """The inner address by which nginx sends the file at `path` in `MEDIA_ROOT`, "" where none stands in front."""
    if not settings.X_ACCEL_PREFIX:
        return ""
    return f"{settings.X_ACCEL_PREFIX.rstrip('/')}/{path.relative_to(settings.MEDIA_ROOT).as_posix()}"
