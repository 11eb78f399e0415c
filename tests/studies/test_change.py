"""Drafts, edited, copied and deleted: by services and by the command; what is asked for again is the same draft."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evaluation import protocols
from evaluation.errors import ConflictError, InputError
from evaluation.models import Study, StudyRun
from evaluation.selectors.own_protocols import own_protocols, protocol_named
from evaluation.services.studies.change import (
    draft_changed,
    draft_of,
    draft_version,
    study_change,
    study_delete,
)
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.studies.protocols_world import a_draft, some_runs
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

OWN = "based_on: pairwise-open\nname: sharp\ntitle: Sharp\nraters_per_panel: 2\n"


def command(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("create_study", *arguments, "--format", "json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        command(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.mark.parametrize("name", protocols.names())
def test_what_a_draft_asks_for_makes_the_same_draft(name: str) -> None:
    study = study_create(a_draft(name, raters=2, contact="the lab", masks=["top-left:0.25x0.125"], design_seed=3))
    declared, version = study.specification, draft_version(study)
    again = study_change(study=study, draft=draft_of(study), version=version)
    assert again.specification == declared and draft_version(again) == version
    copy = study_create(replace(draft_of(study), name="copy", copied_from=study.name)).specification
    assert copy.pop("copied_from") == {"study": "small", "specification_hash": "", "differences": []}
    assert copy == declared | {"study": "copy"}
    opened = study_open(study=study)
    assert draft_of(opened) == draft_of(again), "an open study can be copied as it was declared"


@pytest.mark.parametrize("own", [False, True])
def test_a_draft_without_its_control_trials_keeps_saying_so(own: bool) -> None:
    mine = protocols.load(b"based_on: single-image\nname: mine\ntitle: Mine\n", "own.yaml")
    runs = some_runs(2)[1]
    protocol = mine if own else "single-image"
    study = study_create(StudyDraft(name="small", runs=runs, protocol=protocol, without_controls=True))
    changed = study_change(study=study, draft=draft_of(study))
    for each in (changed, study_open(study=changed)):
        assert "no control trials, where the protocol has 3 in each session" in each.specification["departures"]
        assert draft_of(each).without_controls and each.specification["panels"][0]["trials"] == 10


def test_the_last_write_is_refused_where_the_draft_changed_or_opened_meanwhile() -> None:
    study = study_create(a_draft("pairwise-open"))
    seen, asked = draft_version(study), draft_of(study)
    study_change(study=study, draft=replace(asked, title="Ada's"), version=seen)
    with pytest.raises(ConflictError, match="has been changed meanwhile"):
        study_change(study=study, draft=replace(asked, title="Grace's"), version=seen)
    with pytest.raises(ConflictError, match="has been changed meanwhile"):
        study_delete(study=study, version=seen)
    study.refresh_from_db()
    assert study.title == "Ada's"
    seen = draft_version(study)
    study_open(study=study)
    for act in (lambda: study_change(study=study, draft=asked, version=seen), lambda: study_delete(study=study)):
        with pytest.raises(ConflictError, match="it is open, and only drafts can be"):
            act()
    assert Study.objects.get().title == "Ada's"


def test_what_is_refused_changes_nothing() -> None:
    study = study_create(a_draft("pairwise-open"))
    before, runs = study.specification, list(study.study_runs.values_list("run", "label", "order"))
    changes: list[dict[str, Any]] = [
        {"name": "two words"},
        {"labels": ["same", "Same", "c", "d"]},
        {"protocol": "rank-q"},
        {"runs": []},
    ]
    for change in changes:
        with pytest.raises(InputError):
            study_change(study=study, draft=draft_changed(draft_of(study), change))
    study.refresh_from_db()
    assert study.specification == before
    assert list(study.study_runs.values_list("run", "label", "order")) == runs


def test_a_deleted_draft_leaves_its_name_and_its_runs() -> None:
    study = study_create(a_draft("coco-photorealism"))
    study_delete(study=study, version=draft_version(study))
    assert not Study.objects.exists() and not StudyRun.objects.exists()
    with pytest.raises(ConflictError, match="deleted meanwhile"):
        study_delete(study=study)
    again = a_run(a_suite(name="other"), "again")
    assert study_create(StudyDraft(name="small", runs=[again], protocol="words")).name == "small"


def test_a_copy_under_another_protocol_prints_the_difference() -> None:
    study = study_create(a_draft("drawbench", contact="ada@example.org"))
    draft = draft_changed(draft_of(study), {"protocol": "pairwise-open", "name": "other", "copied_from": "small"})
    lines = study_create(draft).specification["copied_from"]["differences"]
    assert lines[0] == "protocol: pairwise-open, where the copied study has drawbench"
    assert "question fidelity: left out" in lines and "raters per panel: 5, where the copied study has 3" in lines
    fewer = draft_changed(draft_of(study), {"runs": draft.runs[:2], "labels": ["run-0", "other"], "name": "third"})
    lines = study_create(replace(fewer, copied_from="small", design_seed=7, contact="")).specification["copied_from"]
    assert lines["differences"] == [
        "run run-1: called other, where the copied study has run-1",
        "run run-2: left out",
        "run run-3: left out",
        "design seed: 7, where the copied study has 0",
        "contact: none, where the copied study has ada@example.org",
        "what it sets out to show: another",
    ]


def test_own_protocols_are_found_again() -> None:
    own = protocols.load(OWN.encode(), "own.yaml")
    first = study_create(a_draft(own, raters=2))
    assert [(each.protocol, each.study) for each in own_protocols()] == [(own, "small")]
    assert protocol_named("sharp") == protocol_named("study:small") == own
    study_create(replace(draft_of(first), name="second"))
    assert [each.study for each in own_protocols()] == ["second"], "each declaration once"
    other = replace(own, set_size=2)
    study_create(replace(draft_of(first), name="third", protocol=other))
    assert [each.key for each in own_protocols()] == ["study:third", "study:second"]
    with pytest.raises(InputError, match='2 different protocols called "sharp". Name the study: study:third'):
        protocol_named("sharp")
    with pytest.raises(InputError, match='did you mean "sharp"'):
        protocol_named("shrap")
    out = io.StringIO()
    call_command("protocols", stdout=out)
    assert "sharp" in out.getvalue() and "(study:third)" in out.getvalue()
    out = io.StringIO()
    call_command("protocols", "--diff", "study:second", "study:third", stdout=out)
    assert "images per set: 2, where sharp has 1" in out.getvalue()
    listed = command("--name", "fourth", "--runs", "run-0,run-1", "--protocol", "study:second")
    assert listed["protocol"] == "sharp"


def test_the_command_edits_copies_and_deletes() -> None:
    some_runs(3)
    command("--name", "first", "--runs", "run-0,run-1", "--protocol", "pairwise-open", "--contact", "ada")
    edited = command("--name", "first", "--edit", "--raters-per-panel", "2", "--pair", "run-0,run-1")
    study = Study.objects.get(name="first")
    assert edited["raters"] == 2 and study.specification["raters"]["contact"] == "ada"
    copied = command("--name", "second", "--copy-from", "first", "--runs", "run-0,run-2", "--seed", "4")
    assert copied["copied_from"]["differences"] == [
        "run run-1: left out",
        "run run-2: added",
        "design seed: 4, where the copied study has 0",
        "what it sets out to show: another",
    ]
    assert command("--name", "second", "--rename", "third")["study"] == "third"
    assert command("--name", "third", "--delete") == {"study": "third", "status": "deleted"}
    assert "Give --edit to change the draft" in refused("--name", "first", "--contact", "grace")
    assert "--edit needs something to change" in refused("--name", "first", "--edit")
    assert "--delete stands alone" in refused("--name", "first", "--delete", "--open")
    command("--name", "first", "--open")
    assert "it is open, and only drafts can be" in refused("--name", "first", "--delete")
    assert [each.name for each in Study.objects.all()] == ["first"]


def test_the_command_brings_what_a_protocol_needs(tmp_path: Path) -> None:
    suite, _ = some_runs(2)
    a_run(suite, "photographs", samples=1)
    claims = tmp_path / "claims.csv"
    texts = list(suite.prompts.order_by("number").values_list("text", flat=True))
    claims.write_text("prompt,claim\n" + "".join(f'"{text}",Is it so?\n' for text in texts), encoding="utf-8")
    controls = tmp_path / "controls.csv"
    rows = "".join(f"0000{at},run-0,{q},1\n" for at in range(3) for q in ("fidelity", "alignment"))
    controls.write_text("prompt_id,shown,question,answer\n" + rows, encoding="utf-8")
    runs = ("--runs", "run-0,run-1", "--raters-per-panel", "2", "--open")
    for name, brought in {
        "questions": ("--claims", str(claims)),
        "coco-photorealism": ("--reference", "photographs", "--without-controls"),
        "coco-alignment": ("--reference", "photographs", "--without-controls"),
        "single-image": ("--controls", str(controls)),
    }.items():
        opened = command("--name", name, "--protocol", name, *runs, *brought)
        assert opened["status"] == "open" and opened["ratings"] > 0
    assert "shows reference photographs" in refused("--name", "a", "--protocol", "coco-alignment", *runs)
    assert "Leave the file out" in refused("--name", "a", *runs, "--claims", str(claims))
    assert "Give a file of them, or hold the study without" in refused(
        "--name", "a", "--protocol", "single-image", *runs
    )
    assert "There is no claim to ask about of 5 of 5 prompts: 00000" in refused(
        "--name", "a", "--protocol", "questions", *runs
    )
    assert "can't be read: no such file" in refused(
        "--name", "a", "--protocol", "questions", "--claims", "none.csv", *runs
    )
    claims.write_text("prompt,clam\n", encoding="utf-8")
    assert "claim" in refused("--name", "a", "--protocol", "questions", "--claims", str(claims), *runs)
