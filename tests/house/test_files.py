"""Rules for every file of the repository: sizes, what must not be named, what stays outside."""

import csv
import re
from pathlib import Path

import pytest

from tests.house.repository import CHECKOUT, files, of_ours, read

LONGEST = 400
"""Lines of a file of code. A longer one is two rooms, or stands in LONG_WITH_REASON."""

LONG_WITH_REASON: dict[str, str] = {}

LARGE = 1024 * 1024
LARGE_WITH_REASON = ("generators/weights/", "fixtures/", "docs/images/", "evaluation/static/vendor/")
"""Where files over a mebibyte may lie: the bundled weights, test images, pictures of the documentation."""

# Spelled so that this file does not match itself.
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(w[o]rk|f[a]rm)/|/r[o]ot/")
REGISTRY = re.compile(
    r"--(extra-)?index[-]url|registry *= *htt[p]|pypi\.or[g]|pythonhosted\.or[g]|registry\.npmj[s]|download\.pytorc[h]|"
    r"deb\.debia[n]\.org|files\.pypi"
)


def test_files_of_code_fit_a_head() -> None:
    long = {
        str(path): lines
        for path in of_ours(".py", ".js", ".css", ".html")
        if "migrations" not in path.parts and (lines := len(read(path).splitlines())) > LONGEST
    }
    assert set(long) <= set(LONG_WITH_REASON), f"split these, or give a reason: {long}"


def test_large_files_are_meant() -> None:
    large = {str(path) for path in files() if (CHECKOUT / path).stat().st_size > LARGE}
    assert {path for path in large if not path.startswith(LARGE_WITH_REASON)} == set()


@pytest.mark.parametrize(("what", "pattern"), [("a machine's path", MACHINE_PATH), ("a package registry", REGISTRY)])
def test_nothing_names(what: str, pattern: re.Pattern[str]) -> None:
    named = []
    for path in files():
        content = (CHECKOUT / path).read_bytes()
        if b"\0" in content[:8192] or str(path).startswith("evaluation/static/vendor/"):
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                named.append(f"{path}:{number}: {line.strip()[:120]}")
    assert named == [], f"{what} is named"


def test_secrets_and_data_are_ignored() -> None:
    kept_out = {".venv", "var", ".tools", "node_modules"}
    assert not {path for path in files() if kept_out & set(path.parts)}
    assert not [path for path in files() if path.name in {"secret_key", ".env"}]


def test_the_published_suite_is_not_shipped() -> None:
    """Its licence is not stated: it is imported, never committed."""
    published = CHECKOUT.parent / "shared" / "data" / "drawbench.csv"
    if not published.exists():
        pytest.skip("the published suite is not beside this checkout")
    with published.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    prompts = {max(row, key=len).strip().lower() for row in rows}
    # Short prompts ("A red car.") are anybody's; a file that holds ten of the long ones was copied.
    telling = {prompt for prompt in prompts if len(prompt) > 40}
    assert len(telling) > 50
    copied = []
    for path in files():
        content = (CHECKOUT / path).read_bytes()
        if len(content) > 4 * LARGE or b"\0" in content[:8192]:
            continue
        text = content.decode("utf-8", "replace").lower()
        if sum(prompt in text for prompt in telling) >= 10:
            copied.append(str(path))
    assert copied == []


def test_vendored_files_are_told_apart_from_ours() -> None:
    """Each vendored file stands in a notice with its licence."""
    vendored = [path for path in files() if str(path).startswith("evaluation/static/vendor/")]
    notices = [path for path in vendored if path.suffix in {".md", ".txt"}]
    told = "\n".join(read(path) for path in notices)
    for path in vendored:
        if path not in notices:
            assert path.name in told or path.parent.name in told, f"{path} is in no notice of its folder"


def test_the_licence_is_whole() -> None:
    licence = (CHECKOUT / "LICENSE").read_text()
    assert licence.split("\n", 2)[1].strip() == "Apache License" and "END OF TERMS AND CONDITIONS" in licence


def test_requirements_are_exact_and_say_why() -> None:
    for name in sorted(str(path) for path in files() if path.match("requirements*.txt")):
        for line in read(Path(name)).splitlines():
            if line and not line.startswith(("#", "-")):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*(; [^#]+)?\s+# .{5,}", line), f"{name}: {line}"


def test_the_installed_versions_are_the_pinned_ones() -> None:
    from importlib.metadata import version

    from packaging.requirements import Requirement

    for name in ("requirements-web.txt", "requirements-drawing.txt", "requirements-ocr.txt", "requirements-dev.txt"):
        for line in read(Path(name)).splitlines():
            if line and not line.startswith(("#", "-")):
                wanted = Requirement(line.split("#")[0])
                if wanted.marker is not None and not wanted.marker.evaluate():
                    continue  # there is none for this platform
                package, pinned = wanted.name, str(wanted.specifier).removeprefix("==")
                assert version(package).split("+")[0] == pinned, package


def test_every_prompt_on_a_page_keeps_the_direction_of_its_script() -> None:
    """Arabic and Hebrew prompts read from the right, whatever language the page is in."""
    bare = [
        f"{path}:{number}"
        for path in (CHECKOUT / "templates").rglob("*.html")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for shown in re.finditer(r"(<[^<>]*>)[^<>]*\{\{\s*(?:[\w.]*prompt\.text|caption)\b", line)
        if 'dir="auto"' not in shown[1] and "title=" not in shown[1]
    ]
    assert bare == []
