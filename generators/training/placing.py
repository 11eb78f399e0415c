"""Teaches a base's text side where things go, before there are pictures: what stands at each place of a small grid.

The text layers and the map of places (`generators.cascade.blocks`) learn from captions and layouts alone, several times
faster than the whole network could. A head that is thrown away afterwards names the concept, or the letter, and the
colour at each place, which part of a letter lies there and how much ink each of its
pixels has. The weights that result begin a training: `train CONFIG --start-from FOLDER`. Start at `teach`.
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from common.commands import BAD_INPUT, FAILED, SUCCESS, refuse_repeated
from common.files import SaveError
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import save_stage, write_index
from generators.cascade.configs import ConfigError
from generators.cascade.text import load_encoder
from generators.cascade.unet import UNet
from generators.contract import GeneratorError
from generators.places import TRAINING
from generators.training import checkpoints
from generators.training.config import TrainConfig, load_train_config
from generators.training.data import SceneData, load_data
from generators.training.data_config import ScenesConfig
from generators.training.distributed import join
from generators.training.fitting import computing
from generators.training.place_targets import INK, PARTS, classes_of, ink_of, parts_of, targets
from generators.training.trainer import Trainer
from generators.world.scene_clip.contrary import CHANGES, contrary
from generators.world.scenes.captions import Scene, sample_scene
from generators.world.scenes.layout import Layout, lay_out
from generators.world.scenes.render import Renderer
from generators.world.scenes.words import COLOURS

BATCH = 64
"""Small: relations are learned by steps more than by examples."""

ASKED = 256
"""Places at most that a step asks, drawn anew: more steps for the time."""

ASKED_PAIRS = 256
"""Pairs of captions for each kind of question of an exam."""

LETTER_WEIGHT = 4.0
"""Of a place of a letter in the loss: there are few."""

REPORT_EVERY_S = 90.0
RATE = 2e-3
WARMUP = 100
COOLDOWN = 0.4
NO_MAP = "this base has no text_map, so there is nothing that could be taught about places"


class Teacher(nn.Module):
    """A network's text side with a head on its map of places."""

    def __init__(self, network: UNet, classes: int) -> None:
        super().__init__()
        if network.text_map is None:
            raise ConfigError(NO_MAP)
        self.conditioning = network.conditioning
        self.text_map = network.text_map
        self.classes = classes + 1
        self.parts = (self.classes, len(COLOURS) + 2, *PARTS, INK)
        self.head = nn.Linear(network.config.text_width, sum(self.parts))

    def forward(self, text: TextStates, keep: Tensor, places: Tensor | None = None) -> Tensor:
        """(batch, length, width), (batch,) bool -> logits (batch, n, all of `parts`) of some places, or of all.

        `places`: (n,) numbers of places, row by row.
        """
        t = torch.zeros(len(keep), device=keep.device)
        _, sequence, mask = self.conditioning(t, text, keep, None)
        return self.head(self.text_map.said(sequence, mask, places))

    def surprise(self, logits: Tensor, wanted: Tensor) -> Tensor:
        """Cross-entropy of concept and colour, (batch, n). `wanted`: (batch, 2, n)."""
        classes, colours, *_ = logits.float().transpose(1, 2).split(self.parts, dim=1)
        return F.cross_entropy(classes, wanted[:, 0], reduction="none") + F.cross_entropy(
            colours, wanted[:, 1], reduction="none"
        )


@dataclass(frozen=True, slots=True)
class Exam:
    """Captions that training never drew, each with a contrary one, and where things stand by the first.

    `rows`: change -> (targets, states of the captions, states of the contrary ones).
    """

    rows: dict[str, tuple[Tensor, TextStates, TextStates]]
    signs: tuple[Tensor, TextStates, Tensor, Tensor | None] | None
    """Targets and states of captions with words on signs, which places are letters', and the ink of all."""

    def marks(self, teacher: Teacher) -> dict[str, float]:
        """How often a layout is less of a surprise by its own caption than by the contrary one (chance is 0.5), and how
        many of the letters' places have the right letter. `surprise`: cross-entropy of a place, mean. `ink`: the share
        of the ink's variance over all signs that is told.
        """
        found = {}
        surprises = []
        with torch.inference_mode():
            for change, (grid, right, wrong) in self.rows.items():
                keep = torch.ones(len(grid), dtype=torch.bool, device=grid.device)
                own, other = (teacher.surprise(teacher(text, keep), grid.flatten(2)).sum(1) for text in (right, wrong))
                found[change] = float((own < other).float().mean())
                surprises.append(float(own.mean()) / grid[0, 0].numel())
            if self.signs is not None:
                grid, text, places, ink = self.signs
                logits = teacher(text, torch.ones(len(grid), dtype=torch.bool, device=grid.device))
                right = logits[..., : teacher.classes].argmax(-1) == grid[:, 0].flatten(1)
                found["letters"] = float(right[places.flatten(1)].float().mean())
                if ink is not None:
                    wrong = logits[..., -INK:].float().sigmoid() - ink
                    found["ink"] = 1 - float(wrong.square().mean() / ink.var())
        found["surprise"] = sum(surprises) / len(surprises)
        return found


@dataclass(frozen=True, slots=True)
class Course:
    """What is taught. `concepts`: what its scenes are made of.

    `text`: states of the captions of some scenes of the pool, by number. `encode`: of any captions. `layout`: where
    everything in a scene stands, by chance. `renderer`: draws letters, whose ink is taught too then.
    """

    concepts: tuple[str, ...]
    pool: Sequence[Scene]
    text: Callable[[Sequence[int]], TextStates]
    encode: Callable[[Sequence[str]], TextStates]
    layout: Callable[[Scene, np.random.Generator], Layout]
    renderer: Renderer | None = None


def exam(course: Course, side: int, device: torch.device, n: int = ASKED_PAIRS) -> Exam:
    """`n` pairs of captions for each change of one thing alone, a quarter as many with words on signs."""
    classes = classes_of(course.concepts)
    rng = np.random.Generator(np.random.Philox(99))

    def wanted(scenes: Sequence[Scene]) -> Tensor:
        return torch.from_numpy(targets([course.layout(scene, rng) for scene in scenes], classes, side)).to(device)

    def states(captions: Sequence[str]) -> TextStates:
        return course.encode(captions).to(device, torch.float32)

    rows = {}
    for change in CHANGES:
        pairs: list[tuple[Scene, Scene]] = []
        while len(pairs) < n:
            scene = sample_scene(rng, course.concepts)
            other = contrary(scene, change, rng)
            if other is not None and scene.relation not in ("in front of", "behind"):
                pairs.append((scene, other))
        right, wrong = zip(*pairs, strict=True)
        both = [states([scene.caption for scene in scenes]) for scenes in (right, wrong)]
        rows[str(change)] = (wanted(right), both[0], both[1])
    named = len(set(course.concepts))
    if len(classes) == named:
        return Exam(rows, None)
    written = [sample_scene(rng, course.concepts, category="Text") for _ in range(n // 4)]
    layouts = [course.layout(scene, rng) for scene in written]
    grid = torch.from_numpy(targets(layouts, classes, side)).to(device)
    ink = None if course.renderer is None else torch.from_numpy(ink_of(layouts, course.renderer, side)).to(device)
    return Exam(rows, (grid, states([scene.caption for scene in written]), grid[:, 0] > named, ink))


@dataclass(frozen=True)
class Lesson:
    """How long a text side is taught, in `minutes` or `steps`, and how much its exam asks.

    `asked`: pairs of captions for each kind of question of the exam.
    """

    minutes: float | None = None
    steps: int | None = None
    asked: int = ASKED_PAIRS


def teach(
    network: UNet,
    course: Course,
    learned: Sequence[nn.Parameter],
    config: TrainConfig,
    lesson: Lesson,
    *,
    device: torch.device,
    report: Callable[[str], None],
    stop: threading.Event | None = None,
) -> dict[str, float]:
    """Train a network's text side; returns the marks of its exam.

    `learned`: the parameters that may change, beside the head's. `config`: seed, dropped prompts and the like. `stop`:
    ends it early, once set.

    Raises:
        ConfigError: the network has no map of places.
    """
    minutes, steps = lesson.minutes, lesson.steps
    classes = classes_of(course.concepts)
    named = len(set(course.concepts))
    torch.manual_seed(config.seed)
    teacher = Teacher(network, len(classes)).to(device)
    side = teacher.text_map.side
    parameters = [*learned, *teacher.head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=config.weight_decay)
    signs = np.array([n for n, scene in enumerate(course.pool) if scene.sign is not None], dtype=np.int64)
    questions = exam(course, side, device, lesson.asked)
    began, step, said = time.monotonic(), 0, -math.inf
    while True:
        done = step / steps if steps is not None else (time.monotonic() - began) / (60 * (minutes or 1.0))
        if stop is not None and stop.is_set():
            done = 1.0
        if done >= 1 or time.monotonic() - said > REPORT_EVERY_S:
            said = time.monotonic()
            marks = questions.marks(teacher)
            report(f"placing {min(done, 1):6.1%}  step {step}  " + "  ".join(f"{k} {v:.3f}" for k, v in marks.items()))
            if done >= 1:
                return marks
        rate = RATE * min(1.0, (step + 1) / WARMUP) * min(1.0, (1 - done) / COOLDOWN)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.Generator(np.random.Philox(key=[config.seed + 1, step]))
        chosen = rng.choice(signs, BATCH // 2).tolist() if len(signs) else []
        chosen += rng.integers(0, len(course.pool), BATCH - len(chosen)).tolist()
        layouts = [course.layout(course.pool[n], rng) for n in chosen]
        grid = targets(layouts, classes, side).reshape(BATCH, 2, -1)
        places = _asked(grid[:, 0] > named, rng)
        wanted = torch.from_numpy(grid[:, :, places]).to(device)
        keep = torch.from_numpy(rng.random(BATCH) >= config.text_drop).to(device)
        with computing(device):
            text = course.text(chosen).to(device, torch.float32)
            logits = teacher(text, keep, torch.from_numpy(places).to(device))
        weights = torch.where(wanted[:, 0] > named, LETTER_WEIGHT, 1.0)
        surprise = teacher.surprise(logits, wanted)
        if course.renderer is not None:
            ink = torch.from_numpy(ink_of(layouts, course.renderer, side)[:, places]).to(device)
            missed = F.binary_cross_entropy_with_logits(logits[..., -INK:].float(), ink, reduction="none")
            surprise = surprise + missed.sum(-1)
            held = torch.from_numpy(parts_of(layouts, side)[:, :, places]).to(device)
            told = logits.float().transpose(1, 2).split(teacher.parts, dim=1)[2:-1]
            for part, right in zip(told, held.unbind(1), strict=True):
                surprise = surprise + F.cross_entropy(part, right, reduction="none", ignore_index=-1)
        loss = (surprise * weights).sum() / weights.sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, config.clip)
        optimiser.step()
        step += 1


def _asked(letters: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """The places that a step asks: half of them by chance, half where most letters are. `letters`: (n, places)."""
    places = letters.shape[1]
    chance = letters.sum(0) + 1e-6
    count = min(ASKED, places)
    likely = rng.choice(places, count // 2, replace=False, p=chance / chance.sum())
    others = rng.permutation(np.setdiff1d(np.arange(places), likely))[: count - len(likely)]
    return np.concatenate((likely, others))


def text_side(network: UNet, *, whole: bool) -> list[nn.Parameter]:
    """What a lesson changes: text layers and map. `whole`: the projection of the token states, too, on which the rest
    of a trained network has come to rely.

    Raises:
        ConfigError: the network has no map of places.
    """
    if network.text_map is None:
        raise ConfigError(NO_MAP)
    parts: list[nn.Module] = [network.conditioning.layers, network.text_map]
    if whole:
        parts += [network.conditioning.norm, network.conditioning.project]
    return [parameter for part in parts for parameter in part.parameters()]


def course_of(data: SceneData) -> Course:
    """A training's own scenes as a course."""
    config = data.config
    scenes = config.data
    assert isinstance(scenes, ScenesConfig)
    encoder = load_encoder(config.text, cached=False)
    return Course(
        scenes.concepts or data.concepts,
        data.pool,
        data.text,
        lambda captions: encoder.encode(captions).states,
        lambda scene, rng: lay_out(scene, rng, shrink=scenes.shrink, steady=scenes.steady),
        data.renderer,
    )


def write(folder: Path, network: UNet, config: TrainConfig, about: str) -> None:
    """The whole network's weights, as a training's folder that another begins with."""
    weights = {name: value.detach() for name, value in network.state_dict().items()}
    save_stage(folder / f"{config.stage}.safetensors", weights, config.network, config.text, about)
    write_index(folder, config.cascade)


def main(argv: list[str] | None = None) -> int:
    """The command line. 1 where it can't be written, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m generators.training.placing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="of a base that learns from scenes, see generators/training/configs/")
    parser.add_argument("--minutes", type=float, default=5.0, help="wall-clock budget (%(default)s)")
    parser.add_argument(
        "--start-from", type=Path, metavar="FOLDER", help="begin with a training's weights; what they know is kept"
    )
    parser.add_argument("--out", type=Path, default=TRAINING / "placing", help="folder (%(default)s)")
    args = refuse_repeated(parser).parse_args(argv)
    if args.minutes <= 0:
        print("--minutes must be more than 0", file=sys.stderr)
        return BAD_INPUT
    try:
        config = load_train_config(args.config)
        if not isinstance(config.data, ScenesConfig) or config.stage != "base":
            raise ConfigError(f"{args.config}: places are taught to a base that learns from scenes")
        trainer = Trainer(config, join("auto"))
        network, device = trainer.network, trainer.world.device
        assert isinstance(network, UNet)
        learned = text_side(network, whole=not args.start_from)
        if args.start_from:
            checkpoints.start_from(trainer, args.start_from)
        data = load_data(config, _print, device)
        assert isinstance(data, SceneData)
        marks = teach(
            network, course_of(data), learned, config, Lesson(minutes=args.minutes), device=device, report=_print
        )
        told = ", ".join(f"{name} {value:.2f}" for name, value in marks.items())
        write(args.out, network, config, f"text side taught where things go ({told}), {args.minutes:g} minutes")
    except SaveError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (ConfigError, GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(error, file=sys.stderr)
        return FAILED
    return SUCCESS


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
