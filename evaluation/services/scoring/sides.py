"""What a Frechet distance is taken between: a run's images, a stored reference, or a folder, each with its record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.words import nearest, prompt_name
from evaluation.errors import ConflictError, NotFoundError
from evaluation.metrics.features.images import Listing, Skipped, list_images, listing_of
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.references import load_reference, reference_names
from evaluation.models import GenerationRun, Sample, SampleFailure
from evaluation.selectors.runs import NAMES_LISTED
from evaluation.services.runs.request import more_images
from evaluation.services.store.images import image_path
from evaluation.services.store.places import references_folder
from evaluation.services.work.states import UNFINISHED

PREFIXES = ("run:", "reference:", "folder:")


@dataclass(frozen=True)
class Side:
    """`title`: for people. `listing`: its images. `record`: what they are, as JSON, for the manifest."""

    title: str
    listing: Listing
    record: dict[str, Any]
    run: GenerationRun | None = None

    @property
    def name(self) -> str:
        """The run's, the reference's or the folder's."""
        return str(self.record.get("run") or self.record.get("name") or self.record.get("folder"))


def side_named(name: str, protocol: Protocol) -> Side:
    """The run, the stored reference or the folder called `name`; a prefix of `PREFIXES` says which is meant.

    Of a stored reference, as many images as `protocol` takes.

    Raises:
        NotFoundError: there is nothing of this name.
        ConflictError: there are two things of this name, or the run is still being drawn.
    """
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return _kinds(name[len(prefix) :], protocol, prefix[:-1])
    return _kinds(name, protocol, "")


def _kinds(name: str, protocol: Protocol, kind: str) -> Side:
    references = reference_names(references_folder()) if kind in ("", "reference") else []
    run = GenerationRun.objects.filter(name=name).select_related("suite").first() if kind in ("", "run") else None
    is_folder = kind == "folder" or (not kind and Path(name).is_dir())
    found = [what for what, there in (("reference", name in references), ("run", run), ("folder", is_folder)) if there]
    if len(found) > 1:
        says = " or ".join(f"{what}:{name}" for what in found)
        raise ConflictError(f"{name} is both a {' and a '.join(found)}. Write {says}.")
    if run is not None:
        return run_side(run)
    if name in references:
        return _reference_side(name, protocol)
    if is_folder:
        return folder_side(Path(name))
    runs = list(GenerationRun.objects.values_list("name", flat=True)[:500])
    listed = ", ".join(runs[:NAMES_LISTED]) + (" ..." if len(runs) > NAMES_LISTED else "")
    raise NotFoundError(
        f'There is no run, no stored reference and no folder "{name}"{nearest(name, [*runs, *references]) or "."} '
        f"Runs, newest first: {listed or 'none'}; references: "
        f"{', '.join(references) or 'none (manage.py load_coco stores one)'}."
    )


def run_side(run: GenerationRun) -> Side:
    """The samples of `run` as "PROMPT/SAMPLE": the uploaded file as it came where there is one.

    Raises:
        ConflictError: it is still being drawn, or has no image.
    """
    if run.status in UNFINISHED:
        raise ConflictError(f"The run {run.name} is still in progress. Wait until it is done, or stop it.")
    places, hashes = {}, {}
    formats: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    originals = 0
    samples = Sample.objects.filter(run=run).select_related("prompt", "image", "original")
    for sample in samples.iterator(2000):
        image = sample.original or sample.image
        key = f"{sample.prompt.prompt_id}/{sample.sample}"
        places[key], hashes[key] = image_path(image), image.sha256
        formats[image.image_format] += 1
        sizes[f"{image.width}x{image.height}"] += 1
        originals += sample.original is not None
    if not places:
        raise ConflictError(f"The run {run.name} has no images to score. {more_images(run)} first.")
    missing = _missing(run, places)
    suite = run.suite
    record = {
        "kind": "run",
        "run": run.name,
        "suite": {"name": suite.name, "version": suite.version_hash, "prompts": suite.prompts.count()},
        "origin": run.origin,
        "generator": run.generator,
        "parameters": run.parameters,
        "weights_fingerprint": run.weights_fingerprint,
        "ema": _ema(run),
        "run_seed": run.known_seed,
        "samples_per_prompt": run.samples_per_prompt,
        "provenance": run.provenance,
        "files": {
            "originals": originals,
            "stored": len(places) - originals,
            "formats": dict(formats.most_common()),
            "sizes": dict(sizes.most_common(20)),
        },
        "missing": [{"sample": skip.file, "why": skip.why} for skip in missing],
    }
    listing = listing_of(places, folder=Path(run.name), hashes=hashes, skipped=missing)
    return Side(f"run {run.name}", listing, record, run)


def folder_side(folder: Path) -> Side:
    """The images of a folder on this machine."""
    listing = list_images(folder)
    formats = Counter(Path(file).suffix.lower().lstrip(".") for file in listing.files)
    record = {"kind": "folder", "folder": str(folder), "files": {"formats": dict(formats.most_common())}}
    return Side(str(folder), listing, record)


def _reference_side(name: str, protocol: Protocol) -> Side:
    reference = load_reference(references_folder(), name)
    listing = reference.listing(protocol.n_reference)
    record = {"kind": "reference", **{key: value for key, value in reference.manifest.items() if key != "folder"}}
    if len(listing.files) < len(reference.hashes):
        record["part"] = {"images": len(listing.files), "of": len(reference.hashes), "protocol": protocol.name}
    return Side(f"reference {name}", listing, record)


def _missing(run: GenerationRun, there: dict[str, Path]) -> list[Skipped]:
    failures = {
        (number, sample): f"{kind}: {message}" if message else kind
        for number, sample, kind, message in SampleFailure.objects.filter(run=run).values_list(
            "prompt__number", "sample", "kind", "message"
        )
    }
    found = []
    for number in run.suite.prompts.order_by("number").values_list("number", flat=True):
        for sample in range(run.samples_per_prompt):
            key = f"{prompt_name(number)}/{sample}"
            if key not in there:
                found.append(Skipped(key, failures.get((number, sample), "the run has no such sample")))
    return found


def _ema(run: GenerationRun) -> object:
    """Whether the weights are a moving average of the training's: by the generator's own word, where it gives it."""
    for source in (run.parameters, run.provenance):
        for key, value in source.items():
            if key.lower() == "ema" or key.lower().startswith("ema_"):
                return {key: value}
    return "not said by the generator"
