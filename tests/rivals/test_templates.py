"""Templates of services: what does not fit, what ships, what each would send, what it costs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from generators import registry
from generators.contract import GeneratorError, StopError
from generators.places import SERVICES
from generators.rivals.http.client import Answer, Client, Sent
from generators.rivals.http.settings import HOLES
from generators.rivals.http.template import read_service
from tests.rivals.conftest import Load, declare, draw, openai_like
from tests.rivals.server import KEY, Service


@pytest.mark.parametrize(
    ("template", "parameters", "says"),
    [
        ({"schema": "other"}, {}, 'schema must be "drawbench-service/1"'),
        ({"addres": "x"}, {}, 'unknown addres; did you mean "address"?'),
        ({"address": "ftp://x"}, {}, "not of the form https://host/path"),
        ({"address": "https://a@[x"}, {}, "not of the form https://host/path"),
        ({"image": {}}, {}, "says no place of the image"),
        ({"rules": [{"outcome": "no"}]}, {}, "rules: 0: outcome is 'no'"),
        ({"poll": {"call": {"pth": "x"}}}, {}, 'unknown pth; did you mean "path"?'),
        ({"submit": {"path": "x"}}, {}, "submit has json or form"),
        ({}, {"width": 32}, "give width and height together"),
        ({"sides": {"multiple": 16, "ratio": 3}}, {"width": 40, "height": 48}, "width 40: .* multiples of 16"),
        ({"sides": {"ratio": 3}}, {"width": 256, "height": 64}, "at most 3 to 1"),
        ({"needs": ["model"]}, {}, "needs the parameter model"),
        ({}, {"guidance": 3.0}, "takes no guidance"),
        ({}, {"quality": "high"}, "takes no quality"),
        ({}, {"options": "[1]"}, "options is a JSON object"),
        ({}, {"options": "{"}, "parameter options: this is not JSON"),
        ({}, {"options": '{"n": 10}'}, "the template of tests writes the field n itself. Use the parameter"),
        ({}, {"options": '{"prompt": "a cat"}'}, "the template of tests writes the field prompt itself"),
        ({}, {"workflow": "x.json"}, "takes no workflow"),
        ({}, {"service": "test"}, 'did you mean "tests"'),
        ({}, {"stepz": 3}, 'did you mean "steps"'),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    load: Load, template: dict[str, Any], parameters: dict[str, object], says: str
) -> None:
    with pytest.raises(GeneratorError, match=says) as error:
        load(template, **parameters)
    assert "\n" not in str(error.value)


def test_a_template_that_is_no_json_names_its_file(folder: Path) -> None:
    (folder / "services" / "mine.json").write_text("{")
    with pytest.raises(GeneratorError, match=r"mine\.json \(line 1\): this is not JSON"):
        registry.load("http", {"service": "mine"})


def test_templates_that_ship_are_whole_and_say_that_they_were_not_tried() -> None:
    parameter = registry.get_spec("http").parameters[0]
    expected = {"openai", "openai-compatible", "bfl", "fal", "replicate", "stability", "gemini", "vertex-imagen"}
    assert expected | {"comfyui"} <= set(parameter.choices)
    for name in parameter.choices:
        service = read_service(name)
        assert service.name == name
        assert (service.tried, service.source) == (False, "from its documentation, not tried here")


def test_each_template_that_ships_sends_the_prompt_and_the_key_to_its_host_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run: what would be sent is caught."""
    sent: list[Sent] = []

    def caught(self: Client, what: Sent, *, deadline: float, follow: bool = False) -> Answer:
        sent.append(what)
        raise StopError("caught")

    monkeypatch.setattr(Client, "ask", caught)
    prompt = 'a "red" {model} fox {seed}, 50 % \N{SNOWMAN}'
    (tmp_path / "workflow.json").write_text('{"6": {"inputs": {"text": "{prompt}", "seed": "{seed}"}}}')
    for path in sorted(SERVICES.glob("*.json")):
        name, sent[:] = path.stem, []
        given = json.loads(path.read_text())
        own = {need: f"my-{need}" for need in given.get("needs", ()) if need not in HOLES}
        declare(folder, **{**given, "holes": {**given.get("holes", {}), **own}})
        parameters = {"workflow": str(tmp_path / "workflow.json")} if name == "comfyui" else {"model": "my-model"}
        if "key" in given:
            monkeypatch.setenv(given["key"]["variable"], KEY)
        with pytest.raises(StopError, match="caught"):
            draw(registry.load("http", {"service": name, **parameters}), prompt)
        (one,) = sent
        body = (one.body or b"").decode()
        assert one.method == "POST" and one.address.startswith(given["address"]), name
        told = f'"{prompt}"'.replace(prompt, json.dumps(prompt)[1:-1]) if body.startswith("{") else prompt
        assert told in body, name
        rest = (one.address + body).replace(told, "")
        assert not re.search(r"\{[a-z_]+\}", rest), name
        assert ("my-model" in rest) == (name != "comfyui") and all(value in rest for value in own.values()), name
        assert (KEY in "".join(one.headers.values())) == ("key" in given) and KEY not in rest, name


def test_costs_are_counted_by_image_or_token(load: Load) -> None:
    generator = load({"price": {"image_usd": 0.04}})
    assert generator.info.image_usd == 0.04
    assert draw(generator, "a fox")["0/0"].provenance["cost_usd"] == 0.04
    assert draw(load(image_usd=0.5), "a fox")["0/0"].provenance["cost_usd"] == 0.5
    tokens = {"image_usd": 0.05, "usd_per_million": {"usage.input_tokens": 5, "usage.output_tokens": 40}}
    by_token = load({"price": tokens})
    assert draw(by_token, "a fox")["0/0"].provenance["cost_usd"] == pytest.approx(20 * 5e-6 + 1000 * 40e-6)
    assert "cost_usd" not in draw(load(), "a fox")["0/0"].provenance


def test_an_own_template_is_chosen_by_name_at_once(folder: Path, service: Service) -> None:
    declare(folder, "of-the-house", **openai_like(service))
    assert "of-the-house" in registry.get_spec("http").parameters[0].choices
