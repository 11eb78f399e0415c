"""Which image file shows which prompt: names in, a table to confirm out. Pure; it opens no file and guesses nothing.

A list of files (`generators.filenames.filelist`) speaks first, then a caption beside the file
(`generators.filenames.captions`), then its name, by one of the declared layouts (`generators.filenames.layouts`). A
prompt's whole text wins before a part of it, and before a number that does not exist. Where names can be read in two
ways, `Matches.questions` says so, the files in doubt stay unmatched, and the caller asks again with the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from generators.filenames.captions import Caption, caption_choice
from generators.filenames.claims import claims_of_names
from generators.filenames.doubts import mark_categories
from generators.filenames.filelist import FileEntry
from generators.filenames.findings import Findings, PromptRef, Question
from generators.filenames.layouts import LAYOUTS, Claim, Layout
from generators.filenames.listed import claims_of_captions, claims_of_list
from generators.filenames.mixtures import mark_mixtures
from generators.filenames.names import Identity, take_apart, why_ignored, why_unsafe
from generators.filenames.orders import Order, numbers_by_order
from generators.filenames.other_tables import PromptOrder
from generators.filenames.settle import Numbering, Row, SampleNumbering, settle_prompts, settle_samples
from generators.filenames.texts import PromptTexts

__all__ = [
    "LAYOUTS",
    "MAX_SAMPLES",
    "Layout",
    "Matches",
    "Numbering",
    "Order",
    "PromptOrder",
    "PromptRef",
    "Question",
    "Row",
    "SampleNumbering",
    "Reading",
    "Said",
    "caption_choice",
    "match_files",
    "with_rows",
]

MAX_SAMPLES = 1_000
"""Images that a prompt can have."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The table to confirm. `rows`: one for each image file, in the order given; `ignored`: (name, why) of the rest.

    `notes`: how the names were read, for people. `missing_prompts`: ids without any image. `samples`: images a prompt
    should have (as asked, else the most that one has). `missing_samples`: prompt id -> the samples that it lacks,
    for prompts that have some.
    """

    rows: tuple[Row, ...]
    ignored: tuple[tuple[str, str], ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    missing_prompts: tuple[str, ...]
    samples: int
    missing_samples: Mapping[str, tuple[int, ...]]

    @property
    def matched(self) -> tuple[Row, ...]:
        """The rows that show a prompt."""
        return tuple(row for row in self.rows if not row.problem)

    @property
    def problems(self) -> tuple[Row, ...]:
        """The rows that are left out, each with its problem."""
        return tuple(row for row in self.rows if row.problem)

    @property
    def complete(self) -> bool:
        """Whether every prompt has every sample, nothing is left out and nothing left open."""
        return not (self.questions or self.problems or self.missing_prompts or self.missing_samples)


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of files beside their names. `file_list`: what lists say; `captions`: name -> what stands beside or
    in that file; of files with either, names are not read. `orders`: lists of prompts that name no image. `images`:
    names of images whatever their endings say.
    """

    file_list: Sequence[FileEntry] | None = None
    captions: Mapping[str, Caption] | None = None
    orders: Sequence[PromptOrder] = ()
    images: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How names are to be read, for callers who know. `order`: whose numbers they have. `samples`: images that each
    prompt should have, None where that is not known.
    """

    layout: Layout = "auto"
    numbering: Numbering = "auto"
    sample_numbering: SampleNumbering = "auto"
    order: Order = "auto"
    samples: int | None = None


def match_files(names: Sequence[str], prompts: Sequence[PromptRef], said: Said, reading: Reading) -> Matches:
    """The prompt and sample that each file shows. `names`: paths as they stand in the archive, with either slash."""
    findings = Findings()
    known = said.captions or {}
    listed = {entry.file for entry in said.file_list or ()} | set(said.images)
    ignored = tuple((name, why) for name in names if name not in listed and (why := why_ignored(name)))
    passed_over = {name for name, _ in ignored}
    files = [take_apart(name) for name in names if name not in passed_over]
    left = [file for file in files if not why_unsafe(file.name)]
    texts = PromptTexts([prompt.text for prompt in prompts])
    claims: list[Claim] = []
    if said.file_list is not None:
        by_list, left = claims_of_list(left, said.file_list, texts, findings)
        claims += by_list
    by_caption, left = claims_of_captions(left, known, texts, findings)
    claims += by_caption
    numbers = None
    if left:
        by_names = claims_of_names(left, prompts, texts, reading.layout, findings)
        numbers = numbers_by_order(by_names, prompts, said.orders, texts, reading.order, findings)
        claims += by_names
    claims += [Claim(file, Identity(), None, problem=why) for file in files if (why := why_unsafe(file.name))]
    positions = settle_prompts(claims, prompts, reading.numbering, findings, numbers)
    mark_categories(claims, positions, prompts)
    mark_mixtures(claims, positions)
    rows = settle_samples(claims, positions, prompts, reading.sample_numbering, findings)
    place = {name: index for index, name in enumerate(names)}
    rows = sorted(_mark_doubles(rows), key=lambda row: place.get(row.name, len(place)))
    return _matches(rows, ignored, findings, prompts, reading.samples)


def with_rows(matches: Matches, more: Sequence[Row], prompts: Sequence[PromptRef], samples: int | None) -> Matches:
    """`matches` with rows that somebody placed by hand; two files for one place are again doubles."""
    rows = sorted(_mark_doubles([*matches.rows, *more]), key=lambda row: row.name)
    findings = Findings(list(matches.notes), list(matches.questions))
    return _matches(rows, matches.ignored, findings, prompts, samples)


def _mark_doubles(rows: Sequence[Row]) -> list[Row]:
    """Two files for one place: both are left out, since nobody said which is meant."""
    holders: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in rows:
        if row.prompt_id is not None and row.sample is not None:
            holders[row.prompt_id, row.sample].append(row.name)
    marked = []
    for row in rows:
        if row.prompt_id is not None and row.sample is not None and len(holders[row.prompt_id, row.sample]) > 1:
            others = [name for name in holders[row.prompt_id, row.sample] if name != row.name] or [row.name]
            problem = f"prompt {row.prompt_id}, sample {row.sample} is also {', '.join(others[:3])}"
            row = Row(row.name, problem=problem, is_double=True)
        marked.append(row)
    return marked


def _matches(
    rows: Sequence[Row],
    ignored: tuple[tuple[str, str], ...],
    findings: Findings,
    prompts: Sequence[PromptRef],
    samples: int | None,
) -> Matches:
    have: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row.prompt_id is not None and row.sample is not None:
            have[row.prompt_id].add(row.sample)
    wanted = samples if samples is not None else max((max(found) + 1 for found in have.values()), default=0)
    short = {}
    for prompt in prompts:
        if prompt.prompt_id in have and (lacking := tuple(sorted(set(range(wanted)) - have[prompt.prompt_id]))):
            short[prompt.prompt_id] = lacking
    return Matches(
        rows=tuple(rows),
        ignored=ignored,
        questions=tuple(findings.questions),
        notes=tuple(findings.notes),
        missing_prompts=tuple(prompt.prompt_id for prompt in prompts if prompt.prompt_id not in have),
        samples=wanted,
        missing_samples=short,
    )
