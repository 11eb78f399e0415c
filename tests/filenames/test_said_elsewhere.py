"""What stands elsewhere than beside an image under its name: in folders of captions, tables, lists, the image."""

from __future__ import annotations

import io
import json
import zlib

import pytest
from PIL import Image, PngImagePlugin

from generators.filenames.captions import caption_of, read_beside
from generators.filenames.embedded import embedded_prompt
from generators.filenames.layout import Matches, PromptRef, Reading, Said, match_files
from generators.filenames.orders import Order
from tests.filenames.test_kinds import THINGS, options, places, refs

SHUFFLED = (3, 5, 0, 1, 4, 2)
NAMES = [f"{at:04d}.png" for at in range(6)]
TEXTS = [THINGS[at].text for at in SHUFFLED]
ROWS = list(zip(NAMES, TEXTS, strict=True))


def matched(
    files: dict[str, str], names: list[str] = NAMES, order: Order = "auto", prompts: list[PromptRef] = THINGS
) -> Matches:
    every = [*names, *files]
    beside = read_beside(every, lambda name: files[name].encode())
    said = Said(beside.entries, beside.captions, beside.orders)
    return match_files(every, prompts, said, Reading(order=order))


def expect_shuffled(matches: Matches, names: list[str] = NAMES) -> None:
    assert not matches.questions and not matches.problems
    assert [places(matches)[name][0] for name in names] == [f"{at:05d}" for at in SHUFFLED]


@pytest.mark.parametrize(
    ("image", "caption"),
    [
        ("images/{}.png", "captions/{}.txt"),
        ("{}.png", "captions/{}.txt"),
        ("a/images/{}.png", "a/{}.txt"),
        ("{}/0.png", "{}/prompt.txt"),
        ("{}/samples/0.png", "{}/info.json"),
        ("{}.image.png", "{}.prompt.txt"),
        ("{}.0.png", "{}.txt"),
        ("{}.png", "{}.yaml"),
        ("{}.png", "{}.prompt"),
    ],
)
def test_captions_elsewhere(image: str, caption: str) -> None:
    names = [image.format(f"{at:04d}") for at in range(6)]
    content = {".json": '{{"seed": 1, "params": {{"prompt": "{}"}}}}', ".yaml": "seed: 1\nprompt: '{}'\n"}
    ending = caption[caption.rfind(".") :]
    files = {caption.format(f"{at:04d}"): content.get(ending, "{}").format(text) for at, text in enumerate(TEXTS)}
    expect_shuffled(matched(files, names), names)


TABLES = {
    "by name": ("results.json", json.dumps({name: {"prompt": text, "seed": 1} for name, text in ROWS})),
    "by name alone": ("out.json", json.dumps(dict(ROWS))),
    "by prompt": ("image_paths.json", json.dumps({text: f"/out/{name}" for name, text in ROWS})),
    "several by prompt": ("paths.json", json.dumps({text: [f"/out/{name}"] for name, text in ROWS})),
    "a manifest by prompt": ("manifest.json", json.dumps({text: f"/out/{name}" for name, text in ROWS})),
    "inside another": (
        "all.json",
        json.dumps({"images": [{"img_path": name, "caption": text} for name, text in ROWS]}),
    ),
    "COCO": (
        "captions_val.json",
        json.dumps(
            {
                "images": [{"id": 7 * at, "file_name": name} for at, name in enumerate(NAMES)],
                "annotations": [{"id": at, "image_id": 7 * at, "caption": text} for at, text in enumerate(TEXTS)],
            }
        ),
    ),
    "no headings": ("captions.csv", "".join(f'{name},"{text}"\n' for name, text in ROWS)),
    "lines": ("captions.txt", "".join(f"{name}\t{text}\n" for name, text in ROWS)),
    "lines with blanks": ("captions.txt", "".join(f"{name} {text}\n" for name, text in ROWS)),
    "another heading": ("labels.tsv", "img\tscore\twhat it shows\n" + "".join(f"{n}\t0.3\t{t}\n" for n, t in ROWS)),
    "a folder of its own": ("meta/labels.csv", "file,prompt\n" + "".join(f"{n},{t}\n" for n, t in ROWS)),
    "names for prompts": ("manifest.csv", "id,file,prompt\n" + "".join(f"coco_{n[:2]},{n},{t}\n" for n, t in ROWS)),
    "absolute": ("manifest.csv", "file,prompt\n" + "".join(f"/home/me/out/{n},{t}\n" for n, t in ROWS)),
    "Windows": ("manifest.csv", "file,prompt\n" + "".join(f"C:\\out\\{n},{t}\n" for n, t in ROWS)),
    "no endings": ("manifest.csv", "file,prompt\n" + "".join(f"{n[:4]},{t}\n" for n, t in ROWS)),
    "another ending": ("manifest.csv", "file,prompt\n" + "".join(f"{n[:4]}.webp,{t}\n" for n, t in ROWS)),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_any_form(kind: str) -> None:
    name, text = TABLES[kind]
    expect_shuffled(matched({name: text}))


def test_tables_of_other_things_say_nothing() -> None:
    scores = "file,clip\n" + "".join(f"{name},0.31\n" for name in NAMES)
    others = {"scores.csv": scores, "README.txt": "a set\nof images\n", "stats.json": '{"count": 6, "seconds": 1.5}'}
    assert [place for place, _ in places(matched(others)).values()] == [f"{at:05d}" for at in range(6)]


def test_a_path_is_shortened_by_what_all_share_alone() -> None:
    rows = "file,prompt\n" + "".join(f"/out/{at:05d}/0.png,{text}\n" for at, text in enumerate(TEXTS))
    stray = matched({"manifest.csv": rows}, ["extra/0.png"])
    assert not stray.matched, "0.png of another folder is not that of the list"


ORDERS = {
    "prompts.txt": "\n".join(TEXTS),
    "prompts.json": json.dumps(TEXTS),
    "prompts.jsonl": "\n".join(json.dumps({"prompt": text}) for text in TEXTS),
    "evaluation.csv": "id,prompt\n" + "".join(f"{at},{text}\n" for at, text in enumerate(TEXTS)),
    "by_number.json": json.dumps({str(at): text for at, text in enumerate(TEXTS)}),
}


@pytest.mark.parametrize("name", ORDERS)
class TestPromptsInAnotherOrder:
    def test_it_is_asked_whose_numbers_count(self, name: str) -> None:
        asked = matched({name: ORDERS[name]})
        assert options(asked) == ["order"] and asked.questions[0].choices == ("suite", "list") and not asked.matched
        expect_shuffled(matched({name: ORDERS[name]}, order="list"))
        own = matched({name: ORDERS[name]}, order="suite")
        assert own.complete and places(own)["0000.png"] == ("00000", 0)

    def test_texts_in_names_need_no_numbers(self, name: str) -> None:
        names = [f"{each.text}.png" for each in THINGS]
        assert matched({name: ORDERS[name]}, names).complete


def test_the_suites_own_order_is_no_question() -> None:
    own = matched({"prompts.txt": "prompt\n" + "\n".join(each.text for each in THINGS)})
    assert own.complete and "prompts.txt has the suite's own order" in own.notes


def test_of_two_prompts_of_one_text_a_list_can_not_tell() -> None:
    twins = refs("a fox", "a heron", "a fox", "moss")
    found = matched({"prompts.txt": "moss\na fox\na heron\na fox"}, [f"{at}.png" for at in range(4)], "list", twins)
    assert {row.name for row in found.problems} == {"1.png", "3.png"}


@pytest.mark.parametrize("form", ["index", "captions"])
def test_numbers_of_rows_do_not_tell_prompts_of_one_text_apart(form: str) -> None:
    twins, shown = refs("a fox", "a fox", "a heron", "moss"), (0, 0, 1, 1, 2, 2, 3, 3)
    rows = "index,file,prompt\n" + "".join(f"{at},{at:05d}.png,{twins[p].text}\n" for at, p in enumerate(shown))
    files = (
        {"manifest.csv": rows} if form == "index" else {f"{at:05d}.txt": twins[p].text for at, p in enumerate(shown)}
    )
    found = matched(files, [f"{at:05d}.png" for at in range(8)], prompts=twins)
    assert {row.problem for row in found.problems} == {"the words fit 00000 and 00001"} and len(found.matched) == 4


def test_a_caption_beside_one_image_is_not_anothers() -> None:
    captions = {f"sdxl/{name[:4]}.txt": text for name, text in ROWS}
    found = matched(captions, [*(f"sdxl/{name}" for name in NAMES), *(f"flux/{name}" for name in NAMES)])
    assert {row.name for row in found.problems} == {f"flux/{name}" for name in NAMES}


def test_yaml_and_json_further_in() -> None:
    assert caption_of(b"a: 1\ncaption: 'a fox: red'\n", "0.yaml") == "a fox: red"
    assert caption_of(b'{"caption": "", "x": {"positive_prompt": "a fox"}}', "0.json") == "a fox"


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        key = key.replace("__", "-")
        info.add_text(key, text) if text.isascii() else info.add_itxt(key, text, zip=True)
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def photo(image_format: str, text: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, image_format, exif=exif)
    return file.getvalue()


PARAMETERS = "a red fox,\nat night\nNegative prompt: blurry\nSteps: 20, Sampler: Euler"
GRAPH = {
    "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "negative": ["3", 0]}},
    "2": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["4", 0], "guidance": 3.5}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["9", 0]}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"text": ["5", 0], "clip": ["9", 0]}},
    "5": {"class_type": "PrimitiveString", "inputs": {"value": "a red fox"}},
}
LOOP = {"1": {"inputs": {"positive": ["2", 0]}}, "2": {"inputs": {"text": ["2", 0]}}}


@pytest.mark.parametrize(
    ("data", "prompt"),
    [
        (png(parameters=PARAMETERS), "a red fox, at night"),
        (png(parameters="caf\u00e9\nSteps: 20"), "caf\u00e9"),
        (photo("JPEG", PARAMETERS), "a red fox, at night"),
        (photo("WEBP", PARAMETERS), "a red fox, at night"),
        (png(workflow="{}", prompt=json.dumps(GRAPH)), "a red fox"),
        (png(prompt=json.dumps(LOOP)), ""),
        (png(prompt="{broken"), ""),
        (png(prompt="a red fox"), "a red fox"),
        (png(invokeai_metadata=json.dumps({"positive_prompt": "a red fox"})), "a red fox"),
        (png(sd__metadata=json.dumps({"image": {"prompt": [{"prompt": "a red fox", "weight": 1}]}})), "a red fox"),
        (png(Dream='"a red fox" -s 50 -S 3'), "a red fox"),
        (png(Description="a red fox --ar 1:1 --v 6.0 Job ID: 3f2a"), "a red fox"),
        (png(Comment=json.dumps({"prompt": "a red fox", "steps": 28})), "a red fox"),
        (png(Software="paint", Comment="Created with GIMP"), ""),
        (png(parameters=json.dumps({"sui_image_params": {"prompt": "a red fox", "seed": 3}})), "a red fox"),
        (png(parameters=json.dumps({"prompt": "a red fox", "base_model": "x"}), fooocus_scheme="fooocus"), "a red fox"),
        (png(parameters='{"steps": 20}'), ""),
        (png(parameters="\nNegative prompt: x"), ""),
        (png()[:40], ""),
        (b"", ""),
    ],
)
def test_prompts_that_programs_write_into_images(data: bytes, prompt: str) -> None:
    assert embedded_prompt(data) == prompt


def test_a_text_that_unpacks_to_much_is_cut() -> None:
    body = b"parameters\0\0" + zlib.compress(b"x" * 50_000_000)
    chunk = len(body).to_bytes(4, "big") + b"zTXt" + body + b"\0" * 4
    assert embedded_prompt(b"\x89PNG\r\n\x1a\n" + chunk) == ""
