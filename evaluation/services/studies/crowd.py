"""What a study declares of its crowd, checked: terms, questions about the rater, what a refused image counts as."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import limits
from common.words import nearest
from evaluation.analysis.refusals import POLICIES
from evaluation.errors import InputError
from evaluation.intake import text_in
from evaluation.recruiting import PLATFORMS
from evaluation.selectors.crowd import (
    NONE,
    PAY,
    STANDARD,
    AboutQuestion,
    Crowd,
    declared_about,
    declared_crowd,
)

TERMS = ("approval", "pay", "retention", "withdrawal")
CROWD_KEYS = ("platform", *TERMS)
MOST_ABOUT = 12
ABOUT_ANSWERS = (2, 11)
"""Answers of a question about the rater: with "rather not say" as many groups as results are split into."""
TAKEN_IDS = ("id",)
"""`rater_id` is the rater's pseudonym."""
ABOUT_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class CrowdSettings:
    """What was declared. `crowd`: None where no recruitment site is meant. `refusals`: a policy, "" for none."""

    crowd: Crowd | None = None
    about: tuple[AboutQuestion, ...] = ()
    refusals: str = ""


def crowd_settings(
    crowd: Mapping[str, Any] | None, about: Sequence[str], refusals: str, *, contact: str
) -> CrowdSettings:
    """What a draft declares of its crowd.

    Args:
        crowd: by `CROWD_KEYS`, None or empty for plain links.
        about: a line each: the name of one of `STANDARD`, or `id: question | answer | answer`.
        refusals: one of `POLICIES`, "" for none.
        contact: the draft's; a crowd needs one, or "none".

    Raises:
        InputError: its field is `crowd.NAME`, `about`, `refusals` or `contact`.
    """
    return CrowdSettings(_crowd(crowd, contact), about_read(about), _policy(refusals))


def _crowd(given: Mapping[str, Any] | None, contact: str) -> Crowd | None:
    given = {name: value for name, value in (given or {}).items() if value not in ("", None)}
    for name in given:
        if name not in CROWD_KEYS:
            hint = nearest(name, CROWD_KEYS) or "."
            raise InputError(
                f'Unknown part "{name[:40]}" of a crowd{hint} Allowed are {", ".join(CROWD_KEYS)}.', field="crowd"
            )
        if not isinstance(given[name], str):
            raise InputError(f"The crowd's {name} must be a text, or none.", field=f"crowd.{name}")
    if not given:
        return None
    platform = given.get("platform", "").strip().lower()
    if platform not in PLATFORMS:
        hint = nearest(platform, PLATFORMS) or "."
        said = f'Unknown recruitment site "{platform[:40]}"{hint}' if platform else "Name the recruitment site."
        raise InputError(f"{said} Allowed are {', '.join(PLATFORMS)}.", field="crowd.platform")
    terms = {
        name: text_in(given.get(name, ""), f"crowd.{name}", f"the {name}", most=limits.TERMS, lines=name != "pay")
        for name in TERMS
    }
    terms = {name: NONE if text.casefold().rstrip(".") == NONE else text for name, text in terms.items()}
    missing = [name for name, text in terms.items() if not text]
    if not contact:
        missing.append("contact")
    if missing:
        raise InputError(
            f"A study with a recruitment site declares its {_listed(missing)}, which raters are told and its report "
            'prints. Fill in what is missing, or write "none".',
            field="contact" if missing[0] == "contact" else f"crowd.{missing[0]}",
        )
    if terms["pay"] != NONE and not PAY.fullmatch(terms["pay"]):
        raise InputError(
            f'The pay must be an amount and a currency in three capital letters, such as "2.50 GBP", or "none"; got '
            f'"{terms["pay"][:40]}".',
            field="crowd.pay",
        )
    return Crowd(platform=platform, **terms)


def people_specified(people: CrowdSettings) -> dict[str, object]:
    """What a specification has under `raters`: nothing of what is not declared."""
    found: dict[str, object] = {}
    if people.crowd is not None:
        found["crowd"] = people.crowd.to_dict()
    if people.about:
        found["about"] = [each.to_dict() for each in people.about]
    return found


def people_declared(specification: Mapping[str, Any]) -> CrowdSettings:
    """Back from a specification."""
    return CrowdSettings(
        declared_crowd(specification),
        declared_about(specification),
        specification.get("refusals", {}).get("policy", ""),
    )


def about_read(lines: Sequence[str]) -> tuple[AboutQuestion, ...]:
    """Questions about the rater, of a line each.

    Raises:
        InputError: what a line says can't be a question, or two have one id; its field is `about`.
    """
    found: dict[str, AboutQuestion] = {}
    for line in lines:
        question = _question(line)
        if question.id in found:
            raise InputError(f"The question {question.id} about the rater is there twice.", field="about")
        found[question.id] = question
    if len(found) > MOST_ABOUT:
        raise InputError(
            f"At most {MOST_ABOUT} questions about the rater can be asked; got {len(found)}.", field="about"
        )
    return tuple(found.values())


def _question(line: str) -> AboutQuestion:
    if not isinstance(line, str):
        raise InputError("A question about the rater is written in one line of text.", field="about")
    name, colon, rest = (part.strip() for part in line.partition(":"))
    if not colon:
        if name in STANDARD:
            return STANDARD[name]
        hint = nearest(name, STANDARD) or "."
        raise InputError(
            f'Unknown question about the rater "{name[:40]}"{hint} Ours are {", ".join(STANDARD)}; write one of your '
            'own as "id: question | answer | answer".',
            field="about",
        )
    if not ABOUT_ID.fullmatch(name) or len(name) > limits.ABOUT_ID or name in TAKEN_IDS:
        raise InputError(
            f'"{name[:40]}" can\'t be the id of a question about the rater. Use small letters, digits and _, at most '
            f"{limits.ABOUT_ID}, beginning with a letter{', and not id' if name in TAKEN_IDS else ''}.",
            field="about",
        )
    if name in STANDARD and rest != " | ".join((STANDARD[name].text, *STANDARD[name].answers)):
        raise InputError(
            f'"{name}" is the id of a question of ours. Give yours another id, or write {name} alone.', field="about"
        )
    text, *answers = (
        text_in(part, "about", f'"{part.strip()[:30]}"', most=limits.ABOUT, empty=False) for part in rest.split("|")
    )
    least, most = ABOUT_ANSWERS
    if not least <= len(answers) <= most:
        raise InputError(
            f"The question {name} about the rater has {len(answers)} answers; {least} to {most} are allowed. Write it "
            f'as "{name}: question | answer | answer".',
            field="about",
        )
    if len({answer.casefold() for answer in answers}) < len(answers):
        raise InputError(f"The question {name} about the rater has an answer twice.", field="about")
    return AboutQuestion(name, text, tuple(answers))


def _policy(name: str) -> str:
    if name and name not in POLICIES:
        hint = nearest(name, POLICIES) or "."
        raise InputError(
            f'Unknown policy for refused images "{name[:40]}"{hint} Allowed are {", ".join(POLICIES)}.',
            field="refusals",
        )
    return name


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
