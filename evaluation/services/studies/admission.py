"""Whom a study takes: its quotas, the studies whose raters it leaves out, its qualification. Declared with the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import limits
from common.numbers import whole_or_none
from common.words import nearest
from evaluation.errors import InputError
from evaluation.intake import text_in
from evaluation.models import Study
from evaluation.protocols import MOST_RATERS, Protocol
from evaluation.protocols.kinds import Choice, Scale
from evaluation.services.studies.known import KnownControl

MOST_ITEMS = 20
"""Items of a qualification."""
MOST_STUDIES = 50
MOST_ANSWERS = 12


@dataclass(frozen=True, slots=True)
class Admission:
    """`quotas`: the most raters by answer to `quota_question`, which all are asked at consent. `most_per_panel`: raters
    that a panel takes. `excluded_studies`: who took part in one of these is not taken. `qualification`: items with
    their right answers, of which a rater must have `least_right` right.
    """

    quota_question: str = ""
    quotas: Mapping[str, int] | None = None
    most_per_panel: int | None = None
    excluded_studies: tuple[str, ...] = ()
    qualification: tuple[KnownControl, ...] = ()
    least_right: int = 0

    def to_dict(self) -> dict[str, object]:
        """As a specification has it."""
        return {
            "quota_question": self.quota_question,
            "quotas": [list(each) for each in (self.quotas or {}).items()],  # JSONB keeps no order of keys
            "most_per_panel": self.most_per_panel,
            "excluded_studies": list(self.excluded_studies),
            "qualification": [each.to_dict() for each in self.qualification],
            "least_right": self.least_right,
        }

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> Admission:
        """From a specification."""
        declared = specification.get("admission")
        if declared is None:
            return cls()
        items = tuple(KnownControl.from_dict(each) for each in declared["qualification"])
        return cls(
            declared["quota_question"],
            dict(map(tuple, declared["quotas"])),
            declared["most_per_panel"],
            tuple(declared["excluded_studies"]),
            items,
            declared["least_right"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionAsked:
    """What a draft asks for. `quota_answers`: lines such as "English: 20". `least_right`: None for all."""

    quota_question: str = ""
    quota_answers: Sequence[str] = ()
    most_per_panel: int | None = None
    exclude_studies: Sequence[str] = ()
    qualification_least: int | None = None


def admission(asked: AdmissionAsked, items: Sequence[KnownControl], protocol: Protocol, *, own: str) -> Admission:
    """What was asked for, checked.

    Args:
        items: of the qualification.
        own: the study's own name.

    Raises:
        InputError: a study that is not there, a quota that is none, a question of the qualification that takes no
            single answer, or a pass mark above the number of items.
    """
    question = text_in(asked.quota_question, "quota_question", "the question for quotas", most=limits.TITLE)
    quotas = dict(_quota(line) for line in asked.quota_answers)
    if bool(question) != bool(quotas):
        field, what = ("quota_answers", "its answers") if question else ("quota_question", "their question")
        raise InputError(f"Quotas need a question and two answers or more; {what} is missing.", field=field)
    if quotas and not 2 <= len(quotas) <= MOST_ANSWERS:
        raise InputError(
            f"The question for quotas has {len(quotas)} different answers; from 2 to {MOST_ANSWERS} are allowed.",
            field="quota_answers",
        )
    most = asked.most_per_panel
    if most is not None and not 1 <= most <= MOST_RATERS:
        raise InputError(f"The most raters of a panel must be from 1 to {MOST_RATERS}.", field="most_per_panel")
    if len(asked.exclude_studies) > MOST_STUDIES:
        raise InputError(f"At most {MOST_STUDIES} studies can be named.", field="exclude_studies")
    known = list(Study.objects.exclude(name=own).values_list("name", flat=True))
    for name in asked.exclude_studies:
        if name not in known:
            hint = nearest(name, known) or "."
            raise InputError(f'There is no other study "{name}"{hint}', field="exclude_studies")
    _check_items(items, protocol)
    least = asked.qualification_least
    if least is not None and not 1 <= least <= len(items):
        raise InputError(
            f"The pass mark must be from 1 to the {len(items)} items of the qualification; got {least}."
            if items
            else "A pass mark needs a qualification. Give a file of its items.",
            field="qualification_least",
        )
    studies = tuple(dict.fromkeys(asked.exclude_studies))
    return Admission(question, quotas, most, studies, tuple(items), len(items) if least is None else least)


def _quota(line: str) -> tuple[str, int]:
    answer, _, number = line.rpartition(":")
    answer = text_in(answer, "quota_answers", "an answer for quotas", most=limits.LABEL).strip()
    most = whole_or_none(number.strip())
    if not answer or most is None or not 0 <= most <= MOST_RATERS:
        raise InputError(
            f'A quota is an answer and the most raters who give it, such as "English: 20"; got "{line[:60]}".',
            field="quota_answers",
        )
    return answer, most


def _check_items(items: Sequence[KnownControl], protocol: Protocol) -> None:
    if len(items) > MOST_ITEMS:
        raise InputError(
            f"The qualification has {len(items)} items; at most {MOST_ITEMS} are allowed.", field="qualification"
        )
    for each in items:
        for question in each.answers:
            if not isinstance(protocol.question(question).answers, Choice | Scale):
                raise InputError(
                    f"The question {question} can't be asked in a qualification: it takes no single answer.",
                    field="qualification",
                )
