"""A draft of a study: what is compared, under which protocol, by how many raters. It takes no ratings yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from common import limits
from common.numbers import shown
from common.text import look
from common.words import counted
from evaluation import protocols
from evaluation.errors import ConflictError, InputError
from evaluation.intake import text_in
from evaluation.models import GenerationRun, ImportedVotes, RunStatus, Study, StudyRun, Suite
from evaluation.protocols.claims import ClaimsByText, suite_claims
from evaluation.protocols.kinds import Choice, Claim
from evaluation.protocols.rows import REFERENCE
from evaluation.protocols.serving import panel_shape, panel_size
from evaluation.selectors.declared import Primary
from evaluation.services.runs.request import more_images
from evaluation.services.studies.known import KnownControl, known_controls
from evaluation.services.studies.mask import masks_read
from evaluation.services.studies.primary import primary
from evaluation.services.studies.sets import ImageSets, default_set_size, image_sets, missing_rule
from evaluation.services.studies.specify import (
    StudySettings,
    consent_text,
    panel_prompts,
    silent_prompts,
    specification,
)
from evaluation.services.studies.stopping_rule import stopping_rule as checked_rule
from evaluation.suites.types import PromptData

MOST_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDraft:
    """What a researcher asks for in a study.

    Attributes:
        name: what it is called in addresses and commands: letters, digits, - and _.
        runs: finished, on the same suite, as many as a trial of the protocol shows or more.
        protocol: the declared protocol's name, or a protocol of the researcher's own.
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


@transaction.atomic
def study_create(draft: StudyDraft, *, created_by: User | None = None) -> Study:
    """Make a draft; `study_open` then draws its comparisons and locks it.

    Raises:
        InputError: with what is wrong and what to do about it; nothing was made.
    """
    declared = _declared(draft.protocol)
    runs = draft.runs
    _check_name(draft.name)
    _check_runs(runs, declared, draft.reference)
    labels = _checked_labels(runs, draft.labels, declared)
    suite = runs[0].suite
    settings = _with_material(draft, _settings(draft, declared), suite)
    study_protocol = settings.study_protocol
    settings = replace(settings, primary=_primary(draft, labels, study_protocol))
    sets = image_sets(
        suite=suite,
        runs=runs,
        size=settings.set_size,
        missing=settings.missing,
        reference=draft.reference,
        silent=silent_prompts(study_protocol, suite, settings.claims),
    )
    settings = replace(settings, known=_known(draft, study_protocol, labels, sets))
    rule = draft.stopping_rule
    if rule is None and declared.stopping is not None:
        rule = {name: value for name, value in asdict(declared.stopping).items() if name != "method"}
    if rule is not None:
        sizes = [
            panel_size(
                panel_shape(study_protocol, n_prompts=n, n_generators=len(runs), raters=settings.raters_per_panel)
            )
            for n in panel_prompts(sets, study_protocol).values()
        ]
        panels, places = len(sizes), sum(size.places for size in sizes)
        settings = replace(settings, stopping_rule=checked_rule(rule, places=places, panels=panels))
    study = Study(
        name=draft.name,
        title=text_in(draft.title, "title", "the title", most=limits.TITLE),
        protocol=declared.name,
        design_seed=draft.design_seed,
        created_by=created_by,
    )
    study.specification = specification(
        study=study,
        suite=suite,
        runs=list(zip(labels, runs, strict=True)),
        reference=draft.reference,
        settings=settings,
        sets=sets,
    )
    study.save()
    StudyRun.objects.bulk_create(
        StudyRun(study=study, run=run, order=order, label=label)
        for order, (run, label) in enumerate(zip(runs, labels, strict=True))
    )
    if draft.reference is not None:
        StudyRun.objects.create(study=study, run=draft.reference, order=len(runs), label=REFERENCE, is_reference=True)
    return study


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
        source = draft.claims_source if draft.claims is not None else "the attributes of the suite's prompts"
        settings = replace(settings, claims=claims, claims_source=source)
    brought = protocol.controls is not None and protocol.controls.kind == "known"
    if draft.without_controls and protocol.controls is None:
        raise InputError(f"The protocol {protocol.name} has no control trials to leave out.", field="without_controls")
    if draft.controls and (draft.without_controls or not brought):
        why = "this study leaves them out" if draft.without_controls else f"{protocol.name} does not ask for them"
        raise InputError(f"A file of control trials was given, but {why}. Leave it out.", field="controls")
    if brought and not draft.without_controls and not draft.controls:
        assert protocol.controls is not None
        raise InputError(
            f"The protocol {protocol.name} has {protocol.controls.trials} control trials in each session, whose right "
            "answers the study brings. Give a file of them, or hold the study without, which its report will say.",
            field="controls",
        )
    return replace(settings, controls_left_out=draft.without_controls)


def _known(
    draft: StudyDraft, protocol: protocols.Protocol, labels: Sequence[str], sets: ImageSets
) -> tuple[KnownControl, ...]:
    return known_controls(
        draft.controls,
        protocol=protocol,
        labels=[*labels, *([REFERENCE] if draft.reference else [])],
        prompts={prompt.prompt_id: prompt.text for prompt in sets.prompts},
    )


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
        try:
            return protocols.get(protocol)
        except protocols.UnknownProtocolError as error:
            raise InputError(str(error), field="protocol") from error
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
    _check_range("raters_per_panel", "Raters per category", raters, 1, protocols.MOST_RATERS)
    _check_range("design_seed", "The design seed", draft.design_seed, 0, 2**63 - 1)
    if draft.display_side is not None:
        _check_range("display_side", "The longest side of displayed images", draft.display_side, 16, 2048)
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
    )


def _check_name(name: str) -> None:
    try:
        validate_slug(name)
    except ValidationError:
        raise InputError(
            f'"{name[:60]}" can\'t be the name of a study. Use letters, digits, - and _, without spaces.',
            field="name",
        ) from None
    if len(name) > limits.STUDY_NAME:
        raise InputError(
            f"The name has {len(name)} characters; at most {limits.STUDY_NAME} are allowed. Choose a shorter one.",
            field="name",
        )
    if Study.objects.filter(name=name).exists():
        raise ConflictError(f'A study called "{name}" already exists. Choose another name.', field="name")
    if ImportedVotes.objects.filter(name=name).exists():
        raise ConflictError(f'Imported votes are called "{name}" already. Choose another name.', field="name")


def _check_runs(runs: Sequence[GenerationRun], protocol: protocols.Protocol, reference: GenerationRun | None) -> None:
    shown = protocol.shown
    least = max(1, shown.sets - (shown.reference == "beside"))
    if len(runs) < least:
        given = f"{len(runs)} {'was' if len(runs) == 1 else 'were'}" if runs else "none were"
        raise InputError(
            f"A study under {protocol.name} compares {counted(least, 'run')} or more; {given} given. Choose "
            "more of the same suite.",
            field="runs",
        )
    if len(runs) > MOST_RUNS:
        raise InputError(
            f"A study compares at most {MOST_RUNS} runs; {len(runs)} were given. Choose fewer.", field="runs"
        )
    if shown.reference != "none" and reference is None:
        raise InputError(
            f"The protocol {protocol.name} shows reference photographs. Upload them as a run of the same suite, and "
            "choose that run as the reference.",
            field="reference",
        )
    if shown.reference == "none" and reference is not None:
        raise InputError(
            f"The protocol {protocol.name} shows no reference photographs. Leave the reference out.", field="reference"
        )
    runs = [*runs, *([reference] if reference else [])]
    twice = [name for name, n in Counter(run.name for run in runs).items() if n > 1]
    if twice:
        raise InputError(f"The run {twice[0]} was given twice. Choose different runs.", field="runs")
    suites = {run.suite_id: run for run in runs}
    if len(suites) > 1:
        told = "; ".join(f"{run.name} uses {run.suite}" for run in suites.values())
        raise InputError(f"All runs of a study must use the same version of one suite, but {told}.", field="runs")
    unfinished = [run for run in runs if run.status in (RunStatus.QUEUED, RunStatus.RUNNING)]
    if unfinished:
        told = ", ".join(f"{run.name} is {run.status}" for run in unfinished)
        raise InputError(
            f"Not all runs are finished: {told}. Wait until they are (their pages show the progress), or cancel them "
            'and compare the images that exist with missing "drop-prompts".',
            field="runs",
        )
    for run in runs:
        if not run.samples.exists():
            why = f" ({run.message})" if run.message else ""
            raise InputError(
                f"The run {run.name} has no samples: it is {run.status}{why}. {more_images(run)} or choose another.",
                field="runs",
            )


def _checked_labels(
    runs: Sequence[GenerationRun], labels: Sequence[str] | None, protocol: protocols.Protocol
) -> list[str]:
    """One label a run. Raises InputError if there are too few or many, or any is empty, too long or there twice."""
    given = labels if labels is not None else [run.name for run in runs]
    chosen = [text_in(label, "labels", f'the label "{label[:30]}"', most=limits.LABEL) for label in given]
    if len(chosen) != len(runs):
        raise InputError(
            f"Give one label per run: {len(runs)} runs, but {counted(len(chosen), 'label')}.", field="labels"
        )
    for label in chosen:
        if not look(label):
            raise InputError("A label is empty. Give each run a label for the results.", field="labels")
        if protocol.shown.reference != "none" and look(label).casefold() == REFERENCE:
            raise InputError(
                f'The label "{label}" stands for the reference photographs here. Give the run another.', field="labels"
            )
    twice = [label for label, n in Counter(look(label).casefold() for label in chosen).items() if n > 1]
    if twice:
        raise InputError(f'Two runs have the label "{twice[0]}". Give each run a different label.', field="labels")
    return chosen


def _check_range(field: str, what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{what} must be between {least} and {most}; got {shown(value)}.", field=field)
