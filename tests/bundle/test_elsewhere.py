"""Bundles elsewhere: imported as votes, and replications of one specification merged."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.replications import replications
from evaluation.analysis.summary import analyse_valid
from evaluation.errors import ConflictError
from evaluation.models import ImportedVotes, Rating, Study
from evaluation.reports.bundle.chain import Link
from evaluation.reports.bundle.contents import BundleError, json_bytes, read_bundle
from evaluation.reports.bundle.records import files_of, rater_tag
from evaluation.reports.bundle.replications import merge_bundles, shared_part
from evaluation.reports.bundle.verify import verify_bundle
from evaluation.selectors.imported import votes_of
from evaluation.selectors.sealed import chain_of
from evaluation.services.rating.erase import participant_erase
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting import bundle
from evaluation.services.reporting.import_bundle import bundle_import
from evaluation.services.reporting.input import report_input
from evaluation.services.sealing.seal import study_seal
from evaluation.services.studies.change import draft_of
from evaluation.services.studies.create import study_create
from evaluation.services.studies.open import study_open
from tests.bundle.world import answered, exported, rewritten, scaled, screened, somebody_answers
from tests.reports.test_second_program import votes
from tests.studies.world import an_open_study


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("world", [answered, screened])
def test_imported_ratings_give_the_report_s_numbers(world: Any, tmp_path: Path) -> None:
    bundle = exported(world(), tmp_path / "a.zip")
    whole = read_bundle(bundle)
    told = said("import_study", str(bundle), "--as", "elsewhere")
    assert "whose bundle holds" in told and whole.manifest["head"] in told
    kept = ImportedVotes.objects.get()
    assert kept.reading["sealed"]["head"] == whole.manifest["head"] and kept.reading["sealed"]["study"]
    assert Study.objects.count() == 1, "no study is made"
    report = whole.document("report.json")["results"]
    mine = analyse_valid(votes_of(kept).frame).to_dict()
    assert [each["overall"]["net"] for each in mine["comparisons"]] == [
        each["overall"]["net"] for each in report["comparisons"]
    ]
    assert any("sealed bundle" in note for note in kept.reading["notes"])
    assert bundle_import(name="elsewhere", path=bundle).votes == (kept,), "the same again is what is there"
    assert "elsewhere" in said("analyse", "elsewhere") or report["comparisons"]


@pytest.mark.django_db
def test_answers_of_other_kinds_are_imported_too(tmp_path: Path) -> None:
    found = bundle_import(name="scales", path=exported(scaled(), tmp_path / "a.zip"))
    assert [each.kind for each in found.votes] == ["answers"] and found.votes[0].n_rows > 0


@pytest.mark.django_db
def test_what_does_not_hold_is_not_imported(tmp_path: Path) -> None:
    bundle = exported(answered(), tmp_path / "a.zip")
    ratings = read_bundle(bundle).files["ratings.csv"].replace(b",a,", b",b,", 1)
    changed = rewritten(bundle, tmp_path / "changed.zip", {"ratings.csv": ratings}, anew=True)
    with pytest.raises(CommandError, match=r"changed\.zip does not hold: .*ratings\.csv"):
        call_command("import_study", str(changed), "--as", "elsewhere")
    with pytest.raises(CommandError, match="signed with the key"):
        call_command("import_study", str(bundle), "--as", "elsewhere", "--key", "0" * 64)
    assert not ImportedVotes.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("schema", "told"),
    [("drawbench-bundle/9", "Check it with the version of the program that made it"), ("other/1", "no bundle that")],
)
def test_a_bundle_of_another_form_says_which(schema: str, told: str, tmp_path: Path) -> None:
    bundle = exported(answered(), tmp_path / "a.zip")
    manifest = {**read_bundle(bundle).manifest, "schema": schema}
    newer = rewritten(
        bundle, tmp_path / "b.zip", {"manifest.json": json_bytes(manifest), "new.json": b"{}"}, anew=False
    )
    with pytest.raises(CommandError, match=told):
        call_command("verify_bundle", str(newer))


class Watched(dict[str, Any]):
    """A record that weak references may watch."""


@pytest.mark.django_db
def test_records_pass_through_and_are_not_kept(tmp_path: Path) -> None:
    whole = read_bundle(exported(answered(), tmp_path / "a.zip"))
    seen: list[weakref.ref[Watched]] = []
    alive: list[int] = []

    def passing() -> Iterator[Watched]:
        for line in whole.each_line("records.jsonl"):
            assert not isinstance(line, BundleError)
            record = Watched(line["record"])
            seen.append(weakref.ref(record))
            alive.append(sum(each() is not None for each in seen))
            yield record

    ratings, _ = files_of(passing(), whole.document("specification.json"), "key")
    assert len(ratings) >= 6 and max(alive) <= 2


@pytest.mark.django_db
def test_what_is_sealed_during_an_export_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = answered(raters=2)

    def sealed_after(study: Study) -> list[Link]:
        links = chain_of(study)
        raters_simulate(study=study, raters=2, seed=9)
        assert study_seal(study=study) > 0
        return links

    monkeypatch.setattr(bundle, "chain_of", sealed_after)
    early = verify_bundle(exported(study, tmp_path / "early.zip"))
    monkeypatch.undo()
    late = verify_bundle(exported(study, tmp_path / "late.zip"))
    assert early.differences == late.differences == () and early.n_ratings < late.n_ratings


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["report_input", "csv_parts"])
def test_a_deletion_during_an_export_begins_it_anew(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the records are read, where they would lack what the chain has, and after, where the file would have what
    nobody may be given any more.
    """
    study = answered()
    session = somebody_answers(study, "somebody")
    n, before, times = Rating.objects.count(), getattr(bundle, step), [0]

    def deleted_first(*given: Any, **named: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            participant_erase(study=study, who="somebody")
        return before(*given, **named)

    monkeypatch.setattr(bundle, step, deleted_first)
    done = bundle.study_export(study=study, out=tmp_path / "a.zip")
    found, whole = verify_bundle(tmp_path / "a.zip"), read_bundle(tmp_path / "a.zip")
    assert found.differences == () and found.n_ratings == done.n_ratings == n - 1 and times == [2]
    assert rater_tag(str(session.key)) not in {row["record"]["rater"] for row in whole.lines("records.jsonl")}
    assert whole.lines("chain.jsonl")[-1]["body"]["kind"] == "deletion" and done.newly_sealed == n


@pytest.mark.django_db
def test_deletions_during_every_try_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = an_open_study({"Colors": 2}, raters_per_panel=bundle.TRIES)
    names = [f"somebody {number}" for number in range(bundle.TRIES)]
    for name in names:
        somebody_answers(study, name)

    def deleted(**given: Any) -> Any:
        participant_erase(study=study, who=names.pop())
        return report_input(**given)

    monkeypatch.setattr(bundle, "report_input", deleted)
    with pytest.raises(ConflictError, match=r"3 times in a row\. No file was written\. Export it again"):
        exported(study, tmp_path / "a.zip")
    assert not names and not list(tmp_path.iterdir())


@pytest.mark.django_db
def test_replications_are_merged_and_others_refused(tmp_path: Path) -> None:
    first = answered(raters=3)
    second = study_open(study=study_create(replace(draft_of(first), name="again")))
    raters_simulate(study=second, raters=3, seed=8)
    one, two = exported(first, tmp_path / "one.zip"), exported(second, tmp_path / "two.zip")
    told = json.loads(said("replications", str(one), str(two), "--format", "json"))
    assert [each["study"] for each in told["studies"]] == [first.name, "again"]
    for each in told["comparisons"]:
        assert set(each["studies"]) == {first.name, "again"}
        assert each["pooled"]["n_ratings"] == sum(own["n_ratings"] for own in each["studies"].values())
    text = said("replications", str(one), str(two))
    assert "SIMULATED: All ratings come from simulated raters" in text
    assert told["n_simulated"] == told["n_ratings"] == sum(each["pooled"]["n_ratings"] for each in told["comparisons"])
    assert "  pooled: " in text and f"  {first.name}: " in text and "  again: " in text
    with pytest.raises(BundleError, match="of the same study"):
        merge_bundles([one, exported(first, tmp_path / "three.zip")])
    with pytest.raises(BundleError, match="two bundles or more"):
        merge_bundles([one])
    other = exported(screened(), tmp_path / "other.zip")
    with pytest.raises(BundleError, match=r"their specifications differ in \w+"):
        merge_bundles([one, other])
    changed = rewritten(two, tmp_path / "x.zip", {"input.json": json_bytes({})}, anew=True)
    with pytest.raises(BundleError, match=r"x\.zip does not hold"):
        merge_bundles([one, changed])
    own = read_bundle(one).document("specification.json")
    assert "study" not in shared_part(own) and shared_part(own)["protocol"] == own["protocol"]


def of_study(seed: int, name: str, raters: int) -> pd.DataFrame:
    frame = votes(seed, (raters, 24, 3))
    return validate_ratings(frame.assign(rater_id=name + frame["rater_id"]))


def test_pooling_by_hand() -> None:
    """A second road: the covariance by loops, weights by hand, and no difference between a study and itself."""
    frames = {"s": of_study(1, "s", 6), "t": of_study(2, "t", 9)}
    for each in replications(frames):
        question = each.comparison.question
        raw = {name: frame[(frame["question"] == question).to_numpy()] for name, frame in frames.items()}
        score = {name: own["choice"].astype(str).map({"a": 1, "indifferent": 0, "b": -1}) for name, own in raw.items()}
        n = {name: len(own) for name, own in raw.items()}
        whole = sum(n.values())
        assert each.n_ratings == whole and each.n_prompts == 24 and each.n_raters == 15
        assert each.net == pytest.approx(sum(values.sum() for values in score.values()) / whole)
        sums: dict[str, dict[str, float]] = {name: {} for name in raw}
        for name, own in raw.items():
            for category in sorted(set(own["category"])):
                inside = (own["category"] == category).to_numpy()
                mean = score[name][inside].mean()
                for prompt in set(own["prompt_id"][inside]):
                    at = inside & (own["prompt_id"] == prompt).to_numpy()
                    sums[name][prompt] = float((score[name][at] - mean).sum())
        shared = sum(sums["s"][p] * sums["t"][p] for p in sums["s"]) * 24 / 21 / (n["s"] * n["t"])
        alone = {name: rate.net.interval for name, rate in each.studies.items()}
        own_parts = sum((n[name] / whole) ** 2 * own.se**2 for name, own in alone.items() if own)
        assert each.interval is not None
        assert each.interval.se**2 == pytest.approx(own_parts + 2 * n["s"] * n["t"] / whole**2 * max(shared, 0))
        assert each.interval.low < each.net < each.interval.high
    same = replications({"s": of_study(1, "s", 6), "t": of_study(1, "t", 6)})
    assert all(each.q == pytest.approx(0, abs=1e-12) and each.q_p == pytest.approx(1) for each in same)
    single = of_study(1, "s", 6)
    rates = {each.comparison.question: each.overall for each in analyse_valid(single).comparisons}
    for each in same:
        assert each.net == pytest.approx(rates[each.comparison.question].net.estimate)
    assert np.isfinite([each.interval.se for each in same if each.interval]).all()
