"""Building HTML from templates: every value is escaped unless it is markup already."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, /, **values: object) -> Markup:
    """A template with `{name}` places; None fills with nothing."""
    return Markup(template.format_map({name: _html(value) for name, value in values.items()}))


def join(parts: Iterable[Markup]) -> Markup:
    """Pieces of markup one after another."""
    return Markup("".join(parts))


def _html(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, Markup) else escape(str(value))
