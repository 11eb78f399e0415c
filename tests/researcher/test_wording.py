"""What all pages of researchers have in common: plurals that fit their numbers, one form for numbers and times."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation.templatetags.humanise import counted, rate, utc
from evaluation.templatetags.scores import figures
from evaluation.views.researcher.study_form import StudyForm
from tests.researcher.walk import whole_pages, world_of_ones
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)

INLINE = re.compile(r"</?(?:strong|em|b|i|span|small|code|a)\b[^>]*>")
SINGULAR = {"is", "was", "has", "less", "minus", "plus", "this", "per cent"}


def words(text: str) -> str:
    """A page's text; a bar where another block begins."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", "|", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " | ", INLINE.sub("", text))))


@pytest.mark.django_db
def test_no_1_and_a_plural_times_say_their_zone_and_numbers_have_a_real_minus(
    signed_in: Client,
    ada: User,
    plugin: None,  # noqa: F811  (the fixture of that name)
    tmp_path: Path,
) -> None:
    world_of_ones(tmp_path, ada)
    odd: set[str] = set()
    for _, path, _, text in whole_pages(signed_in):
        said = words(text)
        plurals = re.findall(r"((?<![\d.,:/×-])\b1 ([a-z]+s)\b)", said)
        odd |= {f"{path}: {found}" for found, noun in plurals if noun not in SINGULAR}
        times = re.findall(r"\d{1,2} [A-Z][a-z]+ \d{4},? \d\d:\d\d(?! UTC)", said)
        odd |= {f"{path}: {each} has no zone" for each in times}
        odd |= {f"{path}: {each} has a hyphen" for each in re.findall(r"(?<![\w.:/-])-\d+\.\d", said)}
        odd |= {f"{path}: a space stands before the per cent sign, not {each}" for each in re.findall(r"\d%", said)}
    assert not odd, "\n".join(sorted(odd))


def test_numbers_with_their_nouns() -> None:
    assert [counted(n, "image") for n in (0, 1, 2, 1200)] == ["0 images", "1 image", "2 images", "1,200 images"]
    assert counted(1, "study,studies") == "1 study" and counted(2, "study,studies") == "2 studies"


def test_three_figures() -> None:
    assert [figures(n) for n in (0.29374, 12.345, 1234.5, -0.02134)] == ["0.294", "12.3", "1,234", "−0.0213"]
    assert rate(3.14159) == "3.14" and figures(None) == ""


def test_moments_are_said_in_utc() -> None:
    summer = timezone(timedelta(hours=2))
    assert utc(datetime(2026, 7, 1, 1, 5, tzinfo=summer)) == "30 Jun 2026 23:05 UTC"
    assert utc(datetime(2026, 7, 1, 1, 5, tzinfo=UTC)) == "1 Jul 2026 01:05 UTC"


@pytest.mark.django_db
def test_errors_of_forms_say_what_is_allowed() -> None:
    form = StudyForm(
        {
            "name": "my first study",
            "protocol": "other",
            "runs": ["7"],
            "raters_per_panel": "0",
            "design_seed": "much",
            "stop_margin": "wide",
            "title": "t" * 300,
        }
    )
    told = {name: errors[0] for name, errors in form.errors.items()}
    assert told == {
        "name": "Use letters, digits, - and _, without spaces.",
        "protocol": "“other” is not in the list. Choose one from it.",
        "runs": "“7” is not in the list. Choose one from it.",
        "raters_per_panel": "Enter 1 or more; 0 is too small.",
        "missing": "Choose one from the list.",
        "design_seed": "Enter a whole number, such as 8.",
        "stop_margin": "Enter a number, such as 0.1.",
        "title": "Use at most 200 characters; there are 300.",
    }
