"""A draft played as a rater: the real page and script on the draft's first trials. No answer is saved.

Which trials of the preview are done stands in the researcher's session alone, of the last preview that was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from common.numbers import whole_or_none
from evaluation.errors import ConflictError, InputError
from evaluation.models import Study
from evaluation.protocols import AnswerError
from evaluation.selectors.own_protocols import protocol_of
from evaluation.selectors.shared_images import study_shared_images
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.trials import TRIALS_AT_ONCE
from evaluation.services.studies.preview import draft_preview, preview_image
from evaluation.views.rater.answers import position_asked, read_body, request_body, uncovered_of, whole_given
from evaluation.views.rater.contexts import RaterPage, breaks_of, trials_context
from evaluation.views.researcher.pages import ResearcherRequest, page

SESSION = "preview"
LARGEST_SIDE = 2048


@page("GET")
def trials(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The page of trials, on the draft's first ones."""
    study = study_by_name(name)
    preview = draft_preview(study)
    rater = str(uuid4())
    request.session[SESSION] = {
        "rater": rater,
        "trials": [each.as_json() for each in preview.trials],
        "done": [],
    }
    addresses = {
        each: reverse(f"researcher:preview-{each}", args=[study.name])
        for each in ("next", "rate", "undo", "skip", "uncover", "end")
    }
    size = [preview.display.width, preview.display.height]
    addresses |= {
        "images": reverse("researcher:preview-image", args=[study.name, *size, "KEY"]),
        "finish": addresses["end"],
        "reload": reverse("researcher:preview", args=[study.name]),
        "withdraw": "",
        "device": "",
    }
    context = trials_context(
        RaterPage(
            protocol=preview.protocol,
            rater=rater,
            set_size=preview.set_size,
            width=preview.display.width,
            height=preview.display.height,
            viewing=preview.viewing,
            addresses=addresses,
            breaks=breaks_of(study.specification),
        )
    )
    return render(
        request, "rater/trials.html", context | {"preview_of": study.name, "shared_images": study_shared_images(study)}
    )


Answered = Callable[[ResearcherRequest, Study, Mapping[str, object]], dict[str, object]]


def _for_script(method: str) -> Callable[[Answered], Callable[..., HttpResponseBase]]:
    """What the rater's script asks: JSON in and out, errors in the form that it knows."""

    def decorate(view: Answered) -> Callable[..., HttpResponseBase]:
        @page(method)
        @wraps(view)
        def answer(request: ResearcherRequest, name: str) -> HttpResponseBase:
            try:
                given = request.GET.dict() if method == "GET" else read_body(request_body(request))
                _refuse_other_preview(request, given)
                response = JsonResponse(view(request, study_by_name(name), given))
            except InputError as error:
                code = "reload" if isinstance(error, ConflictError) else "input"
                response = JsonResponse({"error": {"code": code, "message": error.message}}, status=error.status)
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


@_for_script("GET")
def following(request: ResearcherRequest, study: Study, given: Mapping[str, object]) -> dict[str, object]:
    """The next trials after a position."""
    return _next(request, position_asked(str(given.get("after", "-1"))))


def _next(request: ResearcherRequest, after: int) -> dict[str, object]:
    preview = request.session[SESSION]
    open_ones = [
        each for each in preview["trials"] if each["assignment"] not in preview["done"] and each["position"] > after
    ]
    return {"total": len(preview["trials"]), "finished": False, "trials": open_ones[:TRIALS_AT_ONCE]}


@_for_script("POST")
def rate(request: ResearcherRequest, study: Study, given: Mapping[str, object]) -> dict[str, object]:
    """Answers, checked as a rater's are, and not saved. With `"after": POSITION`, the next trials too."""
    answers = given.get("answers")
    after = None if given.get("after") is None else whole_given("after", given["after"], "The request")
    if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
        raise InputError('The request needs "answers", a list of objects.')
    protocol = protocol_of(study)
    for each in answers:
        trial = _trial(request, each.get("assignment"))
        sets: Any = trial.get("sets", [trial.get("left"), trial.get("right")])
        words: Any = trial.get("words", ())
        claims: Any = trial.get("claims", ())
        try:
            protocol.question(str(each.get("question"))).answers.check(
                each.get("choice", each.get("value")),
                shown=len(sets),
                prompt=" ".join(words) or str(trial["caption"]),
                claims=claims,
            )
        except KeyError as error:
            raise InputError(str(error.args[0])) from error
        except AnswerError as error:
            raise InputError(str(error)) from error
        _mark(request, trial["assignment"], done=True)
    saved: dict[str, object] = {"answers": [{**each, "status": "saved"} for each in answers]}
    return saved if after is None else saved | _next(request, after)


@_for_script("POST")
def undo(request: ResearcherRequest, study: Study, given: Mapping[str, object]) -> dict[str, object]:
    """The last trial that was done, or the one that is meant, to be answered again."""
    done, assignment = request.session[SESSION]["done"], given.get("assignment")
    if assignment is None and not done:
        raise InputError("There is nothing to undo yet.")
    trial = _trial(request, done[-1] if assignment is None else assignment)
    _mark(request, trial["assignment"], done=False)
    return {"trial": trial}


@_for_script("POST")
def skip(request: ResearcherRequest, study: Study, given: Mapping[str, object]) -> dict[str, object]:
    """A trial whose images did not load, or that a rater would rather not rate."""
    trial = _trial(request, given.get("assignment"))
    _mark(request, trial["assignment"], done=True)
    return {"skipped": trial["assignment"]}


@_for_script("POST")
def uncover(request: ResearcherRequest, study: Study, given: Mapping[str, object]) -> dict[str, object]:
    """Images that were uncovered, of which a preview keeps nothing."""
    for assignment in uncovered_of(given):
        _trial(request, assignment)
    return {"new": 0}


@page("GET", "POST")
def end(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The end of a preview."""
    request.session.pop(SESSION, None)
    messages.info(request, "The preview is over. No answer was saved.")
    return redirect("researcher:study", name=study_by_name(name).name)


@page("GET")
def image(request: ResearcherRequest, name: str, width: int, height: int, key: str) -> HttpResponseBase:
    """An image as raters would see it."""
    sample = whole_or_none(key)
    if sample is None or not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise InputError(f"There is no such image: sides are from 1 to {LARGEST_SIDE} pixels.")
    data = preview_image(study_by_name(name), sample, width=width, height=height)
    response = HttpResponse(data, content_type="image/webp")
    response["Cache-Control"] = "private, max-age=600"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _refuse_other_preview(request: ResearcherRequest, given: Mapping[str, object]) -> None:
    preview = request.session.get(SESSION)
    if preview is None or preview["rater"] != given.get("rater"):
        raise ConflictError("Another preview was begun meanwhile. Reload the page to begin this one again.")


def _trial(request: ResearcherRequest, assignment: object) -> dict[str, object]:
    found = [each for each in request.session[SESSION]["trials"] if each["assignment"] == assignment]
    if not found or isinstance(assignment, bool):
        raise InputError("The preview has no such trial. Reload the page.")
    trial: dict[str, object] = found[0]
    return trial


def _mark(request: ResearcherRequest, assignment: object, *, done: bool) -> None:
    preview = request.session[SESSION]
    preview["done"] = [each for each in preview["done"] if each != assignment] + ([assignment] if done else [])
    request.session[SESSION] = preview
