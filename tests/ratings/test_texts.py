"""What raters read around the questions fits what each protocol shows, in the language that they asked for."""

from __future__ import annotations

import re
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
from evaluation.views.rater import explained, texts
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
    told = [seen, texts.consent_heading(protocol), *(each["alt"] for each in explained.examples(words))]
    told += [row.text for row in texts.key_rows(protocol, words)]
    for question in protocol.questions:
        example = explained.explained(question, protocol, words)
        assert "{" not in example.text + example.before + example.after
        told += [example.before, example.after]
    for each in told:
        plain = each.replace("I am indifferent (no preference)", "")
        assert not OURS.search(plain) and not LANGUAGE_OF_OTHERS.search(plain), each
    assert ("a text" in seen) == (protocol.shown.prompt == "shown")
    assert ("made from it" in seen) == (protocol.shown.prompt == "shown" and protocol.shown.reference == "none")
    assert words.trial == ("image" if protocol.shown.sets == 1 else "comparison")
    assert len(explained.examples(words)) == protocol.shown.sets


def test_every_kind_of_answer_is_explained_and_has_its_keys() -> None:
    kinds: dict[str, str] = {
        "scale": "unable: No idea\n    steps: [{value: 1, text: Bad}, {value: 2, text: Good}]",
        "claim": "unsure: No idea",
        "words": "none: No word",
        "points": "at_most: 2",
        "reasons": "tags: [{tag: hands, text: Hands}]",
        "text": "required: true",
    }
    meanings = {}
    for kind, keys in kinds.items():
        text = "{claim}" if kind == "claim" else "What?"
        file = OWN + f"  - id: it\n    text: '{text}'\n    kind: {kind}\n    {keys}\n"
        protocol = protocols.load(file.encode(), "own.yaml")
        words = texts.shown_words(protocol, 1)
        rows = list(texts.key_rows(protocol, words))
        assert rows and all(row.keys and row.text for row in rows)
        found = explained.explained(protocol.questions[0], protocol, words)
        meanings[kind] = f"{found.before}{found.answer}{found.after}"
    assert len(set(meanings.values())) == len(kinds)
    assert meanings["scale"].endswith("choose No idea.") and meanings["words"].endswith("select No word.")


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
        ("", "it, de-AT;q=0.8, en;q=0.5", "de", "ltr", "Das linke Bild"),
        ("", "fr-CA, de;q=0.8", "fr", "ltr", "The left image"),
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
    questions = language if language in ("en", "de", "ar") else "en"
    assert f'<html lang="{language if language != "ar" else "en"}"' in instructions
    assert f'<div lang="{questions}" dir="{direction}"><p>' in instructions
    assert ("<p>Wählen Sie dann.</p>" in instructions) == (language == "de")
    client.post("/r/instructions")
    config: dict[str, Any] = config_in(client.get("/r/").text)
    assert (config["language"], config["direction"]) == (questions, direction)
    assert config["asks"][0]["answers"][0] == {"choice": "left", "text": left}


@pytest.mark.parametrize("name", protocols.names())
def test_the_consent_says_what_is_asked(name: str) -> None:
    protocol = protocols.get(name)
    prefers = name in ("drawbench", "pairwise-open", "rank-k")
    assert ("say which you prefer" in consent_text(protocol)) == prefers
    assert ("computer programs" in consent_text(protocol)) == prefers, "photographs may be among the images"
    assert consent_text(protocol).count("\n\n") == 2


def test_the_pages_speak_what_the_questions_do_not(study: Study) -> None:
    plain = study_create(StudyDraft(name="plain", runs=[each.run for each in study.study_runs.all()]))
    address = f"/r/join/{invitation_create(study=study_open(study=plain)).key}"
    page = Client(headers={"Accept-Language": "ru"}).get(address).text
    assert re.findall(r'hreflang="(\w+)"', page) == ["en", "fr", "de"] and '<b lang="ru"' in page
    assert "Какие изображения вам больше нравятся?" in page and "Участие добровольное." in page


def test_what_researchers_wrote_stays_as_they_wrote_it(study: Study) -> None:
    draft = StudyDraft(name="own", runs=[each.run for each in study.study_runs.all()], consent="Stop at any time.")
    page = Client().get(
        f"/r/join/{invitation_create(study=study_open(study=study_create(draft))).key}?lang=de", follow=True
    )
    assert "<p>Stop at any time.</p>" in page.text and "Ich bin einverstanden" in page.text


def test_the_prompts_language_is_confirmed_or_no_place_is_taken(study: Study) -> None:
    runs = [each.run for each in study.study_runs.all()]
    opened = study_open(study=study_create(StudyDraft(name="read", runs=runs, prompts_language="en-GB")))
    address = f"/r/join/{invitation_create(study=opened).key}"
    english, french = Client(headers={"Accept-Language": "en-US"}), Client(headers={"Accept-Language": "fr"})
    assert "reads" not in english.get(address).text
    asked = french.get(address).text
    assert "Langue des textes de cette étude" in asked and 'name="reads" value="no"' in asked
    unsaid = french.post(address)
    assert unsaid.status_code == 400 and 'role="alert"' in unsaid.text
    sent_out = french.post(address, {"reads": "no"})
    assert sent_out.status_code == 200 and "Merci de votre intérêt" in sent_out.text
    assert not Rater.objects.filter(study=opened).exists()
    assert french.post(address, {"reads": "yes"}).status_code == 302
    assert Rater.objects.get(study=opened).language == "fr"
    assert english.post(address).status_code == 302


def test_errors_are_said_in_the_raters_language(study: Study) -> None:
    client = Client(headers={"Accept-Language": "de"})
    assert "Dieser Link funktioniert nicht" in client.get("/r/join/nothing").text
    assert "Hier ist nichts" in client.get("/r/nothing").text
    assert "Bitte öffnen Sie Ihren Einladungslink" in client.get("/r/").text
    refused = client.get("/r/next?rater=00000000-0000-0000-0000-000000000000").json()["error"]
    assert refused["message"].startswith("Ihre Sitzung in diesem Browser ist beendet.")
    strict = Client(enforce_csrf_checks=True, headers={"Accept-Language": "ru"})
    address = f"/r/join/{invitation_create(study=study).key}"
    assert "Вернитесь назад" in strict.post(address).text
