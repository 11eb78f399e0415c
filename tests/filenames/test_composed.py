"""Whatever is composed of layouts, names, lists and noise: an image lands right, or is asked about, or is named."""

from __future__ import annotations

import random
from typing import Any

import pytest

from generators.filenames.captions import caption_choice, read_beside
from generators.filenames.layout import Matches, Reading, Said, match_files
from tests.filenames.composed import Composed, composed, read_of

SETS = 400


def matched(made: Composed, **answers: Any) -> Matches:
    names = made.all_names
    random.Random(len(names)).shuffle(names)
    beside = read_beside(names, read_of(made).__getitem__)
    captions = caption_choice(beside.captions, answers.pop("captions", "auto"))
    return match_files(names, made.prompts, Said(beside.entries, captions, beside.orders), Reading(**answers))


def wrong(made: Composed, matches: Matches) -> list[tuple[str, str | None, int | None]]:
    """(file, where it landed, where it belongs) of those that landed elsewhere."""
    return [
        (row.name, row.prompt_id, made.names.get(row.name))
        for row in matches.matched
        if made.names.get(row.name) is None or int(row.prompt_id or -1) != made.names[row.name]
    ]


def lost(made: Composed, matches: Matches) -> set[str]:
    return {*made.names} - {row.name for row in matches.rows}


@pytest.mark.parametrize("part", range(8))
def test_an_image_lands_right_or_is_asked_about_or_named(part: int) -> None:
    right = 0
    for seed in range(part, SETS, 8):
        made = composed(seed)
        matches = matched(made)
        assert not wrong(made, matches), (seed, made.how, wrong(made, matches)[:3], matches.notes)
        assert not lost(made, matches), (seed, made.how)
        answers: dict[str, str] = {}
        for _ in range(4):  # each question answered as it is
            asked = [each for each in matches.questions if each.option in made.answers]
            if not asked:
                break
            answers |= {
                each.option: made.answers[each.option] for each in asked if made.answers[each.option] in each.choices
            }
            matches = matched(made, **answers)
            assert not wrong(made, matches), (seed, made.how, answers, wrong(made, matches)[:3], matches.notes)
        right += len(matches.matched) == sum(at is not None for at in made.names.values())
    assert right > SETS / 8 * 0.6, right
