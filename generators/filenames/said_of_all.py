"""What a list of files says of all its images: version, licence, seeds, how samples were chosen, parameters. It says so
in a run's own manifest (the line `session`), or in columns that have one value in all rows. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.tables import plain_heading

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "generator": ("generator", "model", "model name"),
    "version": ("generator version", "model version", "version"),
    "licence": ("licence", "license"),
    "seeds": ("run seed",),
    "selection": ("selection",),
}
"""What columns and fields may be called, as `plain_heading` gives them."""

_PARAMETERS = frozenset(
    ("guidance", "guidance scale", "cfg", "cfg scale", "steps", "num inference steps", "sampler", "scheduler")
)
_SEEDS = ("seed", "seeds")
SEEDS_NAMED = 8
"""So many different seeds are written out; of more, the first, the last and their number."""


def said_of_all(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What the rows of a list say: texts under the names of `_TEXTS`, and `parameters` (name -> text). What they do not
    say, or say in two ways, is left out.
    """
    sessions = [row for row in rows if row.get("kind") == "session"]
    if sessions:
        return _of_session(sessions[-1])
    values: dict[str, dict[str, None]] = {}
    for row in rows:
        for key, value in row.items():
            values.setdefault(plain_heading(str(key)), {})[_text(value)] = None
    alone = {name: next(iter(found)) for name, found in values.items() if len(found) == 1 and next(iter(found))}
    said = _texts(alone)
    if parameters := {name: value for name, value in alone.items() if name in _PARAMETERS}:
        said["parameters"] = parameters
    seeds = [seed for name in _SEEDS for seed in values.get(name, ())]
    if seeds and all(seeds):
        said["seeds"] = ", ".join(seeds) if len(seeds) <= SEEDS_NAMED else _range(seeds)
    return said


def _of_session(session: Mapping[str, object]) -> dict[str, object]:
    declared, parameters = session.get("declared"), session.get("parameters")
    said = _texts({plain_heading(name): _text(value) for name, value in session.items()})
    said |= {name: _text(value) for name, value in declared.items()} if isinstance(declared, Mapping) else {}
    if isinstance(parameters, Mapping) and parameters:
        said["parameters"] = {str(name): _text(value) for name, value in parameters.items()}
    return said


def _texts(values: Mapping[str, str]) -> dict[str, object]:
    found = {part: next((values[name] for name in names if values.get(name)), "") for part, names in _TEXTS.items()}
    return {part: text for part, text in found.items() if text}


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _range(seeds: Sequence[str]) -> str:
    ordered = sorted(seeds, key=lambda seed: (len(seed), seed))
    return f"{ordered[0]} to {ordered[-1]} ({len(seeds):,} seeds)"
