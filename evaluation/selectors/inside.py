"""Who is inside a study when it closes: what each has done, and how each is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from common.words import counted
from evaluation.models import Rater, Study
from evaluation.recruiting import link_with
from evaluation.selectors.crowd import declared_crowd
from evaluation.selectors.ratings import rater_pseudonym

DONE_SQL = """
SELECT a.rater_id,
       count(*) FILTER (WHERE a.skipped_at IS NOT NULL OR (
           SELECT count(*) FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.retracted_at IS NULL
       ) >= cardinality(c.questions)),
       count(*)
FROM evaluation_assignment a JOIN evaluation_comparison c ON c.id = a.comparison_id
WHERE a.rater_id = ANY (%s) GROUP BY a.rater_id
"""


@dataclass(frozen=True, slots=True)
class Inside:
    """A rater who has joined, and neither finished nor left.

    `rater_id`: as exports call the rater. `participant`: the recruitment site's id, "" of plain links. `done` of
    `trials` are answered whole, or were skipped. `code`: what the rater is shown once the study is closed, "" for none:
    the completion code where all is done, the code for an early end where something is. `url`: the return link with it.
    `pay`: the declared pay by the share that was done, "" where none is declared.
    """

    rater_id: str
    participant: str
    panel: str
    done: int
    trials: int
    code: str
    url: str
    pay: str

    @property
    def whole(self) -> bool:
        """Whether nothing is left to answer."""
        return self.done >= self.trials

    @property
    def how(self) -> str:
        """How the rater is paid, in words."""
        if self.whole:
            return f"completion code {self.code}" if self.code else "finished; nothing to do"
        if not self.done:
            return "nothing answered: told to return the place, with the contact"
        if self.code:
            return f"code for an early end {self.code}"
        return "no code: told the contact"

    def to_dict(self) -> dict[str, Any]:
        """As the API and the command have it."""
        return asdict(self) | {"how": self.how}


def raters_inside(study: Study) -> tuple[Inside, ...]:
    """Everybody inside `study`, simulated raters aside, in the order in which they joined. Two queries."""
    raters = Rater.objects.filter(study=study, finished_at=None, dropped_at=None, simulated=False)
    return _inside(study, list(raters.select_related("invitation").order_by("created_at", "pk")))


def inside_of(rater: Rater) -> Inside:
    """What one rater has done, finished or not. One query."""
    return _inside(rater.study, [rater])[0]


def inside_in_words(inside: Sequence[Inside]) -> str:
    """How many are inside and how they are paid, in two sentences; "" where nobody is."""
    if not inside:
        return ""
    kinds: dict[str, int] = {}
    for each in inside:
        kinds[each.how] = kinds.get(each.how, 0) + 1
    told = "; ".join(f"{n} with {how}" if "code " in how[:26] else f"{n}: {how}" for how, n in kinds.items())
    verb = "is" if len(inside) == 1 else "are"
    return f"{counted(len(inside), 'rater')} {verb} inside and could not go on. How they are paid: {told}."


def _inside(study: Study, raters: Sequence[Rater]) -> tuple[Inside, ...]:
    with connection.cursor() as cursor:
        cursor.execute(DONE_SQL, [[rater.pk for rater in raters]])
        counts = {pk: (int(done), int(trials)) for pk, done, trials in cursor.fetchall()}
    crowd = declared_crowd(study.specification)
    pay = crowd.paid if crowd else None
    found = []
    for rater in raters:
        done, trials = counts.get(rater.pk, (0, rater.trials))
        code = url = ""
        if (invitation := rater.invitation) is not None and done:
            code, url = invitation.completion_code, invitation.completion_url
            if done < trials:
                code, url = invitation.partial_code, link_with(url, code, invitation.partial_code)
        found.append(
            Inside(
                rater_id=rater_pseudonym(str(rater.key)),
                participant=rater.participant,
                panel=rater.panel,
                done=done,
                trials=trials,
                code=code,
                url=url,
                pay=pay.shown(done / trials if trials else 0.0) if pay else "",
            )
        )
    return tuple(found)
