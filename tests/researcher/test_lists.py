"""Every list of the site: searched, filtered, sorted and paged by the database, by addresses that can be linked."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.models import GenerationRun, Sample, StoredImage, Study, Suite
from evaluation.selectors.list_shapes import runs_shape, studies_shape, suites_shape, team_shape, uploads_shape
from evaluation.selectors.lists import MOST_SEARCHED, list_asked
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


def rows(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', text)


def shown(client: Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return rows(answer.content.decode())


@pytest.fixture
def many(db: None) -> Suite:
    """62 runs of one image."""
    suite = a_suite({"Colors": 1})
    run = a_run(suite, "run 00", samples=1)
    prompt, image = suite.prompts.get(), StoredImage.objects.get()
    others = GenerationRun.objects.bulk_create(
        GenerationRun(
            name=f"run {at:02}",
            suite=suite,
            origin="uploaded" if at % 2 else "rendered",
            generator="imagen" if at % 3 else "test",
            samples_per_prompt=1,
            status="done" if at < 60 else "cancelled",
        )
        for at in range(1, 62)
    )
    Sample.objects.bulk_create(Sample(run=each, prompt=prompt, sample=0, image=image) for each in others)
    assert run.pk
    return suite


def test_runs_are_searched_filtered_sorted_and_paged(signed_in: Client, many: Suite) -> None:
    assert len(shown(signed_in, "/runs/")) == 25 and len(shown(signed_in, "/runs/?page=3")) == 12
    assert shown(signed_in, "/runs/?q=run+07") == ["run 07"]
    assert shown(signed_in, "/runs/?q=07+run+test") == [], "every word must stand somewhere"
    assert shown(signed_in, "/runs/?sort=name")[:2] == ["run 00", "run 01"]
    assert shown(signed_in, "/runs/?status=cancelled&sort=name") == ["run 60", "run 61"]
    text = signed_in.get("/runs/?origin=uploaded&generator=imagen&sort=name&page=1").content.decode()
    assert len(rows(text)) == 21 and "21 found." in text
    odd = signed_in.get("/runs/?origin=uploaded&sort=name").content.decode()
    assert 'rel="next" href="?origin=uploaded&amp;sort=name&amp;page=2"' in odd, "pages keep what was asked"
    assert "Nothing fits" in signed_in.get("/runs/?q=nothing").content.decode()


def test_what_is_not_known_asks_for_nothing(signed_in: Client, many: Suite) -> None:
    for query in (
        "sort=-pk",
        "status=%27;--",
        "archived=maybe",
        "page=x",
        "page=-3",
        "sort=password",
        f"q={'x' * 9000}",
    ):
        assert signed_in.get(f"/runs/?{query}").status_code == 200, query
    assert len(list_asked({"q": "x" * 9000}, runs_shape()).search) == MOST_SEARCHED
    assert shown(signed_in, "/runs/?q=%25") == [] and shown(signed_in, "/runs/?q=_") == [], "no wildcards"


@pytest.mark.parametrize("path", ["/runs/", "/studies/", "/suites/", "/uploads/"])
def test_a_list_asks_as_often_however_long_it_is(
    signed_in: Client, many: Suite, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Study.objects.bulk_create(
        Study(name=f"study-{at}", protocol="drawbench", specification={"runs": []}) for at in range(40)
    )
    with django_assert_max_num_queries(16):
        signed_in.get(f"{path}?q=1&sort=name")


def test_studies_and_suites(signed_in: Client, study: Study) -> None:
    Study.objects.bulk_create(Study(name=f"draft-{at}", protocol="drawbench") for at in range(8))
    assert shown(signed_in, "/studies/?q=secret") == ["Secret title"]
    assert shown(signed_in, "/studies/?status=open") == ["Secret title"]
    assert shown(signed_in, "/studies/?sort=name&status=draft")[0] == "draft-0"
    Suite.objects.create(name="other", version_hash="d" * 64, content_hash="d" * 64, archived_at=timezone.now())
    assert shown(signed_in, "/suites/") == ["suite-trial"] and shown(signed_in, "/suites/?archived=yes") == ["other"]
    assert shown(signed_in, "/suites/?archived=all&sort=runs") == ["suite-trial", "other"]


def test_every_shape_can_be_asked_in_every_way() -> None:
    for shape in (suites_shape(), runs_shape(), studies_shape(), uploads_shape(), team_shape()):
        assert all(order for _, order in shape.sorts.values()) and shape.search_of
        for each in shape.filters:
            assert set(each.conditions) <= {value for value, _ in each.choices}


# --- The runs of a new study ----------------------------------------------------------------------------------------


def picks(text: str) -> list[tuple[str, bool]]:
    return [
        (name.strip(), bool(checked))
        for checked, name in re.findall(
            r'<input type="checkbox" name="runs"[^>]*?( checked)?>\s*<label[^>]*>([^<]+)', text
        )
    ]


def test_62_runs_are_a_short_list_that_keeps_what_was_chosen(
    signed_in: Client, many: Suite, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(14):
        text = signed_in.get("/studies/new/").content.decode()
    assert len(picks(text)) == 12 and "12 of 62 other runs shown." in text
    runs = [GenerationRun.objects.get(name=name).pk for name in ("run 07", "run 33")]
    sent = {"runs": runs, f"label-{runs[0]}": "seven", "protocol": "drawbench", "name": "mine"}
    found = signed_in.post("/studies/new/", sent | {"find": "run 5", "find_go": "find"}).content.decode()
    assert picks(found)[:2] == [("run 33", True), ("run 07", True)] and 'value="seven"' in found
    assert [name for name, _ in picks(found)[2:]] == [
        *(f"run {at}" for at in range(59, 49, -1)), "run 45", "run 35",
    ] and 'value="mine"' in found and "Fill in" not in found  # fmt: skip
    more = signed_in.post("/studies/new/", sent | {"find_more": "24"}).content.decode()
    assert len(picks(more)) == 26
    assert Study.objects.count() == 0


def test_enter_in_the_search_looks_for_runs_and_saves_nothing(signed_in: Client, many: Suite) -> None:
    """Without the script Enter sends the form; what is searched for has changed, so it is meant."""
    runs = [each.pk for each in GenerationRun.objects.order_by("name")[:2]]
    given = {"runs": runs, "protocol": "drawbench", "missing": "refuse", "design_seed": "0", "name": "mine"}
    found = signed_in.post("/studies/new/", given | {"find": "run 4", "find_was": ""})
    assert found.status_code == 200 and Study.objects.count() == 0
    saved = signed_in.post("/studies/new/", given | {"find": "run 4", "find_was": "run 4"})
    assert saved.status_code == 302 and Study.objects.get().study_runs.count() == 2


def test_the_script_fetches_the_same_list(signed_in: Client, many: Suite) -> None:
    page = signed_in.get("/studies/new/").content.decode()
    assert 'data-runs="/studies/new/runs/"' in page
    part = signed_in.post("/studies/new/runs/", {"find": "run 61"}).content.decode()
    assert picks(part) == [("run 61", False)] and "<html" not in part
    other = a_run(a_suite({"Colors": 1}, name="other"), "elsewhere", samples=1)
    part = signed_in.post("/studies/new/runs/", {"find_suite": str(other.suite_id)}).content.decode()
    assert picks(part) == [("elsewhere", False)]
    for odd in ("x", "9" * 30, "-1"):
        assert (
            signed_in.post("/studies/new/runs/", {"find_suite": odd, "runs": odd, "find_more": odd}).status_code == 200
        )
