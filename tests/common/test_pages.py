"""A part of a page that a program writes."""

from pathlib import Path

import pytest

from common.errors import UserError
from common.pages import write_section

START, END = "<!-- start -->", "<!-- end -->"


def test_what_stands_between_the_lines_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter ü\n", encoding="utf-8")
    for text in ("| new |\n| rows |", ""):
        write_section(page, START, END, text)
        assert page.read_text(encoding="utf-8") == f"before\n{START}\n{text}\n{END}\nafter ü\n"


@pytest.mark.parametrize("held", ["", START, f"{END}{START}", f"{START}{END}{END}", f"{START}{START}{END}"])
def test_a_page_without_the_lines_stays(tmp_path: Path, held: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(held)
    with pytest.raises(UserError, match="page.md has no place for it"):
        write_section(page, START, END, "new")
    assert page.read_text() == held
