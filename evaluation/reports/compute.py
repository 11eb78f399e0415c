"""Results of ratings, under settings that are checked and code that is named."""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from evaluation import analysis
from evaluation.analysis.estimates import ESTIMANDS
from evaluation.analysis.summary import analyse
from evaluation.errors import InputError
from evaluation.reports.document import Results

DEFAULT_SETTINGS: Mapping[str, object] = {
    "estimand": "raters_and_prompts",
    "level": 0.95,
    "include_simulated": True,
}
"""`estimand`: for whom the default interval speaks (`evaluation.analysis.preference.ESTIMANDS`). `level`: confidence.
`include_simulated`: whether simulated ratings count; a report that has any says so on every page."""


@dataclass(frozen=True)
class Settings:
    """`DEFAULT_SETTINGS`, checked."""

    estimand: str = "raters_and_prompts"
    level: float = 0.95
    include_simulated: bool = True

    def to_dict(self) -> dict[str, object]:
        """As stored and shown."""
        return {"estimand": self.estimand, "level": self.level, "include_simulated": self.include_simulated}

    @property
    def hash(self) -> str:
        """SHA-256 of their canonical JSON."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


def settings_from(given: Mapping[str, object] | None) -> Settings:
    """Settings from what a caller gave, the defaults for the rest.

    Raises:
        InputError: an unknown setting (with the nearest), or a value that is not allowed.
    """
    given = given or {}
    for name in given:
        if name not in DEFAULT_SETTINGS:
            near = difflib.get_close_matches(name, DEFAULT_SETTINGS, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise InputError(
                f'Unknown report setting "{name}". Allowed are {", ".join(DEFAULT_SETTINGS)}.{hint}', field=name
            )
    estimand = given.get("estimand", "raters_and_prompts")
    if not isinstance(estimand, str) or estimand not in ESTIMANDS:
        near = difflib.get_close_matches(str(estimand), ESTIMANDS, n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise InputError(f'Unknown estimand "{estimand}". Allowed are {", ".join(ESTIMANDS)}.{hint}', field="estimand")
    level = given.get("level", 0.95)
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0.5 <= level <= 0.999:
        raise InputError(f"The confidence level is a number from 0.5 to 0.999, as 0.95; got {level}.", field="level")
    include = given.get("include_simulated", True)
    if not isinstance(include, bool):
        raise InputError(f"include_simulated is true or false; got {include!r}.", field="include_simulated")
    return Settings(estimand, float(level), include)


def compute(frame: pd.DataFrame, settings: Settings) -> Results:
    """Analyse `frame`, in the ratings file's form. The same ratings and settings give the same results.

    Raises:
        evaluation.analysis.frame.RatingsError: the ratings are not in that form.
    """
    return cast(Results, analyse(frame, estimand=settings.estimand, level=settings.level).to_dict())


@functools.cache
def code_version() -> str:
    """Names the code that results depend on: the first 16 digits of SHA-256 over the analysis' source files.

    It changes when, and only when, a file of `evaluation/analysis` does, with git or without.
    """
    return source_version("analysis", Path(str(analysis.__file__)).parent)


def source_version(name: str, folder: Path) -> str:
    """`name` and the first 16 digits of SHA-256 over the Python files of `folder` and below, their paths included."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder).as_posix()
        digest.update(place.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return f"{name}-{digest.hexdigest()[:16]}"
