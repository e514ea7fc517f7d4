"""What belongs to no page: whether the process lives, and how the reader wants to see the pages."""

from __future__ import annotations

from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from evertill.server.doors.console.door import THEME_COOKIE, THEMES
from evertill.server.doors.console.errors import FormStale
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.kernel.clock import system_clock

_YEAR_S: Final = 365 * 24 * 3600


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """A form without its token: nothing was done; of somebody who is signed in the record keeps it."""
    refused = FormStale()
    if request.user.is_authenticated:
        by = Identity.of_person(request.user)
        audit.record_refusal(by.actor, "console.send", refused, kind="page", ref=request.path, now=system_clock())
    return render(request, "403_csrf.html", {"refused": refused}, status=refused.status)


def healthz(_request: HttpRequest) -> JsonResponse:
    """Whether this process answers and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or (anything else) as the system has it; then back to the page it was asked on."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    answer = redirect(back)
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        answer.set_cookie(THEME_COOKIE, wanted, max_age=_YEAR_S, samesite="Lax", httponly=True)
    else:
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    return answer
