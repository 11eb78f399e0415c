"""Pages of the documentation of which a program writes a part."""

from __future__ import annotations

from pathlib import Path

from common.errors import UserError
from common.files import write_text


def write_section(page: Path, start: str, end: str, text: str) -> None:
    """Put `text` between the lines `start` and `end` of `page`, instead of what stands there.

    Raises:
        UserError: the page does not have each of the two once, in this order.
        SaveError: it can't be written; the old page stays.
    """
    before, found, rest = (held := page.read_text(encoding="utf-8")).partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed) or held.count(start) != 1 or held.count(end) != 1:
        raise UserError(f'{page.name} has no place for it: it needs the lines "{start}" and "{end}", each once')
    write_text(page, f"{before}{start}\n{text}\n{end}{after}")
