"""A study under a protocol of the researcher's own: another wording without Python, its departures printed."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evaluation import protocols
from evaluation.errors import InputError
from evaluation.models import Study
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

OWN = """\
based_on: drawbench
name: own
title: Our own wording
raters_per_panel: 3
set_size: 2
questions:
  - id: fidelity
    text: Which set looks better?
"""


def own(text: str = OWN) -> protocols.Protocol:
    return protocols.load(text.encode(), "own.yaml")


def test_a_study_asks_what_the_file_says_and_lists_its_departures() -> None:
    suite = a_suite()
    study = study_create(StudyDraft(name="mine", runs=[a_run(suite, "one"), a_run(suite, "two")], protocol=own()))
    declared = study.specification
    assert study.protocol == "own" and declared["protocol"]["questions"][0]["text"] == "Which set looks better?"
    assert declared["panels"][0]["raters"] == 3 and declared["sets"]["size"] == 2
    assert "own: raters per trial: 3, where drawbench has 25" in declared["departures"]
    assert "own: question alignment: left out" in declared["departures"]
    opened = study_open(study=study)
    assert protocols.read(opened.specification["protocol"]) == own(), "what is locked is what was declared"
    assert opened.specification["departures"] == declared["departures"]


def test_the_command_takes_a_file(tmp_path: Path) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    out = io.StringIO()
    arguments = ("--name", "mine", "--runs", "one,two", "--protocol")
    call_command("create_study", *arguments, str(path), "--format", "json", stdout=out)
    assert json.loads(out.getvalue())["protocol"] == "own"
    path.write_text(OWN.replace("text:", "txet:"), encoding="utf-8")
    with pytest.raises(CommandError, match=r'own.yaml, line 8, column 5: .*did you mean "text"') as caught:
        call_command("create_study", *arguments, str(path))
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match='did you mean "drawbench"'):
        call_command("create_study", *arguments, "drawbnch")
    assert Study.objects.count() == 1


def test_a_name_of_ours_cannot_stand_for_another_protocol() -> None:
    suite = a_suite()
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    taken = own(protocols.to_yaml(protocols.get("drawbench")).replace("of higher quality", "better"))
    with pytest.raises(InputError, match="belongs to a protocol that comes with the program"):
        study_create(StudyDraft(name="mine", runs=runs, protocol=taken))
    same = own(protocols.to_yaml(protocols.get("drawbench")))
    assert study_create(StudyDraft(name="mine", runs=runs, protocol=same)).protocol == "drawbench"


def test_a_protocols_stopping_rule_is_the_studys() -> None:
    suite = a_suite()
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    ruled = own(OWN.replace("panel: 3", "panel: 9") + "stopping: {max_raters: 18, min_raters: 8, half_width: 0.2}\n")
    declared = study_create(StudyDraft(name="mine", runs=runs, protocol=ruled)).specification
    assert declared["stopping_rule"]["half_width"] == 0.2
