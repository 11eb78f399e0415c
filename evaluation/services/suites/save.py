"""A suite that was read or made becomes rows: once for each version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from common import limits
from common.text import cleaned
from evaluation.errors import InputError
from evaluation.intake import text_in
from evaluation.models import Prompt, Suite
from evaluation.suites.identity import content_hash, recognise, version_hash
from evaluation.suites.types import SuiteData, SuiteError

MAX_NAME_CHARACTERS = limits.SUITE_NAME


@dataclass(frozen=True, slots=True)
class SuiteLoaded:
    """`created` is False where this very suite was there already. `notes`: what the reader has to say of the file."""

    suite: Suite
    created: bool
    notes: tuple[str, ...] = ()


@transaction.atomic
def suite_store(
    *, data: SuiteData, name: str = "", title: str = "", source: str = "", licence: str = ""
) -> SuiteLoaded:
    """Store `data` with its prompts, or return the suite that has the same prompts, categories and attributes already.

    A name that another text has taken gives a further version of it: `name@hash`. `name`: what people call it, letters,
    digits, - and _; made from the data's own name when empty.

    Raises:
        InputError: a name, title or licence that can't be used.
    """
    known = recognise(data)
    title = text_in(title, "title", "the title", most=limits.TITLE)
    licence = text_in(licence, "licence", "the licence", most=limits.LICENCE)
    name = checked_name(name) if name else slug_of(data.name)
    version = version_hash(data.prompts)
    suite, created = Suite.objects.get_or_create(
        version_hash=version,
        defaults={
            "name": name,
            "title": title or (known.title if known else data.name if data.name != name else ""),
            "content_hash": content_hash(data.prompts),
            "source": cleaned(source, limits.SOURCE),
            "source_format": data.source_format,
            "licence": licence or (known.licence if known else ""),
        },
    )
    if created:
        Prompt.objects.bulk_create(
            [
                Prompt(
                    suite=suite,
                    number=prompt.number,
                    text=prompt.text,
                    category=prompt.category,
                    attributes=dict(prompt.attributes),
                )
                for prompt in data.prompts
            ],
            batch_size=2000,
        )
    return SuiteLoaded(suite, created, data.notes)


def checked_name(name: str) -> str:
    """`name` if a suite can be called so.

    Raises:
        InputError: it can't; a name that can is proposed.
    """
    name = name.strip()
    if len(name) <= MAX_NAME_CHARACTERS and re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    raise InputError(
        f'"{name[:60]}" can\'t be the name of a suite. Use 1 to {MAX_NAME_CHARACTERS} letters without accents, '
        f"digits, - and _, such as {slug_of(name)}.",
        field="name",
    )


def slug_of(text: str) -> str:
    """`text` as a name that can stand in addresses and commands."""
    return slugify(text)[:MAX_NAME_CHARACTERS].strip("-_") or "suite"


@contextmanager
def suite_errors() -> Iterator[None]:
    """The pure readers' error as the one that pages, commands and the API know.

    Raises:
        InputError: in place of `SuiteError`.
    """
    try:
        yield
    except SuiteError as error:
        raise InputError(str(error), field="source") from error
