"""The management API's addresses; whatever else lies below is a JSON 404."""

from __future__ import annotations

from django.urls import path, re_path

from evertill.server.doors.management.api import api, nothing_here

urlpatterns = [
    path("api/v1/", api.urls),
    re_path(r"^(?:api|rest)/(?P<path>.*)$", nothing_here),
]
