"""Suites by name and version."""

from __future__ import annotations

import re

from common.words import nearest
from evaluation.errors import InputError, NotFoundError
from evaluation.models import Suite

NAMES_LISTED = 10


def suite_by_name(name: str) -> Suite:
    """The suite called `name`, or that version of it which `name@12345678` says (four digits of its hash or more).

    Raises:
        NotFoundError: no such suite, or no such version of it.
        InputError: several versions fit: a version must be said.
    """
    bare, at, version = name.strip().partition("@")
    versions = list(Suite.objects.filter(name=bare))
    if not versions:
        raise NotFoundError(_unknown(bare), field="suite")
    if at and not re.fullmatch(r"[0-9a-fA-F]{4,64}", version):
        raise InputError(
            f'"{name}" has no valid version after the @. Give four or more digits of the suite\'s hash. '
            f"Versions of {bare}: {_listed(versions)}.",
            field="suite",
        )
    fitting = [suite for suite in versions if suite.version_hash.startswith(version.lower())]
    if not fitting:
        raise NotFoundError(f"Suite {bare} has no version {version}. Its versions: {_listed(versions)}.", field="suite")
    if len(fitting) > 1:
        raise InputError(
            f"The suite {bare} has {len(fitting)} versions. Choose one: {_listed(fitting)}.",
            field="suite",
        )
    return fitting[0]


def _listed(suites: list[Suite]) -> str:
    shown = ", ".join(str(suite) for suite in suites[:NAMES_LISTED])
    return shown + (f" and {len(suites) - NAMES_LISTED} more" if len(suites) > NAMES_LISTED else "")


def _unknown(name: str) -> str:
    known = list(Suite.objects.order_by("name").values_list("name", flat=True).distinct())
    if not known:
        return f'Unknown suite "{name}": no suites are loaded yet. Load one: manage.py load_suite drawbench-cc0'
    listing = ", ".join(known[:NAMES_LISTED]) + (" ..." if len(known) > NAMES_LISTED else "")
    hint = nearest(name, known) or "."
    return f'Unknown suite "{name}"{hint} Suites: {listing}. Load another with manage.py load_suite.'
