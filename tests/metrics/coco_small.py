"""A COCO of few small pictures, made up: annotation files in COCO's form, and a folder of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.metrics.pictures import picture

CAPTIONS = ("A red square.", "A man beside a car.", "Two dogs run.", "A bowl of soup.", "Some people on a beach.")
PEOPLE = (1, 4)
"""Of each five captions, those with a word for people."""


def small_coco(folder: Path, images: int = 40) -> tuple[Path, Path, Path]:
    """Captions file (three captions an image, ids out of order), instances file, and folder of images."""
    place = folder / "val2014"
    place.mkdir(parents=True)
    listed, captions, instances = [], [], []
    for i in range(images):
        number = 1000 + 7 * i
        name = f"COCO_val2014_{number:012d}.jpg"
        made = picture(i, 60 + i % 5, 48)
        made.save(place / name, quality=95)
        listed.append({"id": number, "file_name": name, "width": made.width, "height": made.height})
        text = CAPTIONS[i % len(CAPTIONS)]
        captions += [
            {"id": 5000 + 10 * i + 2, "image_id": number, "caption": f"Another view: {text}"},
            {"id": 5000 + 10 * i, "image_id": number, "caption": text},
            {"id": 5000 + 10 * i + 1, "image_id": number, "caption": f"{text} Seen from afar, {i}."},
        ]
        instances.append({"id": i, "image_id": number, "category_id": 1 if i % 4 == 0 else 3, "bbox": [0, 0, 1, 1]})
    categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]
    a, b = folder / "captions_val2014.json", folder / "instances_val2014.json"
    _write(a, {"info": {}, "images": listed, "annotations": captions[::-1]})
    _write(b, {"images": listed, "annotations": instances, "categories": categories})
    return a, b, place


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value))
