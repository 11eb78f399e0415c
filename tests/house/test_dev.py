"""`./dev`: its words, what it installs, and what it says when something is missing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import CHECKOUT, read

INSTANCE = {"demo", "serve", "worker", "stop", "study"}
WORDS = INSTANCE | {"test", "check", "bench", "screenshots", "train", "manage", "install"}


def _dev(*arguments: str, script: Path = CHECKOUT / "dev", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments], capture_output=True, text=True, check=False, env=os.environ | environment, timeout=60
    )


def _listed(text: str) -> set[str]:
    return set(re.findall(r"^  ([a-z]+) {2,}\S", text, re.MULTILINE))


def test_alone_it_lists_its_words_a_line_each() -> None:
    alone = _dev()
    assert alone.returncode == 0
    assert _listed(alone.stdout) == WORDS


def test_every_word_does_something() -> None:
    branches = re.findall(r"^    ([a-z |]+)\)$", read(Path("dev")), re.MULTILINE)
    assert {word.strip() for branch in branches for word in branch.split("|")} == WORDS


def test_an_unknown_word() -> None:
    unknown = _dev("tset")
    assert unknown.returncode == 2 and unknown.stdout == ""
    assert 'Unknown command "tset"' in unknown.stderr and _listed(unknown.stderr) == WORDS


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout with nothing but the script, and a PATH with nothing but a shell's needs and what a test adds."""
    (tmp_path / "dev").write_bytes((CHECKOUT / "dev").read_bytes())
    (tmp_path / "dev").chmod(0o755)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "dirname", "cat", "cksum"):
        (tmp_path / "bin" / name).symlink_to(_which(name))
    return tmp_path


def _which(name: str) -> Path:
    return next(path for path in (Path("/bin") / name, Path("/usr/bin") / name) if path.exists())


def _python_that(answer: str, folder: Path) -> None:
    (folder / "bin" / "python3").write_text(f"#!/bin/sh\n{answer}\n")
    (folder / "bin" / "python3").chmod(0o755)


def test_python_too_old(bare: Path) -> None:
    _python_that('[ "$1" = --version ] && echo "Python 3.9.2"; exit 1', bare)
    refused = _dev("check", script=bare / "dev", PATH=str(bare / "bin"))
    assert refused.returncode == 2
    assert "Found no Python 3.11 or newer (python3 is: Python 3.9.2)" in refused.stderr
    assert "apt install python3 python3-venv" in refused.stderr


def test_python_without_venv(bare: Path) -> None:
    """Debian's python3 without python3-venv: new enough, and its module ensurepip is missing."""
    _python_that('case "$*" in *version_info*) exit 0;; --version) echo "Python 3.11.2";; *) exit 1;; esac', bare)
    refused = _dev("check", script=bare / "dev", PATH=str(bare / "bin"))
    assert refused.returncode == 2
    assert "apt install python3-venv" in refused.stderr and "pip install --user virtualenv" in refused.stderr
    assert not (bare / ".venv").exists()


NEW_ENOUGH = 'case "$*" in *version_info*) exit 0;; --version) echo "Python 3.12.1 of the test";; *) exit 1;; esac'


@pytest.mark.parametrize("folder", ["path with blanks", "a  b", "star * ?", "$HOME", "quote ' \" ", "plain"])
@pytest.mark.parametrize("relative", [False, True])
def test_python_by_its_path(bare: Path, folder: str, relative: bool) -> None:
    """It is taken as it was given, blanks and all; this stand-in then fails for lack of ensurepip."""
    (bare / folder / "bin").mkdir(parents=True)
    _python_that(NEW_ENOUGH, bare / folder)
    path = f"{folder}/bin/python3" if relative else f"{bare}/{folder}/bin/python3"
    asked = subprocess.run(
        [bare / "dev", "check"],
        env={"PATH": str(bare / "bin"), "PYTHON": path},
        cwd=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 2
    assert "Creating .venv with Python 3.12.1 of the test" in asked.stderr and "ensurepip" in asked.stderr
    assert "not found" not in asked.stderr


@pytest.mark.parametrize("path", ["/no such/python3", "nothing-of-this-name", "bin/old python", "/dev/null"])
def test_a_python_that_is_none_is_refused(bare: Path, path: str) -> None:
    _python_that(NEW_ENOUGH, bare)
    (bare / "bin" / "old python").write_text("#!/bin/sh\nexit 1\n")
    (bare / "bin" / "old python").chmod(0o755)
    refused = _dev("check", script=bare / "dev", PATH=str(bare / "bin"), PYTHON=path)
    assert refused.returncode == 2
    assert refused.stderr == (
        f'PYTHON is "{path}", which is no Python 3.11 or newer. Give the path of one, or leave PYTHON out.\n'
    )
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("word", sorted(WORDS))
@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_of_a_bare_checkout_installs_nothing(bare: Path, word: str, asked: str) -> None:
    (bare / "bin" / "sed").symlink_to(_which("sed"))
    _python_that(f"echo called >>{bare}/calls; exit 1", bare)
    helped = _dev(word, asked, script=bare / "dev", PATH=str(bare / "bin"))
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith(f"./dev {word}: ") and f"./dev {word} installs them" in helped.stdout
    assert not (bare / ".venv").exists() and not (bare / "calls").exists()


@pytest.fixture
def installed(bare: Path) -> Path:
    """A checkout whose .venv is there and says so; its python writes down how it is called, and does nothing else."""
    for name in ("sed", "grep"):
        (bare / "bin" / name).symlink_to(_which(name))
    for path in CHECKOUT.glob("*.txt"):
        (bare / path.name).write_bytes(path.read_bytes())
    (bare / "benchmarks").mkdir()
    (bare / "benchmarks" / "fid.py").write_text("")
    (bare / ".venv" / "bin").mkdir(parents=True)
    python = bare / ".venv" / "bin" / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
    *version_info*) exit 0 ;;
    --version) echo "Python 3.11.2"; exit 0 ;;
    *json.load*) exec {sys.executable} "$@" ;;
esac
echo "$*" >>{bare}/calls
case "$*" in *"import pyvips"*) exit 1 ;; esac
"""
    )
    python.chmod(0o755)
    drawing = "requirements-drawing requirements-ocr"
    files = {
        "web": "constraints requirements-web",
        "drawing": f"constraints {drawing}",
        "dev": f"constraints requirements-web {drawing} requirements-dev",
    }
    for which, names in files.items():
        text = b"".join((bare / f"{name}.txt").read_bytes() for name in names.split())
        told = subprocess.run(["cksum"], input=text, capture_output=True, check=True).stdout.decode().strip()
        (bare / ".venv" / f"installed-{which}").write_text(f"{told} Python 3.11.2")
    return bare


def _calls(checkout: Path) -> list[str]:
    return (checkout / "calls").read_text().splitlines() if (checkout / "calls").exists() else []


HELPED = [(word,) for word in sorted(WORDS)] + [
    ("manage", "load_suite"),
    ("train", "x.json"),
    ("bench", "fid"),
    ("test", "-k", "x"),
]


@pytest.mark.parametrize("words", HELPED)
@pytest.mark.parametrize("stale", [False, True])
def test_help_installs_nothing_where_packages_are_there(installed: Path, words: tuple[str, ...], stale: bool) -> None:
    if stale:  # the requirements were changed since: help is told all the same
        (installed / "requirements-web.txt").write_text("another==1.0  # of a later version\n")
    helped = _dev(*words, "--help", script=installed / "dev", PATH=str(installed / "bin"))
    assert helped.returncode == 0, helped.stderr
    assert [call for call in _calls(installed) if "pip" in call or "chromium" in call] == []
    assert _calls(installed) or helped.stdout.startswith("./dev ")


@pytest.mark.parametrize(
    ("arguments", "wants_vector_art"),
    [
        ((), True),
        (("--minutes", "5"), True),
        (("scenes.json",), True),
        (("folder.json",), False),
        (("no.json",), False),
    ],
)
def test_vector_art_comes_with_what_draws_it(
    installed: Path, arguments: tuple[str, ...], wants_vector_art: bool
) -> None:
    for kind in ("scenes", "folder"):
        (installed / f"{kind}.json").write_text(json.dumps({"data": {"kind": kind}}))
    trained = _dev("train", *arguments, script=installed / "dev", PATH=str(installed / "bin"))
    assert trained.returncode == 0, trained.stderr
    installs = [call for call in _calls(installed) if "-m pip" in call]
    assert [call.rpartition(" ")[2] for call in installs] == (["requirements-train.txt"] if wants_vector_art else [])
    module = "train" if arguments and arguments[0].endswith(".json") else "all"
    assert _calls(installed)[-1] == " ".join(("-m", f"generators.training.{module}", *arguments))


FAKE_UV = """#!/bin/sh
env | grep -E "^(UV_|SSL_CERT_FILE)" | sort >"{calls}-of-uv"
echo "uv $*" >>"{calls}"
exit {answer}
"""

PIP_CONFIGURED = """global.cert='/etc/some.pem'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.find-links='\\n/wheels\\n/more-wheels'
global.index-url='https://of-the-files.example/simple'
:env:.index-url='https://of-the-environment.example/simple'"""
"""As `pip config list` prints it: a value of several lines comes with `\n` in it."""


@pytest.fixture
def outdated(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is installed is of an earlier requirements.txt."""
    for name in [name for name in os.environ if name.startswith("UV_") or name == "SSL_CERT_FILE"]:
        monkeypatch.delenv(name)
    for name in ("tr", "sort", "env"):
        (installed / "bin" / name).symlink_to(_which(name))
    for part in ("web", "drawing"):
        (installed / f"requirements-{part}.txt").write_text("another==1.0\n")
    python = installed / ".venv" / "bin" / "python"
    answer = f"""case "$*" in *"pip config list"*) cat "{installed}/pip-configured" ;; esac\n"""
    python.write_text(python.read_text() + answer)
    (installed / "pip-configured").write_text("")
    return installed


def _uv(checkout: Path, answer: int) -> None:
    (checkout / "bin" / "uv").write_text(FAKE_UV.format(calls=checkout / "calls", answer=answer))
    (checkout / "bin" / "uv").chmod(0o755)


def _installs(checkout: Path) -> list[str]:
    return [call for call in _calls(checkout) if "pip install" in call]


BY_PIP = "-m pip install --quiet --disable-pip-version-check --prefer-binary"
BY_UV = "uv pip install --python .venv/bin/python --quiet"
READS_TEXT = f"{BY_PIP} --no-deps --ignore-requires-python -r requirements-ocr.txt"


@pytest.mark.parametrize(
    ("uv", "expected"),
    [
        (None, [f"{BY_PIP} -r requirements-web.txt"]),
        (0, [f"{BY_UV} -r requirements-web.txt"]),
        (1, [f"{BY_UV} -r requirements-web.txt", f"{BY_PIP} -r requirements-web.txt"]),
    ],
    ids=["pip alone", "uv", "uv that fails"],
)
def test_uv_installs_where_it_is_there_and_pip_where_it_can_not(
    outdated: Path, uv: int | None, expected: list[str]
) -> None:
    if uv is not None:
        _uv(outdated, uv)
    done = _dev("worker", script=outdated / "dev", PATH=str(outdated / "bin"))
    assert done.returncode == 0, done.stderr
    assert _installs(outdated) == expected
    assert ("Installing them with pip" in done.stderr) == (uv == 1)
    again = _dev("worker", script=outdated / "dev", PATH=str(outdated / "bin"))
    assert again.returncode == 0 and _installs(outdated) == expected, "the stamp says that it is there"


DRAWING = [f"{BY_PIP} -r requirements-drawing.txt", READS_TEXT]


@pytest.mark.parametrize("words", [("demo",), ("serve",), ("worker",), ("stop",), ("install",), ("install", "web")])
def test_what_serves_gets_no_torch(outdated: Path, words: tuple[str, ...]) -> None:
    done = _dev(*words, script=outdated / "dev", PATH=str(outdated / "bin"))
    assert done.returncode == 0, done.stderr
    assert _installs(outdated) == [f"{BY_PIP} -r requirements-web.txt"]
    assert "web, ratings and analysis" in done.stderr


@pytest.mark.parametrize(
    ("words", "draws"),
    [
        (("install", "drawing"), True),
        (("train", "folder.json"), True),
        (("manage", "fid", "a-run"), True),
        (("manage", "frechet", "one", "two"), True),
        (("manage", "why_differs", "a-run"), True),
        (("manage", "render", "--suite", "s", "--here"), True),
        (("manage", "score", "a-run", "--inline"), True),
        (("manage", "demo", "--draw-shipped"), True),
        (("manage", "render", "--suite", "s"), False),
        (("manage", "score", "a-run"), False),
        (("manage", "analyse", "--here"), False),
        (("manage", "demo"), False),
        (("manage",), False),
    ],
)
def test_torch_comes_with_what_draws_or_scores_in_its_own_process(
    outdated: Path, words: tuple[str, ...], draws: bool
) -> None:
    (outdated / "folder.json").write_text(json.dumps({"data": {"kind": "folder"}}))
    done = _dev(*words, script=outdated / "dev", PATH=str(outdated / "bin"))
    assert done.returncode == 0, done.stderr
    assert _installs(outdated) == [f"{BY_PIP} -r requirements-web.txt", *(DRAWING if draws else [])]
    again = _dev(*words, script=outdated / "dev", PATH=str(outdated / "bin"))
    assert again.returncode == 0 and len(_installs(outdated)) == (3 if draws else 1), "the stamps say that it is there"


def test_an_unknown_part(installed: Path) -> None:
    refused = _dev("install", "drawings", script=installed / "dev", PATH=str(installed / "bin"))
    assert refused.returncode == 2
    assert refused.stderr == 'Unknown part "drawings". Choose one of: web, drawing, dev\n'


def test_all_requirements_are_in_one_of_the_two_lists() -> None:
    lines = [line for line in read(Path("requirements.txt")).splitlines() if not line.startswith("#")]
    assert lines == ["-r requirements-web.txt", "-r requirements-drawing.txt"]
    names = {
        part: {
            re.split(r"[=;]", line)[0]
            for line in read(Path(f"requirements-{part}.txt")).splitlines()
            if line[:1].isalnum()
        }
        for part in ("web", "drawing")
    }
    assert "torch" in names["drawing"] and "Django" in names["web"] and not names["web"] & names["drawing"]


def test_developers_get_uv_where_there_is_none(outdated: Path) -> None:
    _dev("check", script=outdated / "dev", PATH=str(outdated / "bin"))
    got, *_ = _installs(outdated)
    (pinned,) = re.findall(r"^(uv==\S+)", read(Path("requirements-dev.txt")), re.MULTILINE)
    assert got == f"{BY_PIP} {pinned}"
    (outdated / "calls").unlink()
    (outdated / "requirements-web.txt").write_text("yet-another==1.0\n")
    _uv(outdated, 0)
    _dev("check", script=outdated / "dev", PATH=str(outdated / "bin"))
    assert _installs(outdated) == [f"{BY_UV} -r requirements-dev.txt", READS_TEXT]


@pytest.mark.parametrize("wrong", ["nothing", "style", "types", "tests"])
def test_all_checks_and_tests_are_run_and_each_may_fail(installed: Path, wrong: str) -> None:
    """The types are checked beside the tests: what they say is told at the end, and counts."""
    (installed / "bin" / "nice").symlink_to(_which("nice"))
    for name in ("ruff", "lint-imports"):
        (installed / ".venv" / "bin" / name).write_text(f"#!/bin/sh\nexit {int(wrong == 'style' and name == 'ruff')}\n")
        (installed / ".venv" / "bin" / name).chmod(0o755)
    python = installed / ".venv" / "bin" / "python"
    answers = f"""case "$*" in
    *mypy*) echo "what mypy says"; exit {int(wrong == "types")} ;;
    *pytest*) exit {int(wrong == "tests")} ;;
esac
"""
    python.write_text(python.read_text() + answers)
    done = _dev("test", script=installed / "dev", PATH=str(installed / "bin"))
    assert (done.returncode == 0) == (wrong == "nothing"), done.stderr
    calls = _calls(installed)
    assert "-m pytest -n 2 --dist loadgroup -m not longest" in calls and "-m mypy --no-error-summary" in calls
    assert any("makemigrations --check" in call for call in calls)
    assert ("what mypy says" in done.stderr) == (wrong == "types")
    assert ("check failed before the tests" in done.stderr) == (wrong == "style")


def test_uv_is_told_what_pip_is_told(outdated: Path) -> None:
    """Where packages come from is set for pip, in its files and its environment. What is set for uv goes before."""
    _uv(outdated, 0)
    (outdated / "pip-configured").write_text(PIP_CONFIGURED)
    _dev("worker", script=outdated / "dev", PATH=str(outdated / "bin"), UV_INDEX="https://uv.example/simple")
    assert (outdated / "calls-of-uv").read_text().splitlines() == [
        "SSL_CERT_FILE=/etc/some.pem",
        "UV_DEFAULT_INDEX=https://of-the-environment.example/simple",
        "UV_FIND_LINKS=/wheels,/more-wheels",
        "UV_INDEX=https://uv.example/simple",
        "UV_INDEX_STRATEGY=unsafe-best-match",
    ]


def test_vector_art_is_all_that_requirements_train_names() -> None:
    lines = [line for line in read(Path("requirements-train.txt")).splitlines() if not line.startswith("#")]
    assert {line.split("==")[0] for line in lines} == {"pyvips", "pyvips-binary"}


def test_the_configurations_that_ship_say_themselves_what_they_need() -> None:
    """`./dev` reads `data.kind` of a configuration, as the training does."""
    for path in (CHECKOUT / "generators" / "training" / "configs").glob("*.json"):
        assert json.loads(path.read_text())["data"]["kind"] in {"scenes", "folder", "coco", "webdataset"}, path


def test_ci_runs_what_a_person_runs() -> None:
    assert read(Path(".ci/run")).rstrip().endswith("exec ./dev test")
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)
