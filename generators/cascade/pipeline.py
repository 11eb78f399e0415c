"""The cascade: text -> 64x64 -> 256x256 -> 1024x1024 [2]. Start reading here.

`Cascade.draw` takes a few requests through the stages; `Denoise` is what a sampler calls at each step. Noise comes from
each request alone (`generators.seeding`), so an image doesn't depend on its neighbours in a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generators.cascade.augmentation import augment, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import WeightsFolder
from generators.cascade.configs import STAGES, StageConfig, StageName
from generators.cascade.guidance import Thresholding, guided, guides_at, thresholded
from generators.cascade.samplers import SamplerName, sample
from generators.cascade.schedules import noise_at, residual_for, x0_from
from generators.contract import GeneratorError, ImageRequest
from generators.seeding import noise as request_noise


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How one stage samples. `w`: guidance weight. `eta`: ddim's. `thresholding`: of the predicted image.

    `guidance_low`, `guidance_high`: guidance acts at low < t <= high and nowhere else; see `guidance.guides_at`.
    """

    w: float
    steps: int
    sampler: SamplerName
    eta: float
    thresholding: Thresholding
    guidance_low: float = 0.0
    guidance_high: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the cascade samples. `aug_level`, `aug_level_1024`: of the 256 and the 1024 stage's input, in [0, 1]."""

    base: StageSettings
    super_resolution: StageSettings
    aug_level: float
    aug_level_1024: float


@dataclass(frozen=True, slots=True)
class LoadedStage:
    """A stage ready to draw."""

    config: StageConfig
    network: nn.Module


def stages_to(size: int) -> tuple[StageName, ...]:
    """The stages that lead to a size.

    Raises:
        GeneratorError: no stage ends there.
    """
    ends: dict[int, tuple[StageName, ...]] = {64: STAGES[:1], 256: STAGES[:2], 1024: STAGES}
    if size not in ends:
        raise GeneratorError(f"the cascade can't draw {size} pixels; its sizes are {', '.join(map(str, ends))}")
    return ends[size]


class Cascade:
    """The stages that lead to one size, on one device, in one dtype."""

    def __init__(self, weights: WeightsFolder, size: int, *, device: str, dtype: torch.dtype) -> None:
        self.names = stages_to(size)
        self.size = size
        self.device = device
        self.dtype = dtype
        loaded = {name: weights.load(name) for name in self.names}
        self.text = loaded["base"].text
        for name, held in loaded.items():
            if held.text != self.text:
                raise GeneratorError(f"weights: stage {name} was trained with another text encoder than the base")
        self.stages = {
            name: LoadedStage(held.stage, held.network(device=device, dtype=dtype)) for name, held in loaded.items()
        }

    @torch.inference_mode()
    def draw(self, requests: Sequence[ImageRequest], text: TextStates, settings: Settings) -> NDArray[np.uint8]:
        """Images of a few requests, (len(requests), size, size, 3) uint8. `text`: their prompts' states, in order."""
        text = text.to(self.device, self.dtype)
        images: Tensor | None = None
        for name in self.names:
            stage = self.stages[name]
            chosen = settings.base if name == "base" else settings.super_resolution
            low_res, aug_level = None, None
            if images is not None:
                eps = self._noise(requests, f"{name}/aug", stage.config.low_size)
                level = settings.aug_level if name == "sr256" else settings.aug_level_1024
                aug_level = levels_for(len(requests), level, images)
                low_res = upsample(augment(images, aug_level, eps), stage.config.size)

            def fresh(step: int, name: StageName = name, size: int = stage.config.size) -> Tensor:
                return self._noise(requests, f"{name}/step/{step}", size)

            start = self._noise(requests, name, stage.config.size)
            denoise = Denoise(stage, text, chosen, low_res, aug_level)
            schedule = stage.config.diffusion.schedule
            images = sample(chosen.sampler, denoise, start, schedule, chosen.steps, eta=chosen.eta, noise=fresh)
            images = images.clamp(-1.0, 1.0)
        assert images is not None  # there is always a base
        return images.add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

    def _noise(self, requests: Sequence[ImageRequest], stage: str, size: int) -> Tensor:
        return torch.from_numpy(request_noise(requests, stage, (3, size, size))).to(self.device)


class Denoise:
    """A stage's denoiser for `samplers.sample`: (z, t) -> x0, guided and thresholded. z stays in float32."""

    def __init__(
        self,
        stage: LoadedStage,
        text: TextStates,
        settings: StageSettings,
        low_res: Tensor | None = None,
        aug_level: Tensor | None = None,
    ) -> None:
        self.stage = stage
        self.settings = settings
        self.low_res = low_res
        self.aug_level = aug_level
        self.guides = settings.w != 1.0
        # Both guidance passes go as one batch: conditional rows first.
        times = 2 if self.guides else 1
        self.count = len(text.tokens)
        self.text = TextStates(text.tokens.repeat(times, 1, 1), text.mask.repeat(times, 1))
        self.keep = torch.arange(times * self.count, device=text.mask.device) < self.count
        self.residual = (
            residual_for(low_res, aug_level, stage.config.diffusion.residual_std)
            if low_res is not None and aug_level is not None and stage.config.diffusion.prediction == "residual"
            else None
        )

    def __call__(self, z: Tensor, t: float) -> Tensor:
        """The predicted image at time t."""
        config = self.stage.config
        # In float64, then to float32: the same alpha and sigma as the sampler's.
        exact = noise_at(config.diffusion.schedule, torch.tensor(t, dtype=torch.float64))
        shown = z if self.residual is None else self.residual.network_input(z, exact)
        output = self._predict(shown, t)
        if self.residual is None:
            x0 = x0_from(config.diffusion.prediction, output, z, exact)
        else:
            x0 = self.residual.x0(output, z, exact)
        return thresholded(x0, self.settings.thresholding)

    def _predict(self, shown: Tensor, t: float) -> Tensor:
        chosen = self.settings
        guides = self.guides and guides_at(t, chosen.guidance_low, chosen.guidance_high)
        times = 2 if guides else 1
        rows = slice(times * self.count)
        text = TextStates(self.text.tokens[rows], self.text.mask[rows])
        dtype = text.tokens.dtype
        inputs = [shown.to(dtype).repeat(times, 1, 1, 1).contiguous(memory_format=torch.channels_last)]
        inputs.append(torch.full((len(inputs[0]),), t, device=shown.device))
        if self.low_res is None or self.aug_level is None:
            output = self.stage.network(*inputs, text, self.keep[rows])
        else:
            low_res = self.low_res.to(dtype).repeat(times, 1, 1, 1)
            output = self.stage.network(*inputs, text, self.keep[rows], low_res, self.aug_level.repeat(times))
        output = output.float()
        if not guides:
            return output
        conditional, unconditional = output.chunk(2)
        return guided(conditional, unconditional, chosen.w)
