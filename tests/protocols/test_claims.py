"""Claims of prompts: from our suites' attributes, Davidsonian Scene Graph, GenEval 2, and a table of one's own."""

import json

import pytest

from evaluation.metrics.prompts.claims import check_scene
from evaluation.protocols import ProtocolError
from evaluation.protocols.claims import (
    MOST_CLAIMS,
    PromptClaim,
    plural,
    read_claims,
    scene_claims,
    suite_claims,
)
from evaluation.suites import PromptData, bundled_suite, parse_scene
from evaluation.suites.types import JsonValue

DSG = """\
item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language
made_1,A blue cube beside two  balls,cube,1,0,entity,whole,entity - whole (cube),Is there a cube?
made_1,A blue cube beside two  balls,"cube, blue",2,1,attribute,color,"attribute (cube, blue)",Is the cube blue?
made_1,A blue cube beside two  balls,balls,3,0,entity,whole,entity - whole (balls),Are there balls?
made_1,A blue cube beside two  balls,"cube, balls, beside",4,"1,3",relation,spatial,"spatial (...)",Is it beside?
made_2,Made photo,photo,1,0,global,-,global - - (photo),Is this a photo?
"""
GENEVAL2 = json.dumps(
    {
        "prompt": "three green kites above a tin box",
        "atom_count": 4,
        "vqa_list": [["How many kites are in the image?", "three"], ["Are the kites green?", "Yes"]],
        "skills": ["count", "attribute"],
    }
)


def test_davidsonian_scene_graph() -> None:
    claims = read_claims(DSG.encode(), "dsg.csv")
    assert list(claims) == ["A blue cube beside two balls", "Made photo"]
    assert claims["A blue cube beside two balls"] == (
        PromptClaim("Is there a cube?", "entity - whole"),
        PromptClaim("Is the cube blue?", "attribute - color", (0,)),
        PromptClaim("Are there balls?", "entity - whole"),
        PromptClaim("Is it beside?", "relation - spatial", (0, 2)),
    )


def test_geneval_2_asks_whether_the_answer_is_so() -> None:
    claims = read_claims(f"{GENEVAL2}\n\n".encode(), "geneval2_data.jsonl")
    assert claims["three green kites above a tin box"] == (
        PromptClaim("How many kites are in the image? Is the answer “three”?", "count"),
        PromptClaim("Are the kites green?", "attribute"),
    )


def test_a_table_of_ones_own() -> None:
    claims = read_claims(b"prompt;claim\nA cat;Is there a cat?\nA cat;Is it awake?\n", "own.csv")
    assert claims == {"A cat": (PromptClaim("Is there a cat?"), PromptClaim("Is it awake?"))}
    assert read_claims(b"kind,claim,prompt\nx,Q?,P\n", "own.csv") == {"P": (PromptClaim("Q?", "x"),)}


def test_claims_are_matched_by_text_and_what_has_none_is_named() -> None:
    prompts = [PromptData(0, "A blue cube beside two balls", "c"), PromptData(1, "Another", "c")]
    matched = suite_claims(prompts, read_claims(DSG.encode(), "dsg.csv"))
    assert (list(matched.claims), len(matched.claims[0]), matched.missing) == ([0], 4, (1,))
    attributes: dict[str, JsonValue] = {"schema": "scene/1", "objects": [{"name": "cat", "count": 2, "color": "black"}]}
    own = suite_claims([PromptData(0, "Two black cats", "c", attributes), PromptData(1, "x", "c", {"note": "y"})])
    assert [claim.text for claim in own.claims[0]] == [
        "Is there a cat in the image?",
        "Are there exactly 2 cats?",
        "Are the cats black?",
    ]
    assert own.missing == (1,)


def test_people_are_asked_what_the_metric_checks() -> None:
    """Claim by claim in the same order, over every prompt of our own suite."""
    asked = 0
    for prompt in bundled_suite().prompts:
        scene = parse_scene(prompt.attributes)
        if scene is None:
            continue
        claims = scene_claims(scene)
        assert [claim.kind for claim in claims] == [claim.kind for claim in check_scene(scene, ())]
        for at, claim in enumerate(claims):
            assert claim.text.endswith("?") and all(other < at for other in claim.rests_on)
            for other in claim.rests_on:
                assert claims[other].kind in ("object", "count")
        asked += len(claims)
    assert asked > 300


@pytest.mark.parametrize(
    ("noun", "many"),
    [("key", "keys"), ("glass box", "glass boxes"), ("snowman", "snowmen"), ("person", "people"), ("fly", "flies")],
)
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", None, "empty"),
        (b"prompt,claim\n", None, "no claims"),
        (b"promt,claim\nA,B\n", 1, 'did you mean "promt"?'),
        (b"a,b\n1,2\n", 1, "the column 'text' is missing"),
        (b"prompt,claim\nA\n", 2, "1 cell"),
        (b"prompt,claim\nA,\n", 2, "is empty"),
        (b"prompt,claim\n ,Q?\n", 2, "the prompt is empty"),
        (b'prompt,claim\n"A,Q?\n', None, "quotation marks"),
        (b"prompt,claim\n" + b"A,Q?\n" * (MOST_CLAIMS + 1), MOST_CLAIMS + 2, "at most"),
        (DSG.replace('"1,3"', '"1,9"').encode(), 5, "rests on '9'"),
        (DSG.replace("2,1,attribute", "2,2,attribute").encode(), 3, "rests on '2'"),
        (b'{"prompt": "A"}\n', 1, "has the keys prompt, vqa_list, skills"),
        (b'{"prompt": "A", "vqa_list": [], "skills": ["x"]}', 1, "0 questions, but 1 skill"),
        (b'{"prompt": "A", "vqa_list": [["Q"]], "skills": ["x"]}', 1, "pairs of question and answer"),
        (b'{"prompt": 1, "vqa_list": [], "skills": []}', 1, "must be a text"),
        (f"{GENEVAL2}\n{GENEVAL2}".encode(), 2, "stands twice"),
        (b'{"prompt": ', None, "not JSON"),
        (b"\xff\xff\xff\xff", None, ""),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(data: bytes, line: int | None, reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_claims(data, "claims.csv")
    assert reason in str(caught.value) and caught.value.line == line, str(caught.value)
