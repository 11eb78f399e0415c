"""The generator that a run needs, loaded in this process and kept for the run's next tasks."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from common.hashes import canonical_json
from evaluation.models import GenerationRun
from generators import registry
from generators.contract import Generator
from generators.manifest import software

log = logging.getLogger(__name__)

KEPT = 1
"""Loaded generators that a process keeps: each may take most of the memory or of the accelerator."""


@dataclass(slots=True)
class Loaded:
    """A generator and its pace. `seconds_per_sample`: of its last batch, None before its first."""

    generator: Generator
    seconds_per_sample: float | None = None


_loaded: OrderedDict[str, Loaded] = OrderedDict()


def generator_for(run: GenerationRun) -> Loaded:
    """The generator of `run`: this process's own copy, loaded when it is not the one used last.

    Raises:
        GeneratorError: it is unknown by now, or what it needs is not there.
    """
    key = canonical_json([run.generator, run.parameters, run.size])
    found = _loaded.get(key)
    if found is not None:
        _loaded.move_to_end(key)
        return found
    while len(_loaded) >= KEPT:  # before loading: there may not be room for both
        _, gone = _loaded.popitem(last=False)
        _close(gone.generator)
    log.info("loading generator %s for run %s", run.generator, run.name)
    found = Loaded(
        registry.load(
            run.generator, run.parameters, size=run.size or 0, device=os.environ.get("DRAWBENCH_DEVICE", "auto")
        )
    )
    _loaded[key] = found
    return found


def forget_generators() -> None:
    """Close all that are loaded: the next task loads anew."""
    while _loaded:
        _close(_loaded.popitem()[1].generator)


def described(generator: Generator) -> dict[str, Any]:
    """What the manifest and the run's row say of a loaded generator and of the software around it."""
    info = generator.info
    around: dict[str, Any] = dict(software())
    return {
        **info.provenance,
        **around,
        "packages": ", ".join(f"{name} {version}" for name, version in around["packages"].items()),
        "generator": info.name,
        "version": info.version,
        "weights_fingerprint": info.weights_fingerprint,
        "tolerance": info.tolerance,
        "seeded": info.seeded,
    }


def _close(generator: Generator) -> None:
    try:
        generator.close()
    except Exception:  # a plug-in that can't close must not keep the next from loading
        log.exception("the generator %s could not be closed", generator.info.name)
