"""How raters see the images: declared, locked, copied, and refused where it can't be."""

from __future__ import annotations

import pytest

from evaluation.errors import InputError
from evaluation.services.studies.change import draft_changed, draft_of
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.services.studies.viewing import BEFORE, Viewing, viewing_declared, viewing_read
from tests.studies.world import a_run, a_suite


def test_the_surround_is_fixed_unless_the_study_says_otherwise() -> None:
    assert viewing_read("", None, "") == Viewing("light", None, "")
    assert Viewing().specified() == {"surround": "light"}
    assert viewing_declared({"display": {}, "suite": {}}).surround == BEFORE == "system"


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (("gray", None, ""), "surround", 'did you mean "grey"?'),
        (("light", 39, ""), "smallest_width", "40 to 1000 CSS pixels; got 39"),
        (("light", 1001, ""), "smallest_width", "40 to 1000"),
        (("light", None, "English"), "prompts_language", "no language tag"),
        (("light", None, "de_DE"), "prompts_language", "no language tag"),
    ],
)
def test_what_cannot_be_is_refused(given: tuple[str, int | None, str], field: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        viewing_read(*given)
    assert error.value.field == field
    assert said in error.value.message


@pytest.mark.django_db
def test_it_is_locked_and_a_copy_names_what_differs() -> None:
    suite = a_suite({"Colors": 1})
    runs = [a_run(suite, name) for name in ("one", "two")]
    chosen = {"surround": "grey", "smallest_width": 200, "prompts_language": "en"}
    study = study_open(study=study_create(StudyDraft(name="first", runs=runs, raters_per_panel=1, **chosen)))  # type: ignore[arg-type]
    declared = study.specification
    assert declared["display"]["surround"] == "grey" and declared["display"]["smallest_width"] == 200
    assert declared["suite"]["language"] == "en"
    again = draft_of(study)
    assert {name: getattr(again, name) for name in chosen} == chosen
    wanted = {"name": "second", "copied_from": "first", "surround": "dark", "smallest_width": None}
    copy = study_create(draft_changed(again, wanted))
    assert set(copy.specification["copied_from"]["differences"]) == {
        "surround of the images: dark, where the copied study has grey",
        "smallest width of an image on the screen: none, where the copied study has 200",
    }
