"""docs/suites.md says what the code does."""

import json
import re
from pathlib import Path

from evaluation.suites import FORMATS, bundled_suite, parse_scene
from evaluation.suites.known_drawbench import CONTENT_HASH, SHEET_URL
from evaluation.suites.scene import COLOURS, SPATIAL_RELATIONS

DOC = (Path(__file__).resolve().parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")


def test_formats_relations_colours_and_identity_are_those_of_the_code() -> None:
    assert re.findall(r"^\| `(\w+)` \|", DOC.split("## What identifies")[0], re.M) == list(FORMATS)
    table = DOC[DOC.index("| relation |") : DOC.index("`scene_mismatches")]
    assert set(re.findall(r"`([a-z ]+)`", table)) == set(SPATIAL_RELATIONS)
    assert all(colour in DOC for colour in COLOURS) and CONTENT_HASH in DOC and SHEET_URL in DOC


def test_table_of_the_shipped_suite_has_its_counts() -> None:
    rows = re.findall(r"^\| ([\w .-]+) \| (\d+) \|", DOC, re.M)
    assert {name: int(n) for name, n in rows} == bundled_suite().categories


def test_the_example_is_a_scene() -> None:
    scene = parse_scene(json.loads(re.findall(r"```json\n(.*?)```", DOC, re.S)[0]))
    assert scene is not None and scene.relations[0].relation == "left of" and scene.intended == "butterfly"
