"""Recruitment as a flow: who was wanted, who joined, what became of them; how long it took, and what an hour paid."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass

from evaluation.models import Assignment, Departure, Rater, Study
from evaluation.selectors.crowd import declared_crowd


@dataclass(frozen=True, slots=True)
class Flow:
    """People, simulated raters aside. `joined` = `finished` + `inside` + `withdrew` + `idle` + `screened` + `erased`,
    each person once: whoever finished and was deleted afterwards is among the `erased`.

    `planned`: places of the study. `invited`: how many the invitations may let in, None where one has no limit.
    `skipped`: trials whose images nobody could see, of all who joined.
    """

    planned: int
    invited: int | None
    joined: int
    finished: int
    inside: int
    withdrew: int
    idle: int
    screened: int
    erased: int
    skipped: int

    @property
    def left(self) -> int:
        """Everybody who is no longer part of the study."""
        return self.withdrew + self.idle + self.screened + self.erased


@dataclass(frozen=True, slots=True)
class Pay:
    """Of those who finished: the median of the minutes from consent to the end, pauses among them; the declared pay;
    the median of what an hour paid, in `currency`. None where nobody has finished or no pay is declared.
    """

    n: int
    median_minutes: float | None
    declared: str
    per_hour: float | None
    currency: str


@dataclass(frozen=True, slots=True)
class Recruitment:
    """Both, for the study's board."""

    flow: Flow
    pay: Pay


def recruitment(study: Study) -> Recruitment:
    """How recruiting for an open or closed study goes. Four queries."""
    raters = list(
        Rater.objects.filter(study=study, simulated=False).values_list(
            "pk", "consented_at", "finished_at", "dropped_at"
        )
    )
    reasons: dict[int, set[str]] = {}
    for pk, reason in Departure.objects.filter(rater__study=study).values_list("rater", "reason"):
        reasons.setdefault(pk, set()).add(reason)
    became: Counter[str] = Counter()
    minutes: list[float] = []
    for pk, consented_at, finished_at, dropped_at in raters:
        state = _state(reasons.get(pk, set()), finished=finished_at is not None, dropped=dropped_at is not None)
        became[state] += 1
        if state == "finished" and consented_at is not None and finished_at is not None:
            minutes.append((finished_at - consented_at).total_seconds() / 60)
    limits = list(study.invitations.filter(revoked_at=None).values_list("max_raters", flat=True))
    skipped = Assignment.objects.filter(rater__study=study, rater__simulated=False, skipped_at__isnull=False).count()
    flow = Flow(
        planned=sum(panel["raters"] for panel in study.specification["panels"]),
        invited=None if not limits or None in limits else sum(each for each in limits if each is not None),
        joined=len(raters),
        finished=became["finished"],
        inside=became["inside"],
        withdrew=became[Departure.Reason.WITHDREW],
        idle=became[Departure.Reason.IDLE],
        screened=became[Departure.Reason.SCREENED],
        erased=became[Departure.Reason.ERASED],
        skipped=skipped,
    )
    return Recruitment(flow, _pay(study, minutes))


def _state(reasons: set[str], *, finished: bool, dropped: bool) -> str:
    """What became of one person: one thing, the last one."""
    for reason in (Departure.Reason.ERASED, Departure.Reason.SCREENED, Departure.Reason.WITHDREW):
        if reason in reasons:
            return reason
    if dropped:
        return Departure.Reason.IDLE
    return "finished" if finished else "inside"


def _pay(study: Study, minutes: list[float]) -> Pay:
    crowd = declared_crowd(study.specification)
    pay = crowd.paid if crowd else None
    hourly = [float(pay.amount) * 60 / each for each in minutes if each > 0] if pay else []
    return Pay(
        n=len(minutes),
        median_minutes=statistics.median(minutes) if minutes else None,
        declared=crowd.pay if crowd else "",
        per_hour=statistics.median(hourly) if hourly else None,
        currency=pay.currency if pay else "",
    )
