"""Which captions name people, as Imagen's evaluation on COCO tells them apart (Saharia et al. 2022, section 4.2)."""

from __future__ import annotations

import re

PEOPLE = frozenset(
    ("man", "men", "woman", "women", "person", "people", "child", "adult", "adults", "boy", "boys", "girl", "girls")
    + ("guy", "lady", "ladies", "someone", "toddler", "player", "workers", "spectators")
)
"""The paper's list; of "player" it means one of a sport."""

PLAYING_THINGS = frozenset(
    ("audio", "blu-ray", "cassette", "cd", "disc", "dvd", "media", "mp3", "music", "record", "tape", "video", "vinyl")
)
"""Before "player" these make a thing of it; which words do is left open by the paper."""


def names_people(caption: str) -> bool:
    """Whether a caption has one of the words, whole, in capitals or not."""
    words = re.findall(r"[\w-]+", caption.lower())
    return any(
        word in PEOPLE and not (word == "player" and before in PLAYING_THINGS)
        for before, word in zip(["", *words], words, strict=False)
    )
