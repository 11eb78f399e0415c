"""Lines of a bundle that are no records or no links: each is named, and the others are checked all the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.reports.bundle import contents, differences
from evaluation.reports.bundle.contents import line_bytes, lines_bytes, read_bundle
from evaluation.reports.bundle.form import LINK, RECORD, ROW, link_faults, row_faults
from evaluation.reports.bundle.verify import verify_bundle
from tests.bundle.world import answered, exported, rewritten

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return exported(answered(), tmp_path / "whole.zip")


def rows_of(bundle: Path, name: str = "records.jsonl") -> list[Any]:
    return read_bundle(bundle).lines(name)


def without(field: str) -> Callable[[Any], Any]:
    return lambda value: {name: each for name, each in value.items() if name != field}


def with_record(**changes: Any) -> Callable[[Any], Any]:
    return lambda row: {**row, "record": {**row["record"], **changes}}


MALFORMED: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "no JSON": (lambda row: b'{"commitment": \n', "can't be read: this is not JSON"),
    "no UTF-8": (lambda row: b"\xff\xfe\n", "can't be read: this is not UTF-8"),
    "a key twice": (lambda row: b'{"salt": "x", "salt": "y"}\n', "can't be read: "),
    "a list": (lambda row: [row], "it is [{'commitment': "),
    "no record": (without("record"), "it lacks record"),
    "a record of text": (lambda row: {**row, "record": "x"}, "record is 'x', and must be an object"),
    "no salt": (without("salt"), "it lacks salt"),
    "more beside the record": (lambda row: {**row, "note": 1}, "it has 'note', which is no field"),
    "a field less": (lambda row: {**row, "record": without("category")(row["record"])}, "it lacks category"),
    "a field more": (with_record(mood="good"), "it has 'mood', which is no field"),
    "text for a number": (with_record(response_time_ms="fast"), "response_time_ms is 'fast', and must be a whole"),
    "too large a number": (with_record(position=2**70), "position is 1180591620717411303424, and must be"),
    "a number for a list": (with_record(order=0), "order is 0, and must be a list"),
    "an order of nobody": (with_record(order=[0, 7]), "order is [0, 7], and must name"),
    "an impossible month": (with_record(at="2026-13-01T00:00:00.000000Z"), "at is '2026-13-01T00:00:00.000000Z'"),
    "a number for truth": (with_record(simulated=1), "simulated is 1, and must be true or false"),
}


def test_each_malformed_record_is_named_in_one_run_and_others_are_checked(bundle: Path, tmp_path: Path) -> None:
    rows = rows_of(bundle)
    assert len(rows) > 2
    while len(rows) < len(MALFORMED) + 1:
        rows.append(copy.deepcopy(rows[len(rows) % 3]))
    lines = []
    for (change, _), row in zip(MALFORMED.values(), rows, strict=False):
        changed = change(copy.deepcopy(row))
        lines.append(changed if isinstance(changed, bytes) else line_bytes(changed))
    wrong = with_record(choice="right" if rows[-1]["record"]["choice"] == "left" else "left")(rows[-1])
    data = b"".join([*lines, line_bytes(wrong)])
    ratings = read_bundle(bundle).files["ratings.csv"]
    head, first, *rest = ratings.splitlines(keepends=True)
    files = {"records.jsonl": data, "ratings.csv": b"".join([head, *rest, b"x" + first])}
    found = verify_bundle(rewritten(bundle, tmp_path / "changed.zip", files, anew=True)).differences
    for number, (name, (_, told)) in enumerate(MALFORMED.items(), start=1):
        own = [each for each in found if each.startswith(f"records.jsonl, line {number}") and told in each]
        assert own, (name, found)
    last = f"records.jsonl, line {len(MALFORMED) + 1} "
    assert any(each.startswith(last) and each.endswith("it was changed after it was sealed.") for each in found)
    n = f"{len(MALFORMED)} records"
    assert f"report.json: it can't be computed again without {n} not in its form." in found


def test_beside_a_malformed_record_a_changed_row_is_still_named(bundle: Path, tmp_path: Path) -> None:
    """The row of the malformed record in ratings.csv can't be identified; every other row that differs is named."""
    lines = read_bundle(bundle).files["records.jsonl"].splitlines(keepends=True)
    files = {"records.jsonl": b"".join([b"{}\n", *lines[1:]])}
    found = verify_bundle(rewritten(bundle, tmp_path / "one.zip", files, anew=True)).differences
    assert not any(each.startswith("ratings.csv") and "row" in each for each in found), found
    assert "records.jsonl, line 1: it lacks commitment." in found
    ratings = read_bundle(bundle).files["ratings.csv"].splitlines(keepends=True)
    row = ratings[-1].decode().strip()
    files["ratings.csv"] = b"".join([*ratings[:-1], b"x" + ratings[-1]])
    found = verify_bundle(rewritten(bundle, tmp_path / "two.zip", files, anew=True)).differences
    assert f"ratings.csv: it lacks the row {', '.join(row.split(','))}." in found
    assert any(each.startswith("ratings.csv: no sealed rating leads to 2 of its rows") for each in found)


def test_each_malformed_link_is_named_and_others_are_checked(bundle: Path, tmp_path: Path) -> None:
    links = rows_of(bundle, "chain.jsonl")
    assert len(links) == 2
    for change, told in (
        (without("signature"), "it lacks signature"),
        (lambda link: {**link, "body": {**link["body"], "commitments": [1]}}, "commitments is [1], and must be a list"),
        (lambda link: {**link, "body": []}, "body is [], and must be an object"),
        (lambda link: 3, "it is 3, and must be an object"),
    ):
        data = lines_bytes([links[0], change(links[1])])
        found = verify_bundle(rewritten(bundle, tmp_path / "x.zip", {"chain.jsonl": data}, anew=True)).differences
        assert any(each.startswith(f"chain.jsonl, line 2: {told}") for each in found), found
        assert not any("does not follow" in each or each.startswith("suite.json") for each in found), found
        assert any(each.endswith("it was never sealed.") for each in found)
    data = b"".join([b"no link\n", lines_bytes(links[1:])])
    found = verify_bundle(rewritten(bundle, tmp_path / "x.zip", {"chain.jsonl": data}, anew=True)).differences
    assert any(each.startswith("chain.jsonl, line 1, can't be read") for each in found)
    assert "suite.json: it is not what the study locked when it opened." in found
    assert not any("never sealed" in each or "its key signed" in each for each in found if "link" in each), found


def test_a_line_without_an_end_is_named_and_those_after_it_are_read(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(bundle)
    monkeypatch.setattr(contents, "LONGEST_LINE", 1 << 20)
    data = b"".join([b"x" * ((3 << 20) + 7), b"\n", lines_bytes(rows[1:])])
    whole = read_bundle(rewritten(bundle, tmp_path / "x.zip", {"records.jsonl": data}, anew=True))
    first, *rest = whole.each_line("records.jsonl")
    assert str(first) == "records.jsonl, line 1, is longer than 1 MiB." and rest == rows[1:]


def test_of_many_alike_the_first_are_named_and_the_others_counted(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "NAMED", 2)
    rows = rows_of(bundle)
    data = lines_bytes(with_record(category="x")(row) for row in rows)
    found = verify_bundle(rewritten(bundle, tmp_path / "x.zip", {"records.jsonl": data}, anew=True)).differences
    kind = "it was changed after it was sealed"
    assert sum(each.endswith(f"{kind}.") and each.startswith("records.jsonl, line") for each in found) == 2
    assert f"records.jsonl: ... and {len(rows) - 2:,} more of this kind: {kind}." in found


def wrong_values(value: Any) -> Sequence[Any]:
    """Of every other kind, and beyond what numbers and texts may be."""
    kinds: list[Any] = [None, True, -1, 2**70, 1.5, "x", [], {}, [[]], [None], {"x": []}, "\u2028"]
    return [each for each in kinds if type(each) is not type(value) or each in (-1, 2**70)]


def test_whatever_stands_in_a_field_nothing_breaks(bundle: Path, tmp_path: Path) -> None:
    """Every field of a record and of a link in turn, with a value of every other kind."""
    rows, links = rows_of(bundle), rows_of(bundle, "chain.jsonl")
    n = 0
    for field in RECORD:
        for wrong in wrong_values(rows[0]["record"][field]):
            told = row_faults(with_record(**{field: wrong})(rows[0]))
            n += bool(told)
            assert all(isinstance(each, str) for each in told)
    for fields, value, faults in ((ROW, rows[0], row_faults), (LINK, links[1], link_faults)):
        for field in fields:
            assert all(faults({**value, field: wrong}) for wrong in wrong_values(value[field]) if wrong != {})
    assert n > 100
    changed = [with_record(**{field: wrong})(rows[0]) for field in RECORD for wrong in wrong_values(None)]
    data = lines_bytes([*changed, *rows])
    found = verify_bundle(rewritten(bundle, tmp_path / "x.zip", {"records.jsonl": data}, anew=True)).differences
    assert not any("Error" in each for each in found), [each for each in found if "Error" in each]


def test_a_key_that_can_t_be_kept_is_named(bundle: Path, tmp_path: Path) -> None:
    lines = read_bundle(bundle).files["records.jsonl"].splitlines(keepends=True)
    row = json.dumps({**json.loads(lines[0]), "record": {"\ud800": 1}}) + "\n"
    data = b"".join([row.encode(), *lines])
    found = verify_bundle(rewritten(bundle, tmp_path / "x.zip", {"records.jsonl": data}, anew=True)).differences
    assert any(each.startswith("records.jsonl, line 1") for each in found)
    assert not any(each.startswith("records.jsonl: it is not in its form") for each in found), found
