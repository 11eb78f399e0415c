"""Every field of every form, serializer and service: a limit on its text, and numbers that a column takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework import serializers
from rest_framework.test import APIClient

import evaluation.api.inputs
import evaluation.api.study_inputs
import evaluation.api.study_parts
from common import limits
from common.parameters import Parameter, ParameterError
from evaluation.api.fields import Input, Number, Query, Whole
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Sample, SampleFailure, Study, StudyRun, Suite
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import MOST_ADMITTED, invitation_create
from evaluation.services.studies.open import study_open
from evaluation.services.suites.load import suite_load
from evaluation.services.uploads.receive import upload_receive
from evaluation.views.researcher.plain_form import PlainForm
from evaluation.views.researcher.studies import InvitationForm
from evaluation.views.researcher.study_form import StudyForm
from evaluation.views.researcher.suites import SuiteForm
from evaluation.views.researcher.uploads import UploadForm
from tests.gate.odd import BAD_CHARACTERS, ODD_NUMBERS, code
from tests.studies.world import a_run, a_suite, enrolled, session_of

pytestmark = pytest.mark.django_db

FORMS: tuple[type[PlainForm], ...] = (SuiteForm, StudyForm, InvitationForm, UploadForm)
INPUT = [
    each
    for module in (evaluation.api.inputs, evaluation.api.study_inputs, evaluation.api.study_parts)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Input) and each.__module__ == module.__name__
]


def inputs(
    serializer: type[serializers.Serializer[Any]],
) -> Iterator[tuple[str, serializers.Field[Any, Any, Any, Any]]]:
    """The fields that a caller may send, those inside lists among them."""
    for name, field in serializer().fields.items():
        if field.read_only:
            continue
        yield name, field
        if isinstance(field, serializers.ListField):
            yield f"{name}[]", field.child


@pytest.mark.parametrize("serializer", INPUT, ids=lambda each: each.__name__)
def test_what_the_api_takes_has_limits(serializer: type[serializers.Serializer[Any]]) -> None:
    for name, field in inputs(serializer):
        if isinstance(field, serializers.CharField) and not issubclass(serializer, Query):
            named = name in ("known", "suite", "run", "runs[]", "reference", "metric", "generator", "protocol")
            assert field.max_length is not None or named, name
        if isinstance(field, serializers.IntegerField):
            assert isinstance(field, Whole), name
        if isinstance(field, serializers.FloatField):
            assert isinstance(field, Number), name


@pytest.mark.parametrize("form", FORMS, ids=lambda each: each.__name__)
def test_what_a_form_takes_has_limits(form: type[PlainForm]) -> None:
    for name, field in form().fields.items():
        if type(field) in (forms.CharField, forms.SlugField, forms.URLField):
            assert isinstance(field, forms.CharField) and field.max_length is not None, name


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=lambda each: repr(each)[:20])
def test_numbers_of_the_api(number: object) -> None:
    for serializer in INPUT:
        for name, field in inputs(serializer):
            if isinstance(field, serializers.IntegerField | serializers.FloatField):
                try:
                    found = field.run_validation(number)
                except serializers.ValidationError:
                    continue
                most = limits.BIG_COLUMN + 1 if isinstance(field, serializers.IntegerField) else 1e308
                assert found is None or abs(found) <= most, (serializer, name)


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=lambda each: repr(each)[:20])
@pytest.mark.parametrize("kind", [int, float])
def test_numbers_of_generators_and_metrics(number: object, kind: type) -> None:
    if kind is float and isinstance(number, int) and abs(number) < 10**308 and number is not True:
        return
    with pytest.raises(ParameterError, match="parameter steps"):
        Parameter("steps", "how many", default=kind(1)).parse(number)


@pytest.mark.parametrize("letter", BAD_CHARACTERS.values(), ids=BAD_CHARACTERS)
def test_texts_of_generators_and_metrics(letter: str) -> None:
    with pytest.raises(ParameterError) as error:
        Parameter("weights", "where", default="x").parse(f"a{letter}b")
    assert code(letter) in str(error.value)


def _title(text: str) -> object:
    return study_create(StudyDraft(name="s", runs=list(GenerationRun.objects.all()), title=text))


def _consent(text: str) -> object:
    return study_create(StudyDraft(name="s", runs=list(GenerationRun.objects.all()), consent=text))


def _contact(text: str) -> object:
    return study_create(StudyDraft(name="s", runs=list(GenerationRun.objects.all()), contact=text))


def _labels(text: str) -> object:
    return study_create(StudyDraft(name="s", runs=list(GenerationRun.objects.all()), labels=[text, "other"]))


def _study_name(text: str) -> object:
    return study_create(StudyDraft(name=text, runs=list(GenerationRun.objects.all())))


def _run_name(text: str) -> object:
    return upload_receive(suite=Suite(), run_name=text, generator="x", source=None)  # type: ignore[arg-type]


def _generator(text: str) -> object:
    return upload_receive(suite=Suite(), run_name="r", generator=text, source=None)  # type: ignore[arg-type]


def _invitation(field: str) -> Callable[[str], object]:
    return lambda text: invitation_create(study=Study(name="i"), **{field: text})  # type: ignore[arg-type]


def _suite(field: str) -> Callable[[str], object]:
    return lambda text: suite_load(source=b"a cat\na dog\n", **{field: text})  # type: ignore[arg-type]


SERVICES: dict[str, tuple[Callable[[str], object], int]] = {
    "title": (_title, limits.TITLE),
    "consent": (_consent, limits.CONSENT),
    "contact": (_contact, limits.CONTACT),
    "labels": (_labels, limits.LABEL),
    "study name": (_study_name, limits.STUDY_NAME),
    "run name": (_run_name, limits.RUN_NAME),
    "generator": (_generator, limits.GENERATOR),
    "invitation's label": (_invitation("label"), limits.LABEL),
    "completion code": (_invitation("completion_code"), limits.COMPLETION_CODE),
    "return link": (_invitation("completion_url"), limits.COMPLETION_URL),
    "suite's name": (_suite("name"), limits.SUITE_NAME),
    "suite's title": (_suite("title"), limits.TITLE),
    "suite's licence": (_suite("licence"), limits.LICENCE),
}


@pytest.fixture
def two_runs() -> None:
    suite = a_suite({"Colors": 1})
    a_run(suite, "one")
    a_run(suite, "two")


@pytest.mark.parametrize("letter", BAD_CHARACTERS.values(), ids=BAD_CHARACTERS)
@pytest.mark.parametrize("service", SERVICES)
def test_services_refuse_it_whoever_asks(service: str, letter: str, two_runs: None) -> None:
    write, most = SERVICES[service]
    for text in (f"a{letter}b", "x" * (most + 1)):
        with pytest.raises(InputError):
            write(text)


def test_a_label_s_twin_is_the_same_label(two_runs: None) -> None:
    runs = list(GenerationRun.objects.all())
    for twin in ("cafe\u0301", "CAF\u00c9", "caf\u00e9\u200b", "c\u00adaf\u00e9"):
        with pytest.raises(InputError, match="Two runs have the label"):
            study_create(StudyDraft(name="s", runs=runs, labels=["caf\u00e9", twin]))


@pytest.mark.parametrize("number", [0, -1, 2**31, 10**30, 10**400])
def test_how_many_raters(number: int) -> None:
    study = Study.objects.create(name="i", protocol="drawbench")
    with pytest.raises(InputError) as error:
        invitation_create(study=study, max_raters=number)
    assert error.value.field == "max_raters" and len(error.value.message) < 200
    assert invitation_create(study=study, max_raters=MOST_ADMITTED, expires_at=timezone.now() + timedelta(1)).pk


def test_what_programs_say_is_kept(two_runs: None) -> None:
    said = "a\x00b\ud800c\u202ed" + "x" * 5000
    run = GenerationRun.objects.get(name="one")
    run.message, run.weights_fingerprint = said, said
    run.provenance = {"a\x00": [said, float("nan"), {"deep": said}], "n": 1}
    run.save()
    GenerationRun.objects.filter(pk=run.pk).update(message=said, provenance={"x": said})
    run.refresh_from_db()
    assert len(run.message) == limits.MESSAGE and run.message.startswith("a\ufffdb\ufffdc\ufffdd")
    assert len(run.weights_fingerprint) == limits.FINGERPRINT and "\x00" not in str(run.provenance)
    failure = SampleFailure(run=run, prompt=run.suite.prompts.get(), sample=7, kind="crash", message=said)
    SampleFailure.objects.bulk_create([failure])
    assert SampleFailure.objects.get(sample=7).message == run.message
    Sample.objects.filter(run=run).update(provenance={"inf": float("inf"), "t": ("a", "\x00")})
    assert Sample.objects.filter(run=run)[0].provenance == {"inf": "inf", "t": ["a", "\ufffd"]}


LONG_CATEGORY = "Kategorie \u00e9 " + "k" * (limits.CATEGORY - 12)
LONG_PROMPT = "a very long prompt " * 1_700
LONG_PROMPT = LONG_PROMPT[: limits.PROMPT - 1] + "!"


@pytest.mark.parametrize("length", [100, 101, 150, 199, 200])
def test_a_category_that_the_loader_takes_fits_every_column(length: int) -> None:
    category = "k" * length
    suite = suite_load(source=f"prompt,category\na cat,{category}\n".encode(), name="long").suite
    assert suite.prompts.get().category == category
    with pytest.raises(InputError, match="at most|has at most"):
        suite_load(source=f"prompt,category\na cat,{'k' * 201}\n".encode(), name="longer")


def test_the_longest_prompt_and_category_reach_raters_and_pages(client: Client) -> None:
    assert len(LONG_PROMPT) == limits.PROMPT and len(LONG_CATEGORY) == limits.CATEGORY
    rows = f'prompt,category\n"{LONG_PROMPT}","{LONG_CATEGORY}"\n'.encode()
    suite = suite_load(source=rows, name="long").suite
    assert suite.prompts.get().text == LONG_PROMPT
    runs = [a_run(suite, name, samples=1) for name in ("one", "two")]
    study = study_open(study=study_create(StudyDraft(name="trial", runs=runs, raters_per_panel=1)))
    enrolment = enrolled(study)
    assert enrolment.rater.panel == LONG_CATEGORY
    client.cookies["rater"] = enrolment.session_key
    trials = client.get("/r/next", {"rater": str(enrolment.rater.key)}).json()["trials"]
    assert [trial["caption"] for trial in trials] == [LONG_PROMPT] and session_of(enrolment).trials == 1
    client.force_login(User.objects.create_user("ada"))
    run = StudyRun.objects.filter(study=study)[0].run
    for address in (
        f"/suites/{run.suite_id}/",
        f"/runs/{run.pk}/",
        "/studies/trial/",
        f"/api/v1/runs/{run.pk}/samples/",
    ):
        assert client.get(address).status_code == 200, address


def test_one_character_more_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"line 1 \(32,001 characters\)"):
        suite_load(source=("x" * 32_001 + "\nshort\n").encode(), name="long")


@pytest.mark.parametrize("letter", BAD_CHARACTERS.values(), ids=BAD_CHARACTERS)
def test_the_api_names_field_and_character(letter: str) -> None:
    api = APIClient()
    api.force_authenticate(User.objects.create_user("ada"))
    for path, body, field in (
        ("studies/", {"name": "x", "runs": [f"a{letter}"]}, "runs.0"),
        ("studies/", {"name": "x", "runs": ["a"], "stopping_rule": {"margin": letter}}, "stopping_rule.margin"),
        ("runs/", {"suite": "s", "generator": "g", "parameters": {"deep": [f"{letter}x"]}}, "parameters.deep.0"),
        ("scores/", {"run": f"{letter}r", "metric": "m"}, "run"),
    ):
        answer = api.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 400 and code(letter) in answer.json()["detail"], (path, answer.content)
        assert field in answer.json()["detail"]
