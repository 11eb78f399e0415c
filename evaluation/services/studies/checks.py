"""What a draft of a study must keep, each check with the words in which it is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

from common import limits
from common.numbers import shown
from common.text import look
from common.words import counted
from evaluation import protocols
from evaluation.errors import ConflictError, InputError
from evaluation.intake import text_in
from evaluation.models import GenerationRun, ImportedVotes, RunStatus, Study
from evaluation.protocols.rows import REFERENCE
from evaluation.services.runs.request import more_images

MOST_RUNS = 20
TAKEN = ("new",)
"""Names that addresses of ours have."""


def check_name(name: str, study: Study) -> None:
    """Raise InputError unless `name` can be that of `study`, and no other study has it."""
    try:
        validate_slug(name)
    except ValidationError:
        raise InputError(
            f'"{name[:60]}" can\'t be the name of a study. Use letters, digits, - and _, without spaces.',
            field="name",
        ) from None
    if name in TAKEN:
        raise InputError(f'"{name}" can\'t be the name of a study: an address of ours has it.', field="name")
    if len(name) > limits.STUDY_NAME:
        raise InputError(
            f"The name has {len(name)} characters; at most {limits.STUDY_NAME} are allowed. Choose a shorter one.",
            field="name",
        )
    if Study.objects.filter(name=name).exclude(pk=study.pk).exists():
        raise ConflictError(f'A study called "{name}" already exists. Choose another name.', field="name")
    if ImportedVotes.objects.filter(name=name).exists():
        raise ConflictError(f'Imported votes are called "{name}" already. Choose another name.', field="name")


def check_runs(runs: Sequence[GenerationRun], protocol: protocols.Protocol, reference: GenerationRun | None) -> None:
    """Raise InputError unless a study under `protocol` can be held of `runs` and the run of reference photographs."""
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


def checked_labels(
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


def check_range(field: str, what: str, value: float, least: float, most: float) -> None:
    """Raise InputError unless `value` lies between `least` and `most`."""
    if not least <= value <= most:
        raise InputError(f"{what} must be between {least} and {most}; got {shown(value)}.", field=field)
