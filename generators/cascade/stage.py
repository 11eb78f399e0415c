"""One stage at work: what its network predicts at each step of a sampler, and the images that come of it.

`draw_stage` draws, `Denoise` is what a sampler calls. Noise comes from each request alone (`generators.seeding`), so an
image doesn't depend on its neighbours in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from generators.cascade.augmentation import augment, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGE_CHANNELS, StageConfig
from generators.cascade.guidance import Thresholding, guided, guides_at, thresholded
from generators.cascade.samplers import SamplerName, sample
from generators.cascade.schedules import noise_at, residual_for, x0_from
from generators.cascade.spacing import Spacing
from generators.contract import ImageRequest
from generators.seeding import noise as request_noise

Fit = Callable[[Tensor], Tensor]
"""(batch, 3, size, size) images in [-1, 1] -> (batch,): how well each fits its own prompt, on the scale of a logarithm
of a probability; differentiable."""


class Matcher(Protocol):
    """A judge of how well a picture fits a text, whose gradient can lead a sampler. `sha256`: of its file."""

    sha256: str

    def fit(self, prompts: Sequence[str], device: str) -> Fit:
        """How well pictures fit these prompts, row by row."""
        ...


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How one stage samples. `w`: guidance weight. `eta`: ddim's. `thresholding`: of the predicted image.

    `start_noise`: standard deviation of the noise that it starts from, in [0, 1]; 1 is the paper's.
    `guidance_low`, `guidance_high`: guidance acts at low < t <= high and nowhere else; see `guidance.guides_at`.
    `spacing`: of its steps; see `spacing.time_grid`. `prompted`: whether it is told the prompt; else it draws as if the
    prompt was dropped, whatever `w` is. `matcher`: weight of the matcher's gradient, see `Denoise.led`.
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
    prompted: bool = True
    matcher: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadedStage:
    """A stage ready to draw. `text_width`: of the token states that it was trained with; needed where it is not told
    the prompt."""

    config: StageConfig
    network: nn.Module
    text_width: int = 0


def draw_stage(
    stage: LoadedStage,
    requests: Sequence[ImageRequest],
    text: TextStates,
    chosen: StageSettings,
    *,
    below: Tensor | None = None,
    aug_level: float = 0.0,
    fit: Fit | None = None,
) -> Tensor:
    """A stage's images, (len(requests), channels, size, size). `text`: of the requests, on the stage's device.

    `below`: the images of the stage before, on the stage's device; None for a first one. `fit`: leads it where
    `chosen.matcher` is not 0. Pictures end in [-1, 1]; what stands for one (a first stage of another number of
    channels) is left as it is.
    """
    config, device = stage.config, text.tokens.device
    channels, name = config.unet.image_channels, config.name
    low_res, level = None, None
    if below is not None:
        eps = noise_on(device, requests, f"{name}/aug", (channels, config.low_size, config.low_size))
        level = levels_for(len(requests), aug_level, below)
        low_res = upsample(augment(below, level, eps), config.size)
    shape = (channels, config.size, config.size)
    denoise = Denoise(stage, text, chosen, low_res, level, fit)
    drawn = sample(
        chosen.sampler,
        denoise,
        chosen.start_noise * noise_on(device, requests, name, shape),
        config.diffusion.schedule,
        chosen.steps,
        eta=chosen.eta,
        noise=lambda step: noise_on(device, requests, f"{name}/step/{step}", shape),
        spacing=chosen.spacing,
    )
    return drawn.clamp(-1.0, 1.0) if channels == IMAGE_CHANNELS else drawn


def noise_on(
    device: torch.device | str, requests: Sequence[ImageRequest], stage: str, shape: tuple[int, ...]
) -> Tensor:
    """`generators.seeding.noise` on a device, float32."""
    noise = torch.from_numpy(request_noise(requests, stage, shape))
    if torch.device(device).type != "cuda":
        return noise.to(device)
    return noise.pin_memory().to(device, non_blocking=True)  # the device goes on drawing meanwhile


class Denoise:
    """A stage's denoiser for `samplers.sample`: (z, t) -> x0, guided and thresholded. z stays in float32."""

    def __init__(
        self,
        stage: LoadedStage,
        text: TextStates,
        settings: StageSettings,
        low_res: Tensor | None = None,
        aug_level: Tensor | None = None,
        fit: Fit | None = None,
    ) -> None:
        self.stage = stage
        self.settings = settings
        self.low_res = low_res
        self.aug_level = aug_level
        self.fit = fit if settings.matcher else None
        self.guides = settings.w != 1.0 and settings.prompted
        # Both guidance passes go as one batch: conditional rows first.
        times = 2 if self.guides else 1
        self.count = len(text.tokens)
        if settings.prompted:
            self.text = TextStates(text.tokens.repeat(times, 1, 1), text.mask.repeat(times, 1))
            self.keep = torch.arange(times * self.count, device=text.mask.device) < self.count
        else:  # of its own width: the prompt's states may be another encoder's
            nothing = text.tokens.new_zeros(self.count, 1, stage.text_width)
            self.text = TextStates(nothing, text.mask.new_ones(self.count, 1))
            self.keep = text.mask.new_zeros(self.count)
        if self.fit is not None:  # what was made for inference alone has no gradient through it
            with torch.inference_mode(False):
                self.text = TextStates(self.text.tokens.clone(), self.text.mask.clone())
                self.keep = self.keep.clone()
        self.residual = (
            residual_for(low_res, aug_level, stage.config.diffusion.residual_std)
            if low_res is not None and aug_level is not None and stage.config.diffusion.prediction == "residual"
            else None
        )

    def __call__(self, z: Tensor, t: float) -> Tensor:
        """The predicted image at time t."""
        x0 = self._x0(z, t) if self.fit is None else self.led(self.fit, z, t)
        return thresholded(x0, self.settings.thresholding)

    def led(self, fit: Fit, z: Tensor, t: float) -> Tensor:
        """The predicted image, led by the gradient of how well it fits: GLIDE's guidance (Nichol et al. 2021, 2.4).

        eps is shifted by -w sigma grad_z fit(x0(z)), as a classifier's gradient does it (Dhariwal and Nichol 2021,
        algorithm 2), so x0 by w sigma^2 / alpha of it; w = 1 is Bayes' rule if `fit` is the logarithm of a probability.
        GLIDE's matcher was trained on noisy pictures; this one was not, and looks at the predicted one, through which
        the gradient goes back. Where z is pure noise it says nothing, and alpha is 0: no lead there.
        """
        exact = noise_at(self.stage.config.diffusion.schedule, torch.tensor(t, dtype=torch.float64))
        if float(exact.alpha) == 0:
            return self._x0(z, t)
        with torch.inference_mode(False), torch.enable_grad():
            leaf = z.clone().requires_grad_()
            x0 = self._x0(leaf, t)
            (slope,) = torch.autograd.grad(fit(x0).sum(), leaf)
        return x0.detach() + self.settings.matcher * float(exact.sigma**2 / exact.alpha) * slope

    def _x0(self, z: Tensor, t: float) -> Tensor:
        config = self.stage.config
        # In float64, then to float32: the same alpha and sigma as the sampler's.
        exact = noise_at(config.diffusion.schedule, torch.tensor(t, dtype=torch.float64))
        shown = z if self.residual is None else self.residual.network_input(z, exact)
        output = self._predict(shown, t)
        if self.residual is None:
            return x0_from(config.diffusion.prediction, output, z, exact)
        return self.residual.x0(output, z, exact)

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
