"""Addresses of the researcher's pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from evaluation.views import converters  # noqa: F401  (registers the parts of addresses)
from evaluation.views.researcher import account, generators, home, images, reports, runs, studies, suites, uploads

app_name = "researcher"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in/", account.SignInView.as_view(), name="sign-in"),
    path("sign-in/<str:key>/", account.sign_in_by_link, name="sign-in-link"),
    path("sign-out/", account.sign_out, name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/password/", account.set_password, name="set-password"),
    path("account/token/", account.rotate_token, name="rotate-token"),
    path("suites/", suites.suites, name="suites"),
    path("suites/<int:pk>/", suites.suite, name="suite"),
    path("generators/", generators.generators, name="generators"),
    path("runs/", runs.runs, name="runs"),
    path("runs/new/", runs.new_run, name="new-run"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/state/", runs.run_state, name="run-state"),
    path("runs/<int:pk>/cancel/", runs.cancel, name="cancel-run"),
    path("runs/<int:pk>/retry/", runs.retry, name="retry-run"),
    path("runs/<int:pk>/resume/", runs.resume, name="resume-run"),
    path("uploads/new/", uploads.new_upload, name="new-upload"),
    path("uploads/<uuid:key>/", uploads.upload, name="upload"),
    path("uploads/<uuid:key>/state/", uploads.upload_state, name="upload-state"),
    path("uploads/<uuid:key>/match/", uploads.match, name="match-upload"),
    path("uploads/<uuid:key>/confirm/", uploads.confirm, name="confirm-upload"),
    path("uploads/<uuid:key>/drop/", uploads.drop, name="drop-upload"),
    path("images/<sha256:sha256>/", images.image, name="image"),
    path("images/<sha256:sha256>/small/", images.thumbnail, name="thumbnail"),
    path("studies/", studies.studies, name="studies"),
    path("studies/new/", studies.new_study, name="new-study"),
    path("studies/<slug:name>/", studies.study, name="study"),
    path("studies/<slug:name>/state/", studies.study_state, name="study-state"),
    path("studies/<slug:name>/open/", studies.open_study, name="open-study"),
    path("studies/<slug:name>/close/", studies.close_study, name="close-study"),
    path("studies/<slug:name>/invitations/", studies.invite, name="invite"),
    path("studies/<slug:name>/invitations/<int:pk>/revoke/", studies.revoke, name="revoke-invitation"),
    path("studies/<slug:name>/ratings.<ratings:suffix>", studies.ratings, name="study-ratings"),
    path("studies/<slug:name>/report/", reports.study_report, name="study-report"),
    path("reports/<int:pk>/", reports.report, name="report"),
    path("reports/<int:pk>/coverage/", reports.coverage, name="report-coverage"),
    path("reports/<int:pk>/figure-<int:number>.<figure:suffix>", reports.figure, name="report-figure"),
    path("reports/<int:pk>/table-<int:number>.tex", reports.table_tex, name="report-table-tex"),
    path("reports/<int:pk>/results.json", reports.results_json, name="report-json"),
    path("reports/<int:pk>/table.csv", reports.table_csv, name="report-table"),
    path("reports/<int:pk>/ratings.<ratings:suffix>", reports.report_ratings, name="report-ratings"),
]
