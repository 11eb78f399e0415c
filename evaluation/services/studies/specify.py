"""The specification of a study: the whole declaration, as one JSON document with a hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.hashes import hash_of
from common.words import counted, prompt_name
from evaluation import protocols
from evaluation.analysis.sequential import StoppingRule
from evaluation.models import GenerationRun, Study, Suite
from evaluation.selectors.declared import Primary, declared_primary
from evaluation.selectors.live_board import declared_rule
from evaluation.services.studies.mask import Mask, masks_declared, masks_specified
from evaluation.services.studies.sets import ImageSets, MissingRule

SCHEMA = "drawbench-study/1"
LARGEST_SIDE = 512
"""Pixels: shown images are no larger, unless a study says so, since sixteen of them come with every trial."""

IDLE_DAYS = 7
IDLE_HOURS_UNSTARTED = 2
"""A rater who has not been seen for so long (the second: and has answered nothing) loses the place to another, if no
other place is free."""

CONSENT = """You look at images that computer programs made from short texts, and say which you prefer.

Taking part is voluntary. You can stop at any time without giving a reason. If you leave the study, your answers are not
used.

We keep your answers, the time that each one took, and your ID from the recruitment site, if any; never your name or
email. The answers are analysed and may be published, without anything that identifies you."""


@dataclass(frozen=True, slots=True)
class StudySettings:
    """What the researcher chose.

    `protocol`: whole, for it may be the researcher's own. `display_side`: the longest side of shown images in pixels,
    None for the largest of the runs up to `LARGEST_SIDE`.
    `consent`: what raters agree to. `contact`: whom they can ask. `stopping_rule`: None where none is declared.
    `masks`: corners covered on every shown image. `primary`: what the study sets out to show, None in drafts made
    before that was asked for.
    """

    protocol: protocols.Protocol
    set_size: int
    raters_per_panel: int
    missing: MissingRule
    display_side: int | None
    consent: str
    contact: str
    stopping_rule: StoppingRule | None = None
    masks: tuple[Mask, ...] = ()
    primary: Primary | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """How shown images are made alike. `width`, `height`: of every one of them, in pixels.

    `masks`: corners that are covered on every image, whichever run it is from.
    """

    width: int
    height: int
    masks: tuple[Mask, ...] = ()


def panel_prompts(sets: ImageSets, protocol: protocols.Protocol) -> dict[str, int]:
    """The number of prompts of each panel, in the order in which the panels' first prompts come."""
    panels: dict[str, int] = {}
    for prompt in sets.prompts:
        panel = panel_of(prompt.category, protocol)
        panels[panel] = panels.get(panel, 0) + 1
    return panels


def panel_of(category: str, protocol: protocols.Protocol) -> str:
    """The panel that rates a category."""
    return category if protocol.panels == "category" else ""


def specification(
    *,
    study: Study,
    suite: Suite,
    runs: Sequence[tuple[str, GenerationRun]],
    settings: StudySettings,
    sets: ImageSets,
    display: Display | None = None,
    shown: Sequence[object] = (),
) -> dict[str, object]:
    """The declaration of `study` as JSON has it; docs/running-a-study.md names its parts.

    Args:
        runs: (label, run) in the study's order.
        display, shown: known when the study opens. `shown`: each prompt's sets by content, of which the hash is kept.
    """
    protocol = settings.protocol
    n_pairs = len(runs) * (len(runs) - 1) // 2
    declared: dict[str, object] = {
        "schema": SCHEMA,
        "study": study.name,
        "protocol": protocol.specification(),
        "departures": _departures(protocol, settings, sets),
        "suite": {
            "name": suite.name,
            "version_hash": suite.version_hash,
            "content_hash": suite.content_hash,
            "prompts": len(sets.prompts) + len(sets.dropped),
        },
        "runs": [_run(label, run) for label, run in runs],
        "sets": {
            "size": settings.set_size,
            "missing": settings.missing,
            "dropped": [prompt_name(number) for number in sets.dropped],
            "smaller": {prompt_name(number): sets.sizes[number] for number in sets.smaller},
        },
        "panels": [
            {"panel": panel, "raters": settings.raters_per_panel, "prompts": n, "trials": n * n_pairs}
            for panel, n in panel_prompts(sets, protocol).items()
        ],
        "design": {
            "seed": study.design_seed,
            "pairs": "every pair of runs",
            "sides": "balanced table, curveball trades (evaluation.design.balanced_sides)",
            "order": "Williams squares (evaluation.design.balanced_orders)",
        },
        "display": {
            "largest_side": settings.display_side,
            "format": "WebP, lossless, without metadata",
            "resampling": "Lanczos to the common size; other shapes are set on mid-grey, never cropped",
            **masks_specified(settings.masks),
        },
        "raters": {
            "consent": settings.consent,
            "contact": settings.contact,
            "idle_days": IDLE_DAYS,
            "idle_hours_unstarted": IDLE_HOURS_UNSTARTED,
        },
    }
    if settings.primary is not None:
        declared["analysis"] = settings.primary.specification()
    if settings.stopping_rule is not None:
        declared["stopping_rule"] = settings.stopping_rule.to_dict()
    if display is not None:
        declared["display"] = {**_mapping(declared["display"]), "width": display.width, "height": display.height}
        declared["comparisons"] = {"n": n_pairs * len(sets.prompts), "shown_sha256": hash_of(list(shown))}
    return declared


def protocol_of(study: Study) -> protocols.Protocol:
    """The protocol of a draft: ours as it is now, a researcher's own as the draft declared it."""
    if study.protocol in protocols.names():
        return protocols.get(study.protocol)
    return protocols.read(study.specification["protocol"])


def settings_of(study: Study) -> StudySettings:
    """The settings that a study's specification holds."""
    declared = study.specification
    return StudySettings(
        protocol=protocol_of(study),
        set_size=declared["sets"]["size"],
        raters_per_panel=declared["panels"][0]["raters"],
        missing=declared["sets"]["missing"],
        display_side=declared["display"]["largest_side"],
        consent=declared["raters"]["consent"],
        contact=declared["raters"]["contact"],
        stopping_rule=declared_rule(declared),
        masks=masks_declared(declared["display"]),
        primary=declared_primary(declared),
    )


def _run(label: str, run: GenerationRun) -> dict[str, object]:
    return {
        "label": label,
        "run": run.name,
        "origin": run.origin,
        "generator": run.generator,
        "parameters": run.parameters,
        "size": run.size,
        "samples_per_prompt": run.samples_per_prompt,
        "run_seed": run.known_seed,
        "weights_fingerprint": run.weights_fingerprint,
        **({"declared": run.declared} if run.declared else {}),
    }


def _departures(protocol: protocols.Protocol, settings: StudySettings, sets: ImageSets) -> list[str]:
    """Where the study does otherwise than its protocol says, in words for its report."""
    departures = []
    if protocol.based_on:
        base = protocols.get(protocol.based_on)
        departures += [f"{protocol.name}: {line}" for line in protocols.departures(base, protocol)]
    if settings.set_size != protocol.set_size:
        departures.append(f"{counted(settings.set_size, 'image')} per set, where the protocol has {protocol.set_size}")
    if settings.raters_per_panel != protocol.raters_per_panel:
        departures.append(
            f"{counted(settings.raters_per_panel, 'rater')} per panel, where the protocol has "
            f"{protocol.raters_per_panel}"
        )
    if sets.dropped:
        departures.append(f"{counted(len(sets.dropped), 'prompt')} of the suite left out because samples are missing")
    if sets.smaller:
        departures.append(f"{counted(len(sets.smaller), 'prompt')} with smaller sets because samples are missing")
    departures += [f"{mask.in_words} of every image is covered with grey, on both sides" for mask in settings.masks]
    return departures


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
