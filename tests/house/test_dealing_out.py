"""What a module makes once is made once, also where tests are dealt out to several processes (tests/conftest.py)."""

import os

import pytest

MADE: list[int] = []


@pytest.fixture(scope="module")
def made_once() -> int:
    MADE.append(os.getpid())
    return os.getpid()


@pytest.mark.parametrize("n", range(4))
def test_tests_of_a_modules_fixture_stay_together(n: int, made_once: int, request: pytest.FixtureRequest) -> None:
    (mark,) = request.node.iter_markers("xdist_group")
    assert mark.args == ("tests/house/test_dealing_out.py",)
    assert [made_once] == MADE


def test_others_are_dealt_out_one_by_one(request: pytest.FixtureRequest) -> None:
    assert list(request.node.iter_markers("xdist_group")) == []


@pytest.mark.xdist_group("of its own")
def test_a_group_that_is_named_stays(made_once: int, request: pytest.FixtureRequest) -> None:
    (mark,) = request.node.iter_markers("xdist_group")
    assert mark.args == ("of its own",)
