"""The cascade as a generator, with the weights that ship."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from generators.cascade.generator import BUNDLED, TOLERANCE, CascadeGenerator, load_cascade
from generators.cascade.spec import SPEC
from generators.cascade.text_files import find_encoder
from generators.contract import FailureKind, GeneratorError, ImageRequest

QUICK = {"steps": 8, "sr_steps": 2}


def load(size: int = 64, device: str = "cpu", given: Mapping[str, object] | None = None) -> CascadeGenerator:
    return load_cascade(SPEC.resolve({**QUICK, **(given or {})}), size=size, device=device)


@pytest.fixture(scope="module")
def generator() -> Iterator[CascadeGenerator]:
    made = load()
    yield made
    made.close()


def requests(*prompts: str, samples: int = 1, run_seed: int = 0) -> list[ImageRequest]:
    return [
        ImageRequest(f"{index}/{sample}", f"{index:05d}", prompt, sample, run_seed)
        for index, prompt in enumerate(prompts)
        for sample in range(samples)
    ]


def images(generator: CascadeGenerator, asked: list[ImageRequest]) -> list[NDArray[np.uint8]]:
    drawn = {result.key: result.image for result in generator.generate(asked)}
    found = [drawn[request.key] for request in asked]
    assert all(image is not None for image in found)
    return [image for image in found if image is not None]


def test_it_draws_the_colour_that_the_prompt_names(generator: CascadeGenerator) -> None:
    """Redness (red over blue) of "a red apple" against "a blue car": apart by far, on the mean of six samples."""
    drawn = np.stack(images(generator, requests("a red apple", "a blue car", samples=6))).astype(float)
    redness = (drawn[..., 0] - drawn[..., 2]).mean(axis=(1, 2))
    assert redness[:6].mean() > redness[6:].mean() + 20
    # And it draws something: an untrained network's output is grey noise without large structure.
    assert drawn.reshape(12, 8, 8, 8, 8, 3).mean(axis=(2, 4)).std(axis=(1, 2)).mean() > 10


def test_the_same_request_is_the_same_image(generator: CascadeGenerator) -> None:
    asked = requests("a yellow star")
    assert np.array_equal(images(generator, asked)[0], images(generator, asked)[0])
    assert not np.array_equal(images(generator, asked)[0], images(generator, requests("a yellow star", run_seed=1))[0])


def test_images_do_not_depend_on_their_batch(generator: CascadeGenerator) -> None:
    """Alone, together, and in another order beside longer prompts: within the declared tolerance."""
    asked = requests("a cat", "two green birds to the left of a very long red train on a blue background", "a dog")
    together = images(generator, asked)
    backwards = images(generator, asked[::-1])[::-1]
    for index, request in enumerate(asked):
        alone = images(generator, [request])[0].astype(int)
        for other in (together[index], backwards[index]):
            assert np.abs(alone - other.astype(int)).max() <= generator.info.tolerance


def test_bf16_stays_within_its_tolerance(generator: CascadeGenerator) -> None:
    """The GPU's dtype, tried on the CPU."""
    weights = load()
    for stage in weights._cascade.stages.values():
        stage.network.to(torch.bfloat16)
    weights._cascade.dtype = torch.bfloat16
    asked = requests("a cat", "a red car and a green dog", "a dog")
    together = images(weights, asked)
    worst = max(
        np.abs(images(weights, [request])[0].astype(int) - image.astype(int)).max()
        for request, image in zip(asked, together, strict=True)
    )
    assert worst <= TOLERANCE[torch.bfloat16]


def test_guidance_changes_the_image(generator: CascadeGenerator) -> None:
    asked = requests("a purple umbrella", samples=2)
    plain, strong = images(load(given={"guidance": 1}), asked), images(load(given={"guidance": 5}), asked)
    for one, other in zip(plain, strong, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).mean() > 5


@pytest.mark.parametrize("given", [{"sampler": "ddim", "eta": 0.5}, {"sampler": "ddpm"}, {"thresholding": "static"}])
def test_every_sampler_draws(given: dict[str, object]) -> None:
    image = images(load(given=given), requests("a red heart"))[0]
    assert image.shape == (64, 64, 3) and image.std() > 5


@pytest.mark.parametrize("size", [256, 1024])
def test_the_larger_sizes_keep_the_small_picture(size: int) -> None:
    """Super-resolution adds detail and no other picture: averaged down it is its input."""
    small = images(load(), requests("a green tree"))[0].astype(float)
    large = images(load(size), requests("a green tree"))[0].astype(float)
    assert large.shape == (size, size, 3)
    factor = size // 64
    averaged = large.reshape(64, factor, 64, factor, 3).mean(axis=(1, 3))
    assert np.sqrt(((averaged - small) ** 2).mean()) < 16


def test_super_resolution_adds_no_grain_of_its_own_unless_it_starts_from_noise() -> None:
    """The ground in a corner is smoother from zeros than from noise."""
    asked = requests("a green tree")
    clean, grainy = (images(load(256, given={"sr_start_noise": noise}), asked)[0].astype(float) for noise in (0.0, 1.0))
    rough = [np.abs(np.diff(image[:48, :48], axis=1)).mean() for image in (clean, grainy)]  # a corner: plain ground
    assert rough[0] < rough[1]


def test_an_empty_prompt_fails_and_the_rest_is_drawn(generator: CascadeGenerator) -> None:
    results = {result.key: result for result in generator.generate(requests("  ", "a fish"))}
    failure = results["0/0"].failure
    assert failure is not None and failure.kind == FailureKind.INVALID and "empty" in failure.message
    assert results["1/0"].image is not None


def test_a_bad_seed_is_that_requests_failure(generator: CascadeGenerator) -> None:
    failure = next(generator.generate([ImageRequest("x", "00000", "a cat", -1, 0)])).failure
    assert failure is not None and failure.kind == FailureKind.INVALID and "negative" in failure.message


def test_a_long_prompt_is_cut_and_says_so(generator: CascadeGenerator) -> None:
    asked = requests("a red apple " * 100, "a red apple", "ein roter Apfel, 赤いりんご, تفاحة حمراء")
    long, short, foreign = generator.generate(asked)
    assert long.image is not None and int(long.provenance["prompt_tokens_cut"]) > 200
    assert str(long.provenance["prompt_text_cut"]).startswith("apple a red apple")
    assert set(short.provenance) == {"seed"}
    assert foreign.image is not None and "prompt_tokens_cut" not in foreign.provenance
    assert foreign.provenance["prompt_tokens_unknown"] == 1


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "the prompt is empty"),
        ("\u200b\n\t\x00", "the prompt is empty"),
        (7, "no text but int: 7"),
        (None, "no text but NoneType"),
        ("a \ud83d car", "half of a character"),
    ],
)
def test_prompts_that_are_none(generator: CascadeGenerator, prompt: str, message: str) -> None:
    failure = next(generator.generate([ImageRequest("x", "00000", prompt, 0, 0)])).failure
    assert failure is not None and failure.kind == FailureKind.INVALID and message in failure.message


def test_an_encoder_of_ones_own_draws_and_counts_as_weights(tmp_path: Path) -> None:
    """The encoder that ships, brought as a folder: the same images under another fingerprint, cached, not loaded."""
    folder = tmp_path / "encoder"
    shutil.copytree(find_encoder("all-MiniLM-L6-v2"), folder)
    asked = requests("a red apple")
    mine, again = (load(given={"text_encoder": str(folder)}) for _ in range(2))
    assert np.array_equal(images(mine, asked)[0], images(load(), asked)[0])
    assert mine.info.weights_fingerprint != load().info.weights_fingerprint
    assert len(str(mine.info.provenance["text_encoder_sha256"])) == 64
    assert np.array_equal(images(again, asked)[0], images(mine, asked)[0]) and not again._encoder.loaded


def test_info_tells_how_it_draws(generator: CascadeGenerator) -> None:
    info = generator.info
    assert len(info.weights_fingerprint) == 64
    assert info.provenance["dtype"] == "float32" and info.provenance["sampler"] == "dpmpp"
    assert info.provenance["text_encoder"] == "all-MiniLM-L6-v2"
    assert info.weights_fingerprint != load(size=256).info.weights_fingerprint  # another stage takes part


@pytest.mark.parametrize(
    ("size", "given", "message"),
    [
        (128, {}, "64, 256, 1024"),
        (64, {"weights": "/nowhere"}, r"no index\.json"),
        (64, {"text_encoder": "/nowhere"}, "there is no folder /nowhere"),
    ],
)
def test_what_it_cannot_load(size: int, given: dict[str, object], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        load(size, given=given)


def test_devices_that_are_not_there() -> None:
    with pytest.raises(GeneratorError, match="none that torch knows"):
        load(device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(GeneratorError, match="no CUDA"):
            load(device="cuda")


def test_the_specification_needs_no_torch() -> None:
    code = "import sys, generators.cascade.spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_bundled_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.glob("*.safetensors")) < 60e6
