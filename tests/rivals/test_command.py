"""The generator `command`: the example of docs/rivals.md drawn with, and programs that fail in every way."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.places import DOCUMENTATION
from generators import conformance, registry, sample
from generators.contract import Generator, GeneratorError, StopError
from tests.rivals.conftest import draw, failure

PAGE = (DOCUMENTATION / "rivals.md").read_text()


def block(language: str, mark: str) -> str:
    """The page's block of a language that has this in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return next(each for each in blocks if mark in each)


@pytest.fixture
def stripes(folder: Path) -> Path:
    """The page's program, as the page says it."""
    declared = json.loads(block("json", "drawbench-program/1"))
    declared["command"][0] = sys.executable
    (folder / "programs" / "stripes.json").write_text(json.dumps(declared))
    (folder / "programs" / "draw.py").write_text(block("python", "stripes"))
    return folder


def test_the_pages_example_draws(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = shlex.split(block("", "--set program=stripes").replace("\\\n", " "))
    assert command[:3] == ["python", "-m", "generators.sample"]
    assert sample.main(command[3:]) == 0
    (image,) = tmp_path.rglob("*.png")
    row = next(json.loads(line) for line in (image.parents[1] / "manifest.jsonl").read_text().splitlines()[1:])
    assert (row["width"], row["height"], row["provenance"]["stripe"]) == (96, 64, 8)


def test_the_pages_example_keeps_the_contract(stripes: Path) -> None:
    assert conformance.check(registry.load("command", {"program": "stripes"})) == []


HEAD = """
import json, os, sys, time
def say(**answer):
    print(json.dumps(answer), flush=True)
settings = json.loads(sys.stdin.readline())["settings"]
"""
READY = "say(ready=True)\n"
LOOP = """
from PIL import Image
for line in sys.stdin:
    r = json.loads(line)
    word = r["prompt"].partition(":")[0]
    if word == "nonsense": print("Loading ... 12%", flush=True); continue
    if word == "die": sys.stderr.write("CUDA out of memory\\n"); sys.stderr.flush(); os._exit(3)
    if word == "kill": os.kill(os.getpid(), 9)
    if word == "sleep": time.sleep(30)
    if word == "refuse": say(key=r["key"], failure="refused", message="no\\nnever"); continue
    if word == "odd": say(key=r["key"], failure="whatever"); continue
    if word == "twice": say(key="77", file=r["file"]); continue
    if word == "escape": say(key=r["key"], file="../../etc/passwd"); continue
    if word == "nothing": say(key=r["key"], file=r["file"]); continue
    if word == "neither": say(key=r["key"]); continue
    if word == "text": open(r["file"], "w").write("hello"); say(key=r["key"], file=r["file"]); continue
    if word == "env": say(key=r["key"], failure="invalid", message=" ".join(sorted(os.environ))); continue
    other = os.path.join(os.path.dirname(r["file"]), "other.png")
    if word == "neighbour": Image.new("RGB", (32, 32)).save(other); say(key=r["key"], file=other); continue
    if word == "folder": os.mkdir(r["file"]); say(key=r["key"], file=r["file"]); continue
    if word == "fifo": os.mkfifo(r["file"]); say(key=r["key"], file=r["file"]); continue
    if word == "link": os.symlink("/etc/passwd", r["file"]); say(key=r["key"], file=r["file"]); continue
    if word == "colour": say(key=r["key"], failure="crash", message="\x1b[31mout of memory"); continue
    if word == "nan": print('{"key": "%s", "provenance": {"loss": NaN}}' % r["key"], flush=True); continue
    if word == "before": say(key=r["key"], failure="timeout", message="soon", retry_after_s=-3); continue
    if word == "left": Image.new("RGB", (32, 32)).save(r["file"]); say(key=r["key"], failure="refused"); continue
    Image.new("RGB", (r["width"] or 32, 32), tuple(r["seed"].to_bytes(8, "big")[-3:])).save(r["file"])
    if word == "half": os.truncate(r["file"], os.path.getsize(r["file"]) - 20)
    if word == "talk":
        say(key=r["key"], file=r["file"], provenance={"a" * 999: "b" * 99_999, "c\\0": "\\0"}); continue
    if word == "long": print("x" * 2_000_000, flush=True)
    say(key=r["key"], file=r["file"])
"""

Declare = Callable[..., Generator]


@pytest.fixture
def declared(folder: Path) -> Iterator[Declare]:
    """Loads a program of this text."""
    loaded: list[Generator] = []

    def load(text: str = HEAD + READY + LOOP, parameters: dict[str, object] | None = None, **fields: Any) -> Generator:
        (folder / "programs" / "p.py").write_text(text)
        given = {
            "schema": "drawbench-program/1",
            "name": "p",
            "summary": "of the tests",
            "command": [sys.executable, "p.py"],
            "version": "1",
            "image_s": 5.0,
            **fields,
        }
        (folder / "programs" / "p.json").write_text(json.dumps(given))
        loaded.append(registry.load("command", {"program": "p", **(parameters or {})}))
        return loaded[-1]

    yield load
    for generator in loaded:
        generator.close()


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [
        ("nonsense", "crash", 'wrote "Loading ... 12%" to its standard output'),
        ("long", "crash", "where only answers in JSON belong (a line of more than 1,000,000 bytes)"),
        ("die", "crash", "ended with code 3; it said last: CUDA out of memory"),
        ("kill", "crash", "was ended by SIGKILL"),
        ("sleep", "timeout", "gave no answer within 0.5 s"),
        ("refuse", "refused", "no never"),
        ("odd", "crash", "whatever"),
        ("twice", "crash", "answered a key that it was not asked"),
        ("escape", "invalid", "outside of the folder"),
        ("nothing", "invalid", "made no whole image"),
        ("neither", "invalid", "made no whole image: its answer names neither a file nor a failure"),
        ("neighbour", "invalid", "answered with another file than the one that it was given for this image"),
        ("folder", "invalid", "made no whole image"),
        ("fifo", "invalid", "this is not a regular file"),
        ("link", "invalid", "it is a link"),
        ("half", "crash", "made no whole image: the PNG file ends too early"),
        ("colour", "crash", "\N{REPLACEMENT CHARACTER}[31mout of memory"),
        ("nan", "crash", "where only answers in JSON belong (NaN is not JSON; write null or a number)"),
        ("before", "timeout", "soon"),
        ("text", "invalid", "made no whole image"),
    ],
)
def test_each_fault_is_a_failure_and_the_next_image_is_drawn(
    declared: Declare, word: str, kind: str, says: str
) -> None:
    generator = declared(image_s=0.5 if word == "sleep" else 10.0)
    found, message = failure(generator, word)
    assert (found, message.count("\n")) == (kind, 0) and says in message
    (result,) = draw(generator, "a fox").values()
    assert result.image is not None, "it was started anew"


def test_of_a_batch_what_was_answered_before_is_kept(declared: Declare) -> None:
    results = draw(declared(), "a fox", "die", "a heron")
    assert [results[key].image is not None for key in ("0/0", "1/0", "2/0")] == [True, False, False]


def test_what_an_earlier_request_left_is_never_a_later_ones_image(declared: Declare) -> None:
    generator = declared()
    assert failure(generator, "left")[0] == "refused"
    assert failure(generator, "nothing") == (
        "invalid",
        "the program p made no whole image: the file can't be read: no such file or directory",
    )


def test_texts_and_names_of_provenance_are_bounded(declared: Declare) -> None:
    (result,) = draw(declared(), "talk").values()
    kept = {name: value for name, value in result.provenance.items() if name != "seed"}
    assert [(len(name), len(str(value))) for name, value in kept.items()] == [(80, 2000), (2, 1)]


def test_another_size_is_a_failure(declared: Declare) -> None:
    generator = declared(parameters={"width": 48, "height": 64})
    assert failure(generator, "a fox") == ("invalid", "the program p gave 48 x 32 pixels where 48 x 64 were asked for")


def test_it_gets_no_variable_that_was_not_named(declared: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("HOUSE_FOLDER", "x")
    _, message = failure(declared(hands_on=["HOUSE_FOLDER"], environment={"MINE": "1"}), "env")
    assert {"MINE", "HOUSE_FOLDER"} <= set(message.split()) and "OPENAI_API_KEY" not in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import no_such_module", "ended with code 1; it said last: .*no_such_module"),
        ("print('hello')", 'wrote "hello" to its standard output'),
        (HEAD + "say(key='0')", "did not say"),
        ("import time; time.sleep(30)", "gave no answer within 1 s"),
    ],
)
def test_a_program_that_does_not_start_says_so(declared: Declare, text: str, says: str) -> None:
    with pytest.raises(GeneratorError, match=says) as error:
        declared(text, start_s=1.0 if "sleep" in text else 20.0)
    assert "\n" not in str(error.value)


def test_a_program_that_does_not_start_again_ends_the_run(declared: Declare, folder: Path) -> None:
    generator = declared()
    failure(generator, "die")
    (folder / "programs" / "p.py").write_text("raise SystemExit('the disk is gone')")
    with pytest.raises(StopError, match=r"the disk is gone\. Mend it, and resume the run\."):
        draw(generator, "a fox")


def test_closing_ends_all_that_it_started(declared: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.rivals.command.generator.STOP_S", 0.1)
    child = "import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    generator = declared(HEAD + child + READY + LOOP)
    started = [each for each in psutil.Process().children(recursive=True) if "sleep(60)" in " ".join(each.cmdline())]
    assert len(started) == 1
    generator.close()
    deadline = time.monotonic() + 5
    while started[0].is_running() and started[0].status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not started[0].is_running() or started[0].status() == psutil.STATUS_ZOMBIE


def test_a_program_that_reads_nothing_is_late_all_the_same(declared: Declare) -> None:
    generator = declared(HEAD + READY + "time.sleep(30)", image_s=0.5)
    assert [result.failure is not None for result in draw(generator, *("word " * 20_000,) * 4).values()] == [True] * 4


@pytest.mark.parametrize(
    ("fields", "parameters", "says"),
    [
        ({"schema": "x"}, {}, 'schema must be "drawbench-program/1"'),
        ({"comand": []}, {}, 'unknown comand; did you mean "command"'),
        ({"command": []}, {}, "command is empty"),
        ({"command": ["no-such-program"]}, {}, "can't be started .*no such file"),
        ({"batch": 0}, {}, "batch must be above 0"),
        ({"files": ["weights.bin"]}, {}, "weights.bin can't be read: no such file"),
        ({}, {"settings": "["}, "parameter settings: this is not JSON"),
        ({"settings": {"steps": 20}}, {"settings": '{"stepz": 3}'}, 'did you mean "steps"'),
        ({"settings": {"steps": 20}}, {"settings": '{"steps": "3"}'}, "is of the kind of 20"),
        ({}, {"width": 64}, "give width and height together"),
        ({}, {"program": "q"}, "'q' is not one of p"),
    ],
)
def test_what_does_not_fit_is_told(
    declared: Declare, fields: dict[str, Any], parameters: dict[str, object], says: str
) -> None:
    with pytest.raises(GeneratorError, match=says):
        declared(parameters=parameters, **fields)


def test_other_files_make_another_fingerprint(declared: Declare, folder: Path) -> None:
    weights = folder / "programs" / "w.bin"
    prints = []
    for content, settings in ((b"1", {}), (b"2", {}), (b"2", {"a": 1})):
        weights.write_bytes(content)
        prints.append(declared(files=["w.bin"], settings=settings).info.weights_fingerprint)
    assert len(set(prints)) == 3


def test_no_program_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRAWBENCH_RIVALS", raising=False)
    with pytest.raises(GeneratorError, match=r"programs/x\.json in the folder that .* DRAWBENCH_RIVALS names"):
        registry.load("command", {"program": "x"})


def test_a_program_says_what_it_draws_with(declared: Declare) -> None:
    """Its runs wait in the queue of that device. An unknown device is refused, and the message lists the known ones."""
    spec = registry.get_spec("command")
    for word, devices in (("gpu", ("cpu", "cuda")), ("cpu", ("cpu",)), ("network", ("network",))):
        declared(device=word)
        assert registry.devices_of(spec, {"program": "p"}) == devices
    declared()
    assert registry.devices_of(spec, {"program": "p"}) == spec.devices
    with pytest.raises(GeneratorError, match=r"p\.json: unknown device 'gpus'; did you mean .gpu.\? It is"):
        declared(device="gpus")
    with pytest.raises(GeneratorError, match='no program is called "q"'):
        registry.devices_of(spec, {"program": "q"})
