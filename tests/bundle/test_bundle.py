"""A study's bundle, whole and changed: every field once, with the plain hashes made anew and without."""

from __future__ import annotations

import copy
import csv
import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from common.hashes import bytes_sha256, hash_of
from evaluation import protocols
from evaluation.models import Assignment, Rating, Seal, SealedRating, Study
from evaluation.reports.bundle import verify
from evaluation.reports.bundle.__main__ import main
from evaluation.reports.bundle.chain import commitment_of
from evaluation.reports.bundle.contents import ALWAYS, json_bytes, lines_bytes, read_bundle
from evaluation.reports.bundle.records import FIELDS
from evaluation.reports.bundle.verify import differences, verify_bundle
from evaluation.reports.compute import AnswersInput, ReportInput
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.sealed import chain_of
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.erase import participant_erase
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.rating.submit import Answer, rating_submit
from evaluation.services.rating.undo import rating_undo
from evaluation.services.reporting.bundle import study_export
from evaluation.services.sealing.seal import public_key, studies_seal, study_seal
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close, study_open
from tests.ratings.protocol_world import a_study_under
from tests.studies.world import a_run, a_suite, an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db


def answered(*, raters: int = 2) -> Study:
    study = an_open_study({"Colors": 2, "Counting": 1}, raters_per_panel=raters)
    raters_simulate(study=study, raters=raters, seed=1)
    return study


@pytest.fixture
def study() -> Study:
    return answered()


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
    person = rater_enrol(invitation=invitation_create(study=study), participant="somebody")
    session = session_of(person)
    trial = Assignment.objects.filter(rater__key=session.key).order_by("position")[0]
    rating_submit(session=session, answers=[Answer(trial.pk, "alignment", "left", 900, uuid.uuid4())])
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


# --- Changes ---------------------------------------------------------------------------------------------------------


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return "x"
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else [value]


def places_of(value: Any, *steps: Any) -> Iterator[tuple[Any, ...]]:
    """The steps to every leaf; of a list, to those of its first entry, since the others are of one kind with it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places_of(each, *steps, key)
    elif isinstance(value, list):
        for number, each in enumerate(value[:1]):
            yield from places_of(each, *steps, number)
    elif steps:
        yield steps


def changed_at(value: Any, steps: Sequence[Any]) -> Any:
    """A copy with another value at a place."""
    whole = within = copy.deepcopy(value)
    for step in steps[:-1]:
        within = within[step]
    within[steps[-1]] = other(within[steps[-1]])
    return whole


def rewritten(source: Path, out: Path, name: str, data: bytes, *, anew: bool) -> Path:
    """The bundle with one file replaced; `anew`: the manifest's hash of it too."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.namelist():
            content = data if entry == name else old.read(entry)
            if entry == "manifest.json" and anew and name != entry:
                manifest = json.loads(content)
                manifest["files"][name] = bytes_sha256(data)
                content = json.dumps(manifest).encode()
            new.writestr(entry, content)
    return out


@pytest.fixture
def bundle(study: Study, tmp_path: Path) -> Path:
    study_export(study=study, out=tmp_path / "whole.zip")
    return tmp_path / "whole.zip"


def changes_of(bundle: Path) -> Iterator[tuple[str, Sequence[Any], bytes]]:
    """(file, place, the file with that place changed): every field once."""
    whole = read_bundle(bundle)
    for name in ("suite.json", "design.json", "runs.json", "specification.json", "input.json"):
        document = whole.document(name)
        for place in places_of(document):
            yield name, place, json_bytes(changed_at(document, place))
    for name in ("records.jsonl", "chain.jsonl"):
        rows = whole.lines(name)
        for number in range(len(rows)) if name == "chain.jsonl" else [len(rows) - 1]:
            for place in places_of(rows[number]):
                yield name, place, lines_bytes(changed_at(rows, [number, *place]))
    rows = list(csv.reader(io.StringIO(whole.files["ratings.csv"].decode())))
    for column, name in enumerate(rows[0]):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(changed_at(rows, [2, column]))
        yield "ratings.csv", [name], text.getvalue().encode()


LIKE_BEFORE = ("suite.json", "design.json", "runs.json", "specification.json", "chain.jsonl")
"""Files that no number is made of: the report is not computed again for each of their fields."""


def test_every_field_changed_once_is_found_and_named(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the manifest's hashes made anew, which only its signatures, the chain and the numbers stand against."""
    n = 0
    for name, place, data in changes_of(bundle):
        if name in LIKE_BEFORE:
            monkeypatch.setattr(verify._Check, "numbers", lambda _: iter(()))
        else:
            monkeypatch.undo()
        found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", name, data, anew=True)).differences
        own = [each for each in found if name in each]
        assert own, (name, place, found)
        n += 1
    assert n > 80


def test_a_file_changed_with_nothing_made_anew_is_named(bundle: Path, tmp_path: Path) -> None:
    for name, data in read_bundle(bundle).files.items():
        found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", name, data + b" ", anew=False)).differences
        assert any(each.startswith(f"{name}: it was changed after") for each in found)


def test_every_number_of_the_report_is_compared(bundle: Path) -> None:
    results = read_bundle(bundle).document("report.json")["results"]
    places = list(places_of(results))
    for place in places:
        found = list(differences(results, changed_at(results, place)))
        assert len(found) == 1 and str(place[-1]) in found[0]
    assert len(places) > 200 and not list(differences(results, json.loads(json.dumps(results))))
    assert not list(differences({"x": 0.1 + 0.2, "n": 1}, {"x": 0.3, "n": 1.0})), "the thirteenth digit does not count"


def test_a_rating_changed_with_all_plain_hashes_made_anew_is_named(bundle: Path, tmp_path: Path) -> None:
    """Record, salt, commitment, chain, files and manifest fit each other again; the signatures can't."""
    whole = read_bundle(bundle)
    rows, links = whole.lines("records.jsonl"), whole.lines("chain.jsonl")
    row = rows[0]
    before = row["commitment"]
    row["record"]["choice"] = "right" if row["record"]["choice"] == "left" else "left"
    row["commitment"] = commitment_of(row["salt"], row["record"])
    for number, link in enumerate(links):
        link["body"]["previous"] = links[number - 1]["head"] if number else ""
        names = link["body"].get("commitments", [])
        if before in names:
            names[names.index(before)] = row["commitment"]
        link["head"] = hash_of(link["body"])
    out = tmp_path / "a.zip"
    rewritten(bundle, out, "records.jsonl", lines_bytes(rows), anew=True)
    rewritten(out, tmp_path / "b.zip", "chain.jsonl", lines_bytes(links), anew=True)
    found = verify_bundle(tmp_path / "b.zip").differences
    assert any("link 1 of the chain is not what its key signed" in each for each in found)
    assert any("ratings.csv, row 1, column choice" in each for each in found), found


def test_ratings_left_out_added_and_twice_are_found(bundle: Path, tmp_path: Path) -> None:
    rows = read_bundle(bundle).lines("records.jsonl")
    for changed, word in ((rows[1:], "missing"), ([*rows, rows[0]], "twice")):
        data = lines_bytes(changed)
        found = verify_bundle(rewritten(bundle, tmp_path / "c.zip", "records.jsonl", data, anew=True)).differences
        assert any(word in each for each in found)


def test_fields_of_records_are_the_declared_ones(bundle: Path) -> None:
    assert all(set(row["record"]) == set(FIELDS) for row in read_bundle(bundle).lines("records.jsonl"))
    assert set(ALWAYS) <= set(read_bundle(bundle).files)


def test_a_bundle_has_all_that_a_report_is_made_of(bundle: Path) -> None:
    whole = read_bundle(bundle)
    told = whole.document("input.json")
    assert {each.name for each in fields(ReportInput)} == {"ratings", *told}
    assert {each.name for each in fields(AnswersInput)} == {"frame", *told["answers"]}


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
