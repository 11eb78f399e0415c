"""What an answer means: an image, a refusal, patience, or the end of the run. Decided by statuses and by the template's
rules, never by the words of a message.
"""

from __future__ import annotations

from common.json_in import Json, JsonError, read_json
from common.numbers import number_or_none
from common.parameters import ParameterValue
from common.text import cleaned
from generators.contract import Failure, FailureKind, StopError
from generators.rivals.http.client import Answer, AnswerError
from generators.rivals.http.holes import first_text, look_up
from generators.rivals.http.template import Rule, Service, State

_MESSAGE = 300
_KEPT = 500


def judged(service: Service, answer: Answer, secret: str, *, of_job: bool = False) -> Json:
    """The JSON of an answer that is one, and no refusal. `of_job`: it was asked for what the service itself named.

    Raises:
        AnswerError: a refusal, a limit on the rate, a fault of the service, or what is no JSON.
        StopError: the key, the quota or the address is refused, so everything else would be too.
    """
    content, why, kind = _content(answer)
    said = _said(service, content, secret)
    for rule in service.rules:
        if _applies(rule, answer.status, content):
            raise _outcome(service, rule.outcome, answer, said)
    if not 200 <= answer.status < 300:
        if answer.status == 404 and of_job:
            raise AnswerError(Failure(FailureKind.CRASH, f"{service.name} has this image no more (status 404){said}"))
        raise _outcome(service, _by_status(answer.status), answer, said)
    if why:
        raise AnswerError(Failure(kind, f"{answer.host} answered with {why}"))
    return content


def state_of(service: Service, content: Json) -> tuple[State, str]:
    """How far a job is that was asked for, and the service's own word for it."""
    assert service.poll is not None
    for value in look_up(content, service.poll.state):
        if isinstance(value, str | bool):
            word = str(value)
            return service.poll.states.get(word, "invalid"), word
    return "wait", ""


def state_error(service: Service, state: State, word: str, content: Json, secret: str) -> AnswerError:
    """What a job that will give no image is told as."""
    said = _said(service, content, secret)
    what = cleaned(" ".join(hidden(word, secret).split()), 80)
    return AnswerError(Failure(FailureKind(state), f"{service.name} says {what!r}{said}"))


def kept(service: Service, content: Json, secret: str) -> dict[str, ParameterValue]:
    """What the template keeps of an answer, for the image's provenance: scalars alone."""
    found: dict[str, ParameterValue] = {}
    for name, path in service.kept.items():
        for value in look_up(content, path):
            if isinstance(value, str):
                found[name] = cleaned(hidden(value, secret), _KEPT)
            elif isinstance(value, bool | int | float):
                found[name] = value
            else:
                continue
            break
    return found


def cost_usd(service: Service, content: Json, image_usd: float | None) -> float | None:
    """What the answer cost: by its tokens where the template prices them and it tells them, else `image_usd`."""
    total, counted_tokens = 0.0, False
    for path, usd in service.price.usd_per_million.items():
        for value in look_up(content, path):
            tokens = number_or_none(value)
            if tokens is not None and tokens >= 0:
                total, counted_tokens = total + float(tokens) * usd / 1e6, True
    return total if counted_tokens else image_usd


def hidden(text: str, secret: str) -> str:
    """`text` without the key, should a service repeat it."""
    return text.replace(secret, "[the key]") if secret else text


def _content(answer: Answer) -> tuple[Json, str, FailureKind]:
    """The JSON of an answer; or what it answered with instead, and the kind of failure that this is."""
    kind, body = answer.kind, answer.body.strip()
    if kind not in ("application/json", "text/json", "") and not kind.endswith("+json"):
        return None, f"{kind} where JSON was expected", FailureKind.INVALID
    if not body:
        return None, "nothing where JSON was expected", FailureKind.INVALID
    try:
        return read_json(body, characters=False), "", FailureKind.INVALID
    except JsonError as error:
        if body[:1] in (b"{", b"[") and body[-1:] not in (b"}", b"]"):
            return None, "half of its JSON: the rest is missing", FailureKind.CRASH
        return None, f"JSON that can't be read: {error}", FailureKind.INVALID


def _said(service: Service, content: Json, secret: str) -> str:
    text = cleaned(" ".join(hidden(first_text(content, service.message), secret).split()), _MESSAGE)
    return f": {text}" if text else ""


def _applies(rule: Rule, status: int, content: Json) -> bool:
    if rule.status and rule.status != status:
        return False
    if not rule.path:
        return bool(rule.status)
    values = look_up(content, rule.path)
    if not rule.values:
        return any(value not in (None, False, "", 0) and value != [] and value != {} for value in values)
    return any(_word(value) in rule.values for value in values)


def _word(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_status(status: int) -> str:
    if status in (401, 403):
        return "key"
    if status == 402:
        return "quota"
    if status == 404:
        return "address"
    if status == 429:
        return "rate_limited"
    if status in (408, 504):
        return "timeout"
    return "crash" if status >= 500 else "invalid"


def _outcome(service: Service, outcome: str, answer: Answer, said: str) -> Exception:
    name = service.name
    if outcome == "key":
        variable = service.key.variable if service.key else ""
        hint = f" Check the key in the environment variable {variable}" if variable else " It wants a key"
        return StopError(f"{name} refuses the key (status {answer.status}){said}.{hint}, and resume the run.")
    if outcome == "quota":
        return StopError(
            f"the quota at {name} is spent (status {answer.status}){said}. Add to it there, and resume the run."
        )
    if outcome == "address":
        return StopError(
            f"{name} has no such address or model (status 404){said}. Check the parameter model, and the "
            f"template's paths."
        )
    kind = FailureKind(outcome)
    told = {
        FailureKind.REFUSED: "refuses the prompt",
        FailureKind.FILTERED: "withheld the image",
        FailureKind.RATE_LIMITED: "had too many requests",
        FailureKind.TIMEOUT: "did not answer in time",
    }.get(kind, f"answered with status {answer.status}")
    after = answer.retry_after_s if kind.retryable else None
    return AnswerError(Failure(kind, f"{name} {told}{said}", retry_after_s=after))
