"""Whether anything about shown images but their pixels tells which generator made them.

Two kinds of checks. What must be alike is compared: it differs or it does not. What is drawn at random (names, sides,
orders) is tested: each test asks how often chance alone would tell generators apart so clearly, and all of them
together refuse a sound study at most once in a million (`LEVEL`, by Bonferroni for each kind). Few images give little
to see: two generators with fifteen images each are the fewest that ranks can tell apart at that level.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np
from scipy import stats

LEVEL = 1e-6
"""How often the tests of a study, together, may find something where nothing is."""

SHARED_PIECE = 4
"""Characters that all names of a generator begin or end with: of two random names, once in 16 million."""

APART = 0.9
"""Share of pairs in which an image of one generator has the larger file, from which on sizes are said to differ."""

NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_")


@dataclass(frozen=True, slots=True)
class ShownFile:
    """An image as it is sent. `owner`: the label of its run. `name`: of its address. `parts`: of the file, in order.

    `width`, `height`: in pixels. `transparent`: whether its header says so. `whole`: whether the file ends where its
    header says. `n_bytes`: its length. `modified`: when the file was last changed, in nanoseconds.
    """

    owner: str
    name: str
    parts: tuple[str, ...]
    width: int
    height: int
    transparent: bool
    whole: bool
    n_bytes: int
    modified: int


@dataclass(frozen=True, slots=True)
class Showing:
    """A trial of one place of the design. `position`: from 0. `owners`: the labels of its sets, from the left."""

    position: int
    owners: tuple[str, ...]


def unlike(files: Sequence[ShownFile]) -> str | None:
    """In what the files differ that must be alike, in words for the end of a sentence; None where they are."""
    owner_of: dict[str, str] = {}
    for each in files:
        if owner_of.setdefault(each.name, each.owner) != each.owner:
            return f"an address of {each.owner} is one of {owner_of[each.name]} as well"
    for what, of in _ALIKE:
        seen = {of(each): each.owner for each in files}
        if len(seen) > 1:
            (first, owner), (second, other) = sorted(seen.items(), key=lambda pair: str(pair[0]))[:2]
            between = owner if owner == other else f"{owner} and {other}"
            return f"images of {between} differ in {what} ({first}, {second})"
    return None


_ALIKE = (
    ("the parts of their files", lambda each: " ".join(each.parts)),
    ("dimensions", lambda each: f"{each.width}×{each.height}"),
    ("transparency", lambda each: "declared" if each.transparent else "none"),
    ("where their files end", lambda each: "as declared" if each.whole else "elsewhere"),
    ("when their files were changed", lambda each: each.modified),
    ("the length of their addresses", lambda each: len(each.name)),
    (
        "the characters of their addresses",
        lambda each: "letters, digits, - and _" if NAME_CHARACTERS.issuperset(each.name) else "others",
    ),
)


def names_tell(files: Sequence[ShownFile]) -> str | None:
    """Whose names tell, in words; None where they are as random ones."""
    names = defaultdict(list)
    for each in files:
        names[each.owner].append(each.name)
    if len(names) < 2:
        return None
    for owner, own in names.items():
        distinct = sorted(set(own))
        for piece in (commonprefix(distinct), commonprefix([each[::-1] for each in distinct])[::-1]):
            if len(distinct) > 1 and len(piece) >= SHARED_PIECE:
                return f'all addresses of {owner} have the piece "{piece}" in common'
    ranks = {name: rank for rank, name in enumerate(sorted(each.name for each in files))}
    tested = [("alphabetical order", [ranks[each.name] for each in files])]
    tested += [
        (f"character {at + 1}", [ord(each.name[at]) for each in files])
        for at in range(min(len(each.name) for each in files))
    ]
    owners = [each.owner for each in files]
    for what, values in tested:
        if chance(values, owners) < LEVEL / len(tested):
            return f"the {what} of the addresses tells the generators apart"
    return None


def samples_tell(sets: Sequence[Sequence[ShownFile]]) -> str | None:
    """Whether the images of some generators' sets stand in order and those of others do not, in words."""
    owners = [each[0].owner for each in sets if len(each) > 2]
    for what, of in (("address", lambda each: each.name), ("size", lambda each: each.n_bytes)):
        sorted_ones = [float(_in_order([of(image) for image in each])) for each in sets if len(each) > 2]
        if chance(sorted_ones, owners) < LEVEL / 2:
            return f"whether the images of a set stand in the order of their {what} tells the generators apart"
    return None


def _in_order(values: Sequence[object]) -> bool:
    return list(values) in (sorted(values, key=_key), sorted(values, key=_key, reverse=True))


def _key(value: object) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value))


def sides_tell(places: Sequence[Sequence[Showing]]) -> str | None:
    """Which generator stands too often in one place to be chance, over all raters or for one of them, in words.

    Under chance the times that a generator stands in one of k places are binomial with probability 1 / k.
    """
    tested = [each for showings in _each_and_all(places) for each in _sides(showings)]
    if not tested:
        return None
    times, shown, share = (np.array([each[part] for each in tested]) for part in (2, 3, 4))
    p = 2 * np.minimum(stats.binom.cdf(times, shown, share), stats.binom.sf(times - 1, shown, share))
    if p.min() < LEVEL / len(tested):
        owner, at, n, of, _ = tested[int(p.argmin())]
        return f"{owner} stands in place {at + 1} in {n} of {of} trials"
    return None


def _sides(showings: Sequence[Showing]) -> Iterator[tuple[str, int, int, int, float]]:
    """By generator and place: how often it stands there, of how many trials, and the share by chance."""
    stood: dict[tuple[str, int], list[int]] = defaultdict(list)
    for each in showings:
        if len(each.owners) > 1 and len(set(each.owners)) == len(each.owners):
            for at, owner in enumerate(each.owners):
                stood[owner, len(each.owners)].append(at)
    for (owner, k), found in stood.items():
        for at in range(k):
            yield owner, at, found.count(at), len(found), 1 / k


def _each_and_all(places: Sequence[Sequence[Showing]]) -> list[Sequence[Showing]]:
    """What each rater sees, and what all of them do."""
    return [*(each for each in places if each), [showing for each in places for showing in each]]


def order_tells(places: Sequence[Sequence[Showing]]) -> str | None:
    """Whether some generators come earlier than others, over all raters or for one of them, in words."""
    tested = _each_and_all(places)
    for showings in tested:
        positions = [(each.position, owner) for each in showings for owner in each.owners]
        if chance([at for at, _ in positions], [owner for _, owner in positions]) < LEVEL / len(tested):
            return "when a trial comes tells which generators it shows"
    return None


def chance(values: Sequence[float], owners: Sequence[str]) -> float:
    """How often owners' values would differ so much by chance: p of the rank test of Kruskal and Wallis (1952), with
    ties corrected; 1 where there is nothing to compare.
    """
    groups = defaultdict(list)
    for value, owner in zip(values, owners, strict=True):
        groups[owner].append(value)
    if len(groups) < 2 or len(set(values)) < 2:
        return 1.0
    return float(stats.kruskal(*groups.values()).pvalue)


def sizes_apart(files: Sequence[ShownFile]) -> dict[str, float]:
    """The owners whose files are larger or smaller than the others', with the share of pairs in which they are larger.

    Of two owners the first alone: the other's share is the rest.
    """
    sizes: Mapping[str, list[int]] = defaultdict(list)
    for each in files:
        sizes[each.owner].append(each.n_bytes)
    found = {}
    for owner, own in list(sizes.items())[: 1 if len(sizes) == 2 else None]:
        others = [each for other, theirs in sizes.items() if other != owner for each in theirs]
        if not others:
            continue
        tested = stats.mannwhitneyu(own, others)
        share = float(tested.statistic) / (len(own) * len(others))
        if tested.pvalue < LEVEL and not 1 - APART < share < APART:
            found[owner] = share
    return found
