"""From a new study to its report, through the pages."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from evaluation.models import GenerationRun, Invitation, Rating, Report, Study, StudyStatus, Suite
from evaluation.reports.ratings_file import input_hash
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite, an_open_study
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def draft(signed_in: Client, **given: object) -> object:
    suite = a_suite()
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    values: dict[str, object] = {
        "name": "mine",
        "protocol": "drawbench",
        "runs": [run.pk for run in runs],
        f"label-{runs[1].pk}": "the other",
        "raters_per_panel": 3,
        "missing": "refuse",
        "design_seed": 5,
    }
    return signed_in.post("/studies/new/", values | given)


def test_a_study_from_draft_to_closed(signed_in: Client, ada: User) -> None:
    draft(signed_in)
    study = Study.objects.get(name="mine")
    assert [place.label for place in study.study_runs.all()] == ["one", "the other"]
    assert study.created_by == ada and study.design_seed == 5
    text = signed_in.get("/studies/mine/").content.decode()
    assert "A draft accepts no ratings yet" in text and "Which set of images is of higher quality?" in text
    assert "Departures from the protocol" in text and "3 raters per panel" in text

    signed_in.post("/studies/mine/open/")
    study.refresh_from_db()
    assert study.status == StudyStatus.OPEN
    text = signed_in.get("/studies/mine/").content.decode()
    assert study.specification_hash in text
    first = Invitation.objects.get()
    assert f"/r/join/{first.key}" in text, "opening makes a link, as the command does"

    made = signed_in.post("/studies/mine/invitations/", {"label": "lab", "max_raters": 4, "days": 7})
    invitation = Invitation.objects.exclude(pk=first.pk).get()
    assert made.status_code == 302 and invitation.max_raters == 4 and invitation.expires_at is not None
    assert f"/r/join/{invitation.key}" in signed_in.get("/studies/mine/").content.decode()
    signed_in.post(f"/studies/mine/invitations/{invitation.pk}/revoke/")
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None

    signed_in.post("/studies/mine/close/")
    study.refresh_from_db()
    assert study.status == StudyStatus.CLOSED
    again = signed_in.post("/studies/mine/close/", follow=True)
    assert "only open studies can be closed" in again.content.decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "not a slug"}, "valid"),
        ({"runs": []}, "Choose the runs, of one suite"),
        ({"raters_per_panel": 0}, "1 or more"),
        ({"samples_per_set": 17}, "between 1 and 16"),
        ({"protocol": "drawbenhc"}, "not in the list"),
    ],
)
def test_a_study_that_cannot_be(signed_in: Client, given: dict[str, object], said: str) -> None:
    answer = draft(signed_in, **given)
    assert answer.status_code == 422  # type: ignore[attr-defined]
    text = answer.content.decode()  # type: ignore[attr-defined]
    assert said in text
    assert not Study.objects.exists()
    if given.get("runs") != []:
        assert len(re.findall(r'name="runs"[^>]* checked', text)) == 2, "the choice of runs is kept"
        assert 'value="the other"' in text, "and so are their labels"


def test_a_stopping_rule_is_declared_by_the_form(signed_in: Client) -> None:
    draft(signed_in, raters_per_panel=10, stop_half_width="0.05", stop_max_raters="18", stop_margin="")
    assert Study.objects.get().specification["stopping_rule"] == {
        "max_raters": 18,
        "min_raters": 5,
        "margin": None,
        "half_width": 0.05,
        "alpha": 0.05,
        "method": "betting",
    }
    text = signed_in.get("/studies/mine/").content.decode()
    assert "<dt>Stopping rule</dt>" in text and "no wider than ±5 points. At least 5 raters must count" in text


def test_ticking_is_enough_and_leaving_it_is_no_rule(signed_in: Client) -> None:
    draft(signed_in, raters_per_panel=8, stop_when_decided="on")
    study = Study.objects.get()
    assert study.specification["stopping_rule"]["max_raters"] == 16
    study.delete()
    values = {"name": "mine", "protocol": "drawbench", "runs": [run.pk for run in GenerationRun.objects.all()],
              "missing": "refuse", "design_seed": 0}  # fmt: skip
    signed_in.post("/studies/new/", values)
    assert "stopping_rule" not in Study.objects.get().specification
    assert "Stopping rule" not in signed_in.get("/studies/mine/").content.decode()


def test_a_stopping_rule_that_cannot_be_is_told_beside_its_field(signed_in: Client) -> None:
    folded = re.compile(r"<details class=\"card\"( open)?><summary>Early stopping")
    answer = draft(signed_in, raters_per_panel=8, stop_margin="10", stop_alpha="x")
    assert "Enter a number" in answer.content.decode()  # type: ignore[attr-defined]
    GenerationRun.objects.all().delete()
    Suite.objects.all().delete()
    answer = draft(signed_in, raters_per_panel=8, stop_margin="10")
    text = answer.content.decode()  # type: ignore[attr-defined]
    assert answer.status_code == 422 and 'id="id_stop_margin-error"' in text  # type: ignore[attr-defined]
    assert "a fraction of the net share; 0.1 is ten points" in text
    found = folded.search(text)
    assert found is not None and found[1], "unfolded, with what was filled in"
    found = folded.search(signed_in.get("/studies/new/").content.decode())
    assert found is not None and not found[1], "folded away at first"


def test_the_board_and_the_report_say_what_the_rule_says(signed_in: Client) -> None:
    draft(signed_in, raters_per_panel=10, stop_max_raters="20", stop_min_raters="8", stop_margin="0.1")
    study = study_open(study=Study.objects.get())
    raters_simulate(study=study, raters=4, seed=1, prefer={"one": 2.5})
    assert (
        "<strong>The rule does not recommend stopping yet.</strong>"
        in signed_in.get("/studies/mine/state/").content.decode()
    )
    text = signed_in.get("/studies/mine/report/", follow=True).content.decode()
    assert "With 4 finished raters, the rule does not recommend stopping yet." in text
    raters_simulate(study=study, raters=16, seed=2, prefer={"one": 2.5})
    text = signed_in.get("/studies/mine/state/").content.decode()
    assert (
        "<strong>The rule recommends stopping:</strong>" in text
        and "one is preferred: the interval excludes zero" in text
    )
    text = signed_in.get("/studies/mine/report/", follow=True).content.decode()
    for expected in (
        "The declared stopping rule",
        "lies within ±10 points",
        "With 20 finished raters, the rule recommends stopping.",
        "one is preferred: the interval excludes zero",
    ):
        assert expected in text, expected


def test_runs_of_two_suites_are_not_compared(signed_in: Client) -> None:
    runs = [a_run(a_suite(name=name), name) for name in ("one", "two")]
    values = {"name": "mine", "protocol": "drawbench", "runs": [run.pk for run in runs], "missing": "refuse",
              "design_seed": 0}  # fmt: skip
    answer = signed_in.post("/studies/new/", values)
    assert answer.status_code == 422 and "the same version of one suite" in answer.content.decode()


def test_a_bad_invitation_is_told_beside_its_field(signed_in: Client, study: Study) -> None:
    answer = signed_in.post("/studies/trial/invitations/", {"max_raters": 0})
    assert answer.status_code == 422 and 'id="id_max_raters-error"' in answer.content.decode()
    assert not Invitation.objects.exists()


# --- The report -----------------------------------------------------------------------------------------------------


def report_of(signed_in: Client) -> tuple[Report, str]:
    answer = signed_in.get("/studies/trial/report/", follow=True)
    report = Report.objects.get()
    assert answer.redirect_chain == [(f"/reports/{report.pk}/", 302)]
    return report, answer.content.decode()


def test_the_report_says_what_it_rests_on(signed_in: Client, rated: Study) -> None:
    report, text = report_of(signed_in)
    for expected in (
        "SIMULATED.",
        "Interim.",
        "Which set of images is of higher quality?",
        "as independent",
        "Krippendorff",
        "What the source leaves open",
        report.input_hash,
        report.code_version,
        rated.specification_hash,
        "python manage.py analyse --ratings",
        "Saharia et al. 2022",
    ):
        assert expected in text, expected
    assert text.index("Fidelity:") < text.index("Alignment:"), "in the protocol's order"
    assert "nan" not in re.sub(r"<[^>]+>", " ", text).lower().split()


def test_the_report_calls_runs_by_their_labels_and_numbers_have_one_form(signed_in: Client, rated: Study) -> None:
    _, text = report_of(signed_in)
    main = text[text.index("<main") : text.index('id="declaration"')]
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))
    assert not re.search(r"\bB\b|\bA\b(?! [a-z])", shown), "A and B are the raters' sides"
    assert not re.search(r"(?<![\w-])-\d", shown) and not re.search(r"\d%", shown)
    assert "right of zero, raters prefer guided" in shown and "Net share: guided minus plain" in shown
    assert 'href="/docs/report/"' in main and 'href="/docs/statistics/"' in main


def test_the_numbers_on_the_page_are_those_of_the_document(signed_in: Client, rated: Study) -> None:
    report, text = report_of(signed_in)
    for comparison in report.results["comparisons"]:
        for share in comparison["overall"]["shares"].values():
            assert f"{share * 100:.1f}" in text
        net = f"{comparison['overall']['net']['estimate'] * 100:+.1f}".replace("-", "−")
        assert net in text


def test_the_report_shows_what_a_reviewer_asks_for(signed_in: Client, rated: Study) -> None:
    report, text = report_of(signed_in)
    fidelity = next(each for each in report.results["comparisons"] if each["question"] == "fidelity")
    assert fidelity["overall"]["words"] in text
    for expected in (
        "Agreement between raters",
        "Krippendorff&#x27;s alpha, ordinal",
        "Fleiss&#x27; kappa",
        "p tests &quot;no preference&quot;; the overall p-value is Holm-adjusted over 2 comparisons",
        "category p-values are Holm-adjusted (2 tests)",
        "Whom the interval speaks for",
        "new raters like these, with these prompts and images",
        "decided answers alone",
        "were for the left set",
        f"methods {report.results['version']}",
    ):
        assert expected in text, expected
    assert "ranking of" not in text, "two generators need no ranking"


def test_three_generators_are_ranked_on_the_page(signed_in: Client) -> None:
    study = an_open_study(labels=("plain", "guided", "tuned"))
    raters_simulate(study=study, share=1, seed=0, prefer={"tuned": 2.0})
    _, text = report_of(signed_in)
    assert "Fidelity: ranking of 3 generators" in text and "Davidson model" in text
    assert "No preference counts as half" in text
    ranking = text[text.index('id="ranking') :]
    assert 'id="comparison' in ranking and 'id="comparison' not in text.removesuffix(ranking), "before the pairs"
    assert ranking.index(">tuned</th>") < ranking.index(">plain</th>"), "the best stands first"


def test_a_report_made_before_these_figures_still_opens(signed_in: Client, rated: Study) -> None:
    report, _ = report_of(signed_in)
    for key in ("agreement", "rankings", "side_bias", "version"):
        del report.results[key]
    for each in report.results["comparisons"]:
        for key in ("words", "by_estimand", "decided", "p_value"):
            del each["overall"][key]
    with unguarded():
        report.save()
    text = signed_in.get(f"/reports/{report.pk}/").content.decode()
    assert "Fidelity:" in text and "Whom the interval speaks for" not in text and "Agreement between" not in text


def test_figures_and_files(signed_in: Client, rated: Study) -> None:
    report, text = report_of(signed_in)
    base = f"/reports/{report.pk}/"
    for source in re.findall(r'(?:srcset|src)="(/reports/[^"]+)"', text):
        answer = signed_in.get(source.replace("&amp;", "&"))
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/svg+xml"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert signed_in.get(f"{base}figure-0.pdf?download").headers["Content-Disposition"].endswith('.pdf"')
    assert b"booktabs" in signed_in.get(f"{base}table-0.tex").content
    assert b"SIMULATED" in signed_in.get(f"{base}table-0.tex").content
    rows = list(csv.DictReader(io.StringIO(signed_in.get(f"{base}table.csv").content.decode())))
    assert {row["question"] for row in rows} == {"fidelity", "alignment"}
    document = json.loads(signed_in.get(f"{base}results.json").content)
    assert document["schema"] == "drawbench-analysis/1" and document["simulated"] is True
    assert document["report"]["input_hash"] == report.input_hash
    for path in ("figure-9.svg", "table-9.tex"):
        assert signed_in.get(base + path).status_code == 404


def test_the_reports_ratings_give_the_reports_numbers(signed_in: Client, rated: Study, tmp_path: object) -> None:
    report, _ = report_of(signed_in)
    data = signed_in.get(f"/reports/{report.pk}/ratings.csv").getvalue()
    assert input_hash(data) == report.input_hash
    path = f"{tmp_path}/ratings.csv"
    with open(path, "wb") as file:
        file.write(data)
    out = io.StringIO()
    call_command("analyse", "--ratings", path, "--format", "json", stdout=out)
    assert json.loads(out.getvalue())["comparisons"] == report.results["comparisons"]


def test_an_old_report_stays_and_says_that_it_is_old(signed_in: Client, rated: Study) -> None:
    report, before = report_of(signed_in)
    rating = Rating.objects.first()
    assert rating is not None
    Rating.objects.filter(pk=rating.pk).update(retracted_at=timezone.now())
    newer = signed_in.get("/studies/trial/report/", follow=True)
    assert newer.redirect_chain[0][0] != f"/reports/{report.pk}/"
    text = signed_in.get(f"/reports/{report.pk}/").content.decode()
    assert "There is a newer report" in text and f"{report.n_ratings} ratings" in text
    assert input_hash(signed_in.get(f"/reports/{report.pk}/ratings.csv").getvalue()) == report.input_hash


def test_the_study_exports_its_ratings(signed_in: Client, rated: Study) -> None:
    answer = signed_in.get("/studies/trial/ratings.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="trial-ratings.csv"'
    assert answer.getvalue().startswith(b"rater_id,prompt_id,category,")
    assert signed_in.get("/studies/trial/ratings.parquet").content.startswith(b"PAR1")
    assert signed_in.get("/studies/trial/ratings.xlsx").status_code == 404
