"""The raters' side in four languages: every text is marked, and every catalogue has it, whole and up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from babel.messages.catalog import Message
from django.conf import settings
from django.utils import translation

from evaluation import protocols
from evaluation.services.studies.care import WARNING
from evaluation.services.studies.specify import consent_text
from evaluation.views.rater import script_texts, texts
from tests.house import messages
from tests.house.messages import CHECKOUT, LANGUAGES, LOCALE, TEMPLATES, catalogue, compiled, extracted

SCRIPTS = CHECKOUT / "evaluation" / "static" / "evaluation" / "rater"
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>")
"""What a translation must keep: names of values, and tags."""


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    assert text is not None
    return [text] if isinstance(text, str) else list(text)


def translated(language: str) -> dict[messages.MessageId, Message]:
    found = (each for each in catalogue(language) if each.id)
    return {(each.context, each.id if isinstance(each.id, str) else tuple(each.id)): each for each in found}


def test_django_speaks_what_there_are_catalogues_for() -> None:
    assert {tag for tag, _ in settings.LANGUAGES} == {"en", *LANGUAGES}
    assert {path.name for path in LOCALE.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_text_and_no_other(language: str) -> None:
    """After a change: `python -m tests.house.messages`, then translate what is new."""
    marked, there = extracted(), translated(language)
    assert len(marked) > 250
    assert set(there) == set(marked)
    for message in there.values():
        wanted = messages.PLURALS[language][0] if isinstance(message.id, tuple | list) else 1
        told = forms(message.string)
        assert len(told) == wanted and all(each.strip() for each in told), message.id
        assert not message.fuzzy, message.id
        for each in told:
            same = [sorted(PLACE.findall(form)) for form in forms(message.id)]
            assert sorted(PLACE.findall(each)) in same, (message.id, each)
            assert each == each.strip() and "  " not in each, each


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_django_reads_is_what_stands_there(language: str) -> None:
    assert (LOCALE / language / "LC_MESSAGES" / "django.mo").read_bytes() == compiled(catalogue(language))
    with translation.override(language):
        for (context, text), message in translated(language).items():
            if isinstance(text, str) and context is None:
                assert translation.gettext(text) == message.string


def test_numbers_take_their_form() -> None:
    told = {}
    for language in ("en", *LANGUAGES):
        with translation.override(language):
            told[language] = [texts.begin_text(n, WORDS) for n in (1, 2, 5, 11, 21, 22, 112)]
    assert told["ru"] == [
        *("Начать (1 сравнение)", "Начать (2 сравнения)", "Начать (5 сравнений)", "Начать (11 сравнений)"),
        *("Начать (21 сравнение)", "Начать (22 сравнения)", "Начать (112 сравнений)"),
    ]
    assert told["de"][:2] == ["Beginnen (1 Vergleich)", "Beginnen (2 Vergleiche)"]
    assert told["fr"][:2] == ["Commencer (1 comparaison)", "Commencer (2 comparaisons)"]
    assert told["en"][0] == "Begin (1 comparison)"


def test_the_scripts_forms_go_by_the_names_that_browsers_have() -> None:
    with translation.override("ru"):
        waiting = script_texts.script_texts(WORDS)["waiting"]
    assert isinstance(waiting, dict)
    assert [waiting[form].split()[1] for form in ("one", "few", "many", "other")] == [
        "ответ",
        "ответа",
        "ответов",
        "ответов",
    ]


WORDS = texts.shown_words(protocols.get("drawbench"), 8)


@pytest.mark.parametrize("name", protocols.names())
def test_the_usual_consent_is_in_every_language(name: str) -> None:
    protocol = protocols.get(name)
    plain = texts.consent_paragraphs(consent_text(protocol), protocol)
    for language in LANGUAGES:
        with translation.override(language):
            told = texts.consent_paragraphs(consent_text(protocol), protocol)
        assert len(told) == len(plain) == 3 and not set(told) & set(plain)


def test_the_usual_content_warning_is_in_every_language() -> None:
    plain = texts.warning_paragraphs(WARNING)
    assert plain == [WARNING]
    for language in LANGUAGES:
        with translation.override(language):
            assert len(texts.warning_paragraphs(WARNING)) == 1 and texts.warning_paragraphs(WARNING) != plain
            assert texts.warning_paragraphs("Blood.") == ["Blood."]


def test_every_page_and_script_text_differs_from_english_in_every_language() -> None:
    """A text that is the same by chance (a name, a key) is named here."""
    same = {"Contact", "Image", "Tab", "Ctrl", "Esc", "Del", "Set", "Enter", "Backspace", "{n} %", "Code", "Violence"}
    for language in LANGUAGES:
        for (_, text), message in translated(language).items():
            if forms(message.string)[0] == forms(text)[0]:
                assert forms(text)[0] in same or text == ("{n} image", "{n} images"), (language, text)


# --- nothing unmarked


class Words(HTMLParser):
    """The texts that stand in a template outside of its tags' marks."""

    SPOKEN = ("alt", "aria-label", "title", "placeholder", "label")
    KEYS = {"Z", "U", "B", "1", "2", "3", "?", "1:1"}

    def __init__(self, template: str) -> None:
        super().__init__()
        self.words: list[str] = []
        marked = re.sub(r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}", "", template, flags=re.S)
        marked = re.sub(r"{% block body_class %}.*?{% endblock %}", "", marked)
        self.feed(re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", marked, flags=re.S))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value for name, value in attrs if name in self.SPOKEN and value and value.strip()]

    def handle_data(self, data: str) -> None:
        if re.search(r"[^\W\d_]{2}", data):
            self.words.append(data.strip())


def test_templates_hold_no_text_that_is_not_marked() -> None:
    unmarked = {
        path.name: Words(path.read_text(encoding="utf-8")).words
        for path in sorted(TEMPLATES.glob("*.html"))
        if Words(path.read_text(encoding="utf-8")).words
    }
    assert unmarked == {}


def literals(script: str) -> Iterator[str]:
    """The strings of a script, without its comments."""
    plain = re.sub(r"(?m)(^|\s)//.*$", "", script)
    for match in re.finditer(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`', plain):
        yield re.sub(r"\$\{[^}]*\}", "", match[1] if match[1] is not None else match[2])


NO_TEXT = re.compile(
    r"images did not load"  # kept with a skipped trial, for researchers
    r"|Content-Type|X-CSRFToken|Accept-Language|GET|POST|IMG"
    r"|Arrow\w*|Enter|Escape|Backspace|Delete|Home|End|ABCDEFGH"  # keys and letters by their names
    r"|[\w-]*[.#\[:(>][^!?…]*"  # selectors and styles
    r"|aria-\w+|random: .*"
)


def test_scripts_hold_no_text_of_their_own() -> None:
    assert list(literals('say("hello"); x = "Not sent"; y = `Set ${n} of ${m}`; // "A comment"')) == [
        "hello",
        "Not sent",
        "Set  of ",
    ]
    for path in sorted(SCRIPTS.glob("*.js")):
        for text in literals(path.read_text(encoding="utf-8")):
            speaks = re.search(r"\b[A-Z][a-z]+|[a-z]{2,} [a-z]{2,} [a-z]{2,}", text)
            assert not speaks or NO_TEXT.search(text), f"{path.name}: {text!r} belongs into script_texts.py"


def test_styles_hold_no_text_of_their_own() -> None:
    for path in sorted(SCRIPTS.glob("*.css")):
        for text in re.findall(r'content:\s*"([^"]*)"', path.read_text(encoding="utf-8")):
            assert not re.search(r"[^\W\d_]", text), f"{path.name}: {text!r}"


def test_every_text_that_a_script_says_is_there_and_no_other() -> None:
    said: set[str] = set()
    for path in sorted(SCRIPTS.glob("*.js")):
        for call in re.findall(r"\bsay\(([^)]*)", path.read_text(encoding="utf-8")):
            said |= set(re.findall(r'["`]([a-z][a-z-]*)[`"$]', call.partition("{ ")[0].partition(", {")[0]))
    there = set(script_texts.script_texts(WORDS))
    ranks = {name for name in there if name.startswith("rank-")}
    assert len(ranks) == 8 and said - {"rank-"} == there - ranks
