"""What a person reads on a page."""

from __future__ import annotations

import re
from html import unescape
from typing import Protocol


class Answer(Protocol):
    """What a page came as: of Django itself, or of its test client."""

    @property
    def content(self) -> bytes: ...


_NOT_READ = re.compile(r"<(script|style|svg|head)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def text(answer: Answer) -> str:
    """The words of the page in one line, as a screen reader meets them."""
    body = _NOT_READ.sub(" ", answer.content.decode())
    return " ".join(unescape(_TAG.sub(" ", body)).split())


def main(answer: Answer) -> str:
    """The words inside the page's main part."""
    body = answer.content.decode()
    answer_part = body[body.index("<main") : body.index("</main>")]
    return " ".join(unescape(_TAG.sub(" ", _NOT_READ.sub(" ", answer_part))).split())
