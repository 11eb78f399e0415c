"""The share of a prompt's claims that hold in its image, whatever finds things: `object-checks`, `scene-checks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from PIL import Image

from evaluation.metrics.features.decode import NotScoredError
from evaluation.metrics.prompts.claims import check_scene, claims_detail, share_of
from evaluation.metrics.prompts.colours import colours_of
from evaluation.metrics.prompts.detections import Detection
from evaluation.metrics.prompts.read_image import read_image
from evaluation.metrics.spec import SampleScore, ScoredImage
from evaluation.suites.scene import Scene, parse_scene
from evaluation.suites.types import JsonValue, SuiteError


class Finder(Protocol):
    """Finds things in images.

    `label`: what it is, its weights named. `provenance`: what its answers depend on, ready for JSON.
    `name_of`: its own name for a noun of a scene ("man": "person"), None where it can't find such things.
    `find`: the things of these names (its own) in an RGB image; others may be among them and are ignored. Colours that
    it leaves empty are told by the pixels in the box.
    """

    @property
    def label(self) -> str: ...

    @property
    def provenance(self) -> Mapping[str, JsonValue]: ...

    def name_of(self, noun: str) -> str | None: ...

    def find(self, image: Image.Image, names: Sequence[str]) -> Sequence[Detection]: ...


class SceneMetric:
    """Holds each image against the scene of its prompt."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.label = f"share of claims that hold ({finder.label})"
        self.provenance: Mapping[str, JsonValue] = dict(finder.provenance)

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        """One score an image, in order; none where the prompt claims nothing that can be checked."""
        return [self._one(image) for image in images]

    def _one(self, image: ScoredImage) -> SampleScore:
        try:
            scene = parse_scene(image.attributes)
        except SuiteError as error:
            return SampleScore(None, f"the prompt's scene can't be read: {error}")
        if scene is None:
            return SampleScore(None, "the prompt has no scene (attributes of the schema scene/1, docs/suites.md)")
        if not scene.objects:
            return SampleScore(None, "the prompt's scene names no objects")
        try:
            picture = read_image(image.path).image
        except NotScoredError as error:
            return SampleScore(None, str(error))
        named, known = self._in_own_words(scene)
        names = sorted(known)
        found = [one for one in self._finder.find(picture, names) if one.name in known] if names else []
        if any(thing.colour for thing in named.objects):
            found = self._with_colours(found, picture)
        claims = check_scene(named, found, knows=known.__contains__)
        value = share_of(claims)
        detail = claims_detail(claims, found)
        if value is None:
            return SampleScore(None, f"none of the {len(claims)} claims can be checked by this", detail)
        return SampleScore(value, detail=detail)

    def _in_own_words(self, scene: Scene) -> tuple[Scene, set[str]]:
        """The scene with the finder's names for what it knows, and those names."""
        own = {thing.name: self._finder.name_of(thing.name) for thing in scene.objects}
        things = tuple(replace(thing, name=own[thing.name] or thing.name) for thing in scene.objects)
        return replace(scene, objects=things), {name for name in own.values() if name is not None}

    def _with_colours(self, detections: Sequence[Detection], picture: Image.Image) -> list[Detection]:
        pixels = np.asarray(picture)
        return [one if one.colours else replace(one, colours=colours_of(pixels, one.box)) for one in detections]
