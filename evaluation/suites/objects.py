"""JSON: lists of prompts, JSONL, and COCO's caption files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from common.json_in import JsonError, read_json
from common.tables import plain_heading
from evaluation.suites.build import Row, listed
from evaluation.suites.tables import ATTRIBUTES_COLUMN, CATEGORY_COLUMNS, PROMPT_COLUMNS, columns_noted
from evaluation.suites.types import JsonValue, SuiteError, fold

Captions = Literal["one", "all"]

COCO_CATEGORY = "COCO"
PEOPLE_WORDS = frozenset(
    {
        "man",
        "men",
        "woman",
        "women",
        "person",
        "people",
        "child",
        "adult",
        "adults",
        "boy",
        "boys",
        "girl",
        "girls",
        "guy",
    }
    | {"lady", "ladies", "someone", "toddler", "player", "workers", "spectators"}
)
"""Words of a caption with people, exactly as Saharia et al. 2022 ("Imagen"), section 4.2, list them: no "children"."""


def names_people(caption: str) -> bool:
    """Whether a caption has one of PEOPLE_WORDS, whole, in capitals or not."""
    return not PEOPLE_WORDS.isdisjoint(re.findall(r"[a-z]+", caption.lower()))


def load_json(text: str, where: str = "") -> JsonValue:
    """Strict JSON (`common.json_in`). SuiteError names line and column; which characters may stand in a prompt is told
    later, by row.
    """
    try:
        return read_json(text, characters=False)
    except JsonError as error:
        place = where or (f"line {error.line:,}, column {error.column:,}" if error.line else "the file")
        raise SuiteError(f"{place[:1].upper()}{place[1:]}: {error}.") from error


def rows_of_jsonl(text: str) -> tuple[list[Row], list[str]]:
    """One JSON object or string a line; blank lines count for nothing. And notes on the fields."""
    return _rows_and_notes(
        [
            (load_json(line, f"line {number:,}"), f"line {number:,}")
            for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)
            if line.strip()
        ]
    )


def rows_of_list(value: JsonValue) -> tuple[list[Row], list[str]]:
    """A JSON list of objects or strings, or an object that has such a list under "prompts", or an object with an object
    for each prompt under its id, as GenAI-Bench has it. And notes on the fields.
    """
    if isinstance(value, dict) and "prompts" not in value and holds_prompts(value):
        named = {key: {"id": key, **item} for key, item in value.items() if isinstance(item, dict)}
        return _rows_and_notes([(item, f"entry {key!r}") for key, item in named.items()])
    if isinstance(value, dict):
        value = value.get("prompts")
    if not isinstance(value, list):
        raise SuiteError(
            'This JSON is not a suite. Give a list of prompts, {"prompts": [..]} or a COCO caption file with "images" '
            'and "annotations".'
        )
    return _rows_and_notes([(item, f"entry {number:,}") for number, item in enumerate(value, start=1)])


def holds_prompts(value: Mapping[str, JsonValue]) -> bool:
    """Whether a JSON object is a suite: a list under "prompts", or objects with a prompt each."""
    return "prompts" in value or (
        bool(value)
        and all(isinstance(each, dict) and _field_of(each, PROMPT_COLUMNS) is not None for each in value.values())
    )


def _rows_and_notes(values: Sequence[tuple[JsonValue, str]]) -> tuple[list[Row], list[str]]:
    """The rows of (value, where it stands), and a note on the fields of the objects among them."""
    rows = _same_columns([_row_of_value(value, where) for value, where in values])
    fields: dict[str, None] = {}
    for value, _ in values:
        if isinstance(value, dict):
            fields |= dict.fromkeys(value)
    prompt, category = _field_of(fields, PROMPT_COLUMNS), _field_of(fields, CATEGORY_COLUMNS)
    return rows, [] if prompt is None else columns_noted(list(fields), prompt, category)


def _field_of(fields: Iterable[str], names: Sequence[str]) -> str | None:
    """The field that holds what a column called one of `names` would."""
    plain = {plain_heading(each): each for each in fields}
    return next((plain[name] for name in names if name in plain), None)


def _row_of_value(value: JsonValue, where: str) -> Row:
    if isinstance(value, str):
        return Row(where, value, None, {})
    if not isinstance(value, dict):
        raise SuiteError(
            f'{where} is neither an object nor a text. Write for example {{"prompt": "a cat", "category": "Animals"}}.'
        )
    prompt = _field_of(value, PROMPT_COLUMNS)
    if prompt is None:
        raise SuiteError(f"{where} has no field prompt; it has: {listed([repr(key) for key in value]) or 'nothing'}.")
    category = _field_of(value, CATEGORY_COLUMNS)
    attributes: dict[str, JsonValue] = {}
    for key, item in value.items():
        if key in (prompt, category) or item is None:
            continue
        if plain_heading(key) != ATTRIBUTES_COLUMN:
            attributes[key] = item
        elif isinstance(item, dict):
            attributes |= item
        else:
            raise SuiteError(f'{where}: the attributes are not an object. Write for example {{"style": "ink"}}.')
    return Row(
        where, _text(value, prompt, where), None if category is None else _text(value, category, where), attributes
    )


def _text(value: Mapping[str, JsonValue], key: str, where: str) -> str:
    text = value[key]
    if text is None:
        return ""
    if not isinstance(text, str):
        raise SuiteError(f"{where}: {key!r} is {text!r}; it is a text in quotation marks.")
    return text


def _same_columns(rows: list[Row]) -> list[Row]:
    """Where some objects have a category, the others lack theirs."""
    if all(row.category is None for row in rows):
        return rows
    return [Row(row.where, row.text, "" if row.category is None else row.category, row.attributes) for row in rows]


def is_coco(value: JsonValue) -> bool:
    """Whether this is a COCO annotation file, of captions or not."""
    return (
        isinstance(value, dict) and isinstance(value.get("images"), list) and isinstance(value.get("annotations"), list)
    )


def rows_of_coco(value: JsonValue, captions: Captions) -> tuple[list[Row], list[str]]:
    """Rows and notes from a COCO caption file, ordered by image id and then by caption id.

    captions: "one" takes the caption with the lowest id of each image, "all" every one. A caption that an image has
    twice is taken once. Attributes: image (file name), image_id, caption_id, people (by PEOPLE_WORDS).
    """
    if not isinstance(value, dict) or not is_coco(value):
        raise SuiteError('A COCO caption file is a JSON object with the lists "images" and "annotations".')
    images, annotations = value["images"], value["annotations"]
    assert isinstance(images, list) and isinstance(annotations, list)  # is_coco has looked
    names = {_id(image, "id", f"images[{i}]"): _file_name(image, f"images[{i}]") for i, image in enumerate(images)}
    found = sorted(_caption(item, f"annotations[{i}]", names) for i, item in enumerate(annotations))
    rows: list[Row] = []
    seen: set[tuple[int, str]] = set()
    seen_images: set[int] = set()
    repeated = empty = 0
    for image_id, caption_id, text in found:
        if captions == "one" and image_id in seen_images:
            continue
        if not text:
            empty += 1
            continue
        if (image_id, text) in seen:
            repeated += 1
            continue
        seen.add((image_id, text))
        seen_images.add(image_id)
        people = names_people(text)
        attributes: dict[str, JsonValue] = {
            "image": names[image_id], "image_id": image_id, "caption_id": caption_id, "people": people,
        }  # fmt: skip
        rows.append(Row(f"caption {caption_id}", text, COCO_CATEGORY, attributes))
    notes = [f"Captions that an image has twice are taken once ({repeated:,} left out)."] if repeated else []
    if empty:
        notes.append(f"Empty captions are left out ({empty:,}).")
    without = len(names) - len(seen_images)
    if without:
        notes.append(f"Images without a caption are left out ({without:,} of {len(names):,}).")
    return rows, notes


def _id(value: JsonValue, key: str, where: str) -> int:
    number = value.get(key) if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise SuiteError(f"{where}.{key} is {number!r}; it is a whole number.")
    return number


def _file_name(value: JsonValue, where: str) -> str:
    name = value.get("file_name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not name:
        raise SuiteError(f"{where}.file_name is {name!r}; it is the image's file name.")
    return name


def _caption(value: JsonValue, where: str, names: Mapping[int, str]) -> tuple[int, int, str]:
    image_id, caption_id = _id(value, "image_id", where), _id(value, "id", where)
    if image_id not in names:
        raise SuiteError(f"{where} belongs to image {image_id}, which is not among the images: the file is incomplete.")
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, str):
        raise SuiteError(
            f"{where} has no caption: this file has instances or key points. Take the one named captions_*.json."
        )
    return image_id, caption_id, fold(caption)
