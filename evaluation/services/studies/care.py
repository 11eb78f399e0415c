"""What a study does to be kind to its raters: breaks, a content warning, images that are blurred until uncovered.

Images are flagged by the researcher, in a table of `prompt_id, run, sample` whose last two columns may be empty (all of
them), or by the safety model's score of each image (the metric `open-nsfw`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import limits
from common.numbers import whole_or_none
from common.tables import TableError, plain_heading, read_records, shape_of
from common.words import nearest, prompt_name
from evaluation.errors import InputError
from evaluation.intake import text_in
from evaluation.models import GenerationRun, MetricRun, MetricScore, RunStatus
from evaluation.services.studies.checks import check_range
from evaluation.suites.decode import decode
from evaluation.suites.types import SuiteError

COLUMNS = ("prompt_id", "run", "sample")
HEADINGS = frozenset(map(plain_heading, COLUMNS))
MOST_BYTES = 2**20
SAFETY_METRIC = "open-nsfw"
BREAK_MINUTES = (1, 240)
BREAK_TRIALS = (1, 10_000)

WARNING = (
    "Some images may show nudity, violence or other things that you may not want to see. They are blurred until you "
    "uncover them, and you can skip any of them."
)
"""Where images may be blurred and the researcher says nothing else."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Images to blur. `prompt`: its number. `run`: a label, "" for all. `sample`: its index, None for all."""

    prompt: int
    run: str = ""
    sample: int | None = None

    def covers(self, prompt: int, run: str, sample: int) -> bool:
        """Whether it is about this image."""
        return self.prompt == prompt and self.run in ("", run) and self.sample in (None, sample)

    def row(self) -> dict[str, str]:
        """As a row of the table."""
        sample = "" if self.sample is None else str(self.sample)
        return {"prompt_id": prompt_name(self.prompt), "run": self.run, "sample": sample}


@dataclass(frozen=True, slots=True)
class Care:
    """`flags`: images to blur; `flag_above`: so too those with a score of the safety model above this, None for none.

    `warning`: shown with the consent text, empty for none. `break_minutes`, `break_trials`: after how many a pause is
    offered, None for never.
    """

    flags: tuple[Flag, ...] = ()
    flag_above: float | None = None
    warning: str = ""
    break_minutes: int | None = None
    break_trials: int | None = None

    @property
    def blurs(self) -> bool:
        """Whether any image may be blurred."""
        return bool(self.flags) or self.flag_above is not None

    def to_dict(self) -> dict[str, object]:
        """As a specification has it; what is not asked for is left out."""
        found = {
            "warning": self.warning or None,
            "flagged": [each.row() for each in self.flags] or None,
            "flag_above": self.flag_above,
            "break_minutes": self.break_minutes,
            "break_trials": self.break_trials,
        }
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> Care:
        """What a specification declares."""
        declared = specification.get("care", {})
        flags = tuple(
            Flag(int(each["prompt_id"]), each["run"], None if each["sample"] == "" else int(each["sample"]))
            for each in declared.get("flagged", ())
        )
        return cls(
            flags=flags,
            flag_above=declared.get("flag_above"),
            warning=declared.get("warning", ""),
            break_minutes=declared.get("break_minutes"),
            break_trials=declared.get("break_trials"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CareWanted:
    """As a draft asks for it: see `create.StudyDraft`."""

    flagged: Sequence[Mapping[str, str]]
    flag_above: float | None
    warning: str
    break_minutes: int | None
    break_trials: int | None


def read_flags(data: bytes, source: str) -> tuple[Mapping[str, str], ...]:
    """The rows of a table of `prompt_id, run, sample`; without a heading the columns stand in this order. Nothing but
    blanks has none.

    Raises:
        InputError: it is no such table.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"{source} has more than {MOST_BYTES // 2**20} MiB. Give a shorter table.", field="flagged")
    if not data.strip():
        return ()
    try:
        text = decode(data)
        records = read_records(text, shape_of(text, HEADINGS.__contains__).separator or ",")
    except (SuiteError, TableError) as error:
        raise InputError(f"{source}: {error}", field="flagged") from error
    rows = [(record.line, [cell.strip() for cell in record.cells]) for record in records if any(record.cells)]
    header = list(COLUMNS)
    if rows and whole_or_none(rows[0][1][0]) is None:
        header = rows.pop(0)[1]
    for name in header:
        if name not in COLUMNS:
            raise InputError(
                f'{source}: unknown column "{name[:40]}"{nearest(name, COLUMNS) or "."} Columns: '
                f"{', '.join(COLUMNS)}; without a heading, lines begin with the prompt's number.",
                field="flagged",
            )
    for line, cells in rows:
        if len(cells) > len(header):
            raise InputError(f"{source}, line {line}: a row has at most {', '.join(header)}.", field="flagged")
    return tuple(dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False)) for _, cells in rows)


def flags_written(rows: Sequence[Mapping[str, str]]) -> str:
    """The table of `rows` as people write it, without a heading; `read_flags` reads it back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        cells = [row.get(name, "") for name in COLUMNS]
        while cells and not cells[-1]:
            cells.pop()
        writer.writerow(cells)
    return out.getvalue()


def care_wanted(wanted: CareWanted, *, labels: Collection[str], prompts: Collection[int]) -> Care:
    """What was asked for, checked. `prompts`: the numbers of the suite's.

    Raises:
        InputError: a row names no prompt, run or sample; a number is out of its range.
    """
    flags = tuple(
        _flag(number, row, labels, prompts) for number, row in enumerate(wanted.flagged, start=1) if any(row.values())
    )
    if wanted.flag_above is not None:
        check_range("flag_above", "The score above which images are blurred", wanted.flag_above, 0, 1)
    if wanted.break_minutes is not None:
        check_range("break_minutes", "Minutes before a break", wanted.break_minutes, *BREAK_MINUTES)
    if wanted.break_trials is not None:
        check_range("break_trials", "Comparisons before a break", wanted.break_trials, *BREAK_TRIALS)
    warning = text_in(wanted.warning, "content_warning", "the content warning", most=limits.CONTENT_WARNING, lines=True)
    blurs = bool(flags) or wanted.flag_above is not None
    return Care(
        flags=tuple(dict.fromkeys(flags)),
        flag_above=wanted.flag_above,
        warning=warning or (WARNING if blurs else ""),
        break_minutes=wanted.break_minutes,
        break_trials=wanted.break_trials,
    )


def _flag(number: int, row: Mapping[str, str], labels: Collection[str], prompts: Collection[int]) -> Flag:
    where = f"Flagged row {number}"
    prompt, run, sample = (str(row.get(name, "")).strip() for name in COLUMNS)
    known = whole_or_none(prompt)
    if known is None or known not in prompts:
        raise InputError(f'{where}: the suite has no prompt "{prompt[:40]}". Give its number, as 12.', field="flagged")
    if run and run not in labels:
        hint = nearest(run, labels) or "."
        raise InputError(f'{where}: no run has the label "{run[:60]}"{hint}', field="flagged")
    index = whole_or_none(sample) if sample else None
    if sample and (index is None or not 0 <= index <= limits.COLUMN):
        raise InputError(f'{where}: "{sample[:20]}" is no sample. Samples are counted from 0.', field="flagged")
    return Flag(known, run, index)


def safety_scores(runs: Sequence[GenerationRun]) -> dict[int, float | None]:
    """The safety model's score of every sample of `runs`, by primary key; None of one that it could not read.

    Raises:
        InputError: a run was not scored.
    """
    scored = {
        each.run_id: each
        for each in MetricRun.objects.filter(run__in=runs, metric=SAFETY_METRIC, status=RunStatus.DONE)
    }
    for run in runs:
        if run.pk not in scored:
            raise InputError(
                f"Images are to be blurred by the safety model's scores, and {run.name} has none. Score it first "
                f"(manage.py score {run.name} --metric {SAFETY_METRIC}), or flag its images yourself.",
                field="flag_above",
            )
    rows = MetricScore.objects.filter(metric_run__in=list(scored.values()))
    return dict(rows.values_list("sample", "value"))
