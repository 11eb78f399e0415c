"""A study's bundle: what is in it, how it follows a study, and the commands. `test_changes` changes it."""

from __future__ import annotations

import csv
import io
import json
import tomllib
import uuid
from dataclasses import fields, replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from common.hashes import hash_of
from common.places import CHECKOUT
from common.version import VERSION
from evaluation import protocols
from evaluation.models import Assignment, Rating, Seal, SealedRating, Study
from evaluation.reports.bundle.__main__ import in_words, main
from evaluation.reports.bundle.chain import instance_key, sign
from evaluation.reports.bundle.contents import ALWAYS, json_bytes, read_bundle
from evaluation.reports.bundle.form import RECORD
from evaluation.reports.bundle.made_with import ROOMS, VERIFIER, made_with
from evaluation.reports.bundle.verify import verify_bundle
from evaluation.reports.compute import AnswersInput, ReportInput
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.sealed import chain_of
from evaluation.services.rating.erase import participant_erase
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.rating.submit import Answer, rating_submit
from evaluation.services.rating.undo import rating_undo
from evaluation.services.reporting.bundle import study_export
from evaluation.services.sealing.seal import public_key, studies_seal, study_seal
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_close, study_open
from tests.bundle.world import answered, exported, rewritten, somebody_answers
from tests.ratings.protocol_world import a_study_under
from tests.studies.world import a_run, a_suite, an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return answered()


@pytest.fixture
def bundle(study: Study, tmp_path: Path) -> Path:
    return exported(study, tmp_path / "whole.zip")


def test_what_is_exported_holds_and_is_what_the_database_has(study: Study, tmp_path: Path) -> None:
    done = study_export(study=study, out=tmp_path / "a.zip")
    found = verify_bundle(tmp_path / "a.zip")
    assert found.differences == () and found.n_ratings == Rating.objects.count() == done.newly_sealed
    assert found.n_numbers > 200 and found.public_key == public_key() and found.head == done.head
    rows = list(csv.DictReader(io.StringIO(read_bundle(tmp_path / "a.zip").files["ratings.csv"].decode())))
    frame = ratings_frame(study)
    own = ["prompt_id", "generator_a", "generator_b", "question", "choice", "category", "panel"]
    assert [[row[name] for name in own] for row in rows] == frame[own].astype(str).to_numpy().tolist()
    assert not {row["rater_id"] for row in rows} & set(frame["rater_id"]), "names that only this file has"
    again = study_export(study=study, out=tmp_path / "b.zip")
    assert again.newly_sealed == 0 and again.head == done.head
    other = csv.DictReader(io.StringIO(read_bundle(tmp_path / "b.zip").files["ratings.csv"].decode()))
    assert not {row["rater_id"] for row in rows} & {row["rater_id"] for row in other}


@pytest.mark.parametrize("name", protocols.names())
def test_a_bundle_under_every_protocol_holds(name: str, tmp_path: Path) -> None:
    """The second road from the rows to the files, and a report computed again, for every kind of answer."""
    small = replace(protocols.get(name), name=f"{name}-small", set_size=1)
    study = a_study_under(small, categories={"Colors": 2, "Counting": 2})
    raters_simulate(study=study, raters=2, seed=3)
    study_export(study=study, out=tmp_path / "a.zip")
    found = verify_bundle(tmp_path / "a.zip")
    assert found.differences == () and found.n_ratings == Rating.objects.count() > 0


def test_a_bundle_of_a_screened_study_holds(tmp_path: Path) -> None:
    """Control trials that the study added, signs that exclude, and what browsers noted."""
    suite = a_suite({"Colors": 6, "Counting": 4}, name="screened")
    runs = [a_run(suite, each, samples=1) for each in ("one", "two")]
    draft = StudyDraft(
        name="screened",
        runs=runs,
        raters_per_panel=3,
        added_controls={"same": 2, "swapped": 2, "repeats": 2},
        signs_exclude=["speed"],
    )
    study = study_open(study=study_create(draft))
    raters_simulate(study=study, raters=2, seed=3)
    session = session_of(enrolled(study))
    for trial in Assignment.objects.filter(rater__key=session.key).order_by("position"):
        answers = [
            Answer(trial.pk, question, "left", 300, uuid.uuid4(), shown_width=320, theme="dark", evidence=0)
            for question in session.questions
        ]
        rating_submit(session=session, answers=answers)
    study_export(study=study, out=tmp_path / "a.zip")
    found = verify_bundle(tmp_path / "a.zip")
    assert found.differences == () and found.n_ratings == Rating.objects.count() > 0
    own = read_bundle(tmp_path / "a.zip").document("input.json")["answers"]
    assert own["added"]["click"] and own["signs"]["exclude"] == ["speed"]


def test_seals_follow_the_ratings_and_end_with_the_study(study: Study) -> None:
    n = Rating.objects.count()
    assert studies_seal() == [study.name] and studies_seal() == []
    assert SealedRating.objects.count() == n
    study_close(study=study)
    told = [link.body for link in chain_of(Study.objects.get())]
    assert [each["kind"] for each in told] == ["opening", "ratings", "closing"] and told[-1]["n_ratings"] == n
    assert studies_seal() == [], "a closed chain is not looked at again"


def test_a_retraction_is_told_once_and_its_rating_counts_no_more(tmp_path: Path) -> None:
    study = an_open_study({"Colors": 3}, raters_per_panel=2)
    raters_simulate(study=study, raters=1, seed=1)
    person = enrolled(study)
    session = session_of(person)
    trial = Assignment.objects.filter(rater__key=session.key).order_by("position")[0]
    rating_submit(session=session, answers=[Answer(trial.pk, "alignment", "left", 900, uuid.uuid4())])
    assert study_seal(study=study) > 0
    rating_undo(session=session)
    assert study_seal(study=study) == 1 and study_seal(study=study) == 0
    study_export(study=study, out=tmp_path / "a.zip")
    assert verify_bundle(tmp_path / "a.zip").holds
    assert len(read_bundle(tmp_path / "a.zip").lines("records.jsonl")) == Rating.objects.count()
    assert ratings_frame(study).shape[0] == Rating.objects.count() - 1


def test_a_participant_s_deletion_leaves_a_chain_that_holds(study: Study, tmp_path: Path) -> None:
    session = somebody_answers(study, "somebody")
    study_seal(study=study)
    study_close(study=study)
    [sealed] = SealedRating.objects.filter(rating__rater__key=session.key)
    participant_erase(study=study, who="somebody")
    assert SealedRating.objects.get(pk=sealed.pk).salt == ""
    study_export(study=Study.objects.get(), out=tmp_path / "a.zip")
    found, whole = verify_bundle(tmp_path / "a.zip"), read_bundle(tmp_path / "a.zip")
    assert found.differences == ()
    assert sealed.commitment not in {row["commitment"] for row in whole.lines("records.jsonl")}
    assert [link["body"]["kind"] for link in whole.lines("chain.jsonl")][-2:] == ["closing", "deletion"]


def test_the_database_keeps_seals(study: Study) -> None:
    study_seal(study=study)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in (
        "DELETE FROM evaluation_sealedrating",
        "UPDATE evaluation_seal SET head = 'x'",
        "UPDATE evaluation_sealedrating SET salt = 'x'",
        "TRUNCATE evaluation_sealedrating",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Seal.objects.exists()


def test_fields_of_records_are_the_declared_ones(bundle: Path) -> None:
    assert all(set(row["record"]) == set(RECORD) for row in read_bundle(bundle).lines("records.jsonl"))
    assert set(ALWAYS) <= set(read_bundle(bundle).files)


def test_a_bundle_has_all_that_a_report_is_made_of(bundle: Path) -> None:
    whole = read_bundle(bundle)
    told = whole.document("input.json")
    assert {each.name for each in fields(ReportInput)} == {"ratings", *told}
    assert {each.name for each in fields(AnswersInput)} == {"frame", *told["answers"]}


def test_a_bundle_says_what_made_it_and_another_version_is_a_remark(bundle: Path, tmp_path: Path) -> None:
    whole = read_bundle(bundle)
    assert whole.manifest["made_with"] == made_with() and verify_bundle(bundle).remarks == ()
    older = {**made_with(), "program": "drawbench 0.0.9", "sources": "0" * 16, "check_with": "drawbench-verify 0.0.9"}
    for told, words in (
        (older, "made with drawbench 0.0.9 (sources 0000000000000000), and this is"),
        (None, "not say"),
    ):
        manifest = {**whole.manifest, "made_with": told}
        del manifest["signature"]
        manifest["signature"] = sign(instance_key(settings.SECRET_KEY), hash_of(manifest))
        other = rewritten(bundle, tmp_path / "other.zip", {"manifest.json": json_bytes(manifest)}, anew=False)
        found = verify_bundle(other)
        assert found.differences == () and len(found.remarks) == 1 and words in found.remarks[0]
        assert found.to_dict()["remarks"] == list(found.remarks)
        said = in_words(found)
        assert said.startswith("All holds. ") and f"\nRemark: {found.remarks[0]}" in said


def test_the_packages_have_the_program_s_version_and_the_verifier_its_rooms() -> None:
    projects = {
        path.parent.name: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in (CHECKOUT / "pyproject.toml", *CHECKOUT.glob("packages/*/pyproject.toml"))
    }
    ours = {name: each["project"]["version"] for name, each in projects.items() if name != "generator-template"}
    assert set(ours.values()) == {VERSION} and len(ours) == 3
    assert projects["verify"]["project"]["name"] == VERIFIER
    packages = projects["verify"]["tool"]["setuptools"]["packages"]
    named = {f"evaluation.{room.replace('/', '.')}" for room in ROOMS}
    assert named == {each for each in packages if each.startswith("evaluation.")}


# --- Commands --------------------------------------------------------------------------------------------------------


def test_commands(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.zip"
    call_command("export_study", study.name, "--out", str(out), "--format", "json")
    done = json.loads(capsys.readouterr().out)
    assert done["public_key"] == public_key() and "SIMULATED" in done["note"]
    call_command("verify_bundle", str(out))
    assert capsys.readouterr().out.startswith("All holds. ")
    assert main([str(out), "--key", public_key()]) == 0
    assert main([str(out), "--key", "0" * 64, "--format", "json"]) == 1
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["holds"] is False
    (tmp_path / "no.zip").write_bytes(b"no zip")
    assert main([str(tmp_path / "no.zip")]) == 2 and main([str(tmp_path / "none.zip")]) == 2
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_bundle", str(out), "--key", "0" * 64)
    assert stopped.value.code == 1
