"""A bundle is changed: every field once, with plain hashes made anew and without. Each change is found and named."""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Iterator, Sequence
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
from tests.bundle.world import (
    all_anew,
    answered,
    at,
    changed_at,
    exported,
    leaves_of,
    places_of,
    rewritten,
    scaled,
    scored,
    screened,
)
from tests.metric_services.conftest import nothing_loaded  # noqa: F401  (a fixture)
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db

DOCUMENTS = (*LOCKED, "input.json", "manifest.json", "report.json")
ROWS = ("records.jsonl", "chain.jsonl")
TABLES = ("ratings.csv", "answers.csv", "scores.csv")


MOST_NUMBERS = 25
"""Of the report's results that are changed in a bundle; a test below has all."""
ELSEWHERE = {*LOCKED, "input.json", "manifest.json", "scores.csv", "chain.jsonl"}
"""Files of whose change neither the records' own files nor the report tell more."""


def changes_of(bundle: Path) -> Iterator[tuple[str, Sequence[Any], bytes, str]]:
    """(file, place, the file with that place changed, how it must be named): every field of every file once."""
    whole = read_bundle(bundle)
    for name in DOCUMENTS:
        document = whole.manifest if name == "manifest.json" else whole.document(name)
        for place in places_of(document):
            named = f"{name}: it is not what the key signed."
            if name in LOCKED:
                named = f"{name}: it is not what the study locked when it opened."
            elif name == "manifest.json":
                named = f"{name}: it is not what its key signed."
            elif name == "report.json" and place[0] == "results":
                named = f"{name}, {path_of(place[1:])}: "
            yield name, place, json_bytes(changed_at(document, place)), named
    for name, named in (("records.jsonl", "records.jsonl, line {} ("), ("chain.jsonl", "chain.jsonl: ")):
        rows = whole.lines(name)
        for steps in places_of(rows):
            number, rest = steps[0], steps[1:]
            own = named.format(number + 1)
            yield name, rest, lines_bytes(changed_at(rows, steps)), own
    for name in TABLES:
        if name not in whole.files:
            continue
        rows = list(csv.reader(io.StringIO(whole.files[name].decode())))
        for column, heading in enumerate(rows[0]):
            number = next((at for at, row in enumerate(rows[1:], start=1) if row[column]), 1)
            named = f"{name}, row {number}, column {heading}: "
            signed = f"{name}: it is not what the key signed."
            if len(rows) > 1:
                data = table(changed_at(rows, [number, column]))
                yield name, [heading], data, signed if name == "scores.csv" else named
            head = signed if name == "scores.csv" else f"{name}: its columns are not "
            yield name, ["heading", heading], table(changed_at(rows, [0, column])), head


def path_of(place: Sequence[Any]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


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
@pytest.mark.parametrize("world", [answered, screened, scaled, scored])
def test_every_field_changed_once_is_found_and_named(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the manifest's hashes made anew, which only its signatures, the chain and the numbers stand against. Every
    file of a plain study, of one with screening and signs, of one with answers of other kinds, and of one with scores.
    """
    bundle = exported(world(), tmp_path / "whole.zip")
    assert verify_bundle(bundle).differences == ()
    n: dict[str, int] = {}
    for name, place, data, named in changes_of(bundle):
        if name == "report.json" and place[0] == "results" and n.get(name, 0) >= MOST_NUMBERS:
            continue
        with monkeypatch.context() as patched:
            if name in ELSEWHERE:
                patched.setattr(verify._Check, "frames", lambda _, standing: deque(standing, maxlen=0))
                for step in ("follows", "numbers"):
                    patched.setattr(verify._Check, step, lambda _: iter(()))
            try:
                found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", {name: data}, anew=True)).differences
            except UserError as error:
                assert place == ("schema",), (name, place)
                found = (f"{named} {error}",)
        assert any(each.startswith(named) for each in found), (name, place, named, found[:5])
        n[name] = n.get(name, 0) + 1
    assert set(n) == {*read_bundle(bundle).files, "manifest.json"} and min(n.values()) >= 4
    assert sum(n.values()) > 150


@pytest.mark.parametrize("world", [answered, screened, scaled, scored])
def test_the_walk_misses_no_field(world: Any, tmp_path: Path) -> None:
    """Each name that stands anywhere in a bundle's JSON is changed, and each column."""
    bundle = exported(world(), tmp_path / "whole.zip")
    whole = read_bundle(bundle)
    there: set[tuple[str, str]] = set()
    for file in whole.files:
        if file.endswith(".csv"):
            there |= {(file, name) for name in whole.files[file].decode().splitlines()[0].split(",")}
        else:
            value = whole.lines(file) if file in ROWS else whole.document(file)
            there |= {(file, step) for place in leaves_of(value) for step in place if isinstance(step, str)}
    walked = {(name, step) for name, place, *_ in changes_of(bundle) for step in place if isinstance(step, str)}
    assert there <= walked and len(there) > 100
    assert not list(differences({"a": [], "b": {}}, {"b": {}, "a": []}))
    assert len(list(differences({"a": [], "b": {}}, {"b": []}))) == 2, "what is empty can be changed too"


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
        assert len(found) == 1 + (at(results, place) in ([], {})) and str(place[-1]) in found[0]
    assert len(places) > 200 and not list(differences(results, json.loads(json.dumps(results))))
    assert not list(differences({"x": 0.1 + 0.2, "n": 1}, {"x": 0.3, "n": 1.0})), "the thirteenth digit does not count"
    for place in (("comparisons", 0, "overall", "net", "estimate"), ("further", "screening", "raters", 0, "answered")):
        data = json_bytes({**report, "results": changed_at(results, place)})
        found = list(verify_bundle(all_anew(bundle, tmp_path / "changed.zip", {"report.json": data})).differences)
        assert any(each.startswith(f"report.json, {path_of(place)}: it says") for each in found), found


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
