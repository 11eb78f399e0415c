"""Opening a study of many images is a worker's work: asked for once, told how far, all or nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation.errors import ConflictError, InputError
from evaluation.models import Study, StudyImage, StudyStatus
from evaluation.services.studies import open_or_queue as module
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open_or_queue import Opening, study_open_by_worker, study_open_soon, study_opening
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> Study:
    suite = a_suite()
    return study_create(StudyDraft(name="mine", runs=[a_run(suite, "one"), a_run(suite, "two")], raters_per_panel=2))


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is handed to the workers; a study of any images is theirs."""
    calls: list[tuple[str, int]] = []

    def taken(task: str, study: int) -> bool:
        calls.append((task, study))
        return True

    monkeypatch.setattr(module, "AT_ONCE", 0)
    monkeypatch.setattr(module, "hand_over", taken)
    return calls


def test_few_images_are_made_at_once(draft: Study) -> None:
    assert study_open_soon(study=draft)
    draft.refresh_from_db()
    assert draft.status == StudyStatus.OPEN and study_opening(draft) is None
    with pytest.raises(ConflictError, match="only drafts"):
        study_open_soon(study=draft)


def test_many_images_are_a_workers_work(draft: Study, queued: list[tuple[str, int]]) -> None:
    assert not study_open_soon(study=draft)
    assert queued == [("study_open_queued", draft.pk)]
    assert study_opening(draft) == Opening(images=2 * 5 * 2)
    with pytest.raises(ConflictError, match="is being opened"):
        study_open_soon(study=draft)
    assert len(queued) == 1

    study_open_by_worker(study_pk=draft.pk)
    study_open_by_worker(study_pk=draft.pk)  # handed out twice
    draft.refresh_from_db()
    assert draft.status == StudyStatus.OPEN and draft.images.count() == 20
    assert study_opening(draft) is None


def test_what_goes_wrong_is_told_and_may_be_tried_again(draft: Study, queued: list[tuple[str, int]]) -> None:
    study_open_soon(study=draft)
    run = draft.study_runs.get(label="two").run
    lost = list(run.samples.filter(prompt__number=1))
    run.samples.filter(prompt__number=1).delete()
    study_open_by_worker(study_pk=draft.pk)
    draft.refresh_from_db()
    opening = study_opening(draft)
    assert draft.status == StudyStatus.DRAFT and not StudyImage.objects.exists()
    assert opening is not None and "two" in opening.message

    for sample in lost:
        sample.save(force_insert=True)
    assert not study_open_soon(study=draft) and len(queued) == 2


def test_no_queue_no_opening(draft: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 0)
    monkeypatch.setattr(module, "hand_over", lambda task, pk: False)
    with pytest.raises(InputError, match="queue does not respond"):
        study_open_soon(study=draft)
    assert study_opening(draft) is None


def test_the_page_follows_it(draft: Study, queued: list[tuple[str, int]]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("ada"))
    page = client.post("/studies/mine/open/", follow=True).content.decode()
    assert "Waiting for a worker" in page and "Open the study" not in page
    part = client.get("/studies/mine/state/?opening=1")
    assert "HX-Refresh" not in part.headers
    assert client.get("/studies/mine/state/").status_code == 200

    study_open_by_worker(study_pk=draft.pk)
    assert client.get("/studies/mine/state/?opening=1").headers["HX-Refresh"] == "true"
    assert "Invitations" in client.get("/studies/mine/").content.decode()
