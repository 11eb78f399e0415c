"""The errors of protocols: a declaration that can't be used, an answer that a question doesn't take."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import UserError

Path = tuple[str | int, ...]
"""The way to a part of a declaration: `("questions", 0, "text")`."""


def path_in_words(path: Path) -> str:
    """`questions[0].text`; "the protocol" for the whole."""
    words = ""
    for step in path:
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else step
    return words or "the protocol"


class ProtocolError(UserError):
    """A declaration that can't be used.

    `path`: the part that is wrong. `line`, `column`: where it stands in its file, from 1; None where it came from no
    file. `reason`: the message without the place.
    """

    def __init__(
        self,
        reason: str,
        *,
        path: Path = (),
        source: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        where = [source] if source else []
        if line is not None:
            where.append(f"line {line}")
        if column is not None:
            where.append(f"column {column}")
        super().__init__(f"{', '.join(where)}: {reason}" if where else reason)
        self.reason, self.path, self.line, self.column = reason, path, line, column


class UnknownProtocolError(ProtocolError):
    """No protocol has this name; the message gives the nearest one."""


class PlanError(UserError):
    """Control trials that a study can't add. `part`: which part of the plan is wrong."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part, self.message = part, message


class AnswerError(UserError):
    """An answer that its question doesn't take. `kind`: the question's. `allowed`: what it takes, in words."""

    def __init__(self, kind: str, value: object, allowed: str) -> None:
        given = repr(value)
        given = given if len(given) <= 80 else given[:77] + "..."
        super().__init__(f"The answer {given} does not fit a question of kind {kind}. Allowed: {allowed}.")
        self.kind, self.allowed = kind, allowed


def listed(names: Sequence[str]) -> str:
    """Names with commas, "none" where there are none."""
    return ", ".join(names) or "none"
