"""A cashier at the till's own pages: sets it up on the first day, sells for cash, settles. Keeps the receipts, so that somebody can count afterwards."""

from __future__ import annotations

import itertools
import re
import secrets
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from evertill.sim.demo.lines import connect

if TYPE_CHECKING:
    from pathlib import Path

SETUP_ORDER: Final = ("01", "00", "99")
_HIDDEN: Final = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_CODE: Final = re.compile(r'<p class="code">([A-Z_]+)</p>')
_TIMEOUT_S: Final = 20.0
_PIN_DIGITS: Final = 6


class PageRefused(Exception):
    """The till showed the page again, with this code."""


class Seen(NamedTuple):
    status: int
    text: str
    location: str


class Cashier:
    """At the till that sells in this home, whichever version it is."""

    def __init__(self, home: Path) -> None:
        self._run = home / "run" / "till"
        self._cookies: dict[str, str] = {}
        self.pins = {number: new_pin() for number in SETUP_ORDER}
        self.receipts_fen: list[int] = []

    def first_day(self) -> None:
        """Chooses the operators' PINs on the till's set-up page, each typed twice. Raises `PageRefused`."""
        for number in SETUP_ORDER:
            for _time in range(2):
                self._post("setup", number=number, typed=self.pins[number])

    def sign_in(self, number: str = "01") -> None:
        self._cookies.clear()
        self._post(f"sign-in?operator={number}", operator=number, typed=self.pins[number])

    def sell(self, *amounts_fen: int) -> None:
        """One sale after the other, paid exactly. Raises `PageRefused`."""
        for fen in amounts_fen:
            self._post("sale", typed=str(fen))
            self._post("tender", typed="")
            self.receipts_fen.append(fen)

    def settle(self) -> None:
        """结算. Raises `PageRefused`."""
        self._post("settle")

    def _post(self, page: str, **form: str) -> None:
        """Looks at the page, then posts its form with what it hides."""
        seen = self._request("GET", page)
        found = self._request("POST", page.partition("?")[0], {**dict(_HIDDEN.findall(seen.text)), **form, "go": "1"})
        if found.status != 303:  # noqa: PLR2004 - till/CONTRACT.md, section 6: a success is a 303
            code = _CODE.search(found.text)
            raise PageRefused(f"{page}: {found.status} {code[1] if code else ''}".strip())

    def _request(self, method: str, page: str, form: dict[str, str] | None = None) -> Seen:
        connection = HTTPConnection("till", timeout=_TIMEOUT_S)
        connection.sock = connect(self._run / "till.sock")
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, f"/{page}", urlencode(form) if form is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Seen(answer.status, text, answer.headers.get("Location", ""))


def new_pin() -> str:
    """Random, and none of those that a till or a terminal calls too simple."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
        steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
        if len(set(pin)) >= _PIN_DIGITS - 1 and len(steps) > 2:  # noqa: PLR2004 - no rows, no patterns
            return pin
