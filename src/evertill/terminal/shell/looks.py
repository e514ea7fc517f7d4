"""How pages look: the shared tokens, components and icons, this screen's own sheet and script, and the templates.

Rules kept here: every asset is read once and named with the hash of its content, so a browser keeps it and an update of the
screen is seen at once; templates escape everything; an unknown name in a template is an error, never an empty place.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evertill import look

_HERE: Final = Path(__file__).parent
_SYMBOL = re.compile(r'<symbol id="i-([a-z]+)" viewBox="0 0 24 24">(.*?)</symbol>', re.DOTALL)
_ASSETS: Final = (
    (look.FOLDER / "tokens.css", "text/css; charset=utf-8"),
    (look.FOLDER / "components.css", "text/css; charset=utf-8"),
    (_HERE / "static" / "screen.css", "text/css; charset=utf-8"),
    (_HERE / "static" / "screen.js", "text/javascript; charset=utf-8"),
)


class Asset(NamedTuple):
    body: bytes
    content_type: str
    url: str


@cache
def assets() -> dict[str, Asset]:
    """By file name."""
    found = {}
    for path, content_type in _ASSETS:
        body = path.read_bytes()
        version = hashlib.sha256(body).hexdigest()[:12]
        found[path.name] = Asset(body, content_type, f"/look/{path.name}?{version}")
    return found


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def icon(name: str) -> Markup:
    """One icon, drawn in place; words stand beside it, so screen readers skip it."""
    return Markup('<svg class="i" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>').format(
        _drawings()[name]
    )


@cache
def _drawings() -> dict[str, Markup]:
    drawn = (look.FOLDER / "icons.svg").read_text(encoding="utf-8")
    return {name: Markup(body) for name, body in _SYMBOL.findall(drawn)}  # noqa: S704 - our own file
