"""The simulated crowd: marked, the same by seed, and its known preference recovered by the analysis."""

import json
from collections.abc import Sequence
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from evaluation.errors import ConflictError, InputError
from evaluation.models import Rater, Rating
from evaluation.selectors.studies import study_progress
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import study_close
from tests.studies.world import a_run, a_suite, an_open_study, enrolled

pytestmark = pytest.mark.django_db


def test_a_share_is_filled_and_places_are_left_for_people() -> None:
    study = an_open_study(raters_per_panel=5)
    person = enrolled(study)
    made = raters_simulate(study=study, share=0.6, seed=1)
    assert (made["raters"], made["ratings"], made["places_left"]) == (6, 3 * (3 + 2) * 2, 3)
    assert set(Rater.objects.exclude(pk=person.rater.pk).values_list("simulated", flat=True)) == {True}
    progress = study_progress(study)
    assert [panel.raters_simulated for panel in progress.panels] == [3, 3]
    assert [panel.ratings_simulated for panel in progress.panels] == [18, 12]
    again = raters_simulate(study=study, share=0.6, seed=1)
    assert (again["raters"], again["ratings"]) == (0, 0), "an interrupted demonstration goes on from where it stopped"
    assert raters_simulate(study=study, share=1.0, seed=1)["raters"] == 3, "people keep their places"


def test_the_same_seed_gives_the_same_raters_and_ratings() -> None:
    study = an_open_study()

    def drawn(seed: int) -> Sequence[tuple[object, ...]]:
        with transaction.atomic():
            raters_simulate(study=study, raters=4, seed=seed, prefer={"guided": 1.0})
            rows = list(
                Rating.objects.order_by("rater__panel", "rater__slot", "assignment__position", "question").values_list(
                    "rater__key", "assignment__comparison", "question", "shown_choice", "response_time_ms"
                )
            )
            transaction.set_rollback(True)
        return rows

    first = drawn(5)
    assert len(first) == 2 * (3 + 2) * 2 and first == drawn(5) != drawn(6)


def test_sides_are_undone_so_that_preference_is_for_the_run() -> None:
    from evaluation.selectors.ratings import ratings_frame

    study = an_open_study({"Colors": 8}, raters_per_panel=6)
    raters_simulate(study=study, share=1.0, seed=2, prefer={"guided:fidelity": 6.0})
    frame = ratings_frame(study)
    assert bool(frame["simulated"].all())
    fidelity = frame[frame["question"] == "fidelity"]
    guided = fidelity["choice"].map({"a": -1, "indifferent": 0, "b": 1}).astype(int)
    assert list(fidelity["generator_b"].unique()) == ["guided"] and guided.mean() > 0.9
    assert 0 < fidelity["a_shown_left"].mean() < 1


def test_a_known_preference_is_recovered_within_its_interval() -> None:
    """The whole road: design, assignments, ratings, frame, analysis."""
    from evaluation.analysis.simulate import CrowdSpec, true_shares
    from evaluation.analysis.summary import analyse
    from evaluation.selectors.ratings import ratings_frame

    study = an_open_study({"Colors": 30}, raters_per_panel=16, samples=1)
    crowd = CrowdSpec()
    raters_simulate(study=study, share=1.0, seed=3, prefer={"guided:alignment": 0.9}, crowd=crowd)
    analysis = analyse(ratings_frame(study)).to_dict()
    by_question = {each["question"]: each for each in analysis["comparisons"]}
    for question, preference in (("alignment", 0.9), ("fidelity", 0.0)):
        net = by_question[question]["overall"]["net"]
        names = (by_question[question]["generator_a"], by_question[question]["generator_b"])
        assert names == ("guided", "plain"), "in alphabetical order"
        a, _, b = true_shares(crowd, preference)
        interval = net["intervals"][net["default"]]
        assert interval["low"] <= a - b <= interval["high"]
        if preference:
            assert interval["low"] > 0


def test_bad_input() -> None:
    study = an_open_study()
    for given, words in (
        ({}, "Give either"),
        ({"share": 0.5, "raters": 2}, "Give either"),
        ({"share": 1.5}, "from 0 to 1"),
        ({"raters": 7}, "6 free places"),
        ({"raters": 1, "prefer": {"guide": 1.0}}, 'did you mean "guided"'),
        ({"raters": 1, "prefer": {"guided:fidelty": 1.0}}, 'did you mean "fidelity"'),
        ({"raters": 1, "prefer": {"guided": float("nan")}}, "must be a number"),
    ):
        with pytest.raises(InputError, match=words):
            raters_simulate(study=study, seed=0, **given)
    study_close(study=study)
    with pytest.raises(ConflictError, match="can join only an open study"):
        raters_simulate(study=study, seed=0, share=1.0)
    assert not Rater.objects.exists()


def test_the_commands_go_from_runs_to_ratings() -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    out = StringIO()
    call_command(
        "create_study", "--name", "s", "--runs", "one,two", "--raters-per-panel", "3", "--open", "--format", "json",
        stdout=out, stderr=StringIO(),
    )  # fmt: skip
    made = json.loads(out.getvalue())
    assert made["status"] == "open" and made["ratings"] == 3 * 5 * 2 and "/r/join/" in made["invitation"]
    out = StringIO()
    call_command("simulate_raters", "s", "--raters", "2", "--prefer", "one=1.5", stdout=out)
    assert "10 ratings by 2 simulated raters (seed 0). 4 places left for people." in out.getvalue()
    out = StringIO()
    call_command("create_study", "--name", "s", "--close", stdout=out)
    assert "Study s is closed: one against two." in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create_study", "--name", "s", "--runs", "one,twoo"], 'did you mean "two"'),
        (["create_study", "--name", "s", "--runs", "one"], "1 was given"),
        (["create_study", "--name", "s"], 'Unknown study "s"'),
        (["create_study", "--name", "s", "--runs", "one,two", "--protocol", "x"], "no protocol"),
        (["simulate_raters", "s"], 'Unknown study "s"'),
    ],
)
def test_the_commands_refuse_bad_input_with_exit_code_two(arguments: list[str], words: str) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    with pytest.raises(CommandError, match=words) as refused:
        call_command(*arguments)
    assert refused.value.returncode == 2
