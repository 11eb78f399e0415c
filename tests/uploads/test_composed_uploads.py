"""Sets composed from known truth, as real files in every kind of archive: stored right, asked about, or named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from common.hashes import bytes_sha256
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Sample
from evaluation.services.suites.load import suite_load
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.receive import upload_receive
from tests.filenames.composed import Composed, composed
from tests.uploads.conftest import image_bytes
from tests.uploads.test_forms import place, tar_of, zip_of

SETS = 8

FORMATS = {"jpg": "JPEG", "webp": "WEBP"}


def small_sets(number: int) -> list[int]:
    """Seeds of sets whose files no archive refuses, and whose prompts differ."""
    found = []
    for seed in range(10_000):
        made = composed(seed)
        lower = {name.casefold() for name in made.all_names}
        texts = {prompt.text.casefold() for prompt in made.prompts}
        if len(made.names) <= 24 and len(lower) == len(made.all_names) and len(texts) == len(made.prompts):
            found.append(seed)
        if len(found) == number:
            return found
    raise AssertionError(found)


def packed(files: dict[str, bytes], rng: random.Random) -> tuple[str, bytes | dict[str, bytes]]:
    forms: list[tuple[str, bytes | dict[str, bytes]]] = [
        ("x.zip", zip_of(files)),
        ("x.tar", tar_of(files)),
        ("x.tar.gz", tar_of(files, "w:gz")),
        ("x", files),
        ("x.zip", zip_of({"a.zip": zip_of(files)})),
        ("x.tar", tar_of({"b.tar": tar_of(files)})),
    ]
    return rng.choice(forms)


def real(made: Composed) -> tuple[dict[str, bytes], dict[str, int | None]]:
    """The files, and the prompt of each image by its hash."""
    files: dict[str, bytes] = {name: text.encode() for name, text in made.texts.items()}
    truth: dict[str, int | None] = {}
    for at, (name, prompt) in enumerate(made.names.items()):
        files[name] = image_bytes(at, FORMATS.get(name.rpartition(".")[2].lower(), "PNG"), side=16)
        truth[bytes_sha256(files[name])] = prompt
    return {name.removeprefix("./"): data for name, data in files.items()}, truth


@pytest.mark.django_db
def test_what_is_stored_is_right(tmp_path: Path) -> None:
    for seed in small_sets(SETS):
        made, rng = composed(seed), random.Random(seed)
        source = "prompt\n" + "\n".join('"' + prompt.text.replace('"', '""') + '"' for prompt in made.prompts)
        suite = suite_load(source=source.encode(), name=f"composed-{seed}").suite
        files, truth = real(made)
        folder = tmp_path / str(seed)
        folder.mkdir()
        upload = upload_receive(
            suite=suite, run_name=f"mine {seed}", generator="theirs", source=place(packed(files, rng), folder)
        )
        assert upload_check(upload=upload)
        assert len(upload.table) >= len(made.names), "every image is in the table"
        options: dict[str, object] = {"ignore_problems": True, "allow_missing": True}
        for _ in range(4):
            try:
                upload_confirm(upload=upload, options=options)
                break
            except InputError as error:
                if error.field not in made.answers or error.field in options:
                    break  # asked what nobody here knows, or nothing of it is to be placed: nothing is stored
                options[error.field] = made.answers[error.field]
        for sample in Sample.objects.filter(run__suite=suite).select_related("original", "prompt"):
            assert sample.original is not None and truth[sample.original.sha256] == sample.prompt.number, made.how
    assert GenerationRun.objects.count() > SETS / 2
