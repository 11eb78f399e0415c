"""Runs the program that a report in one file carries, without a browser: in the node that Playwright brings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from evaluation.reports.one_file import program
from tests.chromium import node


def run(expression: str, given: object, *names: str) -> Any:
    """The value of `expression`, which may await, with `given` as `given` and the program's functions at hand."""
    own = f"{{ {', '.join(names)} }}"
    script = f"""
        const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const {own} = new Function({json.dumps(program())} + "\\nreturn {own};")();
        (async () => process.stdout.write(JSON.stringify(await (async () => {expression})()) ?? "null"))();
    """
    done = subprocess.run(
        [node(), "-e", script], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def checked(cases: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the program finds in reports, each of packed ratings and results: `n` numbers, `differences`."""
    return list(
        run(
            """{
                const found = [];
                for (const [ratings, results] of given) {
                    const { n, differences } = checked(await unpacked(ratings), results);
                    found.push({ n, differences });
                }
                return found;
            }""",
            list(cases),
            "checked",
            "unpacked",
        )
    )
