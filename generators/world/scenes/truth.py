"""What a picture shows, exactly: things, how they stand to each other, their ground, and words on a sign.

`Scene.attributes()` says it in the suites' own form, the schema `scene/1` of docs/suites.md, as plain JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from generators.world.scenes.words import COLOURS, MAX_COUNT, PLACES, SIZE_WORDS

Relation = Literal[
    "left", "right", "above", "below", "on", "under", "beside", "in front of", "behind", "inside", "riding", "wearing"
]
Pattern = Literal["striped", "spotted", "rainbow"]

SCHEMA = "scene/1"
_SCHEMA_RELATIONS = {"left": "left of", "right": "right of", "under": "below"}
"""Where the schema has another word for it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """`count` objects of one concept; `colour` None leaves it as it is drawn in nature (or by the icon's artist).

    `count`: 1 to 10, exact. `size`: "small" or "large", said of it in the caption. `pattern`: stripes or spots of
    `colour` and `second_colour`; "rainbow" has neither. `drawing`: which of the concept's drawings shows it, None by
    chance.
    """

    concept: str
    colour: str | None = None
    count: int = 1
    size: str | None = None
    pattern: Pattern | None = None
    second_colour: str | None = None
    drawing: int | None = None

    def __post_init__(self) -> None:
        for colour in (self.colour, self.second_colour):
            if colour is not None and colour not in COLOURS:
                raise ValueError(f"colour {colour!r} is unknown; there are: {', '.join(COLOURS)}")
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"{self.count} of {self.concept!r}; there may be 1 to {MAX_COUNT}")
        if self.size is not None and self.size not in SIZE_WORDS:
            raise ValueError(f"size {self.size!r} is unknown; there are: {', '.join(SIZE_WORDS)}")
        if (self.pattern in ("striped", "spotted")) != (self.second_colour is not None):
            raise ValueError(f"{self.concept!r}: stripes and spots have two colours, and only they")


@dataclass(frozen=True, slots=True)
class Sign:
    """Words on the scene's first thing: `text` as it reads, blanks where a line may end; `ink`: their colour."""

    text: str
    ink: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture and a sentence that is true of it.

    `relation`: of each thing to the next, so of the first to the second where there are two. None: side by side,
    without a word about it. `background`: a colour, a place or None, when it is pale and the caption silent. `sign`:
    words on the first thing. `intended`: what the caption means where it does not name it (a definition,
    a rare word, misspellings).
    `category`: which of the suites' categories it is for.
    """

    things: tuple[Thing, ...]
    caption: str
    relation: Relation | None = None
    background: str | None = None
    sign: Sign | None = None
    intended: str | None = None
    category: str = "Colors"

    def __post_init__(self) -> None:
        if not self.things:
            raise ValueError("a scene has at least one thing")
        if self.relation is not None and self.relation not in get_args(Relation):
            raise ValueError(f"relation {self.relation!r} is unknown; there are: {', '.join(get_args(Relation))}")
        if self.background is not None and self.background not in PLACES and self.background not in COLOURS:
            raise ValueError(f"background {self.background!r} is neither a colour nor one of: {', '.join(PLACES)}")

    def attributes(self) -> dict[str, object]:
        """The scene as attributes of the schema `scene/1`, plain JSON. Every count is stated: it is exact.

        A thing is called by its concept's name, though the caption may use another word for it.
        """
        attributes: dict[str, object] = {"schema": SCHEMA, "objects": [_object(thing) for thing in self.things]}
        if self.relation is not None:
            word = _SCHEMA_RELATIONS.get(self.relation, self.relation)
            attributes["relations"] = [
                {"subject": index, "relation": word, "object": index + 1} for index in range(len(self.things) - 1)
            ]
        if self.sign is not None:
            attributes["text"] = [self.sign.text]
        if self.background is not None:
            attributes["background"] = _schema_colour(self.background)
        if self.intended is not None:
            attributes["intended"] = self.intended
        return attributes


def _object(thing: Thing) -> dict[str, object]:
    fields: dict[str, object] = {"name": thing.concept, "count": thing.count}
    if thing.colour is not None and thing.pattern is None:
        fields["color"] = _schema_colour(thing.colour)
    if thing.size is not None:
        fields["size"] = thing.size
    if thing.pattern is not None:
        fields["pattern"] = thing.pattern
    return fields


def _schema_colour(colour: str) -> str:
    return "grey" if colour == "gray" else colour
