"""One request on its way through a page: who asks, in which language, and what went wrong if something did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from till.counter import Counter
from till.errors import Refused
from till.journal.operators import Operator
from till.pages.http import Request
from till.pages.sessions import Session, Sessions
from till.texts import Say

if TYPE_CHECKING:
    from till.features import Feature


@dataclass(frozen=True)
class Place:
    """The folders this till works in (CONTRACT.md)."""

    data: Path
    run: Path


@dataclass
class Visit:
    """What a page needs to know; `session` is replaced on signing in and out."""

    request: Request
    session: Session
    sessions: Sessions
    say: Say
    counter: Counter
    features: "Sequence[Feature]"
    version: str
    place: Place
    state: Callable[[], Mapping[str, object]]
    problem: Refused | None = None

    @property
    def form(self) -> dict[str, str]:
        """The posted fields."""
        return self.request.form

    @property
    def operator(self) -> Operator:
        """Who is signed in; pages that ask for it are only shown to somebody who is."""
        if self.session.operator is None:
            raise RuntimeError("nobody is signed in")
        return self.session.operator

    @property
    def going_on(self) -> bool:
        """Whether the form's main button was pressed, not one of its keys."""
        return "go" in self.form
