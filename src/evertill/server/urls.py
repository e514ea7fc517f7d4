"""Where each of Django's doors hangs. The device door and the repository's files are routed before Django (see asgi)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("evertill.server.doors.management.urls")),
    path("", include("evertill.server.doors.console.urls")),
]
