"""The generator that a run needs, loaded in this process and kept for the run's next tasks."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import Any

from common.hashes import canonical_json
from common.text import storable
from evaluation.models import GenerationRun
from evaluation.selectors.runs import run_size
from evaluation.services.work.kept import KeptOne
from evaluation.services.work.limits import Pace
from generators import registry
from generators.contract import Generator
from generators.manifest import software
from generators.sizes import side_of

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Loaded:
    """A generator and its pace. `side`: what its factory was given as the size, 0 where it takes none."""

    generator: Generator
    side: int = 0
    pace: Pace = field(default_factory=Pace)


_loaded: KeptOne[Loaded] = KeptOne(close=lambda loaded: loaded.generator.close())


def generator_for(run: GenerationRun) -> Loaded:
    """The generator of `run`: this process's own copy, loaded when it is not the one used last.

    Raises:
        GeneratorError: it is unknown by now, or what it needs is not there.
    """

    def load() -> Loaded:
        log.info("loading generator %s for run %s", run.generator, run.name)
        device = os.environ.get("DRAWBENCH_DEVICE", "auto")
        side = side_of(registry.get_spec(run.generator), run_size(run))
        return Loaded(registry.load(run.generator, run.parameters, size=side, device=device), side)

    return _loaded.get(canonical_json([run.generator, run.parameters, run.width, run.height]), load)


def forget_generators() -> None:
    """Close what is loaded: the next task loads anew."""
    _loaded.clear()


def described(generator: Generator) -> dict[str, Any]:
    """What the manifest and the run's row say of a loaded generator and of the software around it."""
    info = generator.info
    around: dict[str, Any] = dict(software())
    told = {
        **info.provenance,
        **around,
        "packages": ", ".join(f"{name} {version}" for name, version in around["packages"].items()),
        "generator": info.name,
        "version": info.version,
        "weights_fingerprint": info.weights_fingerprint,
        "tolerance": info.tolerance,
        "seeded": info.seeded,
    }
    kept = storable(told)
    assert isinstance(kept, dict)
    return kept
