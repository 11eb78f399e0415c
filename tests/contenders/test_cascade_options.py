"""The cascade without text in super-resolution, and under the matcher's guidance."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from generators import conformance, registry
from generators.cascade.blocks import TextStates
from generators.cascade.configs import DiffusionConfig
from generators.cascade.generator import CascadeGenerator
from generators.cascade.spec import SPEC
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.cascade.weights_index import identity
from generators.contract import ImageRequest
from generators.world.scene_clip.lead import load_matcher
from tests.contenders.tiny import BASE, cascade_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cascade."""
    return cascade_folder(tmp_path_factory.mktemp("tiny"))


def request(prompt: str, prompt_id: str = "00000") -> ImageRequest:
    """The first sample of a prompt."""
    return ImageRequest(f"{prompt_id}/{prompt}", prompt_id, prompt, 0, 0)


def enlarged(generator: CascadeGenerator, prompt: str) -> torch.Tensor:
    """One fixed picture after the 256 stage that is asked for `prompt`."""
    made = generator._cascade
    states, _ = generator._text([prompt])
    below = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    return made._sample(made.stage("sr256"), [request("any")], states, generator._settings, below)


@pytest.mark.parametrize(("name", "told"), [("cascade", True), ("cascade-no-sr-text", False)])
def test_super_resolution_is_told_the_prompt_or_not(folder: Path, name: str, told: bool) -> None:
    generator = registry.load(name, {"weights": str(folder), "steps": 2}, size=256, device="cpu")
    assert isinstance(generator, CascadeGenerator) and generator.info.name == name
    with torch.inference_mode():
        one, other = enlarged(generator, "A red car."), enlarged(generator, "Two cats and a very long dog.")
    assert torch.equal(one, other) is not told


def test_a_stage_that_is_not_told_draws_as_if_the_prompt_was_dropped(folder: Path) -> None:
    generator = registry.load("cascade", {"weights": str(folder)}, size=256, device="cpu")
    assert isinstance(generator, CascadeGenerator)
    stage = generator._cascade.stage("base")
    states, _ = generator._text(["A red car."])
    z, t = torch.ones(1, 3, 64, 64), torch.tensor([0.5])
    settings = StageSettings(3.0, 2, "ddim", 0.0, "none", prompted=False)
    with torch.inference_mode():
        untold = Denoise(stage, states, settings)._predict(z, 0.5)
        dropped = stage.network(z, t, states, torch.tensor([False]))
        # Another encoder's states, of another width, change nothing either.
        strange = TextStates(torch.ones(1, 7, 5), torch.ones(1, 7, dtype=torch.bool))
        assert torch.equal(Denoise(stage, strange, settings)._predict(z, 0.5), untold)
    assert torch.allclose(untold, dropped, atol=1e-5)


@pytest.mark.parametrize(("name", "given"), [("cascade-no-sr-text", {}), ("cascade", {"matcher_guidance": 5.0})])
def test_it_keeps_the_contract(folder: Path, name: str, given: dict[str, object]) -> None:
    generator = registry.load(name, {"weights": str(folder), "steps": 2, **given}, size=64, device="cpu")
    assert conformance.check(generator, size=64) == []


def test_the_matchers_guidance_raises_its_own_score() -> None:
    """Of the shipped base's pictures, and of each: logits of the matcher, so that weights are Bayes' rule's at 1."""
    prompts = ["A red apple.", "A blue hat.", "Two cats."]
    asked = [request(prompt, f"{number:05d}") for number, prompt in enumerate(prompts)]
    fit = load_matcher().fit(prompts, "cpu")
    scores = {}
    for weight in (0.0, 10.0):
        made = registry.load("cascade", {"matcher_guidance": weight, "steps": 4}, size=64, device="cpu")
        drawn = {result.key: result.image for result in made.generate(asked) if result.image is not None}
        pictures = np.stack([drawn[each.key] for each in asked])
        with torch.inference_mode():
            scores[weight] = fit(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1)
    assert bool((scores[10.0] > scores[0.0]).all())


def test_the_lead_is_the_shift_that_a_classifiers_gradient_gives() -> None:
    """Where the network predicts x0 = z and fit is c times the sum, x0 moves by w sigma^2 / alpha c."""

    class Same(torch.nn.Module):
        def forward(self, z: torch.Tensor, t: torch.Tensor, text: TextStates, keep: torch.Tensor) -> torch.Tensor:
            return z

    diffusion = DiffusionConfig(schedule="cosine", prediction="x0")
    stage = LoadedStage(dataclasses.replace(BASE, diffusion=diffusion), Same(), 5)
    text = TextStates(torch.zeros(1, 2, 5), torch.ones(1, 2, dtype=torch.bool))
    settings = StageSettings(1.0, 2, "ddim", 0.0, "none", matcher=0.5)
    denoise = Denoise(stage, text, settings, fit=lambda images: 0.1 * images.flatten(1).sum(1))
    z = torch.zeros(1, 3, 64, 64)
    half = 2**-0.5  # alpha and sigma of the cosine schedule at t = 1/2
    assert torch.allclose(denoise(z, 0.5), z + 0.5 * half**2 / half * 0.1, atol=1e-6)
    assert torch.equal(denoise(z, 1.0), z)  # pure noise says nothing


def test_the_matcher_counts_as_weights(folder: Path) -> None:
    given = {"weights": str(folder), "matcher_guidance": 2.0}
    led = registry.load("cascade", given, size=64, device="cpu").info
    plain = registry.load("cascade", {"weights": str(folder)}, size=64, device="cpu").info
    assert led.weights_fingerprint != plain.weights_fingerprint
    assert identity(SPEC.resolve(given), size=64) == (led.version, led.weights_fingerprint)
    assert led.provenance["matcher_sha256"] == load_matcher().sha256
