"""Pages by id: the number that a page's address carries, and where the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

_DIGITS_MOST = 18  # what fits a database's integer


def number(request: HttpRequest, name: str) -> int | None:
    """A number in the query; None where it is missing or no number: then the list begins at its start."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MOST else None
