"""Icons, inlined into the page that uses them. Drawn in `assets/icons.svg`."""

import re
from functools import cache
from pathlib import Path

from till.pages.markup import Markup

SYMBOL = re.compile(r'<symbol id="i-([a-z]+)" viewBox="0 0 24 24">(.*?)</symbol>')


def icon(name: str) -> Markup:
    """One icon; words stand beside it, so it is hidden from screen readers."""
    return Markup(f'<svg class="i" viewBox="0 0 24 24" aria-hidden="true">{_drawings()[name]}</svg>')


@cache
def _drawings() -> dict[str, str]:
    path = Path(__file__).parent.parent / "assets" / "icons.svg"
    return dict(SYMBOL.findall(path.read_text(encoding="utf-8")))
