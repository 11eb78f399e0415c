"""docs/protocols.md says what the code does: its files load, its tables are the declarations'."""

import dataclasses
import io
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

from evaluation import protocols
from evaluation.models import Study
from evaluation.protocols import ProtocolError
from evaluation.protocols.kinds import KINDS
from evaluation.protocols.parts import Controls, Repeats, Shown
from evaluation.protocols.serving import needs
from tests.studies.protocols_world import some_runs
from tests.studies.world import a_run

DOC = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
QUESTIONS = ("fidelity", "alignment")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOC, re.S)


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the table with this heading, by the first cell's code."""
    table = DOC[DOC.index(heading) :].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_file_on_the_page_is_a_protocol() -> None:
    assert len(BLOCKS) >= 5
    names = []
    for at, block in enumerate(BLOCKS):
        protocol = protocols.load(block.encode(), f"block {at}")
        assert protocols.load(protocols.to_yaml(protocol).encode(), "again") == protocol
        names.append(protocol.name)
    assert len(set(names)) == len(names) and not set(names) & set(protocols.names())


def test_the_files_use_every_kind() -> None:
    declared = [protocols.load(block.encode(), "block") for block in BLOCKS]
    assert {question.answers.name for protocol in declared for question in protocol.questions} == set(KINDS)


def test_the_table_of_protocols_is_the_list() -> None:
    assert set(rows("| protocol |")) == set(protocols.names())


def test_the_table_of_needs_is_the_declarations() -> None:
    table = rows("| protocol | runs, at least |")
    assert set(table) == set(protocols.names())
    for name, (runs, needed) in table.items():
        shown = protocols.get(name).shown
        assert int(runs) == max(1, shown.sets - (shown.reference == "beside"))
        found = needs(protocols.get(name))
        words = {"reference": "reference photographs", "known": "a file of control trials", "claims": "claims: "}
        assert {need for need, word in words.items() if word in needed} == found & set(words), name


@pytest.mark.django_db
def test_a_stranger_holds_studies_by_this_page_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the page as they stand, its files as it prints them, in a folder of one's own."""
    suite, runs = some_runs(4)
    names = ("mine", "theirs", "third", "fourth")
    for run, name in zip(runs, names, strict=True):
        run.name = name
        run.save(update_fields=["name"])
    a_run(suite, "photographs", samples=1)
    prompts = list(suite.prompts.order_by("number"))
    for block in BLOCKS:
        (tmp_path / f"{protocols.load(block.encode(), 'block').name}.yaml").write_text(block, encoding="utf-8")
    header = re.findall(r"```text\n(prompt_id.*)\n(.*)\n```", DOC)[0]
    photo = [header[1].replace("00000", each.prompt_id) for each in prompts]
    single = [
        f"{each.prompt_id},{name},{question},2" for each in prompts for name in names[:2] for question in QUESTIONS
    ]
    claims = [f'"{each.text}",Is it so?' for each in prompts]
    tables = {"photo-controls": [header[0], *photo], "single-controls": [header[0], *single]}
    for name, lines in {**tables, "claims": ["prompt,claim", *claims]}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^\$ python manage.py (\w+) (.*)$", DOC, re.M)
    made = [options for command, options in commands if command == "create_study"]
    assert len(made) >= 8
    for command, options in commands:
        call_command(command, *shlex.split(options), stdout=io.StringIO())
    studies = list(Study.objects.all())
    assert len(studies) == len(made)
    assert {each.protocol for each in studies} >= set(protocols.names()) - {"drawbench"}
    four = Study.objects.get(name="four").specification
    assert "drawbench-four: images per set: 4, where drawbench has 8" in four["departures"]


def test_the_table_of_keys_is_the_declaration() -> None:
    keys = rows("| key |")
    assert set(keys) == {each.name for each in dataclasses.fields(protocols.Protocol)} | {"answers"}
    for key, part in (("shown", Shown), ("repeats", Repeats), ("controls", Controls)):
        for each in dataclasses.fields(part):
            assert f"`{each.name}`" in keys[key][0], (key, each.name)


def test_the_table_of_kinds_is_the_code() -> None:
    kinds = rows("| kind | keys |")
    assert set(kinds) == set(KINDS)
    for name, kind in KINDS.items():
        for key in kind.KEYS:
            assert f"`{key}`" in kinds[name][0], (name, key)


def test_the_message_on_the_page_is_the_commands() -> None:
    with pytest.raises(ProtocolError) as caught:
        protocols.load(BLOCKS[0].replace("kind: scale", "kind: scael").encode(), "hands.yaml")
    shown = re.findall(r"```text\n(hands.yaml.*?), \.\.\.\n```", DOC, re.S)[0]
    assert str(caught.value).startswith(shown)
