"""Uploads by key, and what the table of one comes to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from common.words import counted, prompt_name
from evaluation.errors import NotFoundError
from evaluation.models import Prompt, Suite, Upload

NAMED = 10


@dataclass(frozen=True, slots=True)
class UploadProblem:
    """A file that is left out, and why."""

    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class UploadQuestion:
    """What the names leave open. `option`: the key of `options` that answers it with one of `choices`."""

    option: str
    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """What an upload's table comes to, to be confirmed.

    `n_files`: image files. `matched`: those that show a prompt and are sound. `samples`: images a prompt should have.
    `missing`: prompt id -> the samples that it lacks, from 0. `problems`: files left out; of them `duplicates` because
    two stand for one place, and `unmatched` because no prompt was found. `ignored`: files that are no images, with the
    reason. `left_out`: files that people left out. `sizes`: "256x256" -> how many. `notes`: how names were read, and
    what catches the eye.
    """

    n_files: int = 0
    matched: int = 0
    samples: int = 0
    missing: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    problems: tuple[UploadProblem, ...] = ()
    duplicates: int = 0
    unmatched: int = 0
    ignored: tuple[UploadProblem, ...] = ()
    questions: tuple[UploadQuestion, ...] = ()
    left_out: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def n_missing(self) -> int:
        """Samples that are missing, of all prompts."""
        return sum(len(samples) for samples in self.missing.values())

    @property
    def complete(self) -> bool:
        """Whether it can be confirmed without leaving anything out."""
        return bool(self.matched) and not (self.problems or self.missing or self.questions)


def upload_by_key(key: str | uuid.UUID) -> Upload:
    """The upload with this key.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return Upload.objects.select_related("suite", "run").get(key=uuid.UUID(str(key)))
    except (ValueError, Upload.DoesNotExist):
        raise NotFoundError(f"Unknown upload {key}. It may have been discarded; upload the images again.") from None


def upload_summary(upload: Upload) -> UploadSummary:
    """What the table of `upload` comes to, as `upload_match` found it. No query; all zero until it was checked."""
    found = upload.summary
    if not found:
        return UploadSummary()
    return UploadSummary(
        n_files=len(upload.table),
        matched=found["matched"],
        samples=found["samples"],
        missing={prompt_id: tuple(samples) for prompt_id, samples in found["missing"].items()},
        problems=tuple(UploadProblem(row["file"], row["problem"]) for row in upload.table if row["problem"]),
        duplicates=found["duplicates"],
        unmatched=found["unmatched"],
        ignored=tuple(UploadProblem(name, why) for name, why in found["ignored"]),
        questions=tuple(
            UploadQuestion(question["option"], question["text"], tuple(question["choices"]))
            for question in found["questions"]
        ),
        left_out=tuple(found.get("left_out", ())),
        sizes=found["sizes"],
        notes=tuple(found["notes"]),
    )


def prompt_texts(suite: Suite, prompt_ids: Iterable[str]) -> dict[str, str]:
    """Prompt id -> text, of the prompts that are named."""
    numbers = {int(prompt_id) for prompt_id in prompt_ids}
    found = Prompt.objects.filter(suite=suite, number__in=numbers).values_list("number", "text")
    return {prompt_name(number): text for number, text in found}


def problems_in_words(summary: UploadSummary) -> str:
    """The first problems, a line each."""
    lines = [f"  {row.file}: {row.problem}" for row in summary.problems[:NAMED]]
    more = len(summary.problems) - NAMED
    return "\n".join(lines + ([f"  and {more:,} more"] if more > 0 else []))


def missing_in_words(summary: UploadSummary) -> str:
    """How many samples of how many prompts are missing, and the first of them."""
    named = [
        f"{prompt_id} (all {summary.samples})"
        if len(samples) == summary.samples
        else f"{prompt_id} (samples {', '.join(map(str, samples[:8]))}{' ...' if len(samples) > 8 else ''})"
        for prompt_id, samples in list(summary.missing.items())[:NAMED]
    ]
    more = len(summary.missing) - NAMED
    return (
        f"{counted(summary.n_missing, 'sample')} of {counted(len(summary.missing), 'prompt')} "
        f"{'is' if summary.n_missing == 1 else 'are'} missing: {', '.join(named)}"
        + (f" and {counted(more, 'more prompt')}" if more > 0 else "")
    )
