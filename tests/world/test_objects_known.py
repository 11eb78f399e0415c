"""The table of objects in the proof of the weights, with an artist and a judge whose answers are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks import _weights_objects as objects
from benchmarks._weights_measures import Pictures
from generators.world.scenes.truth import Scene


class Artist:
    """Draws nothing, and keeps what it was asked for."""

    captions: Sequence[str] = ()

    def draw(self, captions: Sequence[str]) -> Pictures:
        self.captions = captions
        return np.stack([np.full((64, 64, 3), n, np.uint8) for n in range(len(captions))])


class Checker:
    """Finds the pictures' numbers."""

    def find(self, pictures: Pictures) -> list[int]:
        return [int(picture[0, 0, 0]) for picture in pictures]


class Says:
    """A verdict as far as the gate reads it."""

    def __init__(self, colours: bool) -> None:
        self.colours = colours


def test_each_object_has_its_own_pictures_and_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def judge(scene: Scene, found: int) -> Says:
        asked.append((scene.things[0].concept, scene.things[0].colour))
        return Says(scene.things[0].concept == "cat" or found == 5)

    monkeypatch.setattr(objects, "judge", judge)
    artist = Artist()
    table = objects.known(("dog", "sign", "cat"), 4, artist, Checker(), frozenset())  # type: ignore[arg-type]
    assert [(row.name, row.right, row.n) for row in table] == [("cat", 4, 4), ("dog", 1, 4)]  # no board
    assert [int(row.first[0, 0, 0]) for row in table] == [0, 4]
    assert len(set(artist.captions)) == 8
    colours = [[colour for name, colour in asked if name == each] for each in ("cat", "dog")]
    assert colours[0] != colours[1], "every object would be asked for in the same colours"
    assert objects.objects_table(table).splitlines()[2:] == ["| 4 of 4 | cat |", "| 1 of 4 | dog |"]
    assert objects.sheet(table).size == (10 * 94, 109)


def test_captions_of_the_training_are_not_asked_for() -> None:
    artist, again = Artist(), Artist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "judge", lambda scene, found: Says(True))
        objects.known(("cat",), 4, artist, Checker(), frozenset())  # type: ignore[arg-type]
        objects.known(("cat",), 4, again, Checker(), frozenset(artist.captions))  # type: ignore[arg-type]
    assert not set(artist.captions) & set(again.captions)
