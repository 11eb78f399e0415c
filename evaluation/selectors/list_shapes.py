"""The lists of the site: what may be asked of each of them."""

from __future__ import annotations

from django.db.models import F, Q
from django.utils import timezone

from evaluation.models import GenerationRun, RunStatus, StudyStatus, Upload
from evaluation.selectors.lists import ARCHIVED, ListShape, choice_filter, flag_filter

NEWEST = ("Newest first", ("-created_at", "-pk"))
OLDEST = ("Oldest first", ("created_at", "pk"))


def suites_shape() -> ListShape:
    """Suites, with the counts of `suites_listed`."""
    return ListShape(
        search=("name", "title", "source", "licence"),
        search_of="Name, title, source, licence",
        sorts={
            "newest": NEWEST,
            "name": ("By name", ("name", "-created_at", "-pk")),
            "prompts": ("Most prompts", ("-n_prompts", "-pk")),
            "runs": ("Most runs", ("-n_runs", "-pk")),
        },
        filters=(ARCHIVED,),
    )


def runs_shape() -> ListShape:
    """Runs. One query, for the generators that there are."""
    names = GenerationRun.objects.order_by("generator").values_list("generator", flat=True).distinct()[:100]
    return ListShape(
        search=("name", "generator", "suite__name", "notes"),
        search_of="Run, generator, suite, notes",
        sorts={
            "newest": NEWEST,
            "oldest": OLDEST,
            "name": ("By name", ("name",)),
            "generator": ("By generator", ("generator", "-created_at", "-pk")),
            "suite": ("By suite", ("suite__name", "-created_at", "-pk")),
        },
        filters=(
            choice_filter("status", "State", list(RunStatus.choices), "status"),
            choice_filter("generator", "Generator", [(each, each) for each in names], "generator"),
            choice_filter("origin", "Origin", list(GenerationRun.Origin.choices), "origin"),
            ARCHIVED,
        ),
    )


def studies_shape() -> ListShape:
    """Studies, with the counts of `studies_listed`."""
    return ListShape(
        search=("name", "title", "protocol"),
        search_of="Name, title, protocol",
        sorts={
            "newest": NEWEST,
            "oldest": OLDEST,
            "name": ("By name", ("name",)),
            "ratings": ("Most ratings", ("-n_ratings", "-pk")),
        },
        filters=(choice_filter("status", "State", list(StudyStatus.choices), "status"), ARCHIVED),
    )


def uploads_shape() -> ListShape:
    """Uploads."""
    return ListShape(
        search=("run_name", "generator", "suite__name", "file_name"),
        search_of="Run, generator, suite, file",
        sorts={"newest": NEWEST, "oldest": OLDEST, "name": ("By run name", ("run_name", "-pk"))},
        filters=(choice_filter("status", "State", list(Upload.Status.choices), "status"),),
    )


def invitations_shape() -> ListShape:
    """Invitations of a study, with `n_raters`."""
    over = Q(revoked_at__isnull=False) | Q(expires_at__lt=timezone.now())
    return ListShape(
        search=("label", "completion_code"),
        search_of="Label, completion code",
        sorts={
            "newest": NEWEST,
            "label": ("By label", ("label", "-pk")),
            "raters": ("Most raters", ("-n_raters", "-pk")),
        },
        filters=(flag_filter("open", "State", ("Admits raters", ~over), ("Revoked or expired", over)),),
    )


def ratings_shape(questions: list[str]) -> ListShape:
    """Standing ratings of a study. `questions`: those that it asks."""
    return ListShape(
        search=("assignment__comparison__prompt__text", "assignment__comparison__category", "shown_choice"),
        search_of="Prompt, category, answer as shown",
        sorts={
            "newest": NEWEST,
            "oldest": OLDEST,
            "slowest": ("Slowest first", (F("response_time_ms").desc(nulls_last=True), "pk")),
            "fastest": ("Fastest first", (F("response_time_ms").asc(nulls_last=True), "pk")),
        },
        filters=(
            choice_filter("question", "Question", [(each, each) for each in questions], "question"),
            flag_filter(
                "simulated", "Raters", ("Simulated", Q(rater__simulated=True)), ("People", Q(rater__simulated=False))
            ),
        ),
    )


def raters_shape(panels: list[str]) -> ListShape:
    """Raters of a study, with the counts of `raters_listed`. `panels`: those of its design."""
    gone = Q(dropped_at__isnull=False)
    return ListShape(
        search=("panel", "invitation__label", "key"),
        search_of="Panel, invitation, key",
        sorts={
            "joined": NEWEST,
            "first": OLDEST,
            "answers": ("Most answers", ("-n_answers", "pk")),
            "fastest": ("Fastest first", (F("mean_ms").asc(nulls_last=True), "pk")),
        },
        filters=(
            choice_filter("panel", "Panel", [(each, each) for each in panels if each], "panel"),
            flag_filter("left", "State", ("Withdrew or was replaced", gone), ("In the study", ~gone)),
            flag_filter("simulated", "Raters", ("Simulated", Q(simulated=True)), ("People", Q(simulated=False))),
        ),
    )


def team_shape() -> ListShape:
    """Researchers' accounts."""
    return ListShape(
        search=("username", "first_name", "last_name", "email"),
        search_of="Name",
        sorts={
            "name": ("By name", ("username",)),
            "newest": ("Newest first", ("-date_joined", "-pk")),
            "seen": ("Last signed in", (F("last_login").desc(nulls_last=True), "pk")),
        },
        filters=(flag_filter("active", "State", ("May sign in", Q(is_active=True)), ("Blocked", Q(is_active=False))),),
    )
