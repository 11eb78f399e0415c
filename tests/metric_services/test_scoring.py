"""Scoring the images of a run: asked for once, scored once, bad files named, honest about what was scored with what."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.metrics.shapes import SQUASHED
from evaluation.models import GenerationRun, MetricRun, MetricScore, RunStatus, Sample
from evaluation.services.scoring import score as scoring
from evaluation.services.scoring.request import metric_cancel, metric_request, metric_retry
from evaluation.services.scoring.score import metric_chunks, metric_score
from evaluation.services.scoring.shapes import other_shapes
from evaluation.services.store.images import image_path, image_put
from evaluation.services.work import items
from evaluation.services.work.deaths import ALONE_DEATHS
from evaluation.services.work.locks import claim_scores
from tests.metric_services.steps import add_sample, ask, grey, grey_run, score, values
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


# --- Asking ---------------------------------------------------------------------------------------------------------


def test_the_same_is_asked_for_once() -> None:
    run = grey_run({"a": [0]})
    first = metric_request(run=run, metric="testbright", parameters={"scale": "2"}, queue=False)
    again = metric_request(run=run, metric="testbright", parameters={"scale": 2.0}, queue=False)
    other = metric_request(run=run, metric="testbright", parameters={"scale": 3}, queue=False)
    assert first.is_new and not again.is_new and other.is_new
    assert first.metric_run.pk == again.metric_run.pk != other.metric_run.pk
    assert first.metric_run.parameters == {"scale": 2.0, "slow": 0.0, "weights": ""}


@pytest.mark.parametrize(
    ("given", "said", "field"),
    [
        ({"metric": "testbrigt"}, 'did you mean "testbright"', "metric"),
        ({"parameters": {"scal": 1}}, "did you mean", "parameters"),
        ({"parameters": {"scale": 1000}}, "0.1 to 100", "parameters"),
        ({"parameters": {"scale": "much"}}, "a number", "parameters"),
        ({"parameters": {"weights": "/etc/passwd"}}, "only a command on the server", "parameters"),
        ({"reference": "run:other"}, "uses no reference", "reference"),
        ({"metric": "testspread"}, "needs a reference", "reference"),
        ({"metric": "testspread", "reference": "coco-val2041"}, "reference", "reference"),
        ({"metric": "testspread", "reference": "run:greyss"}, 'did you mean "greys"', "run"),
        ({"metric": "testspread", "reference": "run:greys"}, "be its own reference", "reference"),
    ],
)
def test_what_can_not_be_scored_is_told(given: dict[str, object], said: str, field: str) -> None:
    run = grey_run({"a": [0]})
    with pytest.raises(InputError, match=".") as error:
        metric_request(run=run, queue=False, **{"metric": "testbright", **given})  # type: ignore[arg-type]
    assert said in error.value.message and error.value.field == field
    assert not MetricRun.objects.exists()


def test_a_run_that_is_being_drawn_or_empty_is_refused() -> None:
    run = grey_run({"a": [0]})
    GenerationRun.objects.update(status=RunStatus.RUNNING)
    run.refresh_from_db()
    with pytest.raises(ConflictError, match="still in progress"):
        ask(run)
    GenerationRun.objects.update(status=RunStatus.DONE)
    run.refresh_from_db()
    run.samples.all().delete()
    with pytest.raises(ConflictError, match="no images to score"):
        ask(run)


# --- Scoring --------------------------------------------------------------------------------------------------------


def test_every_image_gets_its_number_and_what_it_was_made_with() -> None:
    run = grey_run({"a": [0, 255], "b": [51, 102]})
    found = score(ask(run))
    assert values(found) == {"00000/0": 0.0, "00000/1": 1.0, "00001/0": 0.2, "00001/1": 0.4}
    assert (found.status, found.n_done, found.n_total) == (RunStatus.DONE, 4, 4)
    assert found.label == "brightness" and found.provenance["device"] == "cpu"
    assert found.code_version.startswith("metrics-") and "testmetric 1.0" in found.code_version
    assert len(found.images_hash) == 64 and found.started_at and found.finished_at
    assert found.scores.get(value=1.0).detail == {"mean": 255.0}


def test_the_result_says_which_sizes_there_were_and_what_was_done_with_other_shapes() -> None:
    squares = score(ask(grey_run({"a": [0, 255]})))
    assert squares.result["image_sizes"] == {"8 x 8": 2} and "other_shapes" not in squares.result
    run = grey_run({"a": [0, 255]}, name="wide")
    wide = image_put(data=grey(51), image_format="png", width=16, height=8)
    run.samples.filter(sample=0).update(image=wide)
    found = score(ask(run))
    assert found.result["image_sizes"] == {"8 x 8": 1, "16 x 8": 1}
    assert found.result["other_shapes"] == "the metric does not say what it does with them"
    frechet = MetricRun(run=run, provenance={})
    assert "middle square" in str(other_shapes(frechet, {"protocol": {"shape": "crop"}})["other_shapes"])
    clip = MetricRun(run=run, provenance={"other_shapes": SQUASHED})
    assert other_shapes(clip, {})["other_shapes"] == SQUASHED


def test_the_original_upload_is_read_where_there_is_one() -> None:
    run = grey_run({"a": [0]})
    original = image_put(data=grey(255), image_format="png", width=8, height=8)
    Sample.objects.update(original=original)
    assert values(score(ask(run))) == {"00000/0": 1.0}


def test_a_bad_file_is_named_and_the_others_are_scored() -> None:
    run = grey_run({"a": [0, 51, 102], "b": [153, 204, 255]})
    gone, torn = run.samples.filter(prompt__number=0, sample=1).get(), run.samples.get(prompt__number=1, sample=2)
    image_path(gone.image).unlink()
    image_path(torn.image).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    found = score(ask(run))
    assert found.status == RunStatus.DONE and found.n_done == 6
    assert values(found) | {"00000/1": None, "00001/2": None} == values(found)
    assert sorted(value for value in values(found).values() if value is not None) == [0.0, 0.4, 0.6, 0.8]
    assert all("can't be read" in why for why in found.scores.filter(value=None).values_list("why", flat=True))


def test_a_metric_that_raises_on_one_image_costs_that_one_alone_and_is_asked_again() -> None:
    run = grey_run({"a": [0, 51], "crash": [102], "c": [255]})
    found = score(ask(run))
    assert found.status == RunStatus.DONE
    assert values(found) == {"00000/0": 0.0, "00000/1": 0.2, "00001/0": None, "00002/0": 1.0}
    broken = found.scores.get(value=None)
    assert "RuntimeError: out of light" in broken.why and broken.detail == {"failed": True}
    with unguarded():
        run.suite.prompts.filter(number=1).update(text="mended")
    assert values(score(metric_retry(metric_run=found, queue=False)))["00001/0"] == 0.4


def test_a_metric_that_raises_on_all_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "FAULTS", 3)
    run = grey_run({f"crash {n}": [n, n + 1] for n in range(5)})
    found = score(ask(run))
    assert found.status == RunStatus.FAILED and "on each of the first 3 images" in found.message
    assert "out of light" in found.message and found.n_done < 10


def test_a_metric_without_any_number_has_failed_and_says_the_first_reason() -> None:
    found = score(ask(grey_run({"refuse this": [0, 1]})))
    assert found.status == RunStatus.FAILED
    assert found.message == "No image got a score. The first: not to my taste"


def test_missing_weights_are_told_and_nothing_is_scored(tmp_path: Path) -> None:
    run = grey_run({"a": [0]})
    weights = tmp_path / "weights"
    for _ in range(ALONE_DEATHS + 1):  # a refusal is no death of a worker, however often it is asked for
        found = score(ask(run, parameters={"weights": str(weights)}))
        assert found.status == RunStatus.FAILED and "are not there" in found.message and not found.scores.exists()
    weights.write_bytes(b"1")
    again = metric_request(
        run=run, metric="testbright", parameters={"weights": str(weights)}, operator=True, queue=False
    )
    assert again.metric_run.pk == found.pk and score(again.metric_run).status == RunStatus.DONE


def test_numbers_of_two_weights_never_stand_as_one_s(tmp_path: Path) -> None:
    from evaluation.services.scoring.load import forget_metrics

    weights = tmp_path / "weights"
    weights.write_bytes(b"1")
    run = grey_run({f"prompt {n}": [n] for n in range(4)})
    found = ask(run, parameters={"weights": str(weights)})
    samples = metric_chunks(found)[0]
    metric_score(metric_run_pk=found.pk, sample_pks=samples[:2], seconds=60)
    weights.write_bytes(b"2")
    forget_metrics()
    score(found)
    assert found.status == RunStatus.FAILED and "has changed since" in found.message and found.n_done == 2
    found = score(metric_retry(metric_run=found, anew=True, queue=False))
    assert found.status == RunStatus.DONE and found.n_done == 4 and found.message == ""


def test_what_is_scored_is_not_scored_again_and_what_came_later_is() -> None:
    run = grey_run({"a": [0], "b": [255]})
    found = score(ask(run))
    kept = dict(found.scores.values_list("sample", "pk"))
    with pytest.raises(ConflictError, match="nothing is left to score"):
        metric_retry(metric_run=found, queue=False)
    add_sample(run, run.suite.prompts.get(number=1), 1, 51)
    found = score(metric_retry(metric_run=found, queue=False))
    assert found.n_done == found.n_total == 3
    assert kept.items() <= dict(found.scores.values_list("sample", "pk")).items()


def test_stopping_and_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    run = grey_run({f"prompt {n}": [n] for n in range(6)})
    found = ask(run)
    keep = scoring._keep

    def stop_after_the_first(*arguments: object) -> None:
        keep(*arguments)  # type: ignore[arg-type]
        metric_cancel(metric_run=found)

    monkeypatch.setattr(scoring, "_keep", stop_after_the_first)
    monkeypatch.setattr(items, "WANTED_EVERY_S", 0.0)  # these batches take no time
    score(found)
    assert found.status == RunStatus.CANCELLED and found.n_done == 1
    with pytest.raises(ConflictError, match="ended already"):
        metric_cancel(metric_run=found)
    monkeypatch.setattr(scoring, "_keep", keep)
    assert score(metric_retry(metric_run=found, queue=False)).n_done == 6


def test_a_sample_that_another_holds_is_left_to_it(transactional_db: None) -> None:
    import threading

    from django.db import connection

    run = grey_run({f"prompt {n}": [n] for n in range(3)})
    found = ask(run)
    samples = metric_chunks(found)[0]
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with claim_scores(found.pk, samples[:1]) as mine:
                assert mine == samples[:1]
                held.set()
                over.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    assert metric_score(metric_run_pk=found.pk, sample_pks=samples, seconds=60) is None
    found.refresh_from_db()
    assert found.n_done == 2 and found.status == RunStatus.RUNNING
    over.set()
    thread.join()
    assert score(found).n_done == 3


def test_a_task_that_is_out_of_time_leaves_the_rest() -> None:
    run = grey_run({f"prompt {n}": [n] for n in range(5)})
    found = ask(run)
    samples = metric_chunks(found)[0]
    left = metric_score(metric_run_pk=found.pk, sample_pks=samples, seconds=0)
    assert left is not None and left.keys == samples[1:]
    assert score(found).status == RunStatus.DONE


# --- Sets -----------------------------------------------------------------------------------------------------------


def test_a_set_is_compared_with_another_run() -> None:
    bright, dark = grey_run({"a": [255, 255]}, name="bright"), grey_run({"a": [51, 51]}, name="dark")
    found = ask(bright, "testspread", reference="run:dark")
    assert found.n_total == 4
    score(found)
    assert found.status == RunStatus.DONE and found.result is not None
    assert found.result["value"] == pytest.approx(0.8) and found.result["n_reference"] == 2
    assert found.label == "spread of brightness" and found.n_done == found.n_total
    assert MetricRun.objects.get(reference_run=dark) == found


def test_a_set_without_a_value_has_failed_for_the_reason_it_gave() -> None:
    run, other = grey_run({"a": [255]}, name="one"), grey_run({"a": [0]}, name="two")
    for sample in run.samples.select_related("image"):
        image_path(sample.image).unlink()
    found = score(ask(run, "testspread", reference="run:two"))
    assert (found.status, found.message) == (RunStatus.FAILED, "no image could be read")
    other.delete()
    assert not MetricRun.objects.exists()


# --- The database's own word ----------------------------------------------------------------------------------------


def test_deleting_a_run_takes_its_scores_along() -> None:
    run = grey_run({"a": [0, 1]})
    score(ask(run))
    run.delete()
    assert not MetricRun.objects.exists() and not MetricScore.objects.exists()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"status": "lost"}, "metric_run_status_known"),
        ({"n_done": 3, "n_total": 2}, "metric_run_done_at_most_all"),
        ({"kind": "both"}, "metric_run_kind_known"),
        ({"better": "best"}, "metric_run_better_known"),
        ({"status": "done", "label": ""}, "metric_run_done_has_result"),
        ({"status": "done", "label": "x", "kind": "set", "result": None}, "metric_run_done_has_result"),
    ],
)
def test_the_database_refuses_what_can_not_be(fields: dict[str, object], constraint: str) -> None:
    found = ask(grey_run({"a": [0]}))
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        MetricRun.objects.filter(pk=found.pk).update(**fields)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"value": None, "why": ""}, "metric_score_or_why"),
        ({"value": float("nan")}, "metric_score_is_a_number"),
        ({"value": float("inf")}, "metric_score_is_a_number"),
        ({"value": float("-inf")}, "metric_score_is_a_number"),
    ],
)
def test_a_score_is_a_number_or_a_reason(fields: dict[str, object], constraint: str) -> None:
    found = ask(grey_run({"a": [0]}))
    sample = found.run.samples.get()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        MetricScore.objects.create(metric_run=found, sample=sample, **fields)
    MetricScore.objects.create(metric_run=found, sample=sample, value=0.0)
    with pytest.raises(IntegrityError, match="metric_score_once"), transaction.atomic():
        MetricScore.objects.create(metric_run=found, sample=sample, value=1.0)


def test_an_unknown_reference_names_the_nearest_or_what_to_do() -> None:
    with pytest.raises(NotFoundError, match="nothing-like-it"):
        ask(grey_run({"a": [0]}), "testspread", reference="nothing-like-it")
