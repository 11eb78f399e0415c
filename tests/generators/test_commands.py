"""`python -m generators.sample`, `.list` and `.conformance` as a person runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.commands import run_command
from common.images import encode_png
from generators import sample
from generators.manifest import FILE_NAME, read_manifest

ROOT = Path(__file__).parents[2]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the test generator is an installed plug-in, and so is a broken one."""
    folder = tmp_path / "site" / "acme-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    points = "[drawbench.generators]\ncolours = tests.generators.colours:SPEC\nbad = nowhere:SPEC\n"
    (folder / "entry_points.txt").write_text(points)
    return {**os.environ, "PYTHONPATH": f"{folder.parent}{os.pathsep}{ROOT}"}


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Command:
    """Run a module of the package from another folder; its result."""

    def ran(module: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", f"generators.{module}", *map(str, arguments)]
        return subprocess.run(
            line, env=environment, cwd=tmp_path, input=stdin, capture_output=True, text=True, check=False, timeout=120
        )

    return ran


def test_sample_draws_resumes_and_extends(command: Command, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\ufeffA second prompt\n\n  A   third one \n")
    arguments = ["--generator", "colours", "--prompt", "A first prompt", "--prompts-file", "prompts.txt", "--seed", 5]
    done = command("sample", *arguments, "--samples", 2, "--size", 64, "--out", "run", "--set", "brightness=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 images drawn: run\n"
    files = sorted(path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*.png"))
    assert files == [f"0000{prompt}/{sample}.png" for prompt in range(3) for sample in range(2)]
    with Image.open(tmp_path / "run/00002/1.png") as image:
        assert image.size == (64, 64) and image.mode == "RGB"
    content = read_manifest(tmp_path / "run" / FILE_NAME)
    assert {line["prompt"] for line in content.images} == {"A first prompt", "A second prompt", "A third one"}
    assert content.sessions[0]["parameters"] == {"brightness": 1.0, "slow": 0.0, "refuse": ""}
    times = {file: (tmp_path / "run" / file).stat().st_mtime_ns for file in files}

    again = command(
        "sample", *arguments, "--samples", 3, "--size", 64, "--out", "run", "--set", "brightness=1", "--format", "json"
    )
    report = json.loads(again.stdout)
    assert again.returncode == 0 and (report["drawn"], report["there_before"], report["requests"]) == (3, 6, 9)
    assert report["schema"] == "drawbench-sample/1" and len(report["images"]) == 9 and report["failures"] == []
    assert times == {file: (tmp_path / "run" / file).stat().st_mtime_ns for file in files}

    other = command("sample", *arguments, "--samples", 3, "--size", 64, "--out", "run")
    assert other.returncode == 2
    assert other.stderr.startswith("error: run holds another run (brightness: 0.5, not 1.0). Choose another folder")


def test_sample_says_which_requests_gave_no_image(command: Command, tmp_path: Path) -> None:
    arguments = ["--generator", "colours", "--prompt", "fine", "--prompt", "not nice", "--out", "run", "--size", 16]
    done = command("sample", *arguments, "--set", "refuse=nice", "--format", "json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["images"] == ["00000/0.png"]
    assert report["failures"] == [
        {
            "prompt_id": "00001",
            "prompt": "not nice",
            "sample": 0,
            "failure": "refused",
            "message": "this prompt is refused",
        }
    ]
    assert "prompt 00001, sample 0: refused: this prompt is refused" in done.stderr
    again = command("sample", *arguments, "--set", "refuse=nice")
    assert again.returncode == 1 and "2 requests were answered before, 1 gave no image" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--generator", "colour", "--prompt", "x"], 'unknown generator "colour"; did you mean "colours"? Generators:'),
        (
            ["--generator", "bad", "--prompt", "x"],
            'generator "bad" (acme 1.0) can\'t be used: nowhere:SPEC: ModuleNotFound',
        ),
        (["--generator", "colours"], "no prompt: give --prompt TEXT or --prompts-file FILE"),
        (["--generator", "colours", "--prompt", " "], "--prompt is empty"),
        (["--generator", "colours", "--prompts-file", "gone.txt"], "gone.txt can't be read: no such file"),
        (["--generator", "colours", "--prompts-file", "empty.txt"], "empty.txt holds no prompt"),
        (
            ["--generator", "colours", "--prompts-file", "latin.txt"],
            "latin.txt: Its encoding is broken: byte 0xE9 at line 1, byte 3",
        ),
        (["--generator", "colours", "--prompts-file", "table.csv"], "has no column for the prompts: call it prompt"),
        (["--generator", "colours", "--prompt", "x", "--samples", "0"], "0 samples a prompt: ask for 1 or more"),
        (["--generator", "colours", "--prompt", "x", "--seed", "-1"], "run seed -1 is not a whole number from 0"),
        (
            ["--generator", "colours", "--prompt", "x", "--size", "17"],
            "makes no images of 17 x 17 pixels. Its sizes: 16 x 16, 64 x 64.",
        ),
        (["--generator", "colours", "--prompt", "x", "--set", "brightnes=1"], 'did you mean "brightness"?'),
        (["--generator", "colours", "--prompt", "x", "--set", "brightness=2"], "'2' is not a number from 0 to 1"),
        (["--generator", "colours", "--prompt", "x", "--set", "brightness"], "write it as NAME=VALUE"),
        (["--generator", "colours", "--prompt", "x", "--set", "slow=1", "--set", "slow=2"], "slow is given twice"),
        (["--generator", "colours", "--prompt", "x", "--device", "cuda"], "Its devices: auto, cpu."),
        (["--generator", "colours", "--prompt", "x", "--batch", "0"], "--batch 0: draw 1 image"),
        (["--generator", "folder", "--prompt", "x"], "generator folder needs the parameter path"),
        (["--prompt", "x"], "the following arguments are required: --generator"),
        (
            ["--generator", "colours", "--prompt", "x", "--samples", "two"],
            "argument --samples: invalid int value: 'two'",
        ),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.syspath_prepend(environment["PYTHONPATH"].partition(os.pathsep)[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "latin.txt").write_bytes("caf\xe9 au lait".encode("latin-1"))
    (tmp_path / "table.csv").write_text("subject,style\ncat,oil\n")
    try:
        code: int | str | None = run_command(sample.main, [*arguments, "--out", "run"])
    except SystemExit as stop:  # argparse's own
        code = stop.code
    said = capsys.readouterr()
    assert code == 2
    assert message in said.err and said.out == ""
    assert not (tmp_path / "run").exists()


def test_bad_input_from_a_shell_shows_no_traceback(command: Command) -> None:
    done = command("sample", "--generator", "colour", "--prompt", "x", "--out", "run")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith('error: unknown generator "colour"; did you mean "colours"?')
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            OSError(28, "No space left on device", "run/x.png"),
            2,
            "error: the disk is full (run/x.png). What was written",
        ),
        (PermissionError(13, "Permission denied", "run"), 2, "error: permission denied (run)"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_trouble_is_one_message(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    def troubled(arguments: Sequence[str]) -> int:
        raise error

    assert run_command(troubled, []) == code
    assert capsys.readouterr().err.startswith(message)


def test_prompts_from_tables_and_standard_input(command: Command, tmp_path: Path) -> None:
    (tmp_path / "suite.csv").write_text('Prompts,Category\n"A red car, parked",Colors\nTwo cats,Counting\n')
    done = command("sample", "--generator", "colours", "--prompts-file", "suite.csv", "--out", "a")
    assert done.returncode == 0, done.stderr
    assert {line["prompt"] for line in read_manifest(tmp_path / "a" / FILE_NAME).images} == {
        "A red car, parked",
        "Two cats",
    }
    (tmp_path / "suite.jsonl").write_text('{"caption": "One"}\n"Two"\n')
    assert command("sample", "--generator", "colours", "--prompts-file", "suite.jsonl", "--out", "b").returncode == 0
    done = command("sample", "--generator", "colours", "--prompts-file", "-", "--out", "c", stdin="One\nTwo\nThree\n")
    assert done.stdout == "3 images drawn: c\n"


def start_slow(environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    """A run of twelve images, a tenth of a second each, that has drawn at least two."""
    line = [sys.executable, "-m", "generators.sample", "--generator", "colours", "--prompt", "a", "--samples", "12"]
    line += ["--set", "slow=0.1", "--batch", "2", "--out", str(folder)]
    process = subprocess.Popen(
        line, env=environment, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(folder.rglob("*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGKILL]])
def test_a_stopped_run_goes_on_where_it_was(
    environment: dict[str, str], command: Command, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    folder = tmp_path / "run"
    process = start_slow(environment, folder)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    if signals[0] is signal.SIGINT:
        # A second Ctrl-C may meet the interpreter on its way out, which then dies of it; shells call both 130.
        assert process.returncode in (130, -signal.SIGINT) and "stop" in said
    drawn = len(read_manifest(folder / FILE_NAME).images)
    assert 2 <= drawn < 12
    done = command(
        "sample",
        "--generator",
        "colours",
        "--prompt",
        "a",
        "--samples",
        12,
        "--set",
        "slow=0.1",
        "--out",
        folder,
        "--format",
        "json",
    )
    report = json.loads(done.stdout)
    assert (report["there_before"], report["drawn"], done.returncode) == (drawn, 12 - drawn, 0)
    lines = read_manifest(folder / FILE_NAME).images
    assert len(lines) == len({line["key"] for line in lines}) == 12
    assert sorted(path.name for path in folder.rglob("*.part")) == []


def test_a_run_can_be_drawn_from_a_run(command: Command, tmp_path: Path) -> None:
    arguments = ["--prompt", "One", "--prompt", "Two", "--samples", 2]
    assert command("sample", "--generator", "colours", *arguments, "--out", "first").returncode == 0
    done = command(
        "sample", "--generator", "folder", "--set", "path=first", *arguments, "--size", 64, "--out", "second"
    )
    assert done.returncode == 0, done.stderr
    assert "note: folder serves images as they are; --size 64 changes nothing" in done.stderr
    for file in ("00000/0.png", "00001/1.png"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    other = command("sample", "--generator", "folder", "--set", "path=first", "--prompt", "Another", "--out", "third")
    assert other.returncode == 1 and 'the folder\'s prompt 00000 is "One", and "Another" was asked for' in other.stderr


def test_list(command: Command) -> None:
    done = command("list", "--format", "json")
    assert done.returncode == 0 and done.stderr == ""
    report = json.loads(done.stdout)
    assert report["schema"] == "drawbench-generators/1"
    found = {entry["name"]: entry for entry in report["generators"]}
    assert set(found) >= {"bad", "cascade", "colours", "folder"}
    assert found["bad"]["error"] == "nowhere:SPEC: ModuleNotFoundError: No module named 'nowhere'"
    assert found["cascade"]["sizes"] == [64, 256, 1024] and found["cascade"]["error"] is None
    assert {name for name, entry in found.items() if entry["any_shape"]} == {"http", "command", "diffusers"}
    assert found["colours"]["parameters"][0] == {
        "name": "brightness",
        "type": "float",
        "default": 0.5,
        "required": False,
        "low": 0.0,
        "high": 1.0,
        "choices": [],
        "operator_only": False,
        "help": "how bright",
    }
    text = command("list").stdout
    assert "colours (acme 1.0)" in text and "bad (acme 1.0)\n  can't be used: nowhere" in text
    assert "--set brightness=...  how bright (a number from 0 to 1; default 0.5)" in text
    only = command("list", "colours").stdout
    assert "cascade" not in only and "--set slow=..." in only
    unknown = command("list", "colour")
    assert unknown.returncode == 2 and 'did you mean "colours"?' in unknown.stderr


MISTAKES = """
import numpy as np
from generators import Failure, FailureKind, GeneratorInfo, GeneratorSpec, ImageResult, Parameter

SPEC = GeneratorSpec(name="mistaken", summary="Wrong in one way.", factory="mistaken:Mistaken", sizes=(64,),
    devices=("cpu",), parameters=(Parameter("how", "what goes wrong", kind=str),))

class Mistaken:
    batch_size = 4

    def __init__(self, parameters, *, size, device):
        self.how, self.batch_size = parameters["how"], 0 if parameters["how"] == "batch" else 4
        self.info = None if self.how == "info" else GeneratorInfo("mistaken", "1", "", provenance={"device": device})

    def generate(self, requests):
        for request in requests:
            if self.how == "exit":
                raise SystemExit(3)
            if self.how == "text":
                yield ImageResult(request.key, failure=Failure(FailureKind.REFUSED, "odd \\ud800" + 9999 * "x"))
                continue
            image = np.zeros((64, 32 if self.how == "size" else 64, 3), np.uint8)
            yield ImageResult(request.key, image, provenance={"said": "odd \\ud800"})

    def close(self):
        if self.how == "close":
            raise RuntimeError("no")
"""


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [
        ("size", 1, "invalid: the image has 32 x 64 pixels where 64 x 64 were asked for"),
        ("exit", 1, "crash: the generator raised SystemExit: 3"),
        ("text", 1, "refused: odd \ufffdxxx"),
        ("close", 0, "note: the generator could not be closed: RuntimeError: no"),
        ("info", 2, 'error: generator "mistaken": its info is None, where a GeneratorInfo belongs'),
        ("batch", 2, 'error: generator "mistaken": its batch_size is 0; it must be a whole number, 1 or more'),
    ],
)
def test_mistakes_of_a_plug_in_are_told_in_a_sentence(
    command: Command, tmp_path: Path, how: str, code: int, says: str
) -> None:
    (tmp_path / "site" / "mistaken.py").write_text(MISTAKES)
    with (tmp_path / "site" / "acme-1.0.dist-info" / "entry_points.txt").open("a") as points:
        points.write("mistaken = mistaken:SPEC\n")
    asked = ("--generator", "mistaken", "--set", f"how={how}", "--prompt", "a fox", "--out", "run", "--retries", 0)
    done = command("sample", *asked)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and "Traceback" not in done.stderr and len(done.stderr) < 4000
    checked = command("conformance", "mistaken", "--set", f"how={how}")
    assert checked.returncode == max(1, code) and "Traceback" not in checked.stderr


def test_list_says_what_is_missing_here(command: Command, environment: dict[str, str], tmp_path: Path) -> None:
    """Keys, programs, files of the operator that are wrong: each is named, and what to do."""

    def told(name: str) -> list[str]:
        (entry,) = json.loads(command("list", name, "--format", "json").stdout)["generators"]
        missing: list[str] = entry["missing"]
        assert all(f"\n  {sentence}\n" in command("list", name).stdout for sentence in missing)
        return missing

    environment.update(DRAWBENCH_RIVALS="", OPENAI_API_KEY="sk-1", FAL_KEY=" ")
    assert told("cascade") == told("folder") == told("colours") == []
    (keys,) = told("http")
    assert keys.startswith("no key in this environment for: bfl (BFL_API_KEY), fal (FAL_KEY), ")
    assert "OPENAI" not in keys, "one is set, the other needs none"
    (program,) = told("command")
    assert program.startswith("no program is declared; declare one as programs/NAME.json in the folder that ")
    for kind in ("services", "programs"):
        (tmp_path / "rivals" / kind).mkdir(parents=True)
        (tmp_path / "rivals" / kind / "mine.json").write_text('{"schema": "drawbench-program/1", "name": "mine"}')
    environment["DRAWBENCH_RIVALS"] = str(tmp_path / "rivals")
    (program,) = told("command")
    assert "programs/mine.json: missing command, summary, version. Its fields: schema, name, summary" in program
    assert "sha256" not in program and "base" not in program, "what the program fills is not offered"
    assert 'services/mine.json: the field schema must be "drawbench-service/1"' in told("http")[1]


@pytest.mark.parametrize("module", ["sample", "list", "conformance"])
def test_help(command: Command, module: str) -> None:
    done = command(module, "--help")
    assert done.returncode == 0 and f"python -m generators.{module}" in done.stdout and done.stderr == ""


def test_conformance(command: Command, tmp_path: Path) -> None:
    done = command("conformance", "colours", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []
    (tmp_path / "images").mkdir()
    for index in range(3):
        (tmp_path / f"images/00000_{index}.png").write_bytes(encode_png(np.full((16, 16, 3), 7, np.uint8)))
    done = command("conformance", "folder", "--set", "path=images", "--prompt", "x")
    assert done.returncode == 1
    assert "error: samples: two samples of prompt 00000 are the same image" in done.stdout
    assert done.stdout.rstrip().endswith("folder breaks its contract: 1 error")
