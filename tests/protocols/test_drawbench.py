"""The DrawBench protocol stands as its authors wrote it (arXiv:2205.11487, section 3 and appendix C)."""

import subprocess
from pathlib import Path

import pytest

from evaluation import protocols

ROOT = Path(__file__).resolve().parents[2]


def test_questions_answers_and_numbers_are_the_papers() -> None:
    drawbench = protocols.get("drawbench")
    assert [(question.id, question.text) for question in drawbench.questions] == [
        ("fidelity", "Which set of images is of higher quality?"),
        ("alignment", "Which set of images better represents the text caption : {caption}?"),
    ]
    assert [answer.text for answer in drawbench.answers] == ["I prefer set A", "I am indifferent", "I prefer set B"]
    assert drawbench.choices == ("left", "indifferent", "right")
    assert (drawbench.set_size, drawbench.raters_per_panel, drawbench.panels) == (8, 25, "category")
    assert drawbench.raters_per_panel * 11 == 275
    assert drawbench.screening.startswith("none")


def test_a_caption_is_put_in_as_it_is() -> None:
    alignment = protocols.get("drawbench").question("alignment")
    asked = alignment.as_asked("A sign that says {hello} & <b>.")
    assert asked == "Which set of images better represents the text caption : “A sign that says {hello} & <b>.”?"


def test_a_caption_with_a_full_stop_is_set_apart_from_the_question() -> None:
    alignment = protocols.get("drawbench").question("alignment")
    assert alignment.as_asked("A purple balloon.").endswith("the text caption : “A purple balloon.”?")
    assert protocols.get("drawbench").question("fidelity").as_asked("A purple balloon.") == (
        "Which set of images is of higher quality?"
    )


def test_a_locked_question_is_worded_as_its_raters_saw_it() -> None:
    """Studies that were opened before questions declared their caption have none in their specification."""
    new = protocols.get("drawbench").question("alignment")
    locked = {"id": new.id, "text": new.text, "short": new.short}
    assert protocols.wording(locked) == new.text
    assert protocols.wording({**locked, "caption": new.caption}) == new.text.replace("{caption}", "“{caption}”")


def test_an_unknown_question_is_named() -> None:
    with pytest.raises(KeyError, match="fidelity"):
        protocols.get("drawbench").question("beauty")


def test_an_unknown_protocol_gets_the_nearest_name() -> None:
    with pytest.raises(protocols.UnknownProtocolError, match='; did you mean "drawbench"'):
        protocols.get("DrawBnch")


def test_a_specification_is_plain_json_and_says_what_the_paper_leaves_open() -> None:
    import json

    specification = protocols.get("drawbench").specification()
    assert json.loads(json.dumps(specification))["questions"][0]["text"] == "Which set of images is of higher quality?"
    assert {"sides", "order", "layout", "recruitment and pay"} <= set(protocols.get("drawbench").left_open)


def test_its_specification_is_the_one_that_studies_have_locked() -> None:
    """`drawbench_locked.json` is what studies locked before protocols were files; it reads as today's DrawBench."""
    import json

    locked = json.loads(Path(__file__).with_name("drawbench_locked.json").read_text(encoding="utf-8"))
    locked["left_open"]["layout"] = protocols.get("drawbench").left_open["layout"]  # narrow screens came later
    assert protocols.get("drawbench").specification() == locked
    assert protocols.read(locked) == protocols.get("drawbench")
    for question in locked["questions"]:
        del question["caption"]
    older = protocols.read(locked)
    assert older.question("alignment").as_asked("A car.").endswith("the text caption : A car.?"), "as its raters saw it"


def test_every_wording_stands_in_one_place() -> None:
    """A second person who changes a question's wording, of any protocol, finds the one place for it."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "evaluation", "templates", "drawbench"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    sources = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in names
        if Path(name).suffix in {".py", ".html", ".js", ".json"}
    }
    texts = [question.text for name in protocols.names() for question in protocols.get(name).questions]
    assert len(texts) >= len(protocols.names())
    for text in texts:
        if text == "{claim}":  # the claim itself is the wording
            continue
        holders = [name for name, source in sources.items() if text in source]
        assert len(holders) == 1 and holders[0].startswith("evaluation/protocols/"), (text, holders)
