"""The language of a rater's pages, and the one of the questions on them.

Our pages speak the languages of `settings.LANGUAGES`; a study's questions those that its locked protocol has. A rater
reads in one language, asked for by the link or by the browser: the pages are in it where they can be, else in English,
and the questions where the protocol has it, else in the protocol's own. So the browser changes no study's wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import get_language_info
from django.utils.translation.trans_real import parse_accept_lang_header

from evaluation.models import Invitation, Rater
from evaluation.protocols import Protocol
from evaluation.selectors.locked import locked_protocol

NAME = "lang"
"""What a link calls it: `?lang=de`."""
ASKED = "rater_language"
"""Where the Django session keeps it between the link and the consent."""
OF_PAGES = tuple(tag for tag, _ in settings.LANGUAGES)
"""The languages that our own texts are in, English first."""


def keep_language(request: HttpRequest, invitation: Invitation) -> None:
    """Keep the language that the link asks for."""
    if NAME in request.GET:
        request.session[ASKED] = {"invitation": invitation.key, "language": request.GET[NAME].strip()[:40]}


def language_of(request: HttpRequest, invitation: Invitation, protocol: Protocol) -> str:
    """The language that fits the link or else the browser best, of those that the pages or the questions are in; else
    the protocol's own.
    """
    return _first_fitting(_wanted(request, invitation), languages_of(protocol)) or protocol.language


def languages_of(protocol: Protocol) -> tuple[str, ...]:
    """Those that a rater can choose from: the protocol's, then the pages'."""
    bases = {base_of(tag) for tag in protocol.languages}
    return (*protocol.languages, *(tag for tag in OF_PAGES if tag not in bases))


def base_of(tag: str) -> str:
    """The language of a tag, without its region: `pt-BR` is `pt`."""
    return tag.casefold().partition("-")[0]


def page_language(tag: str) -> str:
    """The language of our own texts for whoever reads `tag`."""
    return base_of(tag) if base_of(tag) in OF_PAGES else OF_PAGES[0]


def speak(tag: str) -> None:
    """From here on, to the end of the request, our texts are for whoever reads `tag`. Call it within `spoken`."""
    translation.activate(page_language(tag))


def spoken(request: HttpRequest) -> translation.override:
    """A context in which our texts are in the language that the browser asks for, and after which they are as before.

    The script of the page asks for the page's own.
    """
    return translation.override(_first_fitting(_accepted(request), OF_PAGES) or OF_PAGES[0])


def read_by(rater: Rater) -> Protocol:
    """The protocol of the rater's study, in the rater's language where it has it."""
    return in_language(locked_protocol(rater.study), rater.language)


def in_language(protocol: Protocol, tag: str) -> Protocol:
    """`protocol` in the language `tag`, or in its own where it has no such."""
    fitting = _fitting(tag, protocol.languages)
    return protocol.in_language(fitting) if fitting else protocol


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if base_of(language) in settings.LANGUAGES_BIDI else "ltr"


def choices_of(protocol: Protocol, chosen: str) -> list[dict[str, object]]:
    """The languages to choose from, each under its own name."""
    return [
        {"tag": tag, "name": name_of(tag, "name_local"), "chosen": tag == chosen, "direction": direction_of(tag)}
        for tag in languages_of(protocol)
    ]


def name_of(tag: str, which: str = "name_translated") -> str:
    """What a language is called, in the language of the page or (`name_local`) in its own; the tag where that is not
    known.
    """
    try:
        return str(get_language_info(tag.lower())[which])
    except KeyError:
        return tag


def _wanted(request: HttpRequest, invitation: Invitation) -> Iterator[str]:
    kept = request.session.get(ASKED)
    if isinstance(kept, dict) and kept.get("invitation") == invitation.key:
        yield str(kept["language"])
    yield from _accepted(request)


def _accepted(request: HttpRequest) -> Iterator[str]:
    for tag, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        yield tag


def _first_fitting(wanted: Iterable[str], tags: Iterable[str]) -> str:
    listed = tuple(tags)
    return next((fitting for each in wanted if (fitting := _fitting(each, listed))), "")


def _fitting(wanted: str, tags: Iterable[str]) -> str:
    """The language itself, else one of the same name with another region; empty where there is none."""
    listed = tuple(tags)
    same = next((tag for tag in listed if tag.casefold() == wanted.casefold()), "")
    return same or next((tag for tag in listed if wanted and base_of(tag) == base_of(wanted)), "")
