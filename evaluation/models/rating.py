"""Ratings: what raters answered. The database, not the code, keeps them single, owned and unchanged."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common import limits
from evaluation.models.study import Assignment, Rater


class Theme(models.TextChoices):
    """How light the page around the images was."""

    LIGHT = "light", "Light"
    GREY = "grey", "Mid grey"
    DARK = "dark", "Dark"


class Rating(models.Model):
    """One answer to one question of one assignment.

    `shown_choice`: the id of a closed answer as shown (`left` is the left set; which generator stood there is the
    assignment's to say). `value`: any other answer. One of the two is there, and the trigger `rating_asked` holds it
    against the question as the study locked it.

    Append-only, by triggers (0002_rating_guards, 0006_what_may_not_change): nothing but `retracted_at` may change,
    once, when the rater undoes the answer; no row goes, and none comes but for a question of an open study. At most
    one rating of an assignment and question stands (`rating_once`), and a composite foreign key makes `rater` the
    assignment's rater.

    `submission`: the client's key of the trial as shown, so that a late retry of an undone answer changes nothing.
    `response_time_ms`: milliseconds from both sets decoded to the choice, as the browser measured them.

    `shown_width`, `shown_device_width`: how wide each image stood on the page, in CSS pixels and in those of the device
    (the height follows: all shown images of a study have one shape). `theme`: as the page around them was drawn. All
    three as the browser measured them when the answer was sent; null where it said nothing.
    """

    # the composite key holds both, and two of the indexes below begin with the assignment
    assignment = models.ForeignKey(
        Assignment, on_delete=models.PROTECT, related_name="ratings", db_index=False, db_constraint=False
    )
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="ratings", db_constraint=False)
    question = models.CharField(max_length=limits.QUESTION)
    shown_choice = models.CharField(max_length=limits.QUESTION, null=True, blank=True)
    value = models.JSONField(null=True, blank=True)
    response_time_ms = models.PositiveIntegerField(null=True, blank=True)
    shown_width = models.PositiveSmallIntegerField(null=True, blank=True)
    shown_device_width = models.PositiveSmallIntegerField(null=True, blank=True)
    theme = models.CharField(max_length=5, choices=Theme, null=True, blank=True)
    submission = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)
    retracted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "question"], condition=Q(retracted_at__isnull=True), name="rating_once"
            ),
            models.UniqueConstraint(fields=["assignment", "question", "submission"], name="rating_submission_once"),
            models.CheckConstraint(
                condition=Q(shown_choice__isnull=True) ^ Q(value__isnull=True), name="rating_one_answer"
            ),
            models.CheckConstraint(
                condition=Q(shown_width__isnull=True) | Q(shown_width__range=(1, limits.SHOWN_PIXELS)),
                name="rating_shown_width",
            ),
            models.CheckConstraint(
                condition=Q(shown_device_width__isnull=True) | Q(shown_device_width__range=(1, limits.SHOWN_PIXELS)),
                name="rating_shown_device_width",
            ),
            models.CheckConstraint(condition=Q(theme__isnull=True) | Q(theme__in=Theme.values), name="rating_theme"),
        ]

    def __str__(self) -> str:
        return f"{self.assignment} {self.question}: {self.shown_choice or self.value}"
