"""What raters read: words that anybody knows, and none of ours."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client

from common.places import CHECKOUT
from evaluation.models import Rater, Study
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.specify import CONSENT
from tests.studies.world import an_open_study, enrolled
from tests.unguarded import unguarded

OURS = re.compile(
    r"\b(trials?|assignments?|submissions?|panels?|slots?|generators?|runs?|protocol|indifferent)\b", re.I
)
"""Words of the code and of researchers. `indifferent` only as the protocol's own answer, and explained."""

LANGUAGE_OF_OTHERS = re.compile(r"\b(goes? on|any more|in vain|taken out|take back|may not)\b|\s…", re.IGNORECASE)
"""What a native speaker has to read twice."""


@pytest.fixture
def study(db: None) -> Study:
    return an_open_study()


class Text(HTMLParser):
    """The words of a page that people see or hear."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("script", "style")
        self.words += [value for name, value in attrs if name in ("alt", "aria-label", "title", "data-text") and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(data.strip())


def pages(study: Study) -> Iterator[tuple[str, str]]:
    """Each of a rater's pages, by its address."""
    stranger, client = Client(), Client()
    invitation = invitation_create(study=study)
    for path in (f"/r/join/{invitation.key}", "/r/join/nothing", "/r/"):
        yield path, stranger.get(path).text
    enrolment = enrolled(study)
    client.cookies["rater"] = enrolment.session_key
    for path in ("/r/instructions", "/r/withdraw"):
        yield path, client.get(path).text
    Rater.objects.filter(pk=enrolment.rater.pk).update(instructed_at=enrolment.rater.consented_at)
    yield "/r/", client.get("/r/").text
    Rater.objects.filter(pk=enrolment.rater.pk).update(finished_at=enrolment.rater.consented_at)
    for path in ("/r/end", "/r/withdraw"):
        yield path, client.get(path).text
    with unguarded():
        Rater.objects.filter(pk=enrolment.rater.pk).update(finished_at=None, dropped_at=enrolment.rater.consented_at)
    yield "/r/ dropped", client.get("/r/").text


def test_pages_use_no_words_of_ours(study: Study) -> None:
    answers = {answer["text"] for answer in study.specification["protocol"]["answers"]}
    for path, page in pages(study):
        text = " ".join(word for word in Text(page).words if word not in answers)
        text = text.replace("I am indifferent (no preference)", "")
        assert not OURS.findall(text), f"{path}: {text}"
        assert not LANGUAGE_OF_OTHERS.findall(text), f"{path}: {text}"


def test_where_indifferent_is_explained_it_means_no_preference(study: Study) -> None:
    told = {path: " ".join(Text(page).words) for path, page in pages(study)}
    assert re.search(r"I am indifferent\s*, which means no preference", told["/r/instructions"])
    assert "I am indifferent (no preference), I prefer set B" in told["/r/"]


def test_messages_use_no_words_of_ours() -> None:
    messages = [*sentences_of_python(), *sentences_of_scripts(), CONSENT]
    assert len(messages) > 50
    assert [each for each in messages if OURS.search(each) or LANGUAGE_OF_OTHERS.search(each)] == []


def sentences_of_python() -> Iterator[str]:
    """The texts of `RaterError` and of the pages' messages and headings."""
    rating = CHECKOUT / "evaluation" / "services" / "rating"
    for path in [*rating.glob("*.py"), CHECKOUT / "evaluation" / "views" / "rater" / "pages.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assigned = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
            if called in ("RaterError", "_message") or assigned in ("headings", "FULL"):
                yield from texts(node)


def texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value:
            yield each.value


def sentences_of_scripts() -> Iterator[str]:
    """Strings of the page's modules that have a space in them, and so are no name."""
    room: Path = CHECKOUT / "evaluation" / "static" / "evaluation" / "rater"
    for path in room.glob("*.js"):
        for line in path.read_text(encoding="utf-8").splitlines():
            code = line.split(" // ")[0].strip()
            if code.startswith(("//", "import ")):
                continue
            strings = map("".join, re.findall(r'"([^"]+)"|`([^`]+)`', code))
            yield from (re.sub(r"\$\{[^}]*\}", "X", text) for text in strings if " " in text)
