"""The specification of a study: the whole declaration, as one JSON document with a hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from common.hashes import hash_of
from common.words import counted, prompt_name
from evaluation import protocols
from evaluation.analysis.sequential import StoppingRule
from evaluation.analysis.signs import SIGNS, SignRules
from evaluation.design import PanelShape
from evaluation.models import GenerationRun, Study, Suite
from evaluation.protocols.control_fit import PanelControls
from evaluation.protocols.control_plan import ControlPlan
from evaluation.protocols.kinds import Choice, Ranking
from evaluation.protocols.parts import NO_SCREENING
from evaluation.protocols.rows import REFERENCE
from evaluation.protocols.serving import panel_size
from evaluation.selectors.declared import Primary, declared_primary, declared_signs
from evaluation.selectors.live_board import declared_rule
from evaluation.selectors.own_protocols import protocol_of
from evaluation.services.studies.admission import Admission
from evaluation.services.studies.care import Care
from evaluation.services.studies.crowd import CrowdSettings, people_declared, people_specified
from evaluation.services.studies.design_words import design_in_words
from evaluation.services.studies.known import KnownControl
from evaluation.services.studies.mask import Mask, masks_declared, masks_specified
from evaluation.services.studies.own_controls import added_specified, declared_plan, gold_by_panel, panel_of_plan
from evaluation.services.studies.refused import refused_specified
from evaluation.services.studies.run_specified import run_specified
from evaluation.services.studies.sets import ImageSets, MissingRule
from evaluation.services.studies.viewing import Viewing, viewing_declared

SCHEMA = "drawbench-study/1"
LARGEST_SIDE = 512
"""Pixels: shown images are no larger, unless a study says so, since sixteen of them come with every trial."""

IDLE_DAYS = 7
IDLE_HOURS_UNSTARTED = 2
"""A rater who has not been seen for so long (the second: and has answered nothing) loses the place to another, if no
other place is free."""

PREFERENCE_ASKED = "You look at images that computer programs made from short texts, and say which you prefer."
QUESTIONS_ASKED = "You look at images and answer questions about them."
"""Where no preference is asked, or photographs are among the images, which the text must not tell apart."""

CONSENT = f"""{PREFERENCE_ASKED}

Taking part is voluntary. You can stop at any time without giving a reason. If you leave the study, your answers are not
used.

We keep your answers, the time that each one took, how large your screen showed the images, and your ID from the
recruitment site, if any; never your name or email. The answers are analysed and may be published, without anything that
identifies you."""


def consent_text(protocol: protocols.Protocol) -> str:
    """What raters agree to where the researcher says nothing else."""
    kinds = [each.answers for each in protocol.questions]
    prefers = all(isinstance(kind, Ranking) or (isinstance(kind, Choice) and kind.preference) for kind in kinds)
    if prefers and protocol.shown.reference in ("none", "guide"):
        return CONSENT
    return CONSENT.replace(PREFERENCE_ASKED, QUESTIONS_ASKED)


@dataclass(frozen=True, slots=True)
class StudySettings:
    """What the researcher chose.

    `protocol`: whole, for it may be the researcher's own. `display_side`: the longest side of shown images in pixels,
    None for the largest of the runs up to `LARGEST_SIDE`. `consent`: what raters agree to. `contact`: whom they can
    ask. `stopping_rule`: None where none is declared. `care`: what it does to be kind to raters.
    `masks`: corners covered on every shown image. `primary`: what the study sets out to show, None in drafts made
    before that was asked for. `claims`: by prompt's number, where they are asked; `claims_source`: where they are from.
    `known`: control trials that the study brings; `controls_left_out`: whether it does without those of the protocol.
    `added`: control trials that the study adds to those. `signs`: None in drafts made before they were declared.
    `admission`: whom it takes. `hide_rates`: whether the team sees no rate until it closes. `copied_from`: as
    `difference.Copied` says it. `viewing`: how raters see the images. `people`: what it declares of its crowd.
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
    claims: Mapping[int, Sequence[str]] = field(default_factory=dict)
    claims_source: str = ""
    known: tuple[KnownControl, ...] = ()
    controls_left_out: bool = False
    added: ControlPlan | None = None
    signs: SignRules | None = None
    admission: Admission = Admission()
    hide_rates: bool = False
    care: Care = Care()
    copied_from: Mapping[str, object] | None = None
    viewing: Viewing = Viewing()
    people: CrowdSettings = CrowdSettings()

    @property
    def study_protocol(self) -> protocols.Protocol:
        """The protocol as the study is held under it."""
        if not self.controls_left_out:
            return self.protocol
        return replace(self.protocol, controls=None, screening=NO_SCREENING)

    def panels(self, sets: ImageSets, *, n_generators: int) -> dict[str, tuple[PanelShape, PanelControls | None]]:
        """What each panel is designed for, and its share of the control trials that the study adds."""
        protocol = self.study_protocol
        gold = gold_by_panel(self.known, sets.prompts, protocol)
        return {
            panel: panel_of_plan(
                self.added,
                protocol,
                n_prompts=n,
                n_generators=n_generators,
                raters=self.raters_per_panel,
                gold=gold[panel],
            )
            for panel, n in panel_prompts(sets, protocol).items()
        }


@dataclass(frozen=True, slots=True)
class Display:
    """How shown images are made alike. `width`, `height`: of every one of them, in pixels.

    `masks`: corners that are covered on every image, whichever run it is from.
    """

    width: int
    height: int
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a study once it opens. `shown`: each prompt's sets by content, of which the hash is kept.

    `panels`: by panel its `raters` (places), `trials` of one at most, and `ratings` wanted. `covered`: how many
    images of each label are blurred, where any may be. `blind`: what the audit of its blindness says. `shared_images`:
    the runs that share images, as `selectors.shared_images` says them. `from_sizes`: by label and size of its images,
    what was done to show them alike.
    """

    display: Display
    n_comparisons: int
    shown: Sequence[object]
    panels: Mapping[str, Mapping[str, object]]
    blind: Mapping[str, object]
    covered: Mapping[str, int] = field(default_factory=dict)
    shared_images: Sequence[Mapping[str, object]] = ()
    from_sizes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


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


def silent_prompts(protocol: protocols.Protocol, suite: Suite, claims: Mapping[int, Sequence[str]]) -> list[int]:
    """The numbers of the prompts of `suite` of which `protocol` has nothing to ask. One query."""
    prompts = suite.prompts.order_by("number").values_list("number", "category")
    return [number for number, category in prompts if not protocol.asked(category, claims.get(number, ()))]


def specification(
    *,
    study: Study,
    suite: Suite,
    runs: Sequence[tuple[str, GenerationRun]],
    reference: GenerationRun | None = None,
    settings: StudySettings,
    sets: ImageSets,
    opened: Opened | None = None,
) -> dict[str, object]:
    """The declaration of `study` as JSON has it; docs/running-a-study.md names its parts.

    Args:
        runs: (label, run) in the study's order, without the reference.
        reference: the run of the reference photographs.
        opened: known when the study opens.
    """
    protocol = settings.study_protocol
    panels = settings.panels(sets, n_generators=len(runs))
    declared: dict[str, object] = {
        "schema": SCHEMA,
        "study": study.name,
        "protocol": protocol.specification(),
        "departures": _departures(settings, sets),
        "suite": {
            "name": suite.name,
            "version_hash": suite.version_hash,
            "content_hash": suite.content_hash,
            "prompts": len(sets.prompts) + len(sets.dropped),
            **({"language": settings.viewing.prompts_language} if settings.viewing.prompts_language else {}),
        },
        "runs": [run_specified(label, run) for label, run in runs],
        "sets": {
            "size": settings.set_size,
            "missing": settings.missing,
            "dropped": [prompt_name(number) for number in sets.dropped],
            "smaller": {prompt_name(number): sets.sizes[number] for number in sets.smaller},
        },
        "panels": [_panel(panel, shape, opened) for panel, (shape, _) in panels.items()],
        "design": {"seed": study.design_seed, **design_in_words(next(iter(panels.values()))[0])},
        "display": {
            "largest_side": settings.display_side,
            "format": "WebP, lossless, without metadata",
            "resampling": "Lanczos to the common size; other shapes are set on mid-grey, never cropped",
            **masks_specified(settings.masks),
            **settings.viewing.specified(),
        },
        "raters": {
            "consent": settings.consent,
            "contact": settings.contact,
            "idle_days": IDLE_DAYS,
            "idle_hours_unstarted": IDLE_HOURS_UNSTARTED,
            **people_specified(settings.people),
        },
    }
    refused = refused_specified(
        settings.people.refusals,
        suite=suite,
        runs=runs,
        sets=sets,
        size=settings.set_size,
        missing=settings.missing,
    )
    if refused is not None:
        declared["refusals"] = refused
    if reference is not None:
        declared["reference"] = run_specified(REFERENCE, reference)
    if settings.claims:
        claims = {prompt_name(number): list(each) for number, each in settings.claims.items()}
        declared["claims"] = {"source": settings.claims_source, "of_prompts": claims}
    if settings.known or settings.controls_left_out:
        declared["controls"] = {
            "left_out": settings.controls_left_out,
            "known": [each.to_dict() for each in settings.known],
        }
    if settings.added is not None:
        own = {panel: each for panel, (_, each) in panels.items() if each is not None}
        controls = _mapping(declared.get("controls", {"left_out": False, "known": []}))
        declared["controls"] = {**controls, "added": added_specified(settings.added, protocol, own)}
    if settings.controls_left_out and settings.protocol.controls is not None:  # of which `protocol` says no more
        declared["controls_left_out"] = {
            "controls": asdict(settings.protocol.controls),
            "screening": settings.protocol.screening,
        }
    if settings.signs is not None:
        declared["signs"] = settings.signs.to_dict()
    if settings.admission != Admission():
        declared["admission"] = settings.admission.to_dict()
    if settings.hide_rates:
        declared["rates"] = "hidden from the team until the study closes"
    if settings.care != Care():
        blurred = {"covered": dict(opened.covered)} if opened is not None and settings.care.blurs else {}
        declared["care"] = settings.care.to_dict() | blurred
    if settings.copied_from is not None:
        declared["copied_from"] = dict(settings.copied_from)
    if settings.primary is not None:
        declared["analysis"] = settings.primary.specification()
    if settings.stopping_rule is not None:
        declared["stopping_rule"] = settings.stopping_rule.to_dict()
    if opened is not None:
        display = opened.display
        declared["display"] = {
            **_mapping(declared["display"]),
            "width": display.width,
            "height": display.height,
            "from_sizes": {label: dict(each) for label, each in opened.from_sizes.items()},
        }
        declared["blind"] = dict(opened.blind)
        if opened.shared_images:
            declared["shared_images"] = [dict(each) for each in opened.shared_images]
        declared["comparisons"] = {"n": opened.n_comparisons, "shown_sha256": hash_of(list(opened.shown))}
    return declared


def _panel(panel: str, shape: PanelShape, opened: Opened | None) -> dict[str, object]:
    """`raters`: places of the panel. `trials`: of one rater, at most. `ratings`: wanted in all, once that is known."""
    size = panel_size(shape)
    counts: dict[str, object] = {
        "panel": panel,
        "raters": size.places,
        "prompts": shape.n_prompts,
        "trials": size.trials,
    }
    if size.batches > 1:
        counts |= {"batches": size.batches, "raters_per_batch": shape.raters}
    return counts if opened is None else {**counts, **opened.panels[panel]}


def settings_of(study: Study) -> StudySettings:
    """The settings that a study's specification holds."""
    declared = study.specification
    panel, claims, controls = declared["panels"][0], declared.get("claims", {}), declared.get("controls", {})
    return StudySettings(
        protocol=protocol_of(study),
        set_size=declared["sets"]["size"],
        raters_per_panel=panel.get("raters_per_batch", panel["raters"]),
        missing=declared["sets"]["missing"],
        display_side=declared["display"]["largest_side"],
        consent=declared["raters"]["consent"],
        contact=declared["raters"]["contact"],
        stopping_rule=declared_rule(declared),
        masks=masks_declared(declared["display"]),
        primary=declared_primary(declared),
        claims={int(prompt): tuple(each) for prompt, each in claims.get("of_prompts", {}).items()},
        claims_source=claims.get("source", ""),
        known=tuple(KnownControl.from_dict(each) for each in controls.get("known", ())),
        controls_left_out=bool(controls.get("left_out", False)),
        added=declared_plan(declared),
        signs=declared_signs(declared),
        admission=Admission.of(declared),
        hide_rates="rates" in declared,
        care=Care.of(declared),
        copied_from=declared.get("copied_from"),
        viewing=viewing_declared(declared),
        people=people_declared(declared),
    )


def _departures(settings: StudySettings, sets: ImageSets) -> list[str]:
    """Where the study does otherwise than its protocol says, in words for its report."""
    departures = []
    protocol = settings.protocol
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
    if settings.controls_left_out and protocol.controls is not None:
        departures.append(f"no control trials, where the protocol has {protocol.controls.trials} in each session")
    if settings.added is not None and settings.added != protocol.added_controls:
        departures.append(f"{counted(settings.added.counts.trials, 'control trial')} added to each session")
        if settings.added.rule.exclude:
            departures.append(f"raters are excluded by control trials, where the protocol has: {protocol.screening}")
    if settings.signs is not None and settings.signs.exclude:
        told = ", ".join(SIGNS[each] for each in settings.signs.exclude)
        departures.append(f"raters are excluded by signs ({told}), where the protocol has: {protocol.screening}")
    if sets.dropped:
        departures.append(f"{counted(len(sets.dropped), 'prompt')} of the suite left out because samples are missing")
    if sets.smaller:
        departures.append(f"{counted(len(sets.smaller), 'prompt')} with smaller sets because samples are missing")
    departures += [f"{mask.in_words} of every image is covered with grey, on both sides" for mask in settings.masks]
    return departures


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value
