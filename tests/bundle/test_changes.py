"""A bundle is changed: every field once, with plain hashes made anew and without. Each change is found and named."""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from common.hashes import hash_of
from evaluation.reports.bundle import verify
from evaluation.reports.bundle.contents import LOCKED, json_bytes, lines_bytes, read_bundle
from evaluation.reports.bundle.differences import differences
from evaluation.reports.bundle.verify import verify_bundle
from evaluation.reports.compute import compute_report
from tests.bundle.world import all_anew, answered, changed_at, exported, places_of, rewritten, scaled, screened

pytestmark = pytest.mark.django_db

DOCUMENTS = (*LOCKED, "input.json", "manifest.json", "report.json")
ROWS = ("records.jsonl", "chain.jsonl")
TABLES = ("ratings.csv", "answers.csv", "scores.csv")


FOLLOWED = {"records.jsonl", "ratings.csv", "answers.csv", "report.json"}
"""Files of whose change the records' own files and the report tell as well."""
MOST_NUMBERS = 25
"""Of the report's results that are changed in a bundle; a test below has all."""


def changes_of(bundle: Path, files: AbstractSet[str]) -> Iterator[tuple[str, Sequence[Any], bytes]]:
    """(file, place, the file with that place changed): every field once, of some files."""
    whole = read_bundle(bundle)
    for name in files & set(DOCUMENTS):
        document = whole.manifest if name == "manifest.json" else whole.document(name)
        for place in places_of(document):
            yield name, place, json_bytes(changed_at(document, place))
    for name in files & set(ROWS):
        rows = whole.lines(name)
        for number in range(len(rows)) if name == "chain.jsonl" else [len(rows) - 1]:
            for place in places_of(rows[number]):
                yield name, place, lines_bytes(changed_at(rows, [number, *place]))
    for name in files & set(TABLES):
        rows = list(csv.reader(io.StringIO(whole.files[name].decode())))
        for column, heading in enumerate(rows[0]):
            yield name, [heading], table(changed_at(rows, [1, column]))


def table(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a bundle is computed once, whatever is changed of it: what these tests ask is what is compared."""
    known: list[Any] = []

    def once(*given: Any) -> Any:
        known[:] = known or [compute_report(*given)]
        return known[0]

    monkeypatch.setattr(verify, "compute_report", once)


@pytest.mark.usefixtures("computed_once")
@pytest.mark.parametrize(
    ("world", "only"),
    [
        (answered, {*DOCUMENTS, *ROWS, "ratings.csv"}),
        (screened, {"specification.json", "input.json"}),
        (scaled, {"input.json", "answers.csv"}),
    ],
)
def test_every_field_changed_once_is_found_and_named(
    world: Any, only: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the manifest's hashes made anew, which only its signatures, the chain and the numbers stand against. Of a
    study with screening and signs as well, and of one with answers of other kinds.
    """
    bundle = exported(world(), tmp_path / "whole.zip")
    assert verify_bundle(bundle).differences == ()
    n: dict[str, int] = {}
    for name, place, data in changes_of(bundle, only):
        if name == "report.json" and place[0] == "results" and n.get(name, 0) >= MOST_NUMBERS:
            continue
        with monkeypatch.context() as patched:
            if name not in FOLLOWED:
                patched.setattr(verify._Check, "frames", lambda _, standing: deque(standing, maxlen=0))
                for step in ("follows", "numbers"):
                    patched.setattr(verify._Check, step, lambda _: iter(()))
            try:
                found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", {name: data}, anew=True)).differences
            except UserError as error:
                assert place == ("schema",), (name, place)
                found = (str(error), name)
        assert any(name in each for each in found), (name, place, found)
        n[name] = n.get(name, 0) + 1
    assert set(n) == only and min(n.values()) >= 4
    assert world is not answered or only == set(read_bundle(bundle).files) | {"manifest.json"}


def test_a_file_changed_with_nothing_made_anew_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify._Check, "numbers", lambda _: iter(()))
    bundle = exported(answered(), tmp_path / "whole.zip")
    for name, data in read_bundle(bundle).files.items():
        changed = rewritten(bundle, tmp_path / "changed.zip", {name: data + b" "}, anew=False)
        found = verify_bundle(changed).differences
        assert any(each.startswith(f"{name}: it was changed after") for each in found)


@pytest.mark.usefixtures("computed_once")
def test_every_number_of_the_report_is_compared(tmp_path: Path) -> None:
    bundle = exported(screened(), tmp_path / "whole.zip")
    report = read_bundle(bundle).document("report.json")
    results = report["results"]
    places = list(places_of(results))
    for place in places:
        found = list(differences(results, changed_at(results, place)))
        assert len(found) == 1 and str(place[-1]) in found[0]
    assert len(places) > 200 and not list(differences(results, json.loads(json.dumps(results))))
    assert not list(differences({"x": 0.1 + 0.2, "n": 1}, {"x": 0.3, "n": 1.0})), "the thirteenth digit does not count"
    for place in (("comparisons", 0, "overall", "net", "estimate"), ("further", "screening", "raters", 0, "answered")):
        data = json_bytes({**report, "results": changed_at(results, place)})
        found = list(verify_bundle(all_anew(bundle, tmp_path / "changed.zip", {"report.json": data})).differences)
        named = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]
        assert any(each.startswith(f"report.json, {named}: it says") for each in found), found


CHANGED_RECORDS = {
    "choice": ("ratings.csv, row 1, column choice", lambda value: "right" if value == "left" else "left"),
    "order": ("ratings.csv, row 1, column a_shown_left", lambda value: value[::-1]),
    "prompt": ("ratings.csv, row 1, column prompt_id", lambda value: value + 1),
    "category": ("ratings.csv, row 1, column category", lambda value: f"{value}x"),
    "question": ("ratings.csv, row 1, column question", {"fidelity": "alignment", "alignment": "fidelity"}.__getitem__),
    "response_time_ms": ("ratings.csv, row 1, column response_time_ms", lambda value: value + 1),
    "rater": ("ratings.csv, row 1, column rater_id", lambda value: value[::-1]),
    "panel": ("ratings.csv, row 1, column panel", lambda value: f"{value}x"),
}


def test_a_rating_changed_with_all_plain_hashes_made_anew_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record, salt, commitment, chain, files and manifest fit each other again; the signatures can't."""
    monkeypatch.setattr(verify._Check, "numbers", lambda _: iter(()))
    bundle = exported(answered(), tmp_path / "whole.zip")
    rows = read_bundle(bundle).lines("records.jsonl")
    for field, (named, change) in CHANGED_RECORDS.items():
        changed = json.loads(json.dumps(rows))
        changed[0]["record"][field] = change(changed[0]["record"][field])
        out = all_anew(bundle, tmp_path / "changed.zip", {"records.jsonl": lines_bytes(changed)})
        found = verify_bundle(out).differences
        assert any("link 1 of the chain is not what its key signed" in each for each in found), field
        assert any(named in each for each in found), (field, found)
        assert not any("its hash is" in each or "it was changed after" in each for each in found), "hashes fit"


def test_what_was_locked_changed_with_all_plain_hashes_made_anew_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify._Check, "numbers", lambda _: iter(()))
    bundle = exported(screened(), tmp_path / "whole.zip")
    whole = read_bundle(bundle)
    for name, place in (
        ("specification.json", ("controls", "added", "rule", "honest")),
        ("specification.json", ("signs", "fast_share")),
        ("suite.json", ("prompts", 0, "text")),
        ("design.json", (0, "sets", 0, 0, 1)),
        ("design.json", (0, "expected")),
        ("runs.json", (0, "seed")),
    ):
        document = whole.document(name)
        changed = changed_at(document, place)
        assert hash_of(changed) != hash_of(document)
        found = verify_bundle(all_anew(bundle, tmp_path / "changed.zip", {name: json_bytes(changed)})).differences
        assert any("link 0 of the chain is not what its key signed" in each for each in found), name
        assert any(each.startswith(f"{name}: it is not what the key signed") for each in found), (name, found)


def test_ratings_left_out_added_and_twice_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify._Check, "numbers", lambda _: iter(()))
    bundle = exported(answered(), tmp_path / "whole.zip")
    rows = read_bundle(bundle).lines("records.jsonl")
    for changed, word in ((rows[1:], "missing"), ([*rows, rows[0]], "twice")):
        files = {"records.jsonl": lines_bytes(changed)}
        found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", files, anew=True)).differences
        assert any(word in each for each in found)
