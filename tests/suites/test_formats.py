"""Reading: each format, how it is found, encodings."""

import csv
import io
import json
from pathlib import Path

import pytest

from evaluation.suites import FORMATS, SuiteData, SuiteError, read_suite
from evaluation.suites.types import NO_CATEGORY


def texts(suite: SuiteData) -> list[str]:
    return [prompt.text for prompt in suite.prompts]


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("prompt,category\na cat,Animals\n", "csv"),
        ("Prompts,Category\na cat,Animals", "csv"),
        ("id;Caption;category\n7;a cat;Animals", "csv"),
        ("prompt|category\na cat|Animals", "csv"),
        ("text\tcategory\na cat\tAnimals\n", "tsv"),
        ("Prompt\tCategory\tChallenge\tNote\na cat\tAnimals\tBasic\t\n", "partiprompts"),
        ('{"prompt": "a cat", "category": "Animals"}', "jsonl"),
        ('{"prompt": "a cat", "category": "Animals"}\n\n{"prompt": "a dog", "category": "Animals"}', "jsonl"),
        ('[{"prompt": "a cat", "category": "Animals"}]', "json"),
        ('{"prompts": [{"prompt": "a cat", "category": "Animals"}]}', "json"),
    ],
)
def test_format_is_found_in_bytes_alone(content: str, format: str) -> None:
    suite = read_suite(content.encode())
    assert suite.source_format == format
    assert (suite.name, suite.prompts[0].text, suite.prompts[0].category) == ("suite", "a cat", "Animals")


@pytest.mark.parametrize(
    "content", ["a cat\na dog", "a cat, asleep\na dog", "[a cat] in brackets\na dog", "{a cat\na dog", "42\na dog"]
)
def test_plain_text_is_one_prompt_a_line(content: str) -> None:
    suite = read_suite(content.encode())
    assert suite.source_format == "text" and texts(suite) == content.split("\n")
    assert suite.categories == {NO_CATEGORY: 2}


@pytest.mark.parametrize("header", ["prompt", "Prompts", "TEXT", "caption", "Prompt_Text", '"prompt"'])
def test_one_column_under_any_header(header: str) -> None:
    assert texts(read_suite(f'{header}\na cat\n"a dog, asleep"\n'.encode())) == ["a cat", "a dog, asleep"]


def test_one_column_without_header(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text('a cat\n"a dog, asleep"\n')
    suite = read_suite(path)
    assert suite.name == "mine" and texts(suite) == ["a cat", "a dog, asleep"]


def test_a_txt_keeps_its_first_line_even_when_it_is_a_word_like_prompt(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("text\nlight\n\n")
    assert texts(read_suite(path)) == ["text", "light"]
    path.write_text("prompt,category\na cat,Animals")
    assert read_suite(path).source_format == "csv"


def test_bytes_of_a_named_file_are_read_as_that_file() -> None:
    suite = read_suite(b"text\nlight", file_name="words.txt")
    assert suite.name == "words" and texts(suite) == ["text", "light"]


def test_override_wins_over_content() -> None:
    content = b"prompt,category\na cat,Animals"
    assert texts(read_suite(content, format="text")) == ["prompt,category", "a cat,Animals"]
    with pytest.raises(SuiteError, match='; did you mean "csv"'):
        read_suite(content, format="cvs")
    plain = {"csv", "tsv", "jsonl", "json", "text", "partiprompts", "coco", "dsg"}
    assert set(FORMATS) == plain | {"xlsx", "parquet", "texts"}


def test_quoted_cells_may_have_line_ends_and_are_folded() -> None:
    suite = read_suite(b'prompt,category\r\n"a cat,\r\n  asleep ""here""", Pets \r\n\r\na dog,Pets\r\n')
    assert texts(suite) == ['a cat, asleep "here"', "a dog"] and suite.categories == {"Pets": 2}


def test_other_columns_and_attributes_are_kept() -> None:
    suite = read_suite(b'prompt,category,Source,attributes\na cat,Pets,mine,"{""count"": 1}"\na dog,Pets,,\n')
    assert [prompt.attributes for prompt in suite.prompts] == [{"source": "mine", "count": 1}, {}]
    lines = b'{"text": "a cat", "seed": 3, "attributes": {"count": 1}, "category": null}\n"a dog"\n'
    lines += b'{"prompt":"x","category":"C"}'
    with pytest.raises(SuiteError, match="Without a category, though other rows have one: line 1, line 2"):
        read_suite(lines)
    suite = read_suite(lines[: lines.rindex(b"\n")].replace(b', "category": null', b""))
    assert [prompt.attributes for prompt in suite.prompts] == [{"seed": 3, "count": 1}, {}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding: str) -> None:
    assert texts(read_suite("prompt,category\nSchön — 猫 🐈‍⬛,Tiere\n".encode(encoding))) == ["Schön — 猫 🐈‍⬛"]


def test_tsv_with_and_without_quoting() -> None:
    quoted = b'prompt\tcategory\n"a ""big""\ttab\nand line"\tX\n'
    assert texts(read_suite(quoted)) == ['a "big" tab and line']
    raw = b'prompt\tcategory\n"OPEN" in red paint\tX\nsay "no" twice"\tX\n'
    assert texts(read_suite(raw)) == ['"OPEN" in red paint', 'say "no" twice"']


def test_partiprompts_keeps_quotes_challenge_and_note() -> None:
    """In the published TSV some prompts begin with a quotation mark that quotes nothing but their own words."""
    content = (
        "Prompt\tCategory\tChallenge\tNote\n"
        '"H I" painted on a wall.  wide shot\tIllustrations\tWriting & Symbols\t\n'
        'a kite\tAnimals\tBasic\tsays "kite"\n'
        "a kite\tAnimals\tImagination\t\n"
    )
    suite = read_suite(content.encode())
    assert suite.source_format == "partiprompts"
    assert texts(suite) == ['"H I" painted on a wall. wide shot', "a kite", "a kite"]
    assert suite.prompts[1].attributes == {"challenge": "Basic", "note": 'says "kite"'}
    rows = list(csv.reader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE))
    as_csv = io.StringIO()
    csv.writer(as_csv).writerows(rows)
    assert read_suite(as_csv.getvalue().encode()).prompts == suite.prompts


def coco(n_images: int = 3) -> dict[str, list[dict[str, object]]]:
    captions = ["A man rides a wave.", "A red bus.", "A red bus."]
    return {
        "images": [{"id": 100 - i, "file_name": f"COCO_val2014_{100 - i:012d}.jpg"} for i in range(n_images)],
        "annotations": [
            {"id": 10 * image + k, "image_id": 100 - image, "caption": f"{captions[(image + k) % 3]}\n"}
            for image in range(n_images)
            for k in range(3)
        ],
    }


def test_coco_one_caption_an_image() -> None:
    suite = read_suite(json.dumps(coco()).encode(), name="coco")
    assert suite.source_format == "coco" and suite.categories == {"COCO": 3}
    assert [prompt.attributes["image_id"] for prompt in suite.prompts] == [98, 99, 100]
    assert texts(suite) == ["A red bus.", "A red bus.", "A man rides a wave."]
    assert suite.prompts[2].attributes == {
        "image": "COCO_val2014_000000000100.jpg", "image_id": 100, "caption_id": 0, "people": True,
    }  # fmt: skip
    assert [prompt.attributes["people"] for prompt in suite.prompts] == [False, False, True]


def test_coco_all_captions_once_an_image() -> None:
    suite = read_suite(json.dumps(coco()).encode(), captions="all")
    assert len(suite.prompts) == 6  # each image has two different ones among its three
    assert suite.notes == ("Captions that an image has twice are taken once (3 left out).",)


def test_coco_leaves_out_images_without_caption_and_says_so() -> None:
    content = coco()
    content["annotations"] = content["annotations"][:6]
    content["annotations"][0]["caption"] = " "
    suite = read_suite(json.dumps(content).encode())
    assert len(suite.prompts) == 2
    assert suite.notes == ("Empty captions are left out (1).", "Images without a caption are left out (1 of 3).")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["annotations"][0].pop("caption"), r"annotations\[0\] has no caption.*captions_"),
        (lambda c: c["images"].pop(0), "belongs to image 100, which is not among the images"),
        (lambda c: c["images"][1].update(file_name=None), r"images\[1\].file_name is None"),
        (lambda c: c["annotations"][2].update(id="x"), r"annotations\[2\].id is 'x'"),
        (lambda c: c["annotations"].clear(), "no prompt in it"),
    ],
)
def test_coco_that_is_no_caption_file(change: object, message: str) -> None:
    content = coco()
    assert callable(change)
    change(content)
    with pytest.raises(SuiteError, match=message):
        read_suite(json.dumps(content).encode())


def test_sample_is_repeatable_in_order_and_named() -> None:
    content = "\n".join(f"a cat number {i}" for i in range(50)).encode()
    one, same, other = (read_suite(content, name="cats", sample=10, seed=seed) for seed in (1, 1, 2))
    assert one == same and one.name == "cats-sample10-seed1" and texts(one) != texts(other)
    assert [prompt.number for prompt in one.prompts] == list(range(10))
    places = [int(text.rsplit(" ", 1)[1]) for text in texts(one)]
    assert places == sorted(places) and len(set(places)) == 10
    # The ten lowest of `printf '1\t%d' $i | sha256sum`: the same on every machine and under every version of Python.
    assert places == [9, 22, 26, 31, 37, 38, 39, 47, 48, 49]
    assert read_suite(content, sample=50).name == "suite"
    with pytest.raises(SuiteError, match="1 to 50"):
        read_suite(content, sample=51)
