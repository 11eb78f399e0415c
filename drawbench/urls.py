"""The addresses: pages, the API, the administrator's pages, and the one for whoever watches over the servers."""

from django.contrib import admin
from django.urls import include, path

from drawbench.health import health

handler400 = "evaluation.views.errors.bad_request"
handler403 = "evaluation.views.errors.permission_denied"
handler404 = "evaluation.views.errors.not_found"
handler500 = "evaluation.views.errors.server_error"

urlpatterns = [
    path("", include("evaluation.urls")),
    path("api/v1/", include("evaluation.api.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health, name="health"),
]
