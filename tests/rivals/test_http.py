"""The generator `http` against a real server that misbehaves in every way that services do."""

from __future__ import annotations

import io
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generators import conformance, registry, sample
from generators.contract import GeneratorError, ImageRequest, StopError
from generators.rivals.http.client import MOST_PATIENCE_S, Client
from generators.seeding import request_seed
from tests.rivals.conftest import Load, draw, failure, requests
from tests.rivals.server import KEY, Service, picture


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_an_image_is_the_services_of_our_seed(load: Load, service: Service) -> None:
    generator = load(model="painter", width=48, height=32)
    results = draw(generator, "a fox", "a heron", samples=2)
    assert len(results) == 4
    for request in requests(["a fox", "a heron"], 2):
        seed = request_seed(request, "base") % 2**32
        result = results[request.key]
        assert result.image is not None and result.image.shape == (32, 48, 3)
        assert np.array_equal(result.image, pixels(picture(request.prompt, seed, 48, 32)))
        assert result.provenance["seed"] == seed
        assert result.provenance["model_snapshot"] == "painter-2026-11-01"
        assert result.provenance["usage_output_tokens"] == 1000
    assert all(body["n"] == 1 and body["model"] == "painter" and body["size"] == "48x32" for body in service.bodies)


def test_it_keeps_the_contract(load: Load) -> None:
    assert conformance.check(load()) == []


def test_fields_of_empty_holes_are_not_sent_and_options_are(load: Load, service: Service) -> None:
    draw(load(options='{"style": "natural"}'), "a fox")
    assert set(service.bodies[0]) == {"prompt", "n", "seed", "style"}


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [
        ("busy", "rate_limited", "too many requests: slow down"),
        ("broken", "crash", "status 500: oh no, Bearer [the key]"),
        ("page", "invalid", "text/html where JSON was expected"),
        ("page in base64", "invalid", "no whole image"),
        ("not base64", "invalid", "not in base 64"),
        ("empty", "invalid", "answered without an image"),
        ("nothing", "invalid", "where JSON was expected"),
        ("nonsense", "invalid", "answered with JSON that can't be read: NaN is not JSON"),
        ("cut off", "crash", "answered with half of its JSON: the rest is missing"),
        ("deep", "invalid", "JSON that can't be read: the JSON is nested too deeply"),
        ("key twice", "invalid", 'JSON that can\'t be read: the key "data" stands twice'),
        ("utf-16", "invalid", "JSON that can't be read: this is not UTF-8 text"),
        ("null", "invalid", "answered without an image"),
        ("field", "invalid", "answered with status 422: size is missing"),
        ("moderation", "refused", "refuses the prompt: not this"),
        ("bad size", "invalid", "status 400: size?"),
        ("half", "crash", "bytes of its answer"),
        ("half image", "crash", "no whole image"),
        ("slow", "timeout", "did not answer in time"),
        ("drip", "timeout", "did not answer in time"),
        ("x" * 501, "invalid", "has 501 characters; tests takes 500"),
        (" ", "invalid", "the prompt is empty"),
    ],
)
def test_each_fault_is_a_failure_of_its_kind(load: Load, service: Service, word: str, kind: str, says: str) -> None:
    found, message = failure(load(timeout_s=1.0), word)
    assert (found, message.count("\n")) == (kind, 0)
    assert says in message
    assert KEY not in message


@pytest.mark.parametrize("word", ["slow head", "drip"])
def test_what_comes_byte_by_byte_ends_when_its_time_is_up(load: Load, service: Service, word: str) -> None:
    generator = load(timeout_s=1.0)
    assert failure(generator, word) == ("timeout", "127.0.0.1 did not answer in time")
    assert 2 < service.dripped < 100, "it was left long before its half minute was over"
    (result,) = draw(generator, "a fox").values()
    assert result.image is not None, "and the next is drawn"


def test_nobody_is_asked_to_wait_for_years(load: Load) -> None:
    (result,) = draw(load(parallel=1), "years").values()
    assert result.failure is not None and result.failure.retry_after_s == MOST_PATIENCE_S == 3600


def test_an_image_address_is_one_of_the_web(load: Load, service: Service) -> None:
    generator = load({"image": {"address": ["data.*.url"]}})
    message = "tests named something that is no address of an image"
    assert failure(generator, "own file") == ("invalid", message)


def test_more_images_than_asked_for_are_paid_for(load: Load) -> None:
    (result,) = draw(load({"price": {"image_usd": 0.04}}), "four").values()
    assert result.image is not None
    assert (result.provenance["images_given"], result.provenance["cost_usd"]) == (4, 0.16)


def test_an_endless_answer_ends(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Client.__init__

    def small(self: Client, *arguments: Any, **named: Any) -> None:
        kept(self, *arguments, **{**named, "most_bytes": 2**20})

    monkeypatch.setattr(Client, "__init__", small)
    assert failure(load(), "endless") == ("invalid", "the answer of 127.0.0.1 has more than 1,048,576 bytes")


def test_another_size_than_asked_for_is_a_failure(load: Load) -> None:
    generator = load(width=32, height=32)
    assert failure(generator, "other size") == (
        "invalid",
        "tests gave 48 x 32 pixels where 32 x 32 were asked for",
    )


def test_patience_is_kept_and_the_wait_is_told(load: Load, service: Service) -> None:
    generator = load(parallel=1)
    (result,) = draw(generator, "busy").values()
    assert result.failure is not None and result.failure.retry_after_s == 77
    (other,) = draw(generator, "a fox").values()
    assert other.failure is not None and 70 < (other.failure.retry_after_s or 0) <= 77
    assert service.asked["a fox"] == 0, "nobody asks while the service wants patience"


def test_who_is_refused_for_its_haste_is_drawn_at_the_next_try(load: Load, service: Service, tmp_path: Path) -> None:
    load()
    arguments = ["--generator", "http", "--set", "service=tests", "--prompt", "busy once", "--out", str(tmp_path / "o")]
    assert sample.main(arguments) == 0
    assert service.asked["busy once"] == 2


def test_what_is_moderated_is_never_asked_again(load: Load, service: Service, tmp_path: Path) -> None:
    load()
    arguments = ["--generator", "http", "--set", "service=tests", "--prompt", "moderation: x", "--prompt", "a fox"]
    arguments += ["--out", str(tmp_path / "o")]
    assert sample.main(arguments) == 1
    assert sample.main(arguments) == 1
    assert service.asked == {"moderation: x": 1, "a fox": 1}


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("quota", "the quota at tests is spent (status 429): pay. Add to it there, and resume the run."),
        ("unpaid", "the quota at tests is spent (status 402)"),
        ("redirect", "redirects this request to elsewhere.example"),
    ],
)
def test_what_would_fail_for_all_ends_the_run_which_can_be_resumed(
    load: Load, service: Service, tmp_path: Path, mood: str, says: str
) -> None:
    load()
    prompts = [f"--prompt=picture {number}" for number in range(4)]
    arguments = ["--generator", "http", "--set", "service=tests", "--set", "parallel=1", *prompts]
    arguments += ["--out", str(tmp_path / "o")]
    service.mood = mood
    with pytest.raises(StopError) as error:
        sample.main(arguments)
    assert says in str(error.value)
    assert sum(service.asked.values()) <= 2, "the others are not asked"
    service.mood = ""
    assert sample.main(arguments) == 0
    assert len(list((tmp_path / "o").rglob("*.png"))) == 4


def test_a_wrong_key_ends_the_run_and_stands_nowhere(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "sk-wrong-987"
    caplog.set_level(logging.DEBUG)
    generator = load()
    monkeypatch.setenv("TESTS_KEY", wrong)
    generator = load()
    with pytest.raises(StopError) as error:
        draw(generator, "a fox")
    told = "".join(traceback.format_exception(error.value))
    assert "Check the key in the environment variable TESTS_KEY, and resume the run." in str(error.value)
    assert wrong not in told + caplog.text + repr(generator) + repr(vars(generator))


def test_no_key_stands_in_a_manifest(load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    load()
    out = tmp_path / "o"
    arguments = ["--generator", "http", "--set", "service=tests", "--prompt", "a fox", "--prompt", "broken"]
    assert sample.main([*arguments, "--retries", "0", "--out", str(out)]) == 1
    manifest = (out / "manifest.jsonl").read_text()
    assert KEY not in manifest + caplog.text and '"service": "tests"' in manifest


def test_a_key_that_is_not_there_is_named_by_its_variable(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    monkeypatch.delenv("TESTS_KEY")
    with pytest.raises(GeneratorError, match="needs a key: set the environment variable TESTS_KEY"):
        load()


def test_nobody_there_ends_the_run_after_a_few(load: Load, service: Service) -> None:
    generator = load({"address": "http://127.0.0.1:9/v1"}, parallel=1)
    with pytest.raises(StopError, match=r"could not be reached.*5 times in a row"):
        draw(generator, *"abcdefgh")


def test_several_are_under_way_at_once_and_no_more_than_asked(load: Load, service: Service) -> None:
    draw(load(parallel=3), *(f"wait: {number}" for number in range(9)))
    assert service.most_under_way == 3


@pytest.mark.parametrize(
    ("mood", "seeded", "tolerance", "says"),
    [
        ("", True, 0.0, "the same seed gave the same image, another seed another one"),
        ("deaf", False, 0.0, "another seed gave the same image"),
        ("moody", True, 255.0, "the same seed gave another image"),
    ],
)
def test_the_seed_is_probed(load: Load, service: Service, mood: str, seeded: bool, tolerance: float, says: str) -> None:
    service.mood = mood
    info = load(seed_probe=True).info
    assert (info.seeded, info.tolerance, info.provenance["seed_probe"]) == (seeded, tolerance, says)
    assert sum(service.asked.values()) == 3


QUEUE: dict[str, Any] = {
    "submit": {
        "path": "submit",
        "json": {"prompt": "{prompt}", "seed": "{seed}"},
        "takes": {"polling_url": "polling_url", "id": "id"},
    },
    "poll": {
        "call": {"path": "{polling_url}", "method": "GET"},
        "every_s": 0.01,
        "state": "status",
        "states": {"Pending": "wait", "Ready": "done", "Request Moderated": "refused", "Content Moderated": "filtered"},
    },
    "image": {"address": ["result.sample"]},
}


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [
        ("refused", "refused", "'Request Moderated'"),
        ("filtered", "filtered", "'Content Moderated'"),
        ("for ever", "timeout", "had not drawn it after 1 s"),
        ("lost", "crash", "has this image no more (status 404): Task not found"),
        ("odd word", "invalid", "'On holiday'"),
        ("other host", "invalid", "the host elsewhere.example is not allowed"),
        ("clouds", "invalid", "the host 169.254.169.254 is not allowed"),
        ("gone", "invalid", "could not be fetched from 127.0.0.1 (status 404)"),
        ("page", "invalid", "text/html where the image was expected"),
        ("moved", "invalid", "the host elsewhere.example is not allowed"),
        ("half", "crash", "ended after 100 bytes"),
    ],
)
def test_a_queue_is_waited_for_and_its_faults_are_failures(
    load: Load, service: Service, word: str, kind: str, says: str
) -> None:
    generator = load({**QUEUE, "address": f"{service.address}/queue"}, timeout_s=1.0)
    found, message = failure(generator, word)
    assert found == kind and says in message


def test_a_queue_gives_its_image_and_a_result_of_its_own(load: Load, service: Service) -> None:
    address = {"address": f"{service.address}/queue"}
    (direct,) = draw(load({**QUEUE, **address}), "a fox").values()
    result = {
        "result": {"path": "result/{id}", "method": "GET"},
        "image": {"address": ["images.*.url"]},
        "rules": [{"outcome": "filtered", "path": "has_nsfw_concepts.*", "values": ["true"]}],
    }
    generator = load({**QUEUE, **address, **result})
    (indirect,) = draw(generator, "a fox").values()
    assert direct.image is not None and indirect.image is not None and np.array_equal(direct.image, indirect.image)
    assert failure(generator, "nsfw: a fox")[0] == "filtered"


def test_clouds_own_addresses_are_never_spoken_to(load: Load, service: Service) -> None:
    allowed = {**QUEUE, "address": f"{service.address}/queue", "hosts": ["169.254.169.254"]}
    found, message = failure(load(allowed), "clouds")
    assert found == "invalid" and "private network" in message


def test_private_machines_want_a_word_of_the_operator(load: Load, service: Service) -> None:
    with pytest.raises(GeneratorError, match="private: true"):
        load({"private": False})
    found, message = failure(load({"private": False, "address": "https://127.0.0.1/v1"}), "a fox")
    assert found == "invalid" and "private: true" in message


def test_a_multipart_form_is_sent_as_one(load: Load, service: Service) -> None:
    form = {"path": "images/generations", "form": {"prompt": "{prompt}", "seed": "{seed}"}}
    (result,) = draw(load({"submit": form}), "a fox, naïve").values()
    assert result.image is not None
    assert service.asked["a fox, naïve"] == 1 and "multipart/form-data" in service.bodies[0]["multipart"]


def test_comfyui_draws_a_workflow_with_holes(folder: Path, service: Service, tmp_path: Path) -> None:
    workflow = {
        "3": {"class_type": "KSampler", "inputs": {"seed": "{seed}", "steps": 4, "model": ["4", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{prompt}", "braces": "{a|b}"}},
    }
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps(workflow))
    given = {"service": "comfyui", "address": f"{service.address}/comfy", "workflow": str(path)}
    generator = registry.load("http", given)
    request = ImageRequest("0", "00000", 'say "{seed}"', 0, 7)
    (result,) = generator.generate([request])
    assert result.image is not None
    sent = service.bodies[0]["prompt"]
    assert sent["6"]["inputs"] == {"text": 'say "{seed}"', "braces": "{a|b}"}
    assert sent["3"]["inputs"]["seed"] == result.provenance["seed"] and sent["3"]["inputs"]["model"] == ["4", 0]
    assert failure(generator, "crash")[0] == "invalid"
    generator.close()
    with pytest.raises(GeneratorError, match="needs a workflow"):
        registry.load("http", {"service": "comfyui"})
    path.write_text("{}")
    with pytest.raises(GeneratorError, match="no hole for the prompt"):
        registry.load("http", given)
