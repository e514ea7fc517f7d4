"""What every page of the console shares: who looks and when, the frame around the page, and how a refusal is shown.

Rules kept here: nobody without a role of the console gets in; a refusal is a page in the same frame, with its sentence, the next step and, last, its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from evertill.server.doors.console.errors import NotStaff
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.kernel.errors import FieldInvalid, Refused
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from evertill.protocol.errors import Language
    from evertill.server.rooms.accounts.models import Person
    from evertill.server.rooms.organisations.models import Node

P = ParamSpec("P")
THEMES: Final = ("light", "dark")
THEME_COOKIE: Final = "theme"


def language() -> Language:
    """The reader's language, as the rooms and the protocol name it."""
    return "en" if (get_language() or "").startswith("en") else "zh"


@dataclass(frozen=True)
class Visit:
    """One request of a member of staff; `now` is asked once."""

    request: HttpRequest
    by: Identity
    now: datetime

    @property
    def posts(self) -> bool:
        return self.request.method == "POST"

    def may(self, operation: Operation, node: Node) -> bool:
        return access.may(self.by, operation, node)

    def show(self, template: str, section: str, *, problem: Refused | None = None, **words: Any) -> HttpResponse:
        """A page in the frame; `section` marks the place in the rail. With a `problem` the page says so, and answers with its status."""
        frame = {"visit": self, "section": section, "problem": problem, **self._frame()}
        return render(
            self.request, f"console/{template}.html", frame | words, status=problem.status if problem else None
        )

    def fragment(self, template: str, **words: Any) -> HttpResponse:
        """A part of a page, without the frame."""
        return render(self.request, f"console/{template}.html", {"visit": self} | words)

    def done(self, says: str, to: str, *args: object) -> HttpResponse:
        """After an act: on to a page that says what was done."""
        messages.success(self.request, says)
        return redirect(f"console:{to}", *args)

    def refused(self, refused: Refused) -> HttpResponse:
        return self.show("refused", "", problem=refused)

    def _frame(self) -> dict[str, Any]:
        operator = organisations.operator()
        theme = self.request.COOKIES.get(THEME_COOKIE, "")
        return {
            "operator": operator,
            "login": self.by.actor.name,
            "theme": theme if theme in THEMES else "",
            "may_audit": bool(access.nodes_where(self.by, Operation.AUDIT_VIEW)),
        }


def page(view: Callable[Concatenate[Visit, P], HttpResponse]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Makes a function of a visit a view: signed in, of the staff, and refusals shown as pages."""

    @wraps(view)
    def entered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = cast("Person", request.user)
        visit = Visit(request, Identity.of_person(person), system_clock())
        try:
            if not person.is_staff:
                raise NotStaff(login=person.login)
            _check_texts(request)
            return view(visit, *args, **kwargs)
        except Refused as refused:
            return visit.refused(refused)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponse]", login_required(entered))


def _check_texts(request: HttpRequest) -> None:
    """PostgreSQL keeps no NUL, and no keyboard types one. Raises `FieldInvalid`."""
    for name, text in (("address", request.path), *request.GET.items(), *request.POST.items()):
        if "\0" in f"{name}{text}":
            raise FieldInvalid(field=name, problem=_("a NUL character cannot be kept"))
