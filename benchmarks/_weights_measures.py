"""What the bundled weights draw, judged: gates, floors, ceilings, neighbours, and the curve over guidance weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from common.words import prompt_name
from evaluation.analysis.classic import wilson
from evaluation.metrics.frechet import frechet_distance
from evaluation.metrics.prompts.text_reader import load_reader
from generators.cascade.generator import load_cascade
from generators.cascade.spec import SPEC
from generators.contract import Generator, GeneratorError, ImageRequest
from generators.world.checker.find import LoadedChecker
from generators.world.checker.judge import RELATIONS, Verdict, judge, right_letters
from generators.world.checker.network import SIZE
from generators.world.checker.render import as_input
from generators.world.scenes.captions import Scene, sample_scene, sample_unseen
from generators.world.scenes.held_out import Dimension
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing asked of the weights. `least`: the share that counts as learned; `dimension`: what is held out."""

    name: str
    least: float
    category: str
    dimension: Dimension
    fits: Callable[[Scene], bool]
    verdict: Callable[[Verdict], float]


def _one_coloured(scene: Scene) -> bool:
    return len(scene.things) == 1 and scene.things[0].colour is not None and scene.things[0].pattern is None


def _few(scene: Scene) -> bool:
    return len(scene.things) == 1 and 1 <= scene.things[0].count <= 5


def _decided(scene: Scene) -> bool:
    return scene.relation in RELATIONS and len(scene.things) == 2


LETTERS = Gate("letters on signs", 0.60, "Text", "text", lambda scene: True, lambda v: v.characters or 0.0)
GATES = (
    Gate("colour and object", 0.90, "Colors", "colour", _one_coloured, lambda v: float(bool(v.colours))),
    Gate("position", 0.85, "Positional", "relation", _decided, lambda v: float(bool(v.position))),
    Gate("counts, 1 to 5", 0.80, "Counting", "count", _few, lambda v: float(v.counts)),
    LETTERS,
)


@dataclass(frozen=True, slots=True)
class Result:
    """Means over `n` images. `low`, `high`: 95 % interval of `drawn` (Wilson; for letters of shares, so rough).

    `shuffled`: the same images judged by another prompt of the row, the floor. `renders`: real renders of the same
    scenes judged alike, the ceiling.
    """

    gate: str
    least: float
    held_out: bool
    n: int
    drawn: float
    low: float
    high: float
    shuffled: float
    renders: float


class Artist:
    """A generator at 64x64; `draw` gives its pictures of captions."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def draw(self, captions: Sequence[str], seed: int = 17) -> Pictures:
        """(n, 64, 64, 3)."""
        asked = [ImageRequest(str(n), prompt_name(n), caption, 0, seed) for n, caption in enumerate(captions)]
        drawn = {result.key: result for result in self._generator.generate(asked)}
        for result in drawn.values():
            if result.image is None:
                raise GeneratorError(f"an image could not be drawn: {result.failure}")
        return np.stack([drawn[str(n)].image for n in range(len(captions))])  # type: ignore[misc]


def artist_of(weights: str, guidance: float) -> Artist:
    """The base of a cascade's weights at one guidance weight."""
    return Artist(load_cascade(SPEC.resolve({"weights": weights, "guidance": guidance}), size=SIZE, device=device()))


def device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def scenes_for(
    gate: Gate, concepts: Sequence[str], n: int, *, held_out: bool, barred: frozenset[str], seed: int = 4711
) -> list[Scene]:
    """`n` scenes of a gate with different captions, none of those `barred`; fewer where the concepts give no more."""
    rng = np.random.Generator(np.random.Philox(seed))
    found: dict[str, Scene] = {}
    for _ in range(60 * n):
        try:
            if held_out:
                scene = sample_unseen(rng, concepts, gate.dimension, category=gate.category)
            else:
                scene = sample_scene(rng, concepts, category=gate.category)
        except ValueError:
            break
        if gate.fits(scene) and scene.caption not in barred:
            found.setdefault(scene.caption, scene)
        if len(found) == n:
            break
    return list(found.values())


def measure(
    gate: Gate, scenes: Sequence[Scene], artist: Artist, checker: LoadedChecker, renderer: Renderer, *, held_out: bool
) -> Result:
    """One row of the table."""
    rng = np.random.Generator(np.random.Philox(11))
    drawn = artist.draw([scene.caption for scene in scenes])
    renders = np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes])
    shuffled = [scenes[n - 1] for n in range(len(scenes))]
    marks = letters_read if gate is LETTERS else partial(_verdicts, gate, checker)
    value, floor = marks(drawn, scenes, shuffled)
    ceiling = marks(renders, scenes)[0]
    mean, n = float(np.mean(value)), len(scenes)
    low, high = wilson(round(mean * n), n)
    return Result(gate.name, gate.least, held_out, n, mean, low, high, float(np.mean(floor)), float(np.mean(ceiling)))


def _verdicts(gate: Gate, checker: LoadedChecker, pictures: Pictures, *asked: Sequence[Scene]) -> list[list[float]]:
    """The gate's verdict on each picture, by each list of scenes."""
    seen = checker.find(pictures)
    return [[gate.verdict(judge(scene, found)) for scene, found in zip(scenes, seen, strict=True)] for scenes in asked]


def letters_read(pictures: Pictures, *asked: Sequence[Scene]) -> list[list[float]]:
    """Share of each sign's letters that RapidOCR reads rightly, by each list of scenes: no judge of our own making.

    Raises:
        MetricError: it is not installed.
    """
    reader = load_reader()
    read = ["".join(line.text for line in reader.read(Image.fromarray(picture))) for picture in pictures]
    return [
        [right_letters(scene.sign.text if scene.sign else "", text) for scene, text in zip(scenes, read, strict=True)]
        for scenes in asked
    ]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """`alignment`: share of images that show all that was asked. `distance`: Frechet, of the checker's features."""

    guidance: float
    alignment: float
    distance: float
    n: int


def curve(
    weights: str, guidances: Sequence[float], scenes: Sequence[Scene], checker: LoadedChecker, renderer: Renderer
) -> Iterator[CurvePoint]:
    """Quality against alignment over guidance weights (the paper's figure 4), for these scenes and as many renders."""
    rng = np.random.Generator(np.random.Philox(12))
    real = features(checker, np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes for _ in range(4)]))
    for guidance in guidances:
        drawn = artist_of(weights, guidance).draw([scene.caption for scene in scenes])
        right = [_all(judge(scene, seen)) for scene, seen in zip(scenes, checker.find(drawn), strict=True)]
        rows = features(checker, drawn)
        distance = frechet_distance(rows.mean(0), np.cov(rows.T), real.mean(0), np.cov(real.T))
        yield CurvePoint(guidance, float(np.mean(right)), float(distance), len(scenes))


def _all(verdict: Verdict) -> bool:
    asked = (verdict.objects, verdict.colours, verdict.counts, verdict.position)
    return all(value for value in asked if value is not None)


def features(checker: LoadedChecker, pictures: Pictures) -> NDArray[np.float64]:
    """The checker's features averaged over the picture, (n, width)."""
    rows = []
    where = next(checker.network.parameters()).device
    for first in range(0, len(pictures), 64):
        with torch.inference_mode():
            rows.append(checker.network.features(as_input(pictures[first : first + 64]).to(where)).mean((2, 3)).cpu())
    return torch.cat(rows).double().numpy()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Does it memorise? Root mean square grey levels to the nearest of `n_training` training renders, medians.

    `drawn`: of the weights' images; `fresh`: of new renders of the same scenes. What is memorised is far nearer.
    `pairs`: images and their nearest renders, the nearest pairs first.
    """

    n: int
    n_training: int
    drawn: float
    fresh: float
    pairs: tuple[tuple[Pictures, Pictures], ...]


def neighbours(
    scenes: Sequence[Scene], artist: Artist, renderer: Renderer, training: Sequence[Scene], *, show: int = 8
) -> Neighbours:
    """The nearest of the training's renders to each drawn image and to each new render."""
    rng = np.random.Generator(np.random.Philox(13))
    known = np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in training])
    drawn = artist.draw([scene.caption for scene in scenes])
    fresh = np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes])
    away, nearest = _nearest(drawn, known)
    order = np.argsort(away)[:show]
    pairs = tuple((drawn[row], known[nearest[row]]) for row in order)
    return Neighbours(
        len(drawn), len(known), float(np.median(away)), float(np.median(_nearest(fresh, known)[0])), pairs
    )


def _nearest(rows: Pictures, known: Pictures) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    one = torch.from_numpy(rows.reshape(len(rows), -1)).float()
    best, where = torch.full((len(rows),), torch.inf), torch.zeros(len(rows), dtype=torch.long)
    for first in range(0, len(known), 4096):
        other = torch.from_numpy(known[first : first + 4096].reshape(-1, one.shape[1])).float()
        least, place = torch.cdist(one, other).min(1)
        nearer = least < best
        best, where = torch.where(nearer, least, best), torch.where(nearer, place + first, where)
    return (best / one.shape[1] ** 0.5).double().numpy(), where.numpy()
