"""A suite from its name, a file or bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.words import nearest
from evaluation.errors import NotFoundError
from evaluation.models import Suite
from evaluation.services.suites.save import SuiteLoaded, checked_name, suite_errors, suite_store
from evaluation.suites import BUNDLED, KNOWN_SUITES, fetch_drawbench, read_suite
from evaluation.suites.build import Duplicates
from evaluation.suites.bundled import bundled_suite
from evaluation.suites.known_drawbench import EXPORT_URL
from evaluation.suites.types import SuiteData

PUBLISHED = "drawbench"
FETCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteReading:
    """How a file of prompts is read, as `evaluation.suites.read_suite` takes it.

    `file_name`: what bytes were called, for the suite's name and the notes. `source_format`: found from the file unless
    given. `captions`: one or all of an image. `sample`: so many prompts of it, by `seed`. `duplicates`: what is done
    with repeated prompts.
    """

    file_name: str = ""
    source_format: str | None = None
    captions: Literal["one", "all"] = "one"
    sample: int | None = None
    seed: int = 0
    duplicates: Duplicates = "refuse"


AS_IT_IS = SuiteReading()


def suite_load(
    *,
    source: str | Path | bytes,
    name: str = "",
    title: str = "",
    licence: str = "",
    reading: SuiteReading = AS_IT_IS,
    fetch_seconds: float = FETCH_SECONDS,
) -> SuiteLoaded:
    """Load a suite; one that is there already is returned as it is, with `created` False.

    `source`: "drawbench" (the published suite: fetched from its publishers unless it is there), "drawbench-cc0" (ours),
    the path of a file, or a file's bytes. Pages and the API give names or bytes, never a path that a visitor wrote.
    `reading`: how a file is read. `fetch_seconds`: how long the network may take.

    Raises:
        InputError: the file, the name or an option can't be used, or the published suite can't be fetched.
    """
    if name:
        name = checked_name(name)
    with suite_errors():
        if source == PUBLISHED:
            there = _published_suite()
            if there is not None:
                return SuiteLoaded(there, created=False)
            data, origin = read_suite(fetch_drawbench(fetch_seconds), format="csv", name=PUBLISHED), EXPORT_URL
        elif isinstance(source, str) and source in BUNDLED:
            data, origin = bundled_suite(source), f"fixtures/suites/{BUNDLED[source].name}"
        else:
            if isinstance(source, str) and _is_bare_name(source) and not Path(source).exists():
                raise NotFoundError(_unknown(source), field="source")
            data = read_suite(
                source if isinstance(source, bytes) else Path(source),
                format=reading.source_format,
                name=name or None,
                file_name=reading.file_name or None,
                captions=reading.captions,
                sample=reading.sample,
                seed=reading.seed,
                duplicates=reading.duplicates,
            )
            origin = reading.file_name if isinstance(source, bytes) else Path(source).name
    return suite_store(data=data, name=name, title=title, source=origin, licence=licence)


def suite_read_whole_drawbench(path: Path) -> SuiteData:
    """The published DrawBench from a file that claims to be it.

    Raises:
        InputError: it is not the whole published suite; what is missing or changed is told.
    """
    with suite_errors():
        return read_suite(path, name=PUBLISHED)


def _published_suite() -> Suite | None:
    known = next(known for known in KNOWN_SUITES if known.name == PUBLISHED)
    return Suite.objects.filter(content_hash=known.content_hash, name=PUBLISHED).first()


def _is_bare_name(source: str) -> bool:
    return not any(mark in source for mark in "/\\.")


def _unknown(source: str) -> str:
    named = [PUBLISHED, *BUNDLED]
    return (
        f'Unknown suite "{source}": it is neither a known name nor a file here'
        f"{nearest(source, named) or '.'} Give {', '.join(named)}, or the path of a CSV, TSV, JSONL, JSON or text file."
    )
