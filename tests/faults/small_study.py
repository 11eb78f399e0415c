"""`python -m tests.faults.small_study PROMPTS RATERS`: an open study in the instance of DRAWBENCH_VAR, raters enrolled.

Prints JSON: {"raters": [{"key", "cookie", "trials"}], "csrf_cookie"}; with --count, what the database holds of ratings.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
django.setup()

from django.conf import settings  # noqa: E402

from evaluation.models import Rating  # noqa: E402
from tests.studies.world import an_open_study, enrolled, session_of  # noqa: E402


def make(prompts: int, raters: int) -> dict[str, object]:
    study = an_open_study({"all": prompts}, raters_per_panel=raters, samples=1)
    found = [enrolled(study) for _ in range(raters)]
    return {
        "raters": [
            {"key": str(each.rater.key), "cookie": each.session_key, "trials": session_of(each).trials}
            for each in found
        ],
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
    }


def count() -> list[list[object]]:
    return [
        [str(submission), assignment, question]
        for submission, assignment, question in Rating.objects.values_list("submission", "assignment_id", "question")
    ]


if __name__ == "__main__":
    answer: object = count() if sys.argv[1] == "--count" else make(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(answer))
