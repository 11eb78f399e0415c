"""Recruitment sites: the address that each is given, the ids that come with it, the code that goes back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from common.limits import PARTICIPANT

CODE_CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that are read as another."""
CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Platform:
    """A recruitment site. `query`: what the address to paste ends with, ids as the site's placeholders. `returns`: the
    address that raters go back to, with CODE for the code; empty where the site gives one itself. `paste`: what to do,
    in words. `own_codes`: whether the site makes the codes, so that they are copied from there.
    """

    name: str
    title: str
    query: str
    returns: str
    paste: str
    own_codes: bool = False


PLATFORMS: Mapping[str, Platform] = {
    each.name: each
    for each in (
        Platform(
            "prolific",
            "Prolific",
            "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
            "https://app.prolific.com/submissions/complete?cc=CODE",
            "Paste the address as the study link, with URL parameters. Enter both codes there, the second as a manual "
            "review, for those whom an early end finds inside.",
        ),
        Platform(
            "connect",
            "CloudResearch Connect",
            "",
            "",
            "Paste the address as it is: Connect adds participantId and assignmentId. Copy Connect's completion code "
            "and redirect address from there, and change them below.",
            own_codes=True,
        ),
        Platform(
            "other",
            "another recruitment site",
            "?participant=PARTICIPANT&session=SESSION",
            "",
            "In place of PARTICIPANT and SESSION, let the site write its ids. Copy its completion code and return "
            "link, if it has any, and change them below.",
            own_codes=True,
        ),
    )
}

PARTICIPANT_NAMES = ("PROLIFIC_PID", "participantId", "participant")
SESSION_NAMES = ("SESSION_ID", "assignmentId", "session")
STUDY_NAMES = ("STUDY_ID", "projectId")
"""What recruitment sites call their participant, session and study in addresses, in whatever case. The study's is not
kept; but where it is a placeholder, so is the visit."""

LONGEST_ID = PARTICIPANT
NEVER_IN_IDS = re.compile(r"[{}\[\]<>%$|*^`\\]")
"""What placeholders are written with, whichever site's: `{{%PROLIFIC_PID%}}`, `${participantId}`, `<id>`, `[[ID]]`."""
NOBODY = ("null", "undefined", "none", "nan")
"""What scripts write for an id that they do not have."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids in an address, empty where there are none. `fault`: why they can't be a site's: they make no rater."""

    participant: str = ""
    session: str = ""
    fault: str = ""


def pasted(platform: str, url: str) -> str:
    """The address of an invitation as the site is given it; `url` itself for plain links."""
    known = PLATFORMS.get(platform)
    return url + known.query if known else url


def return_link(platform: str, code: str) -> str:
    """The address that raters of a site go back to with `code`; empty where only the site knows it."""
    known = PLATFORMS.get(platform)
    return known.returns.replace("CODE", code) if known and code else ""


def link_with(url: str, code: str, other: str) -> str:
    """The return link `url`, which has `code`, with the code `other`; empty where it has no such code."""
    return url.replace(code, other) if other and code and code in url else ""


def new_code() -> str:
    """A completion code that nobody guesses: 40 bits."""
    return "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH))


def ids_of(query: Mapping[str, Sequence[str]]) -> Ids:
    """The ids in the parameters of an address.

    A placeholder that nobody has filled in, an empty id or a doubled one is a fault: two people would become one rater.
    """
    folded = [(key.casefold(), value) for key, values in query.items() for value in values]
    names = (*PARTICIPANT_NAMES, *SESSION_NAMES, *STUDY_NAMES)
    given = {name: [value for key, value in folded if key == name.casefold()] for name in names}
    fault = next(_faults(given), "")
    if fault:
        return Ids(fault=fault)
    return Ids(_first(given, PARTICIPANT_NAMES), _first(given, SESSION_NAMES))


def _faults(given: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, values in given.items():
        if len(values) > 1:
            yield _("In its address, {name} is there more than once.").format(name=name)
        for value in (each.strip() for each in values):
            if not value:
                yield _("In its address, {name} is empty.").format(name=name)
            elif len(value) > LONGEST_ID:
                told = _("In its address, {name} has {n} characters; at most {most} are allowed.")
                yield told.format(name=name, n=len(value), most=LONGEST_ID)
            elif NEVER_IN_IDS.search(value) or _is_name(value):
                told = _("In its address, {name} is a placeholder that nobody has filled in, as in a preview.")
                yield told.format(name=name)
    for names in (PARTICIPANT_NAMES, SESSION_NAMES):
        there = [name for name in names if given[name]]
        if len(there) > 1:
            told = _("In its address, {name} and {other} are both there, and only one of them can be meant.")
            yield told.format(name=there[0], other=there[1])


def _is_name(value: str) -> bool:
    """Whether an id is only the name of one, or a word for none."""
    names = (*PARTICIPANT_NAMES, *SESSION_NAMES, *STUDY_NAMES, *NOBODY)
    return value.casefold() in {each.casefold() for each in names}


def _first(given: Mapping[str, Sequence[str]], names: Sequence[str]) -> str:
    return next((given[name][0].strip() for name in names if given[name]), "")
