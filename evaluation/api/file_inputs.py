"""What the API takes of files: sent with a form, or in parts before it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from common import limits
from evaluation.api.fields import Choice, FileKey, Input, Mapped, Query, SentFile, Whole, Words
from evaluation.api.inputs import RUN_NAME_WORDS, SLUG, SLUG_WORDS, longest
from evaluation.declared import SELECTIONS
from evaluation.models import IncomingFile, Suite
from evaluation.services.runs.request import MAX_NAME_CHARACTERS, RUN_NAME
from evaluation.services.suites.load import PUBLISHED
from evaluation.suites import BUNDLED, FORMATS

SHA256 = r"[0-9a-f]{64}"
SHA256_WORDS = "Give 64 hexadecimal digits in lower case."


class SuiteAboutInput(Input):
    """What a suite may be called."""

    name = Words(required=False, max_length=longest(Suite, "name"), pattern=SLUG, pattern_words=SLUG_WORDS)
    title = Words(required=False, allow_blank=True, max_length=longest(Suite, "title"))
    licence = Words(required=False, allow_blank=True, max_length=longest(Suite, "licence"))


class SuiteKnownInput(SuiteAboutInput):
    """A suite by its name."""

    known = Words(help_text=f"{', '.join(BUNDLED)} (included) or {PUBLISHED} (downloaded)")


class SuiteFileInput(SuiteAboutInput):
    """A suite from a file."""

    file = SentFile(help_text="CSV, TSV, JSONL, COCO captions (JSON), xlsx, Parquet, or plain text; at most 8 MiB")
    source_format = Choice(FORMATS, required=False, help_text="If left out: found from the file")


class SuiteKeyInput(SuiteAboutInput):
    """A suite from a file that was sent in parts."""

    file_key = FileKey(help_text="Of a file sent in parts: CSV, TSV, JSONL, COCO captions (JSON), xlsx, Parquet, text")
    source_format = Choice(FORMATS, required=False, help_text="If left out: found from the file")


class SuiteInput(SuiteAboutInput):
    """A suite by its name or from a file, sent with this or before: the description tells them apart."""

    known = Words(required=False)
    file = SentFile(required=False)
    file_key = FileKey(required=False)
    source_format = Choice(FORMATS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the three."""
        if [bool(attrs.get(name)) for name in ("known", "file", "file_key")].count(True) != 1:
            raise serializers.ValidationError("Give one of `known`, `file` and `file_key`.")
        if "known" in attrs and "source_format" in attrs:
            raise serializers.ValidationError(
                {"source_format": "Only a file has a format. Leave it out, or send a file."}
            )
        return attrs


class UploadAboutInput(Input):
    """What an upload is to become."""

    suite = Words(help_text="Name, or name@version")
    run_name = Words(max_length=MAX_NAME_CHARACTERS, pattern=RUN_NAME, pattern_words=RUN_NAME_WORDS)
    generator = Words(
        max_length=limits.GENERATOR,
        help_text="Name of the generator that made the images, as used in reports",
    )
    version = Words(required=False, allow_blank=True, max_length=limits.GENERATOR, help_text="Of the generator")
    licence = Words(required=False, allow_blank=True, max_length=limits.LICENCE, help_text="Of the images")
    seeds = Words(required=False, allow_blank=True, max_length=limits.REFERENCE, help_text="As far as known")
    selection = Choice(
        tuple(SELECTIONS),
        required=False,
        help_text="How samples were chosen, a declaration that reports print; left out: unknown",
    )
    parameters = Mapped(required=False, help_text="Of the generator, name and value; with a JSON body")


class UploadFileInput(UploadAboutInput):
    """A zip of images that is to become a run."""

    file = SentFile(help_text="A zip of at most 8 MiB")


class UploadKeyInput(UploadAboutInput):
    """The same, of a zip that was sent in parts."""

    file_key = FileKey(help_text="Of a zip that was sent in parts (`files/`)")


class UploadInput(UploadAboutInput):
    """A zip, sent with this (`UploadFileInput`) or before (`UploadKeyInput`): the description tells them apart."""

    file = SentFile(required=False)
    file_key = FileKey(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two."""
        if bool(attrs.get("file")) == bool(attrs.get("file_key")):
            raise serializers.ValidationError("Give either `file` or `file_key`.")
        return attrs


class IncomingFileInput(Input):
    """A file that is to come in parts."""

    file_name = Words(max_length=longest(IncomingFile, "file_name"))
    n_bytes = Whole(min_value=1, max_value=settings.UPLOAD_MAX_BYTES, help_text="Size of the whole file")
    sha256 = Words(
        required=False,
        pattern=SHA256,
        pattern_words=SHA256_WORDS,
        help_text="Of the whole file; if given, it is checked when the file is used",
    )


class PartQuery(Query):
    """Where a part belongs."""

    offset = Whole(help_text="Where in the file the part begins, in bytes")
    sha256 = Words(
        required=False,
        pattern=SHA256,
        pattern_words=SHA256_WORDS,
        help_text="Of the part; if given, a part that came in otherwise is refused",
    )
