"""How good the checker itself is, on renders that it was not trained on: the ceiling of all that it judges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from generators.world.checker.find import Detected, LoadedChecker, load_checker, things
from generators.world.checker.judge import Verdict, judge
from generators.world.checker.network import SIZE
from generators.world.scenes.captions import Scene, sample_scene, sample_unseen
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer


def measure(path: Path, renderer: Renderer, count: int, *, seed: int, concepts: Sequence[str] = ()) -> dict[str, float]:
    """Shares in [0, 1] over `count` renders of scenes of all kinds, and of `count` // 4 with a held-out colour.

    `concepts`: what the scenes hold; none named, all that have drawings.
    """
    checker = load_checker(path)
    rng = np.random.Generator(np.random.Philox(seed))
    concepts = concepts or renderer.concepts
    scenes = [sample_scene(rng, concepts) for _ in range(count)]
    found = look(checker, renderer, scenes, rng)
    measured = summary([judge(scene, seen) for scene, seen in zip(scenes, found, strict=True)])
    wanted = {(n, thing.concept) for n, scene in enumerate(scenes) for thing in scene.things}
    given = {(n, one.name) for n, seen in enumerate(found) for one in things(seen)}
    measured["recall"] = len(wanted & given) / len(wanted)
    measured["precision"] = len(wanted & given) / max(len(given), 1)
    unseen = [sample_unseen(rng, concepts, "colour") for _ in range(count // 4)]
    verdicts = [judge(*pair) for pair in zip(unseen, look(checker, renderer, unseen, rng), strict=True)]
    measured["colours_held_out"] = summary(verdicts)["colours"]
    return {name: round(value, 4) for name, value in measured.items()}


def look(
    checker: LoadedChecker, renderer: Renderer, scenes: Sequence[Scene], rng: np.random.Generator
) -> list[list[Detected]]:
    """What the checker finds in one render of each scene."""
    if not scenes:
        return []
    return checker.find(np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes]))


def summary(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The mean of each verdict over those pictures whose scene asks for it; what none asks for is left out."""
    means: dict[str, float] = {}
    for name in ("objects", "colours", "counts", "position", "characters"):
        held = [getattr(verdict, name) for verdict in verdicts if getattr(verdict, name) is not None]
        if held:
            means[name] = float(np.mean(held))
    return means
