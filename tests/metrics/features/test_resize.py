"""The steps from image to network input, against torch-fidelity, clean-fid's definition and TensorFlow's formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.protocols import PROTOCOLS, protocol_by_name
from evaluation.metrics.features.resize import Recipe, centre_square, clean_resize, prepare, tensorflow1_bilinear

SIZES = [(256, 256), (64, 64), (299, 299), (1, 1), (512, 300), (300, 17), (640, 480)]


def _picture(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _array(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image).astype(np.int64)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tensorflow1_bilinear_is_torch_fidelitys_bit_for_bit(height: int, width: int) -> None:
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (2, 3, height, width))).to(torch.float32)
    expected = interpolate_bilinear_2d_like_tensorflow1x(images, size=(299, 299), align_corners=False)
    before = images.clone()
    assert torch.equal(tensorflow1_bilinear(images, 299), expected)
    assert torch.equal(tensorflow1_bilinear(images.contiguous(memory_format=torch.channels_last), 299), expected)
    assert torch.equal(images, before)


def test_tensorflow1_bilinear_by_hand() -> None:
    """Two pixels to four: sources 0, .5, 1, 1.5; the last has no pixel after it."""
    image = torch.tensor([[[[0.0, 8.0], [4.0, 12.0]]]])
    expected = [[0, 4, 8, 8], [2, 6, 10, 10], [4, 8, 12, 12], [4, 8, 12, 12]]
    assert tensorflow1_bilinear(image, 4)[0, 0].tolist() == expected


@pytest.mark.parametrize(("size", "box"), [((7, 4), (1, 0, 5, 4)), ((4, 9), (0, 2, 4, 6)), ((5, 5), (0, 0, 5, 5))])
def test_centre_square(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    image = _picture(*size)
    np.testing.assert_array_equal(_array(centre_square(image)), _array(image.crop(box)))


@pytest.mark.parametrize("size", [(640, 427), (333, 500), (256, 256), (100, 90), (1, 1)])
def test_resize_then_crop_is_torchvisions(size: tuple[int, int]) -> None:
    """What torch-fidelity's samples_resize_and_crop does, through torchvision itself."""
    from torchvision.transforms import CenterCrop, Compose, Resize

    image = _picture(*size)
    expected = Compose([Resize(256), CenterCrop(256)])(image)
    got = prepare(image, PROTOCOLS["ldm-30k"].recipe, 299)
    np.testing.assert_array_equal(got, np.asarray(expected))


def test_default_protocol_is_crop_and_bicubic() -> None:
    image = _picture(640, 427)
    expected = image.crop((106, 0, 533, 427)).resize((256, 256), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(prepare(image, PROTOCOLS["imagen-full"].recipe, 299), np.asarray(expected))


def test_squash_goes_straight_to_the_networks_size() -> None:
    image = _picture(640, 427)
    expected = image.resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(prepare(image, PROTOCOLS["dalle-squash"].recipe, 224), np.asarray(expected))


def test_clean_resize_is_unrounded_and_clipped() -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:, 4:] = 255
    clean = clean_resize(pixels, 32)
    assert clean.dtype == np.float32
    assert clean.shape == (32, 32, 3)
    assert clean.min() == 0.0
    assert clean.max() == 255.0
    assert np.any(clean != np.round(clean))
    rounded = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)).astype(np.float32)
    assert float(np.abs(clean - rounded).max()) <= 1.0
    got = prepare(_picture(300, 200), PROTOCOLS["gigagan-lanczos-clean"].recipe, 299)
    assert got.dtype == np.float32
    assert got.shape == (299, 299, 3)


def test_an_image_of_the_right_size_is_left_as_it_is() -> None:
    image = _picture(256, 256)
    for name in ("imagen-full", "ldm-30k"):
        np.testing.assert_array_equal(prepare(image, PROTOCOLS[name].recipe, 299), np.asarray(image))


def test_protocols_differ_by_as_much_as_they_do() -> None:
    """Mean absolute grey levels against crop + bicubic on one detailed picture: an order that papers tell."""
    base = _picture(40, 30, seed=3).resize((640, 480), Image.Resampling.BICUBIC)
    spread = {}
    for name, shape, kernel in (
        ("lanczos", "crop", "lanczos"),
        ("box", "crop", "box"),
        ("squash", "squash", "bicubic"),
    ):
        recipe = Recipe(shape, kernel, 256, "tensorflow1")  # type: ignore[arg-type]
        reference = prepare(base, PROTOCOLS["imagen-full"].recipe, 299).astype(np.float64)
        spread[name] = float(np.abs(prepare(base, recipe, 299) - reference).mean())
    assert 0 < spread["lanczos"] < spread["box"] < spread["squash"]


def test_manifest_is_whole() -> None:
    manifest = PROTOCOLS["imagen-full"].manifest(network_size=299)
    assert manifest["name"] == "imagen-full"
    assert (manifest["shape"], manifest["filter"], manifest["size"]) == ("crop", "bicubic", 256)
    assert (manifest["to_network"], manifest["network_size"]) == ("tensorflow1", 299)
    assert "40,504" in str(manifest["reference"])


def test_unknown_protocol_names_the_nearest() -> None:
    with pytest.raises(MetricError, match='; did you mean "imagen-full"'):
        protocol_by_name("imagen_ful")
