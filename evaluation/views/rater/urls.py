"""Addresses of the rater's pages."""

from __future__ import annotations

from django.urls import path

from evaluation.views.rater import about, answers, device, images, pages, qualification

app_name = "rater"
PREFIX = "/r/"
"""Where these addresses stand (`evaluation.urls`)."""

urlpatterns = [
    path("", pages.trials, name="trials"),
    path("join/<slug:key>", pages.join, name="join"),
    path("about", about.about, name="about"),
    path("instructions", pages.instructions, name="instructions"),
    path("qualify", qualification.qualify, name="qualify"),
    path("finish", pages.finish, name="finish"),
    path("end", pages.end, name="end"),
    path("withdraw", pages.withdraw, name="withdraw"),
    path("device", device.device, name="device"),
    path("continue", device.go_on, name="continue"),
    path("next", answers.following, name="next"),
    path("rate", answers.rate, name="rate"),
    path("undo", answers.undo, name="undo"),
    path("skip", answers.skip, name="skip"),
    path("uncover", answers.uncover, name="uncover"),
    path("i/<slug:key>.webp", images.image, name="image"),
]
