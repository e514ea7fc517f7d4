"""Every link and every button of the console leads somewhere that works: followed from page to page as the operator's administrator, on a running server."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest

from tests.journeys.console.conftest import enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.journeys.console.conftest import Office

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Pages of lists that lead to more of the same; the first ones are enough.
SAME_MOST: Final = 3
_NUMBERS: Final = re.compile(r"\d+")


class Doors(HTMLParser):
    """Where a page leads: its links, its forms that ask, and where its other forms would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.asks: list[str] = []
        self.sends: list[str] = []
        self.ids: set[str] = set()
        self.buttons_outside = 0
        self._forms = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = dict(attrs)
        self.ids.add(words.get("id") or "")
        if tag == "a":
            self.links.append(words.get("href"))
        elif tag == "form":
            self._forms += 1
            (self.sends if words.get("method") == "post" else self.asks).append(words.get("action") or "")
        elif tag == "button" and not self._forms:
            self.buttons_outside += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._forms -= 1


class Crawl:
    """Follows what a page leads to; what is wrong is kept with the page that leads there."""

    def __init__(self, context: BrowserContext, top: str) -> None:
        self._context, self._top = context, top
        self._waiting: list[tuple[str, str]] = []
        self._known: set[str] = set()
        self._kinds: dict[str, int] = {}
        self._ids: dict[str, set[str]] = {}
        self.wrong: list[str] = []
        self._fragments: list[tuple[str, str, str]] = []

    @property
    def seen(self) -> int:
        return len(self._ids)

    def run(self, starts: list[str]) -> None:
        self._known |= set(starts)
        self._waiting += [("the test", start) for start in starts]
        while self._waiting:
            self._look(*self._waiting.pop())
        for leads, address, name in self._fragments:
            if address in self._ids and name not in self._ids[address]:
                self.wrong.append(f"{leads} -> {address}#{name}: no such place")

    def _meet(self, leads: str, link: str | None) -> None:
        if not link or link == "#":
            self.wrong.append(f"{leads}: a link to nowhere")
            return
        address, fragment = urldefrag(urljoin(self._top + leads if leads.startswith("/") else self._top, link))
        if urlsplit(address).netloc != urlsplit(self._top).netloc:
            self.wrong.append(f"{leads} -> {link}: another site")
            return
        path = address.removeprefix(self._top) or "/"
        if fragment:
            self._fragments.append((leads, path, fragment))
        kind = _NUMBERS.sub("n", path)
        if path in self._known or self._kinds.get(kind, 0) >= SAME_MOST:
            return
        self._known.add(path)
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        self._waiting.append((leads, path))

    def _look(self, leads: str, path: str) -> None:
        answer = self._context.request.get(self._top + path, max_redirects=5)
        if answer.status != 200:
            self.wrong.append(f"{leads} -> {path}: {answer.status}")
            return
        doors = Doors()
        doors.feed(answer.text())
        self._ids[path] = doors.ids
        if doors.buttons_outside:
            self.wrong.append(f"{path}: {doors.buttons_outside} buttons that belong to no form")
        for link in [*doors.links, *(each for each in doors.asks if each)]:
            self._meet(path, link)
        for action in doors.sends:
            self._send_nothing(path, urljoin(self._top + path, action or path))

    def _send_nothing(self, leads: str, address: str) -> None:
        """The address of a form answers; without its token nothing happens."""
        path = address.removeprefix(self._top)
        kind = "POST " + _NUMBERS.sub("n", path)
        if kind in self._kinds:
            return
        self._kinds[kind] = 1
        answer = self._context.request.post(address, form={"nothing": "at all"})
        if answer.status != 403:
            self.wrong.append(f"{leads} -> POST {path}: {answer.status}")


@pytest.mark.long
def test_every_link_and_button_leads_somewhere(office: Office, pages: dict[str, str], browser: Browser) -> None:
    context, _page = enter(browser, office)
    crawl = Crawl(context, office.address)
    meant = [path for path in pages.values() if path not in {"/terminals/NOWHERE", "/nowhere"}]
    crawl.run(meant)
    assert crawl.wrong == []
    assert crawl.seen > len(meant)
