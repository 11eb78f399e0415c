"""The cascade: text -> 64x64 -> 256x256 -> 1024x1024 [2]. Start reading here.

`Cascade.draw` takes a few requests through the stages; `stage.draw_stage` is one of them at work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import WeightsFolder
from generators.cascade.configs import StageName, TextConfig
from generators.cascade.memory import first_line, free_memory, is_out_of_memory
from generators.cascade.stage import LoadedStage, Matcher, StageSettings, draw_stage
from generators.cascade.weights_index import stages_to
from generators.contract import GeneratorError, ImageRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the cascade samples. `aug_level`, `aug_level_1024`: of the 256 and the 1024 stage's input, in [0, 1].

    `matcher`: what leads the base where `base.matcher` is not 0.
    """

    base: StageSettings
    super_resolution: StageSettings
    aug_level: float
    aug_level_1024: float
    matcher: Matcher | None = None


class First(Protocol):
    """What draws the 64x64 pictures in place of a base, where another system goes before the same super-resolution.

    `text`: the encoder whose states it reads. `parameters`: how many it has.
    """

    text: TextConfig
    parameters: int

    def draw(self, requests: Sequence[ImageRequest], text: TextStates) -> Tensor:
        """(len(requests), 3, 64, 64) in [-1, 1], on the device that it was made for."""
        ...

    def release(self) -> None:
        """Let go of its networks; they are loaded again when needed."""
        ...


MICRO_BATCH = {64: 32, 256: 8, 1024: 1}
"""Images drawn at once by size: enough to fill a core, little enough for a laptop's memory."""

END: dict[StageName, int] = {"base": 64, "sr256": 256, "sr1024": 1024}
"""The size that ends with each stage."""


class Cascade:
    """The stages that lead to one size, on one device, in one dtype.

    `at_once`: whether all stages stay in memory; else each is loaded when its turn comes and let go after it.
    `micro_batch`: images that a stage draws together. It is halved when memory runs out, and `notes` says so.
    `compiled`: networks go through torch.compile. `parameters`: of all stages together. `first`: draws in place of the
    base; the other stages were trained with other prompts' states then, and must not be told the prompt.
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
        first: First | None = None,
    ) -> None:
        self.names = stages_to(size)
        self.first = first
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
        own = self.names if first is None else self.names[1:]
        heads = {name: weights.head(name) for name in own}
        self.text = heads["base"].text if first is None else first.text
        self.parameters = sum(head.parameters for head in heads.values()) + (0 if first is None else first.parameters)
        for name, head in heads.items():
            if first is None and head.text != self.text:
                raise GeneratorError(f"weights: stage {name} was trained with another text encoder than the base")
        if at_once:
            for name in own:
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
                self.stages[name] = LoadedStage(held.stage, network, held.text.width)
            return self.stages[name]

    def release(self) -> None:
        """Let go of all stages; they are loaded again when needed."""
        self.stages.clear()
        if self.first is not None:
            self.first.release()
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
            if self.first is not None and name == "base":
                return self.first.draw(requests, text)
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
        led = settings.matcher if chosen.matcher else None
        return draw_stage(
            stage,
            requests,
            text,
            chosen,
            below=images,
            aug_level=settings.aug_level_1024 if name == "sr1024" else settings.aug_level,
            fit=None if led is None else led.fit([request.prompt for request in requests], self.device),
        )
