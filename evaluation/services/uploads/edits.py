"""Files put right by hand in the table of an upload: moved to another prompt or sample, or left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from common.numbers import whole_or_none
from common.words import prompt_name
from evaluation.errors import InputError
from evaluation.services.uploads.entries import MAX_FILES, shown_name
from generators.filenames.layout import MAX_SAMPLES, Matches, PromptRef, Row, with_rows

Edits = dict[str, list[Any] | None]
"""File -> [prompt id, sample] where it belongs, None where it is left out. As it is kept in an upload's options."""


def merged_edits(kept: Mapping[str, Any], given: object) -> Edits:
    """The edits with those of `given`: a list of {"file", "prompt", "sample"}, {"file", "leave_out": true}, or
    {"file"} alone, which is read by its name again. `prompt`: its number in the suite, from 0.

    Raises:
        InputError: an entry that is none of those.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MAX_FILES:
        raise InputError("edits must be a list of files with the prompt and sample that each shows.", field="edits")
    edits: Edits = dict(kept)
    for entry in given:
        file = entry.get("file") if isinstance(entry, Mapping) else None
        if not isinstance(file, str) or not set(entry) <= {"file", "prompt", "sample", "leave_out"}:
            raise InputError(
                "Each of edits must have file, and either prompt and sample or leave_out; nothing else.", field="edits"
            )
        if entry.get("leave_out"):
            edits[file] = None
        elif "prompt" in entry or "sample" in entry:
            numbers = [whole_or_none(str(entry.get(name, 0))) for name in ("prompt", "sample")]
            prompt, sample = numbers
            if prompt is None or sample is None or prompt < 0 or not 0 <= sample < MAX_SAMPLES:
                raise InputError(
                    f"{shown_name(file)}: prompt must be a prompt's number in the suite, from 0, and sample a whole "
                    f"number from 0 to {MAX_SAMPLES - 1:,}.",
                    field="edits",
                )
            edits[file] = [prompt_name(prompt), sample]
        else:
            edits.pop(file, None)
    return edits


def check_edits(edits: Edits, files: Collection[str], prompts: Iterable[PromptRef]) -> None:
    """Whether each edit speaks of a file and a prompt that are there.

    Raises:
        InputError: one does not.
    """
    known = {prompt.prompt_id for prompt in prompts}
    for file, place in edits.items():
        if file not in files:
            raise InputError(f"{shown_name(file)} is not among the images of this upload.", field="edits")
        if place is not None and place[0] not in known:
            raise InputError(
                f"{shown_name(file)}: there is no prompt {place[0]} in the suite; its prompts run from "
                f"{min(known, default='none')} to {max(known, default='none')}.",
                field="edits",
            )


def edited(matches: Matches, edits: Edits, prompts: Sequence[PromptRef], samples: int | None) -> Matches:
    """`matches`, which know nothing of the files in `edits`, with those that were moved."""
    rows = [Row(file, place[0], place[1]) for file, place in edits.items() if place is not None]
    return with_rows(matches, rows, prompts, samples) if rows else matches
