"""What a prompt claims about an image, held against what was found in it: pure, whatever did the finding.

A scene (docs/suites.md, schema scene/1) makes claims: that there is an apple, that there are three, that they are red,
that they lie left of a box. Each is decided by detections alone, or named as one that can't be. The score of an image
is the share of its checkable claims that hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evaluation.metrics.prompts.detections import Detection, area, has_colour, share_out
from evaluation.metrics.prompts.relations import UNDECIDED, related
from evaluation.suites.scene import SPATIAL_RELATIONS, Scene, SceneObject
from evaluation.suites.types import JsonValue

MOST_LISTED = 40
"""Detections that a result lists; the claims count all."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`kind`: object, count, color, size, relation, or a field that nothing here can check. `text`: it in words.

    `holds`: None where it can't be checked. `seen`: what was seen, or why it can't be checked.
    """

    kind: str
    text: str
    holds: bool | None
    seen: str


def check_scene(
    scene: Scene, detections: Sequence[Detection], *, knows: Callable[[str], bool] = lambda name: True
) -> tuple[Claim, ...]:
    """Every claim of `scene`, held against `detections`.

    `knows`: whether the finder could have found a thing of this name at all; where not, what is claimed of it can't be
    checked. A thing that is known and not found fails its claims. Entries of one name share what was found of it
    (`detections.share_out`).
    """
    owned = share_out(scene.objects, detections)
    claims: list[Claim] = []
    for thing, mine in zip(scene.objects, owned, strict=True):
        claims += _object_claims(thing, mine, scene, owned, knows)
    for relation in scene.relations:
        subject, object_ = scene.objects[relation.subject], scene.objects[relation.object]
        text = f"{subject.name} {relation.relation} {object_.name}"
        unknown = [thing.name for thing in (subject, object_) if not knows(thing.name)]
        if relation.relation not in SPATIAL_RELATIONS:
            claims.append(Claim("relation", text, None, "a deed, which takes a judge to see"))
        elif unknown:
            claims.append(Claim("relation", text, None, _unknown(unknown[0])))
        else:
            few = subject.count or 1
            claims.append(_relation(text, relation.relation, owned[relation.subject], owned[relation.object], few))
    claims += [Claim("text", f'"{letters}" is written', None, "text-checks reads text") for letters in scene.text]
    for field, value in (("background", scene.background), ("style", scene.style), ("view", scene.view)):
        if value:
            claims.append(Claim(field, f"{field}: {value}", None, "boxes don't show it"))
    return tuple(claims)


def share_of(claims: Iterable[Claim]) -> float | None:
    """The share of the checkable claims that hold, 0 to 1; None where none can be checked."""
    decided = [claim.holds for claim in claims if claim.holds is not None]
    return sum(decided) / len(decided) if decided else None


def claims_detail(claims: Sequence[Claim], detections: Sequence[Detection]) -> dict[str, JsonValue]:
    """Claims and detections as a result's detail, ready for JSON."""
    shown = sorted(detections, key=lambda one: -one.score)[:MOST_LISTED]
    decided = [claim for claim in claims if claim.holds is not None]
    return {
        "n_claims": len(decided),
        "n_hold": sum(claim.holds is True for claim in decided),
        "n_unchecked": len(claims) - len(decided),
        "claims": [
            {"kind": claim.kind, "claim": claim.text, "holds": claim.holds, "found": claim.seen} for claim in claims
        ],
        "n_found": len(detections),
        "found": [
            {
                "name": one.name,
                "score": round(one.score, 4),
                "box": [round(side, 4) for side in one.box],
                "colors": list(one.colours),
            }
            for one in shown
        ],
    }


def _object_claims(
    thing: SceneObject,
    mine: Sequence[Detection],
    scene: Scene,
    owned: Sequence[Sequence[Detection]],
    knows: Callable[[str], bool],
) -> list[Claim]:
    known = knows(thing.name)
    claims = []
    if thing.count == 0:
        text = f"no {thing.name}"
        claims.append(Claim("count", text, None if not known else not mine, _seen(mine, thing) if known else ""))
    else:
        claims.append(Claim("object", f"there is {_article(thing.name)}", bool(mine), _seen(mine, thing)))
        if thing.count is not None:
            claims.append(
                Claim("count", f"exactly {thing.count} {thing.name}", len(mine) == thing.count, _seen(mine, thing))
            )
        if thing.colour is not None:
            claims.append(_colour(thing, mine))
        if thing.size is not None:
            claims.append(_size(thing, mine, owned))
    if not known:
        claims = [Claim(claim.kind, claim.text, None, _unknown(thing.name)) for claim in claims]
    for field, value in (("shape", thing.shape), ("material", thing.material), ("pattern", thing.pattern)):
        if value is not None:
            claims.append(Claim(field, f"{thing.name}: {value}", None, "boxes don't show it"))
    return claims


def _colour(thing: SceneObject, mine: Sequence[Detection]) -> Claim:
    """Every one of them has it, of so many as are claimed."""
    text = f"{thing.name} is {thing.colour}"
    if not mine:
        return Claim("color", text, False, f"no {thing.name}")
    wanted = mine[: thing.count or 1]
    if all(not one.colours for one in wanted):
        return Claim("color", text, None, "its colour can't be told")
    holds = all(has_colour(one, str(thing.colour)) for one in wanted)
    return Claim("color", text, holds, "; ".join(" and ".join(one.colours) or "unknown" for one in wanted))


def _size(thing: SceneObject, mine: Sequence[Detection], owned: Sequence[Sequence[Detection]]) -> Claim:
    """Large: its largest box is above every box of the other entries. Small: its smallest is below them."""
    text = f"{thing.name} is {thing.size}"
    others = [area(one) for group in owned if group is not mine for one in group]
    if not mine:
        return Claim("size", text, False, f"no {thing.name}")
    if not others:
        return Claim("size", text, None, "nothing else was found to compare it with")
    areas = [area(one) for one in mine]
    holds = max(areas) > max(others) if thing.size == "large" else min(areas) < min(others)
    shown = f"{max(areas):.0%} of the image; the others {min(others):.0%} to {max(others):.0%}"
    return Claim("size", text, holds, shown)


def _relation(text: str, relation: str, subjects: Sequence[Detection], objects: Sequence[Detection], few: int) -> Claim:
    """As many subjects as are claimed stand so to some object."""
    if not subjects or not objects:
        missing = "neither was found" if not subjects and not objects else "one of the two was not found"
        return Claim("relation", text, False, missing)
    right, undecided = 0, ""
    for subject in subjects:
        answers = [
            related(relation, subject.box, other.box, subject.depth, other.depth)
            for other in objects
            if other is not subject
        ]
        right += any(answer is True for answer in answers)
        if answers and all(answer is None for answer in answers):
            undecided = UNDECIDED[relation]
    if right < few and undecided:
        return Claim("relation", text, None, undecided)
    return Claim(
        "relation", text, right >= few, f"{right} of {len(subjects)}" if few > 1 else _places(subjects, objects)
    )


def _places(subjects: Sequence[Detection], objects: Sequence[Detection]) -> str:
    return f"{_place(subjects[0])}; {_place(objects[0])}"


def _place(one: Detection) -> str:
    left, top, right, bottom = one.box
    return (
        f"{one.name} at ({(left + right) / 2:.2f}, {(top + bottom) / 2:.2f}), {right - left:.2f} x {bottom - top:.2f}"
    )


def _seen(mine: Sequence[Detection], thing: SceneObject) -> str:
    return f"{len(mine)} {thing.name}" if mine else f"no {thing.name}"


def _unknown(name: str) -> str:
    return f'what looks for things here knows no "{name}"'


def _article(name: str) -> str:
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"
