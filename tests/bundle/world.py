"""Bundles to look at and to change."""

from __future__ import annotations

import copy
import importlib.metadata
import json
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.hashes import bytes_sha256, hash_of
from evaluation import protocols
from evaluation.models import Assignment, Study
from evaluation.reports.bundle.chain import commitment_of
from evaluation.reports.bundle.contents import LOCKED, json_bytes, lines_bytes, read_bundle
from evaluation.selectors.trials import RaterSession
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.rating.submit import Answer, rating_submit
from evaluation.services.reporting.bundle import study_export
from evaluation.services.studies.create import study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from tests.metric_services.steps import ask, score
from tests.ratings.protocol_world import a_study_under
from tests.studies.test_added_controls import a_study
from tests.studies.world import an_open_study, session_of


def answered(*, raters: int = 2, seed: int = 1) -> Study:
    """A study of two runs that a few raters answered."""
    study = an_open_study({"Colors": 2, "Counting": 1}, raters_per_panel=raters)
    raters_simulate(study=study, raters=raters, seed=seed)
    return study


def screened() -> Study:
    """A study with added control trials, repeats, and signs that exclude."""
    study = study_open(study=study_create(a_study(signs_exclude=("speed",))))
    raters_simulate(study=study, raters=3, seed=2)
    return study


def scaled() -> Study:
    """A study whose answers are no preferences, with control trials of its protocol."""
    study = a_study_under(replace(protocols.get("single-image"), name="small-images", set_size=1))
    raters_simulate(study=study, raters=2, seed=3)
    return study


def somebody_answers(study: Study, name: str) -> RaterSession:
    """A participant of this name, with one rating."""
    session = session_of(rater_enrol(invitation=invitation_create(study=study), participant=name))
    trial = Assignment.objects.filter(rater__key=session.key).order_by("position")[0]
    rating_submit(session=session, answers=[Answer(trial.pk, "alignment", "left", 900, uuid.uuid4())])
    return session


def scored() -> Study:
    """A study whose runs have automatic scores too; its test takes the fixtures of tests/metric_services."""
    study = answered()
    for place in study.study_runs.all():
        score(ask(place.run))
    return study


def exported(study: Study, out: Path) -> Path:
    """The study's bundle at `out`."""
    study_export(study=study, out=out)
    return out


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return "x"
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else ["x"]


def leaves_of(value: Any, *steps: Any) -> Iterator[tuple[Any, ...]]:
    """The steps to every leaf; an empty list or object is one too."""
    if isinstance(value, dict | list) and value:
        for step, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves_of(each, *steps, step)
    elif steps:
        yield steps


def places_of(value: Any) -> list[tuple[Any, ...]]:
    """The steps to every field, whichever entry of a list has it: to the first leaf of each name, and of each type of
    value under that name.
    """
    found: dict[Any, tuple[Any, ...]] = {}
    for steps in leaves_of(value):
        name = tuple("*" if isinstance(step, int) else step for step in steps)
        found.setdefault((name, type(at(value, steps))), steps)
    return list(found.values())


def at(value: Any, steps: Sequence[Any]) -> Any:
    """What stands there."""
    for step in steps:
        value = value[step]
    return value


def changed_at(value: Any, steps: Sequence[Any]) -> Any:
    """A copy with another value at a place."""
    whole = within = copy.deepcopy(value)
    for step in steps[:-1]:
        within = within[step]
    within[steps[-1]] = other(within[steps[-1]])
    return whole


def rewritten(source: Path, out: Path, files: Mapping[str, bytes], *, anew: bool) -> Path:
    """The bundle with some files replaced; `anew`: the manifest's hashes of them too."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.namelist():
            content = files.get(entry, old.read(entry))
            if entry == "manifest.json" and anew and entry not in files:
                manifest = json.loads(content)
                manifest["files"] |= {name: bytes_sha256(data) for name, data in files.items()}
                content = json.dumps(manifest).encode()
            new.writestr(entry, content)
    return out


def all_anew(source: Path, out: Path, files: Mapping[str, bytes]) -> Path:
    """The bundle with some files replaced, and every plain hash made anew that follows: what the study locked, each
    commitment, each link's head and the head before it, the chain's head and the files' hashes in the manifest. Only
    signatures, which nobody else can make, stay as they were.
    """
    whole = read_bundle(source)
    new = {**whole.files, **files}
    links, rows = ([json.loads(line) for line in new[name].splitlines()] for name in ("chain.jsonl", "records.jsonl"))
    names = {}
    for row in rows:
        own = commitment_of(row["salt"], row["record"])
        names[row["commitment"]] = row["commitment"] = own
    for number, link in enumerate(links):
        body = link["body"]
        if "locked" in body:
            body["locked"] = {name: hash_of(json.loads(new[name])) for name in LOCKED}
        if "commitments" in body:
            body["commitments"] = [names.get(name, name) for name in body["commitments"]]
        body["previous"] = links[number - 1]["head"] if number else ""
        link["head"] = hash_of(body)
    new |= {"chain.jsonl": lines_bytes(links), "records.jsonl": lines_bytes(rows)}
    manifest = {**whole.manifest, "head": links[-1]["head"]}
    manifest["files"] = {name: bytes_sha256(data) for name, data in new.items()}
    return rewritten(source, out, {**new, "manifest.json": json_bytes(manifest)}, anew=False)


def normal(name: str) -> str:
    """A distribution's name in the one form of all its spellings."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_distributions(*requirements: str) -> set[str]:
    """The installed distributions that fulfil these requirements, and all that those need."""
    found: set[str] = set()
    wanted = list(requirements)
    while wanted:
        name = normal(re.split(r"[^\w.-]", wanted.pop())[0])
        if name in found:
            continue
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system or Python
            continue
        found.add(name)
        wanted += [each for each in required if "extra ==" not in each]
    return found
