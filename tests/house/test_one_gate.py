"""Outside JSON, tables and text have one reader each; a limit stands in one place."""

from __future__ import annotations

import ast

import pytest
from django.apps import apps
from django.db import models

from common import limits
from tests.house.repository import PROGRAM_TEXT, nodes, of_ours

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators")

OWN_JSON: dict[str, str] = {
    "common/json_in.py": "the reader itself",
    "common/images/child.py": "lines of its own child process",
    "common/images/worker.py": "lines of its own parent process",
    "evaluation/metrics/features/decode_worker.py": "lines of its own parent process",
    "evaluation/metrics/features/images.py": "lines of its own child process",
    "evaluation/metrics/features/moments.py": "a record beside moments that it wrote",
    "evaluation/metrics/features/references.py": "a manifest that it wrote, under a hash",
    "evaluation/metrics/features/shard_plan.py": "a plan that it wrote",
    "evaluation/services/uploads/beside.py": "what the check wrote",
    "evaluation/services/uploads/match.py": "a log and a list that the check wrote",
    "evaluation/services/scoring/load.py": "what json.dumps made, one line before",
    "evaluation/services/scoring/score.py": "what json.dumps made, one line before",
    "evaluation/services/scoring/whole_set.py": "what json.dumps made, one line before",
    "evaluation/management/commands/export_ratings.py": "what pandas made of a frame",
    "evaluation/selectors/trials.py": "a column that only the design writes",
    "evaluation/services/rating/submit.py": "columns that the gate has passed",
    "generators/training/all.py": "a file that it wrote",
    "generators/training/byte_t5.py": "what transformers made of its own configuration",
    "generators/tensor_file.py": "the header of a file that it has just written",
    "generators/training/checkpoints.py": "a checkpoint of its own training",
    "generators/training/comparing.py": "the metadata of weights of its own training",
    "generators/training/curves.py": "a log of its own training",
    "generators/training/proving.py": "what its own child process wrote",
    "generators/world/scenes/lettering.py": "a table that ships",
    "generators/world/sprites.py": "packages of versions that are named here",
    "generators/cascade/text_cache.py": "a cache that it wrote",
    "generators/cascade/text_files.py": "a memo that it wrote",
}
"""Who may take `json.loads`, since nobody else has written what they read; the rest takes `common.json_in`."""

OWN_TABLES: dict[str, str] = {
    "common/tables.py": "the reader itself",
    "evaluation/analysis/table_file.py": "files of ten million rows, in the dress that the reader has found",
    "evaluation/reports/bundle/input.py": "a bundle's own scores, read as a report's scores are",
    "evaluation/reports/bundle/differences.py": "two files side by side, cell by cell, as they stand",
    "evaluation/reports/kit/contents.py": "tables that were written a line before",
    "generators/world/scenes/concepts.py": "a table that ships",
    "generators/world/scenes/drawings.py": "a table that ships",
}
"""Who may read CSV in another way."""


def _calls(*names: str) -> dict[str, list[int]]:
    """Where functions are called or classes taken, by file: "json.loads", or ".read_csv" of whatever module."""
    found: dict[str, list[int]] = {}
    for path in of_ours(".py"):
        if path.parts[0] not in ROOMS or "migrations" in path.parts:
            continue
        for node in nodes(path):
            if isinstance(node, ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                if f"{owner}.{node.attr}" in names or f".{node.attr}" in names:
                    found.setdefault(str(path), []).append(node.lineno)
    return found


@pytest.mark.parametrize(
    ("names", "allowed", "instead"),
    [
        (("json.loads", "json.load"), OWN_JSON, "common.json_in.read_json"),
        (("csv.reader", "csv.DictReader", ".read_csv"), OWN_TABLES, "common.tables"),
    ],
)
def test_what_comes_from_outside_has_one_reader(names: tuple[str, ...], allowed: dict[str, str], instead: str) -> None:
    found = _calls(*names)
    assert {path: lines for path, lines in found.items() if path not in allowed} == {}, f"take {instead}"
    assert set(allowed) <= set(found), "an exception that nothing needs any more"


SHORT = 64
"""Columns up to this width hold hashes, states and the like, which no person writes."""


def columns_with_a_limit() -> list[models.CharField]:
    return [
        field
        for model in apps.get_app_config("evaluation").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.CharField) and field.max_length is not None and not field.choices
    ]


def test_every_column_takes_its_limit_from_the_one_place() -> None:
    known = {value for name, value in vars(limits).items() if name.isupper()}
    odd = [str(field) for field in columns_with_a_limit() if field.max_length not in known | set(range(SHORT + 1))]
    assert odd == []


def test_no_limit_is_written_twice() -> None:
    """A number at `max_length=` stands in common/limits.py, but for columns that nobody writes into by hand."""
    written = []
    for path in of_ours(".py"):
        if path.parts[0] != "evaluation" or "migrations" in path.parts:
            continue
        for node in nodes(path):
            value = node.value if isinstance(node, ast.keyword) and node.arg == "max_length" else None
            if isinstance(value, ast.Constant) and isinstance(value.value, int) and value.value > SHORT:
                written.append(f"{path}:{value.lineno}")
    assert written == []
