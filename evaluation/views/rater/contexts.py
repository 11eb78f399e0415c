"""What the rater's pages are given: words and examples that fit the protocol, and the configuration of the script."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from evaluation.models import Invitation, Rater
from evaluation.protocols import CAPTION, Protocol
from evaluation.protocols.effort import session_minutes
from evaluation.protocols.parts import CLAIM
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.trials import study_is_demonstration
from evaluation.views.rater import texts
from evaluation.views.rater.language import choices_of, direction_of, language_of, read_by


def consent_context(request: HttpRequest, invitation: Invitation) -> dict[str, object]:
    """Of the page of consent."""
    specification = invitation.study.specification
    protocol = locked_protocol(invitation.study)
    trials = max(panel["trials"] for panel in specification["panels"])
    set_size = specification["sets"]["size"]
    claims = [len(each) for each in specification.get("claims", {}).get("of_prompts", {}).values()]
    return {
        "heading": texts.consent_heading(protocol),
        "paragraphs": paragraphs(specification["raters"]["consent"]),
        "contact": specification["raters"]["contact"],
        "trials": trials,
        "words": texts.shown_words(protocol, set_size),
        "minutes": session_minutes(protocol, trials=trials, set_size=set_size, claims=claims),
        "languages": choices_of(protocol, language_of(request, invitation, protocol)),
        "demonstration": study_is_demonstration(invitation.study_id),
    }


def instructions_context(rater: Rater) -> dict[str, object]:
    """Of the instructions: the protocol's own, or an example of ours."""
    protocol = read_by(rater)
    words = texts.shown_words(protocol, rater.study.specification["sets"]["size"])
    return {
        "caption": texts.EXAMPLE_CAPTION if protocol.shown.prompt == "shown" else "",
        "declared": paragraphs(protocol.instructions),
        "seen": texts.what_is_seen(protocol, words),
        "examples": texts.examples(words),
        "questions": [texts.explained(question, protocol, words) for question in protocol.questions],
        "words": words,
        "language": protocol.language,
        "direction": direction_of(protocol.language),
        "trials": rater.trials,
        "begun": rater.instructed_at is not None,
        "demonstration": study_is_demonstration(rater.study_id),
    }


def trials_context(rater: Rater) -> dict[str, object]:
    """Of the page on which all is rated."""
    protocol = read_by(rater)
    words = texts.shown_words(protocol, rater.study.specification["sets"]["size"])
    return {
        "words": words,
        "keys": list(texts.key_rows(protocol, words)),
        "caption_first": protocol.shown.sets > 1,
        "config": _config(rater, protocol, words),
        "demonstration": study_is_demonstration(rater.study_id),
    }


def _config(rater: Rater, protocol: Protocol, words: texts.ShownWords) -> dict[str, object]:
    """What the page's script is given. `questions`, `choices`: the contract's ids; `asks`: each question whole."""
    display = rater.study.specification["display"]
    return {
        "rater": str(rater.key),
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
        "noun": words.noun,
        "name": words.set,
        "language": protocol.language,
        "direction": direction_of(protocol.language),
        "width": display["width"],
        "height": display["height"],
        "images": reverse("rater:image", args=["KEY"]),
        **{name: reverse(f"rater:{name}") for name in ("next", "rate", "undo", "skip", "end")},
    }


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, between which empty lines stand."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
