"""What raters read around the questions fits what each protocol shows, in the language that they asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from evaluation import protocols
from evaluation.models import Rater, Study
from evaluation.protocols.effort import session_minutes, trial_seconds
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from evaluation.services.studies.specify import consent_text
from evaluation.views.rater import texts
from tests.ratings.test_views import config_in
from tests.ratings.test_words import LANGUAGE_OF_OTHERS, OURS
from tests.studies.world import a_run, a_suite

OWN = """
name: own
title: Own
set_size: 1
panels: all
raters_per_panel: 2
shown: {sets: 1}
questions:
"""

TRANSLATED = """
based_on: pairwise-open
name: open-in-three-languages
title: Open pairs in three languages
instructions: |
  Look at both images.

  Then choose.
language: en
translations:
  de:
    "Look at both images.\\n\\nThen choose.": "Sehen Sie beide Bilder an.\\n\\nWählen Sie dann."
    "Which image do you prefer for the caption: {caption}?": "Welches Bild zeigt besser: {caption}?"
    The left image: Das linke Bild
    Both equally good: Beide gleich gut
    The right image: Das rechte Bild
    Both bad: Beide schlecht
  ar:
    "Look at both images.\\n\\nThen choose.": "انظر إلى الصورتين."
    "Which image do you prefer for the caption: {caption}?": "أي صورة أفضل: {caption}؟"
    The left image: الصورة اليسرى
    Both equally good: كلتاهما جيدة
    The right image: الصورة اليمنى
    Both bad: كلتاهما سيئة
"""


@pytest.mark.parametrize("name", protocols.names())
def test_words_around_the_questions_are_plain_and_fit_what_is_shown(name: str) -> None:
    protocol = protocols.get(name)
    words = texts.shown_words(protocol, protocol.set_size)
    seen = texts.what_is_seen(protocol, words)
    told = [seen, texts.consent_heading(protocol), *(each["alt"] for each in texts.examples(words))]
    told += [row.text for row in texts.key_rows(protocol, words)]
    for question in protocol.questions:
        explained = texts.explained(question, protocol, words)
        assert "{" not in explained.text
        told += [explained.before, explained.after]
    for each in told:
        plain = each.replace("I am indifferent (no preference)", "")
        assert not OURS.search(plain) and not LANGUAGE_OF_OTHERS.search(plain), each
    assert ("a text" in seen) == (protocol.shown.prompt == "shown")
    assert ("made from it" in seen) == (protocol.shown.prompt == "shown" and protocol.shown.reference == "none")
    assert words.trial == ("image" if protocol.shown.sets == 1 else "comparison")
    assert len(texts.examples(words)) == protocol.shown.sets


def test_every_kind_of_answer_is_explained_and_has_its_keys() -> None:
    kinds: dict[str, str] = {
        "scale": "unable: No idea\n    steps: [{value: 1, text: Bad}, {value: 2, text: Good}]",
        "claim": "unsure: No idea",
        "words": "none: No word",
        "points": "at_most: 2",
        "reasons": "tags: [{tag: hands, text: Hands}]",
        "text": "required: true",
    }
    explained = {}
    for kind, keys in kinds.items():
        text = "{claim}" if kind == "claim" else "What?"
        file = OWN + f"  - id: it\n    text: '{text}'\n    kind: {kind}\n    {keys}\n"
        protocol = protocols.load(file.encode(), "own.yaml")
        words = texts.shown_words(protocol, 1)
        rows = list(texts.key_rows(protocol, words))
        assert rows and all(row.keys and row.text for row in rows)
        found = texts.explained(protocol.questions[0], protocol, words)
        explained[kind] = f"{found.before}{found.answer}{found.after}"
    assert len(set(explained.values())) == len(kinds)
    assert explained["scale"].endswith("choose No idea.") and explained["words"].endswith("select No word.")


def test_the_time_goes_with_images_questions_and_claims() -> None:
    drawbench, claims, rank = (protocols.get(name) for name in ("drawbench", "questions", "rank-k"))
    assert trial_seconds(drawbench, set_size=8) == 20
    assert trial_seconds(drawbench, set_size=2) < 20
    assert session_minutes(drawbench, trials=40, set_size=8) == 14  # 800 seconds
    assert trial_seconds(claims, set_size=1, claims=30) > 8 * trial_seconds(claims, set_size=1, claims=2)
    assert trial_seconds(rank, set_size=1) > trial_seconds(protocols.get("words"), set_size=1)


@pytest.fixture
def study(db: None) -> Study:
    suite = a_suite({"Colors": 2})
    runs = [a_run(suite, name) for name in ("one", "other")]
    declared = protocols.load(TRANSLATED.encode(), "own.yaml")
    return study_open(study=study_create(StudyDraft(name="talk", runs=runs, protocol=declared, raters_per_panel=2)))


@pytest.mark.parametrize(
    ("link", "browser", "language", "direction", "left"),
    [
        ("", "", "en", "ltr", "The left image"),
        ("", "fr, de-AT;q=0.8, en;q=0.5", "de", "ltr", "Das linke Bild"),
        ("?lang=ar", "de", "ar", "rtl", "الصورة اليسرى"),
        ("?lang=DE", "en", "de", "ltr", "Das linke Bild"),
        ("?lang=tlh", "", "en", "ltr", "The left image"),
    ],
)
def test_a_rater_reads_the_language_of_the_link_or_the_browser(
    study: Study, link: str, browser: str, language: str, direction: str, left: str
) -> None:
    client = Client(headers={"Accept-Language": browser} if browser else {})
    address = f"/r/join/{invitation_create(study=study).key}"
    page = client.get(address + link, follow=True)
    assert page.redirect_chain == ([(address, 302)] if link else []), "the address stays clean"
    for tag, name in (("en", "English"), ("de", "Deutsch"), ("ar", "العربيّة")):
        mark = "b" if tag == language else f'a href="?lang={tag}"'
        assert f'<{mark} lang="{tag}"' in page.text and f">{name}<" in page.text
    client.post(address)
    assert Rater.objects.get().language == language
    instructions = client.get("/r/instructions").text
    assert f'<div lang="{language}" dir="{direction}"><p>' in instructions
    assert ("<p>Wählen Sie dann.</p>" in instructions) == (language == "de")
    client.post("/r/instructions")
    config: dict[str, Any] = config_in(client.get("/r/").text)
    assert (config["language"], config["direction"]) == (language, direction)
    assert config["asks"][0]["answers"][0] == {"choice": "left", "text": left}


@pytest.mark.parametrize("name", protocols.names())
def test_the_consent_says_what_is_asked(name: str) -> None:
    protocol = protocols.get(name)
    prefers = name in ("drawbench", "pairwise-open", "rank-k")
    assert ("say which you prefer" in consent_text(protocol)) == prefers
    assert ("computer programs" in consent_text(protocol)) == prefers, "photographs may be among the images"
    assert consent_text(protocol).count("\n\n") == 2


def test_one_language_offers_no_choice(study: Study) -> None:
    plain = study_create(StudyDraft(name="plain", runs=[each.run for each in study.study_runs.all()]))
    page = Client().get(f"/r/join/{invitation_create(study=study_open(study=plain)).key}").text
    assert "hreflang" not in page and "Which images do you prefer?" in page
