"""Numbers that count other things than prompts, words that are cut off, folders that say something else."""

from __future__ import annotations

import pytest

from generators.filenames.layout import Layout, PromptRef, Reading, Said, match_files
from tests.filenames.test_kinds import THINGS, options, places, refs


class TestTwoNumbers:
    def test_the_sample_may_come_first(self) -> None:
        names = [f"{s}_{p:05d}.png" for p in range(6) for s in range(2)]
        asked = match_files(names, THINGS, Said(), Reading())
        assert options(asked) == ["layout"] and not asked.matched
        assert asked.questions[0].choices == ("prompt_sample", "sample_prompt")
        found = match_files(names, THINGS, Said(), Reading(layout="sample_prompt"))
        assert found.complete and places(found)["1_00004.png"] == ("00004", 1)

    def test_a_word_says_so(self) -> None:
        found = match_files([f"seed{s}_{p:05d}.png" for p in range(6) for s in (42, 43)], THINGS, Said(), Reading())
        assert found.complete and places(found)["seed43_00004.png"] == ("00004", 1)

    def test_few_folders_of_some_prompts(self) -> None:
        names = [f"{s}/{p:05d}.png" for p in range(4) for s in range(2)]  # not all of the six
        assert options(match_files(names, THINGS, Said(), Reading())) == ["layout"]

    @pytest.mark.parametrize(
        "form", ["{n:05d}-{seed}.png", "2024-01-15/{n:05d}-{seed}.png", "{n:06d}.1a2b3c4d.{seed}.png"]
    )
    def test_counters_of_programs_are_asked_about(self, form: str) -> None:
        names = [form.format(n=n, seed=3141592 + n) for n in range(6)]
        asked = match_files(names, THINGS, Said(), Reading())
        assert options(asked) == ["layout"] and not asked.matched
        answered = match_files(names, THINGS, Said(), Reading(layout="prompt_sample"))
        assert places(answered)[names[4]] == ("00004", 0)

    def test_numbers_over_the_whole_set_are_no_samples(self) -> None:
        names = [f"{THINGS[p].text}_{2 * p + s:06d}.png" for p in range(6) for s in range(2)]
        found = match_files(names, THINGS, Said(), Reading())
        assert found.complete and places(found)[names[11]] == ("00005", 1)

    def test_a_seed_is_the_same_sample_everywhere(self) -> None:
        names = [f"{p}/{seed}.png" for p in range(6) for seed in (42, 43, 44) if (p, seed) != (3, 43)]
        found = match_files(names, THINGS, Said(), Reading())
        assert found.missing_samples == {"00003": (1,)} and places(found)["3/44.png"] == ("00003", 2)


class TestGrids:
    @pytest.mark.parametrize(
        "name", ["grid.png", "grid-0000.png", "00003_grid.png", "contact sheet.jpg", "xyz_grid-0001.png"]
    )
    @pytest.mark.parametrize("form", ["{p:05d}/{s}.png", "{p:05d}_{s}.png", "{p:05d}.png"])
    def test_a_grid_is_no_sample(self, name: str, form: str) -> None:
        names = list(dict.fromkeys(form.format(p=p, s=s) for p in range(6) for s in range(2)))
        places_of_it = [name, f"00003/{name}"] if "/" in form else [name]
        found = match_files([*names, *places_of_it], THINGS, Said(), Reading())
        assert {row.name for row in found.problems} == {*places_of_it} and len(found.matched) == len(names)
        assert all("several samples" in row.problem for row in found.problems)

    def test_a_prompt_of_a_grid_is_one(self) -> None:
        prompts = refs("a grid", "a montage", "a fox")
        assert match_files(["a grid.png", "a montage.png", "a fox.png"], prompts, Said(), Reading()).complete


class TestWords:
    LONG = refs("an old lighthouse at night, painted in oil", "an old lighthouse", "a heron by the pond in the morning")

    def test_a_text_that_may_be_cut_off(self) -> None:
        found = match_files(["an old lighthouse.png", "a heron by the po.png"], self.LONG, Said(), Reading())
        assert [row.name for row in found.problems] == ["an old lighthouse.png"]
        assert "may be prompt 00001, or the beginning of 00000" in found.problems[0].problem

    def test_both_there_or_nothing_cut_leaves_no_doubt(self) -> None:
        both = ["an old lighthouse.png", "an old lighthouse at.png", "a heron by the pond.png"]
        assert match_files(both, self.LONG, Said(), Reading()).complete
        assert not match_files(["an old lighthouse.png"], self.LONG, Said(), Reading()).problems

    def test_short_words_of_another_prompt_speak_against_the_number(self) -> None:
        prompts = refs("a red fox", "a heron", "moss")
        found = match_files(["0000_a_her.png", "0001_a_red.png", "0002_moss.png"], prompts, Said(), Reading())
        assert [row.name for row in found.matched] == ["0002_moss.png"]
        assert match_files(["0000_sdxl.png", "0001_sdxl.png", "0002_sdxl.png"], prompts, Said(), Reading()).complete


class TestFolders:
    def test_a_file_in_the_folder_of_another_prompt(self) -> None:
        texts = [prompt.text for prompt in THINGS]
        names = [f"{text}/{text}_{s}.png" for text in texts for s in range(2)]
        found = match_files([*names, f"{texts[2]}/{texts[3]}_7.png"], THINGS, Said(), Reading())
        assert [row.name for row in found.problems] == [f"{texts[2]}/{texts[3]}_7.png"]

    def test_several_generators_in_one_archive(self) -> None:
        found = match_files(
            [f"{model}/{p:05d}.png" for model in ("sdxl", "flux") for p in range(6)], THINGS, Said(), Reading()
        )
        assert not found.matched and "upload the folder of one generator" in found.rows[0].problem

    def test_numbers_within_a_category(self) -> None:
        prompts = [PromptRef(f"{at:05d}", f"thing {at}", "anime" if at < 4 else "concept-art") for at in range(8)]
        found = match_files([f"concept art/{at:05d}.jpg" for at in range(4)], prompts, Said(), Reading())
        assert not found.matched and 'a category of the suite, and prompt 00000 is of "anime"' in found.rows[0].problem
        whole = [f"{'anime' if at < 4 else 'concept-art'}/{at:05d}.jpg" for at in range(8)]
        assert match_files(whole, prompts, Said(), Reading()).complete


@pytest.mark.parametrize(
    "form",
    [
        "DALL\N{MIDDLE DOT}E 2023-10-11 10.11.12 - {text}.png",
        "DALL-E 2024-02-01 09.01.59 - {text}.webp",
        "some_one_{slug}_3f2a1b4c-aaaa-4bbb-8ccc-1234567890ab.png",
        "someone_{slug}_3f2a1b4c-aaaa-4bbb-8ccc-123456789012_{s}.png",
    ],
)
@pytest.mark.parametrize("layout", ["auto", "service"])
def test_names_of_services(form: str, layout: Layout) -> None:
    names = [form.format(text=each.text, slug=each.text.replace(" ", "_"), s=3) for each in THINGS]
    found = match_files(names, THINGS, Said(), Reading(layout=layout))
    assert not found.problems and [row.prompt_id for row in found.rows] == [each.prompt_id for each in THINGS]
