"""Looks at results while a study is open: logged, and refused where the study hides its rates until it closes."""

from __future__ import annotations

from collections import Counter

from django.contrib.auth.models import User

from evaluation.errors import ConflictError
from evaluation.models import ResultLook, Study, StudyStatus

BY_COMMAND = "command"
"""Who looked, of a command on the server."""
WHATS = ("report", "ratings", "answers", "orders", "analysis")
"""What can be looked at."""


class HiddenRatesError(ConflictError):
    """A study keeps its rates hidden until it closes."""

    def __init__(self, study: Study) -> None:
        super().__init__(
            f"The study {study} keeps its rates hidden until it closes. To look all the same, press Look anyway on its "
            "page, give --look to the command, or look=true to the API: each look is logged, and the report counts it."
        )


def rates_hidden(study: Study) -> bool:
    """Whether the team sees no rates of `study` at present."""
    return study.status == StudyStatus.OPEN and "rates" in study.specification


def result_look(*, study: Study, what: str, user: User | None = None, deliberate: bool = False) -> None:
    """Log that somebody looks at results of `study`; of one that is not open nothing is logged.

    Args:
        what: of `WHATS`.
        user: who looks; None for a command.
        deliberate: whether somebody chose to look though the rates are hidden.

    Raises:
        HiddenRatesError: the rates are hidden, and nobody chose to look.
    """
    if study.status != StudyStatus.OPEN:
        return
    if rates_hidden(study) and not deliberate:
        raise HiddenRatesError(study)
    by = BY_COMMAND if user is None else user.get_username()
    ResultLook.objects.create(study=study, what=what, by=by, user=user)


def looks_counted(study: Study) -> dict[str, int]:
    """How often results of `study` were looked at before it closed, by what, in the order of `WHATS`. One query."""
    counts = Counter(ResultLook.objects.filter(study=study).values_list("what", flat=True))
    return {what: counts[what] for what in WHATS if counts[what]}
