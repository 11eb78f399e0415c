"""What the rater's pages are given: words and examples that fit the protocol, and the configuration of the script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import translation

from evaluation.models import Invitation, Rater
from evaluation.protocols import CAPTION, Protocol
from evaluation.protocols.effort import session_minutes
from evaluation.protocols.parts import CLAIM
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.pace import Pace, pace_of
from evaluation.selectors.trials import study_is_demonstration
from evaluation.services.studies.admission import Admission
from evaluation.services.studies.viewing import Viewing, viewing_declared
from evaluation.views.rater import explained, texts
from evaluation.views.rater.language import (
    base_of,
    choices_of,
    direction_of,
    in_language,
    name_of,
    page_language,
    read_by,
)
from evaluation.views.rater.script_texts import script_texts


def language_to_confirm(specification: Mapping[str, Any], protocol: Protocol, language: str) -> str:
    """The declared language of the prompts where who reads `language` must say that they read it; else empty."""
    declared = viewing_declared(specification).prompts_language
    is_read = not declared or base_of(declared) == base_of(language)
    return "" if is_read or protocol.shown.prompt != "shown" else declared


def consent_context(invitation: Invitation, language: str) -> dict[str, object]:
    """Of the page of consent, for who reads `language`."""
    specification = invitation.study.specification
    locked = locked_protocol(invitation.study)
    protocol = in_language(locked, language)
    trials = max(panel["trials"] for panel in specification["panels"])
    set_size = specification["sets"]["size"]
    admission = Admission.of(specification)
    claims = [len(each) for each in specification.get("claims", {}).get("of_prompts", {}).values()]
    words = texts.shown_words(protocol, set_size)
    minutes = session_minutes(protocol, trials=trials, set_size=set_size, claims=claims)
    confirm = language_to_confirm(specification, protocol, language)
    return {
        "heading": texts.consent_heading(protocol),
        "paragraphs": texts.consent_paragraphs(specification["raters"]["consent"], locked),
        "contact": specification["raters"]["contact"],
        "quota_question": admission.quota_question,
        "quota_answers": list(admission.quotas or ()),
        "warning": texts.warning_paragraphs(specification.get("care", {}).get("warning", "")),
        "what_you_do": texts.what_you_do(trials, words),
        "minutes": texts.minutes_text(minutes),
        "smallest_width": viewing_declared(specification).smallest_width,
        "languages": choices_of(locked, language),
        "prompts_language": name_of(confirm) if confirm else "",
        "crowd": specification["raters"].get("crowd"),
        "about": specification["raters"].get("about"),
        "demonstration": study_is_demonstration(invitation.study_id),
    }


def instructions_context(rater: Rater) -> dict[str, object]:
    """Of the instructions: the protocol's own, or an example of ours."""
    protocol = read_by(rater)
    words = texts.shown_words(protocol, rater.study.specification["sets"]["size"])
    return {
        "caption": explained.example_caption(protocol) if protocol.shown.prompt == "shown" else "",
        "declared": texts.paragraphs(protocol.instructions),
        "seen": texts.what_is_seen(protocol, words),
        "examples": explained.examples(words),
        "questions": [explained.explained(question, protocol, words) for question in protocol.questions],
        "words": words,
        "language": protocol.language,
        "direction": direction_of(protocol.language),
        "begin": texts.begin_text(rater.trials, words),
        "begun": rater.instructed_at is not None,
        "demonstration": study_is_demonstration(rater.study_id),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterPage:
    """The page of trials. `rater`: the key that its script sends. `set_size`: images in a set. `width`, `height`: of
    every image, in pixels. `viewing`: how raters are to see them.

    `pace`: how fast trials are rated, as far as is known. `breaks`: the `minutes` and `trials` after which a pause is
    offered, None for never.

    `addresses`: of `next`, `rate`, `undo`, `skip`, `uncover`, `end` and `images` (with KEY for an image's key), which
    the script asks; of `finish`, where its form goes; of `reload`; of `withdraw` and `device`, empty where nobody can
    leave or go on elsewhere.
    """

    protocol: Protocol
    rater: str
    set_size: int
    width: int
    height: int
    viewing: Viewing
    addresses: Mapping[str, str]
    pace: Pace = Pace()
    breaks: Mapping[str, int | None]


def page_of(rater: Rater) -> RaterPage:
    """The page on which a rater of an open study rates all."""
    declared = rater.study.specification
    names = ("next", "rate", "undo", "skip", "uncover", "end", "finish", "withdraw", "device")
    return RaterPage(
        protocol=read_by(rater),
        rater=str(rater.key),
        set_size=declared["sets"]["size"],
        width=declared["display"]["width"],
        height=declared["display"]["height"],
        viewing=viewing_declared(declared),
        addresses={
            "images": reverse("rater:image", args=["KEY"]),
            "reload": reverse("rater:trials"),
            **{name: reverse(f"rater:{name}") for name in names},
        },
        pace=pace_of(rater),
        breaks=breaks_of(declared),
    )


def breaks_of(specification: Mapping[str, Any]) -> dict[str, int | None]:
    """After how many minutes and trials a pause is offered, as a study declares it."""
    care = specification.get("care", {})
    return {"minutes": care.get("break_minutes"), "trials": care.get("break_trials")}


def trials_context(page: RaterPage) -> dict[str, object]:
    """Of the page on which all is rated."""
    words = texts.shown_words(page.protocol, page.set_size)
    return {
        "words": words,
        "keys": list(texts.key_rows(page.protocol, words)),
        "caption_first": page.protocol.shown.sets > 1,
        "config": _config(page, words),
        "surround": page.viewing.surround,
        "addresses": page.addresses,
        "refusals": texts.refusal_choices(),
    }


def _config(page: RaterPage, words: texts.ShownWords) -> dict[str, object]:
    """What the page's script is given. `questions`, `choices`: the contract's ids; `asks`: each question whole."""
    protocol = page.protocol
    return {
        "rater": page.rater,
        "questions": [question.id for question in protocol.questions],
        "choices": list(protocol.choices),
        "asks": [
            {
                "id": each.id,
                "kind": each.answers.name,
                "text": each.as_asked(CAPTION, CLAIM),
                **each.answers.to_dict(),
            }
            for each in protocol.questions
        ],
        "name": words.set,
        "says": {"language": page_language(translation.get_language() or ""), "texts": script_texts(words)},
        "smallest_width": page.viewing.smallest_width,
        "language": protocol.language,
        "direction": direction_of(protocol.language),
        "width": page.width,
        "height": page.height,
        "pace": page.pace.to_dict(),
        "breaks": dict(page.breaks),
        **{name: page.addresses[name] for name in ("images", "next", "rate", "undo", "skip", "uncover", "end")},
    }
