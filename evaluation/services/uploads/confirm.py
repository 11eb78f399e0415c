"""A checked upload becomes a run: all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from common.words import counted, prompt_name
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, Upload
from evaluation.selectors.uploads import UploadSummary, missing_in_words, problems_in_words, upload_summary
from evaluation.services.runs.request import checked_run_name, run_create
from evaluation.services.runs.request import sides as run_sides
from evaluation.services.store.images import (
    ImageFile,
    adopt,
    hold_store,
    image_discard,
    image_keys,
    path_of,
)
from evaluation.services.uploads.check import FILES
from evaluation.services.uploads.drop import clean_staging, row_format, staging_of
from evaluation.services.uploads.match import checked_options, merged_options, upload_match
from evaluation.services.work.locks import claim_upload
from generators.sizes import Size

ROWS_AT_ONCE = 1000
"""Images whose rows are made together: what is in memory of them does not grow with the upload."""


def upload_confirm(*, upload: Upload, options: Mapping[str, object] | None = None) -> GenerationRun:
    """Store the matched images of `upload` as its run; confirmed twice, it gives the same run.

    `options`: as for `upload_match`; `ignore_problems` leaves files with problems out, `allow_missing` takes a run that
    lacks samples.

    Raises:
        InputError: problems, missing samples or an open question that the options do not settle.
        ConflictError: it is not ready, was dropped, or its name was taken meanwhile.
        StoreFullError: no room; the upload stays as it was.
    """
    with claim_upload(upload.pk) as ours:
        if not ours:
            raise ConflictError(f"Another process is working on the upload {upload.run_name}. Try again in a moment.")
        upload = Upload.objects.select_related("suite", "run").get(pk=upload.pk)
        if upload.run is not None:
            return upload.run
        # `storing` with nobody at it: a process that was killed, whose transaction left nothing
        if upload.status not in (Upload.Status.READY, Upload.Status.STORING):
            raise ConflictError(
                f"The upload {upload.run_name} is {upload.get_status_display().lower()}; it can't be confirmed."
            )
        if upload.status == Upload.Status.STORING:
            _set_status(upload, Upload.Status.READY)
        given = checked_options(options or {})
        if merged_options(upload.options, given) != upload.options:
            upload = upload_match(upload=upload, options=given)
        check_confirmable(upload_summary(upload), upload.options)
        checked_run_name(upload.run_name)
        _set_status(upload, Upload.Status.STORING)
        adopted: list[ImageFile] = []
        try:
            run = _store(upload, adopted)
        except BaseException as error:
            image_discard(adopted)
            _set_status(upload, Upload.Status.READY, error.message if isinstance(error, InputError) else "")
            raise
    clean_staging(upload)
    return run


def check_confirmable(summary: UploadSummary, options: Mapping[str, object]) -> None:
    """Whether nothing but a yes is missing.

    Raises:
        InputError: problems, missing samples or an open question that the options do not settle.
    """
    for question in summary.questions:
        raise InputError(
            f"Please choose: {question.text} Set {question.option} to {' or '.join(question.choices)}.",
            field=question.option,
            details={"choices": list(question.choices)},
        )
    if summary.problems and not options.get("ignore_problems"):
        by_content = "" if options.get("by_content") else ", or take a .png that is a JPEG for what it is (by content)"
        raise InputError(
            f"{len(summary.problems):,} of {counted(summary.n_files, 'file')} "
            f"{'has' if len(summary.problems) == 1 else 'have'} problems:\n{problems_in_words(summary)}\n"
            f"Fix them, or leave these files out (ignore problems){by_content}.",
            field="ignore_problems",
            details={"problems": [[row.file, row.problem] for row in summary.problems]},
        )
    if not summary.matched:
        raise InputError(
            "No file matches a prompt of the suite. Check the file names, or choose another suite.", field="source"
        )
    if summary.missing and not options.get("allow_missing"):
        raise InputError(
            f"{missing_in_words(summary)}. Add them, or create the run without them (allow_missing).",
            field="allow_missing",
            details={"missing": {prompt_id: list(samples) for prompt_id, samples in summary.missing.items()}},
        )


@transaction.atomic
def _store(upload: Upload, adopted: list[ImageFile]) -> GenerationRun:
    rows: list[dict[str, Any]] = [row for row in upload.table if not row["problem"]]
    summary = upload_summary(upload)
    sizes = {(row["width"], row["height"]) for row in rows}
    run = run_create(
        suite=upload.suite,
        name=upload.run_name,
        origin=GenerationRun.Origin.UPLOADED,
        generator=upload.generator,
        **run_sides(Size(*next(iter(sizes))) if len(sizes) == 1 else None),
        samples_per_prompt=summary.samples,
        status=RunStatus.DONE,
        parameters=upload.declared.get("parameters", {}),
        declared={name: value for name, value in upload.declared.items() if name != "parameters"},
        provenance={"uploaded_as": upload.file_name, "notes": list(summary.notes)},
        created_by=upload.created_by,
        finished_at=timezone.now(),
    )
    folder = staging_of(upload) / FILES
    hold_store()
    for file in _files(rows):
        adopted.append(file)
        target = path_of(file.sha256, file.image_format)
        if not adopt(folder / target.name, target):
            adopted.pop()
    os.sync()  # once for all files, before the rows that speak of them
    prompts = {
        prompt_name(number): key
        for number, key in Prompt.objects.filter(suite=upload.suite_id).values_list("number", "pk")
    }
    for start in range(0, len(rows), ROWS_AT_ONCE):
        _samples(run, rows[start : start + ROWS_AT_ONCE], prompts)
    Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.DONE, run=run, message="")
    return run


def _samples(run: GenerationRun, rows: list[dict[str, Any]], prompts: Mapping[str, int]) -> None:
    """The rows of some images and their samples, in three queries however many they are."""
    images = image_keys(_files(rows))
    Sample.objects.bulk_create(
        Sample(
            run=run,
            prompt_id=prompts[row["prompt_id"]],
            sample=row["sample"],
            image_id=images[row["sha256"]],
            original_id=images[row["original_sha256"]],
            provenance={"file": row["file"]},
        )
        for row in rows
    )


def _files(rows: list[dict[str, Any]]) -> Iterator[ImageFile]:
    for row in rows:
        yield ImageFile(row["sha256"], row_format(row), row["width"], row["height"], row["n_bytes"])
        if row["original_sha256"] != row["sha256"]:
            yield ImageFile(
                row["original_sha256"], row["original_format"], row["width"], row["height"], row["original_n_bytes"]
            )


def _set_status(upload: Upload, status: str, message: str = "") -> None:
    Upload.objects.filter(pk=upload.pk).update(status=status, message=message)
    upload.status = status
