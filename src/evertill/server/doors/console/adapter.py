"""Who comes in at the sign-in page: people only, each noted; nobody makes an account by himself (accounts.service adds people)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter

from evertill.server.rooms.accounts import service as accounts
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.kernel.clock import system_clock

if TYPE_CHECKING:
    from django.http import HttpRequest

    from evertill.server.rooms.accounts.models import Person


class ClosedDoor(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """allauth's sign-up is open unless told otherwise (design §3, known traps)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        return False

    def login(self, request: HttpRequest, user: Person) -> None:
        super().login(request, user)
        accounts.note_sign_in(user, system_clock())

    def authentication_failed(self, request: HttpRequest, **_credentials: Any) -> None:  # noqa: ARG002 - allauth's signature
        audit.count_anonymous("console", "SIGN_IN_REFUSED", system_clock())
