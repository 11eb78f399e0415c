"""Addresses of /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from evaluation.api import (
    account,
    docs,
    files,
    generators,
    metrics,
    participants,
    protocols,
    runs,
    studies,
    suites,
    uploads,
)
from evaluation.views import converters  # noqa: F401  (registers the parts of addresses)

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("token/", account.TokenSignIn.as_view(), name="token"),
    path("suites/", suites.SuiteList.as_view(), name="suite-list"),
    path("suites/<int:pk>/", suites.SuiteDetail.as_view(), name="suite"),
    path("suites/<int:pk>/prompts/", suites.SuitePrompts.as_view(), name="suite-prompts"),
    path("generators/", generators.GeneratorList.as_view(), name="generator-list"),
    path("generators/<str:name>/", generators.GeneratorDetail.as_view(), name="generator"),
    path("runs/", runs.RunList.as_view(), name="run-list"),
    path("runs/<int:pk>/", runs.RunDetail.as_view(), name="run"),
    path("runs/<int:pk>/progress/", runs.RunProgress.as_view(), name="run-progress"),
    path("runs/<int:pk>/cancel/", runs.RunCancel.as_view(), name="run-cancel"),
    path("runs/<int:pk>/retry/", runs.RunRetry.as_view(), name="run-retry"),
    path("runs/<int:pk>/resume/", runs.RunResume.as_view(), name="run-resume"),
    path("runs/<int:pk>/samples/", runs.RunSamples.as_view(), name="run-samples"),
    path("runs/<int:pk>/failures/", runs.RunFailures.as_view(), name="run-failures"),
    path("metrics/", metrics.MetricList.as_view(), name="metric-list"),
    path("scores/", metrics.MetricRunList.as_view(), name="score-list"),
    path("scores/<int:pk>/", metrics.MetricRunDetail.as_view(), name="score"),
    path("scores/<int:pk>/cancel/", metrics.MetricRunCancel.as_view(), name="score-cancel"),
    path("scores/<int:pk>/retry/", metrics.MetricRunRetry.as_view(), name="score-retry"),
    path("scores/<int:pk>/images/", metrics.MetricRunImages.as_view(), name="score-images"),
    path("images/<sha256:sha256>/", runs.Image.as_view(), name="image"),
    path("files/", files.FileList.as_view(), name="file-list"),
    path("files/<uuid:key>/", files.FileDetail.as_view(), name="file"),
    path("files/<uuid:key>/part/", files.FilePart.as_view(), name="file-part"),
    path("uploads/", uploads.UploadList.as_view(), name="upload-list"),
    path("uploads/<uuid:key>/", uploads.UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:key>/table/", uploads.UploadTable.as_view(), name="upload-table"),
    path("uploads/<uuid:key>/match/", uploads.UploadMatch.as_view(), name="upload-match"),
    path("uploads/<uuid:key>/confirm/", uploads.UploadConfirm.as_view(), name="upload-confirm"),
    path("uploads/<uuid:key>/drop/", uploads.UploadDrop.as_view(), name="upload-drop"),
    path("protocols/", protocols.ProtocolList.as_view(), name="protocol-list"),
    path("studies/", studies.StudyList.as_view(), name="study-list"),
    path("studies/<slug:name>/", studies.StudyDetail.as_view(), name="study"),
    path("studies/<slug:name>/change/", studies.StudyChange.as_view(), name="study-change"),
    path("studies/<slug:name>/copy/", studies.StudyCopy.as_view(), name="study-copy"),
    path("studies/<slug:name>/open/", studies.StudyOpen.as_view(), name="study-open"),
    path("studies/<slug:name>/close/", studies.StudyClose.as_view(), name="study-close"),
    path("studies/<slug:name>/pause/", studies.StudyPause.as_view(), name="study-pause"),
    path("studies/<slug:name>/resume/", studies.StudyResume.as_view(), name="study-resume"),
    path("studies/<slug:name>/progress/", studies.StudyProgress.as_view(), name="study-progress"),
    path("studies/<slug:name>/invitations/", studies.StudyInvitations.as_view(), name="study-invitations"),
    path(
        "studies/<slug:name>/participants/export/",
        participants.ParticipantExport.as_view(),
        name="study-participants-export",
    ),
    path(
        "studies/<slug:name>/participants/delete/",
        participants.ParticipantDelete.as_view(),
        name="study-participants-delete",
    ),
    path("studies/<slug:name>/results/", studies.StudyResults.as_view(), name="study-results"),
    path("studies/<slug:name>/ratings/", studies.StudyRatings.as_view(), name="study-ratings"),
    path("studies/<slug:name>/answers/", studies.StudyAnswers.as_view(), name="study-answers"),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.Docs.as_view(), name="docs"),
]
