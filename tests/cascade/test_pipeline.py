"""The pipeline on a device: nothing waits for it between the first step and the last, and compiling changes nothing."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI, StageName
from generators.cascade.generator import load_cascade
from generators.cascade.guidance import Thresholding
from generators.cascade.networks import build_unet
from generators.cascade.samplers import SamplerName, sample
from generators.cascade.spec import SPEC
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.cascade.weights_index import stages_to
from generators.contract import GeneratorError, ImageRequest


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpmpp", "heun"])
@pytest.mark.parametrize("thresholding", ["dynamic", "static"])
@pytest.mark.parametrize("name", ["base", "sr256"])
def test_no_step_waits_for_the_device(name: StageName, sampler: SamplerName, thresholding: Thresholding) -> None:
    """On torch's meta device tensors have no values: whatever asks for one, as a wait for a GPU would, raises."""
    stage = IMAGEN_MINI.stage(name)
    with torch.device("meta"):
        network = build_unet(stage, IMAGEN_MINI.text)
        text = TextStates(torch.zeros(2, 5, IMAGEN_MINI.text.width), torch.ones(2, 5, dtype=torch.bool))
        low_res = torch.zeros(2, 3, stage.size, stage.size) if stage.low_size else None
        aug_level = torch.zeros(2) if stage.low_size else None

    def noise(step: int) -> Tensor:
        return torch.zeros(2, 3, stage.size, stage.size, device="meta")

    settings = StageSettings(3.0, 3, sampler, 1.0, thresholding)
    denoise = Denoise(LoadedStage(stage, network), text, settings, low_res, aug_level)
    drawn = sample(sampler, denoise, noise(0), stage.diffusion.schedule, 3, eta=1.0, noise=noise)
    assert drawn.shape == (2, 3, stage.size, stage.size) and drawn.device.type == "meta"
    with pytest.raises(RuntimeError):
        float(drawn.detach().sum())  # what such a wait would do here


def draw(given: dict[str, object]) -> NDArray[np.uint8]:
    made = load_cascade(SPEC.resolve({"steps": 2, **given}), size=64, device="cpu")
    result = next(made.generate([ImageRequest("0", "00000", "a red apple", 0, 0)]))
    assert result.image is not None, result.failure
    return result.image


def test_compile_is_for_the_operator_and_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []

    def compile_it(network: nn.Module) -> Callable[..., Tensor]:
        compiled.append(network)
        return network

    monkeypatch.setattr(torch, "compile", compile_it)
    plain = draw({})
    assert not compiled
    assert np.array_equal(draw({"compile": True}), plain) and len(compiled) == 1
    with pytest.raises(GeneratorError, match="only a command"):
        SPEC.resolve({"compile": True}, operator=False)


def test_bfloat16_on_a_cpu_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    made = load_cascade(SPEC.resolve({"dtype": "bfloat16", "text_dtype": "bfloat16"}), size=64, device="cpu")
    assert made.info.provenance["dtype"] == made.info.provenance["text_dtype"] == "float32"
    assert "does not compute in bfloat16" in str(made.info.provenance["dtype_note"])
    result = next(made.generate([ImageRequest("0", "00000", "a red apple", 0, 0)]))
    assert "runs in float32" in str(result.provenance["text_dtype_note"])
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    made = load_cascade(SPEC.resolve({"dtype": "bfloat16"}), size=64, device="cpu")
    assert made.info.provenance["dtype"] == "bfloat16" and made.info.tolerance > 2


@pytest.mark.parametrize("size", [0, 32, 512, -64])
def test_sizes_that_no_stage_ends_at(size: int) -> None:
    with pytest.raises(GeneratorError, match=rf"can't draw {size} pixels; its sizes are 64, 256, 1024"):
        stages_to(size)
