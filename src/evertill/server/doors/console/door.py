"""What every page of the console shares: who looks and when, the frame around the page, and how a refusal is shown.

Rules kept here: nobody without a role of the console gets in; a refusal is a page in the same frame, with its sentence, the next step and, last, its code;
what a page may not show somebody is recorded like any other refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeAlias, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from evertill.server.doors.console.errors import MethodNotAllowed, NotStaff
from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.access import Identity
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.kernel.errors import FieldInvalid, Forbidden, Refused
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from evertill.protocol.errors import Language
    from evertill.server.rooms.accounts.models import Person
    from evertill.server.rooms.organisations.models import Node

P = ParamSpec("P")
READ: Final = ("GET", "HEAD")
THEMES: Final = ("light", "dark")
THEME_COOKIE: Final = "theme"
COUNTED_MOST: Final = 9999


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

    def recorded(self, refused: Refused) -> Refused:
        """A refusal that no service has recorded: one row, with the address that was asked for."""
        ref = self.request.path
        audit.record_refusal(self.by.actor, "console.open", refused, kind="page", ref=ref, now=self.now)
        return refused

    def refused(self, refused: Refused) -> HttpResponse:
        return self.show("refused", "", problem=refused)

    def _frame(self) -> dict[str, Any]:
        operator = organisations.operator()
        theme = self.request.COOKIES.get(THEME_COOKIE, "")
        return {
            "operator": operator,
            "login": self.by.actor.name,
            "theme": theme if theme in THEMES else "",
            "fleet_size": self._fleet_size(),
            "may_audit": bool(access.nodes_where(self.by, Operation.AUDIT_VIEW)),
        }

    def _fleet_size(self) -> str:
        """Of the part one may see; counted no further than `COUNTED_MOST`, because every page shows it."""
        count = fleet.count_up_to(COUNTED_MOST + 1, access.visible_nodes(self.by))
        return f"{COUNTED_MOST}+" if count > COUNTED_MOST else str(count)


View: TypeAlias = "Callable[Concatenate[Visit, P], HttpResponse]"
Entered: TypeAlias = "Callable[Concatenate[HttpRequest, P], HttpResponse]"


def page(view: View[P]) -> Entered[P]:
    """Makes a function of a visit a view that is only read: signed in, of the staff, and refusals shown as pages."""
    return _entered(view, READ)


def form(view: View[P]) -> Entered[P]:
    """A page whose form is sent to its own address."""
    return _entered(view, (*READ, "POST"))


def deed(view: View[P]) -> Entered[P]:
    """What the form of another page is sent to."""
    return _entered(view, ("POST",))


def _entered(view: View[P], methods: tuple[str, ...]) -> Entered[P]:
    @wraps(view)
    def entered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        visit = Visit(request, Identity.of_person(cast("Person", request.user)), system_clock())
        try:
            _admit(visit, methods)
            return view(visit, *args, **kwargs)
        except Forbidden as refused:
            return visit.refused(visit.recorded(refused))
        except MethodNotAllowed as refused:
            answer = visit.refused(refused)
            answer["Allow"] = ", ".join(methods)
            return answer
        except Refused as refused:
            return visit.refused(refused)

    return cast("Entered[P]", login_required(entered))


def _admit(visit: Visit, methods: tuple[str, ...]) -> None:
    """Raises `NotStaff`, `MethodNotAllowed`, `FieldInvalid`."""
    request = visit.request
    if not cast("Person", request.user).is_staff:
        raise NotStaff(login=visit.by.actor.name)
    if request.method not in methods:
        raise MethodNotAllowed(method=request.method, allowed=", ".join(methods))
    # PostgreSQL keeps no NUL, and no keyboard types one.
    for name, text in (("address", request.path), *request.GET.items(), *request.POST.items()):
        if "\0" in f"{name}{text}":
            raise FieldInvalid(field=name, problem=_("a NUL character cannot be kept"))
