"""Each way in which something but pixels could tell generators apart, planted; and nothing found where nothing is."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from evaluation.design.blindness import (
    LEVEL,
    Showing,
    ShownFile,
    chance,
    names_tell,
    order_tells,
    samples_tell,
    sides_tell,
    sizes_apart,
    unlike,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def a_file(owner: str, rng: random.Random) -> ShownFile:
    name = "".join(rng.choices(LETTERS, k=22))
    return ShownFile(owner, name, ("VP8L",), 64, 64, False, True, rng.randrange(3000, 9000), 7)


def files(n: int = 40, seed: int = 0, owners: Sequence[str] = ("one", "two")) -> list[ShownFile]:
    rng = random.Random(seed)
    return [a_file(owner, rng) for owner in owners for _ in range(n)]


def places(seed: int, raters: int = 6, trials: int = 40, owners: Sequence[str] = ("one", "two")) -> list[list[Showing]]:
    rng = random.Random(seed)
    return [[Showing(at, tuple(rng.sample(owners, 2))) for at in range(trials)] for _ in range(raters)]


@pytest.mark.parametrize("seed", range(8))
def test_chance_alone_tells_nothing(seed: int) -> None:
    made = files(seed=seed, owners=("one", "two", "three"))
    shown = places(seed, owners=("one", "two", "three"))
    sets = [made[at : at + 4] for at in range(0, len(made), 4)]
    assert not any([unlike(made), names_tell(made), samples_tell(sets), sides_tell(shown), order_tells(shown)])
    assert sizes_apart(made) == {}


UNLIKE = {
    "parts": {"parts": ("VP8X", "VP8L", "EXIF")},
    "dimensions": {"width": 65},
    "transparency": {"transparent": True},
    "end": {"whole": False},
    "changed": {"modified": 8},
    "length of their addresses": {"name": "x" * 23},
    "characters of their addresses": {"name": "weak run " + "x" * 13},
}


@pytest.mark.parametrize("what", UNLIKE)
def test_one_file_that_differs_is_told(what: str) -> None:
    made = files()
    made[50] = replace(made[50], **UNLIKE[what])  # type: ignore[arg-type]
    told = unlike(made)
    assert told is not None and what in told and "two" in told


def test_an_address_for_two_generators_is_told() -> None:
    made = files()
    assert "as well" in str(unlike([*made, replace(made[0], owner="two")]))


def numbered(made: list[ShownFile]) -> list[ShownFile]:
    return [replace(each, name=f"{at:022d}") for at, each in enumerate(made)]


def begun(made: list[ShownFile]) -> list[ShownFile]:
    return [replace(each, name=f"{each.owner * 2}"[:4] + each.name[4:]) for each in made]


def ended(made: list[ShownFile]) -> list[ShownFile]:
    return [replace(each, name=each.name[:-6] + (each.owner * 2)[:6]) for each in made]


def one_letter(made: list[ShownFile]) -> list[ShownFile]:
    """The eighth letter is from the alphabet's first half for one generator, from its second for the other."""
    rng = random.Random(5)
    half = {"one": LETTERS[:26], "two": LETTERS[26:52]}
    return [replace(each, name=each.name[:7] + rng.choice(half[each.owner]) + each.name[8:]) for each in made]


@pytest.mark.parametrize("leak", [numbered, begun, ended, one_letter])
def test_names_that_are_not_random_are_told(leak: Callable[[list[ShownFile]], list[ShownFile]]) -> None:
    assert names_tell(leak(files())) is not None


def test_a_piece_in_common_is_told_of_few_images() -> None:
    assert "piece" in str(names_tell(begun(files(2))))


@pytest.mark.parametrize("key", [lambda each: each.name, lambda each: each.n_bytes])
def test_sets_in_order_are_told(key: Callable[[ShownFile], str]) -> None:
    made = files(160)
    sets = [made[at : at + 4] for at in range(0, len(made), 4)]
    assert samples_tell(sets) is None
    assert samples_tell([sorted(each, key=key) if each[0].owner == "one" else each for each in sets]) is not None


def test_sides_are_told_over_all_raters_and_of_one() -> None:
    rng = random.Random(1)
    leaning = [
        [Showing(at, ("one", "two") if rng.random() < 0.75 else ("two", "one")) for at in range(40)] for _ in range(6)
    ]
    assert all(sides_tell([each]) is None for each in leaning), "too few trials of one rater"
    assert "stands in place" in str(sides_tell(leaning))
    fair = places(2)
    fair[3] = [replace(each, owners=("one", "two")) for each in fair[3]]
    assert "40 of 40" in str(sides_tell(fair))


def test_sides_of_more_than_two_are_told() -> None:
    rng = random.Random(1)
    shown = [[Showing(at, ("one", *rng.sample(("two", "three", "four"), 3))) for at in range(20)] for _ in range(2)]
    assert "one stands in place 1" in str(sides_tell(shown))


def test_an_order_of_trials_is_told() -> None:
    first = [Showing(at, ("one",) if at < 20 else ("two",)) for at in range(40)]
    assert order_tells([first, first]) is not None
    assert order_tells([first, [replace(each, position=39 - each.position) for each in first]]) is not None, "of one"
    fair = [Showing(at, ("one",) if at % 2 else ("two",)) for at in range(40)]
    assert order_tells([fair]) is None


def test_sizes_are_a_caution_with_their_share() -> None:
    made = [replace(each, n_bytes=each.n_bytes + 6000 * (each.owner == "two")) for each in files()]
    assert set(sizes_apart(made)) == {"one"} and sizes_apart(made)["one"] == 0.0
    assert sizes_apart(files(40, owners=("one",))) == {}


def test_the_level_is_kept_where_nothing_is() -> None:
    """p of the rank test is uniform: of 2,000 draws about one in ten is below 0.1, and none below the level."""
    rng = random.Random(3)
    owners = ["one", "two"] * 20
    p = [chance([rng.random() for _ in owners], owners) for _ in range(2000)]
    assert 160 < sum(each < 0.1 for each in p) < 240 and min(p) > LEVEL
