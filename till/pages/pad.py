"""The keypad: a form whose keys are buttons, so that it works without script; `pad.js` only makes it quicker.

What is typed is kept in the session. A post carries either one key or all that was typed; either with or without the
main button.
"""

from till.errors import Refused
from till.money import MOST_DIGITS, yuan
from till.pages.icons import icon
from till.pages.layout import token
from till.pages.markup import Markup, fill, join
from till.pages.visit import Visit

MOST_PIN_DIGITS = 12
KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9")
PAD = """<form id="pad" class="keypad" method="post" action="{action}" data-kind="{kind}" data-most="{most}" data-field="{field}" data-typed="{typed}">
{token}{hidden}{keys}
{left}<button class="key" name="key" value="0">0</button>
<button class="key soft" name="key" value="back" aria-label="{back}">{erase}</button></form>"""
KEY = '<button class="key" name="key" value="{key}">{key}</button>'
DOTS = '<span class="pin" role="status" aria-label="{label}" data-shows="pad">{dots}</span>'


def pressed(current: str, form: dict[str, str], field: str, most: int) -> str:
    """What is typed after this post; a key too many changes nothing.

    Raises:
        Refused: AMOUNT_NOT_DIGITS, AMOUNT_TOO_LARGE.
    """
    digits = form.get(field, current)
    if digits and not (digits.isascii() and digits.isdigit()):
        raise Refused("AMOUNT_NOT_DIGITS")
    if len(digits) > most:
        raise Refused("AMOUNT_TOO_LARGE")
    key = form.get("key", "")
    if key == "clear":
        return ""
    if key == "back":
        return digits[:-1]
    return digits + key if key.isascii() and key.isdigit() and len(digits + key) <= most else digits


def typed_amount(current: str, form: dict[str, str]) -> str:
    """As `pressed`, for an amount: zeros in front say nothing."""
    return pressed(current, form, "typed", MOST_DIGITS).lstrip("0")


def amount_pad(visit: Visit, action: str, typed: str, hidden: Markup | None = None) -> Markup:
    """Keys for an amount in fen; each change is told to the till."""
    double_zero = Markup('<button class="key" name="key" value="00">00</button>')
    return _pad(visit, action, "fen", "typed", MOST_DIGITS, typed, hidden, double_zero)


def pin_pad(visit: Visit, action: str, field: str, hidden: Markup | None = None) -> Markup:
    """Keys for a PIN; what is typed is never put into the page."""
    clear = fill('<button class="key soft" name="key" value="clear">{clear}</button>', clear=visit.say("Clear"))
    return _pad(visit, action, "pin", field, MOST_PIN_DIGITS, "", hidden, clear)


def pin_dots(visit: Visit, typed: str) -> Markup:
    """How many digits are typed, never which."""
    count = max(len(typed), 6)
    dots = join(Markup('<i class="set"></i>' if n < len(typed) else "<i></i>") for n in range(count))
    return fill(DOTS, label=visit.say("{n} digits typed", n=len(typed)), dots=dots)


def amount(fen: int, *, live: bool = False, kind: str = "") -> Markup:
    """An amount of money as a figure; `live` follows the keys."""
    shows = Markup(' data-shows="pad" aria-live="polite"') if live else None
    return fill('<output class="money {kind}"{shows}>{amount}</output>', kind=kind, shows=shows, amount=yuan(fen))


def _pad(
    visit: Visit, action: str, kind: str, field: str, most: int, typed: str, hidden: Markup | None, left: Markup
) -> Markup:
    return fill(
        PAD,
        action=action,
        kind=kind,
        most=most,
        field=field,
        typed=typed,
        token=token(visit),
        hidden=hidden,
        keys=join(fill(KEY, key=key) for key in KEYS),
        left=left,
        back=visit.say("Delete one digit"),
        erase=icon("erase"),
    )
