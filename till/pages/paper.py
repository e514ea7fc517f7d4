"""A receipt as the customer gets it: what was paid, when, to whom. The self-test renders it too, so it needs no
request.
"""

from sqlite3 import Connection
from typing import TYPE_CHECKING

from till.journal.receipts import Receipt
from till.money import yuan
from till.pages.markup import Markup, fill, join
from till.texts import Say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from till.features import Feature

ROW = "<div><dt>{label}</dt><dd>{value}</dd></div>"


def receipt_paper(db: Connection, say: Say, receipt: Receipt, features: "Sequence[Feature]") -> Markup:
    """The receipt on the screen."""
    rows = receipt_rows(db, say, receipt, features)
    return fill(
        '<dl class="paper card">{rows}</dl>', rows=join(fill(ROW, label=label, value=value) for label, value in rows)
    )


def receipt_rows(db: Connection, say: Say, receipt: Receipt, features: "Sequence[Feature]") -> list[tuple[str, str]]:
    """What stands on it, line by line."""
    rows: list[tuple[str, str]] = []
    if receipt.gross_fen != receipt.total_fen:
        rows.append((say("Price"), yuan(receipt.gross_fen)))
        lines = (line for feature in features for line in feature.receipt_lines(db, say, receipt.entry_id))
        rows += [(line.label, yuan(line.fen)) for line in lines]
    if receipt.kind == "sale":
        rows.append((say("Paid"), yuan(receipt.total_fen)))
        rows += [(say("Cash given"), yuan(receipt.given_fen)), (say("Change"), yuan(receipt.change_fen))]
    else:
        rows += [(say("Refunded"), yuan(receipt.total_fen)), (say("Of receipt"), receipt.refunds_number or "")]
    if receipt.refunded_fen:
        rows.append((say("Refunded since"), yuan(receipt.refunded_fen)))
    rows += [
        (say("Receipt"), receipt.number),
        (say("Time"), say.moment(receipt.at)),
        (say("Operator"), receipt.operator),
    ]
    if receipt.approved_by:
        rows.append((say("Approved by"), receipt.approved_by))
    return rows
