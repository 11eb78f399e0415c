"""Which prompts a study can show, with how many samples of each run: the same look at the samples for a draft and at
its opening."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from common.words import counted, nearest, prompt_name
from evaluation.design import choose_samples, rng_for
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Prompt, Sample, Suite

MissingRule = Literal["refuse", "drop-prompts", "smaller-sets"]
"""What is done with a prompt of which a run has too few samples: the study is refused; the prompt is left out; or its
sets are smaller, on both sides alike."""

LARGEST_SET = 16
PROMPTS_NAMED = 8


@dataclass(frozen=True, slots=True)
class ImageSets:
    """What is shown. `prompts`: in the suite's order. `sizes`: samples a set, by the prompt's number.

    `available`: by (run, prompt) primary keys, the indices of the samples that there are. `dropped`, `smaller`: the
    prompts (numbers) that the missing rule left out or showed fewer samples of.
    """

    prompts: tuple[Prompt, ...]
    sizes: Mapping[int, int]
    available: Mapping[tuple[int, int], Sequence[int]]
    dropped: tuple[int, ...]
    smaller: tuple[int, ...]

    def chosen(self, run: GenerationRun, prompt: Prompt, *, seed: int) -> list[int]:
        """The samples of `run` that the set of `prompt` shows, in the order shown. By the run's name, not its place in
        the study, so that a study of more runs shows the same ones."""
        there = self.available[run.pk, prompt.pk]
        return choose_samples(
            there,
            min(self.sizes[prompt.number], len(there)),  # of a photograph that guides there is one
            rng_for(seed, "samples", run.name, prompt.number),
        )


def missing_rule(name: str) -> MissingRule:
    """`name` as a rule. Raises InputError, with the nearest, if it is none."""
    for rule in get_args(MissingRule):
        if name == rule:
            return rule
    rules = get_args(MissingRule)
    raise InputError(
        f'Unknown rule "{name}" for missing samples{nearest(name, rules) or "."} Rules: {", ".join(rules)}.',
        field="missing",
    )


def default_set_size(runs: Sequence[GenerationRun], protocol_size: int) -> int:
    """The protocol's size, or what the runs have if that is less."""
    return min(protocol_size, *(run.samples_per_prompt for run in runs))


def image_sets(
    *,
    suite: Suite,
    runs: Sequence[GenerationRun],
    size: int,
    missing: MissingRule,
    reference: GenerationRun | None = None,
    silent: Collection[int] = (),
) -> ImageSets:
    """The sets of `size` samples that `runs` can show for the prompts of `suite`. Two queries.

    Args:
        reference: a run of reference photographs, of which each prompt needs one.
        silent: numbers of prompts of which the protocol has nothing to ask; they are lacking too.

    Raises:
        InputError: something is missing and the rule is to refuse (the message names the prompts and how many), or no
            prompt is left.
    """
    if not 1 <= size <= LARGEST_SET:
        raise InputError(f"Images per set must be between 1 and {LARGEST_SET}; got {size}.", field="samples_per_set")
    available: dict[tuple[int, int], list[int]] = {}
    everything = [*runs, *([reference] if reference else [])]
    for run, prompt_key, sample in (
        Sample.objects.filter(run__in=everything).order_by("sample").values_list("run", "prompt", "sample")
    ):
        available.setdefault((run, prompt_key), []).append(sample)
    prompts = list(Prompt.objects.filter(suite=suite).order_by("number"))
    least = {p.number: min(len(available.get((run.pk, p.pk), ())) for run in runs) for p in prompts}
    bare = {p.number for p in prompts if reference is not None and not available.get((reference.pk, p.pk))}
    least |= dict.fromkeys((*bare, *silent), 0)
    short = [prompt for prompt in prompts if least[prompt.number] < size]
    if short and missing == "refuse":
        raise InputError(
            _lacking_in_words(runs, short, available, size, total=len(prompts), bare=bare, silent=silent),
            field="missing",
            details={
                "set_size": size,
                "prompts": {p.prompt_id: {r.name: len(available.get((r.pk, p.pk), ())) for r in runs} for p in short},
            },
        )
    gone = {p.number for p in short if missing == "drop-prompts" or least[p.number] == 0}
    kept = tuple(prompt for prompt in prompts if prompt.number not in gone)
    if not kept:
        raise InputError(
            f"Nothing is left to compare: no prompt of {suite} has "
            + (counted(size, "sample") if missing == "drop-prompts" else "a sample")
            + f" from each of {_names(runs)}. Choose finished runs, or fewer images per set.",
            field="runs",
        )
    return ImageSets(
        prompts=kept,
        sizes={prompt.number: min(size, least[prompt.number]) for prompt in kept},
        available=available,
        dropped=tuple(sorted(gone)),
        smaller=tuple(prompt.number for prompt in short if prompt.number not in gone),
    )


def _names(runs: Sequence[GenerationRun]) -> str:
    return ", ".join(run.name for run in runs)


def _lacking_in_words(
    runs: Sequence[GenerationRun],
    short: Sequence[Prompt],
    available: Mapping[tuple[int, int], Sequence[int]],
    size: int,
    *,
    total: int,
    bare: Collection[int],
    silent: Collection[int],
) -> str:
    lines = []
    for what, numbers in (("reference photograph", bare), ("claim to ask about", silent)):
        if numbers:
            named = ", ".join(prompt_name(number) for number in sorted(numbers)[:PROMPTS_NAMED])
            more = f" and {len(numbers) - PROMPTS_NAMED} more" if len(numbers) > PROMPTS_NAMED else ""
            lines.append(f"There is no {what} of {len(numbers)} of {counted(total, 'prompt')}: {named}{more}.")
    for run in runs:
        counts = [(p.prompt_id, len(available.get((run.pk, p.pk), ()))) for p in short]
        lacking = [(name, n) for name, n in counts if n < size]
        if lacking:
            named = ", ".join(f"{name} (has {n} of {size})" for name, n in lacking[:PROMPTS_NAMED])
            more = f" and {len(lacking) - PROMPTS_NAMED} more" if len(lacking) > PROMPTS_NAMED else ""
            lines.append(
                f"The run {run.name} lacks samples for {len(lacking)} of {counted(total, 'prompt')}: {named}{more}."
            )
    lines.append(
        f'Complete the runs, choose fewer images per set, or say what to do: missing "drop-prompts" leaves out '
        f'{len(short)} of {counted(total, "prompt")}; "smaller-sets" shows as many samples as every run has.'
    )
    return " ".join(lines)
