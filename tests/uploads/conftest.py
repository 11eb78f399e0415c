"""Suites, images and zips for uploads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from evaluation.models import GenerationRun, StoredImage, Suite
from evaluation.services.suites.load import suite_load


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """A store of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def suite(db: None) -> Suite:
    """Four prompts, numbered 0 to 3."""
    return suite_load(source=b"a fox\na heron\na birch\na moss\n", name="words").suite


def image_bytes(seed: int, image_format: str = "PNG", side: int = 24, **options: object) -> bytes:
    """A small image, another for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format, **options)
    return file.getvalue()


def whole_run(samples: int = 2) -> dict[str, bytes]:
    """`<prompt>/<sample>.png` for each of the four prompts."""
    return {
        f"{prompt:05d}/{sample}.png": image_bytes(10 * prompt + sample)
        for prompt in range(4)
        for sample in range(samples)
    }


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """A zip of the files given."""

    def make(files: Mapping[str, bytes]) -> Path:
        path = tmp_path / "images.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path

    return make


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """A folder of the files given."""

    def make(files: Mapping[str, bytes]) -> Path:
        for name, data in files.items():
            target = tmp_path / "images" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return tmp_path / "images"

    return make


def nothing_is_kept(media: Path) -> bool:
    """No file anywhere, staged or stored, and no row of a run or image."""
    files = [path for path in media.rglob("*") if path.is_file()]
    return not (files or GenerationRun.objects.exists() or StoredImage.objects.exists())
