"""What has one road has no other: the nearest name, whole files, hashes of values, a prompt's name, exit codes."""

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.house.repository import PROGRAM_TEXT, nodes, of_ours

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators")

FOLDERS_RENAMED = {
    "drawbench/local/binaries.py": "a folder of programs, copied under another name by the one holder of the lock",
    "drawbench/local/postgres.py": "PostgreSQL's data folder, made under another name by the one holder of the lock",
}
"""Files that rename what they made, and why `common.files` does not serve: it makes files, not folders."""

Rule = Callable[[ast.AST], bool]


def _modules(*rooms: str) -> Iterator[tuple[str, tuple[ast.AST, ...]]]:
    for path in of_ours(".py"):
        if path.parts[0] in rooms and "migrations" not in path.parts:
            yield path.as_posix(), nodes(path)


def _broken(rule: Rule, *, allowed: set[str]) -> list[str]:
    """Where the rule finds something in a file that is not allowed to have it."""
    return [
        f"{path}:{getattr(node, 'lineno', 0)}"
        for path, module in _modules(*ROOMS)
        if path not in allowed
        for node in module
        if rule(node)
    ]


def _called(node: ast.AST) -> str:
    """What a call calls: "json.dumps", or ".replace" for a method of whatever it may be; "" for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        return f"{owner.id}.{node.func.attr}" if isinstance(owner, ast.Name) else f".{node.func.attr}"
    return ""


def names_nearest(node: ast.AST) -> bool:
    """`difflib`, however it is imported."""
    return (isinstance(node, ast.Import) and any(name.name == "difflib" for name in node.names)) or (
        isinstance(node, ast.ImportFrom) and node.module == "difflib"
    )


def gives_a_name(node: ast.AST) -> bool:
    """A file is renamed, or made under a passing name: `os.replace`, `path.replace(other)`, `tempfile.mkstemp` ..."""
    called = _called(node)
    if called in {"os.replace", "os.rename", "os.renames", "shutil.move", "tempfile.mkstemp", "NamedTemporaryFile"}:
        return True
    if called == "tempfile.NamedTemporaryFile":
        return True
    # Path.replace and Path.rename take one place; str.replace takes two texts, dataclasses.replace and pandas names.
    if isinstance(node, ast.Call) and called.rpartition(".")[2] in {"replace", "rename"} and "." in called:
        return len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Dict | ast.Starred)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".part")


def hashes_json(node: ast.AST) -> bool:
    """A function, or a line outside of any, that calls both `hashlib` and `json.dumps`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.Expr):
        return False
    called = {_called(part) for part in ast.walk(node)}
    return "json.dumps" in called and any(name.startswith("hashlib.") for name in called)


def pads_to_five(node: ast.AST) -> bool:
    """`f"{number:05d}"`, or the same by another way."""
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        spec = ast.unparse(node.format_spec)
        return "05d" in spec or "0>5" in spec
    if isinstance(node, ast.Call) and _called(node).rpartition(".")[2] == "zfill":
        return ast.unparse(node.args[0]) == "5"
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ("%05d" in node.value or ":05d" in node.value)
    )


@pytest.mark.parametrize(
    ("rule", "allowed", "instead"),
    [
        (names_nearest, {"common/words.py"}, "common.words.nearest"),
        (gives_a_name, {"common/files.py", *FOLDERS_RENAMED}, "common.files.write_whole"),
        (hashes_json, {"common/hashes.py"}, "common.hashes.hash_of"),
        (pads_to_five, {"common/words.py"}, "common.words.prompt_name"),
    ],
)
def test_there_is_no_second_road(rule: Rule, allowed: set[str], instead: str) -> None:
    assert _broken(rule, allowed=allowed) == [], f"take {instead}"


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (names_nearest, "import difflib"),
        (names_nearest, "from difflib import get_close_matches"),
        (gives_a_name, "os.replace(a, b)"),
        (gives_a_name, "part.rename(path)"),
        (gives_a_name, "self.part.replace(path)"),
        (gives_a_name, "tempfile.mkstemp()"),
        (gives_a_name, "path.with_suffix('.part')"),
        (hashes_json, "hashlib.sha256(json.dumps(value, sort_keys=True).encode())"),
        (hashes_json, "def of(value):\n    text = json.dumps(value)\n    return hashlib.sha256(text.encode())"),
        (pads_to_five, "f'{number:05d}/{sample}'"),
        (pads_to_five, "str(number).zfill(5)"),
        (pads_to_five, "'%05d' % number"),
        (pads_to_five, "'{:05d}'.format(number)"),
    ],
)
def test_the_rules_find_it(rule: Rule, source: str) -> None:
    assert any(rule(node) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (gives_a_name, "text.replace('a', 'b')"),
        (gives_a_name, "dataclasses.replace(config, size=3)"),
        (gives_a_name, "replace(config, **changes)"),
        (gives_a_name, "frame.rename(columns=str)"),
        (hashes_json, "hashlib.sha256(text.encode())"),
        (pads_to_five, "f'{share:.05f} {n:4d}'"),
    ],
)
def test_the_rules_leave_the_rest_alone(rule: Rule, source: str) -> None:
    assert not any(rule(node) for node in ast.walk(ast.parse(source)))


def test_what_is_excepted_still_needs_it() -> None:
    modules = dict(_modules(*ROOMS))
    assert [path for path in FOLDERS_RENAMED if not any(gives_a_name(node) for node in modules[path])] == []
