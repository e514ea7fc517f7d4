"""The management API: JSON for systems, described by OpenAPI at /api/v1/openapi.json.

A caller shows `Authorization: Bearer TOKEN` (evertill token create) and acts in its person's name, never wider than the token's scope. Refusals are {code, message, next_step, params} in the language of
Accept-Language; strangers are counted, known callers' refusals recorded by the services.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.errors import ValidationError as WordsInvalidError
from ninja.security import HttpBearer

from evertill.server.doors.management.routes import router
from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.errors import TokenRefused
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.kernel.errors import Invalid, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Bearer(HttpBearer):
    """Turns a token into the identity that services take."""

    def authenticate(self, request: HttpRequest, token: str) -> Identity:  # noqa: ARG002 - ninja's signature
        return Identity.of_token(accounts.token_shown(token, system_clock()))


api = NinjaAPI(title="Evertill", version="1", auth=Bearer(), urls_namespace="management", docs_url=None)
api.add_router("", router)


class NothingHere(NotFound):
    code = "NOT_FOUND"
    says = _("There is nothing at this address.")
    next_step = _("Look it up in /api/v1/openapi.json.")


@api.exception_handler(Refused)
def refused(_request: HttpRequest, refusal: Refused) -> HttpResponse:
    if isinstance(refusal, TokenRefused):
        audit.count_anonymous("management", refusal.code, system_clock())
    return JsonResponse(refusal.as_json(), status=refusal.status, json_dumps_params={"ensure_ascii": False})


@api.exception_handler(AuthenticationError)
def unknown(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return refused(request, TokenRefused())


@api.exception_handler(WordsInvalidError)
def invalid(_request: HttpRequest, error: WordsInvalidError) -> HttpResponse:
    problems: Sequence[dict[str, Any]] = error.errors
    fields = [".".join(str(part) for part in problem["loc"][1:]) for problem in problems]
    message = "; ".join(f"{field}: {problem['msg']}" for field, problem in zip(fields, problems, strict=True))
    body = {"code": "FIELD_INVALID", "message": message, "next_step": "", "params": {"fields": fields}}
    return JsonResponse(body, status=400)


class BodyInvalid(Invalid):
    code = "BODY_INVALID"
    says = _("This body is not what its Content-Type says.")
    next_step = _("Send the file itself, or a form with one file field.")


@api.exception_handler(MultiPartParserError)
@api.exception_handler(SuspiciousOperation)
def unreadable(request: HttpRequest, _error: Exception) -> HttpResponse:
    return refused(request, BodyInvalid())


class WrongMethod(Invalid):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    says = _("%(method)s means nothing at this address.")
    next_step = _("Use one of: %(allowed)s.")


def wrong_method_in_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """ninja's own 405 is plain text; here every refusal is JSON."""

    @functools.wraps(view)
    def answering(request: HttpRequest, *positions: Any, **names: Any) -> HttpResponse:
        response = view(request, *positions, **names)
        if response.status_code != WrongMethod.status:
            return response
        refusal = WrongMethod(method=request.method, allowed=response["Allow"])
        return JsonResponse(refusal.as_json(), status=refusal.status, headers={"Allow": response["Allow"]})

    return answering


def nothing_here(_request: HttpRequest, path: str) -> HttpResponse:  # noqa: ARG001 - Django passes the rest of the path
    """JSON for whatever below an API's address is not there."""
    return HttpResponse(json.dumps(NothingHere().as_json()), status=404, content_type="application/json")
