"""The rater's qualification: an item, its feedback, the next; then the trials, or the screen-out page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from common.numbers import whole_or_none
from evaluation.models import Comparison, Rater
from evaluation.services.rating.enrol import is_to_qualify
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.qualify import Judged, next_item, options_of, qualification_answer
from evaluation.views.rater import texts
from evaluation.views.rater.language import read_by
from evaluation.views.rater.pages import in_words, no_session_page, rater_of, refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def qualify(request: HttpRequest) -> HttpResponse:
    """The next item, or with POST what was right of the one that was answered."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    if request.method == "POST":
        item = whole_or_none(request.POST.get("item", ""))
        try:
            judged = qualification_answer(rater=rater, item=item or 0, answers=request.POST.dict())
        except RaterError as error:
            return refused(request, error, rater.invitation)
        return render(request, "rater/qualify.html", _context(rater, judged.item, judged))
    if not is_to_qualify(rater) or rater.dropped_at is not None or rater.study.paused_at is not None:
        return redirect("rater:trials")
    shown = next_item(rater)
    if shown is None:
        return redirect("rater:trials")
    return render(request, "rater/qualify.html", _context(rater, shown, None))


def _context(rater: Rater, item: Comparison, judged: Judged | None) -> dict[str, object]:
    protocol = read_by(rater)
    items = list(
        Comparison.objects.filter(study=rater.study, control=item.control).order_by("pk").values_list("pk", flat=True)
    )
    words = texts.shown_words(protocol, rater.study.specification["sets"]["size"])
    names = [f"{words.set} {letter}" for letter in "ABCDEFGH"]
    hidden = protocol.shown.prompt == "hidden"
    questions = []
    for name in item.expected:
        question = protocol.question(name)
        options = options_of(question.answers)
        said = dict(options)
        questions.append(
            {
                "id": name,
                "text": question.as_asked(item.prompt.text),
                "options": options,
                "given": said.get(judged.given[name]) if judged else "",
                "right": said.get(judged.right[name]) if judged else "",
                "is_right": judged is not None and judged.given[name] == judged.right[name],
            }
        )
    return {
        "item": item.pk,
        "number": items.index(item.pk) + 1,
        "of": len(items),
        "caption": "" if hidden else item.prompt.text,
        "sets": [
            (names[at] if len(item.sets) > 1 else words.set, [reverse("rater:image", args=[key]) for key in keys])
            for at, keys in enumerate(item.sets)
        ],
        "covered": bool(item.covered),
        "questions": questions,
        "judged": judged,
        "language": protocol.language,
    }
