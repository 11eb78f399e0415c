"""Generation runs asked for, stopped and taken up again. The drawing itself is `runs.draw`'s, in a worker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from common import limits
from common.numbers import shown
from common.parameters import ParameterValue
from common.text import composed
from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, RunStatus, SampleFailure, Suite
from evaluation.selectors.runs import run_missing
from evaluation.services.runs.spending import budget_checked, images_expected_usd
from evaluation.services.work.states import UNFINISHED, announce, locked, pause, stop, take_up
from generators.contract import GeneratorError
from generators.costs import usd
from generators.registry import get_spec
from generators.seeding import MAX_RUN_SEED
from generators.sizes import Size, asked_for, drawn

MAX_SAMPLES_PER_PROMPT = 1_000
MAX_SAMPLES = 2_000_000
MAX_NAME_CHARACTERS = limits.RUN_NAME
RUN_NAME = r"\w[\w .,=+()-]*"
"""What a run can be called."""

NOT_QUEUED = (
    "The task queue does not respond, so no worker has this run yet. Start the services. The next worker that starts "
    "will queue the run, as does manage.py render --resume {name}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDraft:
    """What a researcher asks for in a generation run.

    `parameters`: values or their texts, checked against the generator's own; the rest are its defaults. `size`: width
    and height, None for the generator's own. `samples_per_prompt`: images of each prompt. `run_seed`: with prompt and
    sample it makes every image's seed, so runs with one seed are paired. `name`: made from generator and suite when
    empty. `budget_usd`: US dollars that it may cost, where the generator asks for money; None for any.
    """

    suite: Suite
    generator: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    size: Size | None = None
    samples_per_prompt: int = 1
    run_seed: int = 0
    name: str = ""
    budget_usd: float | None = None


def run_render(
    draft: RunDraft, *, created_by: User | None = None, operator: bool = False, queue: bool = True
) -> GenerationRun:
    """A run as asked for, handed to the workers when the transaction is committed; freezes the suite.

    `operator`: whether who asks runs this machine (a command) and may give parameters that name its files. `queue`:
    False leaves the drawing to the caller. Where the broker does not answer the run stays queued and its `message`
    says so.

    Raises:
        InputError: an unknown generator or parameter, a size, number or name that can't be.
        ConflictError: another run has the name.
    """
    values, side = draft_resolved(draft, operator)
    _check_numbers(draft)
    budget_usd = _checked_budget(draft, values)
    with transaction.atomic():
        run = run_create(
            suite=draft.suite,
            name=checked_run_name(draft.name) if draft.name else _free_name(f"{draft.generator}-{draft.suite.name}"),
            origin=GenerationRun.Origin.RENDERED,
            generator=draft.generator,
            parameters=values,
            **sides(drawn(values, side)),
            samples_per_prompt=draft.samples_per_prompt,
            run_seed=draft.run_seed,
            budget_usd=budget_usd,
            created_by=created_by,
        )
        if queue:
            transaction.on_commit(lambda: _announce(run))
    return run


def run_create(*, suite: Suite, name: str, **fields: object) -> GenerationRun:
    """The row of a run; from then on its suite is frozen. Within the caller's transaction.

    Raises:
        ConflictError: another run has the name.
    """
    Suite.objects.filter(pk=suite.pk, frozen_at=None).update(frozen_at=timezone.now())
    try:
        with transaction.atomic():
            return GenerationRun.objects.create(suite=suite, name=name, **fields)
    except IntegrityError as error:
        if not GenerationRun.objects.filter(name=name).exists():
            raise
        raise ConflictError(name_taken(name), field="name") from error


@transaction.atomic
def run_cancel(*, run: GenerationRun) -> GenerationRun:
    """Stop a run: what is made stays, the rest is made when it is resumed. Workers notice within a batch of images.

    Raises:
        ConflictError: it has ended already.
    """
    run = locked(run)
    if run.status not in (*UNFINISHED, RunStatus.PAUSED):
        raise ConflictError(f"The run {run.name} has ended already: it is {run.get_status_display().lower()}.")
    stop(run)
    return run


@transaction.atomic
def run_pause(*, run: GenerationRun) -> GenerationRun:
    """Leave a run where it is until it is resumed: workers notice within a batch, and go on with others.

    Raises:
        ConflictError: it is not under way.
    """
    run = locked(run)
    if run.status not in UNFINISHED:
        raise ConflictError(
            f"The run {run.name} can't be paused: it is {run.get_status_display().lower()}. Only runs that are queued "
            "or running can be."
        )
    pause(run)
    return run


@transaction.atomic
def run_retry(*, run: GenerationRun, queue: bool = True, budget_usd: object = None) -> GenerationRun:
    """Try again what failed, and make what is still missing. `budget_usd`: as `run_resume`.

    Raises:
        ConflictError: nothing failed and nothing is missing, or the run was uploaded.
    """
    run = locked(run)
    _check_rendered(run)
    marked = SampleFailure.objects.filter(run=run, retrying=False).update(retrying=True)
    if not marked and not run_missing(run):
        raise ConflictError(f"There is nothing to retry in the run {run.name}: no sample failed, and none is missing.")
    return _take_up(run, queue, budget_usd)


@transaction.atomic
def run_resume(*, run: GenerationRun, queue: bool = True, budget_usd: object = None) -> GenerationRun:
    """Go on with a run that was paused or cancelled, failed or lost its worker: what is missing is queued again.

    `budget_usd`: what all of it may cost from now on, in US dollars; None or empty leaves that as it is.

    Harmless while workers are at it: what one of them is drawing is not drawn twice.

    Raises:
        ConflictError: nothing is missing, or the run was uploaded.
    """
    run = locked(run)
    _check_rendered(run)
    if run.status == RunStatus.DONE:
        failed = SampleFailure.objects.filter(run=run).count()
        hint = f" {failed} failed: retry with --retry." if failed else ""
        raise ConflictError(f"The run {run.name} is done; there is nothing to resume.{hint}")
    return _take_up(run, queue, budget_usd)


def checked_run_name(name: str, *, field: str = "name", besides: GenerationRun | None = None) -> str:
    """`name` if a run can be called so: a letter or digit, then letters, digits, blanks and . , = + ( ) _ - at most.

    `field`: what the caller calls it, for errors. `besides`: the run that it is for, where that is there already.

    Raises:
        InputError: it can't.
        ConflictError: another run has it.
    """
    name = composed(name.strip())
    if len(name) > MAX_NAME_CHARACTERS or not re.fullmatch(RUN_NAME, name):
        raise InputError(
            f'"{name[:60]}" can\'t be the name of a run. Begin with a letter or digit; use at most '
            f"{MAX_NAME_CHARACTERS} letters, digits, spaces and . , = + ( ) _ -",
            field=field,
        )
    if GenerationRun.objects.filter(name=name).exclude(pk=besides.pk if besides else 0).exists():
        raise ConflictError(name_taken(name), field=field)
    return name


def name_taken(name: str) -> str:
    """What to say when another run has the name. Only a rendered run that is not finished can be continued."""
    told = f'A run called "{name}" already exists. Choose another name'
    other = GenerationRun.objects.filter(name=name, origin=GenerationRun.Origin.RENDERED).first()
    if other is None or other.status == RunStatus.DONE:
        return f"{told}."
    return f'{told}, or continue it: render --resume "{name}"'


def more_images(run: GenerationRun) -> str:
    """What to do where `run` lacks images, beginning with a verb: its kind decides."""
    if run.origin == GenerationRun.Origin.RENDERED:
        return "Resume or retry it"
    return "Upload its images again, under another name,"


def sides(size: Size | None) -> dict[str, int | None]:
    """The columns of a run's size."""
    return {"width": size.width if size else None, "height": size.height if size else None}


def draft_resolved(draft: RunDraft, operator: bool) -> tuple[dict[str, ParameterValue], int]:
    """All parameters of the drafted run, and the side that its generator's factory is given, 0 where it takes none.

    Raises:
        InputError: an unknown generator or parameter, a value or a size that can't be.
    """
    try:
        spec = get_spec(draft.generator)
    except GeneratorError as error:
        raise InputError(str(error), field="generator") from error
    if spec.needs_operator and not operator:
        raise InputError(
            f"The generator {draft.generator} reads files or addresses of the server. Use it there: manage.py render.",
            field="generator",
        )
    try:
        given, side = asked_for(spec, draft.parameters, draft.size)
    except GeneratorError as error:
        raise InputError(str(error), field="size") from error
    try:
        values = spec.resolve(given, operator=operator)
        drawn(values, side)
    except GeneratorError as error:
        raise InputError(str(error), field="parameters") from error
    return values, side


def _check_numbers(draft: RunDraft) -> None:
    samples = draft.samples_per_prompt
    if not 1 <= samples <= MAX_SAMPLES_PER_PROMPT:
        raise InputError(
            f"Samples per prompt must be between 1 and {MAX_SAMPLES_PER_PROMPT:,}; got {shown(samples)}.",
            field="samples_per_prompt",
        )
    if not 0 <= draft.run_seed <= MAX_RUN_SEED:
        raise InputError(
            f"The run seed must be between 0 and {MAX_RUN_SEED}; got {shown(draft.run_seed)}.", field="run_seed"
        )
    n_prompts = draft.suite.prompts.count()
    if n_prompts * samples > MAX_SAMPLES:
        raise InputError(
            f"{counted(n_prompts, 'prompt')} with {counted(samples, 'sample')} each make more than "
            f"{MAX_SAMPLES:,} images. Use fewer samples, or a part of the suite (manage.py make_suite --from).",
            field="samples_per_prompt",
        )


def _checked_budget(draft: RunDraft, values: Mapping[str, ParameterValue]) -> float | None:
    """The budget, where it is enough for what is expected."""
    budget = budget_checked(draft.budget_usd)
    n_images = draft.suite.prompts.count() * draft.samples_per_prompt
    expected = images_expected_usd(draft.generator, values, n_images)
    if budget is not None and expected is not None and expected > budget:
        raise InputError(
            f"{counted(n_images, 'image')} are expected to cost about {usd(expected)}, which is more than the "
            f"budget of "
            f"{usd(budget)}. Raise the budget, or ask for fewer images.",
            field="budget_usd",
        )
    return budget


def _free_name(stem: str) -> str:
    """`stem`, or with -2, -3 ... the first that no run has."""
    stem = stem[: MAX_NAME_CHARACTERS - 8]
    taken = set(GenerationRun.objects.filter(name__startswith=stem).values_list("name", flat=True))
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name


def _check_rendered(run: GenerationRun) -> None:
    if run.origin == GenerationRun.Origin.SHIPPED:
        raise ConflictError(f"The run {run.name} came whole with DrawBench: there is nothing to draw for it.")
    if run.origin != GenerationRun.Origin.RENDERED:
        raise ConflictError(
            f"The run {run.name} was uploaded, so no images can be rendered for it. Upload it again under another name."
        )


def _take_up(run: GenerationRun, queue: bool, budget_usd: object) -> GenerationRun:
    take_up(run)
    run.budget_usd = budget_checked(budget_usd) or run.budget_usd
    run.save(update_fields=["status", "message", "finished_at", "budget_usd"])
    if queue:
        transaction.on_commit(lambda: _announce(run))
    return run


def _announce(run: GenerationRun) -> None:
    announce(run, "run_begin", not_queued=NOT_QUEUED.format(name=run.name))
