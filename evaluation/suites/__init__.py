"""Suites of prompts, pure: reading, checking, identity, making and fetching. No Django, no torch.

Read `formats.read_suite` first, then `build.py` (the rules), `identity.py` (which suite), `scene.py` (attributes).
"""

from evaluation.suites.bundled import BUNDLED, bundled_suite
from evaluation.suites.fetch import SuiteFetchError, fetch_drawbench
from evaluation.suites.formats import FORMATS, read_suite
from evaluation.suites.identity import (
    KNOWN_SUITES,
    KnownSuite,
    content_hash,
    recognise,
    refuse_if_incomplete,
    version_hash,
)
from evaluation.suites.objects import names_people
from evaluation.suites.scene import Scene, parse_scene, scene_mismatches
from evaluation.suites.selection import sample_of, select
from evaluation.suites.types import PromptData, SuiteData, SuiteError
from evaluation.suites.vary import vary
from evaluation.suites.write import csv_bytes, write_csv

__all__ = [
    "BUNDLED",
    "FORMATS",
    "KNOWN_SUITES",
    "KnownSuite",
    "PromptData",
    "Scene",
    "SuiteData",
    "SuiteError",
    "SuiteFetchError",
    "bundled_suite",
    "content_hash",
    "csv_bytes",
    "fetch_drawbench",
    "names_people",
    "parse_scene",
    "read_suite",
    "recognise",
    "refuse_if_incomplete",
    "sample_of",
    "scene_mismatches",
    "select",
    "vary",
    "version_hash",
    "write_csv",
]
