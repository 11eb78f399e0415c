"""Images with a COCO captions file (`captions_train2014.json`): an image at a time, one of its captions each epoch."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, cast

from common.json_in import read_json
from generators.cascade.configs import ConfigError
from generators.training.config import TrainConfig
from generators.training.data import Data, Report
from generators.training.data_config import CocoConfig
from generators.training.sources.pictures import PictureData, Unusable, permutation


class CocoItems:
    """One item for each caption of each image, so that an epoch shows each caption once."""

    def __init__(self, folder: Path, annotations: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"data: there is no folder {folder}")
        names, captions = read_annotations(annotations)
        self._folder = folder
        self._items = sorted((names[image], image, caption) for image, caption in captions)
        if not self._items:
            raise ConfigError(f"data: {annotations} holds no caption")

    def __len__(self) -> int:
        return len(self._items)

    def shuffled(self, seed: int, epoch: int, place: int) -> int:
        """As `Items.shuffled`."""
        return int(permutation(seed, epoch, len(self._items))[place])

    def name(self, item: int) -> str:
        """The image's file name."""
        return self._items[item][0]

    def read(self, item: int) -> tuple[bytes, str]:
        """As `Items.read`."""
        name, _, caption = self._items[item]
        try:
            return (self._folder / name).read_bytes(), caption
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from None


def read_annotations(path: Path) -> tuple[dict[int, str], list[tuple[int, str]]]:
    """File names by image id, and (image id, caption) of each annotation.

    Raises:
        FileNotFoundError: it is not there.
        ConfigError: it is no COCO captions file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"data: there is no file {path}; the captions of COCO are in captions_train2014.json")
    try:
        held: Any = read_json(path.read_bytes(), characters=False)
        names = {int(image["id"]): str(image["file_name"]) for image in held["images"]}
        captions = [(int(note["image_id"]), note.get("caption")) for note in held["annotations"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"data: {path} is no COCO annotation file ({type(error).__name__}: {error})") from None
    if any(not isinstance(caption, str) for _, caption in captions):
        raise ConfigError(
            f"data: annotations of {path} have no caption: it holds instances or key points. Take captions_*.json"
        )
    strangers = {image for image, _ in captions} - set(names)
    if strangers:
        raise ConfigError(f"data: {path} captions image {min(strangers)}, which is not among its images: incomplete?")
    for name in names.values():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ConfigError(f"data: {path} names the image {name!r}, which lies outside the folder")
    return names, cast("list[tuple[int, str]]", captions)


def load(config: TrainConfig, report: Report) -> Data:
    """The COCO set that a configuration names.

    Raises:
        FileNotFoundError: folder or annotation file are not there.
        ConfigError: the annotation file is none of captions.
    """
    data = cast(CocoConfig, config.data)
    items = CocoItems(Path(data.path), Path(data.annotations))
    report(f"{len(items):,} captions of images in {data.path}")
    return PictureData(config, items, data.max_broken, report)
