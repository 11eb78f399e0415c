"""Protocols as files: what is written reads back, and what can't be used is refused with line, column and a way out."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import protocols
from evaluation.analysis import StoppingRule
from evaluation.protocols import ProtocolError, load, to_yaml
from evaluation.protocols.checks import faults
from evaluation.protocols.kinds import Answer, Choice, Claim, Kind, Ranking, Reasons, Scale, Step, Tag, Text, Words
from evaluation.protocols.parts import Controls, Question, Repeats, Shown
from evaluation.protocols.tree import MOST_BYTES, MOST_DEPTH

WHOLE = """\
name: hands
title: Hands
questions:
  - id: hands
    text: How good are the hands in this image of {caption}?
    kind: scale
    steps:
      - {value: 1, text: Bad}
      - {value: 2}
      - {value: 3, text: Good}
    unable: There are none
set_size: 1
panels: all
raters_per_panel: 3
shown:
  sets: 1
"""


def parsed(text: str) -> protocols.Protocol:
    return load(text.encode(), "own.yaml")


def refused(text: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        load(text if isinstance(text, bytes) else text.encode(), "own.yaml")
    return caught.value


def test_a_whole_file_is_read() -> None:
    protocol = parsed(WHOLE)
    assert (protocol.name, protocol.set_size, protocol.shown.sets, protocol.version) == ("hands", 1, 1, "1")
    assert protocol.questions[0].answers == Scale((Step(1, "Bad"), Step(2), Step(3, "Good")), "There are none")
    assert protocol.questions[0].caption == "“{caption}”" and protocol.screening.startswith("none")


@pytest.mark.parametrize("name", protocols.names())
def test_every_protocol_reads_back_equal(name: str) -> None:
    protocol = protocols.get(name)
    assert parsed(to_yaml(protocol)) == protocol
    assert protocols.read(protocol.specification()) == protocol
    assert to_yaml(parsed(to_yaml(protocol))) == to_yaml(protocol)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("set_size: 1", "set_sise: 1", 12, "no key 'set_sise'; did you mean \"set_size\"?"),
        ("    text: How", "    txt: How", 5, "questions[0] has no key 'txt'; did you mean \"text\"?"),
        ("    kind: scale", "    kind: scael", 6, 'did you mean "scale"?'),
        ("    kind: scale", "    kind: choice", 7, "has no key 'steps'"),
        ("    kind: scale\n", "", 4, "lacks answers"),
        ("      - {value: 2}\n      - {value: 3, text: Good}\n", "", 7, "there is 1 step; from 2 to 11"),
        ("{value: 2}", "{value: two}", 9, 'must be a number; there is the text "two"'),
        ("{value: 2}", "{value: .inf}", 9, "must be a number"),
        ("{value: 2}", "{vlaue: 2}", 9, 'did you mean "value"?'),
        ("{value: 2}", "two", 9, "must be a mapping (a step of a scale)"),
        ("set_size: 1", "set_size: one", 12, "must be a whole number"),
        ("set_size: 1", "set_size: 1.5", 12, "must be a whole number"),
        ("set_size: 1", "set_size: true", 12, "must be a whole number"),
        ("set_size: 1", "set_size: 0", 12, "must be from 1 to 64"),
        ("set_size: 1", "set_size:", 12, "lacks 'set_size'"),
        ("set_size: 1\n", "", 1, "lacks 'set_size'"),
        ("panels: all", "panels: al", 13, 'did you mean "all"?'),
        ("{caption}?", "{captoin}?", 5, 'no placeholder {captoin}; did you mean "{caption}"?'),
        ("{caption}?", "{claim}?", 5, "questions of kind claim alone"),
        ("unable: There are none", "unable: '{caption}'", 4, "placeholders stand in the text of a question alone"),
        ("  sets: 1", "  sets: 2", 6, "asks about one image set"),
        ("  sets: 1", "  sets: 1\n  prompt: hidden", 5, "would show the prompt"),
        ("name: hands", "name: Hands!", 1, "can't be the name"),
        ("title: Hands", "title: Hands\ntitle: Feet", 3, "'title' stands twice"),
        ("title: Hands", "title: &a Hands", 2, "anchors (&a) are not allowed"),
        ("title: Hands", "title: *a", 2, "aliases (*a) are not allowed"),
        ("title: Hands", "title: !!python/name:os.system x", 2, "tags"),
        ("title: Hands", "title: [Hands", 3, "not YAML"),
        ("title: Hands", "title: Hands\n\tx: 1", 3, "not YAML"),
        ("title: Hands", "title: {}", 2, "must be a text; there is a mapping"),
        ("title: Hands", "title: ''", 2, "must be a text"),
        ("title: Hands", "title: Hands\nbatch: 5\nrepeats: {trials: 3, apart: 5}", 4, "need a batch of 7"),
        ("title: Hands", "title: Hands\ncontrols: {trials: 3}", 3, "lacks 'least_right'"),
        ("title: Hands", "title: Hands\ncontrols: {trials: 3, least_right: 80}", 3, "as 0.8 is"),
        ("title: Hands", "title: Hands\ncontrols: {trials: 3, least_right: 1, kind: same}", 3, "no question has it"),
        ("title: Hands", "title: Hands\nstopping: {max_raters: 1}", 3, "2 <= min_raters"),
        ("title: Hands", "title: Hands\ncategory_questions: {Colors: [hand]}", 3, 'did you mean "hands"?'),
        ("title: Hands", "title: Hands\ncategory_questions: {Colors: []}", 3, "asks nothing"),
        ("title: Hands", "title: Hands\ncategory_questions: {Colors: hands}", 3, "list of ids of questions"),
        ("title: Hands", "title: Hands\ntranslations: {de: {Bad: Schlecht}}", 3, "lacks a translation"),
        ("title: Hands", "title: Hands\ntranslations: {de: {Baad: Schlecht}}", 3, 'did you mean "Bad"?'),
        ("title: Hands", "title: Hands\ntranslations: {german!: {}}", 3, "no language tag"),
        ("title: Hands", "title: Hands\nbased_on: drawbnch", 3, 'did you mean "drawbench"?'),
        ("title: Hands", "title: Hands\nshown: {}\nquestions: []", 5, "stands twice"),
        ("title: Hands", "title: Hands\n---\nname: two", 3, "a second document"),
        ("title: Hands", "title: Hands\n[a, b]: 1", 3, "a key must be a word"),
    ],
)
def test_a_fault_is_named_with_its_line_and_a_way_out(old: str, new: str, line: int, reason: str) -> None:
    assert old in WHOLE
    error = refused(WHOLE.replace(old, new, 1))
    assert reason in str(error), str(error)
    assert error.line == line and str(error).startswith(f"own.yaml, line {line}"), str(error)
    assert error.column is not None and f"column {error.column}:" in str(error)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"just words", "must be a mapping"),
        (b"- a\n- b", "must be a mapping"),
        (b"name: \xff\xfe", "not UTF-8"),
        (b"name: a\x00b", "can't stand in a file of YAML"),
        (b"a: " + b"x" * MOST_BYTES, "at most"),
        (b"a: " + b"[" * (MOST_DEPTH + 5), "stand inside one another"),
        (b"[" * 50_000, "stand inside one another"),
        (b"name: a\nquestions: []\nset_size: 1\npanels: all\nraters_per_panel: 1\ntitle: b", "at least one question"),
    ],
)
def test_bytes_that_hold_no_protocol(data: bytes, reason: str) -> None:
    assert reason in str(refused(data))


def test_laughter_costs_nothing() -> None:
    """The classic of nine lines that stand for a billion is refused at its first anchor."""
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    assert "anchors (&a0) are not allowed" in str(refused("\n".join(lines)))


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=100, deadline=None)
def test_whatever_is_no_protocol_gets_one_typed_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        load(data, "own.yaml")


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from(list("{}[]:-&*!|>'\"#%@` \n\tx0")))
@settings(max_examples=100, deadline=None)
def test_a_slip_of_the_finger_never_breaks_the_reader(at: int, letter: str) -> None:
    try:
        protocol = parsed(WHOLE[:at] + letter + WHOLE[at + 1 :])
    except ProtocolError as error:
        assert "own.yaml" in str(error)
    else:
        assert parsed(to_yaml(protocol)) == protocol


def test_words_are_taken_as_they_are_written() -> None:
    """YAML's own readings of yes, 1.10 or 2020-01-01 have no say where a text is expected."""
    text = WHOLE.replace("title: Hands", "title: yes\nversion: 1.10").replace("Bad", "no").replace("Good", "2020-01-01")
    protocol = parsed(text)
    assert (protocol.title, protocol.version) == ("yes", "1.10")
    assert protocol.questions[0].answers.texts() == ("no", "2020-01-01", "There are none")
    assert parsed(to_yaml(protocol)) == protocol


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ProtocolError, match="can't be read"):
            protocols.load_file(path)


def test_departures_stand_alone_and_the_rest_is_the_bases() -> None:
    base = protocols.get("drawbench")
    own = parsed(
        "based_on: drawbench\nname: german\ntitle: DrawBench in six\nset_size: 6\n"
        "questions:\n  - id: alignment\n  - {id: fidelity, text: 'Which images are better?'}\n"
    )
    assert [question.id for question in own.questions] == ["alignment", "fidelity"]
    assert own.questions[0] == base.questions[1] and own.answers == base.answers
    assert (own.set_size, own.raters_per_panel, own.left_open) == (6, 25, base.left_open)
    assert parsed(to_yaml(own)) == own and protocols.read(own.specification()) == own
    size, wording, order = protocols.departures(base, own)
    assert size == "images per set: 6, where drawbench has 8"
    assert wording.startswith('question fidelity, text: "Which images are better?", where drawbench has "Which set of')
    assert order == "order of the questions: alignment, fidelity"


def test_what_a_base_has_can_be_left_out_again() -> None:
    own = parsed(
        "based_on: single-image\nname: own\ntitle: Own\ncontrols: null\nscreening: 'none'\nbatch: null\n"
        "questions:\n  - {id: fidelity, unable: null}\n"
    )
    scale = own.questions[0].answers
    assert (own.controls, own.batch, isinstance(scale, Scale) and scale.unable) == (None, None, None)
    assert parsed(to_yaml(own)) == own


def test_a_departure_may_change_the_kind() -> None:
    own = parsed(
        "based_on: single-image\nname: own\ntitle: Own\nquestions:\n"
        "  - {id: fidelity, kind: choice, answers: [{choice: real, text: Real}, {choice: made, text: Made}]}\n"
    )
    assert own.questions[0].answers == Choice((Answer("real", "Real"), Answer("made", "Made")))
    assert parsed(to_yaml(own)) == own


def test_a_fault_in_what_is_inherited_points_to_the_file() -> None:
    error = refused("based_on: drawbench\nname: own\ntitle: Own\nshown:\n  sets: 3\n")
    assert "left and right prefer one of two sets, and 3 are shown" in str(error) and error.line is not None


def test_answers_that_all_share_are_named_where_they_stand() -> None:
    error = refused(
        "name: own\ntitle: Own\nquestions:\n  - {id: a, text: 'A?'}\nset_size: 1\npanels: all\nraters_per_panel: 1\n"
        "answers:\n  - {choice: left, text: L}\n  - {choice: rigth, text: R}\n"
    )
    assert (error.line, '"right" is missing' in str(error)) == (8, True)


words = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="{}"), min_size=1, max_size=12).map(
    str.strip
)
texts = words.filter(bool)
ids = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)


def kinds(sets: int) -> st.SearchStrategy[Kind]:
    def apart(n: int) -> st.SearchStrategy[list[str]]:
        return st.lists(texts, min_size=2, max_size=n, unique_by=str.casefold)

    def choice(drawn: list[str]) -> Kind:
        return Choice(tuple(Answer(f"own{at}", text) for at, text in enumerate(drawn)))

    def scale(drawn: list[str], unable: str | None) -> Kind:
        return Scale(tuple(Step(at / 2, text) for at, text in enumerate(drawn)), unable)

    any_layout = [
        apart(5).map(choice),
        apart(5).map(lambda drawn: Reasons(tuple(Tag(f"t{at}", text) for at, text in enumerate(drawn)))),
        st.builds(Text, st.integers(1, 500), st.booleans()),
    ]
    one = [
        st.builds(scale, apart(6), st.none() | texts),
        apart(3).map(lambda drawn: Claim(drawn[0], drawn[1], drawn[2] if len(drawn) > 2 else None)),
        texts.map(Words),
    ]
    several: list[st.SearchStrategy[Kind]] = [st.builds(Ranking, st.just("whole"), st.booleans())]
    return st.one_of(any_layout + (one if sets == 1 else several))


@st.composite
def declared(draw: st.DrawFn) -> protocols.Protocol:
    sets = draw(st.sampled_from([1, 2, 4]))
    names = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    questions = []
    for name in names:
        kind = draw(kinds(sets))
        ending = "{claim}" if isinstance(kind, Claim) else draw(st.sampled_from(["?", "{caption}"]))
        questions.append(Question(name, f"{draw(texts)} {ending}", draw(texts), kind))
    controls = draw(st.none() | st.builds(Controls, st.integers(1, 9), st.sampled_from([0.5, 0.8, 1])))
    protocol = protocols.Protocol(
        name=draw(ids),
        title=draw(texts),
        source=draw(texts),
        questions=tuple(questions),
        set_size=1,
        panels=draw(st.sampled_from(["all", "category"])),
        raters_per_panel=draw(st.integers(1, 99)),
        screening=draw(texts),
        left_open=draw(st.dictionaries(texts, texts, max_size=3)),
        shown=Shown(sets, combinations=draw(st.sampled_from(["every", "balanced"]))),
        batch=draw(st.none() | st.integers(20, 60)),
        repeats=draw(st.none() | st.builds(Repeats, st.integers(1, 5), st.integers(1, 10))),
        controls=controls,
        stopping=draw(st.none() | st.just(StoppingRule(30, half_width=0.1))),
        category_questions=draw(st.dictionaries(texts, st.just(tuple(names[:1])), max_size=2)),
        instructions=draw(st.just("") | texts),
        version=draw(texts),
    )
    if draw(st.booleans()):
        words_of = {text: f"{draw(texts)} {text}" for text in protocol.texts()}
        protocol = dataclasses.replace(protocol, translations={"pt-BR": words_of})
    return protocol


@given(declared())
@settings(max_examples=60, deadline=None)
def test_whatever_can_be_declared_reads_back_equal(protocol: protocols.Protocol) -> None:
    assert list(faults(protocol)) == []
    assert parsed(to_yaml(protocol)) == protocol
    assert protocols.read(protocol.specification()) == protocol
    derived = dataclasses.replace(protocol, based_on="single-image", name="derived")
    assert parsed(to_yaml(derived)) == derived
