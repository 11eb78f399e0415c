"""A report's page: its sections in the declared order, each in its contents; labels as typed; bounded, whatever the
study."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any

import pandas as pd
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from common.places import CHECKOUT
from evaluation.analysis.frame import validate_ratings
from evaluation.models import Rater, Report, Study
from evaluation.reports import exams, fonts
from evaluation.reports.compute import ReportInput, Settings, compute_report
from evaluation.reports.reading import MOST_FIGURES
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.views.researcher.report_file import report_html
from evaluation.views.researcher.report_page import MOST_PAIR_ROWS, WHOLE_PAIRS
from generators.exams import Exam, ExamRow
from tests.reports.sample import ratings
from tests.studies.world import a_run, a_suite, an_open_study
from tests.suites.test_outside_files import CASES, needs_cases
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

ORDER = (
    *(
        "answer",
        "contents",
        "examples",
        "agreed",
        "grid",
        "exams",
        "collection",
        "displays",
        "screening",
        "without",
        "skips",
    ),
    *("ranking-1", "ranking-2", "comparison-0", "pairs", "intervals", "times", "signs", "retest", "stopping"),
    *("automatic", "fragility", "limitations", "comments", "declaration", "recompute", "appendix"),
)
"""The anchors of sections, as far as a report has them."""


def page(client: Client, report: Report) -> str:
    answer = client.get(f"/reports/{report.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def headings(text: str) -> list[str]:
    return re.findall(r'<h2 id="([^"]+)"', text)


def ratings_of(labels: list[str], categories: list[str], raters: int = 3) -> pd.DataFrame:
    frames = []
    for at, a in enumerate(sorted(labels)):
        for b in sorted(labels)[at + 1 :]:
            pair = ratings(raters=raters, prompts=len(categories) // 2, label_a=a, label_b=b)
            pair["rater_id"] = "r" + pair["rater_id"].str[-1]
            frames.append(pair.assign(category=[categories[int(each)] for each in pair["prompt_id"]]))
    return pd.concat(frames, ignore_index=True)


def stored(study: Study, frame: pd.DataFrame) -> Report:
    """A report of these ratings, as if the study's raters had given them."""
    given = ReportInput(validate_ratings(frame), ("fidelity", "alignment"), None, None, None)
    return Report.objects.create(
        study=study,
        as_of=timezone.now(),
        input_hash=f"{len(frame):064d}",
        settings=Settings().to_dict(),
        settings_hash="0" * 64,
        code_version="analysis-0",
        results=compute_report(given, Settings()).to_dict(),
        n_ratings=len(frame),
    )


def test_sections_stand_in_their_order_and_in_the_contents(signed_in: Client, rated: Study) -> None:
    text = page(signed_in, report_make(study=rated))
    found = headings(text)
    known = [each for each in found if each in ORDER]
    assert known == sorted(known, key=ORDER.index)
    assert {"answer", "examples", "agreed", "grid", "collection", "comparison-0", "times", "limitations"} <= set(found)
    contents = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', text[text.index('class="contents"') :])
    assert [anchor for anchor, _ in contents] == found[2:], "every section, in the order of the page"
    titles = dict(re.findall(r'<h2 id="([^"]+)">([^<]+)<', text))
    assert all(titles[anchor].startswith(title) for anchor, title in contents)
    short = text[text.index('id="answer"') : text.index('class="contents"')]
    assert re.search(r"<bdi>guided − plain</bdi>: <strong>[+−]\d", short), "the strip is above all else"
    assert "simulated" in text[text.index('id="limitations"') :]
    plain = re.sub(r"<[^>]+>|“[^”]*”", " ", text[text.index("<main") : text.index('id="declaration"')])
    assert not re.findall(r"\bB\b|\b(?:for|of|over|to) A\b|\bA (?:against|minus|preferred|−)", plain), "labels alone"


def test_what_generators_were_measured_to_draw_stands_beside_their_images(
    signed_in: Client, rated: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the report, in its contents, and on the run's own page; where nothing was measured, nothing is said."""
    run = rated.study_runs.get(label="guided").run
    assert "What the generators can draw" not in page(signed_in, report_make(study=rated))
    assert "What its weights can draw" not in signed_in.get(f"/runs/{run.pk}/").content.decode()
    row = ExamRow("colour and object", True, 60, 0.883, 0.778, 0.942, 0.9, 0.0, 1.0)
    exam = Exam(run.generator, {}, ("any",), (row,), 0.7, 19)
    monkeypatch.setattr(exams, "exam_of", lambda name, values, fingerprint: exam)
    text = page(signed_in, report_make(study=rated))
    assert '<a href="#exams">What the generators can draw</a>' in text
    section = text[text.index('id="exams"') : text.index('id="collection"')]
    assert "60 pictures a share" in section and section.count("not learned") == 2 and "held out" in section
    shown = signed_in.get(f"/runs/{run.pk}/").content.decode()
    assert "What its weights can draw, as measured" in shown and "not learned" in shown


def test_specialists_find_the_rest_at_the_end(signed_in: Client, rated: Study) -> None:
    text = page(signed_in, report_make(study=rated))
    appendix = text.index('id="appendix"')
    assert headings(text)[-1] == "appendix"
    assert "Fleiss" not in text[:appendix] and "Fleiss" in text[appendix:]
    assert "All parameters of the runs" in text[appendix:]
    assert "alpha, ordinal" in text[text.index('id="times"') : appendix]


def test_examples_are_drawn_and_not_picked(signed_in: Client, rated: Study) -> None:
    """A prompt a category, the same at each look, with the images of every run; covered ones folded away."""
    text = page(signed_in, report_make(study=rated))
    examples = text[text.index('id="examples"') : text.index('id="agreed"')]
    assert examples.count('class="shown-prompt"') == 2 and examples.count("<img") == 2 * 2 * 2
    assert (
        examples
        == (again := page(signed_in, report_make(study=rated)))[
            again.index('id="examples"') : again.index('id="agreed"')
        ]
    )
    assert "blurred at first" not in text
    first = re.search(r'<code>(\d{5})</code>.*?alt="plain, sample 0"', examples, re.DOTALL)
    assert first is not None
    one = rated.comparisons.get(prompt__number=int(first[1]), control="")
    with unguarded():
        rated.comparisons.filter(pk=one.pk).update(covered=[key for keys in one.sets for key in keys])
    text = page(signed_in, report_make(study=rated))
    assert "Images that raters saw blurred at first" in text[text.index('id="examples"') : text.index('id="agreed"')]


def test_people_are_shown_as_a_flow(signed_in: Client) -> None:
    study = an_open_study(raters_per_panel=3)
    raters_simulate(study=study, share=1.0, seed=0)
    assert "Recruitment, pay and approval</dt><dd>not declared" in page(signed_in, report_make(study=study))
    with unguarded():
        Rater.objects.filter(study=study).update(simulated=False)
    text = page(signed_in, report_make(study=study))
    after = "displays" if "displays" in headings(text) else "times"
    assert text.index('id="collection"') < text.index('id="recruitment"') < text.index(f'id="{after}"')


@needs_cases
def test_labels_with_dollars_are_shown_as_typed(signed_in: Client) -> None:
    names = (CASES / "report-dollar-labels" / "labels.txt").read_text(encoding="utf-8").splitlines()
    labels = [label for line in names for label in line.split(",")]
    study = an_open_study({"$z$": 1, "Prices ($1 and $2)": 1, "plain": 1}, labels=labels, samples=1)
    raters_simulate(study=study, share=1.0, seed=0)
    report = report_make(study=study)
    text = html.unescape(page(signed_in, report))
    assert all(label in text for label in (*labels, "$z$", "Prices ($1 and $2)"))
    pairs = [{each["generator_a"], each["generator_b"]} for each in report.results["comparisons"]]
    second = next(at for at, each in enumerate(pairs) if not each & pairs[0])
    assert pairs[0] | pairs[second] == set(labels)
    for address in ("0.svg", f"{second}.svg?narrow&theme=dark", "0.pdf", f"{second}.png"):
        assert signed_in.get(f"/reports/{report.pk}/figure-{address}").status_code == 200


def test_names_from_right_to_left_are_in_isolates_wherever_they_stand(signed_in: Client) -> None:
    label, category = "قطة حمراء", "צבעים 12"
    study = an_open_study({category: 2, "猫 & 絵": 2}, labels=(label, "猫の絵"), samples=1)
    raters_simulate(study=study, share=1.0, seed=0)
    text = html.unescape(page(signed_in, report_make(study=study)))
    for name in (label, category):
        bare = [at for at in range(len(text)) if text.startswith(name, at) and text[at - 1] not in "\u2068>"]
        assert text.count(name) > 5 and not bare, text[bare[0] - 60 : bare[0] + 60] if bare else ""


@pytest.mark.parametrize("families", [(), ("A font with all",)], ids=["without a font", "with one"])
def test_the_page_says_which_letters_figures_lack(
    families: tuple[str, ...], signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fonts._letters
    monkeypatch.setattr(fonts, "_installed", lambda truetype_first: families)
    monkeypatch.setattr(
        fonts, "_letters", lambda name: own(name) if name == fonts.FONT else frozenset(map(ord, "猫の絵한"))
    )
    study = an_open_study({"한": 2, "plain": 2}, labels=("猫の絵", "other"), samples=1)
    raters_simulate(study=study, share=1.0, seed=0)
    text = page(signed_in, report_make(study=study))
    said = re.findall(r"no font for these letters[^<]*<bdi>([^<]+)</bdi>", text)
    assert [set(each) for each in said] == ([] if families else [set("猫の絵한")]), "once"


@cache
def of_many() -> Any:
    labels, categories = [f"generator-{at}" for at in range(10)], [f"category {at}" for at in range(12)]
    return labels, categories, ratings_of(labels, categories)


def test_a_page_of_many_pairs_is_bounded_and_leads_to_each(signed_in: Client) -> None:
    """Ten generators, two questions, twelve categories: the page depends on these alone, not on how many rated."""
    labels, categories, frame = of_many()
    suite = a_suite(dict.fromkeys(categories, 1), name="many")
    runs = [a_run(suite, label, samples=1) for label in labels]
    draft = StudyDraft(name="many", runs=runs, labels=labels, raters_per_panel=2)
    study = study_open(study=study_create(draft))
    report = stored(study, frame)
    with CaptureQueriesContext(connection) as queries:
        text = page(signed_in, report)
    assert len(queries) <= 20 and not [each for each in queries if "evaluation_rating" in each["sql"]]
    markup = re.sub(r'<a href="[^"]*"><img [^>]*></a>', "", text)
    assert len(markup.encode()) < 500_000 and len(text.encode()) < 500_000
    assert "comparison-0" not in headings(text) and text.index('id="ranking-1"') < text.index('id="pairs"')
    links = re.findall(rf"/reports/{report.pk}/pair-(\d+)/", text)
    assert len(links) == len(report.results["comparisons"]) == 90 > WHOLE_PAIRS and MOST_PAIR_ROWS > 90
    whole = signed_in.get(f"/reports/{report.pk}/pair-{links[-1]}/").content.decode()
    assert f"figure-{links[-1]}.svg" in whole and "category 11" in whole
    assert signed_in.get(f"/reports/{report.pk}/pair-90/").status_code == 404


def test_a_file_of_many_pairs_has_each_whole_and_in_its_contents(signed_in: Client) -> None:
    labels, categories, frame = of_many()
    suite = a_suite(dict.fromkeys(categories, 1), name="many")
    runs = [a_run(suite, label, samples=1) for label in labels]
    draft = StudyDraft(name="many", runs=runs, labels=labels, raters_per_panel=2)
    report = stored(study_open(study=study_create(draft)), frame)
    text = report_html(report)
    inside = [anchor for anchor in headings(text) if anchor.startswith("comparison-")]
    assert len(inside) == len(set(inside)) == 90
    contents = text[text.index('class="contents"') : text.index("</nav>", text.index('class="contents"'))]
    assert re.findall(r'href="#([^"]+)"', contents) == headings(text)[2:], "every section and pair, in their order"
    lines = text[text.index('id="pairs"') : text.index(f'id="{inside[0]}"')]
    assert set(re.findall(r'href="#(comparison-[^"]+)"', lines)) == set(inside), "each line leads to the whole"
    sections = re.findall(r'<section aria-labelledby="comparison-.*?</section>', text, re.DOTALL)
    assert sum("<figure" in each for each in sections) == MOST_FIGURES
    assert all("category 11" in each and "As independent" in each for each in sections), "all have their table"
    whole = re.sub(r'"data:[^"]*"', "", text)
    assert len(whole.encode()) < 2_000_000 and not re.findall(r'href="(?!#|https://)', whole)
    assert "#comparison-" not in page(signed_in, report), "the page leads to pages"


def test_no_table_has_the_name_of_its_section() -> None:
    """A screen reader lists both as landmarks: two of one name can't be told apart."""
    checked = 0
    for path in (CHECKOUT / "templates" / "reports").glob("*.html"):
        source = path.read_text(encoding="utf-8")
        names = {heading.strip() for heading in re.findall(r'<h2 id="[^"]*">([^<]*)</h2>', source)}
        regions = re.findall(r'role="region" aria-label="([^"]+)"', source)
        checked += len(regions)
        assert not names & set(regions), path.name
    assert checked > 15


def test_landmarks_of_a_page_have_names_of_their_own(signed_in: Client, rated: Study) -> None:
    text = page(signed_in, report_make(study=rated))
    titles = dict(re.findall(r'<h2 id="([^"]+)">([^<]*)', text))
    landmarks = [titles[each] for each in re.findall(r'<section[^>]* aria-labelledby="([^"]+)"', text)]
    landmarks += re.findall(r'role="region" aria-label="([^"]+)"', text)
    assert sorted(set(landmarks)) == sorted(landmarks) and len(landmarks) > 15
