"""The cascade: text -> 64x64 -> 256x256 -> 1024x1024 [2]. Start reading here.

`Cascade.draw` takes a few requests through the stages; `Denoise` is what a sampler calls at each step. Noise comes from
each request alone (`generators.seeding`), so an image doesn't depend on its neighbours in a batch.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generators.cascade.augmentation import augment, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import WeightsFolder
from generators.cascade.configs import StageConfig, StageName
from generators.cascade.guidance import Thresholding, guided, guides_at, thresholded
from generators.cascade.memory import first_line, free_memory, is_out_of_memory
from generators.cascade.samplers import SamplerName, sample
from generators.cascade.schedules import noise_at, residual_for, x0_from
from generators.cascade.spacing import Spacing
from generators.cascade.weights_index import stages_to
from generators.contract import GeneratorError, ImageRequest
from generators.seeding import noise as request_noise

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How one stage samples. `w`: guidance weight. `eta`: ddim's. `thresholding`: of the predicted image.

    `start_noise`: standard deviation of the noise that it starts from, in [0, 1]; 1 is the paper's.
    `guidance_low`, `guidance_high`: guidance acts at low < t <= high and nowhere else; see `guidance.guides_at`.
    `spacing`: of its steps; see `spacing.time_grid`.
    """

    w: float
    steps: int
    sampler: SamplerName
    eta: float
    thresholding: Thresholding
    guidance_low: float = 0.0
    guidance_high: float = 1.0
    spacing: Spacing = "time"
    start_noise: float = 1.0


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


MICRO_BATCH = {64: 32, 256: 8, 1024: 1}
"""Images drawn at once by size: enough to fill a core, little enough for a laptop's memory."""

END: dict[StageName, int] = {"base": 64, "sr256": 256, "sr1024": 1024}
"""The size that ends with each stage."""


class Cascade:
    """The stages that lead to one size, on one device, in one dtype.

    `at_once`: whether all stages stay in memory; else each is loaded when its turn comes and let go after it.
    `micro_batch`: images that a stage draws together. It is halved when memory runs out, and `notes` says so.
    `compiled`: networks go through torch.compile. `parameters`: of all stages together.
    """

    def __init__(
        self,
        weights: WeightsFolder,
        size: int,
        *,
        device: str,
        dtype: torch.dtype,
        at_once: bool = True,
        compiled: bool = False,
    ) -> None:
        self.names = stages_to(size)
        self.size = size
        self.device = device
        self.dtype = dtype
        self.at_once = at_once
        self.compiled = compiled
        self.micro_batch = {name: MICRO_BATCH[size if at_once else END[name]] for name in self.names}
        self.notes: dict[str, str] = {}
        self.stages: dict[StageName, LoadedStage] = {}
        self._weights = weights
        self._lock = threading.Lock()
        heads = {name: weights.head(name) for name in self.names}
        self.text = heads["base"].text
        self.parameters = sum(head.parameters for head in heads.values())
        for name, head in heads.items():
            if head.text != self.text:
                raise GeneratorError(f"weights: stage {name} was trained with another text encoder than the base")
        if at_once:
            for name in self.names:
                self.stage(name)

    def stage(self, name: StageName) -> LoadedStage:
        """A stage, loaded if it is not in memory.

        Raises:
            CheckpointError: its file is missing or damaged.
        """
        with self._lock:
            if name not in self.stages:
                if not self.at_once:
                    self.release()
                held = self._weights.load(name)
                network = held.network(device=self.device, dtype=self.dtype)
                if self.compiled:
                    network = cast(nn.Module, torch.compile(network))
                self.stages[name] = LoadedStage(held.stage, network)
            return self.stages[name]

    def release(self) -> None:
        """Let go of all stages; they are loaded again when needed."""
        self.stages.clear()
        free_memory()

    @torch.inference_mode()
    def draw(self, requests: Sequence[ImageRequest], text: TextStates, settings: Settings) -> NDArray[np.uint8]:
        """Images of some requests, (len(requests), size, size, 3) uint8. `text`: their prompts' states, in order.

        Raises:
            GeneratorError: no memory even for one image at a time.
        """
        text = text.to(self.device, self.dtype)
        images: Tensor | None = None
        for name in self.names:
            images = self._draw_stage(name, requests, text, settings, images)
        assert images is not None  # there is always a base
        return images.add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

    def _draw_stage(
        self,
        name: StageName,
        requests: Sequence[ImageRequest],
        text: TextStates,
        settings: Settings,
        images: Tensor | None,
    ) -> Tensor:
        """One stage of all requests, in micro-batches as large as memory allows."""
        drawn: list[Tensor] = []
        first = 0
        while first < len(requests):
            rows = slice(first, first + self.micro_batch[name])
            below = None if images is None else images[rows].to(self.device)
            part = TextStates(text.tokens[rows], text.mask[rows])
            made = self._try(name, requests[rows], part, settings, below)
            if made is None:
                continue  # a smaller one next
            # One stage at a time, many images wait for the next: the device keeps none of them.
            drawn.append(made if self.at_once else made.cpu())
            first += len(made)
        return drawn[0] if len(drawn) == 1 else torch.cat(drawn)

    def _try(
        self,
        name: StageName,
        requests: Sequence[ImageRequest],
        text: TextStates,
        settings: Settings,
        images: Tensor | None,
    ) -> Tensor | None:
        """One micro-batch of a stage; None when memory ran out and less will be tried next."""
        try:
            return self._sample(self.stage(name), requests, text, settings, images)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            said = first_line(error)
        # Here, and not in the handler: while the error lives, so does what it was about to compute with.
        free_memory()
        self._make_do(name, len(requests), said)
        return None

    def _make_do(self, name: StageName, count: int, said: str) -> None:
        """Ask for less memory from here on: fewer images together, then one stage in memory at a time."""
        with self._lock:
            if count > 1:
                less = max(1, count // 2)
                self.micro_batch[name] = min(self.micro_batch[name], less)
                self.notes[f"micro_batch_{name}"] = f"{self.micro_batch[name]}, since memory ran out"
            elif self.at_once and len(self.names) > 1:
                self.at_once = False
                self.notes["memory_note"] = "one stage in memory at a time, since it ran out"
                self.release()
            else:
                raise GeneratorError(
                    f"not enough memory on {self.device} for stage {name} with one image at a time ({said}). Draw a "
                    "smaller size, use another device, or free memory"
                )
        log.warning("stage %s: out of memory with %d images together (%s); going on with less", name, count, said)

    def _sample(
        self,
        stage: LoadedStage,
        requests: Sequence[ImageRequest],
        text: TextStates,
        settings: Settings,
        images: Tensor | None,
    ) -> Tensor:
        """A stage's images, (len(requests), 3, size, size) in [-1, 1]. `images`: of the stage before."""
        name = stage.config.name
        chosen = settings.base if name == "base" else settings.super_resolution
        low_res, aug_level = None, None
        if images is not None:
            eps = self._noise(requests, f"{name}/aug", stage.config.low_size)
            level = settings.aug_level if name == "sr256" else settings.aug_level_1024
            aug_level = levels_for(len(requests), level, images)
            low_res = upsample(augment(images, aug_level, eps), stage.config.size)

        def fresh(step: int) -> Tensor:
            return self._noise(requests, f"{name}/step/{step}", stage.config.size)

        start = chosen.start_noise * self._noise(requests, name, stage.config.size)
        denoise = Denoise(stage, text, chosen, low_res, aug_level)
        schedule = stage.config.diffusion.schedule
        drawn = sample(
            chosen.sampler,
            denoise,
            start,
            schedule,
            chosen.steps,
            eta=chosen.eta,
            noise=fresh,
            spacing=chosen.spacing,
        )
        return drawn.clamp(-1.0, 1.0)

    def _noise(self, requests: Sequence[ImageRequest], stage: str, size: int) -> Tensor:
        noise = torch.from_numpy(request_noise(requests, stage, (3, size, size)))
        if torch.device(self.device).type != "cuda":
            return noise.to(self.device)
        return noise.pin_memory().to(self.device, non_blocking=True)  # the device goes on drawing meanwhile


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
