"""Files matched to prompts: the layouts people have, what is in doubt, and what is wrong."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.filenames.layout import Layout, Matches, Numbering, PromptRef, Reading, Said, match_files

TEXTS = (
    "A red coloured car.",
    "A brown bird and a blue bear.",
    "Three cats, one of them asleep.",
    "A shop's sign that says 'Café'.",
    "One dog on the street",
    "One dog on the street at night",
    "5 ducks in a row",
    "42",
    "An elephant under the sea",
    "???",
)
PROMPTS = [PromptRef(f"{index:05d}", text) for index, text in enumerate(TEXTS)]
N = len(PROMPTS)


def table(matches: Matches) -> dict[str, tuple[str | None, int | None]]:
    """name -> (prompt id, sample)."""
    return {row.name: (row.prompt_id, row.sample) for row in matches.rows}


def expect_grid(matches: Matches, names: Sequence[str], samples: int = 2) -> None:
    """`names` are, in order, every sample of every prompt."""
    assert matches.questions == () and matches.problems == ()
    places = [(prompt.prompt_id, sample) for prompt in PROMPTS for sample in range(samples)]
    assert table(matches) == dict(zip(names, places, strict=True))
    assert matches.complete and matches.samples == samples and not matches.missing_prompts


GRIDS = {
    "our own": "{p:05d}/{s}.png",
    "unpadded": "{p}/{s}.png",
    "three digits": "{p:03d}/{s:02d}.jpg",
    "flat": "{p:05d}_{s}.png",
    "flat, dash": "{p:03d}-{s}.webp",
    "flat, worded": "prompt{p}_sample{s}.png",
    "worded": "prompt_{p}/image_{s}.PNG",
    "nested": "upload/run 5/{p:05d}/{s}.png",
    "Windows": "upload\\{p:05d}\\{s}.png",
    "both in the file": "{p:05d}/{p:05d}_{s}.png",
    "inner folder": "{p:05d}/images/{s}.png",
    "dotted": "./out/{p:05d}/{s}.png",
    "by sample": "sample_{s}/{p}.png",
    "by seed": "Seed {s}/{p:05d}.png",
    "from one": "{p1}/{s1}.png",
    "from one, flat": "{p1:04d}_{s1}.png",
    "comfy": "{p:05d}/ComfyUI_{s1:05d}_.png",
    "copies": "{p:05d}/image ({s1}).png",
}


@pytest.mark.parametrize("form", GRIDS.values(), ids=GRIDS.keys())
def test_layouts(form: str) -> None:
    names = [form.format(p=p, s=s, p1=p + 1, s1=s + 1) for p in range(N) for s in range(2)]
    clutter = ["__MACOSX/._x.png", ".DS_Store", "upload/Thumbs.db", "upload/readme.txt", "x/.hidden/0.png"]
    matches = match_files([*clutter, *names], PROMPTS, Said(), Reading())
    expect_grid(matches, names)
    assert [name for name, _ in matches.ignored] == clutter


@pytest.mark.parametrize("from_one", [False, True])
def test_numbering_is_said(from_one: bool) -> None:
    names = [f"{p + from_one}/{s + from_one}.png" for p in range(N) for s in range(2)]
    notes = match_files(names, PROMPTS, Said(), Reading()).notes
    assert f"prompts numbered from {int(from_one)}: " in "; ".join(notes)
    assert f"samples numbered from {int(from_one)}" in notes


def test_one_image_a_prompt() -> None:
    names = [f"images/{p:03d}.png" for p in range(N)]
    expect_grid(match_files(names, PROMPTS, Said(), Reading()), names, samples=1)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("total", [2, 9])
def test_eight_folders_of_many_files_are_asked_about(turned: bool, total: int) -> None:
    names = [f"{s}/{p}.png" for s in range(total) for p in range(N)]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert [question.option for question in matches.questions] == ["layout"]
    assert matches.matched == () and len(matches.missing_prompts) == N
    layout: Layout = "sample/prompt" if turned else "prompt/sample"
    answered = match_files(names, PROMPTS, Said(), Reading(layout=layout))
    assert answered.questions == () and len(answered.matched) == len(names)
    assert table(answered)["1/3.png"] == (("00003", 1) if turned else ("00001", 3))


def test_a_count_that_can_not_be_told_is_asked_and_nothing_is_guessed() -> None:
    names = [f"{p}/{s}.png" for p in range(1, 6) for s in range(3)]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert [(question.option, question.choices) for question in matches.questions] == [
        ("numbering", ("from_zero", "from_one"))
    ]
    assert matches.questions[0].text == "prompts are numbered 1 to 5: do they count from 0 or from 1?"
    assert matches.matched == ()
    answers: dict[Numbering, str] = {"from_zero": "00001", "from_one": "00000"}
    for numbering, first in answers.items():
        answered = match_files(names, PROMPTS, Said(), Reading(numbering=numbering))
        assert answered.questions == () and answered.matched[0].prompt_id == first
        assert len(answered.matched) == len(names)


def test_one_numbered_folder_of_numbered_files_is_asked_about() -> None:
    names = [f"8/{p}.png" for p in range(N)]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert matches.questions[0].choices == ("prompt/sample", "prompt") and matches.matched == ()
    expect_grid(match_files(names, PROMPTS, Said(), Reading(layout="prompt")), names, samples=1)
    # A folder that only counts is no prompt.
    counted = [f"10 prompts/{p}.png" for p in range(N)]
    expect_grid(match_files(counted, PROMPTS, Said(), Reading()), counted, samples=1)


def test_words_in_place_of_numbers() -> None:
    names = {
        "a-red-coloured-car/0.png": ("00000", 0),
        "A_Brown_Bird_and_a_Blue_Bear/0.png": ("00001", 0),
        "three cats one of them asl/0.png": ("00002", 0),
        "a-shops-sign-that-says-cafe/0.png": ("00003", 0),
        "One dog on the street/0.png": ("00004", 0),
        "one dog on the street at/0.png": ("00005", 0),
        "5_ducks_in_a_row/0.png": ("00006", 0),
        "elephant/0.png": (None, None),
    }
    matches = match_files(list(names), PROMPTS, Said(), Reading())
    assert table(matches) == names
    assert matches.problems[0].problem == "its name has neither a prompt number nor a prompt text"
    assert matches.missing_prompts == ("00007", "00008", "00009")


def test_words_in_file_names_with_and_without_sample() -> None:
    names = ["a red coloured car_0.png", "a-red-coloured-car_1.png", "an_elephant_under_the_sea (0).png"]
    assert list(table(match_files(names, PROMPTS, Said(), Reading())).values()) == [
        ("00000", 0),
        ("00000", 1),
        ("00008", 0),
    ]
    names = ["a-red-coloured-car.png", "5 ducks in a row.png"]
    assert list(table(match_files(names, PROMPTS, Said(), Reading())).values()) == [("00000", 0), ("00006", 0)]


def test_words_beside_numbers_tell_the_count_and_are_checked() -> None:
    names = ["2_a-brown-bird-and-a-blue-bear/0.png", "4_a-shops-sign/0.png"]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert table(matches) == {names[0]: ("00001", 0), names[1]: ("00003", 0)}
    assert "prompts numbered from 1: the words beside the numbers say so" in matches.notes
    wrong = match_files(
        ["00000_a-red-coloured-car/0.png", "00001_an-elephant-under-the-sea/0.png"], PROMPTS, Said(), Reading()
    )
    assert wrong.rows[1].problem == "number 1 and the words do not agree: the words are those of prompt 00008"


def test_a_shortened_text_that_fits_two_prompts_is_not_guessed() -> None:
    matches = match_files(["one dog on the str/0.png", "a-red-coloured-car/0.png"], PROMPTS, Said(), Reading())
    assert matches.rows[0].problem == "the words fit 00004 and 00005"
    doubled = [PromptRef("00000", "A cat."), PromptRef("00001", "a cat")]
    assert match_files(["a-cat/0.png"], doubled, Said(), Reading()).rows[0].problem == "the words fit 00000 and 00001"


def test_folders_of_another_suites_prompts_match_nothing() -> None:
    names = [f"{words}/{sample}.png" for words in ("a zebra crossing", "two blue cups") for sample in range(3)]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert matches.matched == ()
    assert all("have the same number, and their folders are no prompts" in row.problem for row in matches.rows)


def test_doubles_are_left_out_and_named() -> None:
    matches = match_files(["00000/1.png", "00000/1.jpg", "00000/01.webp", "00000/0.png"], PROMPTS, Said(), Reading())
    assert [row.prompt_id for row in matches.rows] == [None, None, None, "00000"]
    assert matches.rows[0].problem == "prompt 00000, sample 1 is also 00000/1.jpg, 00000/01.webp"


def test_what_is_missing_is_counted() -> None:
    names = [f"{p:05d}/{s}.png" for p in range(N - 1) for s in range(4) if (p, s) not in {(2, 1), (3, 0), (3, 3)}]
    matches = match_files(names, PROMPTS, Said(), Reading())
    assert matches.missing_prompts == ("00009",)
    assert dict(matches.missing_samples) == {"00002": (1,), "00003": (0, 3)}
    assert matches.samples == 4 and not matches.complete
    assert len(match_files(names, PROMPTS, Said(), Reading(samples=5)).missing_samples) == N - 1


def test_numbers_beyond_the_suite_are_named() -> None:
    matches = match_files(["00000/0.png", "00010/0.png", "00999/0.png"], PROMPTS, Said(), Reading())
    assert [row.problem for row in matches.rows[1:]] == [
        "there is no prompt number 10; prompts run from 0 to 9",
        "there is no prompt number 999; prompts run from 0 to 9",
    ]


def test_samples_without_small_numbers_are_numbered_in_order() -> None:
    names = ["00003/00012-991.png", "00003/00010-993.png", "00003/00011-17555.png", "00004/b.png", "00004/a.png"]
    matches = match_files(names, PROMPTS, Said(), Reading(numbering="from_zero"))
    assert list(table(matches).values()) == [("00003", 2), ("00003", 0), ("00003", 1), ("00004", 1), ("00004", 0)]
    assert "samples numbered in the order of their names" in matches.notes
    mixed = match_files(["00000/0.png", "00000/x.png"], PROMPTS, Said(), Reading())
    assert mixed.rows[1].problem == "prompt 00000, and no sample number in its name"


@pytest.mark.parametrize("name", ["../00000/0.png", "/etc/00000/0.png", "C:\\00000\\0.png", "a/../../00000/0.png"])
def test_paths_that_leave_the_folder_are_refused(name: str) -> None:
    matches = match_files(["00001/0.png", name], PROMPTS, Said(), Reading())
    assert matches.rows[1].problem == "the path leaves its folder" and matches.rows[1].prompt_id is None


def test_names_that_no_file_can_have_are_refused() -> None:
    matches = match_files(["00001/0.png", f"00002/{'-' * 5000}0.png"], PROMPTS, Said(), Reading())
    assert matches.rows[1].problem == "the name is longer than 255 letters"


def test_other_image_formats_stay_in_the_table_for_the_decoder_to_refuse() -> None:
    assert match_files(["00000/0.gif", "00000/1.png"], PROMPTS, Said(), Reading()).rows[0].prompt_id == "00000"


def test_a_suite_of_some_prompts_keeps_its_ids() -> None:
    some = [PromptRef("00120", "x"), PromptRef("00121", "y"), PromptRef("00122", "z")]
    matches = match_files(["120/0.png", "121/0.png", "122/0.png"], some, Said(), Reading())
    assert [row.prompt_id for row in matches.rows] == ["00120", "00121", "00122"]
    matches = match_files(["121/0.png", "122/0.png", "123/0.png"], some, Said(), Reading())
    assert [row.prompt_id for row in matches.rows] == ["00120", "00121", "00122"]


def test_nothing_at_all() -> None:
    matches = match_files([], PROMPTS, Said(), Reading())
    assert matches.rows == () and len(matches.missing_prompts) == N and matches.samples == 0
    assert match_files(["a.png"], [], Said(), Reading()).rows[0].problem


NAMES = st.lists(
    st.one_of(
        st.text(alphabet="ab01 _-./\\()é", max_size=12).map(lambda text: text + ".png"),
        st.tuples(st.integers(0, 12), st.integers(0, 3)).map(lambda place: f"{place[0]}/{place[1]}.png"),
        st.tuples(st.integers(0, 12), st.integers(0, 3)).map(lambda place: f"{place[0]:05d}_{place[1]}.jpg"),
    ),
    unique=True,
    max_size=12,
)


@given(NAMES)
@settings(max_examples=300, deadline=None)
def test_every_file_is_accounted_for_once_and_no_place_is_filled_twice(names: list[str]) -> None:
    matches = match_files(names, PROMPTS, Said(), Reading())
    seen = [row.name for row in matches.rows] + [name for name, _ in matches.ignored]
    assert sorted(seen) == sorted(names)
    places = [(row.prompt_id, row.sample) for row in matches.matched]
    assert len(set(places)) == len(places)
    ids = {prompt.prompt_id for prompt in PROMPTS}
    for row in matches.rows:
        assert bool(row.problem) == (row.prompt_id is None) == (row.sample is None)
        assert row.prompt_id is None or (row.prompt_id in ids and row.sample is not None and row.sample >= 0)
    missing = ids - {row.prompt_id for row in matches.matched}
    assert set(matches.missing_prompts) == missing


@given(st.permutations([f"{p}/{s}.png" for p in range(4) for s in range(3)]))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_files_changes_nothing(names: list[str]) -> None:
    expected = table(match_files(sorted(names), PROMPTS, Said(), Reading()))
    assert table(match_files(names, PROMPTS, Said(), Reading())) == expected
