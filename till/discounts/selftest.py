"""Self-test: a discounted sale is paid, printed and added up at what the customer pays."""

from till.checks import Bench, Check, require
from till.discounts.rules import amount_off, paying_percent
from till.journal import receipts, sales, totals

PRICE_FEN = 9_99


def run(bench: Bench) -> str:
    """Sells at 85 % and at 1 fen off, and looks at the sums."""
    with bench.trial() as operator:
        batch = sales.open_batch(bench.db)
        before = totals.of_batch(bench.db, batch)
        numbers = [
            bench.sell(operator, PRICE_FEN, paying_percent(PRICE_FEN, 85)),
            bench.sell(operator, PRICE_FEN, amount_off(PRICE_FEN, 1)),
        ]
        paid = [receipts.load(bench.db, number).total_fen for number in numbers]
        after = totals.of_batch(bench.db, batch)
    require([8_49, 9_98], paid, "what customers paid")
    require(before.sale_fen + sum(paid), after.sale_fen, "fen sold in the batch")
    return "discounted sales are paid and added up at their lower price"


CHECK = Check("discounts_apply", run)
