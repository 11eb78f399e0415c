"""Somebody who knows no address: opens the site, follows links by their words and sends forms by their buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from django.test import Client


@dataclass
class Button:
    """A button of a form."""

    text: str = ""
    name: str = ""
    value: str = ""
    action: str = ""


@dataclass
class Form:
    """A form with what a browser would send of it. `names`: of all its fields, files and unchecked boxes among them."""

    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    buttons: list[Button] = field(default_factory=list)


class Page(HTMLParser):
    """The links and forms of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self.text = ""
        self._link: str | None = None
        self._words = ""
        self._form: Form | None = None
        self._button: Button | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self._link, self._words = given["href"], ""
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "button" and self._form is not None and given.get("type", "submit") == "submit":
            self._button, self._words = (
                Button("", given.get("name", ""), given.get("value", ""), given.get("formaction", "")),
                "",
            )
        elif self._form is not None and given.get("name"):
            self._field(tag, given)
        elif tag == "option" and self._select is not None:
            self._select[1].append((given.get("value", ""), "selected" in given))

    def _field(self, tag: str, given: dict[str, str]) -> None:
        assert self._form is not None
        name, kind = given["name"], given.get("type", "text")
        self._form.names.add(name)
        if tag == "select":
            self._select = (name, [])
        elif tag == "textarea":
            self._area, self._words = name, ""
        elif tag == "input" and kind != "file" and (kind not in ("checkbox", "radio") or "checked" in given):
            self._form.values.setdefault(name, []).append(given.get("value", "on" if kind == "checkbox" else ""))

    def handle_data(self, data: str) -> None:
        self._words += data
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        words = " ".join(self._words.split())
        if tag == "a" and self._link is not None:
            self.links.append((words, self._link))
            self._link = None
        elif tag == "button" and self._button is not None and self._form is not None:
            self._button.text = words
            self._form.buttons.append(self._button)
            self._button = None
        elif tag == "select" and self._select is not None and self._form is not None:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            self._form.values[name] = chosen
            self._select = None
        elif tag == "textarea" and self._area is not None and self._form is not None:
            self._form.values[self._area] = [self._words.lstrip("\n")]
            self._area = None
        elif tag == "form":
            self._form = None


class Visitor:
    """A person with a browser without scripts. Every step asserts that the page offers it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.address = ""
        self.html = ""
        self.steps = 0

    @property
    def page(self) -> Page:
        return Page(self.html)

    def open(self, address: str) -> Visitor:
        """Only the first page is opened by an address."""
        return self._arrive(self.client.get(address, follow=True), address)

    def _arrive(self, answer: Any, address: str) -> Visitor:
        if answer.redirect_chain:
            address = urljoin(address, answer.redirect_chain[-1][0])
        assert answer.status_code in (200, 422), (address, answer.status_code, answer.content[:600])
        self.address, self.steps = address, self.steps + 1
        self.html = answer.content.decode() if not answer.streaming else ""
        return self

    def follow(self, words: str) -> Visitor:
        """The link of these words."""
        found = [href for text, href in self.page.links if text == words] or [
            href for text, href in self.page.links if words in text
        ]
        assert found, f"{self.address} has no link {words!r}: {sorted({text for text, _ in self.page.links})}"
        address = urljoin(self.address, found[0]).partition("#")[0]
        return self._arrive(self.client.get(address, follow=True), address)

    def send(self, button: str, **given: Any) -> Visitor:
        """The form that has this button, with what is `given` in place of what stands in it; `_` stands for `-`
        in names where the form has such a one."""
        for form in self.page.forms:
            for each in form.buttons:
                names = {name if name in form.names else name.replace("_", "-") for name in given}
                if each.text == button and names <= form.names:
                    return self._send(form, each, given)
        raise AssertionError(
            f"{self.address} has no button {button!r} with {sorted(given)}: "
            f"{[(each.text, sorted(form.names)) for form in self.page.forms for each in form.buttons]}"
        )

    def _send(self, form: Form, button: Button, given: dict[str, Any]) -> Visitor:
        values: dict[str, Any] = dict(form.values)
        values |= {name if name in form.names else name.replace("_", "-"): value for name, value in given.items()}
        if button.name:
            values[button.name] = button.value
        address = urljoin(self.address, button.action or form.action) if button.action or form.action else self.address
        if form.method == "get":
            return self._arrive(self.client.get(address.partition("?")[0], values, follow=True), address)
        return self._arrive(self.client.post(address, values, follow=True), address)

    def says(self, *texts: str) -> Visitor:
        """The page says each of these."""
        words = " ".join(self.page.text.split())
        for text in texts:
            assert text in words, f"{self.address} does not say {text!r}: {words[-2600:]}"
        return self

    def value_of(self, label: str) -> str:
        """The value of the box or radio beside which these words stand."""

        found = re.search(
            r'<input[^>]*?(?:name="\w+")[^>]*?value="([^"]+)" id="([^"]+)"[^>]*>\s*<label for="\2">\s*'
            + re.escape(label),
            self.html,
        )
        assert found, f"{self.address} has no box {label!r}"
        return found[1]
