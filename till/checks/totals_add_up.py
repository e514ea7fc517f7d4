"""Totals of the batch and of the day grow by exactly what was sold and refunded."""

from till.checks import Bench, Check, require
from till.clock import business_day
from till.journal import receipts, sales, totals

SALES_FEN = (1, 999, 20_00, 123_45)
REFUND_FEN = 10_00


def run(bench: Bench) -> str:
    """Sells four times, refunds once, and compares both totals with the sums made here."""
    with bench.trial() as operator:
        batch, day = sales.open_batch(bench.db), business_day(bench.clock.now())
        before = totals.of_batch(bench.db, batch), totals.of_day(bench.db, day)
        numbers = [bench.sell(operator, fen) for fen in SALES_FEN]
        refund_of = receipts.load(bench.db, numbers[-1]).entry_id
        order = sales.RefundOrder("self-test-refund", operator, operator, refund_of, REFUND_FEN)
        sales.record_refund(bench.db, order, bench.clock.now())
        after = totals.of_batch(bench.db, batch), totals.of_day(bench.db, day)
    for name, old, new in zip(("batch", "day"), before, after, strict=True):
        require(old.sale_count + len(SALES_FEN), new.sale_count, f"sales of the {name}")
        require(old.sale_fen + sum(SALES_FEN), new.sale_fen, f"fen sold in the {name}")
        require(old.refund_count + 1, new.refund_count, f"refunds of the {name}")
        require(old.net_fen + sum(SALES_FEN) - REFUND_FEN, new.net_fen, f"fen kept of the {name}")
    return "batch and day grew by what was sold, to the fen"


CHECK = Check("totals_add_up", run)
