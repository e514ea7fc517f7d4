"""The management API's addresses; whatever else lies below is a JSON 404."""

from __future__ import annotations

from django.urls import path, re_path

from evertill.server.doors.management.api import api, nothing_here, wrong_method_in_json

_addresses = api.urls
for address in _addresses[0]:
    assert address.callback is not None  # noqa: S101 - each of ninja's addresses has a view
    address.callback = wrong_method_in_json(address.callback)

urlpatterns = [
    path("api/v1/", _addresses),
    re_path(r"^(?:api|rest)/(?P<path>.*)$", nothing_here),
]
