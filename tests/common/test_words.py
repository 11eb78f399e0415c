"""Names: the nearest known one, and a prompt's."""

import pytest

from common.words import nearest, nearest_name, prompt_name


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("cascad", ["folder", "cascade"], '; did you mean "cascade"?'),
        ("zebra", ["folder", "cascade"], ""),
        ("x", [], ""),
        ("", ["folder"], ""),
    ],
)
def test_the_nearest_name_stands_right_behind_the_wrong_one(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint
    assert nearest(name, iter(known)) == hint
    assert (nearest_name(name, known) is None) == (not hint)


@pytest.mark.parametrize(("number", "name"), [(0, "00000"), (12, "00012"), (99_999, "99999"), (202_653, "202653")])
def test_a_prompts_name(number: int, name: str) -> None:
    assert prompt_name(number) == name and int(name) == number
