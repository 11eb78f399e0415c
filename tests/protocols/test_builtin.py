"""The protocols that come with the program say what their sources say, and each keeps the rules of its own files."""

import pytest

from evaluation import protocols
from evaluation.protocols.checks import faults
from evaluation.protocols.kinds import Claim, Ranking, Scale, Words
from evaluation.suites import names_people

NAMES = (
    "coco-alignment", "coco-photorealism", "drawbench", "pairwise-open", "questions", "rank-k", "single-image", "words",
)  # fmt: skip


def test_these_there_are() -> None:
    assert protocols.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_sound_and_says_where_it_comes_from(name: str) -> None:
    protocol = protocols.get(name)
    assert list(faults(protocol)) == []
    assert protocol.source and protocol.left_open and protocol.title
    assert all(question.short for question in protocol.questions)


def test_coco_photorealism_is_the_papers() -> None:
    protocol = protocols.get("coco-photorealism")
    assert protocol.questions[0].text == "Which image is more photorealistic (looks more real)?"
    assert protocol.choices == ("left", "right"), "forced: nobody is indifferent"
    assert (protocol.shown.reference, protocol.set_size, protocol.batch) == ("beside", 1, 50)
    assert protocol.screening == "raters are kept who answer at least 80 % of 5 control trials right"
    controls = protocol.controls
    assert controls is not None and (controls.keeps(4, 5), controls.keeps(3, 5)) == (True, False)


def test_coco_alignment_scores_yes_somewhat_no() -> None:
    protocol = protocols.get("coco-alignment")
    scale = protocol.questions[0].answers
    assert protocol.questions[0].text == "Does the caption accurately describe the above image?"
    assert isinstance(scale, Scale)
    assert [(step.text, step.value) for step in scale.steps] == [("Yes", 100), ("Somewhat", 50), ("No", 0)]
    assert (protocol.shown.sets, protocol.shown.reference, protocol.batch) == (1, "apart", 50)


def test_single_image_has_two_five_point_scales_and_a_qualification() -> None:
    protocol = protocols.get("single-image")
    for question in protocol.questions:
        assert isinstance(question.answers, Scale)
        assert question.answers.values == (1, 2, 3, 4, 5) and question.answers.unable == "I am unable to answer"
    controls = protocol.controls
    assert controls is not None and (controls.place, controls.keeps(3, 3), controls.keeps(2, 3)) == (
        "first",
        True,
        False,
    )
    assert 3 <= protocol.raters_per_panel <= 5


def test_the_open_ones_ask_as_they_say() -> None:
    assert protocols.get("pairwise-open").choices == ("left", "indifferent", "right", "both_bad")
    ranking = protocols.get("rank-k").questions[0].answers
    assert isinstance(ranking, Ranking) and ranking.order == "best-worst" and protocols.get("rank-k").shown.sets == 4
    assert isinstance(protocols.get("questions").questions[0].answers, Claim)
    assert isinstance(protocols.get("words").questions[0].answers, Words)


@pytest.mark.parametrize(
    ("caption", "people"),
    [
        ("A man riding a horse.", True),
        ("Two WOMEN, talking", True),
        ("Someone's bicycle", True),
        ("A baseball player swings", True),
        ("A mango on a manhole cover", False),
        ("Children at play", False),
        ("A dog and a cat", False),
        ("", False),
    ],
)
def test_captions_that_name_people(caption: str, people: bool) -> None:
    """The paper's words, as they stand: `child` is among them, `children` is not."""
    assert names_people(caption) is people


def test_a_category_asks_its_own_questions_and_claims_are_asked_one_by_one() -> None:
    protocol = protocols.load(
        b"name: own\ntitle: Own\nset_size: 1\npanels: all\nraters_per_panel: 1\nshown: {sets: 1}\n"
        b"category_questions: {Counting: [number, claims], '*': [quality]}\nquestions:\n"
        b"  - {id: quality, text: Good, kind: text}\n  - {id: number, text: Right, kind: text}\n"
        b"  - {id: claims, text: 'Is it so: {claim}', kind: claim}\n",
        "own.yaml",
    )
    assert [each.id for each in protocol.asked("Colors", ["a", "b"])] == ["quality"]
    counting = protocol.asked("Counting", ["a cat", "{caption}"])
    assert [each.id for each in counting] == ["number", "claims:0", "claims:1"]
    assert counting[2].question.as_asked("P", counting[2].claim) == "Is it so: {caption}", "put in as it is"
    assert protocol.question("claims:1").id == "claims"


def test_a_language_is_the_same_protocol_in_other_words() -> None:
    own = protocols.load(
        b"based_on: drawbench\nname: zwei\ntitle: Two languages\ntranslations:\n  de:\n"
        b'    "Which set of images is of higher quality?": Welche Bilder sind besser?\n'
        b'    "Which set of images better represents the text caption : {caption}?": "Welche zeigen {caption}?"\n'
        b"    I prefer set A: A\n    I am indifferent: Gleich\n    I prefer set B: B\n",
        "own.yaml",
    )
    german = own.in_language("de")
    assert own.languages == ("en", "de") and own.in_language("en") is own
    assert german.question("alignment").as_asked("eine Katze") == "Welche zeigen “eine Katze”?"
    assert [answer.text for answer in german.answers] == ["A", "Gleich", "B"] and german.choices == own.choices
    with pytest.raises(KeyError):
        own.in_language("fr")
