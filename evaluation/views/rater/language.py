"""The language that a rater reads the questions in: one of the protocol's, asked for by the link or by the browser."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info
from django.utils.translation.trans_real import parse_accept_lang_header

from evaluation.models import Invitation, Rater
from evaluation.protocols import Protocol
from evaluation.selectors.locked import locked_protocol

NAME = "lang"
"""What a link calls it: `?lang=de`."""
ASKED = "rater_language"
"""Where the Django session keeps it between the link and the consent."""


def keep_language(request: HttpRequest, invitation: Invitation) -> None:
    """Keep the language that the link asks for."""
    if NAME in request.GET:
        request.session[ASKED] = {"invitation": invitation.key, "language": request.GET[NAME].strip()[:40]}


def language_of(request: HttpRequest, invitation: Invitation, protocol: Protocol) -> str:
    """The language of `protocol` that fits the link or else the browser best, else its own."""
    for wanted in _wanted(request, invitation):
        fitting = _fitting(wanted, protocol)
        if fitting:
            return fitting
    return protocol.language


def _wanted(request: HttpRequest, invitation: Invitation) -> Iterator[str]:
    kept = request.session.get(ASKED)
    if isinstance(kept, dict) and kept.get("invitation") == invitation.key:
        yield str(kept["language"])
    for language, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        yield language


def _fitting(wanted: str, protocol: Protocol) -> str:
    """The language itself, else one of the same name with another region; empty where there is none."""
    tags = {language.casefold(): language for language in reversed(protocol.languages)}
    tag = wanted.casefold()
    if tag in tags:
        return tags[tag]
    base = tag.partition("-")[0]
    return next((each for each in protocol.languages if each.casefold().partition("-")[0] == base), "")


def read_by(rater: Rater) -> Protocol:
    """The protocol of the rater's study, in the rater's language."""
    protocol = locked_protocol(rater.study)
    return protocol.in_language(rater.language) if rater.language in protocol.languages else protocol


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language.partition("-")[0] in settings.LANGUAGES_BIDI else "ltr"


def choices_of(protocol: Protocol, chosen: str) -> list[dict[str, object]]:
    """The languages to choose from, each under its own name; none where there is one alone."""
    if len(protocol.languages) == 1:
        return []
    return [
        {"tag": tag, "name": _name(tag), "chosen": tag == chosen, "direction": direction_of(tag)}
        for tag in protocol.languages
    ]


def _name(tag: str) -> str:
    try:
        return str(get_language_info(tag.lower())["name_local"])
    except KeyError:
        return tag
