"""Names as today's programs, services and scripts give them: each lands right, is asked about or is named."""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Callable

import pytest

from generators.filenames.captions import read_beside
from generators.filenames.layout import Layout, Matches, Order, PromptRef, Reading, Said, match_files
from tests.filenames.test_kinds import options, places

TEXTS = (
    *("A red colored car.", "A black colored car.", "three dogs on the street, watercolor, highly detailed"),
    *("three dogs on the street, oil painting", "a sign with 'Hello World' on it", "\u732b\u304c\u7a93\u8fba\u3067"),
    *("\u0642\u0637\u0629 \u0633\u0648\u062f\u0627\u0621", "A bear in class: 100% funny?"),
)
CATEGORIES = ("color", "color", "style", "style", "text", "other", "other", "style")
PROMPTS = [PromptRef(f"{at:05d}", *each) for at, each in enumerate(zip(TEXTS, CATEGORIES, strict=True))]
SHUFFLED = (3, 5, 0, 1, 4, 2, 7, 6)
HEX = "1d2c-4f6a-9b3c-12345678"


def plain(text: str) -> str:
    return re.sub(r'[/\\:*?"<>|]', "", text)


def latin(text: str) -> str:
    """As many services do: Latin letters and digits alone; "" where hardly any are left."""
    words = re.sub("[^A-Za-z0-9]+", "_", text).strip("_")
    return words if len(words) > 3 else ""


Form = Callable[[int, int], str]
"""(prompt, place in the order drawn) -> the name's stem, "" for no file."""


def named(form: Form) -> dict[str, int]:
    """Name -> position of its prompt, drawn in an order that is not the suite's."""
    return {f"{stem}.png": prompt for at, prompt in enumerate(SHUFFLED) if (stem := form(prompt, at))}


def matched(names: dict[str, int] | list[str], files: dict[str, str] | None = None, **reading: object) -> Matches:
    every = [*names, *(files or {})]
    beside = read_beside(every, lambda name: (files or {})[name].encode())
    said = Said(beside.entries, beside.captions, beside.orders)
    return match_files(every, PROMPTS, said, Reading(**reading))  # type: ignore[arg-type]


def expect(matches: Matches, truth: dict[str, int]) -> None:
    assert not matches.questions and not matches.problems
    found = places(matches)
    assert {name: found[name][0] for name in truth} == {name: f"{prompt:05d}" for name, prompt in truth.items()}


RIGHT: dict[str, Form] = {
    "Midjourney with parameters": lambda p, at: (
        latin(TEXTS[p]) and f"jane_doe_{latin(TEXTS[p])}_--ar_169_--v_7.0_{at:08x}-{HEX}{at:04d}_0"
    ),
    "A1111, count, seed, prompt": lambda p, at: f"{at:05d}-{31415926 + at}-{plain(TEXTS[p])}",
    "A1111, prompt cut off": lambda p, at: f"{at:05d}-{31415926 + at}-{plain(TEXTS[p])[:30]}",
    "a seed before the prompt": lambda p, at: f"{31415926 + at}-{plain(TEXTS[p])}",
    "percent signs": lambda p, at: urllib.parse.quote(TEXTS[p], safe=""),
    "a form's codes": lambda p, at: urllib.parse.quote_plus(TEXTS[p], safe="") + "_0",
    "a page's codes": lambda p, at: html.escape(TEXTS[p].replace("?", "")),
    "unzip's codes": lambda p, at: "".join(c if c.isascii() else f"#U{ord(c):04x}" for c in plain(TEXTS[p])),
    "full width": lambda p, at: TEXTS[p].replace("?", "\uff1f").replace(":", "\uff1a"),
    "no separators": lambda p, at: f"p{p}s0",
    "keys and values": lambda p, at: f"prompt_{p:05d}_sample_00_seed_42",
    "date and prompt": lambda p, at: f"2026-11-30/{plain(TEXTS[p])}",
}


@pytest.mark.parametrize("kind", RIGHT)
def test_right(kind: str) -> None:
    truth = named(RIGHT[kind])
    expect(matched(truth), truth)


SHARED: dict[str, Form] = {
    "Firefly": lambda p, at: latin(TEXTS[p]) and f"Firefly {latin(TEXTS[p])[:40]} {10_000 + 77 * at}",
    "Leonardo": lambda p, at: latin(TEXTS[p]) and f"Leonardo_Phoenix_10_{latin(TEXTS[p])}_0",
    "NightCafe": lambda p, at: latin(TEXTS[p]) and f"nightcafe-{latin(TEXTS[p])}",
    "a model before": lambda p, at: f"sdxl_{plain(TEXTS[p])}",
    "a model and a seed behind": lambda p, at: f"{plain(TEXTS[p])}_sdxl_42",
    "a size behind": lambda p, at: f"{plain(TEXTS[p])}_1024x1024",
    "a model before two numbers": lambda p, at: f"sdxl_{p:05d}_0",
    "steps before a number": lambda p, at: f"step_50_{p:05d}",
}


@pytest.mark.parametrize("kind", SHARED)
def test_words_that_all_names_share_are_asked_about(kind: str) -> None:
    truth = named(SHARED[kind])
    asked = matched(truth)
    assert [each.choices for each in asked.questions] == [("within",)] and not asked.matched
    assert "in common" in asked.questions[0].text and "manifest.csv" in asked.questions[0].text
    expect(matched(truth, layout="within"), truth)


def test_words_of_another_suite_are_not_taken_for_a_programs() -> None:
    names = [f"green {plain(text)}.png" for text in TEXTS]
    assert not matched(names).matched
    assert not matched(["a red car.png"]).questions, "of one name nobody can tell what is a program's"


ASKED: dict[str, tuple[Form, Layout]] = {
    "A1111 with words that are no prompt": (lambda p, at: f"{p:05d}-{31415926 + p}-best quality", "prompt"),
    "A1111, some prompts": (lambda p, at: f"{p:05d}-{3141592}-{plain(TEXTS[p])[: 12 if p > 1 else 9]}", "prompt"),
}


@pytest.mark.parametrize("kind", ASKED)
def test_counts_before_words_are_asked_about(kind: str) -> None:
    form, answer = ASKED[kind]
    truth = named(form)
    asked = matched(truth)
    assert options(asked) == ["layout"] and answer in asked.questions[0].choices and not asked.matched
    expect(matched(truth, layout=answer), truth)


def test_folders_of_seeds_are_asked_about() -> None:
    truth = {f"{seed}/{p}.png": p for seed in (314159, 271828) for p in range(len(TEXTS))}
    asked = matched(truth)
    assert [each.choices for each in asked.questions] == [("sample/prompt",)] and not asked.matched
    found = matched(truth, layout="sample/prompt")
    expect(found, truth)
    assert places(found)["314159/3.png"][1] == 1 and places(found)["271828/3.png"][1] == 0


@pytest.mark.parametrize("form", ["{c}/{n}.png", "{c}/{n}/0.png", "{c}_{n}.png", "{n}_{c}.png"])
def test_numbers_within_categories_never_agree_by_chance(form: str) -> None:
    counts: dict[str, int] = {}
    names = []
    for category in CATEGORIES:
        counts[category] = counts.get(category, -1) + 1
        names.append(form.format(c=category, n=counts[category]))
    assert not matched(names).matched


NOTHING: dict[str, Form] = {
    "ChatGPT": lambda p, at: f"ChatGPT Image 30 Nov 2026, 14_03_{at:02d}",
    "ChatGPT, several": lambda p, at: f"ChatGPT Image Nov 30, 2026, 02_03_11 PM ({at + 1})",
    "Gemini": lambda p, at: f"Gemini_Generated_Image_abc{at}4x9def",
    "Ideogram": lambda p, at: f"ideogram_{at:08x}-{HEX}{at:04d}",
    "Civitai": lambda p, at: f"{12345678 + 13 * at}",
    "Fooocus": lambda p, at: f"2026-11-30/2026-11-30_14-03-{7 * at:02d}_{1000 + 7 * at}",
    "a date and a time": lambda p, at: f"2026-11-30-14-03-{at:02d}",
    "a screen's": lambda p, at: f"Screenshot 2026-11-30 at 14.03.{at:02d}",
    "SwarmUI": lambda p, at: f"2026-11-30/14030{at}-{plain(TEXTS[p])}-sd_xl",
    "hashes": lambda p, at: f"{7919 * at + 99991:08x}",
    "kohya": lambda p, at: f"sample/last_e000010_{at:02d}_20261130140311_42",
}


@pytest.mark.parametrize("kind", NOTHING)
def test_names_that_say_nothing_are_named(kind: str) -> None:
    found = matched(named(NOTHING[kind]))
    assert not found.matched and "numbering" not in options(found), "no number of a date or a seed is asked about"


class TestMixtures:
    @pytest.mark.parametrize("extra", [{}, {"flux/note.md": "made in May"}])
    def test_two_generators_with_captions(self, extra: dict[str, str]) -> None:
        truth = {f"{model}/a{at}.png": p for model in ("sdxl", "flux") for at, p in enumerate(SHUFFLED)}
        captions = {f"{name[:-4]}.txt": TEXTS[p] for name, p in truth.items()}
        found = matched(truth, captions | extra)
        assert not found.matched and "may be of two generators" in found.problems[0].problem
        one = {name: p for name, p in truth.items() if name[0] == "f"}
        expect(matched(one, {file: text for file, text in captions.items() if file[0] == "f"}), one)

    def test_two_generators_in_a_list(self) -> None:
        rows = [(f"{model}/a{at}.png", TEXTS[p], model) for model in ("sdxl", "flux") for at, p in enumerate(SHUFFLED)]
        text = "file,prompt,model\n" + "".join(f'{file},"{text}",{model}\n' for file, text, model in rows)
        assert not matched([row[0] for row in rows], {"manifest.csv": text}).matched

    @pytest.mark.parametrize("stems", [("sdxl", "flux"), ("base_64", "sr_256"), ("step_10", "step_50")])
    def test_other_words_are_no_samples(self, stems: tuple[str, str]) -> None:
        found = matched([f"{p:05d}/{stem}.png" for p in range(len(TEXTS)) for stem in stems])
        assert not found.matched and "two states of one image" in found.problems[0].problem

    @pytest.mark.parametrize("stems", [("a", "b"), ("img_1", "img_2"), ("seed_42", "seed_43"), ("sample-7f3", "c9a1")])
    def test_samples_stay_samples(self, stems: tuple[str, str]) -> None:
        truth = {f"{p:05d}/{stem}.png": p for p in range(len(TEXTS)) for stem in stems}
        if stems[1] == "c9a1":  # names at random are another in each folder
            truth = {f"{p:05d}/{stem}{p}{'xyzuvwrs'[p]}k.png": p for p in range(len(TEXTS)) for stem in stems}
        expect(matched(truth), truth)

    def test_folders_of_seeds_with_captions(self) -> None:
        truth = {f"seed_{seed}/a{at}.png": p for seed in (42, 43) for at, p in enumerate(SHUFFLED)}
        expect(matched(truth, {f"{name[:-4]}.txt": TEXTS[p] for name, p in truth.items()}), truth)


BARE = {f"{at:05d}.png": p for at, p in enumerate(SHUFFLED)}
FOOOCUS = "".join(
    f'<div class="image-container"><a href="{file}"><img src="{file}"></a><div>{file}</div><table>'
    f"<tr><td class='label'>Prompt</td><td class='value'>{html.escape(TEXTS[p])}</td></tr>"
    f"<tr><td class='label'>Negative Prompt</td><td class='value'>{html.escape(TEXTS[0])}</td></tr></table></div>"
    for file, p in BARE.items()
)
SAID: dict[str, str] = {
    "log.html": f"<!DOCTYPE html><html><body>{FOOOCUS}</body></html>",
    "index.html": "".join(f"<p><img src='./{file}'><br>{html.escape(TEXTS[p])}</p>" for file, p in BARE.items()),
    "README.md": "| image | prompt |\n|---|---|\n" + "".join(f"| ![]({f}) | {TEXTS[p]} |\n" for f, p in BARE.items()),
    "results.jsonl": "\n".join(
        json.dumps({"idx": at, "prompt": TEXTS[p], "outputs": [file]}) for at, (file, p) in enumerate(BARE.items())
    ),
    "meta.json": json.dumps([{"id": 7, "prompt": TEXTS[p], "images": [file]} for file, p in BARE.items()]),
}


@pytest.mark.parametrize("name", SAID)
def test_pages_and_lists_of_outputs(name: str) -> None:
    expect(matched(BARE, {name: SAID[name]}), BARE)


KEYS = {f"{7919 * p + 99991:08x}": p for p in range(len(TEXTS))}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.json", json.dumps({key: TEXTS[p] for key, p in KEYS.items()})),
        ("index.csv", "hash,prompt\n" + "".join(f'{key},"{TEXTS[p]}"\n' for key, p in KEYS.items())),
        ("log.jsonl", "\n".join(json.dumps({"uid": key, "seed": 3, "prompt": TEXTS[p]}) for key, p in KEYS.items())),
    ],
)
def test_names_that_are_keys_of_a_table(name: str, text: str) -> None:
    truth = {f"{key}.png": p for key, p in KEYS.items()}
    expect(matched(truth, {name: text}), truth)


ORDERS: dict[str, str] = {
    "run.log": "\n".join(f"INFO [{at}/8] drawing: {TEXTS[p]}\nsaved" for at, p in enumerate(SHUFFLED)),
    "config.yaml": "model: sdxl\nprompts:\n" + "".join(f'  - "{TEXTS[p]}"\n' for p in SHUFFLED),
    "generate.py": "import torch\nPROMPTS = [\n" + "".join(f"    {TEXTS[p]!r},\n" for p in SHUFFLED) + "]\n",
    "NOTES.md": "# Prompts\n" + "".join(f"{at}. {TEXTS[p]}\n" for at, p in enumerate(SHUFFLED)),
}


@pytest.mark.parametrize("name", ORDERS)
class TestOrderInOtherTexts:
    def test_it_is_asked_whose_numbers_count(self, name: str) -> None:
        asked = matched(BARE, {name: ORDERS[name]})
        assert [each.choices for each in asked.questions] == [("suite", "list")] and not asked.matched
        expect(matched(BARE, {name: ORDERS[name]}, order="list"), BARE)

    @pytest.mark.parametrize("order", ["auto", "suite"])
    def test_prompts_in_the_suites_order_are_no_doubt(self, name: str, order: Order) -> None:
        truth = {f"{p:05d}.png": p for p in range(len(TEXTS))}
        text = "\n".join(f"- {text}" for text in TEXTS)
        expect(matched(truth, {name: text}, order=order), truth)

    def test_one_prompt_as_an_example_is_none(self, name: str) -> None:
        truth = {f"{p:05d}.png": p for p in range(len(TEXTS))}
        expect(matched(truth, {name: f"such as\n{TEXTS[3]}\n"}), truth)


def test_a_list_of_other_prompts_is_asked_about() -> None:
    text = "\n".join(f"masterpiece, {text}" for text in reversed(TEXTS))
    asked = matched(BARE, {"prompts.txt": text})
    assert [each.choices for each in asked.questions] == [("suite",)] and "of which 0 are in the suite" in (
        asked.questions[0].text
    )
    assert not asked.matched and len(matched(BARE, {"prompts.txt": text}, order="suite").matched) == len(BARE)
    assert matched({f"{p}.png": p for p in range(8)}, {"notes.txt": text}).complete, "other texts say nothing"


def test_another_data_sets_numbers_beside_texts() -> None:
    rows = "file,prompt_id,prompt\n" + "".join(f'{f},{at},"{TEXTS[p]}"\n' for at, (f, p) in enumerate(BARE.items()))
    found = matched(BARE, {"manifest.csv": rows})
    expect(found, BARE)
    assert any("numbers in the list are not the suite's" in note for note in found.notes)
    own = "file,prompt_id,prompt\n" + "".join(f'{f},{p},"{TEXTS[p]}"\n' for f, p in BARE.items())
    wrong = matched(BARE, {"manifest.csv": own.replace(f'.png,{SHUFFLED[0]},"', '.png,0,"', 1)})
    assert [row.name for row in wrong.problems] == ["00000.png"], "one number that disagrees is a fault"


def test_another_languages_headings_are_told() -> None:
    from generators.filenames.filelist import NoFilesError, parse_file_list

    with pytest.raises(NoFilesError, match="call it file. Its columns: datei, prompt"):
        parse_file_list("Datei;Prompt\na.png;A car, at night\n".encode("utf-16"), "manifest.csv")
