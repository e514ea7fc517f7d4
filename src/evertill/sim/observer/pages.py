"""Pages as a person sees them: the console after signing in, and a terminal's own screen. What is read is the text that stands there."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

import httpx

from evertill.sim.observer.trouble import Silent

_CSRF: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_TAG: Final = re.compile(r"<[^>]*>")
_TIMEOUT_S: Final = 60.0


class PageSilent(Silent):
    """No page, or not the one that was asked for."""


class Console:
    """Signed in with a person's login and password, in one language after the other."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False, follow_redirects=True)
        self._login, self._password = login, password

    def page(self, path: str, language: str) -> str:
        """The page's HTML. Raises `PageSilent`."""
        text = self._get(path, language)
        if 'name="password"' in text:
            self._sign_in()
            text = self._get(path, language)
        return text

    def _sign_in(self) -> None:
        form = self._get("/sign-in/", "en")
        token = _CSRF.search(form)
        if token is None:
            raise PageSilent("/sign-in/ has no form")
        fields = {"login": self._login, "password": self._password, "csrfmiddlewaretoken": token[1]}
        try:
            answer = self._client.post(
                "/sign-in/", data=fields, headers={"Referer": f"{self._client.base_url}/sign-in/"}
            )
        except httpx.HTTPError as error:
            raise PageSilent(str(error)) from error
        if 'name="password"' in answer.text:
            raise PageSilent("/sign-in/ does not let us in")

    def _get(self, path: str, language: str) -> str:
        return fetch(self._client, path, language)


def screen_page(port: int, path: str, language: str) -> str:
    """A page of a terminal's screen. Raises `PageSilent`."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT_S, trust_env=False) as client:
        client.cookies.set("evertill_language", language)
        return fetch(client, path, language)


def fetch(client: httpx.Client, path: str, language: str) -> str:
    try:
        answer = client.get(path, headers={"Accept-Language": language})
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise PageSilent(f"{path}: {error}") from error
    return answer.text


def passage(page: str, start: str, end: str) -> str | None:
    """The words between two marks of the page's HTML, as they are read; None where the marks are not there."""
    _, found, rest = page.partition(start)
    inner, closed, _ = rest.partition(end)
    return " ".join(unescape(_TAG.sub(" ", inner)).split()) if found and closed else None
