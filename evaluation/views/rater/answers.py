"""The hot endpoints of the rater's page: JSON in and out, no forms, no serializers (facts of the load tests are in
docs/running-a-study.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import NoReturn
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.views.decorators.http import require_POST, require_safe

from common.json_in import JsonError, read_json
from common.limits import COLUMN
from common.numbers import whole_or_none
from evaluation.doors import count_unknown_key, say_when
from evaluation.errors import InputError
from evaluation.intake import refusals_of_the_database
from evaluation.selectors.trials import RaterSession, next_trials, rater_session
from evaluation.services.rating.errors import RaterError, refuse_unless_rating
from evaluation.services.rating.skip import rating_skip
from evaluation.services.rating.submit import Answer, rating_submit
from evaluation.services.rating.undo import rating_undo
from evaluation.views.rater.cookie import browser_hashes, browser_keys

View = Callable[[HttpRequest], HttpResponse]


def _answers_json(view: View) -> View:
    """Errors as `{"error": {"code": ..., "message": ...}}`, and nothing kept by caches."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            with refusals_of_the_database():
                response = view(request)
        except InputError as error:
            code = error.code if isinstance(error, RaterError) else "input"
            told = {"code": code, "message": error.message, **error.details}
            response = JsonResponse({"error": told}, status=error.status)
            say_when(response, error)
        response["Cache-Control"] = "no-store"
        return response

    return answer


@require_safe
@_answers_json
def following(request: HttpRequest) -> HttpResponse:
    """GET /r/next?rater=KEY&after=POSITION: the next two trials after a position (from the first without one).

    `{"total": trials in all, "finished": bool, "trials": [{"assignment", "position", "caption", "left", "right"}]}`
    """
    session = _session(request, request.GET.get("rater"))
    refuse_unless_rating(session)
    after = request.GET.get("after", "-1")
    position = whole_or_none(after)
    if position is None or abs(position) > COLUMN:
        raise InputError(f'"after" must be a position, a whole number; got "{after[:20]}".')
    trials = next_trials(session, after=position)
    return JsonResponse(
        {"total": session.trials, "finished": session.finished, "trials": [trial.as_json() for trial in trials]}
    )


@require_POST
@_answers_json
def rate(request: HttpRequest) -> HttpResponse:
    """POST /r/rate `{"rater": KEY, "answers": [ANSWER ...]}`, with the fields of `rating_submit.Answer` in each.

    `{"answers": [{"assignment", "question", "choice" or "value", "status"}]}` in the same order; see
    `rating_submit.Saved`.
    """
    body = _body(request)
    session = _session(request, body.get("rater"))
    given = body.get("answers")
    if not isinstance(given, list):
        raise InputError('The request needs "answers", a list.')
    saved = rating_submit(session=session, answers=[_answer(number, each) for number, each in enumerate(given)])
    return JsonResponse({"answers": [each.as_json() for each in saved]})


@require_POST
@_answers_json
def undo(request: HttpRequest) -> HttpResponse:
    """POST /r/undo `{"rater": KEY, "assignment": ID or null}`: `{"trial": the trial, to be answered again}`."""
    body = _body(request)
    session = _session(request, body.get("rater"))
    assignment = body.get("assignment")
    trial = rating_undo(
        session=session, assignment=None if assignment is None else _whole("assignment", assignment, "The request")
    )
    return JsonResponse({"trial": trial.as_json()})


@require_POST
@_answers_json
def skip(request: HttpRequest) -> HttpResponse:
    """POST /r/skip `{"rater": KEY, "assignment": ID, "reason": TEXT}`: images could not be seen. `{"skipped": ID}`."""
    body = _body(request)
    session = _session(request, body.get("rater"))
    assignment = _whole("assignment", body.get("assignment"), "The request")
    rating_skip(session=session, assignment=assignment, reason=str(body.get("reason", "")))
    return JsonResponse({"skipped": assignment})


def _session(request: HttpRequest, rater: object) -> RaterSession:
    """The session that the browser's cookie proves for `rater`. Raises RaterError (403) without one."""
    try:
        key = UUID(str(rater))
    except ValueError:
        raise InputError('The request needs "rater", the key that the page was given.') from None
    session = rater_session(key, browser_hashes(request))
    if session is None:
        if browser_keys(request):
            count_unknown_key(request)
        raise RaterError(
            "no-session", "Your session in this browser has ended. Please open your invitation link again.", status=403
        )
    return session


def _body(request: HttpRequest) -> Mapping[str, object]:
    try:
        body = read_json(request.body)
    except JsonError as error:
        raise InputError(f"The request is not JSON that can be read: {error}.") from None
    except RawPostDataException:  # it came as a form, which has been read as one
        raise InputError("The request must be a JSON object, and it came as a form.") from None
    if not isinstance(body, dict):
        raise InputError("The request must be a JSON object.")
    return body


def _answer(number: int, given: object) -> Answer:
    where = f"Answer {number + 1}"
    if not isinstance(given, dict):
        raise InputError(f"{where} must be a JSON object.")
    question, choice, time = given.get("question"), given.get("choice"), given.get("response_time_ms")
    if not isinstance(question, str):
        _refuse(where, "question", "a string")
    if "choice" in given and "value" in given:
        raise InputError(f'{where} has both "choice" and "value". Send the one that the question takes.')
    if not isinstance(choice, str) and "value" not in given:
        _refuse(where, "choice", "a string")
    try:
        submission = UUID(str(given.get("submission")))
    except ValueError:
        _refuse(where, "submission", "a UUID, the same in every retry of this answer")
    return Answer(
        assignment=_whole("assignment", given.get("assignment"), where),
        question=question,
        choice=choice,
        value=given.get("value"),
        response_time_ms=None if time is None else _whole("response_time_ms", time, where),
        submission=submission,
    )


def _whole(name: str, value: object, where: str) -> int:
    found = whole_or_none(value) if isinstance(value, int) else None
    if found is None:
        _refuse(where, name, "a whole number")
    return found


def _refuse(where: str, name: str, what: str) -> NoReturn:
    raise InputError(f'{where}: "{name}" must be {what}.')
