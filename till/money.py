"""Money is a whole number of fen (¥1 = 100 fen). No floats anywhere."""

from till.errors import Refused

MOST_DIGITS = 8  # 999,999.99: what the display shows and one cash sale can be


def written(fen: int) -> str:
    """1234500 → "12,345.00"; a minus sign comes first."""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}{yuan:,}.{rest:02d}"


def yuan(fen: int) -> str:
    """As people read it: "¥12.50", "-¥12.50"."""
    return f"-¥{written(-fen)}" if fen < 0 else f"¥{written(fen)}"


def typed_fen(digits: str) -> int:
    """The amount that was typed, in fen from the right: "1250" is 12.50, "" is 0.

    Raises:
        Refused: AMOUNT_NOT_DIGITS, AMOUNT_TOO_LARGE.
    """
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdigit()):
        raise Refused("AMOUNT_NOT_DIGITS")
    if len(digits.lstrip("0")) > MOST_DIGITS:
        raise Refused("AMOUNT_TOO_LARGE")
    return int(digits)


def share(fen: int, percent: int) -> int:
    """`percent` of an amount, half a fen rounded up (to the customer's 9.5 fen the till says 10)."""
    return (fen * percent + 50) // 100
