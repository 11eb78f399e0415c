"""Which runs and prompts can serve a protocol, and what is said where they can't."""

import pytest

from evaluation import protocols
from evaluation.protocols.serving import Material, lacks
from evaluation.suites import PromptData

PROMPTS = [PromptData(number, f"A prompt {number}", "c") for number in range(8)]


def material(**changes: object) -> Material:
    whole = dict.fromkeys(range(8), 8)
    fields: dict[str, object] = {
        "prompts": PROMPTS,
        "samples": dict.fromkeys(("one", "two", "three", "four"), whole),
        "references": range(8),
        "claims": {number: ["Is it so?"] for number in range(8)},
    }
    return Material(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", protocols.names())
def test_a_whole_study_serves_every_protocol(name: str) -> None:
    assert lacks(protocols.get(name), material()) == ()


@pytest.mark.parametrize(
    ("name", "changes", "kind", "prompts", "words"),
    [
        ("rank-k", {"samples": {"one": dict.fromkeys(range(8), 1)}}, "generators", (), "4 of the runs; there is 1 run"),
        ("drawbench", {"samples": {"one": {0: 8}, "two": dict.fromkeys(range(8), 8)}}, "samples", tuple(range(1, 8)),
         "The run one has fewer than 8 images of 7 prompts (00001, 00002, 00003, 00004, 00005 and 2 more)"),
        ("coco-photorealism", {"references": [0, 1, 2, 3, 4, 5, 6]}, "reference", (7,), "of 1 prompt (00007)"),
        ("coco-alignment", {"references": ()}, "reference", tuple(range(8)), "no reference photograph of 8 prompts"),
        ("questions", {"claims": {n: ["Q?"] for n in range(7)}}, "claims", (7,), "no claims of 1 prompt (00007)"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    name: str, changes: dict[str, object], kind: str, prompts: tuple[int, ...], words: str
) -> None:
    found = [each for each in lacks(protocols.get(name), material(**changes)) if each.kind == kind]
    assert len(found) == 1 and found[0].prompts == prompts and words in found[0].message


def test_claims_are_needed_only_where_they_are_asked() -> None:
    own = protocols.load(
        b"name: own\ntitle: Own\nset_size: 1\npanels: all\nraters_per_panel: 1\nshown: {sets: 1}\n"
        b"category_questions: {Counting: [claims], '*': [note]}\nquestions:\n"
        b"  - {id: claims, text: '{claim}', kind: claim}\n  - {id: note, text: Note, kind: text}\n",
        "own.yaml",
    )
    assert lacks(own, material(claims={})) == ()
    counting = [PromptData(0, "Two cats", "Counting")]
    assert [each.kind for each in lacks(own, material(prompts=counting, claims={}))] == ["claims"]
