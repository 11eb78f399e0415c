"""What raters say about themselves becomes columns, and the flow of recruitment adds up, whatever became of people."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from django.utils import timezone

from evaluation.analysis.frame import RATER
from evaluation.models import Departure, Rater, RaterAbout, Study
from evaluation.selectors.about import with_about
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.selectors.recruitment import recruitment
from evaluation.selectors.trials import next_trials
from evaluation.services.rating.about import rater_about, rater_about_delete
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.erase import participant_erase
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.services.rating.skip import rating_skip
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from tests.ratings.test_submit import rate_next
from tests.studies.test_crowd import a_draft
from tests.studies.world import an_open_study, enrolled, session_of
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def frame_of(study: Study) -> pd.DataFrame:
    """A row a rater, as an export has them."""
    keys = Rater.objects.filter(study=study).order_by("pk").values_list("key", flat=True)
    return pd.DataFrame({"rater_id": [rater_pseudonym(str(key)) for key in keys]})


def test_groups_are_columns_and_none_under_five_leaves() -> None:
    study = an_open_study({"Colors": 1}, raters_per_panel=12, samples=1, about=["age", "art: Often? | often | seldom"])
    raters = [enrolled(study).rater for _ in range(11)]
    for at, rater in enumerate(raters):
        if at < 10:
            rater_about(rater=rater, answers={"age": "18 to 24" if at < 6 else "25 to 34", "art": "often"})
    whole = with_about(frame_of(study), study, exported=False)
    assert list(whole.columns) == ["rater_id", f"{RATER}age", f"{RATER}art"]
    assert whole[f"{RATER}age"].value_counts().to_dict() == {"18 to 24": 6, "25 to 34": 4, "": 1}
    left = with_about(frame_of(study), study, exported=True)
    assert left[f"{RATER}age"].value_counts().to_dict() == {"18 to 24": 6, "": 5}, "four and one hide each other"
    assert with_about(frame_of(study)[:0], study, exported=True).empty


def test_without_questions_nothing_is_added() -> None:
    study = an_open_study({"Colors": 1}, samples=1)
    frame = frame_of(study)
    assert with_about(frame, study, exported=True) is frame


def test_saying_nothing_keeps_nothing_and_what_is_not_offered_is_refused() -> None:
    study = an_open_study({"Colors": 1}, samples=1, about=["age"])
    rater = enrolled(study).rater
    rater_about(rater=rater, answers={"age": "", "other": "x"})
    assert not RaterAbout.objects.exists()
    rater_about(rater=rater, answers={"age": "18 to 24", "other": "x"})
    with pytest.raises(RaterError, match="rather not say"):
        rater_about(rater=rater, answers={"age": "a million"})
    assert RaterAbout.objects.get().answers == {"age": "18 to 24"}
    rater_about(rater=rater, answers={})
    rater_about_delete(rater=rater)
    assert not RaterAbout.objects.exists()


def test_leaving_takes_it_along() -> None:
    rater = enrolled(an_open_study({"Colors": 1}, samples=1, about=["age"])).rater
    rater_about(rater=rater, answers={"age": "18 to 24"})
    rater_withdraw(rater=rater)
    assert not RaterAbout.objects.exists()


def test_each_person_is_counted_once_whatever_became_of_them() -> None:
    study = an_open_study({"Colors": 2}, raters_per_panel=7, samples=1)
    invitation = invitation_create(study=study, max_raters=40)
    joined = {
        name: rater_enrol(invitation=invitation, participant=name, session="s")
        for name in ("finished", "inside", "withdrew", "idle", "erased", "erased-early")
    }
    session = session_of(joined["inside"])
    rating_skip(session=session, assignment=next_trials(session)[0].assignment, reason="1 of 2 images did not load")
    for name in ("finished", "erased"):
        for _ in range(2):
            rate_next(session_of(joined[name]))
        rater_finish(rater=joined[name].rater)
    rater_withdraw(rater=joined["withdrew"].rater)
    participant_erase(study=study, who="erased")
    participant_erase(study=study, who="erased-early")
    long_ago = timezone.now() - timedelta(hours=3)
    with unguarded():
        Rater.objects.filter(pk=joined["idle"].rater.pk).update(created_at=long_ago, last_seen_at=long_ago)
    for number in range(5):  # four free places are left, and one of whoever is idle
        rater_enrol(invitation=invitation, participant=f"more-{number}", session="s")
    flow = recruitment(study).flow
    assert (flow.planned, flow.invited, flow.joined) == (7, 40, 11)
    assert (flow.finished, flow.inside, flow.withdrew, flow.idle, flow.erased, flow.skipped) == (1, 6, 1, 1, 2, 1)
    assert flow.joined == flow.finished + flow.inside + flow.left == Rater.objects.count()
    assert set(Departure.objects.values_list("reason", flat=True)) == {"withdrew", "idle", "erased"}


def test_what_an_hour_pays_is_a_median_of_real_times() -> None:
    study = study_open(study=a_draft(raters_per_panel=8))
    assert recruitment(study).pay.per_hour is None
    began = timezone.now() - timedelta(hours=2)
    for minutes in (10, 15, 60):
        rater = enrolled(study).rater
        with unguarded():
            Rater.objects.filter(pk=rater.pk).update(consented_at=began, finished_at=began + timedelta(minutes=minutes))
    pay = recruitment(study).pay
    assert (pay.n, pay.median_minutes, pay.declared, pay.currency) == (3, 15.0, "2.50 GBP", "GBP")
    assert pay.per_hour == pytest.approx(10.0), "2.50 for a quarter of an hour"
