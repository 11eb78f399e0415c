"""Kinds of names that used to land on the wrong prompt, or on none: each lands right, or is asked about."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import pytest

from generators.filenames.captions import Caption, caption_choice, caption_of, read_beside
from generators.filenames.layout import LAYOUTS, Matches, PromptRef, Reading, Said, match_files


def refs(*texts: str) -> list[PromptRef]:
    return [PromptRef(f"{index:05d}", text) for index, text in enumerate(texts)]


THINGS = refs(*(f"thing number {word}" for word in ("one", "two", "three", "four", "five", "six")))


def places(matches: Matches) -> dict[str, tuple[str | None, int | None]]:
    return {row.name: (row.prompt_id, row.sample) for row in matches.rows}


def options(matches: Matches) -> list[str]:
    return [question.option for question in matches.questions]


@pytest.mark.parametrize("digits", range(1, 8))
@pytest.mark.parametrize(
    "form", ["{p:0{d}d}.png", "{p:0{d}d}/{s}.png", "{p:0{d}d}_{s}.png", "run/{p:0{d}d}/samples/{s:04d}.png"]
)
class TestDigitsSayNothing:
    """Numbers are settled by what exists, however many digits they have."""

    def names(self, form: str, digits: int, numbers: range) -> list[str]:
        samples = 1 if "{s" not in form else 2
        return [form.format(p=p, s=s, d=digits) for p in numbers for s in range(samples)]

    def test_a_whole_set_from_one(self, form: str, digits: int) -> None:
        matches = match_files(self.names(form, digits, range(1, 7)), THINGS, Said(), Reading())
        assert not options(matches) and not matches.problems and not matches.missing_prompts
        first = min(places(matches))
        assert places(matches)[first][0] == "00000"

    def test_a_part_of_it_is_asked_about(self, form: str, digits: int) -> None:
        matches = match_files(self.names(form, digits, range(1, 6)), THINGS, Said(), Reading())
        assert options(matches) == ["numbering"] and not matches.matched
        answered = match_files(self.names(form, digits, range(1, 6)), THINGS, Said(), Reading(numbering="from_one"))
        assert not answered.problems and answered.missing_prompts == ("00005",)

    def test_a_whole_set_from_zero(self, form: str, digits: int) -> None:
        matches = match_files(self.names(form, digits, range(6)), THINGS, Said(), Reading())
        assert not options(matches) and not matches.problems and places(matches)[min(places(matches))][0] == "00000"


SHUFFLED = {"000.jpg": 3, "001.jpg": 5, "002.jpg": 0, "003.jpg": 1, "004.jpg": 4, "005.jpg": 2}


def beside(captions: Mapping[str, str]) -> dict[str, Caption]:
    return {name: Caption(text, f"{name[:-4]}.txt") for name, text in captions.items()}


class TestCaptions:
    def test_they_win_before_numbers(self) -> None:
        captions = beside({name: THINGS[at].text for name, at in SHUFFLED.items()})
        matches = match_files(list(SHUFFLED), THINGS, Said(captions=captions), Reading())
        assert places(matches) == {name: (f"{at:05d}", 0) for name, at in SHUFFLED.items()} and matches.complete
        ignored = match_files(list(SHUFFLED), THINGS, Said(captions=caption_choice(captions, "ignore")), Reading())
        assert places(ignored)["000.jpg"] == ("00000", 0)

    @pytest.mark.parametrize(
        "form", ["{at:05d}.jpg", "shard.tar/{at:09d}.png", "{p:05d}/{s}.png", "x/{p:03d}/image ({s}).png"]
    )
    def test_samples_are_numbered_within_each_prompt(self, form: str) -> None:
        names = {form.format(at=3 * p + s, p=p + 40, s=s): (p, s) for p in range(6) for s in range(3)}
        captions = {name: Caption(THINGS[p].text, "its.txt") for name, (p, _) in names.items()}
        matches = match_files(list(names), THINGS, Said(captions=captions), Reading())
        assert places(matches) == {name: (f"{p:05d}", s) for name, (p, s) in names.items()} and matches.complete

    def test_captions_that_are_no_prompts_are_asked_about(self) -> None:
        captions = beside({name: f"a picture of {name}" for name in SHUFFLED})
        matches = match_files(list(SHUFFLED), THINGS, Said(captions=captions), Reading())
        assert options(matches) == ["captions"] and not matches.matched
        used = match_files(list(SHUFFLED), THINGS, Said(captions=caption_choice(captions, "use")), Reading())
        assert not options(used) and "a picture of 000.jpg" in used.problems[0].problem and not used.matched

    def test_one_that_is_no_prompt_or_lacks_is_a_problem_of_its_own(self) -> None:
        captions = beside({name: THINGS[at].text for name, at in SHUFFLED.items()})
        captions["000.jpg"] = Caption("something else", "000.txt")
        captions["001.jpg"] = Caption("", "001.txt", problem="its caption (001.txt) is empty")
        del captions["002.jpg"]
        matches = match_files(list(SHUFFLED), THINGS, Said(captions=captions), Reading())
        problems = {row.name: row.problem for row in matches.problems}
        assert set(problems) == {"000.jpg", "001.jpg", "002.jpg"} and len(matches.matched) == 3
        assert '000.txt) is "something else", which is not in the suite' in problems["000.jpg"]
        assert "no caption beside it" in problems["002.jpg"]

    def test_the_number_decides_between_prompts_of_one_text(self) -> None:
        twins = refs("a fox", "a fox", "a heron")
        captions = beside({"0.png": "a fox", "1.png": "a fox", "2.png": "a heron"})
        assert match_files(list(captions), twins, Said(captions=captions), Reading()).complete
        unsaid = beside({"x.png": "a fox"})
        assert (
            match_files(["x.png"], twins, Said(captions=unsaid), Reading()).problems[0].problem
            == "the words fit 00000 and 00001"
        )

    def test_a_grid_is_no_sample(self) -> None:
        captions = {name: Caption("thing number one", "m") for name in ("0/0.png", "0/1.png", "0/grid.png")}
        matches = match_files(list(captions), THINGS, Said(captions=captions), Reading())
        assert places(matches)["0/1.png"] == ("00000", 1) and "several samples" in matches.problems[0].problem


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (b"a red car", "0.txt", "a red car"),
        ("caf\u00e9\r\n".encode("utf-8-sig"), "0.txt", "caf\u00e9"),
        ("a car".encode("utf-16"), "0.caption", "a car"),
        (b'{"caption": "a car", "url": "x"}', "0.json", "a car"),
        (b'{"prompt": "a car"}', "0.json", "a car"),
        (b"a car,\nat night\nNegative prompt: blurry\nSteps: 20, Sampler: Euler", "0.txt", "a car, at night"),
    ],
)
def test_captions_as_programs_write_them(data: bytes, name: str, text: str) -> None:
    assert caption_of(data, name) == text
    image = name.rpartition(".")[0] + ".png"
    found = read_beside([image, name], {name: data}.__getitem__)
    assert found.captions[image].text == text and found.used == {name}


def test_a_prompt_for_a_whole_folder_and_lists_of_several_folders() -> None:
    files = {
        "00000/metadata.jsonl": b'{"tag": "colors", "prompt": "thing number three"}',
        "train/metadata.csv": b"file_name,text\nb.png,thing number one\n",
        "test/metadata.jsonl": b'{"file_name": "b.png", "text": "thing number two"}\n',
    }
    names = ["00000/samples/0000.png", "00000/samples/0001.png", "train/b.png", "test/b.png", *files]
    found = read_beside(names, files.__getitem__)
    matches = match_files(names, THINGS, Said(found.entries, captions=found.captions), Reading())
    assert places(matches) == {
        "00000/samples/0000.png": ("00002", 0),
        "00000/samples/0001.png": ("00002", 1),
        "train/b.png": ("00000", 0),
        "test/b.png": ("00001", 0),
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("prompts.csv", b"image;caption\na.png;thing number two\n"),
        ("captions.json", b'{"a.png": "thing number two"}'),
        ("results.json", b'[{"file": "a.png", "prompt": "thing number two", "score": 0.3}]'),
        ("index.tsv", b"path\tprompt\na.png\tthing number two\n"),
        ("manifest.csv", b"file|number|prompt\na.png|17|thing number two\n"),
    ],
)
def test_lists_by_other_names_and_with_row_numbers(name: str, data: bytes) -> None:
    found = read_beside(["a.png", name], {name: data}.__getitem__)
    matches = match_files(["a.png", name], THINGS, Said(found.entries), Reading())
    assert places(matches) == {"a.png": ("00001", 0)}


class TestExactBeforeLoose:
    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    @pytest.mark.parametrize("shape", ["{0}/0.png", "{0}_0.png", "{0}.png", "{0} (0).png"])
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("resume", "r\u00e9sum\u00e9"),
            ("A cat", "a cat"),
            ("a cat!", "a cat"),
            ("\N{FOX FACE}", "\N{CAT FACE}"),
            ("a \N{FOX FACE}", "a \N{CAT FACE}"),
            ("\u732b\u306e\u7d75", "\u72ac\u306e\u7d75"),
            ("one dog on the street", "one dog on the street at night"),
            ("Stra\u00dfe", "Strasse"),
            ("C", "C++"),
        ],
    )
    def test_both_find_their_own(self, first: str, second: str, shape: str, form: str) -> None:
        names = [shape.format(unicodedata.normalize(form, text)) for text in (first, second)]  # type: ignore[arg-type]
        matches = match_files(names, refs(second, "another", first), Said(), Reading())
        assert [place for place, _ in places(matches).values()] == ["00002", "00000"]

    def test_a_number_that_is_a_prompt(self) -> None:
        prompts = refs("1984", "a red car", "42", "a blue car")
        texts = match_files(
            ["1984/0.png", "a red car/0.png", "a blue car/0.png", "42/0.png"], prompts, Said(), Reading()
        )
        assert texts.complete and places(texts)["42/0.png"] == ("00002", 0)
        alone = match_files(["1984_0.png", "1984_1.png"], prompts, Said(), Reading())
        assert {place for place, _ in places(alone).values()} == {"00000"}

    def test_numbers_that_are_prompts_too_are_asked_about(self) -> None:
        prompts = refs("2", "0", "1")
        names = ["0/0.png", "1/0.png", "2/0.png"]
        asked = match_files(names, prompts, Said(), Reading())
        assert options(asked) == ["numbering"] and asked.questions[0].choices == ("from_zero", "from_one", "texts")
        assert not asked.matched
        assert places(match_files(names, prompts, Said(), Reading(numbering="texts")))["0/0.png"] == ("00001", 0)
        assert places(match_files(names, prompts, Said(), Reading(numbering="from_zero")))["0/0.png"] == ("00000", 0)

    def test_amid_numbers_it_is_a_number(self) -> None:
        prompts = refs(*(f"thing {at}" for at in range(42)), "42")
        matches = match_files([f"{at}/0.png" for at in range(43)], prompts, Said(), Reading())
        assert matches.complete and places(matches)["42/0.png"] == ("00042", 0)

    def test_a_column_of_numbers_may_be_texts(self) -> None:
        prompts = refs("1984", "2001", "a car")
        found = read_beside(["a.png", "b.png", "manifest.csv"], lambda _: b"file,prompt\na.png,1984\nb.png,2001\n")
        matches = match_files(["a.png", "b.png"], prompts, Said(found.entries), Reading())
        assert places(matches) == {"a.png": ("00000", 0), "b.png": ("00001", 0)}


class TestCounters:
    @pytest.mark.parametrize(
        "form", ["ComfyUI_{n:05d}_.png", "image ({n}).png", "IMG_{n:04d}.png", "out/flux-dev-{n}.webp", "img{n}.png"]
    )
    def test_the_number_is_named_and_asked_about(self, form: str) -> None:
        names = [form.format(n=n) for n in range(1, 7)]
        matches = match_files(names, THINGS, Said(), Reading())
        assert [question.choices for question in matches.questions] == [("counter",)] and not matches.matched
        assert "counter from 1 to 6" in matches.questions[0].text and "manifest.csv" in matches.questions[0].text
        assert "the number 1 in its name" in matches.rows[0].problem
        answered = match_files(names, THINGS, Said(), Reading(layout="counter"))
        assert answered.complete and places(answered)[names[0]] == ("00000", 0)

    def test_more_images_than_prompts_need_a_list(self) -> None:
        matches = match_files([f"ComfyUI_{n:05d}_.png" for n in range(1, 25)], THINGS, Said(), Reading())
        assert not matches.questions and not matches.matched and "manifest.csv" in matches.rows[0].problem


class TestTwoLayouts:
    def test_each_is_read_by_its_own(self) -> None:
        names = [f"{p:05d}/{s}.png" for p in range(3) for s in range(2)]
        names += [f"{p:05d}_{s}.png" for p in range(3, 6) for s in range(2)]
        matches = match_files(names, THINGS, Said(), Reading(numbering="from_zero"))
        assert matches.complete and places(matches)["00004_1.png"] == ("00004", 1)

    def test_each_counts_from_its_own(self) -> None:
        names = [f"{p:05d}/0.png" for p in range(6)] + [f"more/prompt{p}_sample1.png" for p in range(1, 7)]
        matches = match_files(names, THINGS, Said(), Reading())
        found = places(matches)
        assert {found[name] for name in names[:6]} <= {(None, None), *((f"{p:05d}", 0) for p in range(6))}
        for name, (prompt, _) in found.items():  # whatever is placed is placed right
            wanted = int(name[:5]) if name[0] == "0" else int(name[11]) - 1
            assert prompt is None or int(prompt) == wanted

    def test_a_folder_of_another_prompt_is_not_read_by_its_files(self) -> None:
        names = ["thing number one/0.png", "thing number two/0.png", "an elephant/0.png", "an elephant/1.png"]
        assert [row.name for row in match_files(names, THINGS, Said(), Reading()).problems] == names[2:]


def test_folders_of_equal_width_are_asked_about_whatever_their_digits() -> None:
    for digits in (1, 3, 5):
        names = [f"{s:0{digits}d}/{p:0{digits}d}.png" for s in range(3) for p in range(6)]
        assert options(match_files(names, THINGS, Said(), Reading())) == ["layout"]
    clear = match_files([f"{p:05d}/{s}.png" for p in range(3) for s in range(6)], THINGS, Said(), Reading())
    assert not options(clear) and len(clear.matched) == 18


def test_every_declared_layout_reads_its_own_example() -> None:
    prompts = refs(*("a brown bird" if at == 12 else f"thing {at}" for at in range(20)))
    for spec in LAYOUTS:
        (row,) = match_files([spec.example], prompts, Said(), Reading(layout=spec.name, numbering="from_zero")).rows
        assert row.prompt_id == "00012", spec
