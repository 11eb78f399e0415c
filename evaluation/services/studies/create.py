"""A draft of a study: what is compared, under which protocol, by how many raters. It takes no ratings yet.

`change` edits, copies and deletes drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from common import limits
from evaluation import protocols
from evaluation.analysis.sequential import StoppingRule
from evaluation.errors import InputError
from evaluation.intake import text_in
from evaluation.models import GenerationRun, Study, StudyRun, Suite
from evaluation.protocols.claims import ClaimsByText, suite_claims
from evaluation.protocols.kinds import Choice, Claim
from evaluation.protocols.rows import REFERENCE
from evaluation.protocols.serving import panel_size
from evaluation.selectors.declared import Primary
from evaluation.selectors.own_protocols import protocol_named
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.admission import Admission, AdmissionAsked, admission
from evaluation.services.studies.care import Care, CareWanted, care_wanted, safety_scores
from evaluation.services.studies.checks import check_name, check_range, check_runs, checked_labels
from evaluation.services.studies.crowd import crowd_settings
from evaluation.services.studies.difference import Copied, differences
from evaluation.services.studies.known import KnownControl, known_controls, refuse_too_few
from evaluation.services.studies.mask import masks_read
from evaluation.services.studies.own_controls import plan_asked, refuse_unscorable, sign_rules
from evaluation.services.studies.primary import primary
from evaluation.services.studies.sets import ImageSets, default_set_size, image_sets, missing_rule
from evaluation.services.studies.specify import (
    StudySettings,
    consent_text,
    panel_of,
    silent_prompts,
    specification,
)
from evaluation.services.studies.stopping_rule import stopping_rule as checked_rule
from evaluation.services.studies.viewing import viewing_read
from evaluation.suites.types import PromptData

ATTRIBUTES = "the attributes of the suite's prompts"
"""Where claims are from that no file gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDraft:
    """What a researcher asks for in a study.

    Attributes:
        name: what it is called in addresses and commands: letters, digits, - and _.
        runs: finished, on the same suite, as many as a trial of the protocol shows or more.
        protocol: a protocol's name as `protocol_named` takes it, or a protocol of the researcher's own.
        title: for researchers; raters never see it, since it may name a generator.
        design_seed: of sides, orders and the choice of samples, 0 or more.
        samples_per_set: images a set shows; the protocol's number, or what the runs have, when None.
        raters_per_panel: the protocol's number when None.
        missing: `refuse`, `drop-prompts` or `smaller-sets`, for prompts of which a run lacks samples.
        labels: the runs' names in results; the runs' own when None.
        display_side: longest side of shown images, in pixels; the largest of the runs' up to 512 when None.
        consent: what raters agree to; a plain text of ours when empty.
        contact: whom raters can ask.
        stopping_rule: fields of `evaluation.analysis.sequential.StoppingRule`, when the study may be ended early; an
            empty one has the defaults of all, None is no rule. It closes nothing by itself.
        masks: corners to cover on every shown image, as "bottom-right:0.3x0.1": width and height in shares of the
            sides. For images that carry their maker's mark, which would tell raters whose they are.
        primary_pairs: pairs of labels that the study sets out to compare; all pairs when empty. Others are exploratory.
        primary_questions: questions that it sets out to answer; all that take a choice when empty.
        estimand: for whom the interval of its results speaks, a key of `evaluation.analysis.ESTIMANDS`; the default
            when empty.
        reference: the run of the reference photographs, where the protocol shows them.
        claims: of a file, where the protocol asks about claims; those of the suite's attributes when None.
        claims_source: the file's name.
        controls: rows of a file of control trials (`known.read_known`), where the protocol has some that the study
            brings.
        without_controls: hold the study without the control trials of the protocol.
        flagged: rows of a table of images to blur until a rater uncovers them (`care.read_flags`).
        flag_above: blur those too whose score by the safety model is above this, 0 to 1.
        content_warning: shown with the consent text; a text of ours when empty and images may be blurred.
        break_minutes, break_trials: after how many a rater is offered a pause; never when None.
        surround: the colour around the images, a key of `viewing.SURROUNDS`; the default when empty.
        smallest_width: CSS pixels that each image must be shown wide, or the rater can't answer; any when None.
        prompts_language: of the suite's prompts, a BCP 47 tag such as `en`; raters with another confirm that they read
            it. Nothing is asked when empty.
        added_controls: control trials that the study adds of its own images (`protocols.control_plan.PARTS`); those
            that its protocol declares when None.
        signs_exclude: of `evaluation.analysis.signs.SIGNS`, those that exclude a rater; others are shown alone.
        quota_question, quota_answers: what raters are asked at consent, and for each answer the most raters who give
            it, as "English: 20".
        most_per_panel: raters that a panel takes, where that is fewer than its places.
        exclude_studies: names of studies; who took part in one of them is not taken.
        qualification: rows of a file (`known.read_known`) of items that a rater answers first, with feedback.
        qualification_least: how many must be right; all when None.
        hide_rates: keep results from the team until the study closes.
        copied_from: the name of the study that this one is a copy of; its specification then says in what it differs.
        crowd, about, refusals: as `crowd.crowd_settings` takes them.
    """

    name: str
    runs: Sequence[GenerationRun]
    protocol: str | protocols.Protocol = "drawbench"
    title: str = ""
    design_seed: int = 0
    samples_per_set: int | None = None
    raters_per_panel: int | None = None
    missing: str = "refuse"
    labels: Sequence[str] | None = None
    display_side: int | None = None
    consent: str = ""
    contact: str = ""
    stopping_rule: Mapping[str, object] | None = None
    masks: Sequence[str] = ()
    primary_pairs: Sequence[Sequence[str]] = ()
    primary_questions: Sequence[str] = ()
    estimand: str = ""
    reference: GenerationRun | None = None
    claims: ClaimsByText | None = None
    claims_source: str = ""
    controls: Sequence[Mapping[str, str]] = ()
    without_controls: bool = False
    added_controls: Mapping[str, object] | None = None
    signs_exclude: Sequence[str] = ()
    quota_question: str = ""
    quota_answers: Sequence[str] = ()
    most_per_panel: int | None = None
    exclude_studies: Sequence[str] = ()
    qualification: Sequence[Mapping[str, str]] = ()
    qualification_least: int | None = None
    hide_rates: bool = False
    flagged: Sequence[Mapping[str, str]] = ()
    flag_above: float | None = None
    content_warning: str = ""
    break_minutes: int | None = None
    break_trials: int | None = None
    copied_from: str = ""
    surround: str = ""
    smallest_width: int | None = None
    prompts_language: str = ""
    crowd: Mapping[str, Any] | None = None
    about: Sequence[str] = ()
    refusals: str = ""


@transaction.atomic
def study_create(draft: StudyDraft, *, created_by: User | None = None) -> Study:
    """Make a draft; `study_open` then draws its comparisons and locks it.

    Raises:
        InputError: with what is wrong and what to do about it; nothing was made.
    """
    return draft_put(Study(created_by=created_by), draft)


def draft_put(study: Study, draft: StudyDraft) -> Study:
    """Make `study`, new or a draft that is there, what `draft` asks for. To be called in a transaction.

    Raises:
        InputError: as `study_create`.
    """
    declared = _declared(draft.protocol)
    runs = draft.runs
    check_name(draft.name, study)
    check_runs(runs, declared, draft.reference)
    labels = checked_labels(runs, draft.labels, declared)
    suite = runs[0].suite
    settings = _with_material(draft, _settings(draft, declared), suite)
    study_protocol = settings.study_protocol
    settings = replace(settings, primary=_primary(draft, labels, study_protocol), care=_care(draft, labels, suite))
    sets = image_sets(
        suite=suite,
        runs=runs,
        size=settings.set_size,
        missing=settings.missing,
        reference=draft.reference,
        silent=silent_prompts(study_protocol, suite, settings.claims),
    )
    settings = replace(settings, known=_known(draft, study_protocol, labels, sets))
    settings = replace(settings, admission=_admission(draft, study_protocol, labels, sets))
    settings = replace(settings, stopping_rule=_rule(draft, settings, sets))
    study.name = draft.name
    study.title = text_in(draft.title, "title", "the title", most=limits.TITLE)
    study.protocol = declared.name
    study.design_seed = draft.design_seed
    named = list(zip(labels, runs, strict=True))
    before = study.specification
    study.specification = specification(
        study=study, suite=suite, runs=named, reference=draft.reference, settings=settings, sets=sets
    )
    if draft.copied_from:
        study.specification["copied_from"] = _copied(draft.copied_from, study, before).to_dict()
    study.save()
    study.study_runs.all().delete()
    StudyRun.objects.bulk_create(
        StudyRun(study=study, run=run, order=order, label=label) for order, (label, run) in enumerate(named)
    )
    if draft.reference is not None:
        StudyRun.objects.create(study=study, run=draft.reference, order=len(runs), label=REFERENCE, is_reference=True)
    return study


def _care(draft: StudyDraft, labels: Sequence[str], suite: Suite) -> Care:
    wanted = CareWanted(
        flagged=draft.flagged,
        flag_above=draft.flag_above,
        warning=draft.content_warning,
        break_minutes=draft.break_minutes,
        break_trials=draft.break_trials,
    )
    care = care_wanted(wanted, labels=labels, prompts=set(suite.prompts.values_list("number", flat=True)))
    if care.flag_above is not None:
        safety_scores(draft.runs)  # refused here rather than when the study opens
    return care


def _copied(name: str, study: Study, before: Mapping[str, object]) -> Copied:
    """In what `study` differs from the one called `name`; of one that is gone, as it was said `before`."""
    known = Copied.of(before)
    if known is not None and known.study == name and not Study.objects.filter(name=name).exists():
        return known
    original = study_by_name(name)
    return Copied(original.name, original.specification_hash, differences(original.specification, study.specification))


def _rule(draft: StudyDraft, settings: StudySettings, sets: ImageSets) -> StoppingRule | None:
    """The stopping rule that was asked for, or the protocol's; it takes the size of the panels."""
    rule, declared = draft.stopping_rule, settings.protocol.stopping
    if rule is None and declared is not None:
        rule = {name: value for name, value in asdict(declared).items() if name != "method"}
    if rule is None:
        return None
    sizes = [panel_size(shape) for shape, _ in settings.panels(sets, n_generators=len(draft.runs)).values()]
    return checked_rule(rule, places=sum(size.places for size in sizes), panels=len(sizes))


def _with_material(draft: StudyDraft, settings: StudySettings, suite: Suite) -> StudySettings:
    """The settings with the claims that are asked, and with or without control trials."""
    protocol = settings.protocol
    asks_claims = any(isinstance(each.answers, Claim) for each in protocol.questions)
    if draft.claims is not None and not asks_claims:
        raise InputError(f"The protocol {protocol.name} asks about no claims. Leave the file out.", field="claims")
    if asks_claims:
        prompts = [
            PromptData(number, text, category, attributes)
            for number, text, category, attributes in suite.prompts.order_by("number").values_list(
                "number", "text", "category", "attributes"
            )
        ]
        found = suite_claims(prompts, draft.claims)
        claims = {number: tuple(each.text for each in claims) for number, claims in found.claims.items()}
        source = text_in(draft.claims_source, "claims", "the name of the file", most=limits.FILE_NAME)
        source = source if draft.claims is not None else ATTRIBUTES
        settings = replace(settings, claims=claims, claims_source=source)
    brought = protocol.controls is not None and protocol.controls.kind == "known"
    if draft.without_controls and protocol.controls is None:
        raise InputError(f"The protocol {protocol.name} has no control trials to leave out.", field="without_controls")
    settings = replace(settings, controls_left_out=draft.without_controls)
    own_file = bool(draft.controls) and (draft.without_controls or not brought)
    added = plan_asked(draft.added_controls, settings.study_protocol, file=own_file)
    if own_file and (added is None or not added.counts.gold):
        why = "this study leaves them out" if draft.without_controls else f"{protocol.name} does not ask for them"
        raise InputError(
            f"A file of control trials was given, but {why}. Leave it out, or say how many gold trials a session has.",
            field="controls",
        )
    if brought and not draft.without_controls and not draft.controls:
        assert protocol.controls is not None
        raise InputError(
            f"The protocol {protocol.name} has {protocol.controls.trials} control trials in each session, whose right "
            "answers the study brings. Give a file of them, or hold the study without, which its report will say.",
            field="controls",
        )
    return replace(settings, added=added)


def _known(
    draft: StudyDraft, protocol: protocols.Protocol, labels: Sequence[str], sets: ImageSets
) -> tuple[KnownControl, ...]:
    known = known_controls(
        draft.controls,
        protocol=protocol,
        labels=[*labels, *([REFERENCE] if draft.reference else [])],
        prompts={prompt.prompt_id: prompt.text for prompt in sets.prompts},
    )
    if protocol.controls is not None and protocol.controls.kind == "known":
        panels = {prompt.prompt_id: panel_of(prompt.category, protocol) for prompt in sets.prompts}
        given = Counter(panels[each.prompt_id] for each in known)
        for panel in dict.fromkeys(panels.values()):
            refuse_too_few(given[panel], protocol.controls.trials, panel)
    else:
        refuse_unscorable(known, protocol)
    return known


def _admission(draft: StudyDraft, protocol: protocols.Protocol, labels: Sequence[str], sets: ImageSets) -> Admission:
    items = known_controls(
        draft.qualification,
        protocol=protocol,
        labels=[*labels, *([REFERENCE] if draft.reference else [])],
        prompts={prompt.prompt_id: prompt.text for prompt in sets.prompts},
        field="qualification",
    )
    asked = {each.name: getattr(draft, each.name) for each in fields(AdmissionAsked)}
    return admission(AdmissionAsked(**asked), items, protocol, own=draft.name)


def _primary(draft: StudyDraft, labels: Sequence[str], protocol: protocols.Protocol) -> Primary | None:
    """What the study sets out to show; None where no question asks for a preference between two sets."""
    asked = [each.id for each in protocol.questions if isinstance(each.answers, Choice) and each.answers.preference]
    if not asked:
        if draft.primary_pairs or draft.primary_questions:
            raise InputError(
                f"No question of the protocol {protocol.name} asks for a preference between two sets, so there are no "
                "primary pairs and questions to declare.",
                field="primary_pairs" if draft.primary_pairs else "primary_questions",
            )
        return None
    beside = protocol.shown.reference == "beside"
    return primary(
        pairs=draft.primary_pairs,
        questions=draft.primary_questions,
        estimand=draft.estimand,
        meeting=[(each, REFERENCE) for each in labels] if beside else list(combinations(labels, 2)),
        asked=asked,
    )


def _declared(protocol: str | protocols.Protocol) -> protocols.Protocol:
    """The protocol asked for. Raises InputError for an unknown name, or one of ours given to another protocol."""
    if isinstance(protocol, str):
        protocol = protocol_named(protocol)
    if protocol.name in protocols.names() and protocol != protocols.get(protocol.name):
        raise InputError(
            f'The name "{protocol.name}" belongs to a protocol that comes with the program, and yours differs from it. '
            "Give yours another name.",
            field="protocol",
        )
    return protocol


def _settings(draft: StudyDraft, declared: protocols.Protocol) -> StudySettings:
    """What was asked for with the protocol's defaults, checked; the stopping rule takes the sets as well."""
    size = default_set_size(draft.runs, declared.set_size) if draft.samples_per_set is None else draft.samples_per_set
    raters = declared.raters_per_panel if draft.raters_per_panel is None else draft.raters_per_panel
    check_range("raters_per_panel", "Raters per category", raters, 1, protocols.MOST_RATERS)
    check_range("design_seed", "The design seed", draft.design_seed, 0, 2**63 - 1)
    if draft.display_side is not None:
        check_range("display_side", "The longest side of displayed images", draft.display_side, 16, 2048)
    return StudySettings(
        protocol=declared,
        set_size=size,
        raters_per_panel=raters,
        missing=missing_rule(draft.missing),
        display_side=draft.display_side,
        consent=text_in(draft.consent, "consent", "the consent text", most=limits.CONSENT, lines=True)
        or consent_text(declared),
        contact=text_in(draft.contact, "contact", "the contact", most=limits.CONTACT),
        masks=masks_read(draft.masks),
        viewing=viewing_read(draft.surround, draft.smallest_width, draft.prompts_language),
        people=crowd_settings(draft.crowd, draft.about, draft.refusals, contact=draft.contact.strip()),
        signs=sign_rules(draft.signs_exclude),
        hide_rates=draft.hide_rates,
    )
