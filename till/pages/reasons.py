"""Refusals in words: what is so, and what to do. Codes come last on the screen; a test checks that each has its
words.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from till.errors import Refused
from till.money import written
from till.texts import Say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from till.features import Feature

BAD_INPUT = 422
WRONG_TOKEN = 403
NOT_FOUND = 404
CONFLICT = 409


@dataclass(frozen=True)
class Words:
    """How a code looks and reads; `state` names the colour and the glyph."""

    state: str
    fact: str
    advice: str = ""
    status: int = CONFLICT


WORDS: dict[str, Words] = {
    "CHANGING_VERSION": Words(
        "wait", "Changing to a new version.", "Take the payment in a few seconds; nothing is lost."
    ),
    "PROVING": Words("wait", "The new version is being checked.", "Selling goes on by itself when it is done."),
    "STOPPING": Words("wait", "The till is stopping.", "Take the payment in a few seconds."),
    "SALE_IN_PROGRESS": Words("ask", "A sale is in progress.", "Finish it or clear it, then settle."),
    "AMOUNT_ZERO": Words("ask", "There is no amount yet.", "Type the amount first.", BAD_INPUT),
    "AMOUNT_NOT_DIGITS": Words("ask", "An amount has digits only.", "Type it on the keys.", BAD_INPUT),
    "AMOUNT_TOO_LARGE": Words("ask", "One cash sale goes up to ¥999,999.99.", "Split it into two.", BAD_INPUT),
    "AMOUNT_CHANGED": Words("ask", "The amount has changed since this page was shown.", "Check it and go on."),
    "CASH_TOO_LITTLE": Words("ask", "¥{missing} is missing.", "Type what the customer gave.", BAD_INPUT),
    "FORM_USED": Words("ask", "This form was already recorded as {number}.", "Look at the receipts before you go on."),
    "REFUND_TOO_LARGE": Words("ask", "That is more than can still be refunded.", "Type a smaller amount.", BAD_INPUT),
    "RECEIPT_UNKNOWN": Words("ask", "There is no receipt with this number.", "Choose it from the list.", NOT_FOUND),
    "NOT_REFUNDABLE": Words("ask", "Nothing of this receipt can be refunded.", "Choose another receipt."),
    "PIN_WRONG": Words("ask", "Wrong PIN. {left} tries left.", "", BAD_INPUT),
    "PIN_LOCKED": Words("wait", "5 wrong PINs. Try again after {until}.", "Others can sign in and sell."),
    "PIN_TOO_SHORT": Words("ask", "A PIN has 6 to 12 digits.", "", BAD_INPUT),
    "PIN_TRIVIAL": Words("ask", "Anybody would try this PIN.", "No rows, repeats or pairs.", BAD_INPUT),
    "PIN_DIFFERENT": Words("ask", "The two PINs differ.", "Type the new PIN again, twice.", BAD_INPUT),
    "OPERATOR_UNKNOWN": Words("ask", "There is no such operator.", "Choose one from the list.", NOT_FOUND),
    "OPERATORS_FULL": Words("ask", "All 98 cashier numbers are taken.", "Take somebody off the list first."),
    "NOT_ALLOWED": Words("ask", "Only the supervisor can do this.", "Sign in as 00.", WRONG_TOKEN),
    "CSRF_WRONG": Words("ask", "This page was too old.", "Please do it again; nothing was recorded.", WRONG_TOKEN),
    "PAGE_UNKNOWN": Words("ask", "There is no such page.", "Go back to selling.", NOT_FOUND),
    "DISK_FULL": Words("need", "The disk is full; nothing was recorded.", "Call support. Give no receipt by hand."),
    "JOURNAL_DAMAGED": Words(
        "need", "The journal cannot be read; nothing was recorded.", "Call support. Give no receipt by hand."
    ),
    "JOURNAL_NOT_WRITTEN": Words(
        "need", "The disk did not take it; nothing was recorded.", "Try once more, then call support."
    ),
}


def words(code: str, features: "Sequence[Feature]") -> Words:
    """The words for a code; one without words is a bug."""
    return next((feature.words[code] for feature in features if code in feature.words), None) or WORDS[code]


def fact(say: Say, found: Words, refused: Refused) -> str:
    """What is so, with its figures."""
    facts = dict(refused.facts)
    if isinstance(missing := facts.get("missing_fen"), int):
        facts["missing"] = written(missing)
    if isinstance(until := facts.get("until"), str):
        facts["until"] = say.clock(datetime.fromisoformat(until))
    return say(found.fact, **facts)
