"""People of a crowd: what they say about themselves, and what stays of those who left."""

from __future__ import annotations

from django.db import models

from evaluation.models.study import Rater


class RaterAbout(models.Model):
    """What a rater said about themselves: by the id of a declared question one of its answers.

    Kept apart from what studies rest on: the rater may change it, and delete it whole.
    """

    rater = models.OneToOneField(Rater, on_delete=models.CASCADE, related_name="about")
    answers = models.JSONField(default=dict)
    said_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"About {self.rater}"


class Departure(models.Model):
    """That a rater left, and how: what keeps counts honest once the rater is gone.

    `participant_key`: of one whose data was deleted, the keyed hash of the participant's id, which the rater's row no
    longer has: the same participant is not taken for a new one.
    """

    class Reason(models.TextChoices):
        WITHDREW = "withdrew", "withdrew"
        IDLE = "idle", "away for too long"
        SCREENED = "screened", "screened out"
        ERASED = "erased", "data deleted on request"

    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="departures")
    reason = models.CharField(max_length=10, choices=Reason)
    participant_key = models.CharField(max_length=64, blank=True, db_index=True)
    left_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rater", "reason"], name="departure_once")]

    def __str__(self) -> str:
        return f"{self.rater} {self.reason}"
