"""What an image of a prompt has to show, in a form that a program can check: the attributes' schema `scene/1`.

The schema's fields, words and the meaning of each relation are in docs/suites.md. A prompt whose attributes have
`"schema": "scene/1"` is held to it; any other attributes are kept as they are and mean nothing here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.words import nearest
from evaluation.suites.types import Attributes, JsonValue, SuiteError

SCENE_SCHEMA = "scene/1"
SCENE_SCHEMA_PREFIX = "scene/"
MAX_COUNT = 20

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey", "gold", "silver",
)  # fmt: skip
SIZES = {
    "small": ("small", "smaller", "tiny", "little", "miniature"),
    "large": ("large", "larger", "big", "bigger", "huge", "giant", "enormous"),
}
SPATIAL_RELATIONS = {
    "left of": ("left",),
    "right of": ("right",),
    "above": ("above", "over"),
    "below": ("below", "under", "underneath", "beneath"),
    "on": ("on", "onto"),
    "inside": ("in", "inside"),
    "in front of": ("in front of",),
    "behind": ("behind",),
    "beside": ("beside", "next to", "side by side"),
    "around": ("around", "round"),
    "larger than": ("larger", "bigger", "large", "big", "huge", "giant"),
    "smaller than": ("smaller", "small", "tiny", "little"),
}
"""Relations that boxes, masks or depth can decide, each with the words by which a prompt may say it."""

_COUNT_WORDS = {
    0: ("no", "not", "without", "none", "nor", "missing"),
    1: ("one", "a", "an", "the", "single", "its", "his", "her"),
    2: ("two", "pair", "couple", "both"),
} | {
    number: (word,)
    for number, word in enumerate(
        ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen")
        + ("fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
        start=3,
    )
}
IRREGULAR_PLURALS = {
    "mouse": "mice",
    "goose": "geese",
    "foot": "feet",
    "tooth": "teeth",
    "child": "children",
    "person": "people",
}
_SCENE_KEYS = ("schema", "objects", "relations", "text", "background", "style", "view", "intended")
_OBJECT_KEYS = ("name", "count", "color", "size", "shape", "material", "pattern")
_RELATION_KEYS = ("subject", "relation", "object")


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A kind of thing in the image.

    count: exactly how many, 0 to 20; 0 means that none may be seen; None means at least one.
    colour (in the file `color`), size: one of COLOURS, SIZES. name, shape, material, pattern: lower case, nouns in the
    singular.
    """

    name: str
    count: int | None = None
    colour: str | None = None
    size: str | None = None
    shape: str | None = None
    material: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class SceneRelation:
    """objects[subject] RELATION objects[object]: one of SPATIAL_RELATIONS, or what it does, as a verb in -ing."""

    subject: int
    relation: str
    object: int


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is to be seen. text: letters to be read in the image. intended: what an indirect prompt means."""

    objects: tuple[SceneObject, ...] = ()
    relations: tuple[SceneRelation, ...] = ()
    text: tuple[str, ...] = ()
    background: str | None = None
    style: str | None = None
    view: str | None = None
    intended: str | None = None


def parse_scene(attributes: Attributes) -> Scene | None:
    """The scene in a prompt's attributes; None where they have none. SuiteError names the field that does not fit."""
    schema = attributes.get("schema")
    if not (isinstance(schema, str) and schema.startswith(SCENE_SCHEMA_PREFIX)):
        return None
    if schema != SCENE_SCHEMA:
        raise SuiteError(f"schema {schema!r} is not known here; this version reads {SCENE_SCHEMA!r}")
    _only_keys(attributes, _SCENE_KEYS, "the scene")
    objects = tuple(_object(item, f"objects[{i}]") for i, item in enumerate(_list(attributes, "objects")))
    return Scene(
        objects=objects,
        relations=tuple(
            _relation(item, f"relations[{i}]", len(objects)) for i, item in enumerate(_list(attributes, "relations"))
        ),
        text=tuple(_words(item, f"text[{i}]") for i, item in enumerate(_list(attributes, "text"))),
        background=_optional_words(attributes, "background", ""),
        style=_optional_words(attributes, "style", ""),
        view=_optional_words(attributes, "view", ""),
        intended=_optional_words(attributes, "intended", ""),
    )


def scene_mismatches(text: str, scene: Scene) -> list[str]:
    """What the scene demands and the prompt's words do not say, one short sentence each; empty when they agree.

    Objects are not looked for where `intended` is set: there the prompt is meant not to name them.
    """
    prompt = _Prompt(text)
    missing: list[str] = []
    for thing in () if scene.intended else scene.objects:
        missing += _object_mismatches(prompt, thing)
    for relation in () if scene.intended else scene.relations:
        if not prompt.says(_relation_words(relation.relation)):
            missing.append(f"the relation {relation.relation!r} is not in the prompt")
    for letters in scene.text:
        if not any(f"{left}{letters}{right}" in text for left, right in ('""', "''", "“”", "‘’")):
            missing.append(f"the text {letters!r} is not in quotation marks in the prompt")
    for field, value in (("background", scene.background), ("style", scene.style), ("view", scene.view)):
        if value and not all(prompt.says([word]) for word in re.findall(r"\w+", value.lower())):
            missing.append(f"the {field} {value!r} is not in the prompt")
    return missing


class _Prompt:
    def __init__(self, text: str) -> None:
        self.words = re.findall(r"\w+", text.lower())
        self.joined = f" {' '.join(self.words)} "

    def says(self, phrases: Iterable[str]) -> bool:
        """Whether one of the phrases stands in the prompt; one that ends in * is the beginning of a word."""
        return any(
            f" {phrase[:-1]}" in self.joined if phrase.endswith("*") else f" {phrase.replace('-', ' ')} " in self.joined
            for phrase in phrases
        )


def _object_mismatches(prompt: _Prompt, thing: SceneObject) -> list[str]:
    asked: list[tuple[str, object, Iterable[str]]] = [("object", thing.name, _noun_forms(thing.name))]
    if thing.count is not None:
        asked.append(("count", thing.count, (str(thing.count), *_COUNT_WORDS[thing.count])))
    if thing.colour:
        asked.append(
            ("color", thing.colour, ("grey", "gray") if thing.colour == "grey" else (thing.colour, f"{thing.colour}en"))
        )
    if thing.size:
        asked.append(("size", thing.size, SIZES[thing.size]))
    if thing.shape:
        asked.append(("shape", thing.shape, (f"{thing.shape[:5]}*",)))
    if thing.material:
        asked.append(("material", thing.material, (thing.material, f"{thing.material}en")))
    if thing.pattern:
        asked.append(("pattern", thing.pattern, (thing.pattern,)))
    return [
        f"the {field} {value!r} of {thing.name!r} is not in the prompt"
        for field, value, words in asked
        if not prompt.says(words)
    ]


def _noun_forms(noun: str) -> list[str]:
    start, _, last = noun.rpartition(" ")
    plurals = {last, last + "s", last + "es", IRREGULAR_PLURALS.get(last, last)}
    if last.endswith("y"):
        plurals.add(last[:-1] + "ies")
    if last.endswith("man"):
        plurals.add(last[:-3] + "men")
    if last.endswith(("f", "fe")):
        plurals.add(last.removesuffix("e").removesuffix("f") + "ves")
    return [f"{start} {plural}".strip() for plural in sorted(plurals)]


def _relation_words(relation: str) -> Iterable[str]:
    if relation in SPATIAL_RELATIONS:
        return SPATIAL_RELATIONS[relation]
    verb = relation.split()[0].removesuffix("ing")
    return ("wear*", "in") if verb == "wear" else (f"{verb}*",)


def _object(value: JsonValue, path: str) -> SceneObject:
    fields = _mapping(value, path)
    _only_keys(fields, _OBJECT_KEYS, path)
    count = fields.get("count")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_COUNT):
        raise SuiteError(f"{path}.count is {count!r}; it is a whole number from 0 to {MAX_COUNT}")
    return SceneObject(
        name=_words(fields.get("name"), f"{path}.name"),
        count=count,
        colour=_one_of(fields, "color", COLOURS, path),
        size=_one_of(fields, "size", SIZES, path),
        shape=_optional_words(fields, "shape", f"{path}."),
        material=_optional_words(fields, "material", f"{path}."),
        pattern=_optional_words(fields, "pattern", f"{path}."),
    )


def _relation(value: JsonValue, path: str, n_objects: int) -> SceneRelation:
    fields = _mapping(value, path)
    _only_keys(fields, _RELATION_KEYS, path)
    relation = _words(fields.get("relation"), f"{path}.relation")
    if relation not in SPATIAL_RELATIONS and not relation.split()[0].endswith("ing"):
        raise SuiteError(
            f"{path}.relation can't be {relation!r}{nearest(relation, SPATIAL_RELATIONS) or '.'} "
            f"It is a verb in -ing or one of: {', '.join(SPATIAL_RELATIONS)}"
        )
    subject, object_ = (_index(fields, key, path, n_objects) for key in ("subject", "object"))
    if subject == object_:
        raise SuiteError(f"{path} relates objects[{subject}] to itself")
    return SceneRelation(subject, relation, object_)


def _index(fields: Mapping[str, JsonValue], key: str, path: str, n_objects: int) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < n_objects:
        raise SuiteError(f"{path}.{key} is {value!r}; it is a place in objects, 0 to {n_objects - 1}")
    return value


def _list(fields: Mapping[str, JsonValue], key: str) -> list[JsonValue]:
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise SuiteError(f"{key} is {value!r}; it is a list")
    return value


def _mapping(value: JsonValue, path: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise SuiteError(f"{path} is {value!r}; it is an object with named fields")
    return value


def _words(value: JsonValue, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{path} is {value!r}; it is a text that is not empty")
    return value


def _optional_words(fields: Mapping[str, JsonValue], key: str, path: str) -> str | None:
    return _words(fields[key], f"{path}{key}") if key in fields else None


def _one_of(fields: Mapping[str, JsonValue], key: str, allowed: Iterable[str], path: str) -> str | None:
    if key not in fields:
        return None
    value = _words(fields[key], f"{path}.{key}")
    if value not in allowed:
        hint = nearest(value, allowed) or "."
        raise SuiteError(f"{path}.{key} can't be {value!r}{hint} It is one of: {', '.join(allowed)}")
    return value


def _only_keys(fields: Mapping[str, JsonValue], allowed: tuple[str, ...], path: str) -> None:
    for key in fields:
        if key not in allowed:
            hint = nearest(key, allowed) or "."
            raise SuiteError(f"{path} can't have the field {key!r}{hint} It may have: {', '.join(allowed)}")
