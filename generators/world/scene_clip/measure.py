"""How good the scene CLIP is, on renders that it was not trained on: does it find the right caption among many, and
does it tell a scene from its contrary, where the words alone don't help?"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from generators.world.scene_clip.contrary import CHANGES, Change, contrary, same_scenes
from generators.world.scene_clip.load import LoadedSceneClip, Rows
from generators.world.scene_clip.network import SIZE
from generators.world.scenes.captions import Scene, sample_scene, sample_unseen
from generators.world.scenes.layout import lay_out
from generators.world.scenes.render import Renderer

AMONG = 256
"""Captions that the right one is looked for in, all of scenes that show different things."""

TRIES = 60


def measure(
    clip: LoadedSceneClip,
    renderer: Renderer,
    count: int,
    *,
    seed: int,
    exclude: Collection[str] = (),
    among: int = AMONG,
) -> dict[str, float]:
    """Shares in [0, 1] over about `count` new renders a row. `exclude`: the captions that it was trained with.

    `retrieval_text`, `retrieval_image`: the right caption is the nearest of `among`, the right picture is; with
    `_held_out` for scenes with a colour that its thing never had in training. `binding_*`: the right caption is nearer
    than that of the contrary scene. `n_*`: how many renders a share rests on.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, 2]))
    barred = set(exclude)
    concepts = renderer.concepts
    measured: dict[str, float] = {}
    kinds: dict[str, Callable[[], Scene]] = {
        "": lambda: sample_scene(rng, concepts),
        "_held_out": lambda: sample_unseen(rng, concepts, "colour"),
    }
    for ending, draw in kinds.items():
        hits: list[tuple[float, float]] = []
        for _ in range(max(1, count // among)):
            scenes = _different(draw, among, barred)
            cosines = _pictures(clip, renderer, scenes, rng) @ clip.texts([scene.caption for scene in scenes])[0].T
            own = np.arange(len(scenes))
            hits.append((float((cosines.argmax(1) == own).mean()), float((cosines.argmax(0) == own).mean())))
        measured[f"retrieval_text{ending}"], measured[f"retrieval_image{ending}"] = np.mean(hits, axis=0).tolist()
    measured["n_retrieval"] = max(1, count // among) * among
    for change in CHANGES:
        held = _contraries(change, count, rng, renderer, barred)
        if held:
            seen = _pictures(clip, renderer, [scene for scene, _ in held], rng)
            right, wrong = (clip.texts([pair[side].caption for pair in held])[0] for side in (0, 1))
            measured[f"binding_{change}"] = float(((seen * right).sum(1) > (seen * wrong).sum(1)).mean())
            measured[f"n_{change}"] = len(held)
    return {name: round(value, 4) for name, value in measured.items()}


def _different(draw: Callable[[], Scene], wanted: int, barred: Collection[str]) -> list[Scene]:
    """Scenes that show different things in different words."""
    scenes: list[Scene] = []
    for _ in range(TRIES):
        scenes += [scene for scene in (draw() for _ in range(wanted - len(scenes))) if scene.caption not in barred]
        same = same_scenes(scenes).tril(-1).any(1).numpy()
        scenes = [scene for scene, twice in zip(scenes, same, strict=True) if not twice]
        if len(scenes) == wanted:
            break
    return scenes


def _contraries(
    change: Change, wanted: int, rng: np.random.Generator, renderer: Renderer, barred: Collection[str]
) -> list[tuple[Scene, Scene]]:
    found: list[tuple[Scene, Scene]] = []
    for _ in range(TRIES * wanted):
        scene = sample_scene(rng, renderer.concepts)
        other = None if scene.caption in barred else contrary(scene, change, rng)
        if other is not None:
            found.append((scene, other))
        if len(found) == wanted:
            break
    return found


def _pictures(clip: LoadedSceneClip, renderer: Renderer, scenes: list[Scene], rng: np.random.Generator) -> Rows:
    return clip.images(np.stack([renderer.draw(lay_out(scene, rng), SIZE) for scene in scenes]))
