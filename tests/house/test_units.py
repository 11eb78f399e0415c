"""Units on pages, template by template: a time says UTC, a share its per cent sign, a name is not broken on a phone."""

from __future__ import annotations

import re

import pytest

from tests.house.repository import CHECKOUT

TEMPLATES = sorted((CHECKOUT / "templates").rglob("*.html"))
NAMES = (
    "created_at|started_at|finished_at|expires_at|opened_at|closed_at|archived_at|revoked_at|rated_at|as_of|last_login"
)
MOMENTS = re.compile(rf"{{{{\s*[\w.]*(?:{NAMES})(\|[^}}]*)?}}}}")
SHARES = re.compile(r"{{[^}]*\|percent(?::(\d))?\s*}}((?:{%[^%]*%})*)(.{0,2})", re.DOTALL)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(CHECKOUT / "templates")))
def test_units_are_said_in_one_form(path: object) -> None:
    text = (CHECKOUT / str(path)).read_text()
    assert "|date" not in text and "|time" not in text, "a moment is said by the filter utc, which says the zone"
    for match in MOMENTS.finditer(text):
        assert re.match(r"\|(utc|moment|duration_to:.*)\s*$", match[1] or ""), match[0]
    assert not re.search(r"}}%(?!})", text), "a space stands before the per cent sign"
    table = "<thead" not in text and "<tr>" in text  # a row of a table whose head stands elsewhere
    table = table or any(
        "%" in re.sub(r"{%.*?%}", "", head) for head in re.findall(r"<thead.*?</thead>", text, re.DOTALL)
    )
    for match in SHARES.finditer(text):
        alone = match[3] != " %" and not re.search(r"^(?: to | \()", match[3])
        assert not alone or table or "%" in text[match.start() - 400 : match.end() + 400], match[0]
        assert "level" not in match[0], "a level of confidence is said by the filter level"


def test_the_walk_finds_moments_and_shares() -> None:
    every = "".join(path.read_text() for path in TEMPLATES)
    assert len(TEMPLATES) > 70 and len(MOMENTS.findall(every)) > 15 and len(SHARES.findall(every)) > 15


def test_names_in_tables_are_not_broken_on_a_phone() -> None:
    css = (CHECKOUT / "evaluation/static/evaluation/site/site.css").read_text()
    phone = re.search(r"@media \(max-width: \d+px\) {.*?\n}", css, re.DOTALL)
    rules = "".join(re.findall(r"@media[^{]*max-width[^{]*{.*?\n}", css, re.DOTALL))
    assert phone and re.search(r"\.table tbody th > a[^{]*{ white-space: nowrap; }", rules)
    for path in TEMPLATES:
        for table in re.findall(r"<table.*?</table>", path.read_text(), re.DOTALL):
            before = path.read_text().split(table)[0]
            assert re.search(
                r'class="table"[^<]*$|class="table"[^<]*<table[^<]*$|<div class="table"[^>]*>\s*$', before
            ), f"{path.name}: a table stands in a box of its own that scrolls"
