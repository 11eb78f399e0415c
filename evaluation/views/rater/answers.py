"""The hot endpoints of the rater's page: JSON in and out, no forms, no serializers (facts of the load tests are in
docs/running-a-study.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from evaluation.models import SkipKind
from evaluation.selectors.trials import RaterSession, Trial, known_session, rater_session, session_and_trials
from evaluation.services.rating.errors import RaterError, no_session, refuse_unless_rating
from evaluation.services.rating.skip import rating_skip
from evaluation.services.rating.submit import MOST_EVIDENCE, Answer, rating_submit
from evaluation.services.rating.uncover import images_uncover
from evaluation.services.rating.undo import rating_undo
from evaluation.views.rater.cookie import browser_hashes, browser_keys
from evaluation.views.rater.language import spoken

View = Callable[[HttpRequest], HttpResponse]


def _answers_json(view: View) -> View:
    """Errors as `{"error": {"code": ..., "message": ...}}`, in the language that the request asks for (what only a
    program gets wrong, in English); nothing is kept by caches."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            with spoken(request), refusals_of_the_database():
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
    key, position = _key(request.GET.get("rater")), position_asked(request.GET.get("after", "-1"))
    return JsonResponse(next_document(key, browser_hashes(request), position) or _nobody(request))


def position_asked(after: str) -> int:
    """The position after which trials are asked for, as it stands in an address; -1 is before the first.

    Raises:
        InputError: it is no whole number, or larger than any position.
    """
    position = whole_or_none(after)
    if position is None or abs(position) > COLUMN:
        raise InputError(f'"after" must be a position, a whole number; got "{after[:20]}".')
    return position


@require_POST
@_answers_json
def rate(request: HttpRequest) -> HttpResponse:
    """POST /r/rate `{"rater": KEY, "answers": [ANSWER ...]}`, with the fields of `rating_submit.Answer` in each.

    `{"answers": [{"assignment", "question", "choice" or "value", "status"}]}` in the same order; see
    `rating_submit.Saved`. With `"after": POSITION` it brings what `/r/next` would.
    """
    return JsonResponse(rate_document(read_body(request_body(request)), browser_hashes(request)) or _nobody(request))


def next_document(key: UUID, hashes: Sequence[str], after: int) -> dict[str, object] | None:
    """What `/r/next` answers; None where the browser holds no key of this rater. One query."""
    found = session_and_trials(key, hashes, after=after)
    if found is None:
        return None
    session, trials = found
    refuse_unless_rating(session)
    return _trials(session, trials, paused=session.paused)


def rate_document(body: Mapping[str, object], hashes: Sequence[str]) -> dict[str, object] | None:
    """What `/r/rate` answers to a request's `body`; None where the browser holds no key of the rater."""
    session = known_session(_key(body.get("rater")), hashes)
    if session is None:
        return None
    given, after = body.get("answers"), body.get("after")
    if not isinstance(given, list):
        raise InputError('The request needs "answers", a list.')
    submitted = rating_submit(
        session=session,
        answers=[_answer(number, each) for number, each in enumerate(given)],
        after=None if after is None else whole_given("after", after, "The request"),
    )
    told: dict[str, object] = {"answers": [each.as_json() for each in submitted.answers]}
    return told if after is None else told | _trials(session, submitted.trials, paused=submitted.paused)


def _trials(session: RaterSession, trials: Sequence[Trial], *, paused: bool) -> dict[str, object]:
    told = {"total": session.trials, "finished": session.finished, "trials": [trial.as_json() for trial in trials]}
    return told | ({"paused": True} if paused else {})


@require_POST
@_answers_json
def undo(request: HttpRequest) -> HttpResponse:
    """POST /r/undo `{"rater": KEY, "assignment": ID or null}`: `{"trial": the trial, to be answered again}`."""
    body = read_body(request_body(request))
    session = _session(request, body.get("rater"))
    assignment = body.get("assignment")
    trial = rating_undo(
        session=session, assignment=None if assignment is None else whole_given("assignment", assignment, "The request")
    )
    return JsonResponse({"trial": trial.as_json()})


@require_POST
@_answers_json
def skip(request: HttpRequest) -> HttpResponse:
    """POST /r/skip `{"rater": KEY, "assignment": ID, "reason": TEXT}`: images could not be seen. `{"skipped": ID}`.

    With `"kind": "refused"` the rater would rather not, and the reason is one of `evaluation.models.Refusal`.
    """
    body = read_body(request_body(request))
    session = _session(request, body.get("rater"))
    assignment = whole_given("assignment", body.get("assignment"), "The request")
    kind = str(body.get("kind", SkipKind.MISSING))
    rating_skip(session=session, assignment=assignment, reason=str(body.get("reason", "")), kind=kind)
    return JsonResponse({"skipped": assignment})


@require_POST
@_answers_json
def uncover(request: HttpRequest) -> HttpResponse:
    """POST /r/uncover `{"rater": KEY, "uncovered": [{"assignment": ID, "images": [KEY ...]} ...]}`: `{"new": N}`."""
    body = read_body(request_body(request))
    session = _session(request, body.get("rater"))
    return JsonResponse({"new": images_uncover(session=session, uncovered=uncovered_of(body))})


def uncovered_of(body: Mapping[str, object]) -> dict[int, list[str]]:
    """The keys of uncovered images by assignment. Raises InputError where the request does not say them so."""
    given = body.get("uncovered")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise InputError('The request needs "uncovered", a list of objects.')
    found: dict[int, list[str]] = {}
    for number, each in enumerate(given):
        images = each.get("images")
        if not isinstance(images, list) or not all(isinstance(key, str) for key in images):
            _refuse(f"Entry {number + 1}", "images", "a list of keys")
        found.setdefault(whole_given("assignment", each.get("assignment"), f"Entry {number + 1}"), []).extend(images)
    return found


def _key(rater: object) -> UUID:
    try:
        return UUID(str(rater))
    except ValueError:
        raise InputError('The request needs "rater", the key that the page was given.') from None


def _session(request: HttpRequest, rater: object) -> RaterSession:
    """The session that the browser's cookie proves for `rater`. Raises RaterError (403) without one."""
    return rater_session(_key(rater), browser_hashes(request)) or _nobody(request)


def _nobody(request: HttpRequest) -> NoReturn:
    """The browser holds no key of the rater that it names."""
    if browser_keys(request):
        count_unknown_key(request)
    raise no_session()


def request_body(request: HttpRequest) -> bytes:
    """The request's body. Raises InputError where it came as a form."""
    try:
        return request.body
    except RawPostDataException:  # which has been read as one
        raise InputError("The request must be a JSON object, and it came as a form.") from None


def read_body(data: bytes) -> Mapping[str, object]:
    """The JSON object that came. Raises InputError where it is none."""
    try:
        body = read_json(data)
    except JsonError as error:
        raise InputError(f"The request is not JSON that can be read: {error}.") from None
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
    theme = given.get("theme")
    if theme is not None and not isinstance(theme, str):
        _refuse(where, "theme", "a string, or null")
    try:
        submission = UUID(str(given.get("submission")))
    except ValueError:
        _refuse(where, "submission", "a UUID, the same in every retry of this answer")
    return Answer(
        assignment=whole_given("assignment", given.get("assignment"), where),
        question=question,
        choice=choice,
        value=given.get("value"),
        response_time_ms=None if time is None else whole_given("response_time_ms", time, where),
        evidence=_evidence(given.get("evidence")),
        submission=submission,
        shown_width=_whole_or_none("shown_width", given, where),
        shown_device_width=_whole_or_none("shown_device_width", given, where),
        theme=theme,
    )


def _evidence(given: object) -> int | None:
    """What the page noted; None where it is nothing of the kind, for no answer is lost over it."""
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= MOST_EVIDENCE else None


def _whole_or_none(name: str, given: Mapping[str, object], where: str) -> int | None:
    value = given.get(name)
    return None if value is None else whole_given(name, value, where)


def whole_given(name: str, value: object, where: str) -> int:
    """The whole number that a request's JSON has under `name`. `where`: what the refusal names it in.

    Raises:
        InputError: it is none.
    """
    found = whole_or_none(value) if isinstance(value, int) else None
    if found is None:
        _refuse(where, name, "a whole number")
    return found


def _refuse(where: str, name: str, what: str) -> NoReturn:
    raise InputError(f'{where}: "{name}" must be {what}.')
