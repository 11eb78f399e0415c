"""Which objects the bundled weights know, one by one: how often they are drawn rightly, and a picture of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from benchmarks._weights_measures import GATES, Artist, Pictures, scenes_for
from generators.world.checker.find import LoadedChecker
from generators.world.checker.judge import judge
from generators.world.scenes.concepts import concept

COLOUR_AND_OBJECT = GATES[0]
SIDE = 88
"""Pixels a side of a picture in the sheet."""
COLUMNS = 10
LINE = 15


@dataclass(frozen=True, slots=True)
class Known:
    """An object: of `n` pictures of it in a colour, with captions that training never saw, `right` show just that.

    `first`: the first of them, (64, 64, 3).
    """

    name: str
    right: int
    n: int
    first: Pictures


def known(
    concepts: Sequence[str], each: int, artist: Artist, checker: LoadedChecker, barred: frozenset[str]
) -> list[Known]:
    """Every object but boards, which are judged by the letters on them, in the order of the alphabet."""
    names = sorted(name for name in concepts if concept(name).kind != "board")
    asked = {  # a seed each: with one for all, every object would be asked for in the same colours
        name: scenes_for(COLOUR_AND_OBJECT, (name,), each, held_out=False, barred=barred, seed=seed)
        for seed, name in enumerate(names)
    }
    scenes = [scene for name in names for scene in asked[name]]
    drawn = artist.draw([scene.caption for scene in scenes])
    right = [
        COLOUR_AND_OBJECT.verdict(judge(scene, found)) for scene, found in zip(scenes, checker.find(drawn), strict=True)
    ]
    table, at = [], 0
    for name in names:
        n = len(asked[name])
        if n:
            table.append(Known(name, int(sum(right[at : at + n])), n, drawn[at]))
        at += n
    return table


def objects_table(table: Sequence[Known]) -> str:
    """The objects by how many of their pictures are right, as Markdown, the best first."""
    by_share: dict[tuple[float, str], list[str]] = defaultdict(list)
    for row in table:
        by_share[row.right / row.n, f"{row.right} of {row.n}"].append(row.name)
    lines = [f"| {share} | {', '.join(names)} |" for (_, share), names in sorted(by_share.items(), reverse=True)]
    return "\n".join(("| right | objects |", "| --- | --- |", *lines))


def sheet(table: Sequence[Known]) -> Image.Image:
    """The first picture of each object, whatever came out, its name below."""
    rows = -(-len(table) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * (SIDE + 6), rows * (SIDE + LINE + 6)), "white")
    ink, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for number, one in enumerate(table):
        x, y = number % COLUMNS * (SIDE + 6), number // COLUMNS * (SIDE + LINE + 6)
        shown = Image.fromarray(one.first).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture.paste(shown, (x, y))
        ink.text((x, y + SIDE + 1), one.name, fill="black", font=font)
    return picture
