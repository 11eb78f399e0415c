"""The table of an upload: which file shows which prompt, what is missing, and what is wrong, to be confirmed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast, get_args

from django.db import transaction

from common.words import counted, nearest, prompt_name
from evaluation.declared import DECLARED
from evaluation.errors import ConflictError, InputError
from evaluation.models import Prompt, Upload
from evaluation.services.uploads.archive import CLOSED
from evaluation.services.uploads.beside import beside_of
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.edits import Edits, check_edits, edited, merged_edits
from evaluation.services.uploads.entries import NAMED
from generators.filenames.captions import ITSELF, Caption
from generators.filenames.filelist import FileEntry
from generators.filenames.layout import (
    MAX_SAMPLES,
    Layout,
    Matches,
    Numbering,
    Order,
    PromptRef,
    Reading,
    Said,
    SampleNumbering,
    caption_choice,
    match_files,
)
from generators.filenames.names import clean_path, why_hidden

CHECKED = "checked.jsonl"
OTHERS = "others.json"
"""In the staging folder: what was found of each file, a line each; and the names of what is no image."""

IGNORED_KEPT = 50

MATCHING: Mapping[str, tuple[str, ...]] = {
    "layout": get_args(Layout),
    "numbering": get_args(Numbering),
    "sample_numbering": get_args(SampleNumbering),
    "captions": ("auto", "use", "ignore"),
    "order": get_args(Order),
}
"""Options that say how names are read, with their values. `samples`: how many images each prompt should have."""

SWITCHES = ("ignore_problems", "allow_missing", "by_content")
"""Options that say what may be left out, and whether a .png that is a JPEG is taken for what it is."""


def upload_match(*, upload: Upload, options: Mapping[str, object] | None = None) -> Upload:
    """Match the checked files of `upload` to its suite's prompts and write its table; nothing is decoded again.

    `options`: `layout`, `numbering`, `sample_numbering`, `samples` (see `generators.filenames.layout.Reading`),
    the `SWITCHES`, and `edits` (`uploads.edits.merged_edits`); those not given stay as they are.

    Raises:
        InputError: an unknown option or value, or a list of files that can't be read.
        ConflictError: the upload is not checked yet, or is over.
    """
    given = checked_options(options or {})
    with transaction.atomic():
        upload = Upload.objects.select_for_update(of=("self",)).select_related("suite").get(pk=upload.pk)
        if upload.status not in (Upload.Status.CHECKING, Upload.Status.READY):
            raise ConflictError(
                f"The upload {upload.run_name} is {upload.get_status_display().lower()}; its files can't be matched."
            )
        chosen = merged_options(upload.options, given)
        files = read_checked(upload)
        matches = _matches(upload, files, chosen)
        upload.options = chosen
        upload.table, upload.summary = _table(upload, files, matches, by_content=bool(chosen.get("by_content")))
        del files, matches  # the table is written as one text, for which there is then room
        upload.save(update_fields=["options", "table", "summary"])
    return upload


def checked_options(options: Mapping[str, object]) -> dict[str, object]:
    """Options as they are stored; empty values are left out.

    Raises:
        InputError: an unknown option or value.
    """
    known = (*MATCHING, "samples", *SWITCHES, "edits")
    chosen: dict[str, object] = {}
    for name, value in options.items():
        if name not in known:
            raise InputError(f'Unknown option "{name}"{nearest(name, known) or "."} Options: {", ".join(known)}.')
        if value is None or value == "":
            continue
        if name == "edits":
            merged_edits({}, value)
            chosen[name] = value
        elif name in SWITCHES:
            chosen[name] = str(value).lower() in ("true", "1", "on", "yes")
        elif name == "samples":
            if not str(value).isdecimal() or not 1 <= int(str(value)) <= MAX_SAMPLES:
                raise InputError(
                    f"samples must be a whole number from 1 to {MAX_SAMPLES:,}; got {value!r}.", field=name
                )
            chosen[name] = int(str(value))
        elif value not in MATCHING[name]:
            raise InputError(f"{name} must be one of {', '.join(MATCHING[name])}; got {value!r}.", field=name)
        else:
            chosen[name] = value
    return chosen


def merged_options(kept: Mapping[str, Any], given: Mapping[str, object]) -> dict[str, Any]:
    """Options with those that `checked_options` let pass; edits are added to those that are there."""
    if "edits" not in given:
        return {**kept, **given}
    return {**kept, **given, "edits": merged_edits(kept.get("edits", {}), given["edits"])}


def read_checked(upload: Upload) -> dict[str, dict[str, Any]]:
    """What was found of each file, by its name. A last line that a kill cut off is left out."""
    found: dict[str, dict[str, Any]] = {}
    path = staging_of(upload) / CHECKED
    if path.exists():
        lines = path.read_bytes().split(b"\n")[:-1]
        for row in json.loads(b"[%b]" % b",".join(lines)):  # at once: all rows then share the texts of their keys
            found[row["file"]] = row
    return found


def _matches(upload: Upload, files: Mapping[str, Mapping[str, Any]], options: Mapping[str, object]) -> Matches:
    prompts = [
        PromptRef(prompt_name(number), text, category)
        for number, text, category in Prompt.objects.filter(suite=upload.suite_id)
        .order_by("number")
        .values_list("number", "text", "category")
    ]
    edits: Edits = cast(Edits, options.get("edits", {}))
    check_edits(edits, files, prompts)
    beside = beside_of(upload)
    captions = {name: Caption(said, ITSELF) for name, row in files.items() if (said := row.get("said"))}
    choice = cast(Literal["auto", "use", "ignore"], options.get("captions", "auto"))
    samples = options.get("samples")
    others = staging_of(upload) / OTHERS
    matches = match_files(
        [*(name for name in files if name not in edits), *(json.loads(others.read_bytes()) if others.exists() else [])],
        prompts,
        Said(
            file_list=_without(beside.entries, edits),
            captions=caption_choice({**captions, **beside.captions}, choice),
            orders=beside.orders,
            images=files,
        ),
        Reading(
            layout=cast(Layout, options.get("layout", "auto")),
            numbering=cast(Numbering, options.get("numbering", "auto")),
            sample_numbering=cast(SampleNumbering, options.get("sample_numbering", "auto")),
            order=cast(Order, options.get("order", "auto")),
            samples=samples if isinstance(samples, int) else None,
        ),
    )
    matches = edited(matches, edits, prompts, samples if isinstance(samples, int) else None)
    return replace(matches, notes=(*beside.notes, *_said(upload, beside.declared), *matches.notes))


def _said(upload: Upload, declared: Mapping[str, object]) -> Iterator[str]:
    """What a list says of all images, for people to compare."""
    maker = str(declared.get("generator", ""))
    if maker and maker.casefold() != upload.generator.casefold():
        yield f"the list beside the images says that {maker} made them, and you that {upload.generator} did"
    taken = [name for name in DECLARED if name in declared and name in upload.declared]
    if same := [name for name in taken if declared[name] == upload.declared[name]]:
        yield f"the list beside the images says their {', '.join(same)}: taken over as declared"
    if other := [name for name in taken if name not in same]:
        yield f"the list beside the images says another {', '.join(other)} than you declared: yours counts"


def _without(entries: tuple[FileEntry, ...] | None, edits: Edits) -> list[FileEntry] | None:
    """The lines of a list but those of files that were put right by hand."""
    if entries is None:
        return None
    gone = {clean_path(file) for file in edits}
    return [
        entry
        for entry in entries
        if not {clean_path(entry.file), clean_path(f"{entry.folder}/{entry.file}").lstrip("/")} & gone
    ]


def _table(
    upload: Upload, files: Mapping[str, Mapping[str, Any]], matches: Matches, *, by_content: bool
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows, and what they come to."""
    rows: list[dict[str, Any]] = []
    have: dict[str, set[int]] = {}
    duplicates = unmatched = 0
    for match in matches.rows:
        found = dict(
            files.get(match.name) or {"file": match.name, "problem": "is in the list, but not among the files"}
        )
        found.pop("said", None)
        if mislabelled := found.pop("mislabelled", ""):
            if by_content:
                found["notes"] = [*found["notes"], TAKEN_BY_CONTENT]
            else:
                found["problem"] = mislabelled
        sound = not found["problem"]
        if match.problem:
            duplicates += match.is_double
            unmatched += not match.is_double
            found["problem"] = f"{found['problem']}; {match.problem}" if found["problem"] else match.problem
        elif match.prompt_id is not None and match.sample is not None and match.sample >= matches.samples:
            unmatched += 1
            found["problem"] = (
                f"is sample {match.sample} of prompt {match.prompt_id}, but the last sample is {matches.samples - 1}"
            )
        elif sound and match.prompt_id is not None and match.sample is not None:
            have.setdefault(match.prompt_id, set()).add(match.sample)
        rows.append({**found, "prompt_id": match.prompt_id, "sample": match.sample})
    wanted = range(matches.samples)
    numbers = Prompt.objects.filter(suite=upload.suite_id).order_by("number").values_list("number", flat=True)
    missing = {
        prompt_name(number): lacking
        for number in numbers
        if (lacking := [sample for sample in wanted if sample not in have.get(prompt_name(number), ())])
    }
    kept = [row for row in rows if not row["problem"]]
    sizes = Counter(f"{row['width']}x{row['height']}" for row in kept)
    return rows, {
        "matched": len(kept),
        "samples": matches.samples,
        "missing": missing,
        "duplicates": duplicates,
        "unmatched": unmatched,
        "ignored": [[name, why] for name, why in matches.ignored[:IGNORED_KEPT]],
        "left_out": [file for file, place in upload.options.get("edits", {}).items() if place is None][:IGNORED_KEPT],
        "questions": [
            {"option": question.option, "text": question.text, "choices": list(question.choices)}
            for question in matches.questions
        ],
        "sizes": dict(sizes.most_common(20)),
        "notes": [*matches.notes, *_remarks(kept, sizes, matches.ignored)],
    }


TAKEN_BY_CONTENT = "taken for what the content is, though the name says another format"


def _remarks(kept: list[dict[str, Any]], sizes: Counter[str], ignored: Sequence[tuple[str, str]]) -> list[str]:
    """What a person should look at before confirming."""
    closed = [name for name, _ in ignored if name.lower().endswith(CLOSED) and not why_hidden(name)]
    remarks = [f"{name} is not opened, and what it holds is not in the run: unpack it" for name in closed[:NAMED]]
    if len(closed) > NAMED:
        remarks.append(f"{len(closed) - NAMED} more archives inside are not opened")
    n_ignored = len(ignored)
    if len(sizes) > 1:
        listing = ", ".join(f"{size} ({n:,})" for size, n in sizes.most_common(5))
        remarks.append(f"the images have {len(sizes)} different sizes: {listing}")
    twins = len(kept) - len({row["sha256"] for row in kept})
    if twins:
        remarks.append(
            f"{counted(twins, 'image')} {'is a copy' if twins == 1 else 'are copies'} of another image of this upload"
        )
    changes = Counter(note for row in kept for note in row.get("notes", ()))
    remarks += [f"{counted(n, 'image')}: {note}" for note, n in changes.most_common(10)]
    if n_ignored:
        remarks.append(
            f"{counted(n_ignored, 'file')} {'is not an image and is' if n_ignored == 1 else 'are not images and are'} "
            "ignored"
        )
    return remarks
