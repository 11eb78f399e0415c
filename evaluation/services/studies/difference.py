"""In what one study's declaration differs from another's, in words: what a copy prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.words import counted
from evaluation import protocols

_PLAIN = {
    ("sets", "size"): "images per set",
    ("sets", "missing"): "if images are missing",
    ("design", "seed"): "design seed",
    ("display", "largest_side"): "longest side of shown images",
    ("display", "surround"): "surround of the images",
    ("display", "smallest_width"): "smallest width of an image on the screen",
    ("suite", "language"): "language of the prompts",
    ("raters", "contact"): "contact",
    ("refusals", "policy"): "refused images",
    ("care", "break_minutes"): "minutes before a break",
    ("care", "break_trials"): "trials before a break",
    ("care", "flag_above"): "score above which images are blurred",
}
"""Parts of a specification whose value says all."""

_NAMED = {
    ("raters", "consent"): "consent text",
    ("raters", "crowd"): "terms of its crowd",
    ("raters", "about"): "questions about the rater",
    ("analysis",): "what it sets out to show",
    ("stopping_rule",): "stopping rule",
    ("display", "masks"): "covered corners",
    ("care", "warning"): "content warning",
    ("care", "flagged"): "flagged images",
    ("controls", "known"): "control trials of its own",
    ("controls", "added"): "control trials added",
    ("signs",): "signs",
    ("admission",): "whom it takes",
    ("rates",): "rates hidden until it closes",
}
"""Parts that are too long to repeat."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Where a study is copied from. `specification_hash`: of that study, "" of a draft. `differences`: in words."""

    study: str
    specification_hash: str
    differences: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """As a specification has it."""
        return {
            "study": self.study,
            "specification_hash": self.specification_hash,
            "differences": list(self.differences),
        }

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> Copied | None:
        """Back from a specification; None of one that is no copy."""
        declared = specification.get("copied_from")
        if declared is None:
            return None
        return cls(declared["study"], declared["specification_hash"], tuple(declared["differences"]))


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Each difference of the specification `now` from `was` as one line; none where both declare the same."""
    return tuple(_differences(was, now))


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before, after = protocols.read(was["protocol"]), protocols.read(now["protocol"])
    if before.name != after.name:
        yield f"protocol: {after.name}, where the copied study has {before.name}"
    yield from protocols.departures(before, after)
    if was["suite"]["version_hash"] != now["suite"]["version_hash"]:
        yield f"suite: {_suite(now)}, where the copied study has {_suite(was)}"
    yield from _runs("run", was["runs"], now["runs"])
    yield from _runs(
        "reference photographs", *([each["reference"]] if "reference" in each else [] for each in (was, now))
    )
    for path, name in _PLAIN.items():
        first, second = _at(was, path), _at(now, path)
        if first != second:
            yield f"{name}: {_shown(second)}, where the copied study has {_shown(first)}"
    first, second = _raters(was), _raters(now)
    if first != second:
        yield f"raters per panel: {second}, where the copied study has {first}"
    yield from _claims(was.get("claims"), now.get("claims"))
    for part, name in _NAMED.items():
        first, second = _at(was, part), _at(now, part)
        if (first or None) != (second or None):
            yield f"{name}: {'left out' if not second else 'added' if not first else 'another'}"


def _runs(what: str, was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before = {each["run"]: each["label"] for each in was}
    after = {each["run"]: each["label"] for each in now}
    for run, label in before.items():
        if run not in after:
            yield f"{what} {run}: left out"
        elif after[run] != label:
            yield f"{what} {run}: called {after[run]}, where the copied study has {label}"
    for run in after:
        if run not in before:
            yield f"{what} {run}: added"


def _claims(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Iterator[str]:
    if (was or {}).get("of_prompts") == (now or {}).get("of_prompts"):
        return
    told = [
        "none"
        if each is None
        else f"{counted(sum(map(len, each['of_prompts'].values())), 'claim')} of {each['source']}"
        for each in (now, was)
    ]
    yield f"claims: {told[0]}, where the copied study has {told[1]}"


def _raters(specification: Mapping[str, Any]) -> int:
    panel = specification["panels"][0]
    return int(panel.get("raters_per_batch", panel["raters"]))


def _suite(specification: Mapping[str, Any]) -> str:
    return f"{specification['suite']['name']}@{specification['suite']['version_hash'][:12]}"


def _at(specification: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = specification
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)
