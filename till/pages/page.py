"""What a page is: something to show, perhaps something to do, and for whom."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from till.pages.http import Response
from till.pages.visit import Visit


class Who(Enum):
    """For whom a page is."""

    ANYBODY = "anybody"
    OPERATOR = "somebody signed in"
    SUPERVISOR = "supervisor or admin"


@dataclass(frozen=True)
class Page:
    """`show` reads, `act` does what the page's form asks for."""

    show: Callable[[Visit], Response]
    act: Callable[[Visit], Response] | None = None
    who: Who = Who.OPERATOR
