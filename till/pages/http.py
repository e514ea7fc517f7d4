"""Requests and answers as the pages see them; no sockets here."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

MOST_VERSION = 64


@dataclass(frozen=True)
class Request:
    """One request; `page` is the path without its slash."""

    method: str
    page: str
    query: dict[str, str]
    form: dict[str, str]
    cookies: dict[str, str]
    closing_offer: str = ""  # the version that waits for closing time, as the screen says; empty = none
    update_notice: str = ""  # the version whose notice is due at sign-in, as the screen says

    @classmethod
    def parse(
        cls, method: str, target: str, cookie: str, body: bytes, *, closing_offer: str = "", update_notice: str = ""
    ) -> "Request":
        """From what came over the wire; of repeated fields the last one counts."""
        parts = urlsplit(target)
        return cls(
            method=method,
            page=parts.path.lstrip("/"),
            query=_fields(parts.query),
            form=_fields(body.decode("utf-8", "replace")),
            cookies=dict(_cookie(part) for part in cookie.split(";") if "=" in part),
            closing_offer=closing_offer[:MOST_VERSION],
            update_notice=update_notice[:MOST_VERSION],
        )


@dataclass
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)


def page(html: str, status: int = 200) -> Response:
    """An HTML page; never kept by the browser, since it shows money."""
    return Response(status, html.encode(), headers=[("Cache-Control", "no-store"), ("Content-Security-Policy", POLICY)])


def go_to(target: str) -> Response:
    """After something was done: look at the result (303, so that a reload repeats nothing)."""
    return Response(303, headers=[("Location", target), ("Cache-Control", "no-store")])


def as_json(answer: object) -> Response:
    """For programs."""
    return Response(200, json.dumps(answer).encode(), "application/json", [("Cache-Control", "no-store")])


def set_cookie(response: Response, name: str, value: str) -> None:
    """For this visit and these pages only; no Path, so that it stays where the screen shows the till."""
    response.headers.append(("Set-Cookie", f"{name}={value}; HttpOnly; SameSite=Strict"))


def _fields(text: str) -> dict[str, str]:
    try:
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=32).items()}
    except ValueError:  # more fields than any of our forms has
        return {}


def _cookie(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value
