"""What a discount is: less than the price, and the customer still pays something."""

import sqlite3
from dataclasses import dataclass

from till.errors import Refused
from till.money import share

LEAST_PERCENT, MOST_PERCENT = 1, 99


@dataclass(frozen=True)
class Discount:
    """Money off one sale; `percent` is what the customer pays of the price (75 = 7.5折), None if an amount was typed."""

    off_fen: int
    percent: int | None = None

    def write(self, db: sqlite3.Connection, sale_id: int) -> None:
        """Records it beside its sale."""
        db.execute(
            "INSERT INTO discounts (sale_id, percent, off_fen) VALUES (?, ?, ?)", (sale_id, self.percent, self.off_fen)
        )


def paying_percent(gross_fen: int, percent: int) -> Discount:
    """The customer pays `percent` of the price, half a fen rounded up.

    Raises:
        Refused: DISCOUNT_PERCENT, DISCOUNT_TOO_LARGE, DISCOUNT_NOTHING.
    """
    if not LEAST_PERCENT <= percent <= MOST_PERCENT:
        raise Refused("DISCOUNT_PERCENT")
    return _checked(gross_fen, Discount(gross_fen - share(gross_fen, percent), percent))


def amount_off(gross_fen: int, off_fen: int) -> Discount:
    """A fixed amount off.

    Raises:
        Refused: DISCOUNT_TOO_LARGE, DISCOUNT_NOTHING.
    """
    return _checked(gross_fen, Discount(off_fen))


def _checked(gross_fen: int, discount: Discount) -> Discount:
    if discount.off_fen <= 0:
        raise Refused("DISCOUNT_NOTHING")
    if discount.off_fen >= gross_fen:
        raise Refused("DISCOUNT_TOO_LARGE")
    return discount
