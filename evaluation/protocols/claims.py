"""What each prompt claims, as questions that people answer with yes or no.

From the attributes of a suite's prompts (schema scene/1, or the `questions` that `evaluation.suites.questions` reads),
or from a file:

* Davidsonian Scene Graph (`dsg-1k-anns.csv`): a row a claim, columns `text`, `proposition_id`, `dependency` (the ids of
  the claims that it rests on, 0 for none), `category_broad`, `category_detailed`, `question_natural_language`.
* GenEval 2 (`geneval2_data.jsonl`): a line a prompt, keys `prompt`, `vqa_list` (pairs of question and answer) and
  `skills`.
* a table of one's own: a row a claim, columns `prompt`, `claim`, and `kind` if one likes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.tables import Record, TableError, plain_heading, read_records, shape_of
from common.words import counted, nearest
from evaluation.protocols.errors import ProtocolError, listed
from evaluation.suites.decode import decode
from evaluation.suites.objects import load_json
from evaluation.suites.scene import IRREGULAR_PLURALS, Scene, SceneObject, SceneRelation, parse_scene
from evaluation.suites.types import JsonValue, PromptData, SuiteError, fold

MOST_BYTES = 64 * 2**20
MOST_CLAIMS = 60
"""Of one prompt; raters answer each of them."""
MOST_CHARACTERS = 500

DSG_COLUMNS = (
    "text",
    "proposition_id",
    "dependency",
    "category_broad",
    "category_detailed",
    "question_natural_language",
)
OWN_COLUMNS = ("prompt", "claim")
HEADINGS = frozenset(map(plain_heading, (*DSG_COLUMNS, *OWN_COLUMNS)))
GENEVAL2_KEYS = ("prompt", "vqa_list", "skills")


@dataclass(frozen=True, slots=True)
class PromptClaim:
    """A claim of a prompt.

    `text`: the question. `kind`: what it is about, in its source's words. `rests_on`: numbers of the claims that must
    hold for it to make sense; all claims are asked all the same.
    """

    text: str
    kind: str = ""
    rests_on: tuple[int, ...] = ()


ClaimsByText = Mapping[str, tuple[PromptClaim, ...]]
"""By the prompt's text, white space folded."""


@dataclass(frozen=True, slots=True)
class SuiteClaims:
    """The claims of a suite's prompts by their numbers; `missing`: prompts that have none."""

    claims: Mapping[int, tuple[PromptClaim, ...]]
    missing: tuple[int, ...]


def suite_claims(prompts: Sequence[PromptData], claims_by_text: ClaimsByText | None = None) -> SuiteClaims:
    """The claims of `prompts`: of a file's, by text, or of their own attributes where `claims_by_text` is None.

    Raises:
        SuiteError: a prompt's attributes don't fit their schema.
        ProtocolError: they hold more questions than can be asked, or longer ones.
    """
    found = {}
    for prompt in prompts:
        if claims_by_text is not None:
            found[prompt.number] = claims_by_text.get(fold(prompt.text), ())
        else:
            scene = parse_scene(prompt.attributes)
            found[prompt.number] = scene_claims(scene) if scene is not None else _own_questions(prompt)
    return SuiteClaims(
        {number: claims for number, claims in found.items() if claims},
        tuple(number for number, claims in found.items() if not claims),
    )


def _own_questions(prompt: PromptData) -> tuple[PromptClaim, ...]:
    """The claims of a prompt's attribute `questions`."""
    asked = prompt.attributes.get("questions")
    each_asked = [each for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []
    places = {str(each.get("id")): at for at, each in enumerate(each_asked)}
    claims = []
    for each in each_asked:
        needed = each.get("depends_on")
        rests_on = [places[str(one)] for one in needed if str(one) in places] if isinstance(needed, list) else []
        kind = " - ".join(str(each[key]) for key in ("sort", "kind") if each.get(key))
        claims.append(
            PromptClaim(_asked(str(each.get("question")), str(each.get("answer", "yes"))), kind, tuple(rests_on))
        )
    wrong = _too_much(prompt.text, claims)
    if wrong:
        raise ProtocolError(f"prompt {prompt.number}: {wrong}", source="the suite")
    return tuple(claims)


def read_claims(data: bytes, source: str) -> ClaimsByText:
    """The claims of a file, by prompt. `source`: its name, for messages.

    Raises:
        ProtocolError: the file has none of the forms above; with the line, and what is needed.
    """
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"the file has more than {MOST_BYTES // 2**20} MiB", source=source)
    try:
        text = decode(data)
        found = _json_lines(text) if text.lstrip()[:1] == "{" else _table(text)
    except (SuiteError, TableError) as error:
        raise ProtocolError(str(error), source=source) from error
    except _FaultyLine as error:
        raise ProtocolError(str(error), source=source, line=error.line) from error
    if not found:
        raise ProtocolError("the file holds no claims", source=source)
    return found


class _FaultyLine(Exception):
    """A line that can't be used."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _json_lines(text: str) -> dict[str, tuple[PromptClaim, ...]]:
    found: dict[str, tuple[PromptClaim, ...]] = {}
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        value = load_json(row, f"line {line}")
        if not isinstance(value, dict) or any(key not in value for key in GENEVAL2_KEYS):
            raise _FaultyLine(line, f"a line of GenEval 2 has the keys {listed(GENEVAL2_KEYS)}")
        prompt, pairs, skills = (value[key] for key in GENEVAL2_KEYS)
        if not isinstance(prompt, str) or not isinstance(pairs, list) or not isinstance(skills, list):
            raise _FaultyLine(line, "prompt must be a text, vqa_list and skills must be lists")
        if len(pairs) != len(skills):
            raise _FaultyLine(line, f"{counted(len(pairs), 'question')}, but {counted(len(skills), 'skill')}")
        claims = [PromptClaim(_vqa(pair, line), str(skill)) for pair, skill in zip(pairs, skills, strict=True)]
        _keep(found, prompt, claims, line)
    return found


def _vqa(pair: JsonValue, line: int) -> str:
    """A question whose answer is Yes stands as it is; another asks whether the answer is so."""
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
        raise _FaultyLine(line, "vqa_list holds pairs of question and answer, two texts")
    return _asked(*(str(each).strip() for each in pair))


def _asked(question: str, answer: str) -> str:
    return question if answer.lower() == "yes" else f"{question} Is the answer “{answer}”?"


def _table(text: str) -> dict[str, tuple[PromptClaim, ...]]:
    records = read_records(text, shape_of(text, HEADINGS.__contains__).separator or ",")
    if not records:
        return {}
    header, rows = [cell.strip().lstrip("\ufeff") for cell in records[0].cells], records[1:]
    for record in rows:
        if len(record.cells) != len(header):
            cells, columns = counted(len(record.cells), "cell"), counted(len(header), "column")
            raise _FaultyLine(record.line, f"the row has {cells}, the table {columns}")
    if all(name in header for name in DSG_COLUMNS):
        return _dsg(header, rows)
    if all(name in header for name in OWN_COLUMNS):
        return _own(header, rows)
    wanted = OWN_COLUMNS if "prompt" in header or "claim" in header else DSG_COLUMNS
    missing = [name for name in wanted if name not in header]
    hint = nearest(missing[0], [name for name in header if name not in wanted]) or "."
    raise _FaultyLine(
        1,
        f"the column {missing[0]!r} is missing{hint} A table of claims has {listed(OWN_COLUMNS)}, or, of Davidsonian "
        f"Scene Graph, {listed(DSG_COLUMNS)}",
    )


def _own(header: Sequence[str], rows: Sequence[Record]) -> dict[str, tuple[PromptClaim, ...]]:
    claims: dict[str, list[PromptClaim]] = {}
    lines: dict[str, int] = {}
    for record in rows:
        cells = dict(zip(header, record.cells, strict=True))
        claims.setdefault(cells["prompt"], []).append(
            PromptClaim(cells["claim"].strip(), cells.get("kind", "").strip())
        )
        lines[cells["prompt"]] = record.line
    found: dict[str, tuple[PromptClaim, ...]] = {}
    for prompt, each in claims.items():
        _keep(found, prompt, each, lines[prompt])
    return found


def _dsg(header: Sequence[str], rows: Sequence[Record]) -> dict[str, tuple[PromptClaim, ...]]:
    items: dict[tuple[str, str], list[tuple[str, str, PromptClaim, int]]] = {}
    for record in rows:
        cells = dict(zip(header, (cell.strip() for cell in record.cells), strict=True))
        kind = f"{cells['category_broad']} - {cells['category_detailed']}"
        claim = PromptClaim(cells["question_natural_language"], kind)
        row = (cells["proposition_id"], cells["dependency"], claim, record.line)
        items.setdefault((cells.get("item_id", cells["text"]), cells["text"]), []).append(row)
    found: dict[str, tuple[PromptClaim, ...]] = {}
    for (_, prompt), propositions in items.items():
        if fold(prompt) in found:  # the same prompt under another item's name: its claims are asked once
            continue
        places = {name: at for at, (name, *_) in enumerate(propositions)}
        claims = []
        for name, dependency, claim, line in propositions:
            needed = [each.strip() for each in dependency.split(",") if each.strip() not in ("", "0")]
            unknown = [each for each in needed if each not in places or each == name]
            if unknown:
                raise _FaultyLine(
                    line, f"the claim rests on {unknown[0]!r}, and no other claim of the prompt has that id"
                )
            claims.append(dataclasses.replace(claim, rests_on=tuple(places[each] for each in needed)))
        _keep(found, prompt, claims, propositions[-1][-1])
    return found


def _keep(found: dict[str, tuple[PromptClaim, ...]], prompt: str, claims: Sequence[PromptClaim], line: int) -> None:
    text = fold(prompt)
    if not text:
        raise _FaultyLine(line, "the prompt is empty")
    if text in found:
        raise _FaultyLine(line, f'the prompt "{text[:60]}" stands twice; keep one of them')
    wrong = _too_much(text, claims)
    if wrong:
        raise _FaultyLine(line, wrong)
    found[text] = tuple(claims)


def _too_much(text: str, claims: Sequence[PromptClaim]) -> str:
    """What is wrong with a prompt's claims; empty where nothing is."""
    if len(claims) > MOST_CLAIMS:
        return f'"{text[:60]}" has {len(claims)} claims; at most {MOST_CLAIMS} can be asked'
    if any(not 0 < len(claim.text) <= MOST_CHARACTERS for claim in claims):
        return f'a claim of "{text[:60]}" is empty or has more than {MOST_CHARACTERS} characters'
    return ""


def scene_claims(scene: Scene) -> tuple[PromptClaim, ...]:
    """The claims of a scene, in the order and of the kinds in which the metric of claims checks them: people and the
    metric can be set side by side claim by claim.
    """
    claims: list[PromptClaim] = []
    things: list[tuple[int, ...]] = []
    for thing in scene.objects:
        here = (len(claims),)
        things.append(here)
        claims += _of_object(thing, here)
    for relation in scene.relations:
        rests_on = things[relation.subject] + things[relation.object]
        claims.append(PromptClaim(_relation(relation, scene), "relation", rests_on))
    claims += [PromptClaim(f"Are the letters “{letters}” written in the image?", "text") for letters in scene.text]
    if scene.background:
        claims.append(PromptClaim(f"Does the background fit “{scene.background}”?", "background"))
    if scene.style:
        claims.append(PromptClaim(f"Is the image in the style “{scene.style}”?", "style"))
    if scene.view:
        claims.append(PromptClaim(f"Does the view fit “{scene.view}”?", "view"))
    return tuple(claims)


def _of_object(thing: SceneObject, here: tuple[int, ...]) -> list[PromptClaim]:
    name, many = thing.name, thing.count is not None and thing.count > 1
    be, have = ("Are the", "Do the") if many else ("Is the", "Does the")
    them = plural(name) if many else name
    claims = []
    if thing.count == 0:
        claims.append(PromptClaim(f"Is the image without any {name}?", "count"))
    else:
        claims.append(PromptClaim(f"Is there {'an' if name[:1] in 'aeiou' else 'a'} {name} in the image?", "object"))
        if thing.count is not None:
            number = f"Are there exactly {thing.count} {them}?" if many else f"Is there exactly one {name}?"
            claims.append(PromptClaim(number, "count", here))
        if thing.colour is not None:
            claims.append(PromptClaim(f"{be} {them} {thing.colour}?", "color", here))
        if thing.size is not None:
            claims.append(PromptClaim(f"{be} {them} {thing.size}?", "size", here))
    if thing.shape is not None:
        claims.append(PromptClaim(f"{have} {them} have the shape “{thing.shape}”?", "shape", here))
    if thing.material is not None:
        claims.append(PromptClaim(f"{be} {them} made of {thing.material}?", "material", here))
    if thing.pattern is not None:
        claims.append(PromptClaim(f"{have} {them} have the pattern “{thing.pattern}”?", "pattern", here))
    return claims


def _relation(relation: SceneRelation, scene: Scene) -> str:
    subject, object_ = scene.objects[relation.subject], scene.objects[relation.object]
    many, others = ((each.count or 1) > 1 for each in (subject, object_))
    words = {"left of": "to the left of", "right of": "to the right of"}.get(relation.relation, relation.relation)
    first = f"Are the {plural(subject.name)}" if many else f"Is the {subject.name}"
    return f"{first} {words} the {plural(object_.name) if others else object_.name}?"


def plural(noun: str) -> str:
    """More than one of it, by the common rules and the suite's irregular nouns."""
    start, blank, last = noun.rpartition(" ")
    if last in IRREGULAR_PLURALS:
        last = IRREGULAR_PLURALS[last]
    elif last.endswith("man"):
        last = last[:-3] + "men"
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in ("a", "e", "i", "o", "u"):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return start + blank + last
